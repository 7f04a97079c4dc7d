"""Whatever cryptography raises for a file becomes one refusal; a signal passes through."""

from __future__ import annotations

import pytest
from cryptography.exceptions import InternalError

from trustkeys.core.guarded import attempt


def fail(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize("error", [ValueError(), TypeError(), InternalError("", []), MemoryError()])
def test_an_exception_becomes_none(error: Exception) -> None:
    assert attempt(fail, error) is None


def test_a_panic_in_rust_becomes_none() -> None:
    # The class of PyO3 is such a BaseException, and has this name.
    panic = type("PanicException", (BaseException,), {})
    assert attempt(fail, panic()) is None


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_a_signal_and_the_end_of_the_process_pass_through(error: type[BaseException]) -> None:
    with pytest.raises(error):
        attempt(fail, error())


def test_the_result_passes_through() -> None:
    assert attempt(int, "7") == 7
