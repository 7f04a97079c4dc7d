"""Files that ask for much, and what the command answers to each."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from attrs import field, frozen
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.hostile import inputs
from trustkeys.formats import pem

PASSPHRASE = "a passphrase that opens nothing"  # noqa: S105 - of test files

_LIMIT_OF_ROUNDS = 1_000_000

Outcome = tuple[int, str]
"""An exit status, and a part of what is printed."""


@frozen
class HostileFile:
    """A file that asks for much.

    Attributes:
        name: What it is.
        make: Makes its content.
        outcomes: What each command answers: ``"inspect"``, ``"import"`` or ``"encrypt"``, which is
            a call in Python.
        is_encrypted: Whether the commands get a passphrase for it.
    """

    name: str
    make: Callable[[], bytes] = field(repr=False)
    outcomes: Mapping[str, Outcome]
    is_encrypted: bool = False


def files() -> Iterator[HostileFile]:
    """Return all of them."""
    yield from _encrypted()
    yield from _certificates()
    yield from _sets()
    yield from _texts()


def _both(status: int, words: str) -> dict[str, Outcome]:
    return {"inspect": (status, words), "import": (status, words)}


def _told(words: str) -> dict[str, Outcome]:
    """An error in what `inspect` prints: the form of the file is known."""
    return {"inspect": (3, words), "import": (2, words)}


def _encrypted() -> Iterator[HostileFile]:
    refused = partial(HostileFile, is_encrypted=True)
    rounds = "rounds of PBKDF2, and from 1 to 1000000 are allowed; to convert it: openssl pkey"
    for name, number in (("2^31", 2**31), ("2^32", 2**32)):
        make = partial(inputs.pkcs8, inputs.pbkdf2(number))
        yield refused(f"PKCS#8, {name} rounds", make, _told(f"asks for {number} {rounds}"))
    for name, n, words in (
        ("2^20", 2**20, "takes 1073741824 bytes of memory"),
        ("2^40", 2**40, "takes 1125899906842624 bytes of memory"),
        ("1000", 1000, "scrypt needs N as a power of two"),
    ):
        make = partial(inputs.pkcs8, inputs.scrypt(n, 8, 1))
        yield refused(f"PKCS#8, scrypt with N={name}", make, _told(words))
    wrong = _both(2, "the passphrase is wrong")
    make = partial(inputs.pkcs8, inputs.pbkdf2(_LIMIT_OF_ROUNDS, "2.16.840.1.101.3.4.2.16"))
    yield refused("PKCS#8, 1,000,000 rounds of SHA3-512", make, wrong)
    yield refused(
        "PKCS#8, scrypt at its limit", partial(inputs.pkcs8, inputs.scrypt(2**15, 8, 8)), wrong
    )
    yield refused(
        "PFX, checksum of 2^31 rounds",
        partial(inputs.pfx, (), mac_rounds=2**31 - 1),
        _told("asks for 2147483647 rounds of PKCS#12's key derivation for its checksum"),
    )
    yield refused(
        "PFX, part of 16.8 million rounds",
        partial(inputs.pfx, (inputs.pbkdf2(16_800_000),)),
        _told("asks for 16800000 rounds of PBKDF2"),
    )
    yield refused(
        "PFX, 3,000,000 rounds in all",
        partial(inputs.pfx, (inputs.pbkdf2(666_666, "1.2.840.113549.2.11"),), mac_rounds=500_000),
        wrong,
    )
    yield refused(
        "PFX, 20 parts of scrypt",
        partial(inputs.pfx, (inputs.scrypt(2**15, 8, 8),) * 20),
        _told("rounds of hashing in all, and the limit is 3000000"),
    )
    yield refused(
        "PFX, 20 keys of 1,000,000 rounds",
        partial(
            inputs.pfx,
            (),
            bags=tuple(inputs.shrouded(inputs.pbkdf2(_LIMIT_OF_ROUNDS)) for _ in range(20)),
        ),
        wrong,
    )
    yield refused(
        "PFX, 1 MiB of bags",
        lambda: inputs.pfx((), bags=[inputs.bag("1.2.840.113549.1.12.10.1.5", b"")] * 30_000),
        _told("it has over 5000 entries, or nests them deeply"),
    )
    yield HostileFile(
        "PFX, key and 2,500 certificates", inputs.many_in_pfx, _told("at most 1000 are read")
    )
    yield refused("old PEM without an IV", inputs.old_pem, _told("DEK-Info of its PEM is broken"))
    yield refused(
        "JWE for 32 recipients of 600,000 rounds",
        partial(inputs.recipients, 32, 600_000),
        _both(2, "for all recipients together"),
    )
    yield refused(
        "JWE for 9,999 recipients",
        partial(inputs.recipients, 9999, 1000),
        _both(2, "is larger than 65536 bytes"),
    )
    yield refused("JWE of 1,000,000 rounds", partial(inputs.recipients, 1, _LIMIT_OF_ROUNDS), wrong)


def _certificates() -> Iterator[HostileFile]:
    yield HostileFile(
        "certificate and 990 possible issuers, brainpoolP512r1",
        partial(inputs.possible_issuers, 990),
        {"inspect": (3, "too slow signatures"), "import": (2, "too slow signatures")},
    )
    yield HostileFile(
        "2,810 certificates",
        partial(inputs.possible_issuers, 2810),
        _both(2, "must have at most 1048576 bytes"),
    )
    yield HostileFile(
        "issuer with an exponent of 3,070 bits",
        inputs.long_exponent,
        {"inspect": (0, "certificate 2"), "import": (0, "left out 1 certificate")},
    )
    yield HostileFile(
        "PKCS#7 of 2,500 certificates", inputs.pkcs7, _both(2, "at most 1000 certificates")
    )
    yield HostileFile(
        "certificate with 1 MiB of names",
        inputs.long_names,
        {"inspect": (0, "certificate 1"), "import": (0, "kid")},
    )
    yield HostileFile(
        "PEM of 100,000 public keys that are none",
        partial(inputs.pem_blocks, "PUBLIC KEY"),
        _told("a PEM must have at most 1048576 bytes"),
    )
    yield HostileFile(
        "PEM of 100,000 certificates that are none",
        partial(inputs.pem_blocks, "CERTIFICATE"),
        _both(2, "must have at most 1048576 bytes"),
    )
    yield HostileFile(
        "PEM of 30,000 first lines",
        lambda: b"-----BEGIN PRIVATE KEY-----\n" * 30_000,
        _told("the PEM is cut off: the line -----END PRIVATE KEY----- is missing"),
    )
    yield HostileFile(
        "PEM of 2,000 public keys",
        lambda: pem.to_pem(inputs.real_key(0).public()) * 2000,
        _told("must hold one key, not 2000"),
    )
    for name, octets in (("16 MiB", inputs.FULL), ("1 MiB", 2**20)):
        make = partial(inputs.deep_der, octets)
        yield HostileFile(f"DER of {name}, nested deep", make, _both(2, "is not a JWK"))
    for lists in (1, 2, 3):
        make = partial(inputs.many_parts, lists=lists)
        yield HostileFile(
            f"DER of 6 million parts, in {lists} lists", make, _both(2, "this is DER")
        )
    yield HostileFile(
        "BER of a million parts, without its length",
        lambda: b"\x30\x80" + b"\5\0" * 10**6 + b"\0\0",
        _both(2, "this is not a JWK"),
    )
    yield HostileFile("PKCS#7 of a million parts", inputs.many_signers, _both(2, "this is DER"))


def _sets() -> Iterator[HostileFile]:
    untested = "the primes of 4897 keys were not tested"
    yield HostileFile(
        "4,900 private keys of RSA-4096",
        inputs.private_keys,
        {"inspect": (0, "its primes were not tested"), "import": (0, untested)},
    )
    yield HostileFile(
        "5,000 private keys without primes",
        partial(inputs.private_keys, members=("n", "e", "d"), count=inputs.MANY),
        {"inspect": (3, "split it"), "import": (2, "split it")},
    )
    tested = {"inspect": (3, "went without the slow tests"), "import": (0, "kid")}
    yield HostileFile("5,000 public keys of RSA-2048", partial(inputs.public_keys, 2048), tested)
    yield HostileFile("5,000 public keys of RSA-16384", partial(inputs.public_keys, 16384), tested)
    yield HostileFile(
        "5,000 public keys of a wrong status",
        partial(inputs.public_keys, 2048, status="x"),
        _told("status must be enabled or disabled"),
    )
    crowded = _both(2, "has more than 250000 values")
    yield HostileFile("5,000 keys with 280 other members", partial(inputs.oct_keys, 280), crowded)
    yield HostileFile(
        "5,000 keys with 44 other members",
        partial(inputs.oct_keys, 44),
        {"inspect": (0, "k4999"), "import": (0, "k4999")},
    )
    yield HostileFile(
        "keys with x5c of 10 certificates, P-256",
        partial(inputs.chains, ec.SECP256R1()),
        {"inspect": (3, "too many, or"), "import": (2, "too many, or")},
    )
    yield HostileFile(
        "keys with x5c of 10 certificates, brainpoolP512r1",
        partial(inputs.chains, ec.BrainpoolP512R1()),
        {"inspect": (3, "too many, or"), "import": (2, "too many, or")},
    )
    yield HostileFile("JSON nested deep", lambda: b'{"keys":' + b"[" * (inputs.FULL // 2), crowded)
    yield HostileFile(
        "JSON of 100,000 brackets",
        lambda: b'{"keys":' + b"[" * 100_000,
        _both(2, "nested too deep"),
    )
    yield HostileFile(
        "JSON of 8 million numbers", lambda: b'{"keys":[' + b"1," * 7_999_999 + b"1]}", crowded
    )
    yield HostileFile(
        "JSON of 5.5 million empty objects",
        lambda: b'{"keys":[' + b"{}," * 5_499_999 + b"{}]}",
        crowded,
    )
    yield HostileFile(
        "JWK with a secret of 16 MiB",
        lambda: inputs.json_of({"kty": "oct", "k": "A" * (inputs.FULL - 99)}),
        _both(2, "is larger than 65536 bytes"),
    )
    yield HostileFile(
        "JWK with a modulus of 16 MiB",
        lambda: inputs.json_of({"kty": "RSA", "n": "_" * (inputs.FULL - 99)}),
        _both(2, "is larger than 65536 bytes"),
    )
    yield HostileFile(
        "OpenID configuration of 16 MiB",
        lambda: inputs.json_of({"jwks_uri": "https://a.example/", "x": "y" * (inputs.FULL - 99)}),
        _both(2, "is larger than 65536 bytes"),
    )
    yield HostileFile(
        "key set with 16 MiB of text outside the Basic Multilingual Plane",
        lambda: inputs.json_of(
            {"keys": [], "x": "\U0001f511" * (inputs.FULL // 4 - 99)}, ensure_ascii=False
        ),
        {"inspect": (3, ""), "import": (2, "")},
    )
    yield HostileFile(
        "key set of 16 MiB in UTF-16",
        lambda: (
            inputs.json_of({"keys": [], "x": "y" * (inputs.FULL // 2 - 99)})
            .decode()
            .encode("utf-16")
        ),
        {"inspect": (3, ""), "import": (2, "")},
    )


def _texts() -> Iterator[HostileFile]:
    unknown = _both(2, "this is")
    for name, make in (
        ("base64 of base64", inputs.base64_of_base64),
        ("text of escapes in quotes", lambda: b'"' + b"\\u0041" * 2_700_000 + b'"'),
        ("XML", lambda: b"<a>" * 5_500_000),
        ("text in UTF-16", lambda: ("y" * (inputs.FULL // 2 - 9)).encode("utf-16")),
        ("comments of HTML", lambda: b"<!---->" * 2_000_000 + b"<p"),
        ("random octets", lambda: random.Random(1).randbytes(inputs.FULL)),  # noqa: S311 - no secret
    ):
        yield HostileFile(f"16 MiB: {name}", make, unknown)
    yield HostileFile(
        "16 MiB: spaces in a PEM header",
        lambda: b"-----BEGIN A-----\nB:" + b" " * (inputs.FULL - 99),
        _both(2, "this is PEM with 'A'"),
    )
    yield HostileFile(
        "16 MiB: zeros", lambda: bytes(inputs.FULL), _both(2, "holds nothing but zero bytes")
    )
    done = {"encrypt": (0, "")}
    header = b"\x02\x82\x01\x01\x00\x80"
    yield HostileFile(
        "16 MiB: headers of moduli", lambda: header * (inputs.FULL // len(header)), done
    )
    yield HostileFile(
        "16 MiB: base64 of headers of moduli",
        lambda: base64.b64encode(header * (inputs.FULL // 8)),
        done,
    )
    yield HostileFile("16 MiB: secrets with zeros and escapes", inputs.secrets, done)
