"""Fixtures for the tests of `trustkeys batch`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jwcrypto.jwk import JWK

from tests.cli.batch.journals import LINES
from trustkeys.cli.batch.journal import journal


@pytest.fixture(scope="module")
def recipient() -> dict[str, Any]:
    """A private key to seal to, on an elliptic curve, which is fast."""
    members = JWK.generate(kty="EC", crv="P-256").export(as_dict=True)
    assert isinstance(members, dict)
    return members


@pytest.fixture
def folder(tmp_path: Path, recipient: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory; the recipient's public key is in its parent."""
    (tmp_path / "to.jwk").write_text(JWK(**recipient).export_public())
    (tmp_path / "own").mkdir()
    monkeypatch.chdir(tmp_path / "own")
    return tmp_path / "own"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The name of a file of lines."""
    return tmp_path / "lines"


@pytest.fixture
def begun(path: Path) -> Path:
    """A file of three lines."""
    with journal(path, is_new=True) as lines:
        for line in LINES:
            lines.add(line)
        lines.sync()
    return path
