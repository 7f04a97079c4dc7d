"""Whatever cryptography raises for a file becomes one refusal; a signal passes through."""

from __future__ import annotations

import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from cryptography.exceptions import InternalError

from trustkeys.core.guarded import attempt


def fail(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize("error", [ValueError(), TypeError(), InternalError("", [])])
def test_an_exception_becomes_none(error: Exception) -> None:
    assert attempt(fail, error) is None


def test_a_panic_in_rust_becomes_none() -> None:
    # The class of PyO3 is such a BaseException, and has this name.
    panic = type("PanicException", (BaseException,), {})
    assert attempt(fail, panic()) is None


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, MemoryError])
def test_what_says_nothing_about_the_data_passes_through(error: type[BaseException]) -> None:
    with pytest.raises(error):
        attempt(fail, error())


def test_two_threads_leave_the_filters_of_warnings_as_they_were() -> None:
    # Each restores the filters that it found. Out of order, those of the other one would stay.
    before = [*warnings.filters]
    has_begun, may_end = Event(), Event()

    def first() -> None:
        has_begun.set()
        may_end.wait(0.2)

    def second() -> None:
        may_end.set()
        time.sleep(0.05)

    with ThreadPoolExecutor(2) as threads:
        calls = [threads.submit(attempt, first)]
        has_begun.wait()
        calls.append(threads.submit(attempt, second))
    assert [call.result() for call in calls] == [None, None]
    assert [*warnings.filters] == before


def test_a_warning_about_the_data_is_dropped() -> None:
    with warnings.catch_warnings(action="always", record=True) as shown:
        attempt(warnings.warn, "the data is BER")
    assert shown == []


def test_the_result_passes_through() -> None:
    assert attempt(int, "7") == 7
