"""Private values never show themselves, and cost nothing until they are used."""

from __future__ import annotations

from trustkeys.core.private import Private


def test_what_is_costly_is_worked_out_once_and_when_it_is_asked_for() -> None:
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
