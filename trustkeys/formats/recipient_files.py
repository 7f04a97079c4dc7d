"""The key of a recipient in PEM, DER or a certificate: RSA, or EC on P-256, P-384 or P-521."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate
from jwcrypto.jwk import JWK

from trustkeys.core.guarded import attempt
from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.strict_json import as_utf8
from trustkeys.errors import InvalidInputError, NotEncryptedError
from trustkeys.formats import loaders, pem_blocks
from trustkeys.formats.certificate_files import holds_certificates, read_certificates
from trustkeys.formats.certificates import dates_of, opened_certificate, opened_key_file
from trustkeys.formats.chain import bad_chain, leaf_of, valid_until
from trustkeys.formats.key_files import KeyFile
from trustkeys.formats.key_usage import check_agreement
from trustkeys.formats.plain_keys import PlainKey, read_plain_key

__tracebackhide__ = True

_CURVES = ("P-256", "P-384", "P-521")


def read_recipient(
    data: bytes, password: str | None = None
) -> TrustFrameworkKey | Mapping[str, Any]:
    """Read a recipient's key.

    Args:
        data: The file's content.
        password: The passphrase of an encrypted private key.

    Returns:
        The RSA key, or the JWK of the EC key, with `exp` if it has a certificate.

    Raises:
        PassphraseError: The passphrase is missing, wrong or not needed. Code ``BadRequest``.
        InvalidInputError: ``AADB2C95034`` no key, several, or one of another type or curve; the
            certificate's key usage does not allow encryption.
    """
    data = as_utf8(data)
    file = _key_file(data)
    if file is not None:
        key = file.key(password)
        if key.is_rsa:
            return opened_key_file(file, key, data).key(use="enc")
        jwk = _curve_jwk(key)
        for remark in file.remarks:
            warnings.warn(remark, stacklevel=2)
        own = _own_certificate(data, key) if holds_certificates(data) else None
    else:
        certificates = read_certificates(data)
        if password is not None:
            raise NotEncryptedError("it is not encrypted, though a passphrase was given")
        own = leaf_of(certificates)
        key = _key_of(own)
        if key.is_rsa:
            return opened_certificate(certificates).key(use="enc")
        jwk = _curve_jwk(key)
    if own is not None:
        check_agreement(own)
        jwk["exp"] = dates_of(own)[1]
    return jwk


def _key_file(data: bytes) -> KeyFile | None:
    """Return the key in a file, or None if it is to be read as certificates."""
    if not pem_blocks.is_pem(data):
        return KeyFile.read_der(data)
    has_key = any(label.endswith((" KEY", " KEY BLOCK")) for label in pem_blocks.labels(data))
    return KeyFile.read(data) if has_key or not holds_certificates(data) else None


def _own_certificate(data: bytes, key: PlainKey) -> Certificate:
    found = [each for each in read_certificates(data) if _key_of(each).identity == key.identity]
    if not found:
        raise bad_chain("none of the certificates is for this key")
    return max(found, key=valid_until)


def _key_of(certificate: Certificate) -> PlainKey:
    from trustkeys.formats.asn1 import public_key_of

    # cryptography does not return a key of an algorithm that it does not have.
    key = read_plain_key(public_key_of(certificate.public_bytes(Encoding.DER)))
    if key is None:
        raise bad_chain("the key of the certificate is broken")
    return key


def _curve_jwk(key: PlainKey) -> dict[str, Any]:
    """Return the JWK of an EC key; refuse every other key by its name."""
    if key.name not in [f"an EC key on {curve}" for curve in _CURVES]:
        raise InvalidInputError(
            "a recipient's key must be an RSA key, or an EC key on P-256, P-384 or P-521, and it "
            f"is {key.name}",
            code="AADB2C95034",
        )
    found: Any = loaders.private_key(key.der) if key.is_private else loaders.public_key(key.der)
    jwk = None if found is None else attempt(JWK.from_pyca, found)
    if jwk is None:
        raise InvalidInputError(f"it is {key.name}, and broken", code="AADB2C95034")
    members: dict[str, Any] = jwk.export(
        private_key=isinstance(found, EllipticCurvePrivateKey), as_dict=True
    )
    return {name: members[name] for name in ("kty", "crv", "x", "y", "d") if name in members}
