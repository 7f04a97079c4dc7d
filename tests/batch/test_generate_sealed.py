"""`generate_sealed` and executors on other machines: only the recipient can read the keys."""

from __future__ import annotations

import json
import os
from concurrent.futures import (
    Executor,
    Future,
    ThreadPoolExecutor,
)
from itertools import repeat
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from jwcrypto.jwk import JWK

import trustkeys
from tests import support
from tests.batch.executors import (
    OCT,
    RSA,
    SECRET,
    Elsewhere,
    Pure,
    Taken,
    failed,
    numbered,
)
from trustkeys import (
    BatchError,
    InvalidInputError,
    TrustFrameworkKey,
    generate_keys,
    generate_sealed,
    testing,
)
from trustkeys.batch import generate_sealed_with_kids
from trustkeys.core.numericdate import utc
from trustkeys.formats.jwe import decrypt_key


def carried(pool: Elsewhere) -> str:
    return b"".join(pool.seen).decode("latin-1")


@pytest.mark.usefixtures("instant")
def test_other_executors_get_private_keys_only_with_allow_plain() -> None:
    pool = Elsewhere()
    asked = Taken(numbered())
    for executor in (pool, 5, SECRET, ThreadPoolExecutor, object()):
        with pytest.raises(
            InvalidInputError, match=r"For other executors use generate_sealed\(\)"
        ) as caught:
            generate_keys(asked, executor=executor)  # type: ignore[arg-type]
        assert caught.value.target == "executor"
        assert SECRET not in support.all_text_of(caught.value)
    assert (asked.count, pool.seen) == (0, [])
    (key,) = generate_keys(numbered(end=1), executor=pool, allow_plain=True)
    assert (key.nbf, key.has_private) == (0, True)
    # The executor sees the private key.
    assert support.leaks(carried(pool), key.to_jwk(private=True))
    for executor in (5, SECRET, ThreadPoolExecutor):
        with pytest.raises(InvalidInputError, match="executor must be"):
            generate_keys([], executor=executor, allow_plain=True)  # type: ignore[arg-type]
        with pytest.raises(InvalidInputError, match="executor must be a concurrent") as caught:
            generate_sealed([], to=key, executor=executor)  # type: ignore[arg-type]
        assert SECRET not in support.all_text_of(caught.value)


def test_an_executor_sees_no_private_key_of_sealed_keys(
    recipient: TrustFrameworkKey, curve_key: dict[str, Any]
) -> None:
    for to in (recipient, curve_key):
        pool = Elsewhere()
        (rsa, octets) = generate_sealed([RSA, OCT], to=to, executor=pool)
        assert pool.seen
        for text in (rsa, octets):
            key = decrypt_key(text, with_key=to)
            assert text in carried(pool)
            assert support.leaks(carried(pool), key.to_jwk(private=True)) == []
        private = to if isinstance(to, dict) else to.to_jwk(private=True)
        assert support.leaks(carried(pool), private) == []


def test_an_executor_that_caches_results_returns_different_keys(
    curve_key: dict[str, Any],
) -> None:
    pool = Pure()
    # This executor does not make an equal call again.
    assert pool.submit(os.urandom, 16).result() == pool.submit(os.urandom, 16).result()
    sealed = [
        text
        for _ in range(3)
        for text in generate_sealed(repeat(OCT, 10), to=curve_key, executor=pool)
    ]
    assert len({decrypt_key(text, with_key=curve_key).kid for text in sealed}) == 30
    keys = [
        key
        for _ in range(2)
        for key in generate_keys(repeat(RSA, 1), executor=pool, allow_plain=True)
    ]
    assert len({key.kid for key in keys}) == 2


@pytest.mark.parametrize("crv", ["P-256", "P-384", "P-521"])
def test_a_recipient_can_have_a_key_on_any_nist_curve(crv: str) -> None:
    private = JWK.generate(kty="EC", crv=crv)
    public = private.export_public(as_dict=True)
    for to in (public, private, json.dumps(public), json.dumps(public).encode()):
        (text,) = generate_sealed(numbered("oct", end=1), to=to)
        key = decrypt_key(text, with_key=private.export(as_dict=True))
        assert (key.nbf, support.header_of(text)["kid"]) == (0, private.thumbprint())


def test_sealed_keys_name_the_recipient_as_it_names_itself() -> None:
    to = JWK.generate(kty="EC", crv="P-256", kid="alice").export(as_dict=True)
    (text,) = generate_sealed(numbered("oct", end=1), to=to)
    assert support.header_of(text)["kid"] == "alice"


def test_a_recipient_can_have_an_ec_key_in_a_file() -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    public = private.public_key()
    form = PublicFormat.SubjectPublicKeyInfo
    subject = x509.Name.from_rfc4514_string("CN=a")
    builder = x509.CertificateBuilder(subject, subject, public, 1, utc(0), utc(9))
    leaf = builder.sign(private, SHA256())
    pkcs8 = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    kid = JWK.from_pyca(public).thumbprint()
    d = JWK.from_pyca(private).export(as_dict=True)["d"]
    for to in (
        public.public_bytes(Encoding.PEM, form),
        public.public_bytes(Encoding.DER, form),
        leaf.public_bytes(Encoding.PEM),
        leaf.public_bytes(Encoding.DER),
        pkcs8,
    ):
        pool = Elsewhere()
        (text,) = generate_sealed([OCT], to=to, executor=pool)
        assert support.header_of(text)["kid"] == kid
        key = decrypt_key(text, with_key=pkcs8)
        assert support.leaks(carried(pool), {**key.to_jwk(private=True), "d": d}) == []
        assert pkcs8.splitlines()[1].decode() not in carried(pool)


@pytest.mark.deep
def test_a_recipient_can_have_an_rsa_key_in_any_form(recipient: TrustFrameworkKey) -> None:
    jwk = recipient.to_jwk()
    nameless = {name: jwk[name] for name in ("kty", "e", "n")}
    for to in (recipient, recipient.public(), jwk, json.dumps(jwk), JWK(**jwk), nameless):
        ((kid, text),) = generate_sealed_with_kids(numbered("oct", end=1), to=to)
        key = decrypt_key(text, with_key=recipient)
        assert (key.nbf, key.kid) == (0, kid)


@pytest.mark.usefixtures("instant")
def test_a_wrong_recipient_is_refused_before_a_request_is_taken(
    recipient: TrustFrameworkKey,
) -> None:
    asked = Taken(numbered())
    wrong: list[Any] = [
        testing.rsa_key(0, use="enc"),
        testing.rsa_key(0, use="enc").to_jwk(),
        trustkeys.generate_key("enc", "oct"),
        {**recipient.to_jwk(), "use": "sig"},
        {"kty": "EC"},
        "{}",
        None,
    ]
    for to in wrong:
        with pytest.raises(InvalidInputError):
            generate_sealed(asked, to=to)
    assert asked.count == 0


@pytest.mark.usefixtures("instant")
def test_test_keys_are_not_sealed(recipient: TrustFrameworkKey) -> None:
    for executor in (None, Elsewhere()):
        texts = generate_sealed([OCT], to=recipient, executor=executor)
        error = failed(texts, 0, "BadRequest", "this is a test key of trustkeys")
        assert error.__cause__ is not None


class Answering(Executor):
    """An executor that always returns the same answer."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def submit(self, *_: Any, **__: Any) -> Future[Any]:
        answered: Future[Any] = Future()
        answered.set_result(self.answer)
        return answered


JWE_TEXT = "a.b.c.d.e"


@pytest.mark.parametrize(
    "answer",
    [
        ("../../kid", JWE_TEXT),
        ("", JWE_TEXT),
        ("k" * 65, JWE_TEXT),
        ("kid\n", JWE_TEXT),
        ("kid", "a.b.c.d"),
        ("kid", f"{JWE_TEXT}\n{{}}"),
        ("kid", None),
        (5, JWE_TEXT),
        ("kid", JWE_TEXT, ""),
        SECRET,
        None,
    ],
)
def test_what_an_executor_returns_is_checked(answer: object, recipient: TrustFrameworkKey) -> None:
    """A kid becomes the name of a file, so a wrong one could overwrite any file."""
    sealed = generate_sealed([RSA], to=recipient, executor=Answering(answer))
    with pytest.raises(BatchError, match="the executor must return the kid and the JWE") as caught:
        next(sealed)
    assert SECRET not in support.all_text_of(caught.value)
    good = generate_sealed([RSA], to=recipient, executor=Answering(("kid", JWE_TEXT)))
    assert list(good) == [JWE_TEXT]
