"""Keys in the shape of Microsoft Graph's trustFrameworkKey, made without a network.

Every name is imported on first use, so that ``import trustkeys`` costs almost nothing (PEP 562).
"""

from __future__ import annotations

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trustkeys.batch import generate_keys, generate_sealed
    from trustkeys.core.engine import generate, generate_key
    from trustkeys.core.key import TrustFrameworkKey
    from trustkeys.core.registry import register_strategy
    from trustkeys.core.request import GenerateKeyRequest
    from trustkeys.core.strategy import KeyStrategy
    from trustkeys.core.thumbprint import jwk_thumbprint, jwk_thumbprint_uri
    from trustkeys.errors import BatchError, InvalidInputError, KeyNotFoundError, TrustKeysError
    from trustkeys.keyset.calendar import KeyEvent, key_calendar
    from trustkeys.keyset.check import (
        Audit,
        AuditedSet,
        Finding,
        audit_key_sets,
        check_key_set,
    )
    from trustkeys.keyset.keyset import TrustFrameworkKeySet
    from trustkeys.testkeys.guard import is_test_key

__all__ = [
    "Audit",
    "AuditedSet",
    "BatchError",
    "Finding",
    "GenerateKeyRequest",
    "InvalidInputError",
    "KeyEvent",
    "KeyNotFoundError",
    "KeyStrategy",
    "TrustFrameworkKey",
    "TrustFrameworkKeySet",
    "TrustKeysError",
    "audit_key_sets",
    "check_key_set",
    "generate",
    "generate_key",
    "generate_keys",
    "generate_sealed",
    "is_test_key",
    "jwk_thumbprint",
    "jwk_thumbprint_uri",
    "key_calendar",
    "register_strategy",
]

__tracebackhide__ = True

_MODULES = {
    "Audit": "keyset.check",
    "AuditedSet": "keyset.check",
    "BatchError": "errors",
    "Finding": "keyset.check",
    "GenerateKeyRequest": "core.request",
    "InvalidInputError": "errors",
    "KeyEvent": "keyset.calendar",
    "KeyNotFoundError": "errors",
    "KeyStrategy": "core.strategy",
    "TrustFrameworkKey": "core.key",
    "TrustFrameworkKeySet": "keyset.keyset",
    "TrustKeysError": "errors",
    "audit_key_sets": "keyset.check",
    "check_key_set": "keyset.check",
    "generate": "core.engine",
    "generate_key": "core.engine",
    "generate_keys": "batch",
    "generate_sealed": "batch",
    "is_test_key": "testkeys.guard",
    "jwk_thumbprint": "core.thumbprint",
    "jwk_thumbprint_uri": "core.thumbprint",
    "key_calendar": "keyset.calendar",
    "register_strategy": "core.registry",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f"trustkeys.{_MODULES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
