"""Programs in other languages: Microsoft's SDKs against the loopback server, and judges of files.

Each takes calls as lines of JSON, such as ``{"call": "getSet", "id": "B2C_1A_test"}``, and answers
each with ``{"value": …}`` or ``{"error": …}``. What they need comes from the registries once, and
is kept in pytest's cache.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock

from tests import support
from tests.interop.sdk import give_up, need

CLIENTS = Path(__file__).parent / "clients"
JUDGES = Path(__file__).parent / "judges"


class Program:
    """A running program.

    Attributes:
        language: The language of its SDK, or of its libraries.
    """

    def __init__(self, language: str, process: subprocess.Popen[str]) -> None:
        self.language = language
        self._process = process

    def result(self, call: str, **arguments: Any) -> dict[str, Any]:
        """Make a call, and return its value or its error."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps({"call": call, **arguments}), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        # Without an answer it has failed, and what it printed is in pytest's report.
        assert line, f"{self.language}: {call}"
        return support.parse(line)

    def value(self, call: str, **arguments: Any) -> Any:
        """Make a call, and return its value without members that are null or empty."""
        result = self.result(call, **arguments)
        assert result.keys() == {"value"}, result
        return plain(result["value"])

    def error(self, call: str, **arguments: Any) -> dict[str, Any]:
        """Make a call, and return its error."""
        result = self.result(call, **arguments)
        assert result.keys() == {"error"}, result
        error = result["error"]
        assert isinstance(error, dict)
        return error


def plain(value: Any) -> Any:
    """Return a JSON value without members that are null or empty, which some SDKs leave out."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        members = {name: plain(each) for name, each in value.items()}
        return {name: each for name, each in members.items() if each not in (None, [])}
    return value


@contextmanager
def started(language: str, cache: Path, *args: str, judges: bool = False) -> Iterator[Program]:
    """Run a language's program with Microsoft's SDK, or its judge of files, with arguments."""
    prepare = (JUDGE_COMMANDS if judges else COMMANDS)[language]
    command = [*prepare(cache), *args]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=support.environment(PYTHONPATH=str(support.ROOT), PYTHONIOENCODING="utf-8"),
    ) as process:
        try:
            yield Program(language, process)
        finally:
            process.kill()


def _java(program: Path, cache: Path) -> Sequence[str]:
    pom = program.with_name("pom.xml")
    file = cache / "classpath"
    with _prepared(cache, [pom], needs=("java", "mvn")) as is_ready:
        if not is_ready:
            goal = ("dependency:build-classpath", f"-Dmdep.outputFile={file}")
            _fetch("mvn", "--batch-mode", "--quiet", "--file", str(pom), *goal, cwd=cache)
    # For a second of work, a JVM that compiles little is the fastest.
    options = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
    return ["java", *options, "-cp", file.read_text(), str(program)]


def _javascript(program: Path, cache: Path) -> Sequence[str]:
    files = [program, *map(program.with_name, ("package.json", "package-lock.json"))]
    with _prepared(cache, files, needs=("node", "npm")) as is_ready:
        if not is_ready:
            for file in files:
                shutil.copy(file, cache)
            _fetch("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", cwd=cache)
    return ["node", str(cache / program.name)]


def _go(program: Path, cache: Path) -> Sequence[str]:
    folder = program.parent
    built = cache / "program"
    files = [program, folder / "go.mod", folder / "go.sum"]
    with _prepared(cache, files, needs=("go",)) as is_ready:
        if not is_ready:
            _fetch("go", "build", "-o", str(built), ".", cwd=folder)
    return [str(built)]


def _python(_cache: Path) -> Sequence[str]:
    need("msgraph_beta")
    return [sys.executable, "-W", "ignore", str(CLIENTS / "client.py")]


COMMANDS: Mapping[str, Callable[[Path], Sequence[str]]] = {
    "java": partial(_java, CLIENTS / "Client.java"),
    "javascript": partial(_javascript, CLIENTS / "client.js"),
    "python": _python,
}

JUDGE_COMMANDS: Mapping[str, Callable[[Path], Sequence[str]]] = {
    "go": partial(_go, JUDGES / "main.go"),
    "java": partial(_java, JUDGES / "Judge.java"),
    "javascript": partial(_javascript, JUDGES / "judge.js"),
}


@contextmanager
def _prepared(cache: Path, files: Sequence[Path], *, needs: Sequence[str]) -> Iterator[bool]:
    """Hold a lock while a folder is prepared, and tell whether it is ready for these files."""
    missing = [name for name in needs if shutil.which(name) is None]
    if missing:
        give_up(f"{' and '.join(missing)} missing")
    mark = cache / "prepared"
    content = "".join(file.read_text() for file in files)
    with FileLock(cache / "lock"):
        is_ready = mark.exists() and mark.read_text() == content
        yield is_ready
        mark.write_text(content)


def _fetch(*command: str, cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        give_up(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
