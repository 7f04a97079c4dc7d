"""Keys in another form, in a new file."""

from __future__ import annotations

import os
from contextlib import suppress
from unicodedata import normalize

import click
from attrs import frozen

from trustkeys import system
from trustkeys.cli import changes, foreign, inputs, passphrases
from trustkeys.cli.params import refuse_existing
from trustkeys.cli.terminal import escaped, json_bytes, warn, write_out, write_result
from trustkeys.cli.times import now_or
from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.numericdate import date_text
from trustkeys.errors import InvalidInputError, NotEncryptedError, prefix_errors
from trustkeys.files import write_new
from trustkeys.formats import certificates, jwe, pem, pkcs12
from trustkeys.formats.exported import Exported, passphrase
from trustkeys.keyset.keyset import TrustFrameworkKeySet
from trustkeys.keyset.stored import read_key_set
from trustkeys.signals import held
from trustkeys.store import StoredFile
from trustkeys.testkeys.guard import refuse_test_keys

__tracebackhide__ = True

_RSA_ONLY = ("pem", "der", "pkcs12", "pkcs12-b2c", "certificate", "csr")
_UNENCRYPTED = ("pem", "der", "jwk", "jwks")
_ENCRYPTED = ("pem", "der", "pkcs12", "pkcs12-b2c", "jwe")
_WITH_SUBJECT = ("pkcs12", "pkcs12-b2c", "certificate", "csr")


@frozen
class Wanted:
    """The options that say what to write."""

    form: str
    output: str
    public: bool = False
    plain: bool = False
    output_password_file: str | None = None
    to: str | None = None
    subject: str | None = None
    nbf: int | None = None
    exp: int | None = None

    @property
    def is_private(self) -> bool:
        """Whether the output holds a private key, encrypted or not."""
        return not self.public and self.form not in ("certificate", "csr")

    @property
    def passphrase_file(self) -> str | None:
        """The file for a new passphrase, or None if the output needs none."""
        has_own = self.public or self.plain or self.output_password_file or self.to
        return None if has_own or self.form not in _ENCRYPTED else f"{self.output}.password"

    def check(self) -> None:
        """Refuse options that exclude each other."""
        ways = []
        for option, is_given, forms in (
            ("--public", self.public, _UNENCRYPTED),
            ("--plain", self.plain, _UNENCRYPTED),
            ("--to", self.to is not None, ("jwe",)),
            ("--output-password-file", self.output_password_file is not None, _ENCRYPTED),
            ("--subject", self.subject is not None, _WITH_SUBJECT),
        ):
            if is_given and self.form not in forms:
                raise click.UsageError(f"{option} does not go with --format {self.form}")
            if is_given and option != "--subject":
                ways.append(option)
        if len(ways) > 1:
            raise click.UsageError(f"{' and '.join(ways)} exclude each other")
        if self.form in ("jwk", "jwks") and not ways:
            raise click.UsageError(
                "choose --public, or --plain to write private keys unencrypted; for an encrypted "
                "file use --format jwe"
            )
        if self.form == "csr" and self.subject is None:
            raise click.UsageError("a certificate signing request needs --subject")
        if (self.nbf, self.exp) != (None, None) and (self.subject is None or self.form == "csr"):
            raise click.UsageError("--nbf and --exp are for a new certificate, with --subject")
        if self.output == "-" and self.passphrase_file is not None:
            raise click.UsageError(
                "-o - needs --output-password-file: there is no file for a passphrase"
            )


def export_keys(
    file: str, wanted: Wanted, *, kid: str | None, password_file: str | None, as_json: bool
) -> None:
    """Write keys of a file in another form.

    Args:
        file: The file.
        wanted: What to write.
        kid: The key's kid or its start; None for the only key, or for the set.
        password_file: The file with the passphrase of `file`.
        as_json: Print the result as JSON.
    """
    wanted.check()
    form, output = wanted.form, wanted.output
    if form == "jwe" and password_file and not (wanted.output_password_file or wanted.to):
        # Where this option once was for OUT, the same passphrase opened FILE.
        raise click.UsageError(
            "--password-file is for FILE: choose --output-password-file or --to for OUT"
        )
    if wanted.passphrase_file is not None:
        refuse_existing(wanted.passphrase_file)
    stored = inputs.stored(file)
    if password_file is not None and not stored.is_encrypted:
        raise NotEncryptedError(
            f"{file} is not encrypted, and --password-file is for FILE: check that it was not "
            "replaced, or use --output-password-file for OUT"
        )
    its_password = passphrases.existing(file, password_file, is_encrypted=stored.is_encrypted)
    found = _keys_in(stored, its_password)
    is_set = kid is None and form in ("jwks", "jwe") and isinstance(found, TrustFrameworkKeySet)
    keys = found if is_set else _one_of(found, kid)
    shown = "standard output" if output == "-" else output
    if isinstance(keys, TrustFrameworkKeySet):
        keys = keys if wanted.is_private else changes.published(keys)
    elif not wanted.is_private:
        changes.warn_unpublished([keys], shown)
    elif keys.status == "disabled" and form not in ("jwk", "jwks", "jwe"):
        warn(f"the key is disabled, and {shown} does not say so: it would be imported as enabled")
    output_password_file = wanted.output_password_file
    password = (
        None if output_password_file is None else passphrases.read_password(output_password_file)
    )
    if form != "jwe":
        _check_differs(password, its_password)
    content = _content(wanted, keys, password)
    if output == "-":
        write_out(content.data if isinstance(content, Exported) else content)
        return
    _write(wanted, content)
    name = wanted.passphrase_file
    written = [output] if name is None else [output, name]
    kids = [key.kid for key in keys] if isinstance(keys, TrustFrameworkKeySet) else [keys.kid]
    if as_json:
        result = {"output": output, "format": form, "kids": kids, "passwordFile": name}
        write_result(json_bytes(result), *written)
        return
    what = f"{len(kids)} keys" if len(kids) != 1 else f"key {kids[0]}"
    where = "" if name is None else f"; its passphrase is in {name}"
    write_result(escaped(f"{output}: {what}, as {form}{where}") + "\n", *written)


def _keys_in(stored: StoredFile, password: str | None) -> TrustFrameworkKeySet | TrustFrameworkKey:
    document = stored.document(password=password)
    with prefix_errors(stored.path):
        if "keys" in document:
            return read_key_set(document)
        return TrustFrameworkKey.from_jwk(document)


def _one_of(found: TrustFrameworkKeySet | TrustFrameworkKey, kid: str | None) -> TrustFrameworkKey:
    """Return the key with a `kid`, which only a set of one key does without."""
    if isinstance(found, TrustFrameworkKey):
        if kid is not None and not found.kid.startswith(kid):
            raise InvalidInputError("the key has another kid", target="kid")
        return found
    if kid is not None:
        return found.get(inputs.whole_kid(found, kid))
    if len(found) != 1:
        raise click.UsageError(f"{found.id} has {len(found)} keys: choose one with --kid")
    return next(iter(found))


def _check_differs(password: str | None, of_file: str | None) -> None:
    """Refuse the passphrase of FILE for a form that protects it weakly, and that others get."""
    if password and of_file and normalize("NFC", password) == normalize("NFC", of_file):
        raise click.UsageError(
            "--output-password-file has the passphrase of FILE: the recipient of OUT could open "
            "FILE with it"
        )


def _content(
    wanted: Wanted, keys: TrustFrameworkKeySet | TrustFrameworkKey, password: str | None
) -> bytes | Exported:
    """Return what to write, with its passphrase if it is encrypted to one."""
    form = wanted.form
    if isinstance(keys, TrustFrameworkKeySet) or form not in _RSA_ONLY:
        return _json(wanted, keys, password)
    if keys.kty != "RSA":
        raise InvalidInputError(
            f"an {keys.kty} key has no form {form}: use jwk, jwks or jwe", target="format"
        )
    if wanted.public or wanted.plain:
        write = pem.to_pem if form == "pem" else pem.to_der
        return write(keys, private=wanted.plain)
    if form in ("pem", "der"):
        encrypt = pem.to_encrypted_pem if form == "pem" else pem.to_encrypted_der
        return encrypt(keys, password=password)
    if form == "csr":
        return certificates.signing_request(keys, str(wanted.subject))
    certified = _certified(wanted, keys)
    if form == "certificate":
        return certificates.to_certificate_pem(certified)
    to_pfx = pkcs12.to_pkcs12 if form == "pkcs12" else pkcs12.to_pkcs12_b2c
    return to_pfx(certified, password=password)


def _json(
    wanted: Wanted, keys: TrustFrameworkKeySet | TrustFrameworkKey, password: str | None
) -> bytes | Exported:
    if isinstance(keys, TrustFrameworkKeySet):
        document = keys.to_jwks(private=wanted.is_private, include="all")
        cty = "jwk-set+json"
    else:
        document, cty = keys.to_jwk(private=wanted.is_private), "jwk+json"
        if wanted.form == "jwks":
            document = {"keys": [document]}
    text = json_bytes(document)
    if wanted.form != "jwe":
        if wanted.plain:
            refuse_test_keys(keys if isinstance(keys, TrustFrameworkKeySet) else [keys])
        return text
    if wanted.to is not None:
        return f"{jwe.encrypt(text, cty=cty, to=foreign.recipient(wanted.to))}\n".encode()
    made = passphrase(None) if password is None else password
    return Exported(f"{jwe.encrypt(text, cty=cty, password=made)}\n".encode(), made)


def _certified(wanted: Wanted, key: TrustFrameworkKey) -> TrustFrameworkKey:
    if wanted.subject is None:
        if not key.x5c:
            raise InvalidInputError(
                'the key has no certificate: make one with --subject, or with "trustkeys keyset '
                'certify"',
                target="subject",
            )
        return key
    if key.x5c:
        raise click.UsageError("the key already has a certificate: leave --subject out")
    certified = certificates.self_signed(key, wanted.subject, nbf=wanted.nbf, exp=wanted.exp)
    end = certificates.dates_of(certificates.certificates_of(certified)[0])[1]
    if end <= now_or(None):
        warn(f"the certificate has already expired, at {date_text(end)}")
    warn(
        'this certificate is only in OUT; "trustkeys keyset certify" makes one and keeps it with '
        "the key"
    )
    return certified


def _write(wanted: Wanted, content: bytes | Exported) -> None:
    """Write the file, and a new passphrase to a second file."""
    data = content.data if isinstance(content, Exported) else content
    name = wanted.passphrase_file
    with held():
        # The passphrase first: there must never be a file that cannot be opened.
        if name is not None and isinstance(content, Exported):
            try:
                write_new(name, f"{content.password}\n".encode())
            except OSError as error:
                # Nothing is encrypted to it, also if only flushing failed.
                if not isinstance(error, FileExistsError):
                    with suppress(FileNotFoundError):
                        system.remove(name)
                raise
        try:
            write_new(wanted.output, data, mode=0o600 if wanted.is_private else 0o644)
        except OSError as error:
            # If only flushing the directory failed, the file exists and needs its passphrase.
            is_written = os.path.lexists(wanted.output) and not isinstance(error, FileExistsError)
            if name is not None and not is_written:
                system.remove(name)
            raise
