"""One door: no other module calls the loaders of cryptography, which obey any file."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.support import ROOT

PACKAGE = ROOT / "trustkeys"
DOORS = {"formats/loaders.py", "core/x5c.py"}
"""The second is below `formats` in the layers, and loads certificates alone."""


def loaders(path: Path) -> set[str]:
    """The loaders of cryptography that a module imports or names."""
    text = path.read_text()
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
