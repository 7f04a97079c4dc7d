"""The HTTP statuses of the answers, by error code, each with its source.

Azure AD B2C's error-code reference gives the codes without statuses. If no document and no
published client tells the status, it is our reading.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

__tracebackhide__ = True

OURS = "our reading"

ERRORS_PAGE = 'Graph: "Microsoft Graph error responses and resource types"'
BATCHING_PAGE = 'Graph: "Combine multiple HTTP requests using JSON batching"'
THROTTLING_PAGE = 'Graph: "Microsoft Graph throttling guidance"'


@frozen
class Status:
    """The HTTP status of an error.

    Attributes:
        number: The status.
        source: The document or the published client that tells it, or `OURS`.
    """

    number: int
    source: str


STATUSES: Mapping[str, Status] = {
    # IEFPolicies creates the key set if the status is 400. A Terraform provider looks for the code.
    "AADB2C90073": Status(400, "IEFPolicies, a Terraform provider for Azure AD B2C"),
    "AADB2C95052": Status(404, OURS),
    "AADB2C95028": Status(409, OURS),
    "AADB2C95043": Status(429, THROTTLING_PAGE),
    "AADB2C90253": Status(400, OURS),
    "AADB2C95025": Status(400, OURS),
    "AADB2C95026": Status(400, OURS),
    "AADB2C95029": Status(400, OURS),
    "AADB2C95030": Status(400, OURS),
    "AADB2C95031": Status(400, OURS),
    "AADB2C95032": Status(400, OURS),
    "AADB2C95033": Status(400, OURS),
    "AADB2C95034": Status(400, OURS),
    "AADB2C95037": Status(400, OURS),
    "AADB2C95039": Status(400, OURS),
    "AADB2C95042": Status(400, OURS),
    "AADB2C95059": Status(400, OURS),
    "BadRequest": Status(400, ERRORS_PAGE),
    "InvalidAuthenticationToken": Status(401, ERRORS_PAGE),
    "AADB2C": Status(403, "Azure/azure-cli issue 22755, microsoft-graph-docs issue 10988"),
    "NotFound": Status(404, ERRORS_PAGE),
    "MethodNotAllowed": Status(405, ERRORS_PAGE),
    "UnsupportedMediaType": Status(415, ERRORS_PAGE),
    "FailedDependency": Status(424, BATCHING_PAGE),
}
"""The status by error code."""

CODES: Mapping[int, str] = {
    400: "BadRequest",
    401: "InvalidAuthenticationToken",
    403: "AADB2C",
    404: "NotFound",
    405: "MethodNotAllowed",
    429: "AADB2C95043",
    500: "InternalServerError",
    502: "BadGateway",
    503: "serviceNotAvailable",  # Graph's page on errors
    504: "UnknownError",  # microsoft-graph-docs issues 2505 and 5288
}
"""The error code of a fault by its status, if the test gives none."""


def status_of(code: str) -> int:
    """Return the status by error code. A code of another origin has 400."""
    return STATUSES[code].number if code in STATUSES else 400


def code_of(status: int) -> str:
    """Return the usual error code of a status."""
    return CODES.get(status, "UnknownError")
