"""Private values never show themselves, and cost nothing until they are used."""

from __future__ import annotations

from trustkeys.core.private import Private


def test_a_value_that_takes_time_is_computed_once_and_on_first_use() -> None:
    calls = []

    def members() -> dict[str, str]:
        calls.append(1)
        return {"k": "secret"}

    private = Private[dict[str, str]](members)
    assert (repr(private), calls) == ("<private>", [])
    assert private.reveal() == {"k": "secret"}
    assert private == Private({"k": "secret"})
    assert private != Private({"k": "other"})
    assert calls == [1]


def test_equality_does_not_depend_on_the_order_of_the_members() -> None:
    """Two readers of the same key must get equal keys."""
    assert Private({"d": "1", "p": "2"}) == Private({"p": "2", "d": "1"})
