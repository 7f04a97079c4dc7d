"""What more than one test module needs."""

from __future__ import annotations

import base64
import doctest
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

import trustkeys
from trustkeys import TrustFrameworkKey
from trustkeys.keytypes.rsa import RSAStrategy

ROOT = Path(__file__).parent.parent


def documented_p256() -> str:
    """The README's example of another key type, as a module."""
    section = ROOT.joinpath("README.md").read_text().partition("### Another key type")[2]
    *imports, strategy = doctest.DocTestParser().get_examples(section)[:3]
    source = "".join(example.source for example in [*imports, strategy])
    return f"{source}\np256 = P256()\n"


class InstantRSA(RSAStrategy):
    """RSA without the wait: always the same key."""

    def __init__(self, jwk: Mapping[str, str]) -> None:
        self.members = {name: jwk[name] for name in (*self.required, *self.private)}

    def generate(self, size: int) -> dict[str, str]:
        return dict(self.members)


def b64(value: int | bytes) -> str:
    data = value if isinstance(value, bytes) else value.to_bytes(value.bit_length() // 8 + 1, "big")
    return base64.urlsafe_b64encode(data.lstrip(b"\0")).rstrip(b"=").decode()


def rsa_jwk_of(p: int, q: int) -> dict[str, Any]:
    """A JWK whose numbers fit by arithmetic, whether or not p and q are prime."""
    d = pow(65537, -1, (p - 1) * (q - 1))
    numbers = {"n": p * q, "d": d, "p": p, "q": q, "dp": d % (p - 1), "dq": d % (q - 1)}
    numbers["qi"] = pow(q, -1, p)
    return {
        "kty": "RSA",
        "use": "sig",
        "e": "AQAB",
        **{name: b64(value) for name, value in numbers.items()},
    }


def composite_rsa(bits: int) -> dict[str, Any]:
    """A JWK whose primes are none."""
    draw = random.Random(bits)
    while True:
        p, q = (draw.getrandbits(bits // 2) | 3 << (bits // 2 - 2) | 1 for _ in range(2))
        try:
            return rsa_jwk_of(p, q)
        except ValueError:
            continue


def oct_key(
    nbf: int | None = None,
    exp: int | None = None,
    status: str = "enabled",
    *,
    use: str = "sig",
    size: int = 256,
) -> TrustFrameworkKey:
    """A new oct key with any dates, in any order: what a test of times needs."""
    made = trustkeys.generate_key(use, "oct", size=size)
    return attrs.evolve(made, nbf=nbf, exp=exp, status=status)


def command(*args: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command as a person would: a process of its own."""
    options = {"capture_output": True, "text": True, "timeout": 60, **options}
    return subprocess.run([sys.executable, "-m", "trustkeys", *args], **options)


def spellings(secret: str) -> Iterator[str]:
    """All the ways in which one private JWK member could show up in text."""
    data = base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4))
    yield secret
    yield data.hex()
    yield data.hex().upper()
    yield str(int.from_bytes(data, "big"))
    yield base64.b64encode(data).decode().rstrip("=")
    yield repr(data)[2:-1]


def leaks(text: str, jwk: Mapping[str, Any]) -> list[str]:
    """The private members of `jwk` of which 16 characters in a row occur in `text`."""
    return [
        name
        for name in ("k", "d", "p", "q", "dp", "dq", "qi")
        if isinstance(jwk.get(name), str)
        and any(
            spelling[start : start + 16] in text
            for spelling in spellings(jwk[name])
            for start in range(0, max(1, len(spelling) - 15), 8)
        )
    ]


def all_text_of(error: BaseException | None) -> str:
    """Everything that an exception carries, along both of its chains."""
    if error is None:
        return ""
    own = [str(error), repr(error), repr(error.args), repr(vars(error))]
    return "\n".join([*own, all_text_of(error.__cause__), all_text_of(error.__context__)])


def environment(**changes: str) -> dict[str, str]:
    return {**os.environ, **changes}


def parse(text: str) -> dict[str, Any]:
    value = json.loads(text)
    assert isinstance(value, dict)
    return value
