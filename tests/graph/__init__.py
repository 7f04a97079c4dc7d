"""Tests of trustkeys.graph."""
