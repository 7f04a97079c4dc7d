"""Without PowerShell, only the text of its script can be compared with that of bash."""

from __future__ import annotations

import re
from importlib.resources import files

from hypothesis import example, given
from hypothesis import strategies as st

from trustkeys.graph.scripts import pwsh_literal

CMDLETS = {
    *("ForEach-Object", "Get-Date", "Get-Process", "Join-Path", "Set-StrictMode", "Start-Sleep"),
    *("Where-Object", "Write-Host"),
    *("Get-MgContext", "Get-MgRequestContext", "Invoke-MgGraphRequest", "Set-MgRequestContext"),
}


QUOTES = "'\u2018\u2019\u201a\u201b"
"""Where PowerShell ends a literal: IsSingleQuote in CharTraits.cs."""


def read_literal(text: str) -> str:
    """Read a literal as PowerShell's tokenizer does."""
    assert text[0] in QUOTES
    value, rest = "", text[1:]
    while rest:
        if rest[0] in QUOTES:
            if rest[1:2] not in [*QUOTES]:
                break
            rest = rest[1:]
        value, rest = value + rest[0], rest[1:]
    assert len(rest) == 1
    return value


@example(QUOTES)
@given(st.text(st.sampled_from(f'{QUOTES}\u201c\u201d\u201e"`$ab') | st.characters()))
def test_powershell_reads_any_literal_back(text: str) -> None:
    assert read_literal(pwsh_literal(text)) == text


def without_comments(name: str) -> str:
    script = files("trustkeys.graph").joinpath(name).read_text("ascii")
    return re.sub(r"(?m)^\s*#.*\n", "", re.sub(r"(?s)<#.*?#>", "", script))


BASH = without_comments("provision.sh")

POWERSHELL = without_comments("provision.ps1")


def test_it_calls_its_own_functions_and_known_cmdlets_alone() -> None:
    code = re.sub(r"'(?:[^']|'')*'", "''", POWERSHELL)
    defined = re.findall(r"(?m)^function ([A-Za-z]+-[A-Za-z]+)\b", code)
    assert len(defined) == len({*defined})
    used = re.findall(r"(?<![\w$-])[A-Z][A-Za-z]+-[A-Z][A-Za-z]+\b", code)
    for name in defined:
        assert used.count(name) > 1, f"{name} is not called"
    # Graph's names of headers and scopes are in literals.
    assert {*used} - {*defined} - {"Connect-MgGraph", "Disconnect-MgGraph", "TENANT-ID"} == CMDLETS


def test_every_variable_that_is_read_is_set() -> None:
    """StrictMode stops the script at any other one, half-way."""
    text = re.sub(r"(?s)@'\n.*?\n'@|'(?:[^']|'')*'", "''", POWERSHELL)
    main, *functions = re.split(r"(?m)^function ", text)
    *functions, last = functions
    last, _, more = last.partition("\n}\n")
    main += more
    automatic = {"_", "args", "false", "null", "pid", "psscriptroot", "true"}
    known = variables(main)[0] | automatic
    for function in (main, *functions, last):
        written, read = variables(function)
        assert read <= written | known, function
        # Names that PowerShell uses itself.
        assert not written & {"args", "error", "event", "home", "host", "input", "matches", "this"}


def variables(code: str) -> tuple[set[str], set[str]]:
    """Return the names of the variables that are set, and those of all."""
    name = r"\$\{?(?:script:)?(\w+)"
    lists = re.findall(r"(?m)^\s*((?:\$\w+, )+\$\w+) = ", code)
    parameters = re.match(r"(?:[\w-]+|\s*param)(\(.*)", code)
    written = [
        *re.findall(rf"{name} \+?= ", code),
        *re.findall(rf"foreach \({name} in", code),
        *re.findall(name, " ".join([*lists, parameters[1] if parameters else ""])),
    ]
    return {each.lower() for each in written}, {each.lower() for each in re.findall(name, code)}


def test_it_says_what_the_bash_script_says() -> None:
    said = re.sub(r"['\"] \+\n\s*['\"]", "", POWERSHELL)
    said = re.sub(r"\$\{?(?:script:)?\w+\}?", "$", said)
    bash = re.sub(r'" \\\n\s*"', " ", BASH)
    count = 0
    for text in re.findall(r'\b(?:say|stop|failed) "((?:[^"\\]|\\.)*)"', bash):
        for piece in re.split(r"\$\{?[\w%'\\$]+\}?|\\", text):
            words = piece.strip(" -")
            if words.count(" ") < 3 or re.search(r"\baz\b|\bcannot read\b", words):
                continue
            count += 1
            options = r"--(replace|same|new)"
            here = re.sub(options, lambda match: f"-{match[1].capitalize()}", words)
            assert words in said or here in said, words
    assert count > 30


def test_both_scripts_claim_a_step_exclusively() -> None:
    assert 'claim="$1.sent.$((number + 1))"\n  if ! (set -C && ' in BASH
    assert (
        '$file = Get-File $Number "sent.$($Last + 1)"\n'
        "    try {\n"
        "        $stream = [IO.File]::Open($file, [IO.FileMode]::CreateNew)\n"
    ) in POWERSHELL


def test_the_module_does_not_send_again_by_itself() -> None:
    script = files("trustkeys.graph").joinpath("provision.ps1").read_text("ascii")
    assert script.startswith(
        "#Requires -Modules @{ ModuleName = 'Microsoft.Graph.Authentication'; "
        "ModuleVersion = '2.0.0' }\n"
    )
    before, _, steps = POWERSHELL.partition("$retries = (Get-MgRequestContext).MaxRetry\ntry {\n")
    assert "Invoke-Step 1" not in before
    assert steps.startswith("    $null = Set-MgRequestContext -MaxRetry 0\n")
    assert (
        "} finally {\n    $null = Set-MgRequestContext -MaxRetry $retries\n    Close-Claim\n}\n"
    ) in steps


def test_it_runs_in_windows_powershell_too() -> None:
    """Operators, parameters and types that came with PowerShell 6 and 7."""
    newer = r"\?\?|\?\.|\?\[|&&|\|\||-AsHashtable|-Parallel|ArgumentList\.Add|\bclean\s*\{| \? "
    assert re.search(newer, re.sub(r"'(?:[^']|'')*'", "''", POWERSHELL)) is None
