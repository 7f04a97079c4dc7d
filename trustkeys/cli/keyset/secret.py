"""``trustkeys keyset secret``."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import click

from trustkeys.cli import options
from trustkeys.cli.command import command
from trustkeys.cli.params import INPUT, TIME
from trustkeys.cli.terminal import json_bytes, read_input, write_result
from trustkeys.cli.times import Time, parse_time, validity, warn_of_dates
from trustkeys.core.numericdate import numeric_date
from trustkeys.errors import InvalidInputError, MissingUseError, prefix_errors
from trustkeys.wording import quoted, shape

__tracebackhide__ = True

_EPILOG = f"""\b
Examples:
  trustkeys keyset secret facebook.keys --nbf 2027-03-01
  trustkeys keyset secret facebook.keys --requests secrets.jsonl

Each line of --requests is the body of Graph's uploadSecret, whose dates can also be written as T:

\b
  {{"use": "sig", "k": "the secret", "nbf": "2027-03-01", "exp": 1811808000}}

{options.TIMES_HELP}"""


@command(epilog=_EPILOG)
@options.key_set_file
@options.use("sig or enc. Default: as the set's other keys.")
@options.nbf()
@options.exp()
@click.option(
    "--requests",
    "requests_file",
    type=INPUT,
    metavar="FILE",
    help="Read several secrets with their dates, one JSON object in each line; -: from standard "
    "input.",
)
@options.cloud
@options.json_errors
def secret(
    file: str,
    password_file: str | None,
    use: str | None,
    nbf: Time | None,
    exp: Time | None,
    requests_file: str | None,
    base_url: str,
) -> None:
    """Add a secret text, or several from a file.

    Graph's uploadSecret does the same. Type the secret at the prompt, which does not show it, or
    pass it on standard input. One line end at its end is removed.
    """
    from trustkeys import store
    from trustkeys.cli import passphrases
    from trustkeys.cli.inputs import edit_with, passphrase

    if requests_file is None and password_file == "-":  # noqa: S105 - a name
        raise click.UsageError("standard input is the secret: --password-file must be a file")
    if requests_file is not None and (use, nbf, exp) != (None, None, None):
        raise click.UsageError("--requests replaces --use, --nbf and --exp: leave them out")
    start, end = validity(nbf, exp)
    # Fail before a secret is typed.
    password = passphrase(file, password_file)
    with warnings.catch_warnings(action="ignore"):  # the second reading warns
        there = store.load(file, password=password)
    if requests_file is not None:
        secrets = [*_listed(requests_file)]
    else:
        if use is None and there.use is None:
            raise MissingUseError
        text = passphrases.secret(f"Secret to add to {file}")
        secrets = [("", {"secret": text, "use": use, "nbf": start, "exp": end})]
    with edit_with(file, password) as keys:
        added = []
        for line, members in secrets:
            with prefix_errors(line) if line else nullcontext():
                added.append(keys.upload_secret(**members))
    for (line, _), key in zip(secrets, added, strict=True):
        warn_of_dates(key.nbf, key.exp, line or None)
    shown = [key.to_graph(base_url=base_url) for key in added]
    write_result(json_bytes(shown[0] if requests_file is None else {"value": shown}), file)


def _listed(path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return the name of each line, and the arguments of `TrustFrameworkKeySet.upload_secret`."""
    from trustkeys.core.strict_json import MAX_SET_BYTES, parse_object
    from trustkeys.core.utf8 import as_utf8
    from trustkeys.formats.answers import MAX_KEYS

    data = read_input(path, MAX_SET_BYTES)
    if len(data) > MAX_SET_BYTES:
        raise InvalidInputError(f"{path}: the secrets must have at most {MAX_SET_BYTES} bytes")
    data = as_utf8(data)
    if not data.strip():
        raise InvalidInputError(f"{path}: there is no secret")
    count = 0
    for number, text in enumerate(data.splitlines(), 1):
        if text.strip():
            line = f"{path}: line {number}"
            count += 1
            if count > MAX_KEYS:  # no set has room for them, and all would be held in memory
                raise InvalidInputError(f"{line}: a key set has at most {MAX_KEYS} keys")
            with prefix_errors(line):
                body = parse_object(text, what="the body")
                for name in body:
                    if name not in ("use", "k", "nbf", "exp"):
                        raise InvalidInputError(
                            f"a secret has use, k, nbf and exp, not {quoted(name)}"
                        )
                start, end = (_time(body.get(name), name) for name in ("nbf", "exp"))
                nbf, exp = validity(start, end, prefix="")
            yield line, {"secret": body.get("k"), "use": body.get("use"), "nbf": nbf, "exp": exp}


def _time(date: Any, name: str) -> Time | None:
    """Read a date of a body, a number as in Graph or a text as in an option."""
    if isinstance(date, str):
        if parse_time(date) is None:  # it could be the secret, and an option shows what it refuses
            raise InvalidInputError(f"{name} must be a time T, not {shape(date)}", target=name)
        return TIME.convert(date, click.Argument([name], metavar=name), None)
    return None if date is None else Time(numeric_date(date, name))
