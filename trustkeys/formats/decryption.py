"""Decrypting private keys: encrypted PKCS#8 (RFC 5958), and PEM in the older way of RFC 1421.

The usual algorithms of PKCS#8 are put together here from those of `cryptography`, because its own
loader takes a key that it cannot read for a wrong passphrase. Of the outdated ones it has no parts.
"""

from __future__ import annotations

import re
from base64 import encodebytes
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm, Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from trustkeys.core.guarded import attempt
from trustkeys.core.private import Private
from trustkeys.errors import InvalidInputError, WrongPassphraseError
from trustkeys.formats import loaders, protection
from trustkeys.formats.pem_blocks import Block
from trustkeys.formats.plain_keys import MAX_DER, PlainKey, read_plain_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

__tracebackhide__ = True


@frozen(eq=False)
class EncryptedKey:
    """A private key as encrypted PKCS#8. Make one with `read_encrypted_key`."""

    _der: Private[bytes]
    # Its EncryptedPrivateKeyInfo, in the terms of asn1crypto.
    _info: Any = field(repr=False)

    @property
    def identity(self) -> object:
        """What two copies have in common."""
        return self._der.reveal()

    def check(self) -> None:
        """Check that decrypting takes a second at most, and that the algorithm is supported.

        Raises:
            InvalidInputError: As `protection.check_protection`; or the algorithm is not supported,
                or is an outdated one of a key that is too large. Code ``BadRequest``.
        """
        algorithm = self._info["encryption_algorithm"]
        protection.check_protection(algorithm)
        if attempt(_pbes2, algorithm) is None and not attempt(_is_loaded, algorithm):
            raise protection.unreadable(
                f"trustkeys does not read its encryption, {protection.name_of(algorithm)}",
                protection.CONVERT_KEY,
            )
        size = len(self._info["encrypted_data"].native)
        # Its loader computes the public number of a DSA or DH key, however large.
        if size > _MAX_LOADED and attempt(_pbes2, algorithm) is None:
            raise protection.unreadable(
                f"the encrypted key takes {size} bytes, and one of RSA-4096 takes 2,400: larger "
                "keys are not read in this encryption",
                protection.CONVERT_KEY,
            )

    def decrypt(self, password: bytes) -> PlainKey:
        """Decrypt the key.

        Raises:
            WrongPassphraseError: The passphrase is wrong, or the file was changed.
            InvalidInputError: As `check`; or there is no key inside. Code ``AADB2C95034``.
        """
        self.check()
        method = attempt(_pbes2, self._info["encryption_algorithm"])
        if method is None:
            return _plain(loaders.private_key(self._der.reveal(), password))
        content = attempt(method.decrypt, self._info["encrypted_data"].native, password)
        found = None if content is None else read_plain_key(content)
        if found is not None:
            return found
        # A wrong passphrase gives bytes that look padded once in 256 times, and never a sequence.
        if content is not None and attempt(_sequence, content):
            raise InvalidInputError(
                "the passphrase opens it, and it holds no key as PKCS#8", code="AADB2C95034"
            )
        raise _wrong()


@frozen(eq=False)
class TraditionalKey:
    """A private key as PKCS#1 or RFC 5915, encrypted by a header of PEM (RFC 1421)."""

    _block: Block = field(repr=False)

    @property
    def _info(self) -> tuple[str, str]:
        """The algorithm and the initialisation vector in the header."""
        name, _, iv = self._block.headers.get("DEK-Info", "").partition(",")
        return name.strip(), iv.strip()

    @property
    def is_curve(self) -> bool:
        """Whether it is an EC key, as its label says."""
        return self._block.label == "EC PRIVATE KEY"

    @property
    def identity(self) -> object:
        """What two copies have in common."""
        return self._block.der

    def check(self) -> None:
        """Check that the algorithm is supported, and that its header is whole.

        Raises:
            InvalidInputError: It is not. Code ``BadRequest``.
        """
        name, iv = self._info
        digits = _TRADITIONAL.get(name.upper())
        if digits is None and name:
            shown = name if re.fullmatch(r"[A-Za-z0-9-]{1,40}", name) else "an unknown algorithm"
            raise protection.unreadable(
                f"trustkeys does not read its encryption, {shown} in its PEM header",
                protection.CONVERT_KEY,
            )
        # cryptography panics on a short one.
        if digits is None or not re.fullmatch(f"[0-9A-Fa-f]{{{digits}}}", iv):
            raise InvalidInputError(
                "it is encrypted, and the line DEK-Info of its PEM is broken or missing"
            )

    def decrypt(self, password: bytes) -> PlainKey:
        """Decrypt the key.

        Raises:
            WrongPassphraseError: The passphrase is wrong, or the file was changed.
            InvalidInputError: As `check`.
        """
        self.check()
        # Written anew, so that no other header and no other label reaches the loader.
        kind = b"EC" if self.is_curve else b"RSA"
        lines = (
            b"-----BEGIN %b PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: " % kind,
            ",".join(self._info).upper().encode(),
            b"\n\n",
            encodebytes(self._block.der),
            b"-----END %b PRIVATE KEY-----\n" % kind,
        )
        return _plain(loaders.traditional_key(b"".join(lines), password))


def read_encrypted_key(der: bytes) -> EncryptedKey | None:
    """Read encrypted PKCS#8; return None if the data is none, or cut off."""
    return attempt(_encrypted_key, der) if len(der) <= MAX_DER else None


def _encrypted_key(der: bytes) -> EncryptedKey:
    from asn1crypto.keys import EncryptedPrivateKeyInfo

    from trustkeys.formats.asn1 import definite

    # With -v2 AES-128-WRAP-PAD, OpenSSL writes octets of no meaning as parameters.
    info = EncryptedPrivateKeyInfo.load(attempt(definite, der) or der, strict=True)
    info["encryption_algorithm"]["algorithm"].native  # noqa: B018 - parses it
    info["encrypted_data"].native  # noqa: B018
    return EncryptedKey(Private(attempt(_without_default, info) or der), info)


def _without_default(info: Any) -> bytes:
    """Write it again for cryptography, which reads no BER, and no default that is written out."""
    if info["encryption_algorithm"]["algorithm"].native == "pbes2":
        function = info["encryption_algorithm"]["parameters"]["key_derivation_func"]["parameters"]
        if function["prf"]["algorithm"].native == "sha1":
            # As asn1crypto knows the default: the one in the file has parameters.
            function["prf"] = {"algorithm": "sha1"}
    return bytes(info.dump(force=True))


@frozen
class _Pbes2:
    """The algorithms of PBES2 (RFC 8018 section 6.2)."""

    kdf: PBKDF2HMAC | Scrypt
    cipher: type[AES | TripleDES]
    iv: bytes

    def decrypt(self, data: bytes, password: bytes) -> bytes:
        """Decrypt; raise any exception if the passphrase is wrong."""
        algorithm: BlockCipherAlgorithm = self.cipher(self.kdf.derive(password))
        decryptor = Cipher(algorithm, CBC(self.iv)).decryptor()
        unpadder = PKCS7(algorithm.block_size).unpadder()
        padded = decryptor.update(data) + decryptor.finalize()
        return unpadder.update(padded) + unpadder.finalize()


def _pbes2(algorithm: Any) -> _Pbes2:
    """Return the algorithms of PBES2; raise any exception if one is not supported."""
    from trustkeys.formats.asn1 import ScryptParams

    parameters = algorithm["parameters"]
    function, scheme = parameters["key_derivation_func"], parameters["encryption_scheme"]
    cipher, length = _CIPHERS[scheme["algorithm"].dotted]
    iv = scheme["parameters"].native
    CBC(iv).validate_for_algorithm(cipher(bytes(length)))
    kdf: PBKDF2HMAC | Scrypt
    if function["algorithm"].dotted == protection.SCRYPT:
        found = function["parameters"].parse(ScryptParams)
        n, r, p = (found[name].native for name in ("cost", "block_size", "parallelization"))
        kdf = Scrypt(found["salt"].native, length, n, r, p)
    else:
        found = function["parameters"]
        prf = _PRFS[found["prf"]["algorithm"].dotted]
        kdf = PBKDF2HMAC(prf(), length, found["salt"].native, found["iteration_count"].native)
    if found["key_length"].native not in (None, length):
        raise ValueError
    return _Pbes2(kdf, cipher, iv)


def _is_loaded(algorithm: Any) -> bool:
    """Whether cryptography's own loader decrypts this one."""
    if algorithm["algorithm"].native != "pbes2":
        return algorithm["algorithm"].dotted in _LOADED
    parameters = algorithm["parameters"]
    scheme, function = parameters["encryption_scheme"], parameters["key_derivation_func"]
    # RFC 8018 appendix B.2.3: version 58 stands for 128 bits.
    return (
        scheme["algorithm"].native == "rc2"
        and scheme["parameters"]["rc2_parameter_version"].native == 58
        and len(scheme["parameters"]["iv"].native) == 8
        and function["algorithm"].native == "pbkdf2"
        and function["parameters"]["prf"]["algorithm"].dotted in _PRFS
    )


def _plain(key: PrivateKeyTypes | None) -> PlainKey:
    form = Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
    der = None if key is None else attempt(key.private_bytes, *form)
    found = None if der is None else read_plain_key(der)
    if found is None:
        raise _wrong()
    return found


def _sequence(data: bytes) -> bool:
    from asn1crypto.parser import parse

    kind, _, tag, *_ = parse(data, strict=True)
    return (kind, tag) == (0, 16)


def _wrong() -> WrongPassphraseError:
    return WrongPassphraseError("the passphrase is wrong, or the file was changed")


# RFC 8018 appendix B.1, and NIST's identifiers for SHA-3.
_PRFS: Mapping[str, type[hashes.HashAlgorithm]] = {
    "1.2.840.113549.2.6": hashes.MD5,
    "1.2.840.113549.2.7": hashes.SHA1,
    "1.2.840.113549.2.8": hashes.SHA224,
    "1.2.840.113549.2.9": hashes.SHA256,
    "1.2.840.113549.2.10": hashes.SHA384,
    "1.2.840.113549.2.11": hashes.SHA512,
    "1.2.840.113549.2.12": hashes.SHA512_224,
    "1.2.840.113549.2.13": hashes.SHA512_256,
    "2.16.840.1.101.3.4.2.13": hashes.SHA3_224,
    "2.16.840.1.101.3.4.2.14": hashes.SHA3_256,
    "2.16.840.1.101.3.4.2.15": hashes.SHA3_384,
    "2.16.840.1.101.3.4.2.16": hashes.SHA3_512,
}

# The ciphers in CBC mode, and the lengths of their keys in bytes.
_CIPHERS: Mapping[str, tuple[type[AES | TripleDES], int]] = {
    "2.16.840.1.101.3.4.1.2": (AES, 16),
    "2.16.840.1.101.3.4.1.22": (AES, 24),
    "2.16.840.1.101.3.4.1.42": (AES, 32),
    "1.2.840.113549.3.7": (TripleDES, 24),
}

_MAX_LOADED = 3072
"""The most octets of a key that cryptography's own loader decrypts."""

_LOADED = frozenset(
    {
        "1.2.840.113549.1.5.3",  # PBE-MD5-DES
        "1.2.840.113549.1.12.1.1",  # PBE-SHA1-RC4-128
        "1.2.840.113549.1.12.1.3",  # PBE-SHA1-3DES
        "1.2.840.113549.1.12.1.6",  # PBE-SHA1-RC2-40
    }
)

# The names in DEK-Info, and the hexadecimal digits of their initialisation vectors.
_TRADITIONAL = {"AES-128-CBC": 32, "AES-256-CBC": 32, "DES-EDE3-CBC": 16}
