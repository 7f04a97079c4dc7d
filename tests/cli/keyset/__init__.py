"""Tests of trustkeys.cli.keyset.commands."""
