"""Keys out of files: those that trustkeys keeps, and those that come from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import click

from trustkeys import store
from trustkeys.cli import passphrases, values
from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.numericdate import date_text
from trustkeys.core.strict_json import parse_object
from trustkeys.errors import InvalidInputError, prefix_errors
from trustkeys.formats.jwe import MAX_TEXT
from trustkeys.formats.reading import FORMS, Form, read_key, recognise
from trustkeys.formats.sealed import Recipient
from trustkeys.keyset.keyset import TrustFrameworkKeySet, read_key_set

__tracebackhide__ = True

T = TypeVar("T")


def stored(file: str) -> store.StoredFile:
    """Read a file of trustkeys once. Reject other formats and point to `trustkeys import`."""
    found = store.read_file(file)
    form: Form = "jwk"
    with suppress(InvalidInputError):  # store reports a file of no known format
        form = recognise(found.data.reveal())
    if form not in ("jwk", "jwk-set", "jwe"):
        raise InvalidInputError(
            f'{file}: this is {FORMS[form]}; "trustkeys import" makes a key set of it',
            code="AADB2C95026",
        )
    return found


def key_set(file: str, password_file: str | None) -> TrustFrameworkKeySet:
    """Read a key set's file, and ask for its passphrase if it is encrypted."""
    found = stored(file)
    password = passphrases.existing(file, password_file, is_encrypted=found.is_encrypted)
    return found.key_set(password=password)


def kept(file: str, password_file: str | None) -> TrustFrameworkKeySet | TrustFrameworkKey:
    """Read the key set, or the single key, in a file of trustkeys, under the rules of `store`."""
    found = stored(file)
    password = passphrases.existing(
        file, password_file, is_encrypted=found.is_encrypted, option="--input-password-file"
    )
    document = found.document(password=password)
    with prefix_errors(file):
        if "keys" in document:
            return read_key_set(document, prove=False)
        return TrustFrameworkKey.from_jwk(document)


def foreign(
    file: str,
    password_file: str | None,
    read: Callable[[bytes, str | None], T],
    *,
    otherwise: str = "--password-file",
) -> T:
    """Read a file in any form, and ask for its passphrase only when it turns out to have one.

    Args:
        file: The file, or ``-``.
        password_file: Where its passphrase is. Default: ask, where one is needed.
        read: Reads the content, with a passphrase or without; that one is missing it says with
            an error whose target is ``password``.
        otherwise: What to give where there is no terminal to ask at.
    """
    data = values.read_input(file, MAX_TEXT)
    with prefix_errors(file):
        if password_file is not None:
            return read(data, values.read_password(password_file))
        try:
            return read(data, None)
        except InvalidInputError as error:
            if error.target != "password":
                raise
    password = passphrases.ask(f"Passphrase of {file}", option=otherwise)
    with prefix_errors(file):
        return read(data, password)


def recipient(file: str) -> Recipient:
    """Read the key of a recipient, in any form; one of an elliptic curve only as a JWK."""

    def read(data: bytes, password: str | None) -> Recipient:
        if recognise(data) == "jwk":
            return parse_object(data, what="the key", code="AADB2C95026")
        return read_key(data, use="enc", password=password)

    key = foreign(file, None, read, otherwise="a key that is not encrypted")
    if isinstance(key, TrustFrameworkKey) and key.exp is not None and key.exp <= values.now(None):
        values.warn(f"{file}: it is over since {date_text(key.exp)}")
    return key


def one_of(found: TrustFrameworkKeySet | TrustFrameworkKey, kid: str | None) -> TrustFrameworkKey:
    """Give the key that is meant: of a set with several keys, it must be said which."""
    if isinstance(found, TrustFrameworkKey):
        if kid is not None and not found.kid.startswith(kid):
            raise InvalidInputError("the key has another kid", target="kid")
        return found
    if kid is not None:
        return found.get(whole_kid(found, kid))
    if len(found) != 1:
        raise click.UsageError(f"{found.id} has {len(found)} keys: say which with --kid")
    return next(iter(found))


# The timeline shows 8 characters.
_SHORTEST_KID = 6


def whole_kid(keys: TrustFrameworkKeySet, kid: str) -> str:
    """Find the kid that somebody cut short, as the timeline does."""
    found = [key.kid for key in keys if key.kid.startswith(kid)]
    if kid in found:
        return kid
    if not found and kid.startswith("--"):
        raise click.UsageError(f"No such option, nor kid: {kid}")
    if len(found) > 1:
        raise InvalidInputError(f"{len(found)} keys have a kid that begins so", target="kid")
    if found and len(kid) < _SHORTEST_KID:
        raise InvalidInputError(
            f"kid must be given whole, or at least {_SHORTEST_KID} characters of it", target="kid"
        )
    return found[0] if found else kid
