"""Tests of trustkeys.cli.batch."""
