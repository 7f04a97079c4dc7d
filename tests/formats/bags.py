"""PFX files (RFC 7292) that are put together by hand, as programs write them or nobody does."""

from __future__ import annotations

import hashlib
import hmac

from asn1crypto import core
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.support import der
from trustkeys import TrustFrameworkKey

PASSWORD = "secret"

SALT = b"saltsalt"

DATA, ENCRYPTED = "1.2.840.113549.1.7.1", "1.2.840.113549.1.7.6"
BAG = "1.2.840.113549.1.12.10.1"
PBES2, PBMAC1 = "1.2.840.113549.1.5.13", "1.2.840.113549.1.5.14"


def oid(dotted: str) -> bytes:
    data: bytes = core.ObjectIdentifier(dotted).dump()
    return data


def sequence(*parts: bytes) -> bytes:
    return der(0x30, *parts)


def octets(data: bytes) -> bytes:
    return der(4, data)


def bag(kind: str, value: bytes, name: str | None = None) -> bytes:
    """A SafeBag, with a friendly name if it has one."""
    text = b"" if name is None else der(0x1E, name.encode("utf-16-be"))
    named = sequence(oid("1.2.840.113549.1.9.20"), der(0x31, text))
    attributes = b"" if name is None else der(0x31, named)
    return sequence(oid(kind), der(0xA0, value), attributes)


def pkcs8(key: TrustFrameworkKey) -> bytes:
    form = Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
    return key.private_key().private_bytes(*form)


def key_bag(key: TrustFrameworkKey | bytes, name: str | None = None) -> bytes:
    return bag(f"{BAG}.1", key if isinstance(key, bytes) else pkcs8(key), name)


def shrouded_bag(key: TrustFrameworkKey | bytes, name: str | None = None) -> bytes:
    """A private key that is encrypted on its own."""
    algorithm, data = encrypted(key if isinstance(key, bytes) else pkcs8(key))
    return bag(f"{BAG}.2", sequence(algorithm, octets(data)), name)


def certificate_bag(certificate: x509.Certificate, name: str | None = None) -> bytes:
    content = octets(certificate.public_bytes(Encoding.DER))
    return bag(f"{BAG}.3", sequence(oid("1.2.840.113549.1.9.22.1"), der(0xA0, content)), name)


def crl_bag(crl: bytes) -> bytes:
    kind = oid("1.2.840.113549.1.9.23.1")
    return bag(f"{BAG}.4", sequence(kind, der(0xA0, octets(crl))))


def secret_bag(secret: bytes, name: str | None = None) -> bytes:
    """A secret key as Java's keystores hold it: in PKCS#8 that is encrypted on its own."""
    raw = sequence(der(2, b"\0"), sequence(oid("2.16.840.1.101.3.4.1")), octets(secret))
    algorithm, data = encrypted(raw)
    value = octets(sequence(algorithm, octets(data)))
    return bag(f"{BAG}.5", sequence(oid(f"{BAG}.2"), der(0xA0, value)), name)


def nested(*bags: bytes) -> bytes:
    return bag(f"{BAG}.6", sequence(*bags))


def plain_part(*bags: bytes) -> bytes:
    return sequence(oid(DATA), der(0xA0, octets(sequence(*bags))))


def encrypted_part(*bags: bytes, password: str = PASSWORD) -> bytes:
    algorithm, data = encrypted(sequence(*bags), password)
    content = sequence(oid(DATA), algorithm, der(0x80, data))
    return sequence(oid(ENCRYPTED), der(0xA0, sequence(der(2, b"\0"), content)))


def encrypted(data: bytes, password: str = PASSWORD) -> tuple[bytes, bytes]:
    """Encrypt with AES-256 and one round; return the AlgorithmIdentifier and the octets."""
    key = PBKDF2HMAC(hashes.SHA256(), 32, SALT, 1).derive(password.encode())
    padder = PKCS7(128).padder()
    encryptor = Cipher(AES(key), CBC(bytes(16))).encryptor()
    padded = padder.update(data) + padder.finalize()
    cipher = sequence(oid("2.16.840.1.101.3.4.1.42"), octets(bytes(16)))
    algorithm = sequence(oid(PBES2), sequence(pbkdf2(), cipher))
    return algorithm, encryptor.update(padded) + encryptor.finalize()


def pbkdf2(*, rounds: int = 1, length: int | None = None) -> bytes:
    numbers = [each for each in (rounds, length) if each is not None]
    integers = [core.Integer(each).dump() for each in numbers]
    prf = sequence(oid("1.2.840.113549.2.9"), der(5))
    return sequence(oid("1.2.840.113549.1.5.12"), sequence(octets(SALT), *integers, prf))


def pfx(*parts: bytes, mac: str | None = "sha256", password: str = PASSWORD) -> bytes:
    """A file of these parts; `mac` is its checksum: ``sha256``, ``pbmac1`` or None."""
    return file_of(sequence(*parts), mac=mac, password=password)


def file_of(contents: bytes, *, mac: str | None, password: str = PASSWORD) -> bytes:
    auth_safe = sequence(oid(DATA), der(0xA0, octets(contents)))
    return sequence(der(2, b"\3"), auth_safe, checksum(contents, mac, password))


def checksum(contents: bytes, mac: str | None, password: str = PASSWORD) -> bytes:
    """The MacData of the file with these octets in its AuthenticatedSafe."""
    if mac is None:
        return b""
    if mac == "pbmac1":  # RFC 9579
        key = PBKDF2HMAC(hashes.SHA256(), 32, SALT, 1).derive(password.encode())
        scheme = sequence(oid("1.2.840.113549.2.9"), der(5))
        algorithm = sequence(oid(PBMAC1), sequence(pbkdf2(length=32), scheme))
    else:
        # RFC 7292 appendix B.2, for a key that is as long as the hash.
        secret = (password + "\0").encode("utf-16-be")
        filled = [(text * 64)[: 64 * -(-len(text) // 64)] for text in (SALT, secret)]
        key = hashlib.sha256(b"\x03" * 64 + b"".join(filled)).digest()
        algorithm = sequence(oid("2.16.840.1.101.3.4.2.1"), der(5))
    digest = octets(hmac.digest(key, contents, "sha256"))
    return sequence(sequence(algorithm, digest), octets(SALT), der(2, b"\1"))


def indefinite(data: bytes) -> bytes:
    """The same in BER, as NSS writes it: no lengths, and octet strings in parts."""
    from asn1crypto.parser import parse

    parts: list[bytes] = []
    while data:
        kind, method, tag, header, content, trailer = parse(data)
        whole = header + content + trailer
        data = data[len(whole) :]
        if method:
            parts.append(header[:1] + b"\x80" + indefinite(content) + b"\0\0")
        elif (kind, tag) in ((0, 4), (2, 0)):
            half = len(content) // 2
            start = bytes([header[0] | 0x20]) + b"\x80"
            parts.append(start + octets(content[:half]) + octets(content[half:]) + b"\0\0")
        else:
            parts.append(whole)
    return b"".join(parts)
