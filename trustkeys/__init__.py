"""Keys in the shape of Microsoft Graph's trustFrameworkKey, made without a network."""

from importlib import import_module
from typing import TYPE_CHECKING

from trustkeys.engine import generate, generate_key
from trustkeys.errors import BatchError, InvalidInputError, KeyNotFoundError, TrustKeysError
from trustkeys.key import TrustFrameworkKey
from trustkeys.keytypes.registry import register_strategy
from trustkeys.keytypes.strategy import KeyStrategy
from trustkeys.request import GenerateKeyRequest
from trustkeys.thumbprint import jwk_thumbprint

__all__ = [
    "BatchError",
    "Finding",
    "GenerateKeyRequest",
    "InvalidInputError",
    "KeyNotFoundError",
    "KeyStrategy",
    "TrustFrameworkKey",
    "TrustFrameworkKeySet",
    "TrustKeysError",
    "check_key_set",
    "generate",
    "generate_key",
    "generate_keys",
    "generate_sealed",
    "is_test_key",
    "jwk_thumbprint",
    "register_strategy",
]

if TYPE_CHECKING:
    from trustkeys.batch import generate_keys, generate_sealed
    from trustkeys.keyset.findings import Finding
    from trustkeys.keyset.inspection import check_key_set
    from trustkeys.keyset.keyset import TrustFrameworkKeySet
    from trustkeys.testkeys.recognition import is_test_key
else:
    # Who only makes keys need not wait for what else there is.
    _WHEN_USED = {
        "Finding": "trustkeys.keyset.findings",
        "TrustFrameworkKeySet": "trustkeys.keyset.keyset",
        "check_key_set": "trustkeys.keyset.inspection",
        "generate_keys": "trustkeys.batch",
        "generate_sealed": "trustkeys.batch",
        "is_test_key": "trustkeys.testkeys.recognition",
    }

    def __getattr__(name: str) -> object:
        if name not in _WHEN_USED:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = getattr(import_module(_WHEN_USED[name]), name)
        return globals()[name]

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
