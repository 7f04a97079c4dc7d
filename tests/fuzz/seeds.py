"""Valid files of every form, whose decryption is cheap."""

from __future__ import annotations

import base64
import json

import jwcrypto.jwe
import jwcrypto.jwk
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.hazmat.primitives.serialization.pkcs7 import serialize_certificates
from cryptography.hazmat.primitives.serialization.pkcs12 import PBES, serialize_key_and_certificates

from trustkeys import TrustFrameworkKeySet, testing
from trustkeys.formats import certificates, pem
from trustkeys.formats.jwe import encrypt_key

PASSWORD = "fuzz"
RECIPIENT = testing.rsa_key(4, use="enc")


def seeds() -> list[bytes]:
    """Return one file of each form."""
    key = certificates.self_signed(testing.rsa_key(0), "CN=fuzz,O=x", nbf=0, exp=2**31)
    (leaf,) = certificates.certificates_of(key)
    oct_key = testing.oct_key(0)
    private = key.private_key()
    curve = ec.generate_private_key(ec.SECP256R1())
    # 2,048 rounds, whatever is asked.
    pkcs8 = BestAvailableEncryption(PASSWORD.encode())
    traditional = PrivateFormat.TraditionalOpenSSL
    jwk, keys = key.to_jwk(private=True), [key, testing.rsa_key(1)]
    jwks = TrustFrameworkKeySet("fuzz", keys).to_jwks(private=True)
    answer = TrustFrameworkKeySet("fuzz", [oct_key]).to_graph()
    pfx = [
        serialize_key_and_certificates(b"fuzz", private, leaf, None, NoEncryption()),
        *(
            serialize_key_and_certificates(
                b"fuzz",
                private,
                leaf,
                None,
                PrivateFormat.PKCS12.encryption_builder()
                .kdf_rounds(2)
                .key_cert_algorithm(pbes)
                .hmac_hash(checksum)
                .build(PASSWORD.encode()),
            )
            for pbes, checksum in (
                (PBES.PBESv2SHA256AndAES256CBC, SHA256()),
                (PBES.PBESv1SHA1And3KeyTripleDESCBC, SHA1()),
            )
        ),
    ]
    pems = [
        pem.to_pem(key, private=True) + certificates.to_certificate_pem(key),
        pem.to_pem(key),
        private.private_bytes(Encoding.PEM, traditional, NoEncryption()),
        private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, pkcs8),
        curve.private_bytes(Encoding.PEM, traditional, NoEncryption()),
        private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()),
        serialize_certificates([leaf], Encoding.PEM),
        certificates.signing_request(key, "CN=fuzz"),
    ]
    return [
        *pems,
        *pfx,
        pem.to_der(key, private=True),
        pem.to_der(key),
        private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, pkcs8),
        curve.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        leaf.public_bytes(Encoding.DER),
        serialize_certificates([leaf], Encoding.DER),
        *(json.dumps(each).encode() for each in (jwk, key.to_jwk(), oct_key.to_jwk(private=True))),
        *(json.dumps(each, indent=1).encode() for each in (jwks, answer, {"value": [answer]})),
        json.dumps(jwk).encode("utf-16"),
        base64.encodebytes(pfx[0]),
        json.dumps(pems[0].decode()).encode(),
        *_jwes(json.dumps(jwk)),
        *_jwes(json.dumps(jwks)),
        encrypt_key(key, to=RECIPIENT).encode(),
        b'{"id": "a", "use": "sig", "kty": "RSA", "nbf": 5, "exp": 9}',
    ]


def _jwes(plaintext: str) -> list[bytes]:
    found = []
    for algorithms in (
        ["PBES2-HS256+A128KW", "A256GCM"],
        ["PBES2-HS512+A256KW", "A128CBC-HS256"],
    ):
        header = {"alg": algorithms[0], "enc": algorithms[1], "p2c": 1000}
        made = jwcrypto.jwe.JWE(plaintext, json.dumps(header))
        made.allowed_algs = algorithms
        made.add_recipient(jwcrypto.jwk.JWK.from_password(PASSWORD))
        found += [made.serialize(compact=True).encode(), made.serialize().encode()]
    return found
