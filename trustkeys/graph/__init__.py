"""Provision a tenant: the requests for Microsoft Graph as values, and as scripts."""

from trustkeys.core.clouds import CLOUDS
from trustkeys.graph.compare import Comparison, compare
from trustkeys.graph.provisioning import ActiveStretch, ProvisionedKey, Provisioning, provision
from trustkeys.graph.requests import GraphRequest
from trustkeys.graph.scripts import az_script, private_bodies, private_json, pwsh_script

__all__ = [
    "CLOUDS",
    "ActiveStretch",
    "Comparison",
    "GraphRequest",
    "ProvisionedKey",
    "Provisioning",
    "az_script",
    "compare",
    "private_bodies",
    "private_json",
    "provision",
    "pwsh_script",
]
