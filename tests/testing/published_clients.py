"""What published programs send to trustFramework/keySets, and what they do with the answers.

Each client was read in its source, which its address leads to, and is told here in our own words.
Paths, bodies and headers are as the client writes them; names of key sets, secrets and dates are
ours. A client that only differs from another one in its names is left out.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

PFX = "the PFX"
"""Stands for base64 of a PFX that the test makes."""

PASSWORD = "its passphrase"
"""Stands for the passphrase of the PFX."""

CERTIFICATE = "the certificate"
"""Stands for base64 of a certificate in DER that the test makes."""

ZIPPED = {"Content-Encoding": "gzip"}
"""The header of a body that is compressed, as Microsoft's Go SDK does."""

ANY = object()
"""Stands for any value but null."""


@frozen
class Sent:
    """A request of a client, and what the client needs of the answer.

    Attributes:
        method: The method.
        path: The path below ``/beta/``, and the query.
        body: The body: JSON, or bytes as they are sent.
        status: The status that the client takes for success, or for "there is no such key set".
        reads: The members of the answer that it reads, by their path, and what they must be.
        headers: Headers of this request.
    """

    method: str
    path: str
    body: Any = None
    status: int = 200
    reads: Mapping[str, Any] = field(factory=dict)
    headers: Mapping[str, str] = field(factory=dict)

    def content(self, files: Mapping[str, str]) -> bytes:
        """Return the body in bytes, with the contents of the files in it."""
        if self.body is None:
            return b""
        if isinstance(self.body, bytes):
            return self.body
        body = {
            name: files.get(value, value) if isinstance(value, str) else value
            for name, value in self.body.items()
        }
        data = json.dumps(body).encode()
        return gzip.compress(data) if self.headers == ZIPPED else data


@frozen
class Client:
    """A published client, on one of its ways.

    Attributes:
        name: The project, and the way.
        source: Where to read it.
        requests: What it sends, in order.
        leaves: The number of keys in each set of the tenant afterwards.
        headers: Headers of all its requests.
        there: The key sets that the tenant has before, with one oct key each.
        refused: Why the service would refuse the last request; None if it takes all of them.
    """

    name: str
    source: str
    requests: tuple[Sent, ...]
    leaves: Mapping[str, int]
    headers: Mapping[str, str] = field(factory=dict)
    there: tuple[str, ...] = ()
    refused: str | None = None


GITHUB = "https://github.com/"

# The clients that use az rest, the JavaScript SDK, PowerShell and Newtonsoft.Json's writer.
JSON = {"Content-Type": "application/json"}
POWERSHELL = {**JSON, "User-Agent": "Mozilla/5.0 (Windows NT 10.0; en-US) PowerShell/7.5.0"}
DOTNET = {"Content-Type": "application/json; charset=utf-8"}
NPM = {
    **JSON,
    "SdkVersion": "graph-js/3.0.7 (featureUsage=6)",
    "client-request-id": "0b8f5a4c-7d3e-4b6a-9c1f-2e5d8a7b6c4d",
}
AZ = {
    **JSON,
    "User-Agent": "python/3.12.10 (Linux) AZURECLI/2.91.0 (DEB)",
    "CommandName": "rest",
    "ParameterSetName": "--method --uri --headers --body",
    "x-ms-client-request-id": "c5c8d878-2a73-4e2b-a144-bf8e1454043f",
}
KIOTA_GO = {
    **JSON,
    "Accept": "application/json",
    "User-Agent": "kiota-go/1.1.1",
    "client-request-id": "0b8f5a4c-7d3e-4b6a-9c1f-2e5d8a7b6c4d",
}

MISSING = {"error.code": "AADB2C90073"}
EXISTS = {"error.code": "AADB2C95028"}


CLIENTS = [
    Client(
        "IEFPolicies, New-IefPoliciesKey: a generated key in a new set",
        GITHUB + "mrochon/IEFPolicies/blob/main/IefPolicies.psm1",
        (
            Sent("POST", "trustFramework/keySets", {"id": "Name"}, 201, {"id": "B2C_1A_Name"}),
            # A double: what [math]::Round gives, and how ConvertTo-Json of PowerShell 7 writes it.
            Sent(
                "POST",
                "trustFramework/keySets/B2C_1A_Name/generateKey",
                b'{\r\n  "exp": 1956528000.0,\r\n  "kty": "RSA",\r\n  "nbf": 1893456000,\r\n'
                b'  "use": "sig"\r\n}',
            ),
        ),
        {"B2C_1A_Name": 1},
        POWERSHELL,
    ),
    Client(
        "IEFPolicies, New-IefPoliciesKey: a secret into a set that is there",
        GITHUB + "mrochon/IEFPolicies/blob/main/IefPolicies.psm1",
        (
            Sent("POST", "trustFramework/keySets", {"id": "Name"}, 409, EXISTS),
            Sent(
                "POST",
                "trustFramework/keySets/B2C_1A_Name/uploadSecret",
                b'{\r\n  "k": "secret",\r\n  "exp": 1956528000.0,\r\n  "nbf": 1893456000.0,\r\n'
                b'  "use": "sig"\r\n}',
            ),
        ),
        {"B2C_1A_Name": 2},
        POWERSHELL,
        there=("Name",),
    ),
    Client(
        "IEFPolicies, Add-IefPoliciesIdP: a secret only if there is no such set",
        GITHUB + "mrochon/IEFPolicies/blob/main/IefPolicies.psm1",
        (
            # Not the code but the status 400 means that there is none.
            Sent("GET", "trustFramework/keySets/B2C_1A_IdPAppSecret", status=400),
            Sent("POST", "trustFramework/keySets", {"id": "B2C_1A_IdPAppSecret"}, 201, {"id": ANY}),
            Sent(
                "POST",
                "trustFramework/keySets/B2C_1A_IdPAppSecret/uploadSecret",
                {"k": "secret", "exp": 1956528000, "nbf": 1893456000, "use": "sig"},
            ),
        ),
        {"B2C_1A_IdPAppSecret": 1},
        POWERSHELL,
    ),
    Client(
        "IEFPolicies, New-IefPoliciesCert: a certificate",
        GITHUB + "mrochon/IEFPolicies/blob/main/IefPolicies.psm1",
        (
            Sent("POST", "trustFramework/keySets", {"id": "Name"}, 201, {"id": "B2C_1A_Name"}),
            Sent(
                "POST",
                "trustFramework/keySets/B2C_1A_Name/uploadPkcs12",
                {"password": PASSWORD, "key": PFX},
            ),
        ),
        {"B2C_1A_Name": 1},
        POWERSHELL,
    ),
    Client(
        "b2ciefsetup: the sets that every policy needs",
        GITHUB
        + "mrochon/b2ciefsetup/blob/master/B2CIEFSetupWeb/B2CIEFSetupWeb/Utilities/B2CSetup.cs",
        (
            Sent("GET", "trustFramework/keySets", reads={"value.0.id": "B2C_1A_Name"}),
            Sent(
                "POST",
                "trustFramework/keySets",
                {"id": "TokenSigningKeyContainer"},
                201,
                {"id": "B2C_1A_TokenSigningKeyContainer"},
            ),
            Sent(
                "POST",
                "trustFramework/keySets/B2C_1A_TokenSigningKeyContainer/generateKey",
                {"use": "sig", "kty": "RSA"},
            ),
            Sent("POST", "trustFramework/keySets", {"id": "FacebookSecret"}, 201),
            Sent(
                "POST",
                "trustFramework/keySets/B2C_1A_FacebookSecret/uploadSecret",
                {"use": "sig", "k": "secret", "nbf": 1607626546, "exp": 4132148146},
            ),
            # Takes the set back if no key can be generated.
            Sent("DELETE", "trustFramework/keySets/B2C_1A_TokenSigningKeyContainer", status=204),
        ),
        {
            "B2C_1A_Name": 1,
            "B2C_1A_FacebookSecret": 1,
            "B2C_1A_TokenSigningKeyContainer.bak": 1,
        },
        DOTNET,
        there=("Name",),
    ),
    Client(
        "b2csamples, Setup-B2CMultiTenant: a secret and a certificate in place of what is there",
        GITHUB + "mrochon/b2csamples/blob/master/Scripts/MultiTenant/Setup-B2CMultiTenant.ps1",
        (
            # Any error is ignored: the set need not be there.
            Sent("DELETE", "trustFramework/keySets/B2C_1A_Name", status=404),
            Sent("POST", "trustFramework/keySets", {"id": "Name"}, 201),
            Sent(
                "POST",
                "trustFramework/keySets/B2C_1A_Name/uploadSecret",
                {"use": "sig", "kty": "OCT", "k": "c2VjcmV0IHNlY3JldCBzZWNyZXQ="},
            ),
            Sent("DELETE", "trustFramework/keySets/B2C_1A_RESTClientCert", status=404),
            Sent("POST", "trustFramework/keySets", {"id": "B2C_1A_RESTClientCert"}, 201),
            Sent(
                "POST",
                "trustFramework/keySets/B2C_1A_RESTClientCert/uploadPkcs12",
                {"key": PFX, "password": PASSWORD},
            ),
        ),
        {"B2C_1A_Name": 1, "B2C_1A_RESTClientCert": 1},
        POWERSHELL,
    ),
    Client(
        "Terraform provider azure-b2c-ief: create, read, update, delete, read again",
        GITHUB + "ahauter/terraform-provider-azure-b2c-ief/blob/main/internal/provider/"
        "resource_policy_key.go",
        (
            Sent(
                "POST",
                "trustFramework/keySets",
                {"id": "Name", "keys": [], "usage": "sig"},
                201,
                {"id": "B2C_1A_Name"},
            ),
            Sent(
                "POST",
                "trustFramework/keySets/B2C_1A_Name/uploadSecret",
                {"k": "secret", "use": "sig"},
            ),
            Sent("GET", "trustFramework/keySets/B2C_1A_Name", reads={"id": "B2C_1A_Name"}),
            Sent(
                "POST",
                "trustFramework/keySets/B2C_1A_Name/uploadSecret",
                {"k": "another secret", "use": "sig"},
            ),
            Sent("DELETE", "trustFramework/keySets/B2C_1A_Name", status=204),
            # Looks for the code in the text of the answer.
            Sent("GET", "trustFramework/keySets/B2C_1A_Name", status=400, reads=MISSING),
        ),
        {"B2C_1A_Name.bak": 2},
        JSON,
    ),
    Client(
        "Terraform provider azureadb2cief: a generated key",
        GITHUB + "pjfebbraro/terraform-provider-azureadb2cief/blob/main/internal/client/"
        "trustFrameworkKeySetClient.go",
        (
            Sent("POST", "trustFramework/keySets", {"id": "Name"}, 201, {"id": "B2C_1A_Name"}),
            # Members that are not set are null.
            Sent(
                "POST",
                "trustFramework/keySets/B2C_1A_Name/generateKey",
                {"exp": None, "kty": "RSA", "nbf": None, "use": "sig", "k": None},
            ),
            Sent("GET", "trustFramework/keySets/B2C_1A_Name", reads={"keys.0.kty": "RSA"}),
            Sent(
                "GET",
                "trustFramework/keySets/B2C_1A_Name/getActiveKey",
                reads={"use": "sig", "kty": "RSA", "nbf": None, "exp": None},
            ),
            Sent("DELETE", "trustFramework/keySets/B2C_1A_Name", status=204),
        ),
        {"B2C_1A_Name.bak": 1},
        JSON,
    ),
    Client(
        "Terraform provider azureadb2cief: a secret",
        GITHUB + "pjfebbraro/terraform-provider-azureadb2cief/blob/main/internal/client/"
        "trustFrameworkKeySetClient.go",
        (
            Sent("POST", "trustFramework/keySets", {"id": "Name"}, 201, {"id": "B2C_1A_Name"}),
            Sent(
                "POST",
                "trustFramework/keySets/B2C_1A_Name/uploadSecret",
                {"exp": 4102444800, "kty": "oct", "nbf": 0, "use": "sig", "k": "secret"},
            ),
            Sent(
                "GET",
                "trustFramework/keySets/B2C_1A_Name/getActiveKey",
                reads={"use": "sig", "kty": "oct", "nbf": 0, "exp": 4102444800},
            ),
        ),
        {"B2C_1A_Name": 1},
        JSON,
    ),
    Client(
        "Terraform provider azureadb2cief: a PFX and a certificate",
        GITHUB + "pjfebbraro/terraform-provider-azureadb2cief/blob/main/internal/client/"
        "trustFrameworkKeySetClient.go",
        (
            Sent("POST", "trustFramework/keySets", {"id": "Name"}, 201, {"id": "B2C_1A_Name"}),
            Sent(
                "POST",
                "trustFramework/keySets/B2C_1A_Name/uploadPkcs12",
                {"key": PFX, "password": PASSWORD},
            ),
            Sent("POST", "trustFramework/keySets", {"id": "Other"}, 201, {"id": "B2C_1A_Other"}),
            Sent(
                "POST",
                "trustFramework/keySets/B2C_1A_Other/uploadCertificate",
                {"key": CERTIFICATE},
            ),
        ),
        {"B2C_1A_Name": 1, "B2C_1A_Other": 1},
        JSON,
    ),
    Client(
        "Terraform provider azureadb2c, by Microsoft's Go SDK",
        GITHUB + "Schumann-IT/terraform-provider-azureadb2c",
        (
            Sent("POST", "trustFramework/keySets", {"id": "Name"}, 201, {"id": ANY}, ZIPPED),
            Sent(
                "POST",
                "trustFramework/keySets/B2C_1A_Name/generateKey",
                {"kty": "RSA", "use": "sig"},
                reads={"kid": ANY, "use": "sig", "kty": "RSA"},
                headers=ZIPPED,
            ),
            Sent("GET", "trustFramework/keySets/B2C_1A_Name", reads={"keys.0.use": "sig"}),
            Sent("POST", "trustFramework/keySets", {"id": "Other"}, 201, headers=ZIPPED),
            Sent(
                "POST",
                "trustFramework/keySets/B2C_1A_Other/uploadPkcs12",
                {"key": PFX, "password": PASSWORD},
                reads={"kid": ANY},
                headers=ZIPPED,
            ),
            Sent("GET", "trustFramework/keySets", reads={"value.1.id": "B2C_1A_Other"}),
            Sent("DELETE", "trustFramework/keySets/B2C_1A_Name", status=204),
            Sent("DELETE", "trustFramework/keySets/B2C_1A_Name.bak", status=204),
        ),
        {"B2C_1A_Other": 1},
        KIOTA_GO,
    ),
    Client(
        "GitHub action deploy-trustframework-keyset-secret",
        GITHUB + "azure-ad-b2c/deploy-trustframework-keyset-secret/blob/main/src/main.ts",
        (
            # Any error is ignored: the set may be there.
            Sent("POST", "trustFramework/keySets", {"id": "B2C_1A_Name"}, 409),
            Sent(
                "POST",
                "trustFramework/keySets/B2C_1A_Name/uploadSecret",
                {"use": "sig", "k": "secret"},
            ),
        ),
        {"B2C_1A_Name": 2},
        NPM,
        there=("Name",),
    ),
    Client(
        "GitHub action deploy-trustframework-keyset-certificate, and riege's copy of it",
        GITHUB + "azure-ad-b2c/deploy-trustframework-keyset-certificate/blob/main/src/main.ts",
        (
            Sent("POST", "trustFramework/keySets", {"id": "B2C_1A_Name"}, 201),
            Sent(
                "POST",
                "trustFramework/keySets/B2C_1A_Name/uploadPkcs12",
                {"key": PFX, "password": PASSWORD},
            ),
        ),
        {"B2C_1A_Name": 1},
        NPM,
    ),
    Client(
        "GitHub action of PulcoTech: generate, manual and upload",
        GITHUB + "PulcoTech/deploy-trustframework-keyset-secret/blob/main/src/main.ts",
        (
            Sent("POST", "trustFramework/keySets", {"id": "Name"}, 201),
            # JavaScript's getTime() is in milliseconds: a date in the year 61971.
            Sent(
                "POST",
                "trustFramework/keySets/B2C_1A_Name/generateKey",
                {"use": "enc", "kty": "RSA", "nbf": 1893456000000},
            ),
            Sent("POST", "trustFramework/keySets", {"id": "Secret"}, 201),
            Sent(
                "POST",
                "trustFramework/keySets/B2C_1A_Secret/uploadSecret",
                {"use": "sig", "k": "secret"},
            ),
            Sent("POST", "trustFramework/keySets", {"id": "Other"}, 201),
            Sent(
                "POST",
                "trustFramework/keySets/B2C_1A_Other/uploadCertificate",
                {"key": CERTIFICATE},
            ),
        ),
        {"B2C_1A_Name": 1, "B2C_1A_Secret": 1, "B2C_1A_Other": 1},
        NPM,
    ),
    Client(
        "GitHub action of PulcoTech, its first version: an operation that does not exist",
        GITHUB + "PulcoTech/deploy-trustframework-keyset-secret",
        (
            Sent("POST", "trustFramework/keySets", {"id": "B2C_1A_Name"}, 201),
            Sent(
                "POST",
                "trustFramework/keySets/B2C_1A_Name/generateSecret",
                {"use": "sig", "kty": "RSA", "nbf": 99, "exp": 99},
            ),
        ),
        {"B2C_1A_Name": 0},
        NPM,
        refused="Graph has no operation generateSecret. Later versions send generateKey.",
    ),
    Client(
        "Azure DevOps task ief-task",
        GITHUB + "putquo/ief-task/blob/main/src/utilities/keyset.ts",
        (
            Sent("POST", "trustFramework/keySets", {"id": "Name"}, 201),
            Sent(
                "POST",
                "trustFramework/keySets/B2C_1A_Name/generateKey",
                {"exp": 1956528000, "nbf": 1893456000, "kty": "oct", "use": "sig"},
            ),
            Sent(
                "POST",
                "trustFramework/keySets/B2C_1A_Name/uploadSecret",
                {"use": "sig", "k": "secret", "exp": 1956528000, "nbf": 1893456000},
            ),
            Sent("DELETE", "trustFramework/keySets/B2C_1A_Name", status=204),
            Sent("POST", "trustFramework/keySets", {"id": "Cert"}, 201),
            Sent(
                "POST", "trustFramework/keySets/B2C_1A_Cert/uploadCertificate", {"key": CERTIFICATE}
            ),
        ),
        {"B2C_1A_Name.bak": 2, "B2C_1A_Cert": 1},
        NPM,
    ),
    Client(
        "Learn-LTI, B2CDeployment: keys with dates",
        GITHUB + "microsoftarchive/Learn-LTI/blob/main/deployment/B2CDeployment.ps1",
        (
            Sent("GET", "trustFramework/keySets", reads={"value": []}),
            Sent(
                "POST",
                "trustFramework/keySets",
                {"id": "B2C_1A_TokenSigningKeyContainer"},
                201,
                {"id": "B2C_1A_TokenSigningKeyContainer"},
            ),
            Sent(
                "POST",
                "trustFramework/keySets/B2C_1A_TokenSigningKeyContainer/generateKey",
                b'{\n    \n  "use": "sig",\n    \n  "kty": "RSA",\n    \n  "nbf": 1893456000,\n'
                b'    \n  "exp": 1956528000,\n    \n}',
            ),
            Sent("POST", "trustFramework/keySets", {"id": "B2C_1A_AADAppSecret"}, 201, {"id": ANY}),
            Sent(
                "POST",
                "trustFramework/keySets/B2C_1A_AADAppSecret/uploadSecret",
                b'{\n    \n  "use": "sig",\n    \n  "k": "secret",\n    \n  "nbf": 1893456000,\n'
                b'    \n  "exp": 1956528000\n    \n}',
            ),
        ),
        {"B2C_1A_TokenSigningKeyContainer": 1, "B2C_1A_AADAppSecret": 1},
        POWERSHELL,
    ),
    Client(
        "AzureAD-B2C-scripts, New-AzADB2CPolicyKey",
        GITHUB + "cljung/AzureAD-B2C-scripts/blob/master/Az.ADB2C.psm1",
        (
            # Any error means that there is no such set.
            Sent("GET", "trustFramework/keySets/B2C_1A_Name", status=400),
            Sent(
                "POST", "trustFramework/keySets", b'    {\n        "id": "B2C_1A_Name"\n    }', 201
            ),
            Sent(
                "POST",
                "trustFramework/keySets/B2C_1A_Name/generateKey",
                b'    {\n        "use": "sig",\n        "kty": "RSA",\n    }',
            ),
            Sent(
                "GET",
                "trustFramework/keySets/B2C_1A_Name",
                reads={"id": "B2C_1A_Name", "keys.0.kid": ANY},
            ),
        ),
        {"B2C_1A_Name": 1},
        POWERSHELL,
    ),
    Client(
        "AzureAD-B2C-scripts, clean-b2c-tenant: removes all sets, the copies last",
        GITHUB + "cljung/AzureAD-B2C-scripts/blob/master/clean-b2c-tenant.ps1",
        (
            Sent("GET", "trustFramework/keySets", reads={"value.0.id": "B2C_1A_Name"}),
            Sent("DELETE", "trustFramework/keySets/B2C_1A_Name", status=204),
            Sent("GET", "trustFramework/keySets", reads={"value.0.id": "B2C_1A_Name.bak"}),
            Sent("DELETE", "trustFramework/keySets/B2C_1A_Name.bak", status=204),
        ),
        {},
        POWERSHELL,
        there=("Name",),
    ),
    Client(
        "Microsoft's C# sample for policies and key sets: bodies in single quotes",
        GITHUB + "Azure-Samples/ActiveDirectory-B2C-MSGraph-PolicyAndKeysets/blob/master/"
        "PolicyAndKeys-Lib/Constants.cs",
        (
            Sent("POST", "trustFramework/keySets", b"{  \n  'id': 'Name'\n}", 201, {"id": ANY}),
            Sent(
                "POST",
                "trustFramework/keySets/B2C_1A_Name/generateKey",
                b"{\n 'use': 'sig',  'kty': 'RSA',  'nbf': 1893456000,  'exp': 2051222400\n} ",
            ),
            Sent("POST", "trustFramework/keySets", b"{  \n  'id': 'Name'\n}", 409, EXISTS),
            Sent("POST", "trustFramework/keySets", b"{  \n  'id': 'Secret'\n}", 201, {"id": ANY}),
            Sent(
                "POST",
                "trustFramework/keySets/B2C_1A_Secret/uploadSecret",
                b"{  'use': 'sig',  'k': '6f1d2c3b-4a59-4687-9786-a5b4c3d2e1f0',"
                b"  'nbf': 0,  'exp': 4102444800 } ",
            ),
            Sent("GET", "trustFramework/keySets/B2C_1A_Secret/getActiveKey"),
            Sent(
                "PUT",
                "trustFramework/keySets/B2C_1A_Secret",
                b"{ \n 'keys': [ \n { \n 'k': '6f1d2c3b-4a59-4687-9786-a5b4c3d2e1f0',  \n"
                b" 'use': 'sig', \n 'kty': 'oct'\n }\n ]\n}",
            ),
            Sent("DELETE", "trustFramework/keySets/B2C_1A_Secret", status=204),
        ),
        {"B2C_1A_Name": 1, "B2C_1A_Secret.bak": 1},
        {**DOTNET, "SampleID": "console-csharp-trustframeworkpolicy"},
    ),
    Client(
        "Azure SaaS Dev Kit, by az rest",
        GITHUB
        + "Azure/azure-saas/blob/main/src/Saas.Lib/Deployment.Script.Modules/policy-module.sh",
        (
            # az exits with 1, which means that there is no such set.
            Sent("GET", "trustFramework/keySets/B2C_1A_Name", status=400),
            Sent("POST", "trustFramework/keySets", {"id": "B2C_1A_Name"}, 201),
            Sent(
                "POST",
                "trustFramework/keySets/B2C_1A_Name/generateKey",
                {"kty": "rsa", "use": "enc"},
            ),
            Sent("POST", "trustFramework/keySets", {"id": "B2C_1A_Secret"}, 201),
            Sent(
                "POST",
                "trustFramework/keySets/B2C_1A_Secret/uploadSecret",
                {"k": "secret", "use": "sig"},
            ),
        ),
        {"B2C_1A_Name": 1, "B2C_1A_Secret": 1},
        AZ,
    ),
    Client(
        "Microsoft Graph PowerShell's own commands, made from its OpenAPI description",
        GITHUB + "microsoftgraph/msgraph-sdk-powershell",
        (
            Sent("POST", "trustFramework/keySets", {"id": "Name"}, 201, {"id": "B2C_1A_Name"}),
            Sent(
                "POST",
                "trustFramework/keySets/B2C_1A_Name/microsoft.graph.generateKey",
                {"kty": "RSA", "use": "sig"},
                reads={"kid": ANY},
            ),
            Sent(
                "GET",
                "trustFramework/keySets/B2C_1A_Name/microsoft.graph.getActiveKey()",
                reads={"kid": ANY},
            ),
            Sent(
                "GET",
                "trustFramework/keySets?$top=1&$select=id",
                reads={"value.0.id": "B2C_1A_Name"},
            ),
        ),
        {"B2C_1A_Name": 1},
        POWERSHELL,
    ),
    Client(
        "Graph's page on generateKey: its own example",
        "https://learn.microsoft.com/graph/api/trustframeworkkeyset-generatekey?view=graph-rest-beta",
        (
            Sent("POST", "trustFramework/keySets", {"id": "Name"}, 201),
            Sent(
                "POST",
                "trustFramework/keySets/B2C_1A_Name/generateKey",
                b'{\n  "use": "sig",\n  "kty": "RSA",\n  "nbf": 1508969811,\n'
                b'  "exp": 1508969811,\n}',
            ),
        ),
        {"B2C_1A_Name": 1},
        JSON,
    ),
]
