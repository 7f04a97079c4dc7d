"""The libraries and programs that trustkeys is compared with. Some need not be installed."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from joserfc.jwk import OctKey, RSAKey
from jwcrypto.jwk import JWK

import trustkeys
from benchmarks.measure import OURS, Work

Make = Callable[[], object]

BOUND = "bound"
"""The least that any code must do, by hand."""

JWCRYPTO_LINE = (
    "from jwcrypto.jwk import JWK; key = JWK.generate(kty='oct', size=256, use='sig'); "
    "key['kid'] = key.thumbprint(); print(key.export())"
)

_JOSE_COMMAND = (
    """key=$(jose jwk gen -i '{"kty":"oct","bytes":32}') && echo "$key" | jose jwk thp -i -"""
)

# Reads lines with a key type and a number of keys. Answers with microseconds of CPU a key.
_NODE = """
const jose = require("jose");
const make = {
  oct: async () => jose.exportJWK(await jose.generateSecret("HS256", { extractable: true })),
  RSA: async () => {
    const options = { extractable: true, modulusLength: 2048 };
    return jose.exportJWK((await jose.generateKeyPair("RS256", options)).publicKey);
  },
};
(async () => {
  for await (const line of require("readline").createInterface({ input: process.stdin })) {
    const [kty, count] = line.split(" ");
    const start = process.cpuUsage();
    for (let made = 0; made < count; made++) {
      const jwk = await make[kty]();
      jwk.kid = await jose.calculateJwkThumbprint(jwk);
    }
    const used = process.cpuUsage(start);
    console.log((used.user + used.system) / count);
  }
})();
"""


def oct_makers() -> dict[str, Make]:
    """Return what makes an oct key, its thumbprint and the answer, in each library of Python."""
    makers: dict[str, Make] = {
        OURS: lambda: trustkeys.generate_key("sig", "oct").to_graph(),
        "joserfc": lambda: _joserfc_answer(OctKey.generate_key(256)),
        "jwcrypto": lambda: _jwcrypto_answer(JWK.generate(kty="oct", size=256)),
        BOUND: _bare_oct,
    }
    if find_spec("jwskate"):
        from jwskate import SymmetricJwk

        makers["jwskate"] = lambda: _jwskate_answer(SymmetricJwk.generate(key_size=256))
    if find_spec("cryptojwt"):
        from cryptojwt.jwk.hmac import new_sym_key

        makers["cryptojwt"] = lambda: new_sym_key(use="sig", bytes=32).serialize()
    return makers


def rsa_makers() -> dict[str, Make]:
    """Return what makes an RSA key, its thumbprint and its public form, in each of them."""
    makers: dict[str, Make] = {
        OURS: lambda: trustkeys.generate_key("sig", "RSA").to_graph(),
        "joserfc": lambda: _joserfc_answer(RSAKey.generate_key(2048)),
        "jwcrypto": lambda: _jwcrypto_answer(JWK.generate(kty="RSA", size=2048)),
    }
    if find_spec("jwskate"):
        from jwskate import RSAJwk

        makers["jwskate"] = lambda: _jwskate_answer(RSAJwk.generate(key_size=2048).public_jwk())
    if find_spec("cryptojwt"):
        from cryptojwt.jwk.rsa import new_rsa_key

        # It names the key by its thumbprint.
        makers["cryptojwt"] = lambda: new_rsa_key(2048).serialize()
    return makers


@contextmanager
def node(kty: str, *, number: int, scale: float = 1e6) -> Iterator[Mapping[str, Work]]:
    """Measure npm's jose in one process of Node, as `measure.cpu` does, if it is installed."""
    if not has_node():
        yield {}
        return
    with subprocess.Popen(
        ["node", "-e", _NODE],  # noqa: S607
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    ) as program:
        assert program.stdin is not None  # noqa: S101
        assert program.stdout is not None  # noqa: S101
        asks, answers = program.stdin, program.stdout

        def measured() -> float:
            asks.write(f"{kty} {number}\n")
            return float(answers.readline()) * scale / 1e6

        measured()  # compiles it
        yield {"jose (npm)": measured}
        asks.close()


def has_node() -> bool:
    """Whether Node finds the package jose, in the working directory or on ``NODE_PATH``."""
    command = ["node", "-e", 'require("jose")']
    return (
        shutil.which("node") is not None
        and not subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode
    )


def jose_command() -> dict[str, list[str]]:
    """Return the command line of José that makes an oct key and its thumbprint, if installed."""
    return {"jose (C)": ["sh", "-c", _JOSE_COMMAND]} if shutil.which("jose") else {}


def absent() -> list[str]:
    """Return the names of what is not installed, and so is not compared."""
    found = {
        "jwskate": find_spec("jwskate"),
        "cryptojwt": find_spec("cryptojwt"),
        "npm's jose": has_node(),
        "the command jose": jose_command(),
    }
    return [name for name, is_there in found.items() if not is_there]


def _bare_oct() -> dict[str, Any]:
    k = base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode()
    digest = hashlib.sha256(f'{{"k":"{k}","kty":"oct"}}'.encode()).digest()
    return {
        "@odata.context": "https://graph.microsoft.com/beta/$metadata#microsoft.graph.trustFrameworkKey",
        "k": None,
        "x5c": [],
        "kty": "oct",
        "use": "sig",
        "exp": None,
        "nbf": None,
        "kid": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
    }


def _joserfc_answer(key: OctKey | RSAKey) -> dict[str, Any]:
    return {**key.as_dict(private=False), "kid": key.thumbprint()}


def _jwcrypto_answer(key: JWK) -> dict[str, Any]:
    # It exports no public oct key.
    members = key.export(as_dict=True) if key["kty"] == "oct" else key.export_public(as_dict=True)
    return {**members, "kid": key.thumbprint()}


def _jwskate_answer(key: Any) -> dict[str, Any]:
    return {**key.to_dict(), "kid": key.thumbprint()}
