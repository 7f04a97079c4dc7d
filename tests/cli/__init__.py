"""Tests of trustkeys.cli."""
