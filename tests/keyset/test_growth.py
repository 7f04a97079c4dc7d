"""What takes a second with a thousand keys must not take a minute with five thousand."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import support
from tests.keyset.sets import DAY, key_set
from trustkeys import TrustFrameworkKeySet, check_key_set, key_calendar, store
from trustkeys.cli import changes
from trustkeys.cli.timeline.picture import as_svg
from trustkeys.cli.timeline.text import as_text


def _edit(keys: TrustFrameworkKeySet, path: Path) -> None:
    store.save(keys, path, plain=True, overwrite=True)
    with store.edit(path) as found:
        found.disable(next(iter(found)).kid)


def _many(keys: TrustFrameworkKeySet) -> TrustFrameworkKeySet:
    return TrustFrameworkKeySet("copy", keys)


NOW = 5 * DAY

WORK: dict[str, Callable[[TrustFrameworkKeySet, Path], Any]] = {
    "save and edit": _edit,
    "rotate": lambda keys, _: _many(keys).rotate(DAY, count=len(keys), at=NOW),
    "rollover": lambda keys, _: _many(keys).rollover(disable=True),
    "check": lambda keys, _: check_key_set(keys.to_jwks(private=True), at=NOW),
    "from_jwks": lambda keys, _: TrustFrameworkKeySet.from_jwks(keys.to_jwks(private=True)),
    "to_graph": lambda keys, _: keys.to_graph(),
    "calendar": lambda keys, _: key_calendar(keys.to_jwks(private=True), at=NOW),
    "show": lambda keys, _: as_text(keys, at=NOW, width=80, color=False, plain=False),
    "show --svg": lambda keys, _: as_svg(keys, at=NOW),
    "report": lambda keys, _: changes.report([*keys], [*keys][:-2], NOW),
    "report of disabled keys": lambda keys, _: changes.report_disabled(
        "set", [*keys], [*_disabled(keys)]
    ),
}


def _disabled(keys: TrustFrameworkKeySet) -> TrustFrameworkKeySet:
    copy = _many(keys)
    for key in keys:
        copy.disable(key.kid)
    return copy


@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
def test_twice_the_keys_take_about_twice_the_steps(
    work: Callable[[TrustFrameworkKeySet, Path], Any], tmp_path: Path
) -> None:
    def steps(count: int) -> int:
        keys = key_set([support.oct_key(i * DAY, (i + 9) * DAY) for i in range(count)])
        work(keys, tmp_path / "set")  # what is done once in a process
        counted = 0

        def count_calls(_frame: object, event: str, _arg: object) -> None:
            nonlocal counted
            counted += event in ("call", "c_call")

        before = sys.getprofile()
        sys.setprofile(count_calls)
        try:
            work(keys, tmp_path / "set")
        finally:
            sys.setprofile(before)
        return counted

    assert steps(80) < 2.3 * steps(40)
