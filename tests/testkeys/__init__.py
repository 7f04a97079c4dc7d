"""Tests of trustkeys.testkeys."""
