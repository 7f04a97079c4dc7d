"""Run the command on a file that asks for much, in a process that is measured and limited."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from attrs import frozen

from benchmarks.hostile.files import PASSPHRASE, HostileFile

_ENCRYPT = """
from trustkeys.formats.jwe import encrypt
encrypt(open("file", "rb").read(), password="a", cty="text/plain")
"""

COMMANDS = {
    "inspect": ("-m", "trustkeys", "inspect", "file"),
    "import": (
        *("-m", "trustkeys", "import", "file", "-o", "new", "--use", "sig"),
        *("--output-password-file", "pw"),
    ),
    "encrypt": ("-c", _ENCRYPT),
}

# A process of its own, since a child inherits the peak memory of the process that forks it. Beyond
# the limits the command is killed, so that nothing hangs.
_RUNNER = """
import json, os, resource, signal, subprocess, sys, time
args, stop_at = json.loads(sys.argv[1])
resource.setrlimit(resource.RLIMIT_CPU, (30, 30))
resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31))
with open("printed", "wb") as printed:
    child = subprocess.Popen(
        [sys.executable, *args], stdin=subprocess.DEVNULL, stdout=printed, stderr=printed
    )
stopped = None
# Whether the child has ended, without reaping it.
asked = os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT
while stop_at is not None and os.waitid(*asked) is None:
    # The clock of the child's CPU (CPUCLOCK_SCHED in Linux).
    if stopped is None and time.clock_gettime((~child.pid << 3) | 2) >= stop_at:
        child.send_signal(signal.SIGINT)
        stopped = time.monotonic()
    time.sleep(0.005)
_, status, usage = os.wait4(child.pid, 0)
delay = None if stopped is None else time.monotonic() - stopped
code = os.waitstatus_to_exitcode(status)
print(json.dumps([code, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, delay]))
"""


@frozen
class Run:
    """What a command did.

    Attributes:
        status: Its exit status, or minus the number of the signal that ended it.
        cpu: Seconds of CPU.
        memory: Its peak memory, in MB.
        delay: The seconds from Ctrl-C to its end, or None if none was sent.
        printed: All that it printed.
    """

    status: int
    cpu: float
    memory: float
    delay: float | None
    printed: str


def run(hostile: HostileFile, command: str, folder: Path, *, stop_at: float | None = None) -> Run:
    """Run a command on the file in a folder, without a measurement of coverage.

    Args:
        hostile: The file, which `prepare` has written.
        command: One of `COMMANDS`.
        folder: The folder.
        stop_at: After how many seconds of CPU to send Ctrl-C.
    """
    folder.joinpath("new").unlink(missing_ok=True)
    password = ("--password-file", "pw") if hostile.is_encrypted else ()
    args = json.dumps([[*COMMANDS[command], *password], stop_at])
    environment = {name: text for name, text in os.environ.items() if "COVERAGE" not in name}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _RUNNER, args],
        check=True,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
    )
    printed = folder.joinpath("printed").read_text(errors="replace")
    status, cpu, memory, delay = json.loads(done.stdout)
    return Run(status, cpu, memory, delay, printed)


def prepare(hostile: HostileFile, folder: Path) -> None:
    """Write a file, and the passphrase for it, into a folder."""
    folder.joinpath("file").write_bytes(hostile.make())
    folder.joinpath("pw").write_text(PASSPHRASE)
