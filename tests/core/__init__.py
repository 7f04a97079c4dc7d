"""Tests of trustkeys.core."""
