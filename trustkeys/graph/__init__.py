"""What brings a key set into a tenant: requests for Microsoft Graph as values, and scripts."""

from trustkeys.graph.az import az_script
from trustkeys.graph.compare import Comparison, compare
from trustkeys.graph.pwsh import pwsh_script
from trustkeys.graph.requests import CLOUDS, ActiveStretch, GraphRequest, Provisioning, provision
from trustkeys.graph.scripts import private_bodies, private_json

__all__ = [
    "CLOUDS",
    "ActiveStretch",
    "Comparison",
    "GraphRequest",
    "Provisioning",
    "az_script",
    "compare",
    "private_bodies",
    "private_json",
    "provision",
    "pwsh_script",
]
