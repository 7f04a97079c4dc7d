"""One door: no other module calls the loaders of cryptography, which obey any file."""

from __future__ import annotations

import ast
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat

from tests.formats.helpers import PASSWORD, private_bytes
from tests.support import ROOT, composite_rsa
from trustkeys.core.rsa import RSAStrategy, rsa_private_key
from trustkeys.formats import loaders as doors

PACKAGE = ROOT / "trustkeys"
DOORS = {"formats/loaders.py", "core/x5c.py"}
"""The second is below `formats` in the layers, and loads certificates alone."""


def loaders(path: Path) -> set[str]:
    """The loaders of cryptography that a module imports or names."""
    text = path.read_text("utf-8")
    if "load_" not in text:
        return set()
    tree = ast.parse(text)
    names = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return {
        name
        for name in names
        if name.startswith(("load_der_", "load_pem_", "load_pkcs12", "load_ssh_"))
    }


def test_only_the_doors_name_loaders() -> None:
    found = {
        path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if loaders(path)
    }
    assert found == DOORS
    assert loaders(PACKAGE / "core/x5c.py") == {"load_der_x509_certificate"}


def test_the_numbers_of_a_private_key_are_not_checked() -> None:
    """That would be a second time, and takes OpenSSL seconds for a large key."""
    jwk = composite_rsa(2048)
    key = rsa_private_key({name: jwk[name] for name in ("n", "e", *RSAStrategy.private)})
    assert doors.private_key(private_bytes(key, Encoding.DER)) is not None
    old = private_bytes(key, Encoding.PEM, PrivateFormat.TraditionalOpenSSL, PASSWORD)
    assert doors.traditional_key(old, PASSWORD.encode()) is not None
