"""A provisioning as JSON, or as a script and the files that it sends.

Nothing is written to disk here. Write a script and its `private_bodies` into a new directory of
mode 0700, and the bodies with mode 0600. A script looks for the bodies in its own directory.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator
from importlib.resources import files

from attrs import asdict

from trustkeys.core.key import CLOUDS
from trustkeys.graph.provisioning import Provisioning

__tracebackhide__ = True

# In each script, examples of the settings and of the steps show where the real ones go.
_EXAMPLE = re.compile(r"^# Example .*?^# End of the example\.\n", re.DOTALL | re.MULTILINE)

# The names of the clouds for "az cloud set" and for Connect-MgGraph. az has one for usgov and dod.
_AZ_CLOUDS = ("AzureCloud", "AzureUSGovernment", "AzureUSGovernment", "AzureChinaCloud")
_PWSH_CLOUDS = ("Global", "USGov", "USGovDoD", "China")


def private_json(provisioning: Provisioning) -> str:
    """Return the whole provisioning as JSON, private keys included."""
    document = {
        "keyset_id": provisioning.keyset_id,
        "base_url": provisioning.base_url,
        "notes": provisioning.notes,
        "requests": [
            {
                "method": request.method,
                "url": provisioning.base_url + request.path,
                "headers": dict(request.headers),
                "body": request.private_body(),
            }
            for request in provisioning.requests
        ],
        "schedule": [asdict(stretch) for stretch in provisioning.schedule],
    }
    return json.dumps(document, indent=2) + "\n"


def private_bodies(provisioning: Provisioning) -> dict[str, str]:
    """Return the files that a script sends, by name: ``1.json`` and so on. JSON, in ASCII."""
    return {
        f"{number}.json": json.dumps(request.private_body()) + "\n"
        for number, request in enumerate(provisioning.requests, 1)
    }


def az_script(provisioning: Provisioning) -> str:
    """Return a bash script that sends the files of `private_bodies` with ``az rest``.

    Save it as ``provision.sh``. It holds no secret. It needs bash 3.2 or later, az and the POSIX
    tools. Its first lines explain how to use it. Its exit status is 0 if the service has the
    keys and the expected key is active, 2 on a wrong call, else 1.
    """
    is_rsa = provisioning.kty == "RSA"
    cloud = _cloud_name(provisioning, _AZ_CLOUDS)
    settings = {
        "keyset": provisioning.keyset_id,
        "base": provisioning.base_url,
        # az refuses to get a token for a cloud that it is not signed in to.
        "resource": provisioning.base_url.removesuffix("/beta"),
        "sign_in": f"az cloud set --name {cloud} && az login "
        "--service-principal --username APP-ID --tenant TENANT-ID --allow-no-subscriptions",
        "path": f"/trustFramework/keySets/{provisioning.keyset_id}",
        "steps": str(len(provisioning.requests)),
        "replaces": "yes" if provisioning.replaces else "no",
        # JMESPath: the parts of an answer that identify its keys.
        "one_of_all": "keys[].n" if is_rsa else "keys[].use",
        "lost_query": "keys[].[n,kid]" if is_rsa else "keys[].[kid,kid]",
        "active": "n" if is_rsa else "to_string([use,nbf,exp])",
    }
    return _filled(
        "provision.sh",
        [f"{name}={shlex.quote(value)}" for name, value in settings.items()],
        [
            *_az_steps(provisioning),
            "check <<'SCHEDULE'",
            *_schedule_lines(provisioning),
            "SCHEDULE",
        ],
    )


def _az_steps(provisioning: Provisioning) -> Iterator[str]:
    for number, request in enumerate(provisioning.requests, 1):
        function = "replace" if request.method == "PUT" else "step"
        brings = shlex.quote("\n".join(request.brings))
        yield f"{function} {number} {shlex.quote(request.path)} {brings}"


def pwsh_script(provisioning: Provisioning) -> str:
    """Return a PowerShell script that sends the files of `private_bodies`.

    Save it as ``provision.ps1``. It holds no secret and is ASCII. It needs PowerShell 5.1 or 7 and
    the module Microsoft.Graph.Authentication. Its first lines explain how to use it. Its exit
    status is 0 if the service has the keys and the expected key is active, else 1.
    """
    settings = {
        "KeySet": _pwsh_literal(provisioning.keyset_id),
        "Base": _pwsh_literal(provisioning.base_url),
        "Environment": _pwsh_literal(_cloud_name(provisioning, _PWSH_CLOUDS)),
        "Path": _pwsh_literal(f"/trustFramework/keySets/{provisioning.keyset_id}"),
        "Steps": str(len(provisioning.requests)),
        "Replaces": "$true" if provisioning.replaces else "$false",
        "IsRsa": "$true" if provisioning.kty == "RSA" else "$false",
    }
    return _filled(
        "provision.ps1",
        [f"${name} = {value}" for name, value in settings.items()],
        [
            *_pwsh_steps(provisioning),
            "Test-ActiveKey @'",
            *_schedule_lines(provisioning),
            "'@",
        ],
    )


def _pwsh_steps(provisioning: Provisioning) -> Iterator[str]:
    for number, request in enumerate(provisioning.requests, 1):
        function = "Invoke-Replacement" if request.method == "PUT" else "Invoke-Step"
        brings = ", ".join(map(_pwsh_literal, request.brings))
        yield f"{function} {number} {_pwsh_literal(request.path)} @({brings})"


def _pwsh_literal(text: str) -> str:
    # PowerShell also ends a literal at a typographic quote, but all texts here are ASCII.
    return "'" + text.replace("'", "''") + "'"


def _cloud_name(provisioning: Provisioning, names: Iterable[str]) -> str:
    return dict(zip(CLOUDS.values(), names, strict=True))[provisioning.base_url]


def _schedule_lines(provisioning: Provisioning) -> Iterator[str]:
    """Yield the schedule as the scripts read it: ``START END KEY``, with ``-`` for none.

    `KEY` is base64url or compact JSON, so no line has a quote that ends it or further spaces.
    """
    for stretch in provisioning.schedule:
        end = "-" if stretch.end is None else stretch.end
        yield f"{stretch.start} {end} {stretch.shows or '-'}"


def _filled(name: str, settings: Iterable[str], steps: Iterable[str]) -> str:
    """Return the script of that name with the settings and steps in place of its examples."""
    script = files("trustkeys.graph").joinpath(name).read_text("ascii")
    head, functions, tail = _EXAMPLE.split(script)
    return "".join([head, *_lines(settings), functions, *_lines(steps), tail])


def _lines(texts: Iterable[str]) -> Iterator[str]:
    return (f"{text}\n" for text in texts)
