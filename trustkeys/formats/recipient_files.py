"""The key of a recipient in a file that is no JSON: RSA, or EC on P-256, P-384 or P-521."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate

from trustkeys.core.guarded import attempt
from trustkeys.core.key import TrustFrameworkKey
from trustkeys.errors import InvalidInputError, NotEncryptedError
from trustkeys.formats import loaders, pem_blocks
from trustkeys.formats.certificate_files import holds_certificates, read_certificates
from trustkeys.formats.certificates import dates_of, opened_certificate, opened_key_file
from trustkeys.formats.chain import bad_chain, leaf_of, valid_until
from trustkeys.formats.key_files import KeyFile
from trustkeys.formats.key_usage import check_agreement
from trustkeys.formats.pfx_files import PfxFile, is_pfx
from trustkeys.formats.plain_keys import PlainKey, is_for, read_plain_key
from trustkeys.formats.unwrapping import unwrapped

__tracebackhide__ = True

_CURVES = ("P-256", "P-384", "P-521")


def read_recipient(
    content: bytes | PfxFile, password: str | None = None
) -> TrustFrameworkKey | Mapping[str, Any]:
    """Read a recipient's key.

    Args:
        content: PEM, DER, a certificate, or PKCS#12.
        password: The passphrase of an encrypted private key.

    Returns:
        The RSA key, or the JWK of the EC key, with `exp` if it has a certificate.

    Raises:
        PassphraseError: The passphrase is missing, wrong or not needed. Code ``BadRequest``.
        InvalidInputError: ``AADB2C95034`` no key, several, or one of another type or curve; the
            certificate's key usage does not allow encryption.
    """
    if isinstance(content, PfxFile) or is_pfx(content := unwrapped(content)):
        file = content if isinstance(content, PfxFile) else PfxFile.parse(content)
        found = file.key(password)
        if found.key.is_rsa:
            return found.opened().key(use="enc")
        return _curve_jwk(found.key, found.certificates, found.remarks)
    key_file = _key_file(content)
    if key_file is not None:
        key = key_file.key(password)
        if key.is_rsa:
            return opened_key_file(key_file, key, content).key(use="enc")
        beside = read_certificates(content) if holds_certificates(content) else ()
        return _curve_jwk(key, beside, key_file.remarks)
    certificates = read_certificates(content)
    if password is not None:
        raise NotEncryptedError("it is not encrypted, though a passphrase was given")
    own = leaf_of(certificates)
    key = _key_of(own)
    if key.is_rsa:
        return opened_certificate(certificates).key(use="enc")
    return _curve_jwk(key, [own], ())


def _key_file(data: bytes) -> KeyFile | None:
    """Return the key in a file, or None if it is to be read as certificates."""
    if not pem_blocks.is_pem(data):
        return KeyFile.read_der(data)
    has_key = any(label.endswith((" KEY", " KEY BLOCK")) for label in pem_blocks.labels(data))
    return KeyFile.read(data) if has_key or not holds_certificates(data) else None


def _key_of(certificate: Certificate) -> PlainKey:
    from trustkeys.formats.asn1 import public_key_of

    # cryptography does not return a key of an algorithm that it does not have.
    key = read_plain_key(public_key_of(certificate.public_bytes(Encoding.DER)))
    if key is None:
        raise bad_chain("the key of the certificate is broken")
    return key


def _curve_jwk(
    key: PlainKey, certificates: Sequence[Certificate], remarks: Iterable[str]
) -> dict[str, Any]:
    """Return the JWK of an EC key; refuse every other key by its name.

    Its `exp` is the last second of the certificate that is for the key.
    """
    if key.name not in [f"an EC key on {curve}" for curve in _CURVES]:
        raise InvalidInputError(
            "a recipient's key must be an RSA key, or an EC key on P-256, P-384 or P-521, and it "
            f"is {key.name}",
            code="AADB2C95034",
        )
    from jwcrypto.jwk import JWK  # slow to import, and only for EC

    found: Any = loaders.private_key(key.der) if key.is_private else loaders.public_key(key.der)
    jwk = None if found is None else attempt(JWK.from_pyca, found)
    if jwk is None:
        raise InvalidInputError(f"it is {key.name}, and broken", code="AADB2C95034")
    members: dict[str, Any] = jwk.export(
        private_key=isinstance(found, EllipticCurvePrivateKey), as_dict=True
    )
    for remark in remarks:
        warnings.warn(remark, stacklevel=3)
    chosen: dict[str, Any] = {
        name: members[name] for name in ("kty", "crv", "x", "y", "d") if name in members
    }
    if not certificates:
        return chosen
    of_key = [each for each in certificates if is_for(each, key)]
    if not of_key:
        raise bad_chain("none of the certificates is for this key")
    own = max(of_key, key=valid_until)
    check_agreement(own)
    return {**chosen, "exp": dates_of(own)[1]}
