"""Tests of trustkeys.cli.timeline."""
