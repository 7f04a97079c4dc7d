"""``trustkeys keyset add`` and ``trustkeys keyset certify``."""

from __future__ import annotations

from collections.abc import Callable

import click

from trustkeys.cli import inputs, options, values
from trustkeys.cli.keyset.key_set_file import KID_SETTINGS, edit
from trustkeys.cli.terminal import json_text, warn, write_result
from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.strict_json import MAX_SET_BYTES
from trustkeys.errors import InvalidInputError, prefix_errors
from trustkeys.formats.certificates import certificates_of, self_signed, to_certificate_pem
from trustkeys.formats.reading import read_key

__tracebackhide__ = True


@click.command()
@options.key_set_file
@click.argument("key_file", metavar="KEY")
@click.option("--use", metavar="USE", help="sig or enc, where neither KEY nor the set says.")
@click.option("--nbf", metavar="T", help="Not before this time, in place of what KEY says.")
@click.option("--exp", metavar="T", help="Expires at this time, in place of what KEY says.")
@click.option("--key-password-file", metavar="PW", help="Where the passphrase of KEY is.")
@options.json_errors
def add(
    file: str,
    key_file: str,
    password_file: str | None,
    use: str | None,
    nbf: str | None,
    exp: str | None,
    key_password_file: str | None,
) -> None:
    """Add the key in the file KEY: a JWK, PEM, a certificate, PKCS#12, in any form.

    Prints the answer that Graph would give.
    """
    if [key_file, password_file, key_password_file].count("-") > 1:
        raise click.UsageError("standard input can be one of the files")
    start, end = values.dates(nbf, exp)

    def read(data: bytes, password: str | None) -> Callable[[str | None], TrustFrameworkKey]:
        def key_for(otherwise: str | None) -> TrustFrameworkKey:
            # What KEY is for the set says only where KEY does not.
            try:
                return read_key(data, use=use, nbf=start, exp=end, password=password)
            except InvalidInputError as error:
                if (error.code, error.target) != ("AADB2C90253", "use") or otherwise is None:
                    raise
            return read_key(data, use=otherwise, nbf=start, exp=end, password=password)

        # Nobody is asked for a passphrase while others wait for the lock.
        key_for("sig")
        return key_for

    key_for = inputs.foreign(key_file, key_password_file, read, otherwise="--key-password-file")
    with edit(file, password_file) as keys:
        with prefix_errors(key_file):
            key = key_for(keys.use)
        keys.add(key)
    write_result(json_text(key.to_graph()))


@click.command(context_settings=KID_SETTINGS)
@options.key_set_file
@click.argument("kid")
@click.option("--subject", metavar="NAMES", help="Sign one with the key: CN=login,O=Example.")
@click.option("--nbf", metavar="T", help="Its first second, where the key has no date.")
@click.option("--exp", metavar="T", help="Its last second, where the key has no date.")
@click.option("--certificate", "chain_file", metavar="FILE", help="What an authority issued.")
@options.json_errors
def certify(
    file: str,
    kid: str,
    password_file: str | None,
    subject: str | None,
    nbf: str | None,
    exp: str | None,
    chain_file: str | None,
) -> None:
    """Give the RSA key KID a certificate: a self-signed one, or one that an authority issued.

    Prints the certificates as PEM. "trustkeys export --format csr" asks an authority for one.
    """
    if chain_file == password_file == "-":
        raise click.UsageError("standard input can be one of the files")
    if (subject is None) == (chain_file is None):
        raise click.UsageError("say one: --subject NAMES, or --certificate FILE")
    start, end = values.dates(nbf, exp)
    if chain_file is not None and (start, end) != (None, None):
        raise click.UsageError("--nbf and --exp go with --subject")
    chain = None if chain_file is None else values.read_input(chain_file, MAX_SET_BYTES)
    with edit(file, password_file) as keys:
        whole = inputs.whole_kid(keys, kid)
        before = keys.get(whole)
        if chain is None:
            if not _is_self_signed(before):
                raise InvalidInputError(
                    "an authority issued the certificate of this key: --certificate replaces it",
                    target="subject",
                )
            made = self_signed(before, str(subject), nbf=start, exp=end)
            chain = to_certificate_pem(made)
        key = keys.set_certificates(whole, chain)
    if before.x5c:
        warn("the key had a certificate, which this one replaces")
    write_result(to_certificate_pem(key).decode())


def _is_self_signed(key: TrustFrameworkKey) -> bool:
    """Whether a key has no certificate that could not be made again."""
    if not key.x5c:
        return True
    certificate, *issuers = certificates_of(key)
    return not issuers and certificate.issuer == certificate.subject
