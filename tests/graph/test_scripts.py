"""A script has one tenant: no key may get lost in it, come twice, or leak on the way."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests import support
from tests.standins.tenant import NOW, TENANT, TOKEN, Tenant
from trustkeys import TrustFrameworkKey, TrustFrameworkKeySet, testing
from trustkeys.core.base64url import base64url_decode
from trustkeys.formats.certificates import self_signed
from trustkeys.graph import (
    CLOUDS,
    Provisioning,
    az_script,
    private_bodies,
    private_json,
    provision,
    pwsh_script,
)

pytestmark = pytest.mark.usefixtures("test_keys_allowed", "few_rounds")

DAY = 86_400


def text_key(text: str, nbf: int | None = None, exp: int | None = None) -> TrustFrameworkKey:
    jwk = {"kty": "oct", "use": "sig", "k": support.b64(text.encode())}
    return TrustFrameworkKey.from_jwk(jwk, nbf=nbf, exp=exp)


SECRETS = ("correct horse battery staple", "wachtwoord_van_vóór", 'it\'s "quoted" $(touch oops)')


def text_set() -> TrustFrameworkKeySet:
    """Three secrets: the second is active, and the third will be."""
    dates = ((None, None), (NOW - DAY, NOW + 9 * DAY), (NOW + 5 * DAY, NOW + 20 * DAY))
    keys = (text_key(text, *each) for text, each in zip(SECRETS, dates, strict=True))
    return TrustFrameworkKeySet("Secrets", keys)


@pytest.fixture
def rsa_set() -> TrustFrameworkKeySet:
    dates = ((None, None), (NOW - DAY, NOW + 9 * DAY), (NOW + 5 * DAY, NOW + 20 * DAY))
    keys = (testing.rsa_key(seed, nbf=nbf, exp=exp) for seed, (nbf, exp) in enumerate(dates))
    return TrustFrameworkKeySet("Signing", keys)


@pytest.fixture
def certified_set(rsa_set: TrustFrameworkKeySet) -> TrustFrameworkKeySet:
    dated = [key for key in rsa_set if key.nbf is not None]
    return TrustFrameworkKeySet("Certified", (self_signed(key, "CN=test") for key in dated))


@pytest.fixture
def tenant(tmp_path: Path) -> Tenant:
    return Tenant(tmp_path)


def fault(when: str, method: str = "post", skip: int = 0, **more: Any) -> dict[str, Any]:
    return {"method": method, "when": when, "skip": skip, "stop": False, **more}


def texts_there(tenant: Tenant, name: str = "B2C_1A_Secrets") -> list[str]:
    return [base64url_decode(key["k"]).decode() for key in tenant.keys(name)]


def moduli(keys: Sequence[TrustFrameworkKey] | TrustFrameworkKeySet) -> list[str]:
    return [key.to_jwk()["n"] for key in keys]


def plain(text: str) -> str:
    return text.rstrip("=").translate(str.maketrans("+/", "-_"))


# Of each kind a provisioning, and a way to look at the keys that are there.

Kind = tuple[Provisioning, Callable[[Tenant], list[str]], list[str]]


@pytest.fixture(params=["create RSA", "create oct", "uploadSecret", "uploadPkcs12"])
def kind(
    request: pytest.FixtureRequest,
    rsa_set: TrustFrameworkKeySet,
    certified_set: TrustFrameworkKeySet,
) -> Kind:
    texts = list(SECRETS)
    if request.param == "create RSA":
        return (
            provision(rsa_set, at=NOW),
            lambda tenant: [key["n"] for key in tenant.keys("B2C_1A_Signing")],
            moduli(rsa_set),
        )
    if request.param == "create oct":
        return provision(text_set(), at=NOW), texts_there, texts
    if request.param == "uploadSecret":
        # The active one comes first.
        order = [texts[1], texts[0], texts[2]]
        return provision(text_set(), by="action", at=NOW), texts_there, order
    return (
        provision(certified_set, by="action", at=NOW),
        lambda tenant: [plain(key["n"]) for key in tenant.keys("B2C_1A_Certified")],
        moduli(certified_set),
    )


def shown(text: str, provisioning: Provisioning) -> list[str]:
    """What of the secrets in a provisioning shows in a text."""
    found = []
    for request in provisioning.requests:
        body = request.private_body()
        for jwk in body.get("keys", []):
            found += support.leaks(text, jwk)
        # Of uploadSecret and uploadPkcs12.
        found += [name for name in ("k", "key", "password") if name in body and body[name] in text]
    return found


def assert_nothing_leaks(tenant: Tenant, provisioning: Provisioning, said: str) -> None:
    """No secret and no token in what others can see: arguments, and what is printed."""
    seen = said + "".join(argument for entry in tenant.log for argument in entry["args"])
    assert shown(seen, provisioning) == []
    assert TOKEN not in seen
    assert "Authorization" not in seen
    for entry in tenant.log:
        assert not {"put", "patch", "delete", "--debug", "--verbose"} & set(entry["args"])
        assert '"kid"' not in json.dumps(entry.get("body"))
        assert "@odata" not in json.dumps(entry.get("body"))


# --- the whole way


def test_the_keys_arrive_whole_and_in_order_and_no_secret_shows(tenant: Tenant, kind: Kind) -> None:
    provisioning, there, expected = kind
    tenant.place(provisioning)
    said = tenant.well(TENANT.upper())
    assert there(tenant) == expected
    assert f"Tenant: {TENANT} at https://graph.microsoft.com" in said
    assert [entry["body"] for entry in tenant.sent] == [
        request.private_body() for request in provisioning.requests
    ]
    assert_nothing_leaks(tenant, provisioning, said)
    assert tenant.left == ["provision.sh"]
    assert tenant.sleeps == []
    assert [entry["args"][:2] for entry in tenant.log[:1]] == [["account", "show"]]
    assert tenant.log[-1]["args"][4].endswith("/getActiveKey")


def test_running_it_again_changes_nothing_and_checks_once_more(tenant: Tenant, kind: Kind) -> None:
    provisioning, there, expected = kind
    tenant.place(provisioning)
    tenant.well()
    once = tenant.sent
    assert "was done before" in tenant.well()
    assert tenant.sent == once
    assert there(tenant) == expected


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_stopped_anywhere_it_goes_on_and_no_key_comes_twice(
    tenant: Tenant, kind: Kind, when: str, method: str
) -> None:
    provisioning, there, expected = kind
    for number in itertools.count():
        tenant.keep({"tenant": TENANT, "faults": [], "lags": 0})
        shutil.rmtree(tenant.folder, ignore_errors=True)
        tenant.place(provisioning)
        tenant.change(faults=[fault(when, method, number, stop=True)])
        stopped = tenant.run()
        if stopped.returncode == 0:
            # There was no request of that number.
            break
        assert stopped.returncode < 0
        said = tenant.well()
        assert there(tenant) == expected
        assert tenant.left == ["provision.sh"]
        assert_nothing_leaks(tenant, provisioning, said)
    steps = len(provisioning.requests)
    assert number == (steps if method == "post" else steps + 1)


def test_where_nobody_knows_whether_it_was_done_it_is_found_out(tenant: Tenant, kind: Kind) -> None:
    provisioning, there, expected = kind
    tenant.place(provisioning)
    for number in range(len(provisioning.requests)):
        when = ("before", "after")[number % 2]
        tenant.change(faults=[fault(when, status=502, code="UnknownError")])
        said = tenant.badly()
        assert "ERROR: Bad Gateway(" in said
        assert f"step {number + 1} of {len(provisioning.requests)} failed" in said
        tenant.change(faults=[])
        if number + 1 < len(provisioning.requests):
            # One more step, and then the next one fails.
            tenant.change(faults=[fault("before", skip=1, status=400, code="BadRequest")])
            if when == "after":
                tenant.change(faults=[fault("before", status=400, code="BadRequest")])
            assert "ERROR: Bad Request(" in tenant.badly()
    tenant.change(faults=[])
    tenant.well()
    assert there(tenant) == expected


def test_what_is_refused_stays_and_the_person_learns_why(tenant: Tenant, kind: Kind) -> None:
    provisioning, there, expected = kind
    tenant.place(provisioning)
    before = tenant.left
    tenant.change(faults=[fault("before", status=401, code="Denied", message="no such role")])
    done = tenant.run()
    assert done.returncode == 1
    assert "no such role" in done.stderr
    assert "run this again" in done.stderr
    assert tenant.left == before
    tenant.well()
    assert there(tenant) == expected


# --- what is there is somebody's


def test_a_set_that_is_there_is_not_touched(tenant: Tenant, kind: Kind) -> None:
    provisioning, _, _ = kind
    keys = [{"kid": "theirs", "use": "sig", "n": None}] * 3
    tenant.change(sets={provisioning.keyset_id: keys})
    tenant.place(provisioning)
    before = tenant.left
    for _ in range(2):
        said = tenant.badly()
        assert "AADB2C95028" in said
        assert tenant.sent == []
        assert tenant.left == before
    assert tenant.keys(provisioning.keyset_id) == keys


def test_a_set_that_somebody_else_changes_meanwhile_is_left_alone(tenant: Tenant) -> None:
    tenant.place(provision(text_set(), by="action", at=NOW))
    tenant.change(faults=[fault("before", skip=2, stop=True)])
    assert tenant.run().returncode < 0
    theirs = [{"kid": f"theirs {number}", "use": "sig"} for number in range(2)]
    sets = tenant.state["sets"]
    tenant.change(sets={name: keys + theirs for name, keys in sets.items()})
    sent = len(tenant.sent)
    assert "somebody else has changed it" in tenant.badly()
    assert len(tenant.sent) == sent
    # Or has removed it.
    tenant.change(sets={})
    assert "somebody else has changed it" in tenant.badly()
    assert len(tenant.sent) == sent
    assert "3.json" in tenant.left


def test_another_tenant_than_the_one_named_gets_nothing(tenant: Tenant, kind: Kind) -> None:
    provisioning, _, _ = kind
    tenant.place(provisioning)
    said = tenant.badly("11111111-2222-3333-4444-555555555555")
    assert "another tenant" in said
    assert TENANT in said
    assert [entry["args"][0] for entry in tenant.log] == ["account"]


def test_who_signs_in_elsewhere_meanwhile_sends_nothing_there(tenant: Tenant, kind: Kind) -> None:
    tenant.place(kind[0])
    tenant.change(later=[TENANT, "another"])
    assert "az is signed in to another tenant now" in tenant.badly()
    assert tenant.sent == []
    assert [name for name in tenant.left if name.endswith(".json")]
    tenant.well(TENANT)


def test_one_tenant_is_enough(tenant: Tenant, kind: Kind) -> None:
    tenant.place(kind[0])
    done = tenant.run("another", TENANT)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: ")
    assert not (tenant.standin / "log").exists()


def test_who_is_not_signed_in_is_told_how(tenant: Tenant, kind: Kind) -> None:
    provisioning, _, _ = kind
    tenant.place(provisioning)
    tenant.change(tenant="")
    assert "az cloud set --name AzureCloud && az login --service-principal" in tenant.badly()
    assert [entry["args"][0] for entry in tenant.log] == ["account"]


@pytest.mark.parametrize("args", [["--help"], ["-x"], [""]])
def test_who_calls_it_wrong_sees_how_it_is_called(tenant: Tenant, args: list[str]) -> None:
    tenant.place(provision(text_set(), at=NOW))
    done = tenant.run(*args)
    assert done.returncode == 2
    assert done.stderr.startswith("Usage: ")
    assert not (tenant.standin / "log").exists()


def test_an_answer_that_nobody_understands_stops_it(tenant: Tenant, kind: Kind) -> None:
    provisioning, _, _ = kind
    tenant.place(provisioning)
    before = tenant.left
    tenant.change(faults=[fault("before", "get", status=401, code="Denied")])
    assert "nothing was sent" in tenant.badly()
    assert tenant.sent == []
    assert tenant.left == before


# --- a service that is busy, or slow


def test_a_busy_service_gets_time_and_as_much_as_it_says(tenant: Tenant, kind: Kind) -> None:
    provisioning, there, expected = kind
    tenant.place(provisioning)
    busy: dict[str, Any] = {"status": 429, "code": "TooManyRequests"}
    tenant.change(
        faults=[
            fault("before", **busy),
            fault("before", status=400, code="AADB2C95043"),
            fault("before", **busy, message="Please retry after 77 seconds."),
            fault("before", "get", **busy, message="Retry-After: 8"),
        ]
    )
    tenant.well()
    assert there(tenant) == expected
    assert tenant.sleeps == [8, 5, 10, 77]


def test_a_service_that_stays_busy_is_left_alone_and_nothing_is_lost(tenant: Tenant) -> None:
    tenant.place(provision(text_set(), at=NOW))
    tenant.change(faults=[fault("before", status=429, code="TooManyRequests") for _ in range(9)])
    assert "ERROR: Too Many Requests(" in tenant.badly()
    assert tenant.sleeps == [5, 10, 20, 40, 80, 160]
    assert tenant.left == ["1.json", "provision.sh"]
    tenant.change(faults=[])
    tenant.well()


def test_a_service_that_shows_late_what_it_was_sent_is_waited_for(tenant: Tenant) -> None:
    tenant.place(provision(text_set(), by="action", at=NOW))
    tenant.change(lags=2)
    tenant.well()
    assert texts_there(tenant) == [SECRETS[1], SECRETS[0], SECRETS[2]]
    assert tenant.sleeps == [2, 4] * 3


def test_after_a_stop_it_also_waits_for_what_was_sent_before(tenant: Tenant) -> None:
    tenant.place(provision(text_set(), by="action", at=NOW))
    tenant.change(lags=2, faults=[fault("after", skip=2, stop=True)])
    assert tenant.run().returncode < 0
    tenant.well()
    assert texts_there(tenant) == [SECRETS[1], SECRETS[0], SECRETS[2]]


def test_in_whatever_order_the_service_lists_keys_they_are_found(
    tenant: Tenant, rsa_set: TrustFrameworkKeySet
) -> None:
    for order in (1, -1):
        tenant.keep({"tenant": TENANT, "lags": 0, "faults": [fault("after", stop=True)]})
        tenant.change(order=order)
        shutil.rmtree(tenant.folder, ignore_errors=True)
        tenant.place(provision(rsa_set, at=NOW))
        assert tenant.run().returncode < 0
        tenant.well()
        assert [key["n"] for key in tenant.keys("B2C_1A_Signing")] == moduli(rsa_set)


# --- the check at the end


def test_another_active_key_than_expected_is_found(tenant: Tenant, kind: Kind) -> None:
    provisioning, _, _ = kind
    tenant.place(provisioning)
    tenant.well()
    keys = tenant.keys(provisioning.keyset_id)
    for key in keys:
        key |= {"n": "AQAB" if key["kty"] == "RSA" else None, "nbf": 1}
    tenant.change(sets={provisioning.keyset_id: keys})
    said = tenant.badly()
    assert "MISMATCH" in said
    assert "expected: " in said
    assert tenant.sleeps == [5, 10, 20]
    # And none at all.
    tenant.change(sets={})
    assert "MISMATCH" in tenant.badly()


def test_what_is_expected_follows_the_clock(tenant: Tenant, kind: Kind) -> None:
    provisioning, _, _ = kind
    tenant.place(provisioning)
    tenant.well()
    for now in (NOW + 5 * DAY - 1, NOW + 5 * DAY, NOW + 15 * DAY):
        tenant.at(now)
        tenant.well()
    tenant.at(NOW + 30 * DAY)
    if provisioning.keyset_id == "B2C_1A_Certified":
        # No key without dates is there to take over.
        assert "no key of B2C_1A_Certified is active now" in tenant.badly()
    else:
        tenant.well()


# --- replacing


def test_replacing_says_what_is_lost_and_asks_for_a_word(
    tenant: Tenant, rsa_set: TrustFrameworkKeySet
) -> None:
    provisioning = provision(rsa_set, replace=True, at=NOW)
    tenant.place(provisioning)
    theirs = [{"kid": "old\x1b[2Jone", "use": "sig", "n": "AQAB"}]
    tenant.change(sets={"B2C_1A_Signing": theirs})
    said = tenant.badly()
    assert "old[2Jone\n" in said
    assert "run this again with --replace" in said
    assert tenant.sent == []
    assert tenant.keys("B2C_1A_Signing") == theirs
    said = tenant.well("--replace", TENANT)
    assert "old[2Jone\n" in said
    assert [key["n"] for key in tenant.keys("B2C_1A_Signing")] == moduli(rsa_set)
    assert [entry["args"][2] for entry in tenant.sent] == ["put"]
    assert tenant.left == ["provision.sh"]
    assert "was done before" in tenant.well()


def test_replacing_speaks_of_loss_only_where_there_is_one(
    tenant: Tenant, rsa_set: TrustFrameworkKeySet
) -> None:
    """Who is warned each time overlooks the one key that is lost."""
    tenant.place(provision(rsa_set, replace=True, at=NOW))
    same = [{"kid": key.kid, "use": "sig", "n": key.to_jwk()["n"]} for key in rsa_set]
    tenant.change(sets={"B2C_1A_Signing": [*same[:2]]})
    said = tenant.badly()
    assert "All keys that are in B2C_1A_Signing there are among the new ones." in said
    assert "lost then" not in said
    other = {"kid": "other", "use": "sig", "n": "AQAB"}
    tenant.change(sets={"B2C_1A_Signing": [same[0], other]})
    said = tenant.well("--replace")
    assert "They are lost then, and cannot be read back:\nother\nStep 1" in said


def test_replacing_secrets_lists_them_all_since_nothing_shows_which_they_are(
    tenant: Tenant,
) -> None:
    tenant.place(provision(text_set(), replace=True, at=NOW))
    tenant.change(sets={"B2C_1A_Secrets": [{"kid": "one", "use": "sig"}]})
    assert "cannot be read back:\none\n" in tenant.badly()


def test_who_signs_in_as_a_person_is_told_what_is_needed(tenant: Tenant, kind: Kind) -> None:
    tenant.place(kind[0])
    message = "The application does not have any of the required delegated permissions"
    refusal = fault("before", "get", status=403, code="Forbidden", message=message)
    tenant.change(faults=[refusal])
    said = tenant.badly()
    assert message in said
    assert "az login --service-principal" in said


def test_replacing_what_is_not_there_is_refused(
    tenant: Tenant, rsa_set: TrustFrameworkKeySet
) -> None:
    tenant.place(provision(rsa_set, replace=True, at=NOW))
    assert "without replacing" in tenant.badly("--replace")
    assert tenant.sent == []


def test_a_word_for_replacing_alone_replaces_nothing(
    tenant: Tenant, rsa_set: TrustFrameworkKeySet
) -> None:
    tenant.place(provision(rsa_set, at=NOW))
    assert "replace nothing" in tenant.badly("--replace")
    assert not (tenant.standin / "log").exists()


# --- the texts


def test_no_secret_stands_in_a_script(kind: Kind) -> None:
    provisioning, _, _ = kind
    for script in (az_script(provisioning), pwsh_script(provisioning)):
        assert script.isascii()
        assert shown(script, provisioning) == []


def test_the_files_have_names_that_come_from_here_alone(kind: Kind) -> None:
    provisioning, _, _ = kind
    names = [f"{number}.json" for number in range(1, len(provisioning.requests) + 1)]
    assert list(private_bodies(provisioning)) == names
    for body, request in zip(
        private_bodies(provisioning).values(), provisioning.requests, strict=True
    ):
        assert body.isascii()
        assert support.parse(body) == request.private_body()


HOSTILE = "'; touch oops; '$(touch oops)`touch oops`\n'@ | iex"


def hostile() -> Provisioning:
    """Ids are letters, digits, - and _. Here they were put in by hand."""
    jwk = {"kty": "oct", "use": "sig", "k": support.b64(b"0123456789abcdef"), "kid": HOSTILE}
    keyset = TrustFrameworkKeySet("x-y_Z", [TrustFrameworkKey.from_jwk(jwk)])
    provisioning = provision(keyset, at=NOW)
    assert HOSTILE not in az_script(provisioning) + pwsh_script(provisioning)
    return attrs.evolve(
        provisioning,
        keyset_id=HOSTILE,
        requests=tuple(attrs.evolve(each, path=HOSTILE) for each in provisioning.requests),
    )


def test_names_from_outside_run_nothing(tenant: Tenant) -> None:
    tenant.place(hostile())
    tenant.change(faults=[fault("before", "get", status=404, code="NotFound")])
    tenant.badly()
    urls = [entry["args"][4] for entry in tenant.log if entry["args"][0] == "rest"]
    assert urls[0] == f"https://graph.microsoft.com/beta/trustFramework/keySets/{HOSTILE}"
    assert urls[1] == f"https://graph.microsoft.com/beta{HOSTILE}"
    assert tenant.left == ["1.json", "1.sent", "provision.sh"]
    assert not [*tenant.standin.parent.rglob("oops")]


def test_names_from_outside_end_no_literal_of_powershell() -> None:
    script = pwsh_script(hostile())
    generated = script.partition("$VerbosePreference")[2].replace("@'\n", "").replace("\n'@", "")
    outside = re.sub(r"'(?:[^']|'')*'", "", generated)
    assert "touch" not in outside
    assert "iex" not in outside


def test_the_bash_script_is_one_that_bash_and_shellcheck_accept(
    tmp_path: Path, kind: Kind, rsa_set: TrustFrameworkKeySet
) -> None:
    for provisioning in (kind[0], provision(rsa_set, replace=True, at=NOW)):
        file = tmp_path / "provision.sh"
        file.write_text(az_script(provisioning))
        subprocess.run(["bash", "-n", file], check=True)
        if shutil.which("shellcheck"):
            subprocess.run(["shellcheck", "--shell=bash", file], check=True)


@pytest.mark.parametrize("cloud", CLOUDS)
def test_each_cloud_is_asked_with_a_token_of_its_own(
    tenant: Tenant, cloud: str, rsa_set: TrustFrameworkKeySet
) -> None:
    tenant.place(provision(rsa_set, base_url=CLOUDS[cloud], at=NOW))
    tenant.well()
    for entry in tenant.log:
        if entry["args"][0] != "rest":
            continue
        options = dict(zip(entry["args"][1::2], entry["args"][2::2], strict=True))
        assert f"{options['--resource']}/beta" == CLOUDS[cloud]
        assert options["--url"].startswith(CLOUDS[cloud])


def test_as_json_it_is_all_there_for_a_program(kind: Kind) -> None:
    provisioning, _, _ = kind
    document = support.parse(private_json(provisioning))
    assert list(document) == ["keyset_id", "base_url", "notes", "requests", "schedule"]
    for written, request in zip(document["requests"], provisioning.requests, strict=True):
        assert written == {
            "method": request.method,
            "url": f"https://graph.microsoft.com/beta{request.path}",
            "headers": {"Content-Type": "application/json"},
            "body": request.private_body(),
        }
    assert document["schedule"] == [attrs.asdict(each) for each in provisioning.schedule]


# --- PowerShell

pwsh = pytest.mark.skipif(shutil.which("pwsh") is None, reason="there is no PowerShell here")


class PowerShellTenant(Tenant):
    """The same tenant, reached by PowerShell."""

    def place(self, provisioning: Provisioning) -> None:
        super().place(provisioning)
        (self.folder / "provision.sh").unlink()
        (self.folder / "provision.ps1").write_text(pwsh_script(provisioning))

    def run(self, *args: str) -> subprocess.CompletedProcess[str]:
        standins = support.ROOT / "tests" / "standins"
        self.at(int(time.time()))
        # In place of what it would wait.
        command = (
            "function Start-Sleep([int] $Seconds) "
            '{ Add-Content -LiteralPath "$env:STANDIN/sleeps" -Value $Seconds }; '
            f"& {self.literal(str(self.folder / 'provision.ps1'))} {' '.join(args)}; "
            "exit $LASTEXITCODE"
        )
        return subprocess.run(
            ["pwsh", "-NoProfile", "-NonInteractive", "-Command", command],
            cwd=self.standin,
            env={
                **self.environment,
                "PSModulePath": str(standins),
                "STANDIN_PYTHON": sys.executable,
                "STANDIN_AZ": str(standins / "az.py"),
                "AZURE_LOGGING_ENABLE_LOG_FILE": "false",
                "AZURE_CLI_DISABLE_CONNECTION_VERIFICATION": "",
            },
            capture_output=True,
            text=True,
            timeout=120,
            start_new_session=True,
        )

    def literal(self, text: str) -> str:
        return "'" + text.replace("'", "''") + "'"


@pytest.fixture
def powershell(tmp_path: Path) -> PowerShellTenant:
    return PowerShellTenant(tmp_path)


@pwsh
def test_powershell_brings_the_same_keys(powershell: PowerShellTenant, kind: Kind) -> None:
    provisioning, there, expected = kind
    powershell.place(provisioning)
    said = powershell.run(TENANT).stdout
    # PowerShell's own clock counts, and a certificate for a time in 2027 may not count then.
    assert ("OK: " in said) or provisioning.keyset_id == "B2C_1A_Certified"
    assert f"Tenant: {TENANT}" in said
    assert there(powershell) == expected
    assert powershell.left == ["provision.ps1"]
    assert_nothing_leaks(powershell, provisioning, said)


@pwsh
@pytest.mark.parametrize("when", ["before", "after"])
def test_powershell_goes_on_after_a_stop(
    powershell: PowerShellTenant, kind: Kind, when: str
) -> None:
    provisioning, there, expected = kind
    powershell.place(provisioning)
    powershell.change(faults=[fault(when, stop=True)])
    assert powershell.run().returncode < 0
    powershell.run()
    assert there(powershell) == expected


@pwsh
def test_powershell_waits_as_long_as_the_service_says(powershell: PowerShellTenant) -> None:
    powershell.place(provision(text_set(), at=NOW))
    busy: dict[str, Any] = {"status": 429, "code": "TooManyRequests"}
    powershell.change(
        faults=[fault("before", **busy, message="Retry-After: 77"), fault("before", **busy)]
    )
    powershell.run()
    assert powershell.sleeps[:2] == [77, 10]
    assert len(powershell.keys("B2C_1A_Secrets")) == 3


@pwsh
def test_powershell_stops_at_another_tenant_and_at_a_set_that_is_there(
    powershell: PowerShellTenant,
) -> None:
    powershell.place(provision(text_set(), at=NOW))
    assert "another tenant" in powershell.badly("11111111-2222-3333-4444-555555555555")
    powershell.change(sets={"B2C_1A_Secrets": [{"kid": "theirs", "use": "sig"}]})
    assert "AADB2C95028" in powershell.badly()
    assert powershell.sent == []


def test_the_powershell_script_says_the_same_as_the_bash_script(
    kind: Kind, rsa_set: TrustFrameworkKeySet
) -> None:
    replacing = provision(rsa_set, replace=True, at=NOW)
    for provisioning in (kind[0], replacing):
        bash, script = az_script(provisioning), pwsh_script(provisioning)
        schedule = bash.partition("check <<'SCHEDULE'\n")[2].partition("\nSCHEDULE\n")[0]
        assert schedule.count("\n") == len(provisioning.schedule) - 1
        assert f"Test-ActiveKey @'\n{schedule}\n'@\n" in script
        steps = re.findall(r"^Invoke-(Step|Replacement) (\d+) '([^']+)'", script, re.MULTILINE)
        assert steps == [
            ("Replacement" if request.method == "PUT" else "Step", str(number), request.path)
            for number, request in enumerate(provisioning.requests, 1)
        ]
        for request in provisioning.requests:
            assert all(f"'{text}'" in script for text in request.brings)
        assert f"$Replaces = ${str(provisioning.replaces).lower()}\n" in script


def test_the_powershell_script_keeps_bodies_out_of_logs(rsa_set: TrustFrameworkKeySet) -> None:
    script = pwsh_script(provision(rsa_set, at=NOW))
    assert "$ErrorActionPreference = 'Stop'" in script
    assert "Set-StrictMode -Version Latest" in script
    # The value of -Body stands in a pipeline log, and -Debug shows the body.
    assert "InputFilePath = " not in script
    assert "$arguments['InputFilePath'] = [WildcardPattern]::Escape($File)" in script
    assert "Body =" not in script
    assert " -Body" not in script
    assert "Debug = $false" in script
    assert "Authorization" not in script


def test_the_brackets_of_the_powershell_script_close(
    kind: Kind, rsa_set: TrustFrameworkKeySet
) -> None:
    for provisioning in (kind[0], provision(rsa_set, replace=True, at=NOW)):
        script = re.sub(r"(?s)<#.*?#>", "", pwsh_script(provisioning))
        script = re.sub(r"(?s)@'\n.*?\n'@", "", script)
        script = re.sub(r"(?m)^\s*#.*$", "", script)
        script = re.sub(r"'(?:[^']|'')*'", "", script)
        # What stands in double quotes may have expressions of its own in it.
        script = re.sub(r'"(?:[^"`]|`.)*"', "", script)
        waiting: list[str] = []
        pairs = {")": "(", "]": "[", "}": "{"}
        for character in script:
            if character in "([{":
                waiting.append(character)
            elif character in pairs:
                assert waiting.pop() == pairs[character]
        assert waiting == []
        assert not {"'", '"'} & set(script)
