"""Tests of trustkeys.keyset."""
