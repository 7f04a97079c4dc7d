"""A PKCS#12 file opened: one of its private keys, with its certificates."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from attrs import evolve, field, frozen
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs12 import (
    PKCS12Certificate,
    PKCS12KeyAndCertificates,
)

from trustkeys.core.x5c import x5t_of
from trustkeys.errors import (
    InvalidInputError,
    MissingPassphraseError,
    NotEncryptedError,
    WrongPassphraseError,
)
from trustkeys.formats.certificates import opened_with_certificates
from trustkeys.formats.exported import octets
from trustkeys.formats.opened import OpenedKey
from trustkeys.formats.pfx import MAX_KEY_BYTES, Pfx, plain
from trustkeys.formats.plain_keys import PlainKey, is_for
from trustkeys.formats.protection import CONVERT_PFX, check_total
from trustkeys.formats.unwrapping import unwrapped
from trustkeys.wording import all_of, counted, shape

__tracebackhide__ = True

_LISTED = 5

_BAG = 45
"""The octets of a bag around a certificate, without attributes."""

_NAME = 20
"""The octets of a friendly name, without its characters."""

_ATTRIBUTES, _MAX_ATTRIBUTES = 25, 600
"""The octets of other attributes, of one certificate and of all, as Java writes them.

More would leave room for a key that takes long to check.
"""

_SMALLEST_KEY = 65
"""The octets of a bag with an Ed25519 key."""

_SMALLEST_RSA_KEY = 1000
"""An RSA key of 2,048 bits has 1,218 octets."""


# Only a PFX begins with version 3 (RFC 7292 section 4).
_BEGINNING = re.compile(
    rb"\x30(?:[\x00-\x80]|\x81.|\x82..|\x83...|\x84....)\x02\x01\x03", re.DOTALL
)


def is_pfx(data: bytes) -> bool:
    """Whether data begins as a PKCS#12 file does."""
    return _BEGINNING.match(data) is not None


@frozen(eq=False)
class PfxFile:
    """A PKCS#12 file, loaded unless that needs a passphrase.

    Attributes:
        pfx: Its structure, or None if it is cut off.
        unencrypted: What it holds, if an empty passphrase opens it.
    """

    pfx: Pfx | None = field(repr=False)
    unencrypted: PKCS12KeyAndCertificates | None = field(repr=False)

    @classmethod
    def parse(cls, data: bytes) -> PfxFile:
        """Parse a file, and load it if it needs no passphrase."""
        if not isinstance(data, bytes):
            raise InvalidInputError(f"a PKCS#12 file must be bytes, not {shape(data)}")
        pfx = Pfx.parse(unwrapped(data))
        is_open = pfx is not None and pfx.problem is None
        return cls(pfx, _load(pfx, b"") if pfx is not None and is_open else None)

    def open(self, password: str | None, alias: str | None = None) -> OpenedKey:
        """Open the file as `trustkeys.formats.pkcs12.from_pkcs12` does."""
        return self.key(password, alias).opened()

    def key(self, password: str | None, alias: str | None = None) -> PfxKey:
        """Decrypt the file, and choose one of its keys, of any algorithm.

        Raises:
            InvalidInputError: As `open`, but for the key itself and its certificates.
        """
        pfx = self.pfx
        if alias is not None and not isinstance(alias, str):
            raise InvalidInputError(f"alias must be text, not {shape(alias)}", target="alias")
        if pfx is None:
            raise InvalidInputError(
                "this must be a PKCS#12 file of at most 1 MiB: it is another file, or it is cut "
                "off, or was changed",
                code="AADB2C95025",
                target="key",
            )
        if pfx.problem is not None:
            raise InvalidInputError(pfx.problem)
        loaded, secret = self.unencrypted, b""
        if loaded is None:
            if password is None:
                raise MissingPassphraseError(
                    "it is encrypted, and the passphrase is missing", code="AADB2C95025"
                )
            secret = octets(password) if password else b""
            loaded = _load(pfx, secret)
            if loaded is None:
                raise _refusal(pfx, secret)
        elif password:
            raise NotEncryptedError("it is not encrypted, though a passphrase was given")
        found = [each for each in (loaded.cert, *loaded.additional_certs) if each is not None]
        key, own = _chosen(pfx, loaded, found, secret, alias)
        remarks = (*_hidden_key(pfx, found, key, secret), *_left_out(pfx))
        return PfxKey(key, own, tuple(each.certificate for each in found), remarks)


@frozen(eq=False)
class PfxKey:
    """A private key of a PKCS#12 file. Neither its numbers nor its certificates are checked.

    Attributes:
        key: The key, of any algorithm.
        own: Its certificate, if it is known which one of several it is.
        certificates: All certificates of the file.
        remarks: What was left out, in sentences for a person.
    """

    key: PlainKey
    own: x509.Certificate | None
    certificates: tuple[x509.Certificate, ...]
    remarks: tuple[str, ...]

    def opened(self) -> OpenedKey:
        """Check the key, which must be an RSA key, and its certificates."""
        members = self.key.members()
        if self.certificates:
            opened = opened_with_certificates(members, self.certificates, own=self.own)
        else:
            opened = OpenedKey.from_jwk(members)
        opened = self.key.restricted(opened)
        return evolve(opened, remarks=(*self.remarks, *opened.remarks))


def _load(pfx: Pfx, password: bytes) -> PKCS12KeyAndCertificates | None:
    """Load a file, unless it hides a key that is too large to check."""
    # .NET derives the keys of an empty passphrase in another way, which needs the checksum.
    if sum(pfx.encrypted) > MAX_KEY_BYTES:
        certificates = pfx.load_certificates(password)
        if certificates is None or _is_too_large(pfx, certificates.additional_certs):
            return None
    return pfx.load(password)


def _hidden(pfx: Pfx, certificates: Sequence[PKCS12Certificate]) -> int:
    """Return how many octets of the encrypted parts are neither certificates nor their names."""
    names = [each.friendly_name for each in _encrypted(pfx, certificates)]
    ders = [_der(each) for each in _encrypted(pfx, certificates)]
    return sum(pfx.encrypted) - sum(_BAG + len(der) for der in ders) - sum(map(_octets, names))


def _encrypted(pfx: Pfx, certificates: Sequence[PKCS12Certificate]) -> list[PKCS12Certificate]:
    return [each for each in certificates if _der(each) not in pfx.certificates]


def _der(certificate: PKCS12Certificate) -> bytes:
    return certificate.certificate.public_bytes(Encoding.DER)


def _octets(name: bytes | None) -> int:
    return 0 if name is None else _NAME + len(name.decode(errors="replace").encode("utf-16-be"))


def _is_too_large(pfx: Pfx, certificates: Sequence[PKCS12Certificate]) -> bool:
    """Whether encrypted parts perhaps hold a key that takes OpenSSL long to check."""
    attributes = min(_ATTRIBUTES * len(_encrypted(pfx, certificates)), _MAX_ATTRIBUTES)
    return _hidden(pfx, certificates) - attributes > MAX_KEY_BYTES


def _refusal(pfx: Pfx, password: bytes) -> InvalidInputError:
    """Return the reason why a file cannot be loaded."""
    certificates = pfx.load_certificates(password)
    keys = [key.load(password) for key in pfx.keys[:1]]
    for bag, key in zip(pfx.keys, keys, strict=False):
        is_other = key is not None and (not key.is_rsa or key.only_use == "enc")
        if key is not None and is_other and not bag.is_loaded(password):
            return InvalidInputError(
                f"it holds {key.name}, which is not read from PKCS#12", code="AADB2C95034"
            )
    # With nothing encrypted, only the checksum can tell.
    is_seen = bool(pfx.encrypted) or any(key.rounds for key in pfx.keys)
    is_right = is_seen and (bool(pfx.encrypted) or None not in keys)
    if certificates is None or not is_right:
        return WrongPassphraseError("the passphrase is wrong", code="AADB2C95025")
    if _is_too_large(pfx, certificates.additional_certs):
        text = "its encrypted parts hold something that is no certificate, and too large for a key"
    elif None in keys:
        text = (
            "the passphrase is right, and the private key is broken, of an unknown algorithm, or "
            "has another passphrase"
        )
    else:
        text = "the passphrase is right, and the checksum does not fit: the file was changed"
    return InvalidInputError(f"{text}; to convert it: {CONVERT_PFX}", code="AADB2C95034")


def _chosen(
    pfx: Pfx,
    loaded: PKCS12KeyAndCertificates,
    certificates: Sequence[PKCS12Certificate],
    password: bytes,
    alias: str | None,
) -> tuple[PlainKey, x509.Certificate | None]:
    """Return the wanted key, and its certificate if that is known."""
    named = _named(certificates, alias) if alias is not None else None
    if not pfx.keys:
        key = plain(loaded)
        if key is None:
            raise _no_key(pfx, certificates)
        if alias is not None and (named is None or not is_for(named, key)):
            raise InvalidInputError(
                "the private key is in an encrypted part, where trustkeys sees no name: leave the "
                "alias out",
                target="alias",
            )
        return key, None
    bags = [bag for bag in pfx.keys if alias is None or bag.name == alias]
    if alias is not None and not bags and named is not None:
        check_total(sum(bag.rounds for bag in pfx.keys))
        bags = [bag for bag in pfx.keys if is_for(named, bag.load(password))]
    if len(bags) != 1:
        raise _which(pfx, certificates, alias, len(bags))
    key = bags[0].load(password)
    if key is None and bags[0] is pfx.keys[0]:
        key = plain(loaded)  # OpenSSL takes the first one
    if key is None:
        raise InvalidInputError(
            "the private key is broken, or has another passphrase than the file",
            code="AADB2C95034",
        )
    if named is None and bags[0].name is not None:
        name = bags[0].name.encode()
        found = [each.certificate for each in certificates if each.friendly_name == name]
        of_key = [each for each in found if is_for(each, key)]
        named = of_key[0] if len(of_key) == 1 else None
    return key, named


def _named(certificates: Sequence[PKCS12Certificate], alias: str) -> x509.Certificate | None:
    """Return the certificate with a thumbprint."""
    digits = alias.replace(":", "").lower()
    for each in certificates:
        found = each.certificate
        if digits in (_sha1(found), found.fingerprint(SHA256()).hex()) or alias == x5t_of(found):
            return found
    return None


def _sha1(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(SHA1()).hex()  # noqa: S303 - an identifier


def _which(
    pfx: Pfx, certificates: Sequence[PKCS12Certificate], alias: str | None, found: int
) -> InvalidInputError:
    names = [_shown(bag.name) for bag in pfx.keys]
    held = f"the PKCS#12 file holds {counted(len(names), 'private key')} ({_listed(names)})"
    if alias is not None:
        held += f", and {found or 'none'} of that name"
    prints = [_sha1(each.certificate) for each in certificates]
    by = f", or by the SHA-1 of its certificate ({_listed(prints)})" if prints else ""
    return InvalidInputError(
        f"{held}: choose one by its name{by}, with --alias or in Python with alias=",
        code="AADB2C95034",
        target="alias",
    )


def _no_key(pfx: Pfx, certificates: Sequence[PKCS12Certificate]) -> InvalidInputError:
    held = [
        counted(len(certificates), "certificate") if certificates else "",
        counted(len(pfx.secrets), "secret key") if pfx.secrets else "",
        counted(pfx.crls, "revocation list") if pfx.crls else "",
        counted(pfx.others, "unknown bag") if pfx.others else "",
    ]
    found = all_of([each for each in held if each] or ["nothing"])
    convert = ": save the certificates with: openssl pkcs12 -legacy -in FILE -nokeys -out NEW.pem"
    hint = convert if certificates else ""
    return InvalidInputError(
        f"the PKCS#12 file must hold a private RSA key, and it holds {found}{hint}",
        code="AADB2C95034",
        target="key",
    )


def _hidden_key(
    pfx: Pfx, certificates: Sequence[PKCS12Certificate], key: PlainKey, password: bytes
) -> Iterator[str]:
    """Say if there is another key in an encrypted part."""
    if not pfx.keys:
        # OpenSSL takes the first one, and does not show any other.
        if _hidden(pfx, certificates) - len(key.der) > _SMALLEST_RSA_KEY:
            yield "an encrypted part seems to hold several keys: the others were left out"
    elif _hidden(pfx, certificates) >= _SMALLEST_KEY:
        found = pfx.load_hidden_key(password)
        if found is not None and found.identity != key.identity:
            yield f"left out {found.name}, which is in an encrypted part"


def _left_out(pfx: Pfx) -> Iterator[str]:
    if pfx.secrets:
        names = _listed([_shown(name) for name in pfx.secrets])
        yield f"left out {counted(len(pfx.secrets), 'secret key')}: {names}"
    if pfx.crls:
        yield f"left out {counted(pfx.crls, 'revocation list')}"
    if pfx.others:
        yield f"left out {counted(pfx.others, 'unknown bag')}"
    if not pfx.has_checksum:
        yield "the file has no checksum: nothing shows whether it was changed"


def _shown(name: str | None) -> str:
    if name is None:
        return "one without a name"
    return ascii(name) if len(name) <= 100 and name.isprintable() else "one with an unusual name"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _LISTED
    return all_of([*names[:_LISTED], f"{more} more"] if more > 0 else names)
