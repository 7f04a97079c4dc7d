"""For tests: keys without the wait, which everybody has."""

from trustkeys.testing.keys import allow_test_keys, instant_keys, oct_key, rsa_key
from trustkeys.testkeys import is_test_key

__all__ = [
    "allow_test_keys",
    "instant_keys",
    "is_test_key",
    "oct_key",
    "rsa_key",
]
