"""A signal that is held back for a moment has its effect afterwards, and none is lost."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from types import FrameType
from typing import Any

import pytest

from trustkeys import signals
from trustkeys.signals import held
from trustkeys.system import STOPPING


class StoppedError(Exception):
    """The program's own handler ran."""


@pytest.fixture(autouse=True)
def own_handlers() -> Iterator[list[int]]:
    """Let the handlers of the process be a program's own, which notes each signal."""
    came: list[int] = []

    def note(signum: int, frame: FrameType | None) -> None:
        assert frame is not None
        came.append(signum)

    before = {signum: signal.signal(signum, note) for signum in STOPPING}
    yield came
    for signum, handler in before.items():
        signal.signal(signum, handler)


def fail(signum: int, _frame: object) -> None:
    raise StoppedError(signum)


def handlers() -> list[Any]:
    return [signal.getsignal(signum) for signum in STOPPING]


@pytest.mark.parametrize("blocks", [1, 2])
def test_each_signal_has_its_effect_once_and_at_the_end(
    own_handlers: list[int], blocks: int
) -> None:
    before = handlers()
    with ExitStack() as stack:
        for _ in range(blocks):
            stack.enter_context(held())
        for signum in (*STOPPING, *STOPPING):
            signal.raise_signal(signum)
        assert own_handlers == []
    assert sorted(own_handlers) == sorted(STOPPING)
    assert handlers() == before


def test_an_error_of_the_block_loses_no_signal(own_handlers: list[int]) -> None:
    before = handlers()
    with suppress(LookupError), held():
        signal.raise_signal(signal.SIGTERM)
        raise LookupError
    assert own_handlers == [signal.SIGTERM]
    assert handlers() == before


def test_handlers_that_raise_do_not_lose_the_other_signals(own_handlers: list[int]) -> None:
    signal.signal(signal.SIGINT, fail)
    with suppress(StoppedError), held():
        for signum in STOPPING:
            signal.raise_signal(signum)
    assert {*own_handlers} == {*STOPPING} - {signal.SIGINT}


def test_a_handler_that_raises_while_handlers_are_put_back_swallows_no_later_signal(
    own_handlers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when Ctrl-C is pressed twice."""
    signal.signal(signal.SIGINT, fail)
    set_handler = signal.signal

    def interrupted(signum: int, handler: Any) -> object:
        result = set_handler(signum, handler)
        if handler is fail:
            signal.raise_signal(signal.SIGINT)
        return result

    monkeypatch.setattr(signal, "signal", interrupted)
    with pytest.raises(StoppedError), held():
        pass
    monkeypatch.undo()
    for signum in STOPPING:
        with suppress(StoppedError):
            signal.raise_signal(signum)
    assert {*own_handlers} == {*STOPPING} - {signal.SIGINT}


def test_blocks_that_end_in_another_order_swallow_no_signal(own_handlers: list[int]) -> None:
    """As in two generators."""
    before = handlers()
    first, second = held(), held()
    first.__enter__()
    second.__enter__()
    signal.raise_signal(signal.SIGTERM)
    first.__exit__(None, None, None)
    second.__exit__(None, None, None)
    signal.raise_signal(signal.SIGINT)
    assert own_handlers == [signal.SIGTERM, signal.SIGINT]
    assert signal.getsignal(signal.SIGINT) in before


def test_what_the_block_sets_stays(own_handlers: list[int]) -> None:
    with held():
        signal.raise_signal(signal.SIGTERM)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN


@pytest.mark.parametrize("handler", [signal.SIG_IGN, None])
def test_an_ignored_signal_and_a_handler_of_c_stay(
    monkeypatch: pytest.MonkeyPatch, handler: object
) -> None:
    monkeypatch.setattr(signal, "getsignal", lambda _: handler)
    monkeypatch.setattr(signal, "signal", lambda *_: pytest.fail("it was replaced"))
    with held():
        pass


def test_a_signal_without_a_handler_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    ended: list[int] = []
    monkeypatch.setattr(signals, "end_by", ended.append)
    with held():
        signal.raise_signal(signal.SIGTERM)
        assert ended == []
    assert ended == [signal.SIGTERM]


@pytest.mark.deep
def test_the_default_effect_is_that_of_a_signal() -> None:
    program = textwrap.dedent("""
        import signal
        from trustkeys.signals import held
        with held():
            signal.raise_signal(signal.SIGTERM)
            print("the block ends", flush=True)
        print("never")
    """)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("the block ends\n", "")
    assert done.returncode == (-signal.SIGTERM if sys.platform != "win32" else 0xC000013A)


def handlers_of_a_thread_that_holds() -> Any:
    """Return the handlers in a block of another thread that holds signals back."""
    seen: list[Any] = []

    def hold() -> None:
        with held():
            seen.append(handlers())

    thread = threading.Thread(target=hold)
    thread.start()
    thread.join()
    (found,) = seen
    return found


def test_other_threads_hold_nothing_back() -> None:
    """Python runs handlers in the main thread only."""
    assert handlers_of_a_thread_that_holds() == handlers()


def test_a_program_that_embeds_python_has_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's modules can take another thread for the main one, which may set no handler."""
    before = handlers()
    monkeypatch.setattr(threading, "main_thread", threading.current_thread)
    assert handlers_of_a_thread_that_holds() == before == handlers()


@pytest.mark.skipif(sys.platform == "win32", reason="loops of Windows handle no signals")
def test_a_loop_of_asyncio_sees_a_signal_once() -> None:
    """Servers end gracefully at the first, and at once at the second."""
    came: list[int] = []

    async def main() -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, came.append, signal.SIGTERM)
        with held():
            signal.raise_signal(signal.SIGTERM)
        for _ in range(5):
            await asyncio.sleep(0)
        asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)

    asyncio.run(main())
    assert came == [signal.SIGTERM]
