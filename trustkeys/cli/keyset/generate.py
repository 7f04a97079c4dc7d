"""``trustkeys keyset generate``."""

from __future__ import annotations

from trustkeys.cli import options
from trustkeys.cli.command import command
from trustkeys.cli.terminal import json_bytes, warn, write_result
from trustkeys.cli.times import Time, validity, warn_of_dates
from trustkeys.errors import InvalidInputError

__tracebackhide__ = True


@command(epilog=options.TIMES_HELP)
@options.key_set_file
@options.key_kind
@options.nbf()
@options.exp()
@options.cloud
@options.json_errors
def generate(
    file: str,
    password_file: str | None,
    use: str | None,
    kty: str | None,
    size: int | None,
    nbf: Time | None,
    exp: Time | None,
    base_url: str,
) -> None:
    """Generate a key and add it. Print what Graph would answer."""
    from trustkeys.cli.inputs import edit
    from trustkeys.keyset.origin import is_from_outside

    start, end = validity(nbf, exp)
    with edit(file, password_file) as keys:
        others = [*keys]
        if others and not any(key.has_private for key in others):
            raise InvalidInputError(
                f"{file} has only public keys, and can be published as it is: generate a private "
                "key in a set of its own (trustkeys keyset create)"
            )
        key = keys.generate_key(use, kty, nbf=start, exp=end, size=size)
    if any(map(is_from_outside, others)):
        command = "secret" if key.kty == "oct" else "add"
        warn(
            "somebody else issued other keys of the set, and does not know this one: to add their "
            f'next one, use "trustkeys keyset {command}"'
        )
    warn_of_dates(start, end)
    write_result(json_bytes(key.to_graph(base_url=base_url)), file)
