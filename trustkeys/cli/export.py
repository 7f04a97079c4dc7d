"""trustkeys export."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress

import click
from attrs import frozen

from trustkeys import store
from trustkeys.cli import inputs, values
from trustkeys.cli.signals import uninterrupted
from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.numericdate import date_text
from trustkeys.errors import InvalidInputError
from trustkeys.files import write_new
from trustkeys.formats import certificates, pem, pkcs12
from trustkeys.formats.exported import Exported, passphrase
from trustkeys.formats.jwe import encrypt
from trustkeys.formats.sealed import seal_text
from trustkeys.keyset.keyset import TrustFrameworkKeySet
from trustkeys.testkeys.guard import refuse_test_jwks

__tracebackhide__ = True

_EPILOG = """\b
Examples:
  trustkeys export signing.keys --format jwe -o backup.jwe --password-file passphrase
  trustkeys export signing.keys --format jwe -o for-alice.jwe --to alice.pem
  trustkeys export signing.keys --kid v3sA5PXC --format pkcs12 -o key.pfx --subject CN=login
  trustkeys export signing.keys --kid v3sA5PXC --format certificate -o saml.pem
  trustkeys export signing.keys --format jwks -o public.json --public

\b
  pem, der      an RSA key: PKCS#8, encrypted; or --plain, or --public
  pkcs12        an RSA key with its certificates: AES-256, SHA-256
  pkcs12-b2c    likewise, PBE-SHA1-3DES: what uploadPkcs12 is known to have accepted
  jwk           one key as JSON: --plain, or --public
  jwks          the whole set: --plain, or --public
  jwe           one key, with --kid, or the whole set: encrypted to a passphrase or, with --to,
                to a public key. The form for backups.
  certificate   the key's certificates as PEM, or one that --subject makes
  csr           a certificate signing request, with --subject

\b
Without --password-file a passphrase of 128 random bits is made, and stands in OUT.password. The
forms pem, der and pkcs12 protect one that a person thought up badly.
"""

_RSA_FORMS = ("pem", "der", "pkcs12", "pkcs12-b2c", "certificate", "csr")
_FORMS = (*_RSA_FORMS, "jwk", "jwks", "jwe")
_OF_SUBJECT = ("pkcs12", "pkcs12-b2c", "certificate", "csr")
_IN_THE_OPEN = ("pem", "der", "jwk", "jwks")
_ENCRYPTED = ("pem", "der", "pkcs12", "pkcs12-b2c", "jwe")


@frozen
class _Wanted:
    """What is asked for, apart from the keys."""

    form: str
    output: str
    public: bool
    plain: bool
    password_file: str | None
    to: str | None
    subject: str | None
    nbf: int | None
    exp: int | None

    def __attrs_post_init__(self) -> None:
        """Refuse options that do not go together, before anything is opened."""
        is_encrypted = self.form in _ENCRYPTED and not (self.public or self.plain)
        for is_given, option, is_allowed in (
            (self.public, "--public", self.form in _IN_THE_OPEN),
            (self.plain, "--plain", self.form in _IN_THE_OPEN and not self.public),
            (self.to is not None, "--to", self.form == "jwe" and self.password_file is None),
            (self.password_file is not None, "--password-file", is_encrypted),
            (self.subject is not None, "--subject", self.form in _OF_SUBJECT),
            (
                (self.nbf, self.exp) != (None, None),
                "--nbf and --exp",
                self.subject is not None and self.form != "csr",
            ),
        ):
            if is_given and not is_allowed:
                raise click.UsageError(f"{option} does not go with what else is asked for")
        if self.form in ("jwk", "jwks") and not (self.public or self.plain):
            raise click.UsageError(
                f"say --public, or --plain for private keys in the open; {self.form} encrypted "
                "is --format jwe"
            )
        if self.form == "csr" and self.subject is None:
            raise click.UsageError("a signing request needs --subject")
        if self.output == "-" and is_encrypted and (self.password_file, self.to) == (None, None):
            raise click.UsageError("-o - has no place for a passphrase: give --password-file")

    @property
    def is_secret(self) -> bool:
        """Whether the output holds a private key, encrypted or not."""
        return not self.public and self.form not in ("certificate", "csr")


@click.command(epilog=_EPILOG)
@click.argument("file")
@click.option("--format", "form", type=click.Choice(_FORMS), required=True, help="See below.")
@click.option(
    "-o", "--output", metavar="OUT", required=True, help="A new file; -: standard output."
)
@click.option("--kid", metavar="KID", help="Which key; 6 characters will do.")
@click.option("--public", is_flag=True, help="Leave the private part out.")
@click.option("--plain", is_flag=True, help="Let the private part lie in the open.")
@click.option(
    "--password-file", metavar="PW", help="Encrypt OUT, not FILE, to the passphrase in it."
)
@click.option("--to", metavar="PUB", help="Encrypt OUT to this public key or certificate.")
@click.option("--subject", metavar="NAMES", help="Make a certificate for: CN=login,O=Example.")
@click.option("--nbf", metavar="T", help="Its first second, where the key has no date.")
@click.option("--exp", metavar="T", help="Its last second, where the key has no date.")
@click.option("--input-password-file", metavar="PW", help="Where the passphrase of FILE is.")
@click.option("--json", "as_json", is_flag=True, help="Print errors, and what was done, as JSON.")
def export(
    file: str,
    form: str,
    output: str,
    kid: str | None,
    public: bool,
    plain: bool,
    password_file: str | None,
    to: str | None,
    subject: str | None,
    nbf: str | None,
    exp: str | None,
    input_password_file: str | None,
    as_json: bool,
) -> None:
    """Write keys of FILE in another form.

    FILE is a key set, or a key that "trustkeys generate" wrote, and stays as it is.
    """
    if [password_file, input_password_file, to].count("-") > 1:
        raise click.UsageError("standard input can be one of the files")
    wanted = _Wanted(
        form, output, public, plain, password_file, to, subject, *values.dates(nbf, exp)
    )
    for path in (output, f"{output}.password") if output != "-" else ():
        if os.path.lexists(path):  # before anything is asked for
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
    found = inputs.kept(file, input_password_file)
    is_set = kid is None and form in ("jwks", "jwe") and isinstance(found, TrustFrameworkKeySet)
    keys = found if is_set else inputs.one_of(found, kid)
    password = None if password_file is None else values.read_password(password_file)
    _must_be_another(file, form, password)
    content = _content(wanted, keys, password)
    if output == "-":
        values.write_out(content.data if isinstance(content, Exported) else content)
        return
    name = _write(wanted, content)
    kids = [key.kid for key in keys] if isinstance(keys, TrustFrameworkKeySet) else [keys.kid]
    if as_json:
        values.write_json({"output": output, "format": form, "kids": kids, "passwordFile": name})
        return
    what = f"{len(kids)} keys" if len(kids) != 1 else f"key {kids[0]}"
    where = "" if name is None else f"; its passphrase is in {name}"
    values.write_out(values.escaped(f"{output}: {what}, as {form}{where}") + "\n")


def _must_be_another(file: str, form: str, password: str | None) -> None:
    """Keep the passphrase of FILE out of forms that protect it badly, and that others get."""
    if password is None or form == "jwe" or not store.is_encrypted(file):
        return
    with suppress(InvalidInputError):
        store.read_document(file, password=password)
        raise click.UsageError(
            "that is the passphrase of FILE itself, and who gets OUT could open FILE: "
            "--input-password-file is for FILE, --password-file for OUT"
        )


def _content(
    wanted: _Wanted, keys: TrustFrameworkKeySet | TrustFrameworkKey, password: str | None
) -> bytes | Exported:
    """Give what is to be written, with its passphrase where it is encrypted to one."""
    if isinstance(keys, TrustFrameworkKeySet) or wanted.form in ("jwk", "jwks", "jwe"):
        return _as_json(wanted, keys, password)
    if keys.kty != "RSA":
        raise InvalidInputError(
            f"an {keys.kty} key cannot be {wanted.form}: jwk, jwks and jwe take it", target="format"
        )
    if wanted.public or wanted.plain:
        in_the_open = {"pem": pem.to_pem, "der": pem.to_der}
        return in_the_open[wanted.form](keys, private=wanted.plain)
    writers: dict[str, Callable[[], bytes | Exported]] = {
        "pem": lambda: pem.to_encrypted_pem(keys, password=password),
        "der": lambda: pem.to_encrypted_der(keys, password=password),
        "csr": lambda: certificates.signing_request(keys, str(wanted.subject)),
        "certificate": lambda: certificates.to_certificate_pem(_certified(wanted, keys)),
        "pkcs12": lambda: pkcs12.to_pkcs12(_certified(wanted, keys), password=password),
        "pkcs12-b2c": lambda: pkcs12.to_pkcs12_b2c(_certified(wanted, keys), password=password),
    }
    return writers[wanted.form]()


def _as_json(
    wanted: _Wanted, keys: TrustFrameworkKeySet | TrustFrameworkKey, password: str | None
) -> bytes | Exported:
    is_private = wanted.is_secret
    if isinstance(keys, TrustFrameworkKeySet):
        document, cty = keys.to_jwks(private=is_private), "jwk-set+json"
    else:
        document, cty = keys.to_jwk(private=is_private), "jwk+json"
        if wanted.form == "jwks":
            document, cty = {"keys": [document]}, "jwk-set+json"
    text = values.json_text(document).encode()
    if is_private:
        refuse_test_jwks(text)
    if wanted.form != "jwe":
        return text
    if wanted.to is not None:
        return f"{seal_text(text, inputs.recipient(wanted.to), cty=cty)}\n".encode()
    made = passphrase(None) if password is None else password
    return Exported(f"{encrypt(text, made, cty=cty)}\n".encode(), made)


def _certified(wanted: _Wanted, key: TrustFrameworkKey) -> TrustFrameworkKey:
    if wanted.subject is None:
        return key
    if key.x5c:
        raise click.UsageError("the key has a certificate already: leave --subject out")
    certified = certificates.self_signed(key, wanted.subject, nbf=wanted.nbf, exp=wanted.exp)
    end = certificates.dates_of(certificates.certificates_of(certified)[0])[1]
    if end <= values.now(None):
        values.warn(f"the certificate is over already: it ended at {date_text(end)}")
    values.warn(
        'this certificate is made for this file alone; "trustkeys keyset certify" keeps one with '
        "the key"
    )
    return certified


def _write(wanted: _Wanted, content: bytes | Exported) -> str | None:
    """Write the file and, where nobody else knows its passphrase, that; give the name of that."""
    data = content.data if isinstance(content, Exported) else content
    name: str | None = None
    if isinstance(content, Exported) and wanted.password_file is None:
        name = f"{wanted.output}.password"
    with uninterrupted():
        # First, so that there never is a file that nobody can open.
        if name is not None and isinstance(content, Exported):
            write_new(name, f"{content.password}\n".encode())
        try:
            write_new(wanted.output, data, mode=0o600 if wanted.is_secret else 0o644)
        except OSError as error:
            # Where flushing the directory failed, what was written is there all the same.
            is_there = os.path.lexists(wanted.output) and not isinstance(error, FileExistsError)
            if name is not None and not is_there:
                os.unlink(name)
            raise
    return name
