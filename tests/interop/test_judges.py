"""Other libraries and openssl can use the keys. In CI a missing openssl is a failure."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from joserfc import jws as joserfc_jws
from joserfc.jwk import OctKey, RSAKey
from jwcrypto.jwe import JWE
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS

import trustkeys
from tests.support import openssl

SIGN = [
    ("RSA", 2048, "RS256"),
    pytest.param("RSA", 3072, "PS384", marks=pytest.mark.deep),
    ("oct", 256, "HS256"),
    ("oct", 512, "HS512"),
]
ENCRYPT = [("RSA", 2048, "RSA-OAEP-256"), ("oct", 256, "A256KW"), ("oct", 256, "dir")]


@pytest.mark.parametrize(("kty", "size", "alg"), SIGN)
def test_jwcrypto_signs_and_verifies(kty: str, size: int, alg: str) -> None:
    key = trustkeys.generate_key("sig", kty, size=size)
    token = JWS(b"payload")
    token.add_signature(JWK(**key.to_jwk(private=True)), protected=json.dumps({"alg": alg}))
    public = key.to_jwk(private=kty == "oct")
    received = JWS()
    received.deserialize(token.serialize(compact=True), JWK(**public))
    assert received.payload == b"payload"


@pytest.mark.parametrize(("kty", "size", "alg"), ENCRYPT)
def test_jwcrypto_encrypts_and_decrypts(kty: str, size: int, alg: str) -> None:
    key = trustkeys.generate_key("enc", kty, size=size)
    public = key.to_jwk(private=kty == "oct")
    token = JWE(b"payload", json.dumps({"alg": alg, "enc": "A256GCM"}))
    token.add_recipient(JWK(**public))
    received = JWE()
    received.deserialize(token.serialize(compact=True), JWK(**key.to_jwk(private=True)))
    assert received.payload == b"payload"


def test_jwcrypto_verifies_a_signature_of_joserfc() -> None:
    rsa = trustkeys.generate_key("sig", "RSA")
    token = joserfc_jws.serialize_compact(
        {"alg": "RS256"}, b"payload", RSAKey.import_key(rsa.to_jwk(private=True))
    )
    received = JWS()
    received.deserialize(token, rsa.to_jwcrypto())
    assert received.payload == b"payload"
    secret = trustkeys.generate_key("sig", "oct").to_jwk(private=True)
    assert OctKey.import_key(secret).thumbprint() == secret["kid"]


@pytest.mark.deep
@pytest.mark.parametrize("size", [2048, 3072, 4096])
def test_openssl_accepts_the_rsa_key(tmp_path: Path, size: int) -> None:
    key = trustkeys.generate_key("sig", "RSA", size=size)
    # jwcrypto makes the PEM from the JWK alone, so that no object of trustkeys helps.
    pem = JWK(**key.to_jwk(private=True)).export_to_pem(private_key=True, password=None)
    (tmp_path / "key.pem").write_bytes(pem)
    checked = openssl("rsa", "-in", "key.pem", "-check", "-noout", cwd=tmp_path)
    assert "RSA key ok" in checked
    assert f"({size} bit" in openssl("rsa", "-in", "key.pem", "-text", "-noout", cwd=tmp_path)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert openssl("pkey", "-in", "key.pem", "-pubout", cwd=tmp_path) == public.decode()
