"""The content of files that ask for much."""

from __future__ import annotations

import base64
import itertools
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from asn1crypto import algos, cms, core, keys, pkcs12
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from trustkeys import TrustFrameworkKey
from trustkeys.core.base64url import base64url_encode, uint_encode
from trustkeys.core.numericdate import utc
from trustkeys.core.rsa import rsa_members, rsa_public_members

MANY = 5000
"""The most keys that a set may have."""

FULL = 2**24
"""The largest document, in bytes."""


def pbkdf2(rounds: int, prf: str = "1.2.840.113549.2.9") -> algos.EncryptionAlgorithm:
    """PBES2 with PBKDF2 and AES-256."""
    parameters = algos.Pbkdf2Params(
        {
            "salt": algos.Pbkdf2Salt("specified", core.OctetString(bytes(16))),
            "iteration_count": rounds,
            "prf": {"algorithm": prf, "parameters": core.Null()},
        }
    )
    return _pbes2("1.2.840.113549.1.5.12", parameters)


def scrypt(n: int, r: int, p: int) -> algos.EncryptionAlgorithm:
    """PBES2 with scrypt and AES-256."""
    numbers = [core.OctetString(bytes(16)), *map(core.Integer, (n, r, p))]
    return _pbes2("1.3.6.1.4.1.11591.4.11", _sequence(*numbers))


def _pbes2(derivation: str, parameters: Any) -> algos.EncryptionAlgorithm:
    function = _sequence(core.ObjectIdentifier(derivation), parameters)
    cipher = _sequence(
        core.ObjectIdentifier("2.16.840.1.101.3.4.1.42"), core.OctetString(bytes(16))
    )
    pbes2 = _sequence(core.ObjectIdentifier("1.2.840.113549.1.5.13"), _sequence(function, cipher))
    return algos.EncryptionAlgorithm.load(pbes2.dump())


def _sequence(*values: Any) -> Any:
    return core.Sequence.load(_der(0x30, b"".join(value.dump() for value in values)))


def _der(tag: int, content: bytes) -> bytes:
    size = len(content).to_bytes(4).lstrip(b"\0") or b"\0"
    length = size if len(content) < 128 else bytes([0x80 | len(size)]) + size
    return bytes([tag]) + length + content


def pkcs8(algorithm: algos.EncryptionAlgorithm) -> bytes:
    """Encrypted PKCS#8 that no passphrase opens."""
    return _sequence(algorithm, core.OctetString(bytes(1232))).dump()  # type: ignore[no-any-return]


def pfx(
    parts: Sequence[algos.EncryptionAlgorithm],
    *,
    bags: Sequence[bytes] = (),
    mac_rounds: int | None = 1,
) -> bytes:
    """A PFX with encrypted parts and bags, and a wrong checksum unless `mac_rounds` is None."""
    contents = [
        cms.ContentInfo(
            {
                "content_type": "encrypted_data",
                "content": {
                    "version": "v0",
                    "encrypted_content_info": {
                        "content_type": "data",
                        "content_encryption_algorithm": algorithm,
                        "encrypted_content": bytes(1232),
                    },
                },
            }
        ).dump()
        for algorithm in parts
    ]
    contents.append(_data(_der(0x30, b"".join(bags))))
    fields = {
        "version": "v3",
        "auth_safe": cms.ContentInfo.load(_data(_der(0x30, b"".join(contents)))),
    }
    if mac_rounds is not None:
        fields["mac_data"] = {
            "mac": {"digest_algorithm": {"algorithm": "sha512"}, "digest": bytes(64)},
            "mac_salt": bytes(8),
            "iterations": mac_rounds,
        }
    made: bytes = pkcs12.Pfx(fields).dump()
    return made


def _data(content: bytes) -> bytes:
    made: bytes = cms.ContentInfo(
        {"content_type": "data", "content": core.OctetString(content)}
    ).dump()
    return made


def bag(kind: str, value: bytes) -> bytes:
    """A SafeBag of a PFX (RFC 7292 section 4.2)."""
    return _der(0x30, core.ObjectIdentifier(kind).dump() + _der(0xA0, value))


def shrouded(algorithm: algos.EncryptionAlgorithm) -> bytes:
    """A bag with an encrypted key."""
    return bag("1.2.840.113549.1.12.10.1.2", pkcs8(algorithm))


def certificate_bag(der: bytes) -> bytes:
    """A bag with a certificate."""
    kind = core.ObjectIdentifier("1.2.840.113549.1.9.22.1").dump()
    value = _der(0x30, kind + _der(0xA0, core.OctetString(der).dump()))
    return bag("1.2.840.113549.1.12.10.1.3", value)


@cache
def real_key(number: int, size: int = 2048) -> TrustFrameworkKey:
    """A new RSA key for each number, since the command refuses test keys."""
    members = rsa_members(rsa.generate_private_key(65537, size))
    return TrustFrameworkKey.from_jwk({"kty": "RSA", **members}, use="sig", kid=f"k{number}")


_Issuer = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def certificate(
    subject: str, key: _Issuer, issuer: str, by: _Issuer, *, units: int = 0
) -> x509.Certificate:
    """A certificate. `units` is the number of further names in its subject."""
    parts = ",".join([f"CN={subject}", *["OU=unit"] * units])
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name.from_rfc4514_string(parts))
        .issuer_name(x509.Name.from_rfc4514_string(f"CN={issuer}"))
        .public_key(key.public_key())
        .serial_number(2**63)
        .not_valid_before(utc(0))
        .not_valid_after(utc(4_000_000_000))
        .sign(by, SHA256())
    )


def _with_serials(made: x509.Certificate, count: int) -> Iterator[bytes]:
    """Other certificates, whose signatures nobody verifies."""
    serial = (2**63).to_bytes(9)
    before, after = made.public_bytes(Encoding.DER).split(serial, 1)
    return (before + (2**63 + each).to_bytes(9) + after for each in range(1, count + 1))


def small_certificates(count: int) -> list[bytes]:
    """Certificates in DER."""
    key = ec.generate_private_key(ec.SECP256R1())
    return [*_with_serials(certificate("a", key, "a", key), count)]


def many_in_pfx() -> bytes:
    """A PFX without a passphrase, of a key and many certificates."""
    form = Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
    key = bag("1.2.840.113549.1.12.10.1.1", real_key(0).private_key().private_bytes(*form))
    return pfx((), bags=[key, *map(certificate_bag, small_certificates(2500))], mac_rounds=None)


def possible_issuers(count: int) -> bytes:
    """The certificate of an RSA key, and others that all could have issued it, of a slow curve."""
    by, slow = (ec.generate_private_key(ec.BrainpoolP512R1()) for _ in range(2))
    leaf = certificate("leaf", real_key(0).private_key(), "a", by)
    others = _with_serials(certificate("a", slow, "b", slow), count)
    return leaf.public_bytes(Encoding.PEM) + b"".join(_pem("CERTIFICATE", each) for each in others)


def long_exponent() -> bytes:
    """A certificate whose issuer has a long public exponent."""
    by = rsa.generate_private_key(65537, 3072)
    leaf = certificate("leaf", real_key(0).private_key(), "a", by)
    issuer = asn1.Certificate.load(certificate("a", by, "b", by).public_bytes(Encoding.DER))
    n = by.public_key().public_numbers().n
    numbers = {"modulus": n, "public_exponent": n >> 2 | 1}
    info = issuer["tbs_certificate"]["subject_public_key_info"]
    info["public_key"] = keys.RSAPublicKey(numbers)
    return leaf.public_bytes(Encoding.PEM) + _pem("CERTIFICATE", issuer.dump(force=True))


def pkcs7() -> bytes:
    """A .p7b in DER."""
    choices = [
        cms.CertificateChoices("certificate", asn1.Certificate.load(each))
        for each in small_certificates(2500)
    ]
    signed = {
        "version": "v1",
        "digest_algorithms": [],
        "encap_content_info": {"content_type": "data"},
        "certificates": choices,
        "signer_infos": [],
    }
    made: bytes = cms.ContentInfo({"content_type": "signed_data", "content": signed}).dump()
    return made


def long_names() -> bytes:
    """A certificate whose subject has as many parts as fit."""
    key = real_key(0).private_key()
    return certificate("a", key, "a", key, units=40_000).public_bytes(Encoding.PEM)


def _pem(label: str, der: bytes) -> bytes:
    text = base64.encodebytes(der).decode()
    return f"-----BEGIN {label}-----\n{text}-----END {label}-----\n".encode()


def pem_blocks(label: str) -> bytes:
    """Blocks of PEM with nothing useful in them."""
    return _pem(label, b"x" * 30) * 100_000


def deep_der(octets: int) -> bytes:
    """Sequences in sequences, each of indefinite length."""
    return b"\x30\x80" * (octets // 2)


def many_parts(*, lists: int = 1, octets: int = 12_000_000) -> bytes:
    """Lists in DER, one in the other, of many small parts, as an OCSP request or a CRL has."""
    made = b"\x30\0" * (octets // 2)
    for _ in range(lists):
        made = _der(0x30, made)
    return made


def many_signers() -> bytes:
    """PKCS#7 with a million parts in the place of its certificates."""
    signed = core.ObjectIdentifier("1.2.840.113549.1.7.2").dump()
    return _der(0x30, signed + _der(0xA0, _der(0x30, b"\5\0" * 10**6)))


def old_pem() -> bytes:
    """PEM in the way of RFC 1421, with an empty initialisation vector."""
    text = base64.encodebytes(bytes(64)).decode()
    headers = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,\n\n"
    label = "RSA PRIVATE KEY"
    return f"-----BEGIN {label}-----\n{headers}{text}-----END {label}-----\n".encode()


def recipients(count: int, rounds: int) -> bytes:
    """A JWE as JSON, for many passphrases."""
    header = {"alg": "PBES2-HS512+A256KW", "p2c": rounds, "p2s": base64url_encode(bytes(16))}
    one = {"header": header, "encrypted_key": base64url_encode(bytes(40))}
    return json_of(
        {
            "protected": base64url_encode(json_of({"enc": "A256GCM"})),
            "recipients": [one] * count,
            "iv": base64url_encode(bytes(12)),
            "ciphertext": base64url_encode(bytes(64)),
            "tag": base64url_encode(bytes(16)),
        }
    )


def _set(jwks: Sequence[Mapping[str, Any]]) -> bytes:
    numbered = [{"use": "sig", "kid": f"k{number}", **jwk} for number, jwk in enumerate(jwks)]
    return json_of({"id": "B2C_1A_hostile", "keys": numbered})


def json_of(value: Any, *, ensure_ascii: bool = True) -> bytes:
    """JSON without white space."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=ensure_ascii).encode()


def private_keys(members: Sequence[str] = (), count: int = 4900) -> bytes:
    """A set of private keys, of which only three are different."""
    jwks = [real_key(number, 4096).to_jwk(private=True) for number in range(3)]
    names = members or ("n", "e", "d", "p", "q", "dp", "dq", "qi")
    chosen = [{"kty": "RSA", **{name: jwk[name] for name in names}} for jwk in jwks]
    return _set([*itertools.islice(itertools.cycle(chosen), count)])


def public_keys(bits: int, **members: str) -> bytes:
    """A set of public keys that look sound."""
    draw = random.Random(bits)  # noqa: S311 - no secrets
    jwks = []
    for _ in range(MANY):
        n = draw.getrandbits(bits) | 1 << (bits - 1) | 1
        jwks.append({"kty": "RSA", "n": uint_encode(n), "e": "AQAB", **members})
    return _set(jwks)


def oct_keys(count: int) -> bytes:
    """A set of secrets with `count` members that trustkeys does not know."""
    draw = random.Random(count)  # noqa: S311 - no secrets
    others = {f"m{number}": 0 for number in range(count)}
    return _set(
        [{"kty": "oct", "k": base64url_encode(draw.randbytes(32)), **others} for _ in range(MANY)]
    )


def chains(curve: ec.EllipticCurve) -> bytes:
    """A set of keys that all have a certificate and nine issuers."""
    authorities = [ec.generate_private_key(curve) for _ in range(9)]
    private_key = real_key(0).private_key()
    made = [certificate("leaf", private_key, "c0", authorities[0])]
    for number, (key, by) in enumerate(itertools.pairwise([*authorities, authorities[-1]])):
        made.append(certificate(f"c{number}", key, f"c{number + 1}", by))
    x5c = [base64.b64encode(each.public_bytes(Encoding.DER)).decode() for each in made]
    jwk = {"kty": "RSA", **rsa_public_members(private_key.public_key()), "x5c": x5c}
    return _set([jwk] * min(MANY, (FULL - 100) // (len(json_of(jwk)) + 30)))


def secrets() -> bytes:
    """Secrets of 256 bits in base64, between what other views of the text leave out."""
    draw = random.Random(0)  # noqa: S311 - no secrets
    count = FULL // 45
    return b"".join(base64.b64encode(draw.randbytes(32))[:43] + b"\\\0" for _ in range(count))


def base64_of_base64() -> bytes:
    """As many layers as fit."""
    data = b"0" * 6_000_000
    while len(data) * 4 / 3 < FULL:
        data = base64.b64encode(data)
    return data
