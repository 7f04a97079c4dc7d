"""Pass changed files to every reader: ``python -m tests.fuzz --count 100000 --seed 1``.

The changes of input N depend on the seed and on N alone. What openssl encrypts has a random salt,
so the input of each failure is saved.
"""

from __future__ import annotations

import argparse
import linecache
import os
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from attrs import define, field

from tests.fuzz.mutations import mutated
from tests.fuzz.readers import READERS, Reader, each_proof_once
from tests.fuzz.seeds import seeds
from trustkeys.errors import TrustKeysError

SLOW = 1.5
"""More CPU seconds than this for one file in one reader is a failure."""


@define
class Result:
    """What came of a run.

    Attributes:
        outcomes: How often each reader, by name, ended in each way.
        failures: What is wrong, with the first input that shows it.
        seconds: The most CPU seconds for one input in one reader, and which.
    """

    outcomes: Counter[tuple[str, str]] = field(factory=Counter)
    failures: dict[str, bytes] = field(factory=dict)
    seconds: tuple[float, str] = (0.0, "")

    @property
    def peak(self) -> float:
        """The peak memory of this process, in MB."""
        import resource  # Windows has none

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run(count: int, seed: int, first: int = 0, *, one: bool = False) -> Result:
    """Pass `count` changed files to the readers that they fit, or each to one of these."""
    result = Result()
    with tempfile.TemporaryDirectory() as folder, each_proof_once(), _watched() as problems:
        found = seeds(Path(folder))
        for number in range(first, first + count):
            draw = Random(f"{seed}:{number}")
            changed = mutated(draw, found)
            readers = [*READERS[changed.kind].items()]
            for name, read in [draw.choice(readers)] if one else readers:
                start = time.process_time()
                outcome, problem = _outcome(read, changed.data)
                spent = time.process_time() - start
                if problem is not None:
                    problems.append(problem)
                if spent > SLOW:
                    problems.append(f"{spent:.1f} s of CPU")
                result.outcomes[name, outcome] += 1
                result.seconds = max(result.seconds, (spent, f"{name}, input {number}"))
                for text in [*problems, *_printed()]:
                    result.failures.setdefault(f"{name}: {text}", changed.data)
                problems.clear()
    return result


def _outcome(read: Reader, data: bytes) -> tuple[str, str | None]:
    try:
        read(data)
    except TrustKeysError as error:
        return type(error).__name__, _problem_of(error)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{os.path.basename(where.filename)}:{where.lineno}"
        return type(error).__name__, f"{type(error).__name__} at {place}: {str(error)[:100]}"
    return "read", None


def _problem_of(error: TrustKeysError) -> str | None:
    """Check that the message is short, and that no parser's error hangs on it with its input."""
    if error.__context__ is not None:
        return f"an error with the context {type(error.__context__).__name__}"
    if len(str(error)) > 2000:
        return "a message of more than 2,000 characters"
    return None


@contextmanager
def _watched() -> Iterator[list[str]]:
    """Note warnings of other packages, and what native code prints to standard error."""
    problems: list[str] = []

    def note(message: Any, category: type, filename: str, lineno: int, *_: Any) -> None:
        caller = sys._getframe(2)
        line = linecache.getline(caller.f_code.co_filename, caller.f_lineno)
        is_own = caller.f_globals["__name__"].startswith("trustkeys.") and "warn(" in line
        if not is_own:
            problems.append(f"{category.__name__} at {filename}:{lineno}: {message}"[:200])

    with warnings.catch_warnings(), tempfile.TemporaryFile() as file:
        warnings.simplefilter("always")
        warnings.showwarning = note  # type: ignore[assignment]
        saved = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            yield problems
        finally:
            os.dup2(saved, 2)
            os.close(saved)


def _printed() -> list[str]:
    size = os.fstat(2).st_size
    if not size:
        return []
    text = os.pread(2, 200, 0).decode(errors="replace")
    os.ftruncate(2, 0)
    os.lseek(2, 0, os.SEEK_SET)
    return [f"printed by native code: {text}"]


def _saved(folder: Path, failures: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, (text, data) in enumerate(failures.items(), 1):
        (folder / f"{number:03}.txt").write_text(text)
        (folder / f"{number:03}.bin").write_bytes(data)


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def main() -> int:
    """Run the fuzzer, print what came of it, and save the input of each failure."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the number of the first input")
    parser.add_argument("--failures", type=Path, default=Path("fuzz-failures"))
    parser.add_argument("--one", action="store_true", help="one reader for each input, not all")
    given = parser.parse_args()
    start = time.process_time()
    result = run(given.count, given.seed, given.first, one=given.one)
    spent = time.process_time() - start
    for (name, outcome), count in sorted(result.outcomes.items()):
        _write(f"{name:20}{outcome:28}{count:>9}")
    _write(
        f"{given.count / spent:.0f} inputs a second of CPU, {sum(result.outcomes.values())} reads"
    )
    _write(f"slowest: {result.seconds[0]:.2f} s, {result.seconds[1]}; memory: {result.peak:.0f} MB")
    for text in result.failures:
        _write(f"FAILURE {text}")
    if result.failures:
        _saved(given.failures, result.failures)
    return 1 if result.failures else 0


if __name__ == "__main__":
    sys.exit(main())
