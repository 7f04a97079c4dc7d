"""The run: counts, the slowest file and the memory of each reader."""

from __future__ import annotations

import random
import resource
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from attrs import define, field

from tests.fuzz.mutations import mutated
from tests.fuzz.readers import READERS
from tests.fuzz.seeds import seeds
from trustkeys import TrustKeysError
from trustkeys.core.rsa import RSAStrategy


@define
class Result:
    """What one reader did.

    Attributes:
        escaped: What came out that is no `TrustKeysError`, with a file that causes it.
        slowest: The most CPU seconds for one file.
        memory: The peak of the process in MB after its files.
    """

    reader: str
    read: int = 0
    refused: int = 0
    seconds: float = 0
    slowest: float = 0
    memory: float = 0
    escaped: dict[str, bytes] = field(factory=dict)


def fuzz(count: int, seed: int, names: Iterable[str] = tuple(READERS)) -> Iterator[Result]:
    """Give mutated files to the readers, `count` to each. The primes of keys are not tested."""
    originals = seeds()
    proof, RSAStrategy.prove = RSAStrategy.prove, lambda *_: None  # type: ignore[method-assign]
    try:
        for name in names:
            yield _fuzzed(name, originals, count, seed)
    finally:
        RSAStrategy.prove = proof  # type: ignore[method-assign]


def _fuzzed(name: str, originals: list[bytes], count: int, seed: int) -> Result:
    result, read = Result(name), READERS[name]
    # Files of other forms are refused at once.
    usable = [each for each in originals if _is_read(read, each)] or originals
    for number in range(count):
        # One file can be made again without the others.
        draw = random.Random(f"{seed} {name} {number}")
        data = mutated(draw, usable if number % 4 else originals)
        start = time.process_time()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                # What trustkeys left out or corrected, in its own words.
                warnings.filterwarnings("ignore", category=UserWarning, module="tests.fuzz")
                read(data)
            result.read += 1
        except TrustKeysError:
            result.refused += 1
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - a panic of Rust is no Exception
            text = f"{type(error).__name__}: {error}"
            result.escaped.setdefault(text[:200], data)
        took = time.process_time() - start
        result.seconds += took
        result.slowest = max(result.slowest, took)
    result.memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return result


def _is_read(read: Callable[[bytes], object], data: bytes) -> bool:
    with suppress(Exception), warnings.catch_warnings(action="ignore"):
        read(data)
        return True
    return False


def table(results: Iterable[Result]) -> str:
    """Return a line for each reader, and what escaped."""
    lines = ["reader            read  refused escaped  files/s  slowest  memory"]
    for each in results:
        total = each.read + each.refused + len(each.escaped)
        rate = total / max(each.seconds, 0.001)
        lines.append(
            f"{each.reader:<14}{each.read:>8}{each.refused:>9}{len(each.escaped):>8}"
            f"{rate:>9.0f}{each.slowest:>8.2f}s{each.memory:>5.0f} MB"
        )
        lines += [f"  {text}\n  {data[:2000]!r}" for text, data in each.escaped.items()]
    return "\n".join(lines)
