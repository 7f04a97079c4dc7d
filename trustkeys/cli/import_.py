"""trustkeys import."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from typing import Any

import click

from trustkeys import store
from trustkeys.cli import inputs, passphrases, values
from trustkeys.cli.signals import uninterrupted
from trustkeys.core.key import TrustFrameworkKey
from trustkeys.files import write_new
from trustkeys.formats.reading import opened, read_key, recognise
from trustkeys.formats.sealed import Recipient
from trustkeys.keyset.keyset import TrustFrameworkKeySet

__tracebackhide__ = True

_EPILOG = """\b
Examples:
  trustkeys import partner.pfx --use sig -o partner.jwk
  trustkeys import backup.jwe -o signing.keys --output-password-file passphrase
  trustkeys import saml.pem -o saml.jwk
  trustkeys import for-alice.jwe --key alice.jwk -o signing.keys --output-password-file passphrase

\b
FILE is a JWK, a JWK Set, an answer of Graph, a JWE, PEM, DER or PKCS#12; that is seen by its
content. One key becomes a JWK, as of "trustkeys generate"; a set becomes the file of a key set.
"""


@click.command("import", epilog=_EPILOG)
@click.argument("file")
@click.option("-o", "--output", metavar="OUT", required=True, help="A new file, mode 0600.")
@click.option("--use", metavar="USE", help="sig or enc, in place of what the form says.")
@click.option("--nbf", metavar="T", help="Not before this time, in place of what the form says.")
@click.option("--exp", metavar="T", help="Expires at this time, in place of what the form says.")
@click.option("--id", "name", metavar="NAME", help="The id of a set, where the form has none.")
@click.option("--password-file", metavar="PW", help="Where the passphrase of FILE is.")
@click.option("--key", "key_file", metavar="KEY", help="The private key that FILE is sealed to.")
@click.option("--output-password-file", metavar="PW", help="Encrypt OUT to this passphrase.")
@click.option("--plain", is_flag=True, help="Let the private keys of a set lie in the open.")
@click.option("--json", is_flag=True, expose_value=False, help="Print errors as JSON.")
def import_(
    file: str,
    output: str,
    use: str | None,
    nbf: str | None,
    exp: str | None,
    name: str | None,
    password_file: str | None,
    key_file: str | None,
    output_password_file: str | None,
    plain: bool,
) -> None:
    """Read keys in any form, check them, and keep them.

    Prints the answer that Graph would give, and no secret. A set is encrypted to a passphrase,
    which is asked for where no option gives it; a single key only with --output-password-file.
    """
    if [file, password_file, key_file, output_password_file].count("-") > 1:
        raise click.UsageError("standard input can be one of the files")
    if output == "-":
        raise click.UsageError("keys are kept in a file: -o OUT")
    if os.path.lexists(output):  # before anything is asked for
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), output)
    dates = values.dates(nbf, exp)
    with_key = None if key_file is None else inputs.recipient(key_file)

    is_protected = with_key is not None

    def read(data: bytes, password: str | None) -> TrustFrameworkKeySet | TrustFrameworkKey:
        nonlocal is_protected
        is_protected |= password is not None
        return _read(data, password, use=use, dates=dates, name=name, with_key=with_key)

    found = inputs.foreign(file, password_file, read)
    answer = values.json_text(found.to_graph())
    if isinstance(found, TrustFrameworkKeySet):
        password = passphrases.new(
            output, output_password_file, plain=plain, option="--output-password-file"
        )
        with uninterrupted():
            store.save(found, output, password=password, plain=plain)
    else:
        if plain:
            raise click.UsageError("--plain is for a set, and this is one key")
        password = (
            None if output_password_file is None else values.read_password(output_password_file)
        )
        text = values.private_text(found, password).encode()
        with uninterrupted():
            write_new(output, text)
        if found.has_private and password is None and is_protected:
            values.warn(f"the private key lies in the open in {output}")
    values.write_out(answer)


def _read(
    data: bytes,
    password: str | None,
    *,
    use: str | None,
    dates: tuple[int | None, int | None],
    name: str | None,
    with_key: Recipient | None,
) -> TrustFrameworkKeySet | TrustFrameworkKey:
    nbf, exp = dates
    document: Mapping[str, Any] | None = None
    if with_key is not None or recognise(data) in ("jwk-set", "jwe", "sealed"):
        document = opened(data, password=password, with_key=with_key)
    if document is not None and ("keys" in document or "value" in document):
        if dates != (None, None):
            raise click.UsageError("--nbf and --exp are for one key, and this is a set")
        if name is None and document.get("id") is None:
            raise click.UsageError("this is a set without an id: give it one with --id")
        return TrustFrameworkKeySet.from_jwks(document, id=name, use=use)
    if name is not None:
        raise click.UsageError("--id is for a set, and this is one key")
    if document is not None:
        return TrustFrameworkKey.from_jwk(document, use=use, nbf=nbf, exp=exp)
    return read_key(data, use=use, nbf=nbf, exp=exp, password=password)
