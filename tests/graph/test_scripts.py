"""A script that leaks a key, or breaks on a name, is noticed only in a tenant."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path

import attrs
import jsonschema
import pytest

from tests import support
from tests.graph.plans import Kind, assert_nothing_leaks, fault, shown, text_key
from tests.standins.tenant import NOW, TENANT, Tenant
from trustkeys import InvalidInputError, TrustFrameworkKey, TrustFrameworkKeySet, testing
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

pytestmark = pytest.mark.usefixtures("test_keys_allowed")


def test_a_script_holds_no_secret_and_is_ascii(kind: Kind) -> None:
    provisioning, _, _ = kind
    for script in (az_script(provisioning), pwsh_script(provisioning)):
        assert script.isascii()
        assert shown(script, provisioning) == []


def test_a_kid_beyond_ascii_leaves_a_script_in_ascii() -> None:
    key = attrs.evolve(testing.rsa_key(1), kid="clé")
    provisioning = provision(TrustFrameworkKeySet("a", [key]))
    for script in (az_script(provisioning), pwsh_script(provisioning)):
        assert script.isascii()
        assert "key cl?" in script


def test_the_bodies_are_numbered_json_files_in_ascii(kind: Kind) -> None:
    provisioning, _, _ = kind
    names = [f"{number}.json" for number in range(1, len(provisioning.requests) + 1)]
    assert list(private_bodies(provisioning)) == names
    for body, request in zip(
        private_bodies(provisioning).values(), provisioning.requests, strict=True
    ):
        assert body.isascii()
        assert support.parse(body) == request.private_body()


def test_the_steps_are_numbered_through_all_key_sets() -> None:
    """The numbers are those of the bodies."""
    appending = [
        provision(TrustFrameworkKeySet(name, [text_key("a"), text_key("b")]), append=True, at=NOW)
        for name in ("One", "Two")
    ]
    numbers = ["1", "2", "3", "4"]
    assert [*private_bodies(*appending)] == [f"{number}.json" for number in numbers]
    for script in (az_script(*appending), pwsh_script(*appending)):
        assert re.findall(r"^([0-9]+) \[", script, re.MULTILINE) == numbers
        assert re.findall(r"^(?:step|Invoke-Step) ([0-9]+) ", script, re.MULTILINE) == numbers


SCHEMA = support.ROOT / "docs" / "reference" / "provision.schema.json"


def test_the_json_form_has_every_request_and_fits_the_published_schema(
    kind: Kind, certified: TrustFrameworkKey
) -> None:
    provisioning, _, _ = kind
    other = provision(TrustFrameworkKeySet("Other", [certified]), append=True, at=NOW)
    document = support.parse(private_json(provisioning, other))
    jsonschema.validate(document, support.parse(SCHEMA.read_text("utf-8")))
    assert list(document) == ["base_url", "key_sets"]
    for written, planned in zip(document["key_sets"], [provisioning, other], strict=True):
        assert written["id"] == planned.keyset_id
        assert written["appends"] == planned.appends
        assert written["keys"] == [attrs.asdict(key) for key in planned.keys]
        assert written["schedule"] == [attrs.asdict(each) for each in planned.schedule]
        assert written["requests"] == [
            {
                "method": request.method,
                "url": f"https://graph.microsoft.com/beta{request.path}",
                "headers": {"Content-Type": "application/json"},
                "body": request.private_body(),
            }
            for request in planned.requests
        ]


@pytest.mark.parametrize("write", [az_script, pwsh_script, private_json, private_bodies])
def test_key_sets_that_do_not_go_together_are_refused(
    write: Callable[..., object], rsa_set: TrustFrameworkKeySet
) -> None:
    here = provision(rsa_set, at=NOW)
    elsewhere = attrs.evolve(here, keyset_id="B2C_1A_Other", base_url=CLOUDS["china"])
    for wrong, target in (
        ([], "provisionings"),
        ([here, here], "id"),
        ([here, elsewhere], "base_url"),
    ):
        with pytest.raises(InvalidInputError) as caught:
            write(*wrong)
        assert (caught.value.code, caught.value.target) == ("BadRequest", target)


@pytest.mark.deep
@support.needs_shell
def test_the_bash_script_brings_all_keys_and_leaks_nothing(tenant: Tenant, kind: Kind) -> None:
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


@pytest.mark.deep
@support.needs_shell
@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_bash_script_asks_each_cloud_with_a_token_for_it(
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


HOSTILE = "'; touch oops; '$(touch oops)`touch oops`\n'@ | iex"


def hostile() -> Provisioning:
    """Return a provisioning with an id that no key set can have."""
    jwk = {"kty": "oct", "use": "sig", "k": support.b64(b"0123456789abcdef"), "kid": HOSTILE}
    keyset = TrustFrameworkKeySet("x-y_Z", [TrustFrameworkKey.from_jwk(jwk)])
    provisioning = provision(keyset, at=NOW)
    assert HOSTILE not in az_script(provisioning) + pwsh_script(provisioning)
    return attrs.evolve(
        provisioning,
        keyset_id=HOSTILE,
        requests=tuple(attrs.evolve(each, path=HOSTILE) for each in provisioning.requests),
    )


@pytest.mark.deep
@support.needs_shell
def test_a_hostile_name_runs_nothing_in_bash(tenant: Tenant) -> None:
    tenant.place(hostile())
    tenant.change(faults=[fault("before", "get", status=404, code="NotFound")])
    tenant.badly()
    urls = [entry["args"][4] for entry in tenant.log if entry["args"][0] == "rest"]
    assert urls[0] == f"https://graph.microsoft.com/beta/trustFramework/keySets/{HOSTILE}"
    assert urls[1] == f"https://graph.microsoft.com/beta{HOSTILE}"
    assert tenant.left == ["1.json", "1.sent.1", "provision.sh"]
    assert not [*tenant.standin.parent.rglob("oops")]


def test_a_hostile_name_ends_no_literal_in_powershell() -> None:
    script = pwsh_script(hostile())
    generated = script.partition("$VerbosePreference")[2].replace("@'\n", "").replace("\n'@", "")
    outside = re.sub(r"'(?:[^']|'')*'", "", generated)
    assert "touch" not in outside
    assert "iex" not in outside


CLOUD_NAMES = {
    "global": ("AzureCloud", "Global"),
    "usgov": ("AzureUSGovernment", "USGov"),
    "dod": ("AzureUSGovernment", "USGovDoD"),
    "china": ("AzureChinaCloud", "China"),
}


@pytest.mark.parametrize("cloud", CLOUDS)
def test_each_script_tells_how_to_sign_in_to_its_cloud(
    rsa_set: TrustFrameworkKeySet, cloud: str
) -> None:
    provisioning = provision(rsa_set, base_url=CLOUDS[cloud], at=NOW)
    for_az, for_pwsh = CLOUD_NAMES[cloud]
    assert f"sign_in='az cloud set --name {for_az} && az login " in az_script(provisioning)
    assert f"\n$Environment = '{for_pwsh}'\n" in pwsh_script(provisioning)


def test_no_example_of_the_packaged_scripts_is_left(kind: Kind) -> None:
    for script in (az_script(kind[0]), pwsh_script(kind[0])):
        assert "xample" not in script


@pytest.mark.deep
@support.needs_shell
def test_shellcheck_finds_nothing_in_the_packaged_script() -> None:
    with as_file(files("trustkeys.graph") / "provision.sh") as script:
        shellcheck(script)


@pytest.mark.deep
@support.needs_shell
def test_shellcheck_finds_nothing_in_the_bash_script(
    tmp_path: Path, kind: Kind, rsa_set: TrustFrameworkKeySet
) -> None:
    for provisioning in (kind[0], provision(rsa_set, replace=True, at=NOW)):
        file = tmp_path / "provision.sh"
        file.write_text(az_script(provisioning))
        subprocess.run(["bash", "-n", file], check=True)
        shellcheck(file)


def shellcheck(script: Path) -> None:
    if shutil.which("shellcheck") is None and "CI" not in os.environ:
        pytest.skip("shellcheck is missing")
    done = subprocess.run(["shellcheck", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_both_scripts_have_the_same_steps_and_keys(
    kind: Kind, rsa_set: TrustFrameworkKeySet
) -> None:
    replacing = provision(rsa_set, replace=True, at=NOW)
    certified = TrustFrameworkKeySet(
        "New", [self_signed(key, "CN=x") for key in rsa_set if key.nbf]
    )
    appending = provision(certified, append=True, at=NOW)
    planned = [kind[0], replacing, appending]
    if kind[0].keyset_id == replacing.keyset_id:
        planned.pop(0)
    bash, script = az_script(*planned), pwsh_script(*planned)
    requests = [request for each in planned for request in each.requests]
    steps = re.findall(r"^Invoke-(Step|Replacement) (\d+) '([^']+)'", script, re.MULTILINE)
    assert steps == [
        ("Replacement" if request.method == "PUT" else "Step", str(number), request.path)
        for number, request in enumerate(requests, 1)
    ]
    steps = re.findall(r"^(step|replace) (\d+) (\S+) ", bash, re.MULTILINE)
    assert steps == [
        ("replace" if request.method == "PUT" else "step", str(number), request.path)
        for number, request in enumerate(requests, 1)
    ]
    for here, there in (("append", "Compare-KeySet"), ("check", "Test-KeySet")):
        in_bash = re.findall(rf"(?s)^{here} <<'KEYS'\n(.*?)\nKEYS$", bash, re.MULTILINE)
        in_script = re.findall(rf"(?s)^{there} @'\n(.*?)\n'@$", script, re.MULTILINE)
        assert in_bash == in_script
        assert len(in_bash) == (1 if here == "append" else len(planned))
    for name in re.findall(r"B2C_1A_[A-Za-z]+", bash):
        assert name in script
    assert "$Replaces = $true\n" in script
    assert "\nreplaces=yes\n" in bash
    assert "$Appends = $true\n" in script
    assert "\nappends=yes\n" in bash


def test_the_powershell_script_keeps_bodies_out_of_logs(rsa_set: TrustFrameworkKeySet) -> None:
    script = pwsh_script(provision(rsa_set, at=NOW))
    assert "$ErrorActionPreference = 'Stop'" in script
    assert "Set-StrictMode -Version Latest" in script
    # Pipeline logs show the value of -Body, and -Debug shows the body.
    assert "InputFilePath = " not in script
    assert "$arguments['InputFilePath'] = [WildcardPattern]::Escape($File)" in script
    assert "Body =" not in script
    assert " -Body" not in script
    assert "Debug = $false" in script
    assert "Authorization" not in script


def test_brackets_and_quotes_of_the_powershell_script_are_balanced(
    kind: Kind, rsa_set: TrustFrameworkKeySet
) -> None:
    for provisioning in (kind[0], provision(rsa_set, replace=True, at=NOW)):
        script = re.sub(r"(?s)<#.*?#>", "", pwsh_script(provisioning))
        script = re.sub(r"(?s)@'\n.*?\n'@", "", script)
        script = re.sub(r"(?m)^\s*#.*$", "", script)
        script = re.sub(r"'(?:[^']|'')*'", "", script)
        # Expressions inside double quotes are not checked.
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
