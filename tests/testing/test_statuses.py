"""One table holds the status of each error code, with its source."""

from __future__ import annotations

import re

import pytest

from tests.support import ROOT
from trustkeys.testing.statuses import CODES, OURS, STATUSES, code_of, status_of

PAGE = (ROOT / "docs" / "reference" / "api" / "testing.md").read_text()
REFERENCE = (ROOT / "docs" / "reference" / "errors.md").read_text()


def test_the_page_shows_the_table() -> None:
    """A user must see what is known of the service, and what is our reading."""
    rows = re.findall(r"^\| (\w+) \| (\d{3}) \| (.+) \|$", PAGE, re.MULTILINE)
    assert rows == [(code, str(status.number), status.source) for code, status in STATUSES.items()]


@pytest.mark.parametrize("code", [*STATUSES, *CODES.values()])
def test_the_reference_of_error_codes_has_each_code(code: str) -> None:
    assert re.search(rf"^\| {code} \|", REFERENCE, re.MULTILINE) or code in (
        "BadRequest",
        "NotFound",
    )


def test_a_fault_has_the_status_of_its_code() -> None:
    for number, code in CODES.items():
        assert code not in STATUSES or status_of(code) == number
    assert code_of(418) == "UnknownError"
    # An error of a `generate` that the test passes.
    assert status_of("Other") == 400


def test_every_source_is_named() -> None:
    assert all(status.source == OURS or len(status.source) > 20 for status in STATUSES.values())
