"""The four clouds of Microsoft Graph."""

from __future__ import annotations

from functools import lru_cache

__tracebackhide__ = True

CLOUDS = {
    "global": "https://graph.microsoft.com/beta",
    "usgov": "https://graph.microsoft.us/beta",
    "dod": "https://dod-graph.microsoft.us/beta",
    "china": "https://microsoftgraph.chinacloudapi.cn/beta",
}
"""The base URL of Microsoft Graph in each of the four clouds.

Source: the Graph page "National cloud deployments".
"""

BETA = CLOUDS["global"]


@lru_cache
def odata_context(base_url: str | None, what: str) -> str:
    """Return the ``@odata.context`` of an answer: the URL of the metadata of `what`."""
    return f"{(base_url or '').rstrip('/')}/$metadata#{what}"
