"""What a command loads: people wait for it each time, and at each press of Tab."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tests.cli.exchange import Keys, Runner
from tests.cli.in_process import outcome
from tests.cli.tree import COMMANDS, GROUPS, LINES
from tests.support import command
from trustkeys import __version__
from trustkeys.cli.main import group
from trustkeys.keyset.calendar import NOTICE

PROGRAM = """
import runpy, sys
before = {*sys.modules}
sys.argv = ["trustkeys", *sys.argv[1:]]
try:
    runpy.run_module("trustkeys", run_name="__main__")
except SystemExit as end:
    print(*{*sys.modules} - before, sep="\\n", file=sys.stderr)
    raise
"""

# The standard library's, which click loads itself: it has no cheaper form.
ASCII_ONLY = {"importlib.metadata", "email", "json", "ctypes", "tempfile", "hashlib", "hmac"}

SLOW = {
    *ASCII_ONLY,
    *("asyncio", "concurrent", "dataclasses", "difflib", "getpass", "http", "logging"),
    *("multiprocessing", "pathlib", "socket", "ssl", "subprocess", "urllib", "zipfile"),
}
"""Modules of the standard library that take more than 2 ms, and that click does not load."""

ALWAYS = {
    *("trustkeys", "trustkeys.__main__", "trustkeys.cli", "trustkeys.cli.lazy"),
    *("trustkeys.cli.main", "trustkeys.cli.signals", "trustkeys.cli.terminal"),
    *("trustkeys.errors", "trustkeys.wording"),
}
"""Modules of trustkeys that every run loads."""

OPTIONS = {
    *("clouds", "numericdate"),
    *("command", "kids", "memory", "options", "params", "table", "times"),
    *("batch.progress", "progress"),
}
