"""Draw, shrink and print examples as Hypothesis does in a test."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from hypothesis import Phase, find, given, seed, settings
from hypothesis import strategies as st

from trustkeys.core.oct import OctStrategy

MAX = 2**63 - 1


class EC(OctStrategy):
    """A key type that a package could register."""

    kty = "EC"
    sizes = range(384, 520 + 1, 136)
    default_size = 384


# Explaining a failure takes most of the time of finding it, and these tests do not read it.
quick = settings(max_examples=2000, database=None, phases=[Phase.generate, Phase.shrink])

# Drawing takes most of the time of these tests.
few = settings(max_examples=settings().max_examples // 3)


def smallest(strategy: st.SearchStrategy[Any], fails: Callable[[Any], bool]) -> Any:
    """Return the minimal example of a test that fails for this reason."""
    return find(strategy, fails, settings=quick)


@cache
def drawn(strategy: st.SearchStrategy[Any], number: int) -> list[Any]:
    """Return what a test with 200 examples would see, in its run of a number."""
    seen = []

    @seed(number)
    @settings(max_examples=200, database=None, phases=[Phase.generate])
    @given(example=strategy)
    def look(example: Any) -> None:
        seen.append(example)

    look()
    return seen


def assert_drawn(strategy: st.SearchStrategy[Any], wanted: Callable[[Any], bool]) -> None:
    """Check that an example of a kind is drawn within 10 runs of 200 examples."""
    assert any(wanted(example) for number in range(10) for example in drawn(strategy, number))


def printed(strategy: st.SearchStrategy[Any], fails: Callable[[Any], object]) -> tuple[str, Any]:
    """Return what Hypothesis prints of the minimal example, and the example."""
    seen = []

    @quick
    @given(example=strategy)
    def check(example: Any) -> None:
        seen.append(example)
        assert not fails(example)

    with pytest.raises(AssertionError) as caught:
        check()
    (note,) = [note for note in caught.value.__notes__ if "check(" in note]
    return note[note.index("check(") :], seen[-1]
