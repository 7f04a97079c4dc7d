"""Tests of trustkeys.interop."""
