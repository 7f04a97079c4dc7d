"""Dates of keys that are surely mistakes: refused as options, warned about in a request body."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.cli.in_process import outcome
from tests.support import failed, parse
from trustkeys import TrustFrameworkKeySet, store, testing
from trustkeys.cli.main import group
from trustkeys.cli.params import TIME

NOT = "not seconds since 1970: write"
MISTAKES = {
    "2027": f"looks like a year, {NOT} 2027-01-01T00:00:00Z, or 1798761600",
    "20270131": f"looks like a date, {NOT} 2027-01-31T00:00:00Z, or 1801353600",
    "202701311200": "looks like a date and time",
    "1798761600000": f"looks like milliseconds, {NOT} 2027-01-01T00:00:00Z, or ",
    "1798761600000000": "looks like microseconds",
}
KIND = ("--use", "sig", "--kty", "oct")


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    with testing.instant_keys(), testing.allow_test_keys():
        keys = TrustFrameworkKeySet("a")
        key = keys.generate_key("sig", "RSA")
        store.save(keys, "set", plain=True)
        store.save(TrustFrameworkKeySet("b"), "empty", plain=True)
        for name in ("key", "secret"):
            (tmp_path / name).write_text(json.dumps(key.to_jwk(private=True)))
            (tmp_path / name).chmod(0o600)
        yield tmp_path


def dated(key: str) -> dict[str, tuple[str, ...]]:
    """Return a call of each command that takes the dates of a key, without them."""
    return {
        "generate": ("generate", *KIND, "-o", "new"),
        "batch": ("batch", *KIND, "--count", "2", "--jsonl", "new"),
        "import": ("import", "key", "-o", "new"),
        "export": (
            *("export", "set", "--format", "certificate", "--subject", "CN=a", "-o", "new"),
            *("--kid", key),
        ),
        "keyset generate": ("keyset", "generate", "set"),
        "keyset add": ("keyset", "add", "empty", "key"),
        "keyset certify": ("keyset", "certify", "set", key, "--subject", "CN=a"),
        "keyset rollover": ("keyset", "rollover", "set"),
        "keyset rotate": ("keyset", "rotate", "set", "--every", "1y"),
        "keyset secret": ("keyset", "secret", "set"),  # refused before it asks for the secret
    }


def contents(files: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in files.iterdir() if path.suffix != ".lock"}


def commands(command: click.Command, name: str = "") -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for each in command.list_commands(context):
            found = command.get_command(context, each)
            assert found is not None
            yield from commands(found, f"{name} {each}".strip())
    else:
        yield name, command


def date_options(command: click.Command) -> list[str]:
    """Return the options that set a date of a key."""
    times = [param for param in command.params if param.type is TIME]
    # Of the others, --at and --until ask about a time.
    return [max(param.opts, key=len) for param in times if param.name in ("nbf", "exp", "start")]


def test_every_command_with_dates_of_keys_has_the_option_that_allows_any() -> None:
    found = {name for name, command in commands(group) if date_options(command)}
    assert found == set(dated(""))
    for name, command in commands(group):
        has_consent = any(param.name == "any_date" for param in command.params)
        assert has_consent == (name in found)


def test_no_command_takes_a_date_that_is_surely_a_mistake(files: Path) -> None:
    (key,) = store.load("set")
    before = contents(files)
    for name, command in commands(group):
        for option in date_options(command):
            for date, meaning in MISTAKES.items():
                message = failed(outcome(*dated(key.kid)[name], option, date), 2)
                assert message.startswith(f"{option} {date} {meaning}")
                assert message.endswith("; or allow it with --any-date")
            message = failed(outcome(*dated(key.kid)[name], option, "9999-12-31"), 2)
            assert message.startswith(f"{option}, 9999-12-31T00:00:00Z, is over 79")
    assert contents(files) == before


def test_a_validity_of_over_a_century_counts_from_its_start(files: Path) -> None:
    before = contents(files)
    dates = ("--nbf", "2090-01-01", "--exp")
    assert "is over 110 years after nbf" in failed(
        outcome("keyset", "generate", "set", *dates, "2200-01-01"), 2
    )
    assert "--at, 2200-01-01T00:00:00Z, is over " in failed(
        outcome("keyset", "rollover", "set", "--at", "2200-01-01"), 2
    )
    rotate = ("keyset", "rotate", "set", "--every", "1y")
    for more in (("--count", "101"), ("--overlap", "100y")):
        assert failed(outcome(*rotate, *more), 2) == (
            "--every, --overlap and --count lead to dates over 100 years away; or allow it with "
            "--any-date"
        )
    assert contents(files) == before
    assert outcome("keyset", "generate", "set", *dates, "2180-01-01").returncode == 0
    assert outcome(*rotate, "--count", "2", "--overlap", "96y").returncode == 0


def test_a_question_about_a_time_is_not_asked_with_a_mistake(files: Path) -> None:
    for name, command in commands(group):
        for param in command.params:
            if param.type is TIME and param.name in ("at", "until") and "roll" not in name:
                option = f"--{param.name}"
                call = (*dated("").get(name, (*name.split(), "set")), option)
                message = failed(outcome(*call, "2027"), 2)
                hint = "; or allow it with --any-date" if name in dated("") else ""
                assert message == f"{option} 2027 {MISTAKES['2027']}{hint}"


def test_any_date_allows_what_a_date_says(files: Path) -> None:
    (key,) = store.load("set")
    asked = dated(key.kid)
    del asked["keyset secret"], asked["keyset rotate"]
    for name in ("export", "keyset certify"):
        asked[name] = (*asked[name], "--nbf", "2020-01-01")
    for call in asked.values():
        process = outcome(*call, "--exp", "9999-12-31", "--any-date")
        assert process.returncode == 0, process
        assert "years" not in process.stderr
        (files / "new").unlink(missing_ok=True)
    assert [key.exp for key in store.load("set")] == [None, 253402214400, 253402214400]
    for start in ("2200-01-01", "20270131"):
        call = ("keyset", "rotate", "set", "--every", "200y", "--start", start, "--any-date")
        assert "years" not in outcome(*call).stderr


def test_an_end_in_the_past_is_warned_about_in_every_command_that_makes_a_key(
    files: Path,
) -> None:
    warning = "the key has already expired, at 2020-01-01T00:00:00Z\n"
    asked = dated("")
    for name in ("export", "keyset certify", "keyset secret", "keyset rotate"):
        del asked[name]
    asked["keyset rollover"] = (*asked["keyset rollover"], "--at", "2019-01-01")
    for call in asked.values():
        process = outcome(*call, "--exp", "2020-01-01")
        assert process.returncode == 0
        assert process.stderr.endswith(warning)
        assert process.stderr.count("expired") == 1
        (files / "new").unlink(missing_ok=True)


def test_a_file_that_brings_a_strange_date_is_taken_with_a_warning(files: Path) -> None:
    jwk = {**parse((files / "key").read_text()), "exp": 2027}
    (files / "key").write_text(json.dumps(jwk))
    for call in (("import", "key", "-o", "new"), ("keyset", "add", "empty", "key")):
        process = outcome(*call)
        assert process.returncode == 0
        assert f"trustkeys: warning: key: exp 2027 {MISTAKES['2027']}\n" in process.stderr


def test_a_request_body_is_taken_as_it_is_with_one_warning(files: Path) -> None:
    bodies: list[dict[str, object]] = [
        {"use": "sig", "kty": "oct"},
        {"use": "sig", "kty": "oct", "exp": 2027},
        {"use": "sig", "kty": "oct", "exp": 1600000000},
        {"use": "sig", "kty": "oct", "nbf": 1798761600000},
    ]
    warnings = [
        "",
        f"exp 2027 {MISTAKES['2027']}",
        "the key has already expired, at 2020-09-13T12:26:40Z",
        f"nbf 1798761600000 {MISTAKES['1798761600000']}1798761600",
    ]
    for body, warning in zip(bodies, warnings, strict=True):
        (files / "body").write_text(json.dumps(body))
        process = outcome("generate", "--request", "body", "-o", "-")
        assert process.stderr == (f"trustkeys: warning: body: {warning}\n" if warning else "")
        key = parse(process.stdout)
        assert {name: key[name] for name in body} == body
        assert (
            "look" not in outcome("generate", "--request", "body", "-o", "-", "--any-date").stderr
        )
    (files / "lines").write_text("\n".join(map(json.dumps, [*bodies, *bodies])))
    process = outcome("batch", "--requests", "lines", "--jsonl", "new")
    assert process.returncode == 0
    (warned,) = [line for line in process.stderr.splitlines() if "warning" in line]
    assert warned == (
        "trustkeys: warning: lines: the dates of 6 keys look like mistakes; the first is line 2: "
        f"{warnings[1]}"
    )


def test_a_list_of_secrets_has_no_mistaken_dates_either(files: Path) -> None:
    secrets = TrustFrameworkKeySet("c")
    store.save(secrets, "secrets", plain=True)
    before = contents(files)
    call = ("keyset", "secret", "secrets", "--requests", "list")
    for date in (2027, "2027"):
        (files / "list").write_text(json.dumps({"use": "sig", "k": "x" * 40, "exp": date}))
        message = failed(outcome(*call), 2)
        assert message == f"list: line 1: exp 2027 {MISTAKES['2027']}; or allow it with --any-date"
        (files / "list").unlink()
        assert contents(files) == before
    (files / "list").write_text(json.dumps({"use": "sig", "k": "x" * 40, "exp": 1600000000}))
    assert outcome(*call).stderr.endswith(
        "list: line 1: the key has already expired, at 2020-09-13T12:26:40Z\n"
    )


@pytest.mark.deep
@pytest.mark.parametrize("consent", [(), ("--any-date",)])
@pytest.mark.parametrize(
    "text",
    [
        *("0001-01-01T00:00+14:00", "0001-01-01T00:00-14:00", "1969-12-31T23:59:59Z"),
        *("9999-12-31T23:59-14:00", "9999-12-31T23:59:59.999999-23:59", "9999-12-31T24:00"),
        *("9999-12-31T23:59:59+14:00", "2027-01-01T00:00+24:00", "9999-W53-7", "-1", "0"),
        *("253402300799", "253402300800", "9223372036854775807", "9223372036854775808"),
        *("99999999999999999999", "-99999999999999999999", "+99999999999999999999y"),
        *("+99999999999y", "+999999999999d", "+292277024569y", "+20000y"),
    ],
)
def test_no_time_is_too_early_or_too_late_for_an_answer(
    files: Path, text: str, consent: tuple[str, ...]
) -> None:
    """Each command does what it is asked, or says in one line what is allowed."""
    key = store.load("set").get_active_key().kid
    for name, command in commands(group):
        times = [param for param in command.params if param.type is TIME]
        has_consent = consent if name in dated("") else ()
        for option in (max(param.opts, key=len) for param in times):
            (files / "new").unlink(missing_ok=True)
            (files / "new.run").unlink(missing_ok=True)
            call = dated(key).get(name, (*name.split(), "set"))
            other = ("--nbf", "0") if option == "--exp" and "--subject" in call else ()
            if option == "--nbf" and "--subject" in call:
                other = ("--exp", "2030-01-01")
            # Reads no file of secrets: the times are read before.
            process = outcome(*call, option, text, *other, *has_consent)
            assert process.returncode in range(5), process
            assert "Traceback" not in process.stderr
            # Every file that was written can be shown.
            for question in ("show", "check", "active"):
                shown = outcome("keyset", question, "set", "--at", "2027-01-01")
                assert shown.returncode in (0, 3, 4), shown
            (files / "set").unlink()
            store.save(TrustFrameworkKeySet("a", [testing.rsa_key(8000)]), "set", plain=True)
            key = store.load("set").get_active_key().kid
