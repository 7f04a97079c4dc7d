"""The measured works: every target of the design, and what others do for the same."""

from __future__ import annotations

import compileall
import os
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from unittest import mock

from cryptography.hazmat.primitives.asymmetric import rsa

import trustkeys
from benchmarks import many, peers, sets, testkeys
from benchmarks.measure import OURS, Growth, Row, Target, Work, cpu, process, python, turns
from benchmarks.peers import BOUND

OCT, RSA_PART, COMMAND = (
    "oct key, thumbprint and dict",
    "RSA-2048, all but OpenSSL's part",
    "generate --kty oct, whole process",
)
"""The works whose figures are drawn."""


def rows(*, quick: bool) -> Iterator[Row | Growth]:
    """Measure everything, one row at a time."""
    # pip compiles the other libraries; an editable install may not be compiled.
    compileall.compile_dir(Path(trustkeys.__file__).parent, quiet=1)
    few = 3 if quick else 30
    yield from starts(rounds=few)
    yield oct_keys(rounds=10 * few)
    yield rsa_part(rounds=3 if quick else 100)
    yield rsa_whole(rounds=3 if quick else 500)
    yield oct_file(count=2000 if quick else 100_000, rounds=few // 3)
    yield from testkeys.rows(quick=quick)
    yield from sets.rows(quick=quick)
    yield from many.rows(quick=quick)


def starts(rounds: int) -> Iterator[Row]:
    """Measure processes that do little."""
    programs = {OURS: python("-c", "import trustkeys"), "bare Python": python("-c", "")}
    yield Row("import trustkeys", "ms", turns(programs, rounds), [Target(1.3, "bare Python")])
    program = "import trustkeys; trustkeys.generate_key('sig', 'oct')"
    programs = {OURS: python("-c", program), "import attrs": python("-c", "import attrs")}
    yield Row(
        "import, then the first oct key",
        "ms",
        turns(programs, rounds),
        [Target(1.2, "import attrs")],
    )
    programs = {
        OURS: python("-m", "trustkeys", "generate", "--use", "sig", "--kty", "oct", "-o", "-"),
        "jwcrypto": python("-c", peers.JWCRYPTO_LINE),
        **{name: process(command) for name, command in peers.jose_command().items()},
    }
    yield Row(COMMAND, "ms", turns(programs, rounds), [Target(0.75, "jwcrypto")])


def oct_keys(rounds: int) -> Row:
    """Measure a new oct key, its thumbprint, and the answer."""
    works: dict[str, Work] = {
        name: cpu(maker, number=100) for name, maker in peers.oct_makers().items()
    }
    with peers.node("oct", number=100) as more:
        samples = turns({**works, **more}, rounds)
    return Row(OCT, "µs", samples, [Target(2.5, BOUND)])


def rsa_part(rounds: int) -> Row:
    """Measure RSA-2048 with ready keys for OpenSSL's generation: in a round, the same for all."""
    keys = [many.full_length_key() for _ in range(rounds)]
    ready: list[rsa.RSAPrivateKey] = []

    def generated(*_: object, **__: object) -> rsa.RSAPrivateKey:
        return ready[-1]

    def on_each_key(maker: peers.Make) -> Work:
        following, work = iter(keys), cpu(maker, number=10)

        def measured() -> float:
            ready.append(next(following))
            return work()

        return measured

    with (
        mock.patch.object(rsa, "generate_private_key", generated),
        mock.patch("joserfc._rfc7518.rsa_key.generate_private_key", generated),
    ):
        works = {name: on_each_key(maker) for name, maker in peers.rsa_makers().items()}
        samples = turns(works, rounds)
    return Row(RSA_PART, "µs", samples, [Target(1.0, "joserfc"), Target(25)])


def rsa_whole(rounds: int) -> Row:
    """Measure whole RSA-2048 keys, one of each library in a round."""
    makers = {**peers.rsa_makers(), BOUND: many.full_length_key}
    works: dict[str, Work] = {name: cpu(maker, scale=1e3) for name, maker in makers.items()}
    with peers.node("RSA", number=1, scale=1e3) as more:
        samples = turns({**works, **more}, rounds)
    return Row("RSA-2048, whole key", "ms", samples, is_luck=True)


_JOSERFC_LOOP = """
import json, sys
from joserfc.jwk import OctKey
with open(sys.argv[1], "w") as file:
    for _ in range(int(sys.argv[2])):
        key = OctKey.generate_key(256, {"use": "sig"})
        jwk = key.as_dict(private=True)
        jwk["kid"] = key.thumbprint()
        file.write(json.dumps(jwk) + "\\n")
"""


def oct_file(count: int, rounds: int) -> Row:
    """Measure many oct keys as JSON lines, synced, and a plain loop that never syncs."""
    with tempfile.TemporaryDirectory() as folder:
        works = {
            OURS: batch(folder, count),
            "joserfc": python("-c", _JOSERFC_LOOP, os.path.join(folder, "other"), str(count)),
        }
        samples = turns(works, rounds)
    return Row(f"{count:,} oct keys to a file", "ms", samples, [Target(1.0, "joserfc")])


_numbers = count()


def batch(folder: str, count: int) -> Work:
    """Measure `trustkeys batch` that writes oct keys to a new file."""

    def measured() -> float:
        path = os.path.join(folder, f"keys{next(_numbers)}")
        args = ("batch", "--use", "sig", "--kty", "oct", "--count", str(count), "--jsonl", path)
        return python("-m", "trustkeys", *args)()

    return measured
