"""Tests of trustkeys.system."""
