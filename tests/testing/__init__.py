"""Tests of trustkeys.testing."""
