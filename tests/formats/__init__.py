"""Tests of trustkeys.formats."""
