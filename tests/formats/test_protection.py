"""What it costs to decrypt a file is known, and bounded, before anything is decrypted."""

from __future__ import annotations

import re
from typing import Any

import pytest
from asn1crypto.algos import EncryptionAlgorithm, Pbmac1Params
from asn1crypto.core import Asn1Value
from asn1crypto.keys import EncryptedPrivateKeyInfo
from asn1crypto.pkcs12 import MacData
from hypothesis import given
from hypothesis import strategies as st

from tests.formats.bags import oid, sequence
from tests.formats.helpers import refused
from tests.support import encrypted_pkcs8, openssl
from trustkeys import InvalidInputError
from trustkeys.formats import pem, protection, reading

LIMIT = protection.MAX_ROUNDS
PBES1 = ("pbes1_md5_des", "pkcs12_sha1_tripledes_3key", "pkcs12_sha1_rc4_128")

ROUNDS = (
    st.integers(-5, LIMIT + 5) | st.integers(LIMIT - 5, 2**70) | st.just(2**31) | st.just(2**32)
)


def pbkdf2(rounds: int) -> EncryptionAlgorithm:
    data = encrypted_pkcs8("pbkdf2", b"salt", max(rounds, 0))
    return EncryptedPrivateKeyInfo.load(data)["encryption_algorithm"]


def pbes1(rounds: int, name: str) -> EncryptionAlgorithm:
    parameters = {"salt": b"8 octets", "iterations": rounds}
    return EncryptionAlgorithm({"algorithm": name, "parameters": parameters})


def mac(rounds: int) -> MacData:
    digest = {"digest_algorithm": {"algorithm": "sha256"}, "digest": bytes(32)}
    return MacData({"mac": digest, "mac_salt": bytes(8), "iterations": rounds})


def pbmac1(rounds: int) -> MacData:
    derivation = {"salt": {"specified": bytes(8)}, "iteration_count": rounds, "key_length": 32}
    parameters = Pbmac1Params(
        {
            "key_derivation_func": {"algorithm": "pbkdf2", "parameters": _choice(derivation)},
            "message_auth_scheme": {"algorithm": "sha256"},
        }
    )
    algorithm = {"algorithm": "1.2.840.113549.1.5.14", "parameters": parameters}
    return MacData({"mac": {"digest_algorithm": algorithm, "digest": bytes(32)}, "mac_salt": b""})


def _choice(derivation: dict[str, Any]) -> dict[str, Any]:
    from asn1crypto.algos import Pbkdf2Salt

    return {**derivation, "salt": Pbkdf2Salt(name="specified", value=bytes(8))}


@given(ROUNDS, st.sampled_from(["pbkdf2", "mac", "pbmac1", *PBES1]))
def test_the_rounds_of_each_derivation_are_bounded(rounds: int, kind: str) -> None:
    check: Any = protection.check_protection
    given: Asn1Value
    if kind == "pbkdf2":
        rounds = max(rounds, 0)
        given = pbkdf2(rounds)
    elif kind in ("mac", "pbmac1"):
        check = protection.check_mac
        given = {"mac": mac, "pbmac1": pbmac1}[kind](rounds)
    else:
        given = pbes1(rounds, kind)
    if 1 <= rounds <= LIMIT:
        assert check(given) == rounds
        return
    message = refused(check, given).message
    assert f"{LIMIT}" in message
    assert f"asks for {rounds} rounds" in message or rounds >= 2**64


@given(st.integers(1, 22), st.booleans(), st.integers(0, 40), st.integers(0, 40))
def test_memory_and_work_of_scrypt_are_bounded(
    exponent: int, is_power: bool, r: int, p: int
) -> None:
    n = 2**exponent + (0 if is_power else 1)
    found = EncryptedPrivateKeyInfo.load(encrypted_pkcs8("scrypt", b"salt", n, r, p))
    algorithm = found["encryption_algorithm"]
    is_allowed = is_power and r > 0 and p > 0 and 128 * n * r <= 2**26 and n * r * p <= 2**21
    if is_allowed:
        # A second at most, as for the most rounds of others.
        cost = protection.check_protection(algorithm)
        assert 0 < cost <= 1.05 * LIMIT
        assert cost >= n * r * p / 2 - 1
    else:
        assert f"N={n}" in refused(protection.check_protection, algorithm).message


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (encrypted_pkcs8("pbkdf2", bytes(16), 2**31), "2147483648 rounds of PBKDF2"),
        (encrypted_pkcs8("pbkdf2", bytes(16), 2**32), "4294967296 rounds of PBKDF2"),
        (encrypted_pkcs8("pbkdf2", bytes(16), 2**24), "16777216 rounds of PBKDF2"),
        (encrypted_pkcs8("pbkdf2", bytes(16), 2**900), "an integer of 901 bits"),
        (encrypted_pkcs8("pbkdf2", bytes(16), 0), "0 rounds of PBKDF2"),
        (encrypted_pkcs8("scrypt", bytes(16), 2**20, 8, 1), "1073741824 bytes of memory"),
        (encrypted_pkcs8("scrypt", bytes(16), 2**900, 8, 1), "an integer of 911 bits bytes"),
        (encrypted_pkcs8("scrypt", bytes(16), 1000, 8, 1), "a power of two"),
        (encrypted_pkcs8("scrypt", bytes(16), 0, 8, 1), "a power of two"),
        (encrypted_pkcs8("scrypt", bytes(16), 2**14, 8, 2**31), "N*r*p"),
    ],
)
def test_a_hostile_file_is_refused_at_once_before_a_passphrase_is_asked_for(
    data: bytes, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    for password in ("any", None):
        for read in (pem.from_pem, reading.read_key):
            error = refused(read, data, use="sig", password=password)
            assert words in error.message
            assert "openssl pkey" in error.message
    assert capfd.readouterr() == ("", "")


def test_a_pfx_has_a_total_for_its_parts() -> None:
    protection.check_total(3 * LIMIT)
    assert "3000001 rounds" in refused(protection.check_total, 3 * LIMIT + 1).message


def test_an_algorithm_without_a_passphrase_is_named() -> None:
    algorithm = EncryptionAlgorithm({"algorithm": "aes256_gcm"})
    assert "AES-256-GCM" in refused(protection.check_protection, algorithm).message
    algorithm = EncryptionAlgorithm({"algorithm": "1.2.3.4"})
    assert protection.name_of(algorithm) == "1.2.3.4"
    assert "1.2.3.4" in refused(protection.check_protection, algorithm).message
    found = pbkdf2(5)
    found["parameters"]["key_derivation_func"]["algorithm"] = "1.2.3.5"
    assert "1.2.3.5" in refused(protection.check_protection, found).message


@pytest.mark.deep
def test_openssl_knows_the_algorithms_by_the_same_names() -> None:
    """People search for the name in its documentation, and a wrong one misleads them."""
    data = sequence(*map(oid, protection.NAMES))
    lines = openssl("asn1parse", "-inform", "DER", data=data).splitlines()[1:]
    for name, line in zip(protection.NAMES.values(), lines, strict=True):
        known = line.rpartition(":")[2]
        if name.startswith("PBE-"):
            keys = {"3DES": "3-Key", "2DES": "2-Key"}
            parts = re.findall(r"MD\d|SHA1|RC\d|\dDES|DES|128|40", name)
            assert all(keys.get(part, part) in known for part in parts)
        elif name != "hmacWithSM3":
            spelled = known.replace("hmac-sha3", "hmacWithSHA3").replace("id-aes", "aes-")
            assert spelled.lower() == name.lower()


@given(st.binary(max_size=80))
def test_any_parameters_are_checked_or_refused(data: bytes) -> None:
    whole = encrypted_pkcs8("pbkdf2", b"salt", 5)
    start = whole.index(b"salt") - 6
    for spec, check in (
        (EncryptionAlgorithm, protection.check_protection),
        (MacData, protection.check_mac),
    ):
        for content in (data, bytes([0x30, len(data)]) + data):
            try:
                value = spec.load(content)
            except ValueError:
                continue
            with pytest.raises(InvalidInputError):
                check(value)
    patched = whole[:start] + data + whole[start + len(data) :]
    with pytest.raises(InvalidInputError):
        pem.from_pem(patched[: len(whole)], use="sig")


def test_an_overlong_object_identifier_is_not_shown() -> None:
    assert protection.named("1.2.3") == "1.2.3"
    assert protection.named("1." + "2." * 5000 + "3") == "an overlong object identifier"
