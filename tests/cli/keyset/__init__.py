"""Tests of trustkeys.cli.keyset."""
