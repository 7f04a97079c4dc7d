"""Keys in the shape of Microsoft Graph's trustFrameworkKey, made without a network."""

from trustkeys.engine import generate, generate_key
from trustkeys.errors import InvalidInputError, TrustKeysError
from trustkeys.key import TrustFrameworkKey
from trustkeys.keytypes.registry import register_strategy
from trustkeys.keytypes.strategy import KeyStrategy
from trustkeys.request import GenerateKeyRequest
from trustkeys.thumbprint import jwk_thumbprint

__all__ = [
    "GenerateKeyRequest",
    "InvalidInputError",
    "KeyStrategy",
    "TrustFrameworkKey",
    "TrustKeysError",
    "generate",
    "generate_key",
    "jwk_thumbprint",
    "register_strategy",
]
