"""Tests of trustkeys.batch."""
