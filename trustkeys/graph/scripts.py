"""A provisioning as JSON, or as a script and the files that it sends.

Nothing is written to disk here. Write a script and its `private_bodies` into a new directory of
mode 0700, and the bodies with mode 0600. A script looks for the bodies in its own directory.
"""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files

from attrs import asdict

from trustkeys.core.clouds import CLOUDS
from trustkeys.errors import InvalidInputError
from trustkeys.graph.provisioning import ProvisionedKey, Provisioning
from trustkeys.graph.requests import GraphRequest

__tracebackhide__ = True

# In each script, examples of the settings and of the steps show where the real ones go.
_EXAMPLE = re.compile(r"^# Example .*?^# End of the example\.\n", re.DOTALL | re.MULTILINE)

# The names of the clouds for "az cloud set" and for Connect-MgGraph. az has one for usgov and dod.
_AZ_CLOUDS = ("AzureCloud", "AzureUSGovernment", "AzureUSGovernment", "AzureChinaCloud")
_PWSH_CLOUDS = ("Global", "USGov", "USGovDoD", "China")


def private_json(*provisionings: Provisioning) -> str:
    """Return provisionings as JSON, private keys included.

    The documentation has the JSON Schema of the document ("File formats").

    Args:
        provisionings: One for each key set, for one cloud.

    Raises:
        InvalidInputError: There is none, they are for several clouds, or two are for one key set.
            Code ``BadRequest``.
    """
    _check(provisionings)
    document = {
        "base_url": provisionings[0].base_url,
        "key_sets": [
            {
                "id": each.keyset_id,
                "notes": each.notes,
                "appends": each.appends,
                "requests": [
                    {
                        "method": request.method,
                        "url": each.base_url + request.path,
                        "headers": dict(request.headers),
                        "body": request.private_body(),
                    }
                    for request in each.requests
                ],
                "keys": [asdict(key) for key in each.keys],
                "schedule": [asdict(stretch) for stretch in each.schedule],
            }
            for each in provisionings
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def private_bodies(*provisionings: Provisioning) -> dict[str, str]:
    """Return the files that a script sends, by name: ``1.json`` and so on. JSON, in ASCII.

    The arguments and errors are those of `private_json`.
    """
    _check(provisionings)
    return {
        f"{number}.json": json.dumps(request.private_body()) + "\n"
        for number, request in enumerate(_requests(provisionings), 1)
    }


def az_script(*provisionings: Provisioning) -> str:
    """Return a bash script that sends the files of `private_bodies` with ``az rest``.

    Save it as ``provision.sh``. It holds no secret. It needs bash 3.2 or later, az and the POSIX
    tools. Its first lines explain how to use it. Its exit status is 0 if the tenant has all keys
    and the expected ones are active, 2 on a wrong call, else 1.

    The arguments and errors are those of `private_json`.
    """
    _check(provisionings)
    cloud = _cloud_name(provisionings, _AZ_CLOUDS)
    base_url = provisionings[0].base_url
    settings = {
        "base": base_url,
        # az refuses to get a token for a cloud that it is not signed in to.
        "resource": base_url.removesuffix("/beta"),
        "sign_in": f"az cloud set --name {cloud} && az login "
        "--service-principal --username APP-ID --tenant TENANT-ID --allow-no-subscriptions",
        "steps": str(len(_requests(provisionings))),
        "replaces": "yes" if any(each.replaces for each in provisionings) else "no",
        "appends": "yes" if any(each.appends for each in provisionings) else "no",
    }
    return _filled(
        "provision.sh",
        [f"{name}={shlex.quote(value)}" for name, value in settings.items()],
        _az_steps(provisionings),
    )


def _az_steps(provisionings: Sequence[Provisioning]) -> Iterator[str]:
    first = 1
    for each in provisionings:
        yield f"key_set {shlex.quote(each.keyset_id)} {each.use}"
        if each.appends:
            yield from ["append <<'KEYS'", *_comparison(each, first), "KEYS"]
        for number, request in enumerate(each.requests, first):
            function = "replace" if request.method == "PUT" else "step"
            brings = shlex.quote("\n".join(_names(each, request)))
            yield f"{function} {number} {shlex.quote(request.path)} {brings}"
        yield from ["check <<'KEYS'", *_expected(each), "KEYS"]
        first += len(each.requests)


def pwsh_script(*provisionings: Provisioning) -> str:
    """Return a PowerShell script that sends the files of `private_bodies`.

    Save it as ``provision.ps1``. It holds no secret and is ASCII. It needs PowerShell 5.1 or 7 and
    the module Microsoft.Graph.Authentication 2. Its first lines explain how to use it. Its exit
    status is 0 if the tenant has all keys and the expected ones are active, else 1.

    The arguments and errors are those of `private_json`.
    """
    _check(provisionings)
    settings = {
        "Base": pwsh_literal(provisionings[0].base_url),
        "Environment": pwsh_literal(_cloud_name(provisionings, _PWSH_CLOUDS)),
        "Steps": str(len(_requests(provisionings))),
        "Replaces": f"${str(any(each.replaces for each in provisionings)).lower()}",
        "Appends": f"${str(any(each.appends for each in provisionings)).lower()}",
    }
    return _filled(
        "provision.ps1",
        [f"${name} = {value}" for name, value in settings.items()],
        _pwsh_steps(provisionings),
    )


def _pwsh_steps(provisionings: Sequence[Provisioning]) -> Iterator[str]:
    first = 1
    for each in provisionings:
        yield f"Set-KeySet {pwsh_literal(each.keyset_id)} {pwsh_literal(each.use)}"
        if each.appends:
            yield from ["Compare-KeySet @'", *_comparison(each, first), "'@"]
        for number, request in enumerate(each.requests, first):
            function = "Invoke-Replacement" if request.method == "PUT" else "Invoke-Step"
            brings = ", ".join(map(pwsh_literal, _names(each, request)))
            yield f"{function} {number} {pwsh_literal(request.path)} @({brings})"
        yield from ["Test-KeySet @'", *_expected(each), "'@"]
        first += len(each.requests)


def pwsh_literal(text: str) -> str:
    """Return a text as a literal of PowerShell, which also ends at a typographic quote."""
    doubled = re.sub("(['\u2018\u2019\u201a\u201b])", r"\1\1", text)
    return f"'{doubled}'"


def _check(provisionings: Sequence[Provisioning]) -> None:
    ids = [each.keyset_id for each in provisionings]
    if not ids:
        raise InvalidInputError("there is no key set to provision", target="provisionings")
    for name, count in Counter(ids).items():
        if count > 1:
            raise InvalidInputError(
                f"{count} key sets are called {name}: put their keys into one", target="id"
            )
    if len({each.base_url for each in provisionings}) > 1:
        raise InvalidInputError(
            "the key sets are for tenants in different clouds: write a script for each cloud",
            target="base_url",
        )


def _requests(provisionings: Iterable[Provisioning]) -> list[GraphRequest]:
    return [request for each in provisionings for request in each.requests]


def _cloud_name(provisionings: Sequence[Provisioning], names: Iterable[str]) -> str:
    return dict(zip(CLOUDS.values(), names, strict=True))[provisionings[0].base_url]


def _names(provisioning: Provisioning, request: GraphRequest) -> Iterator[str]:
    """Yield what the scripts know each key of a request by: `n`, or all that Graph shows."""
    for shows in request.brings:
        yield json.loads(shows)[-1] if provisioning.kty == "RSA" else shows


# The lines below have neither quotes that end a literal nor further spaces in the first words:
# base64url, compact JSON and texts in ASCII.


def _comparison(provisioning: Provisioning, first: int) -> Iterator[str]:
    """Yield each key of the set: ``NUMBER KEY TEXT``, with ``-`` if no request brings it."""
    for key in provisioning.keys:
        if key.request is None:
            yield f"- {key.shows} {_text(key)}: {key.problem}"
        else:
            yield f"{first + key.request - 1} {key.shows} {_text(key)}"


def _expected(provisioning: Provisioning) -> Iterator[str]:
    """Yield each key that the tenant must have: ``KEY TEXT``."""
    return (f"{key.shows} {_text(key)}" for key in provisioning.keys)


def _text(key: ProvisionedKey) -> str:
    return key.name.encode("ascii", "replace").decode()


def _filled(name: str, settings: Iterable[str], steps: Iterable[str]) -> str:
    """Return the script of that name with the settings and steps in place of its examples."""
    script = files("trustkeys.graph").joinpath(name).read_text("ascii")
    head, functions, tail = _EXAMPLE.split(script)
    return "".join([head, *_lines(settings), functions, *_lines(steps), tail])


def _lines(texts: Iterable[str]) -> Iterator[str]:
    return (f"{text}\n" for text in texts)
