"""Test keys, whose private parts are public, and how to recognise one."""

from trustkeys.testkeys.guard import is_test_key

__all__ = ["is_test_key"]
