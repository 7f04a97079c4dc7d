"""Test keys: keys that everybody has, and how to know one."""

from trustkeys.testkeys.guard import is_test_key

__all__ = ["is_test_key"]
