"""A provisioning as text: JSON, and the files that its scripts send.

Nothing is written here. A script and the files of `private_bodies` belong into a new directory
of mode 0700, the files of bodies with mode 0600: the scripts look for them beside themselves.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from attrs import asdict

from trustkeys.graph.requests import Provisioning

__all__ = ["private_bodies", "private_json"]

__tracebackhide__ = True


def private_json(provisioning: Provisioning) -> str:
    """Write all of it as JSON, private keys included."""
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
    """Give the files that the scripts send, by name: ``1.json`` and so on. JSON, in ASCII."""
    return {
        f"{number}.json": json.dumps(request.private_body()) + "\n"
        for number, request in enumerate(provisioning.requests, 1)
    }


def schedule_lines(provisioning: Provisioning) -> Iterator[str]:
    """Write the schedule as the scripts read it: ``START END KEY``, ``-`` for none.

    Base64url and numbers, and so no white space and no quotes of a shell in any of them.
    """
    for stretch in provisioning.schedule:
        end = "-" if stretch.end is None else stretch.end
        yield f"{stretch.start} {end} {stretch.shows or '-'}"
