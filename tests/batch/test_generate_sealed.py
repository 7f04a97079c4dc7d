"""`generate_sealed` and executors on other machines: only the recipient can read the keys."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import (
    Executor,
    Future,
    ThreadPoolExecutor,
)
from itertools import groupby, repeat
from math import ceil
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

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
from hypothesis import given
from hypothesis import strategies as st
from jwcrypto.jwk import JWK

import trustkeys
from tests import support
from tests.batch.executors import (
    OCT,
    RSA,
    SECRET,
    Elsewhere,
    Held,
    Pure,
    Taken,
    failed,
    numbered,
)
from trustkeys import (
    BatchError,
    GenerateKeyRequest,
    InvalidInputError,
    TrustFrameworkKey,
    batch,
    generate_keys,
    generate_sealed,
    tasks,
    testing,
)
from trustkeys.batch import MAX_SEALED, generate_sealed_with_kids
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


KID = "k" * 43

JWE_TEXT = f"eyJhbGciOiJ9.e.{'i' * 16}.c.{'t' * 22}"


@pytest.mark.parametrize(
    "answer",
    [
        [("../../kid".ljust(43, "k"), JWE_TEXT)],
        [("", JWE_TEXT)],
        [("k" * 44, JWE_TEXT)],
        [(f"{KID[1:]}\n", JWE_TEXT)],
        [(KID, "eyJ.b.c.d")],
        [(KID, JWE_TEXT.replace("i" * 16, "i" * 15))],
        [(KID, f"{JWE_TEXT}\n{{}}")],
        [(KID, JWE_TEXT.replace("c", "c" * MAX_SEALED))],
        [(KID, None)],
        [(5, JWE_TEXT)],
        [(KID, JWE_TEXT, "")],
        [SECRET],
        [None],
        [],
        [(KID, JWE_TEXT)] * 2,
        (KID, JWE_TEXT),
        SECRET,
        None,
    ],
)
def test_what_an_executor_returns_is_checked(answer: object, recipient: TrustFrameworkKey) -> None:
    """A kid becomes the name of a file, so a wrong one could overwrite any file."""
    sealed = generate_sealed([RSA], to=recipient, executor=Answering(answer))
    got: list[str] = []
    with pytest.raises(BatchError, match="the executor must return ") as caught:
        got.extend(sealed)
    assert len(got) <= 1, "nobody asked for more"
    assert SECRET not in support.all_text_of(caught.value)
    good = generate_sealed([RSA], to=recipient, executor=Answering([(KID, JWE_TEXT)]))
    assert list(good) == [JWE_TEXT]


# --- oct keys, which go in groups


@pytest.mark.parametrize("count", [1, 100, 101])
def test_oct_keys_go_to_other_processes_in_groups(count: int, curve_key: dict[str, Any]) -> None:
    """On a cluster a task takes longer than an oct key."""
    pool = Elsewhere()
    texts = list(generate_sealed(numbered("oct", end=count), to=curve_key, executor=pool))
    assert len(pool.seen) == 2 * ceil(count / 100)
    keys = [decrypt_key(text, with_key=curve_key) for text in texts]
    assert [key.nbf for key in keys] == list(range(count))
    assert len({key.kid for key in keys}) == count


@pytest.mark.usefixtures("instant", "test_keys_allowed")
@given(st.lists(st.sampled_from(["RSA", "oct"]), max_size=12), st.integers(1, 4))
def test_groups_keep_the_order(curve_key: dict[str, Any], ktys: list[str], most: int) -> None:
    asked = [GenerateKeyRequest("sig", kty, nbf=number) for number, kty in enumerate(ktys)]
    pool = Elsewhere()
    with patch.object(tasks, "OCT_KEYS", most):
        texts = list(generate_sealed(asked, to=curve_key, executor=pool))
    assert [support.header_of(text)["cty"] for text in texts] == ["jwk+json"] * len(asked)
    runs = [(kty, len(list(run))) for kty, run in groupby(ktys)]
    sent = sum(ceil(length / most) if kty == "oct" else length for kty, length in runs)
    assert len(pool.seen) == 2 * sent


def test_infinite_requests_for_oct_keys_are_taken_as_the_groups_are(
    curve_key: dict[str, Any],
) -> None:
    requests = Taken(numbered("oct"))
    sealed = generate_sealed(requests, to=curve_key, executor=Held(wanted=1600), workers=1)
    assert requests.count == 0
    sealed.close()
    pool = Answering([(KID, JWE_TEXT)] * 100)
    sealed = generate_sealed(requests, to=curve_key, executor=pool, workers=1)
    for _ in range(100):
        next(sealed)
        assert requests.count == 1600
    next(sealed)
    assert requests.count == 1700
    # Threads share the memory, so they get single requests.
    alone = Taken(numbered("oct"))
    sealed = generate_sealed(alone, to=curve_key, workers=1)
    next(sealed)
    assert alone.count == 16
    sealed.close()


@pytest.fixture
def fives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send oct keys in groups of five."""
    monkeypatch.setattr(tasks, "OCT_KEYS", 5)


@pytest.mark.parametrize("done", [0, 1, 4, 5, 7])
@pytest.mark.usefixtures("fives")
def test_failing_requests_lose_no_key_of_their_group(done: int, curve_key: dict[str, Any]) -> None:
    cause = ZeroDivisionError(SECRET)

    def asked() -> Iterator[GenerateKeyRequest]:
        yield from numbered("oct", end=done)
        raise cause

    sealed = generate_sealed(asked(), to=curve_key, executor=Elsewhere())
    error = failed(sealed, done, "ZeroDivisionError", "ZeroDivisionError")
    assert error.__cause__ is cause


@pytest.mark.parametrize("done", [0, 1, 4, 5, 7])
@pytest.mark.usefixtures("fives")
def test_an_error_in_a_group_loses_no_key_before_it(
    done: int, curve_key: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[GenerateKeyRequest] = []

    def generate(request: GenerateKeyRequest) -> TrustFrameworkKey:
        made.append(request)
        if len(made) == done + 1:
            raise InvalidInputError("no more of them", code="AADB2C95031", target="kty")
        return trustkeys.generate(request)

    monkeypatch.setattr(batch, "generate", generate)
    sealed = generate_sealed(numbered("oct", end=9), to=curve_key, executor=Elsewhere())
    error = failed(sealed, done, "AADB2C95031", "no more of them")
    assert isinstance(error.__cause__, InvalidInputError)


# --- timeout


def test_a_stopped_executor_is_an_error_after_the_timeout(curve_key: dict[str, Any]) -> None:
    class Stopped(Answering):
        def submit(self, *args: Any, **kwargs: Any) -> Future[Any]:
            if futures:
                futures.append(Future())
                return futures[-1]
            futures.append(super().submit())
            return futures[-1]

    futures: list[Future[Any]] = []
    pool = Stopped([(KID, JWE_TEXT)])
    sealed = generate_sealed(repeat(RSA), to=curve_key, executor=pool, workers=1, timeout=0.01)
    failed(sealed, 1, "TimeoutError", "no key came within 0.01 seconds")
    assert len(futures) == 17
    # The waiting tasks are cancelled, and the one that hangs is left.
    assert [future.cancelled() for future in futures] == [False, False, *[True] * 15]


def test_a_timeout_is_for_each_wait_and_not_for_all_keys(curve_key: dict[str, Any]) -> None:
    pool = Answering([(KID, JWE_TEXT)])
    sealed = generate_sealed(repeat(RSA, 5), to=curve_key, executor=pool, timeout=1e-9)
    assert len(list(sealed)) == 5


@pytest.mark.parametrize("timeout", [0, -1, True, "5", float("nan"), float("inf"), 10**400])
def test_a_timeout_must_be_a_positive_number(timeout: Any, curve_key: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError, match="timeout must be a positive number") as caught:
        generate_sealed([RSA], to=curve_key, timeout=timeout)
    assert caught.value.target == "timeout"


# --- pools of other packages


@pytest.mark.parametrize(
    "name", ["loky.process_executor", "joblib.externals.loky.process_executor"]
)
@pytest.mark.usefixtures("instant")
def test_the_processes_of_loky_are_local(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """These are the pools of joblib. They are no pools of the standard library."""

    class ProcessPoolExecutor(Elsewhere):
        pass

    class Reusable(ProcessPoolExecutor):
        pass

    with pytest.raises(InvalidInputError, match="executor must be"):
        generate_keys([RSA], executor=Reusable())
    monkeypatch.setitem(sys.modules, name, SimpleNamespace(ProcessPoolExecutor=ProcessPoolExecutor))
    pool = Reusable()
    keys = list(generate_keys(numbered(end=3), executor=pool))
    assert [key.nbf for key in keys] == [0, 1, 2]
    assert len(pool.seen) == 6
    with pytest.raises(InvalidInputError, match="executor must be"):
        generate_keys([RSA], executor=Elsewhere())
