"""Test keys, whose private parts are public, and how to recognise one."""
