"""``trustkeys keyset certify``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from trustkeys.cli import options
from trustkeys.cli.kids import KidCommand
from trustkeys.cli.params import INPUT
from trustkeys.cli.signals import immediate
from trustkeys.cli.terminal import json_bytes, read_input, warn, write_result
from trustkeys.cli.times import Time, validity
from trustkeys.errors import InvalidInputError, prefix_errors

# Imported lazily, to keep the help fast.
if TYPE_CHECKING:
    from trustkeys.core.key import TrustFrameworkKey

__tracebackhide__ = True


@click.command(cls=KidCommand, epilog=options.TIMES_HELP)
@options.key_set_file
@options.kid
@click.option("--subject", metavar="NAMES", help="Make a self-signed one for CN=login,O=Example.")
@options.nbf("Its first second, for a key without nbf.")
@options.exp("Its last second, for a key without exp.")
@click.option(
    "--certificate",
    "chain_file",
    type=INPUT,
    metavar="FILE",
    help="Attach the certificates in this file, which an authority issued.",
)
@options.json_results
def certify(
    file: str,
    kid: str,
    password_file: str | None,
    subject: str | None,
    nbf: Time | None,
    exp: Time | None,
    chain_file: str | None,
    as_json: bool,
) -> None:
    """Attach a certificate to the RSA key KID.

    The certificate is self-signed, or an authority issued it.
    Prints the certificates as PEM. "trustkeys export --format csr" makes the request for an
    authority.
    """
    from trustkeys.cli.inputs import edit, whole_kid
    from trustkeys.core.strict_json import MAX_SET_BYTES
    from trustkeys.formats.certificates import self_signed, to_certificate_pem

    if (subject is None) == (chain_file is None):
        raise click.UsageError("give either --subject NAMES or --certificate FILE")
    start, end = validity(nbf, exp)
    if chain_file is not None and (start, end) != (None, None):
        raise click.UsageError("--nbf and --exp go with --subject")
    chain = None if chain_file is None else read_input(chain_file, MAX_SET_BYTES)
    with edit(file, password_file) as keys:
        whole = whole_kid(keys, kid)
        before = keys.get(whole)
        if before.kty != "RSA":
            raise InvalidInputError(
                f"{before.kid} is an {before.kty} key, and only an RSA key can have a certificate",
                target="kid",
            )
        if chain is None:
            if not _is_self_signed(before):
                raise InvalidInputError(
                    "an authority issued the certificate of this key: only --certificate replaces "
                    "it",
                    target="subject",
                )
            made = self_signed(before, str(subject), nbf=start, exp=end)
            chain = to_certificate_pem(made)
        with prefix_errors(chain_file or file), immediate():  # nothing is written yet
            key = keys.set_certificates(whole, chain)
    if before.x5c:
        warn("this certificate replaces the one that the key had")
    answer = to_certificate_pem(key)
    if as_json:
        text = answer.decode()
        answer = json_bytes({"kid": key.kid, "x5t": key.x5t, "certificates": text})
    write_result(answer, file)


def _is_self_signed(key: TrustFrameworkKey) -> bool:
    """Return whether the key has no certificate, or one that can be made again."""
    from trustkeys.formats.certificates import certificates_of

    if not key.x5c:
        return True
    certificate, *issuers = certificates_of(key)
    return not issuers and certificate.issuer == certificate.subject
