"""Files from other programs: recognised by their content, opened, and checked once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from attrs import field, frozen
from cryptography import x509

from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.numericdate import NumericDateInput
from trustkeys.core.private import Private
from trustkeys.errors import InvalidInputError, NotEncryptedError
from trustkeys.formats import algorithms, jwe, loaders, pem_blocks
from trustkeys.formats.answers import is_key_set, parse_document, read_key_sets
from trustkeys.formats.certificate_files import holds_certificates, is_pkcs7
from trustkeys.formats.certificates import (
    opened_certificate,
    opened_key_file,
    read_certificates,
)
from trustkeys.formats.key_files import KeyFile
from trustkeys.formats.opened import OpenedKey
from trustkeys.formats.other_forms import is_token, other_form
from trustkeys.formats.pfx_files import PfxFile, is_pfx
from trustkeys.formats.recipient_files import read_recipient
from trustkeys.formats.unwrapping import der_size, unwrapped
from trustkeys.wording import shape

if TYPE_CHECKING:
    from trustkeys.formats.recipient import Recipient

__all__ = ["ForeignFile", "read_key", "recognise"]

__tracebackhide__ = True

Form = Literal["jwk", "jwks", "jwe", "pem", "der", "pkcs12", "certificate", "csr"]

Protection = Literal["none"] | algorithms.Protection


@frozen
class OpenedSet:
    """A JWK Set, or a key set in an answer of Graph, whose keys are not checked yet."""

    _document: Private[Mapping[str, Any]]

    @property
    def document(self) -> Mapping[str, Any]:
        """The JSON object, private members included."""
        return self._document.reveal()


@frozen(eq=False)
class ForeignFile:
    """A file whose form is known. Make one with `recognise`.

    Attributes:
        form: ``"jwk"`` or ``"jwks"`` (JSON, also an answer of Graph), ``"jwe"``, ``"pem"`` or
            ``"der"`` (a private or public key), ``"pkcs12"``, ``"certificate"`` or ``"csr"``.
        protection: What it takes to open it: ``"none"``, ``"passphrase"``, or ``"recipient"``
            for a private key; ``"unknown"`` for a JWE of an algorithm that is not supported.
        description: What it is, in words for a person.
    """

    form: Form
    protection: Protection
    description: str
    # The file's content, and what recognising it has parsed.
    _content: Private[tuple[bytes, Any]] = field(repr=False)

    @property
    def header(self) -> Mapping[str, Any]:
        """The protected header of a JWE; empty for other forms."""
        _, parsed = self._content.reveal()
        return parsed.header if isinstance(parsed, jwe.Jwe) else {}

    def open(
        self,
        *,
        password: str | None = None,
        with_key: Recipient | None = None,
        alias: str | None = None,
    ) -> OpenedKey | OpenedSet:
        """Decrypt the content, and check the key in it.

        Args:
            password: The passphrase of an encrypted file.
            with_key: The private key that a JWE is sealed to.
            alias: Which of several keys in PKCS#12, as for `trustkeys.formats.pkcs12.from_pkcs12`.

        Raises:
            MissingPassphraseError: It is encrypted, and `password` is None.
            WrongPassphraseError: The passphrase is wrong, or the file was changed.
            NotEncryptedError: `password` is not needed.
            InvalidInputError: It holds no key, `with_key` is missing, wrong or not needed; else
                as `TrustFrameworkKey.from_jwk`.
        """
        self.check_alias(alias)
        if self.form in ("jwk", "jwks", "jwe"):
            document = self.document(password=password, with_key=with_key)
            if is_key_set(document):
                return OpenedSet(Private(document))
            return OpenedKey.from_jwk(document)
        if with_key is not None:
            raise jwe.not_sealed()
        data, parsed = self._content.reveal()
        if self.form == "pkcs12":
            opened: OpenedKey = parsed.open(password, alias)
            return opened
        if self.form in ("pem", "der"):
            file = parsed or KeyFile.read(data)
            return opened_key_file(file, file.rsa_key(password), data)
        if password is not None:
            raise _not_encrypted()
        if self.form == "certificate":
            return opened_certificate(self.certificates())
        raise InvalidInputError(
            "this is a certificate signing request, which holds no key: give the private key that "
            "it was made with",
            code="AADB2C95034",
        )

    def recipient(self, password: str | None = None) -> Recipient:
        """Return the key of a recipient: an RSA key for `enc`, or the JWK of an EC key.

        A JWK is not checked.

        Raises:
            InvalidInputError: As `open`; or `read_recipient`.
        """
        data, parsed = self._content.reveal()
        if self.form in ("pem", "der", "certificate", "pkcs12"):
            return read_recipient(parsed if self.form == "pkcs12" else data, password)
        if self.form in ("jwk", "jwe"):
            jwk = self.document(password=password)
            if self.form == "jwk" or jwk.get("kty") == "EC":
                return jwk
        return one_key(self.open(password=password)).key(use="enc")

    def check_alias(self, alias: str | None) -> None:
        """Check that there is an alias only for PKCS#12.

        Raises:
            InvalidInputError: The file is of another form. Code ``BadRequest``.
        """
        if alias is not None and self.form != "pkcs12":
            raise InvalidInputError(
                "an alias chooses a key in a PKCS#12 file, and this is none", target="alias"
            )

    def document(
        self, *, password: str | None = None, with_key: Recipient | None = None
    ) -> Mapping[str, Any]:
        """Return the JSON object of a JWK or JWK Set, decrypted and not checked.

        Raises:
            InvalidInputError: As `open`; ``AADB2C95026`` the form or the content is no JSON.
        """
        _, parsed = self._content.reveal()
        if isinstance(parsed, jwe.Jwe):
            plaintext = parsed.decrypt(password=password, with_key=with_key)
            return parse_document(plaintext, what="the key", code="AADB2C95026")
        if not isinstance(parsed, Mapping):
            raise InvalidInputError("this must be JSON, or a JWE of JSON", code="AADB2C95026")
        if with_key is not None:
            raise jwe.not_sealed()
        if password is not None:
            raise _not_encrypted()
        return parsed

    def check_jwe(self) -> None:
        """Check a JWE before it is opened.

        Raises:
            InvalidInputError: No passphrase and no key opens it here: its algorithm is not
                supported, it is compressed, or it asks for too many rounds. Code ``BadRequest``.
        """
        _, parsed = self._content.reveal()
        parsed.check()

    def certificates(self) -> tuple[x509.Certificate, ...]:
        """Return the certificates of a certificate file, or of PEM; not those of PKCS#12.

        Raises:
            InvalidInputError: They cannot be read. Code ``AADB2C95034``.
        """
        data, parsed = self._content.reveal()
        if isinstance(parsed, x509.Certificate):
            return (parsed,)
        if self.form == "certificate" or holds_certificates(data):
            return read_certificates(data)
        return ()

    def request(self) -> x509.CertificateSigningRequest | None:
        """Return the certificate signing request, or None if there is none, or a broken one."""
        data, parsed = self._content.reveal()
        if isinstance(parsed, x509.CertificateSigningRequest):
            return parsed
        if self.form != "csr":
            return None
        blocks = [each for each in pem_blocks.split(data) if each.label.endswith("REQUEST")]
        return loaders.request(blocks[0].der)


def recognise(data: bytes) -> ForeignFile:
    """Find out in what form a file holds keys, by its content.

    Args:
        data: The file's content.

    Raises:
        InvalidInputError: No form that trustkeys reads. Code ``BadRequest``.
    """
    if not isinstance(data, bytes):
        raise InvalidInputError(f"the file must be bytes, not {shape(data)}")
    data = unwrapped(data)
    text = data.lstrip()
    if text.startswith((b"{", b"[")):
        found: _Found | None = _json(data)
    elif text.startswith(b"eyJ") and not is_token(text):
        found = _jwe(jwe.parse(data))
    else:
        found = _pem(data) if b"-----BEGIN" in data else _der(data)
    if found is None:
        unknown = "this is not a JWK, a JWK Set, a JWE, PEM, DER or PKCS#12"
        raise InvalidInputError(other_form(data) or unknown)
    form, protection, description, parsed = found
    return ForeignFile(form, protection, description, Private((data, parsed)))


def read_key(
    data: bytes,
    *,
    use: str | None = None,
    nbf: NumericDateInput = None,
    exp: NumericDateInput = None,
    password: str | None = None,
    with_key: Recipient | None = None,
    alias: str | None = None,
) -> TrustFrameworkKey:
    """Read one key in any form that `recognise` knows, and check it.

    Args:
        data: The file's content.
        use: ``"sig"`` or ``"enc"``. Default: what the file says.
        nbf: Whole seconds since 1970 or an aware datetime. Default: what the file says.
        exp: Likewise.
        password: The passphrase of an encrypted file.
        with_key: The private key that a JWE is sealed to.
        alias: Which of several keys in PKCS#12, as for `trustkeys.formats.pkcs12.from_pkcs12`.

    Raises:
        MissingUseError: Neither `use` nor the file says what the key is for. Code
            ``AADB2C90253``.
        InvalidInputError: The file holds no key or several; else as `ForeignFile.open`.
    """
    found = recognise(data).open(password=password, with_key=with_key, alias=alias)
    return one_key(found).key(use=use, nbf=nbf, exp=exp)


def one_key(found: OpenedKey | OpenedSet) -> OpenedKey:
    """Return the key of a file that must not be a key set.

    Raises:
        InvalidInputError: It is one. Code ``AADB2C95034``.
    """
    if isinstance(found, OpenedSet):
        raise InvalidInputError("this is a key set, and must be one key", code="AADB2C95034")
    return found


# The form, the protection, the description, and what was parsed.
_Found = tuple[Form, Protection, str, Any]


def _json(data: bytes) -> _Found:
    document = parse_document(data, what="the file")
    if jwe.is_jwe(document):
        return _jwe(jwe.parse_document(document))
    if is_key_set(document):
        return "jwks", "none", read_key_sets(document).description, document
    if any(document.get(name) is not None for name in ("d", "k")):
        words = "a private key"
    elif document.get("kty") in ("oct", "OCT"):  # as Graph spells it in its answers
        words = "an oct key without its secret"
    elif "kty" not in document:
        return "jwk", "none", "JSON without kty, and so no JWK (RFC 7517)", document
    else:
        words = "a public key"
    return "jwk", "none", f"{words} (JWK, RFC 7517)", document


def _jwe(parsed: jwe.Jwe) -> _Found:
    return "jwe", parsed.protection, parsed.description, parsed


def _pem(data: bytes) -> _Found | None:
    labels = re.findall(rb"-----BEGIN ([A-Z0-9 ]+)-----", data)
    # A key counts more than the certificates beside it.
    for ending, kind in ((b"PRIVATE KEY", "private"), (b"PUBLIC KEY", "public")):
        if any(label.endswith(ending) for label in labels):
            is_encrypted = kind == "private" and _ENCRYPTED.search(data) is not None
            beside = " with certificates" if b"CERTIFICATE" in labels else ""
            return _key("pem", f"a {kind} key{beside} (PEM)", None, is_encrypted=is_encrypted)
    if any(label.endswith(b"CERTIFICATE") for label in labels):
        return "certificate", "none", "a certificate (X.509, PEM)", None
    if holds_certificates(data) and any(
        is_pkcs7(each.der) or loaders.certificate(each.der) for each in pem_blocks.split(data)
    ):
        return "certificate", "none", "certificates (PKCS#7, PEM)", None
    if any(label.endswith(b"CERTIFICATE REQUEST") for label in labels):
        return "csr", "none", "a certificate signing request (PKCS#10, PEM)", None
    return None


# PKCS#8 (RFC 7468 section 11), or the older header of RFC 1421.
_ENCRYPTED = re.compile(
    rb"-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED", re.MULTILINE
)


def _der(data: bytes) -> _Found | None:
    size = der_size(data)
    # Text can begin like DER of up to 127 bytes.
    if size is not None and size > max(len(data), 129):
        raise InvalidInputError(
            f"this DER is cut off: it must have {size} bytes, and has {len(data)}"
        )
    if is_pfx(data):
        file = PfxFile.parse(data)
        is_encrypted = file.unencrypted is None
        return _key("pkcs12", "a PKCS#12 file (PFX)", file, is_encrypted=is_encrypted)
    if certificate := loaders.certificate(data):
        return "certificate", "none", "a certificate (X.509, DER)", certificate
    if request := loaders.request(data):
        return "csr", "none", "a certificate signing request (PKCS#10, DER)", request
    key_file = KeyFile.read_der(data)
    if key_file is None and is_pkcs7(data):
        return "certificate", "none", "certificates (PKCS#7, DER)", None
    if key_file is None:
        return None
    kind = "private" if key_file.is_private else "public"
    return _key("der", f"a {kind} key (DER)", key_file, is_encrypted=key_file.is_encrypted)


def _key(form: Form, words: str, parsed: object, *, is_encrypted: bool) -> _Found:
    if is_encrypted:
        return form, "passphrase", f"{words}, encrypted to a passphrase", parsed
    return form, "none", words, parsed


def _not_encrypted() -> NotEncryptedError:
    return NotEncryptedError("it is not encrypted, though a passphrase was given")
