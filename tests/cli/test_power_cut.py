"""Each command that writes, as a power cut at any moment sees it.

A file system may keep in memory what a program wrote, for minutes. So the data must be on disk
before a name leads to it, and the names before the command reports anything.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import support
from tests.cli.batch.runs import UNMEASURED
from tests.cli.exchange import Keys, Runner
from tests.cli.tree import LINES

pytestmark = [
    pytest.mark.deep,
    pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace"),
]

CALLS = (
    "open,openat,creat,write,pwrite64,writev,ftruncate,fsync,fdatasync,rename,renameat,renameat2,"
    "link,linkat,mkdir,mkdirat"
)

CALL = re.compile(r"\d+ +(?P<name>\w+)\((?P<args>.*)\) += (?:\d+)(?:<(?P<made>[^>]*)>.*)?")


class Disk:
    """What a trace of system calls has left in memory only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: set[str] = set()
        """The files with data that is not on disk yet."""
        self.directories: set[str] = set()
        """The directories with a name that is not on disk yet."""
        self.synced = 0

    def path(self, shown: str) -> str:
        return os.path.normpath(self.folder / shown)

    def name(self, shown: str) -> None:
        """A new name. A lock file has no content to lose."""
        path = self.path(shown)
        if path.startswith(f"{self.folder}/") and not path.endswith(".lock"):
            self.directories.add(os.path.dirname(path))

    def put(self, source: str, target: str) -> None:
        """A file gets a name."""
        assert self.path(source) not in self.files, (source, target)
        self.name(target)

    def call(self, name: str, args: str, made: str | None) -> None:
        opened = re.match(r"(?P<descriptor>\d+)<(?P<path>[^>]*)>", args)
        words = re.findall(r'"([^"]*)"', args)
        match name:
            case "open" | "openat" | "creat" if "O_CREAT" in args and made is not None:
                self.name(made)
            case "mkdir" | "mkdirat":
                self.name(words[-1])
            case "write" | "pwrite64" | "writev" | "ftruncate" if opened is not None:
                if opened["descriptor"] in ("1", "2"):
                    self.report()
                elif opened["path"].startswith(f"{self.folder}/"):
                    self.files.add(opened["path"])
            case "fsync" | "fdatasync" if opened is not None:
                self.synced += 1
                self.files.discard(opened["path"])
                self.directories.discard(opened["path"])
            case "linkat" if opened is not None:
                self.put(opened["path"], words[-1])
            case "link" | "linkat" | "rename" | "renameat" | "renameat2":
                self.put(*words)

    def report(self) -> None:
        assert not self.files
        assert not self.directories


def calls(trace: str) -> Iterator[re.Match[str]]:
    """The calls that succeeded. Those of several threads are in pieces."""
    unfinished: dict[str, str] = {}
    for line in trace.splitlines():
        pid = line.split()[0]
        if line.endswith("<unfinished ...>"):
            unfinished[pid] = line.removesuffix("<unfinished ...>").rstrip()
            continue
        resumed = re.match(r"\d+ +<\.\.\. \w+ resumed>", line)
        whole = unfinished.pop(pid) + line[resumed.end() :] if resumed else line
        if found := CALL.fullmatch(whole):
            yield found


MORE = [
    "generate --use sig --kty RSA -o new --password-file pw",
    "export rsa.jwk --format pem -o new",
    "export rsa.jwk --format pkcs12 -o new",
    "export enc.jwk --format jwe --to enc.jwk -o new",
    "export rsa.jwk --format jwk --public -o new",
    "import pair -o new --output-password-file pw",
    "batch --use sig --kty oct --count 2500 --jsonl new",
    "batch --use sig --kty oct --count 20 --jsonl begun --resume",
    "batch --use sig --kty RSA --count 3 --jsonl new --seal-to enc.jwk",
    "batch --use sig --kty oct --count 30 --dir new",
    "keyset create a -o new --password-file pw",
    "keyset generate locked --use sig --kty oct --password-file pw",
    "keyset rotate locked --use sig --kty oct --every 90d --count 2 --password-file pw",
    "keyset password locked --password-file pw --plain",
    "keyset show pair --svg new",
    "provision pair --to new --as pwsh",
    "provision pair --to new --as json",
]

ALL = [*(f"{name} {line}" for name, line in LINES.items()), *MORE]

READERS = {
    "inspect",
    "compare",
    "audit",
    "keyset active",
    "keyset check",
    "keyset jwks",
    "keyset show",
}


@pytest.mark.parametrize("line", ALL)
def test_what_is_reported_is_on_disk(
    every: Runner, files: Path, keys: Keys, tmp_path_factory: pytest.TempPathFactory, line: str
) -> None:
    every(*["keyset", "create", "a", "-o", "locked", "--password-file", "pw"])
    every(*["batch", "--use", "sig", "--kty", "oct", "--count", "5", "--jsonl", "begun"])
    trace = tmp_path_factory.mktemp("trace") / "calls"
    before = snapshot(files)
    done = subprocess.run(
        [
            *("strace", "-f", "-y", "-qq", "--seccomp-bpf", "-s", "0", "-e", f"trace={CALLS}"),
            *("-o", str(trace), *support.COMMAND, *line.format(other=keys.other.kid).split()),
        ],
        cwd=files,
        env=UNMEASURED,
        input="a secret of another program",
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    disk = Disk(files)
    for call in calls(trace.read_text()):
        disk.call(*call.group("name", "args", "made"))
    disk.report()  # the exit code is one, too
    if line in [f"{name} {LINES[name]}" for name in READERS]:
        assert snapshot(files) == before
    else:
        assert disk.synced > 1


def snapshot(folder: Path) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }
