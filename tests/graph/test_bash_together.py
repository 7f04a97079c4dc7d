"""Two runs of one script at the same time must send no key twice, and leave nothing stuck."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.graph.plans import Kind, fault, text_set, texts_there
from tests.standins.tenant import NOW, Tenant
from tests.support import needs_shell
from trustkeys.graph import provision

pytestmark = [pytest.mark.deep, needs_shell, pytest.mark.usefixtures("test_keys_allowed")]


def start(tenant: Tenant) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["bash", str(tenant.folder / tenant.script)],
        cwd=tenant.standin,
        env=tenant.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("round_", range(5))
def test_two_runs_send_each_key_once(tenant: Tenant, kind: Kind, round_: int) -> None:
    provisioning, there, expected = kind
    tenant.place(provisioning)
    tenant.environment["COLUMNS"] = "40"  # to which ps cuts its lines
    first = start(tenant)
    time.sleep(round_ * 0.1)
    second = start(tenant)
    said = [run.communicate(timeout=60) for run in (first, second)]
    codes = [first.returncode, second.returncode]
    assert 0 in codes, said
    for code, (_, errors) in zip(codes, said, strict=True):
        assert (code, errors.count("another run of this script")) in ((0, 0), (1, 1)), errors
    tenant.well()
    assert there(tenant) == expected
    assert tenant.left == [tenant.script]


@contextmanager
def sleeper(name: str) -> Iterator[int]:
    """Run a program whose command line has a name."""
    with subprocess.Popen(["bash", "-c", "read -r", name], stdin=subprocess.PIPE) as process:
        yield process.pid
        process.kill()


def test_a_second_run_stops_while_the_first_one_is_at_work(tenant: Tenant) -> None:
    tenant.place(provision(text_set(), by="action", at=NOW))
    tenant.change(faults=[fault("after", skip=1, stop=True)])
    assert tenant.run().returncode < 0
    claim = tenant.folder / "2.sent.1"
    _, _, before = claim.read_text().partition("\n")
    with sleeper("provision.sh") as process:
        claim.write_text(f"{process}\n{before}")
        said = tenant.badly()
        assert f"another run of this script is at work (process {process})" in said
        assert "2.sent.1" in tenant.left
    # The system gives the number of a run that was killed to other programs.
    with sleeper("something else") as process:
        claim.write_text(f"{process}\n{before}")
        tenant.well()
    assert len(texts_there(tenant)) == 3


def test_a_run_under_another_name_counts_too(tenant: Tenant) -> None:
    tenant.place(provision(text_set(), at=NOW))
    renamed = tenant.folder / "bring in.sh"
    (tenant.folder / tenant.script).rename(renamed)
    tenant.script = renamed.name
    with sleeper(str(renamed)) as process:
        (tenant.folder / "1.sent.1").write_text(f"{process}\nabsent\n")
        assert f"at work (process {process})" in tenant.badly()
    assert tenant.sent == []
    tenant.well()


def test_a_run_that_was_killed_while_it_wrote_its_claim_has_sent_nothing(tenant: Tenant) -> None:
    tenant.place(provision(text_set(), by="action", at=NOW))
    (tenant.folder / "1.sent.1").touch()
    (tenant.folder / f"az-errors.{os.getpid()}.txt").touch()
    tenant.well()
    assert len(texts_there(tenant)) == 3
    assert tenant.left == [tenant.script]
