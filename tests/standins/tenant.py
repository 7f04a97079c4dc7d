"""A fake tenant, and fake programs that reach it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests import support
from trustkeys.graph import Provisioning, az_script, private_bodies

NOW = 1_800_000_000
TENANT = "0d2b3c4f-1a2b-4c3d-8e9f-0123456789ab"
TOKEN = "eyJ0eXAiOiJKV1QifQ.secret"


class Tenant:
    """A fake tenant, fake programs that reach it, and a directory with a script."""

    script = "provision.sh"

    def __init__(self, folder: Path) -> None:
        self.standin = folder / "standin"
        self.standin.mkdir()
        programs = folder / "bin"
        programs.mkdir()
        az = support.ROOT / "tests" / "standins" / "az.py"
        for name, line in {
            "az": f'exec "{sys.executable}" -ES "{az}" "$@"',
            "sleep": 'echo "$1" >>"$STANDIN/sleeps"',
            "date": 'cat "$STANDIN/now"',
        }.items():
            (programs / name).write_text(f"#!/bin/sh\n{line}\n")
            (programs / name).chmod(0o700)
        # A name that breaks a script if it quotes badly.
        self.folder = folder / "keys of 'us' = $(touch oops) [a]"
        self.environment = support.environment(
            PATH=f"{programs}{os.pathsep}{os.environ['PATH']}",
            STANDIN=str(self.standin),
            AZURE_CLI_DISABLE_CONNECTION_VERIFICATION="1",
            AZURE_LOGGING_ENABLE_LOG_FILE="true",
            STANDIN_TOKEN=TOKEN,
        )
        self.at(NOW)
        self.reset()

    def reset(self) -> None:
        """Start again with no key sets and no script."""
        self.keep({"tenant": TENANT, "faults": [], "lags": 0})
        shutil.rmtree(self.folder, ignore_errors=True)

    def at(self, now: int) -> None:
        """Set the clock."""
        (self.standin / "now").write_text(f"{now}\n")

    def keep(self, state: dict[str, Any]) -> None:
        (self.standin / "state.json").write_text(json.dumps(state))

    @property
    def state(self) -> dict[str, Any]:
        return support.parse((self.standin / "state.json").read_text())

    def change(self, **changes: Any) -> None:
        self.keep({**self.state, **changes})

    def keys(self, name: str) -> list[dict[str, Any]]:
        keys: list[dict[str, Any]] = self.state["sets"][name]
        return keys

    @property
    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.standin / "log").read_text().splitlines()]

    @property
    def sent(self) -> list[dict[str, Any]]:
        """The requests with a body, whether they succeeded or not."""
        return [entry for entry in self.log if entry.get("body") is not None]

    @property
    def sleeps(self) -> list[int]:
        file = self.standin / "sleeps"
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    def place(self, *provisionings: Provisioning) -> None:
        """Write a script and its bodies."""
        self.folder.mkdir(mode=0o700)
        (self.folder / self.script).write_text(az_script(*provisionings))
        for name, body in private_bodies(*provisionings).items():
            (self.folder / name).write_text(body)
            (self.folder / name).chmod(0o600)

    def run(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Run the script from another directory, in a process group that a fault can kill."""
        return subprocess.run(
            ["bash", str(self.folder / self.script), *args],
            cwd=self.standin,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            start_new_session=True,
        )

    def option(self, name: str) -> str:
        """Return an option of the bash script as this script spells it."""
        return name

    def well(self, *args: str) -> str:
        """Run the script, which must succeed, and return what it prints."""
        done = self.run(*args)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.splitlines()[-1].startswith("OK: ")
        return done.stdout

    def badly(self, *args: str) -> str:
        """Run the script, which must fail, and return what it prints."""
        done = self.run(*args)
        assert done.returncode == 1
        assert "OK: " not in done.stdout
        return done.stdout + done.stderr

    @property
    def left(self) -> list[str]:
        """The names of the files in the script's directory."""
        return sorted(file.name for file in self.folder.iterdir())
