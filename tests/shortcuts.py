"""What the tests leave out, because it takes long and its result is the same."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from trustkeys.core.rsa import RSAStrategy
from trustkeys.formats import jwe, pkcs12

_ROUNDS: dict[Any, int] = {module: module.ROUNDS for module in (jwe, pkcs12)}

# A child of the fork server finds it in its environment.
_DOCUMENTED = "TRUSTKEYS_DOCUMENTED_ROUNDS"

_proved: set[str] = set()


def take() -> None:
    """Take all shortcuts in this process: call it once, before the first test."""
    # Only a power cut shows whether a file was flushed.
    os.fsync = os.fstat  # type: ignore[assignment]
    RSAStrategy.prove = _prove_once  # type: ignore[method-assign]
    set_rounds()


def set_rounds() -> None:
    """Have few rounds derive a key from a passphrase, unless the environment says otherwise."""
    for module, documented in _ROUNDS.items():
        module.ROUNDS = documented if _DOCUMENTED in os.environ else 1000


@contextmanager
def documented_rounds() -> Iterator[None]:
    """Derive keys as the documentation says."""
    os.environ[_DOCUMENTED] = "1"
    set_rounds()
    yield
    del os.environ[_DOCUMENTED]
    set_rounds()


_prove = RSAStrategy.prove


def _prove_once(self: RSAStrategy, members: Mapping[str, str]) -> None:
    """Test the factors of a private key for primality once in this process."""
    text = json.dumps(members, sort_keys=True)
    if text not in _proved:
        _prove(self, members)
        _proved.add(text)
