"""Keys in the shape of Microsoft Graph's trustFrameworkKey, made without a network."""

from trustkeys.engine import generate, generate_key
from trustkeys.errors import InvalidInputError, KeyNotFoundError, TrustKeysError
from trustkeys.key import TrustFrameworkKey
from trustkeys.keyset.findings import Finding, check_key_set
from trustkeys.keyset.keyset import TrustFrameworkKeySet
from trustkeys.keytypes.registry import register_strategy
from trustkeys.keytypes.strategy import KeyStrategy
from trustkeys.request import GenerateKeyRequest
from trustkeys.thumbprint import jwk_thumbprint

__all__ = [
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
    "jwk_thumbprint",
    "register_strategy",
]
