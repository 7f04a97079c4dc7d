"""One document cannot keep the processor busy with proofs and signatures."""

from __future__ import annotations

import pytest

from trustkeys import InvalidInputError
from trustkeys.core.work import MAX_COMPLETED, MAX_WORK, PROOFS, SignatureChecks, Work


@pytest.mark.parametrize("size", [2048, 3072, 4096])
def test_proofs_are_counted_by_what_they_cost(size: int) -> None:
    work = Work()
    proved = sum(work.may_prove(size) for _ in range(50))
    assert proved == PROOFS // size**3
    assert work.unproved == 50 - proved


@pytest.mark.parametrize("cost", [1, 20, 100])
def test_signatures_end_with_an_error(cost: int) -> None:
    checks = SignatureChecks()
    for _ in range(MAX_WORK // cost):
        checks.spend(cost)
    with pytest.raises(InvalidInputError, match="certificates are too many") as caught:
        checks.spend(cost)
    assert caught.value.code == "AADB2C95034"


def test_keys_without_primes_end_with_an_error() -> None:
    work = Work()
    for _ in range(MAX_COMPLETED):
        work.complete()
    with pytest.raises(InvalidInputError, match=r"are missing.*500 keys.*split it") as caught:
        work.complete()
    assert (caught.value.code, caught.value.target) == ("AADB2C95034", "p")


def test_documents_share_nothing() -> None:
    first, second = Work(), Work()
    first.signatures.spend(MAX_WORK)
    second.signatures.spend(MAX_WORK)
