"""An option with a wrong value names itself, the value and what to type instead."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import pytest
from click.shell_completion import CompletionItem
from hypothesis import given
from hypothesis import strategies as st

from tests.support import WINDOWS
from trustkeys.cli import params
from trustkeys.cli.times import Time
from trustkeys.errors import InvalidInputError


@click.command()
@click.argument("source", type=params.INPUT, required=False)
@click.option("--use", type=params.USE)
@click.option("--kty", type=params.KTY)
@click.option("--exp", type=params.TIME)
@click.option("--every", type=params.DURATION, default=60)
@click.option("--start", type=params.TIME, default=Time(5))
@click.option("--password-file", type=params.INPUT)
@click.option("-o", "--output", type=params.NEW_FILE)
@click.option("--svg", type=params.NEW_FILE_OR_STDOUT)
def command(**values: Any) -> dict[str, Any]:
    return values


def run(*args: str) -> dict[str, Any]:
    values: dict[str, Any] = command.main(list(args), standalone_mode=False)
    return values


def test_values_come_in_the_spelling_of_the_rfcs_and_as_numbers() -> None:
    values = run("--use", "SIG", "--kty", "OCT", "--exp", "+1d", "--every", "2h")
    assert (values["use"], values["kty"]) == ("sig", "oct")
    assert (values["exp"], values["every"]) == (Time(86400, "start"), 7200)


def test_defaults_need_no_text() -> None:
    values = run()
    assert (values["every"], values["start"]) == (60, Time(5))


@pytest.mark.parametrize(
    ("args", "message", "code", "target"),
    [
        (
            ["--use", "sign"],
            "--use must be sig or enc, not 'sign'",
            "AADB2C95033",
            "use",
        ),
        (["--kty", "EC"], "--kty must be RSA or oct, not 'EC'", "AADB2C95031", "kty"),
        (
            ["--exp", "20270131"],
            (
                "--exp 20270131 looks like a date, not seconds since 1970: write "
                "2027-01-31T00:00:00Z, or 1801353600"
            ),
            "BadRequest",
            "exp",
        ),
        (
            ["--exp", "-1"],
            "--exp must be from 0 to 9223372036854775807 seconds since 1970, not '-1'",
            "BadRequest",
            "exp",
        ),
        (
            ["--exp", "0001-01-01T00:00+14:00"],
            (
                "--exp must be from 0 to 9223372036854775807 seconds since 1970, not "
                "'0001-01-01T00:00+14:00'"
            ),
            "BadRequest",
            "exp",
        ),
        (
            ["--exp", "tomorrow"],
            (
                "--exp must be seconds since 1970, a date or time such as 2027-01-31 or "
                "2027-01-31T12:00:00Z, now, or a time from now such as +90d "
                "(s, min, h, d, w, y), not 'tomorrow'"
            ),
            "BadRequest",
            "exp",
        ),
        (
            ["--every", "90"],
            "--every must be a number and a unit such as 90d (s, min, h, d, w, y), not '90'",
            "BadRequest",
            "every",
        ),
    ],
)
def test_a_wrong_value_is_shown_with_what_is_allowed(
    args: list[str], message: str, code: str, target: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        run(*args)
    error = caught.value
    assert (error.message, error.code, error.target) == (message, code, target)


@given(
    st.text("0123456789", max_size=21)
    | st.text("0123456789+-:.TZWsmindhwy ", max_size=30)
    | st.from_regex(r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5]9([+-][0-2][0-9]:59)?")
)
def test_any_text_is_a_time_that_graph_can_carry_or_an_error(text: str) -> None:
    with suppress(InvalidInputError):
        assert 0 <= params.TIME.convert(text, None, None).seconds < 2**63


@pytest.mark.parametrize("value", ["x" * 65, "\x1b[2J"])
def test_a_value_that_no_terminal_should_show_is_described(value: str) -> None:
    with pytest.raises(InvalidInputError, match=rf"not a string of {len(value)} characters"):
        run("--use", value)


def test_standard_input_is_read_once() -> None:
    assert run("-")["source"] == "-"
    assert run("a", "--password-file", "-")["password_file"] == "-"
    with pytest.raises(click.UsageError) as caught:
        run("-", "--password-file", "-")
    assert caught.value.message == (
        "standard input can be read only once: --password-file and SOURCE are both -"
    )


def test_an_output_must_be_new(tmp_path: Path) -> None:
    new, old, link = (tmp_path / name for name in ("new", "old", "link"))
    old.write_bytes(b"key")
    if WINDOWS:
        link = old
    else:
        link.symlink_to(new)
    assert run("-o", str(new), "--svg", "-")["output"] == str(new)
    for there in (old, link):
        with pytest.raises(FileExistsError) as caught:
            run("-o", str(there))
        assert caught.value.filename == str(there)
    with pytest.raises(click.UsageError, match="--output must be a file, not -"):
        run("-o", "-")


@pytest.mark.parametrize(
    ("option", "typed", "values"),
    [("--use", "S", ["sig"]), ("--kty", "", ["RSA", "oct"]), ("--kty", "O", ["oct"])],
)
def test_values_complete_in_any_case(option: str, typed: str, values: list[str]) -> None:
    param = next(each for each in command.params if option in each.opts)
    context = click.Context(command, resilient_parsing=True)
    completed: list[CompletionItem] = param.shell_complete(context, typed)
    assert [item.value for item in completed] == values
