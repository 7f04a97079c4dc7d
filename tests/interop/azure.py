"""The hosts that the Azure CLI talks to, on loopback.

`Azure` is a proxy for HTTPS. It ends TLS itself, with a certificate of a throw-away authority, and
answers as the host that was asked for: Microsoft Entra, Azure Resource Manager or Microsoft Graph.
So the unchanged az signs in and sends requests, and nothing leaves the machine.
"""

from __future__ import annotations

import contextlib
import os
import ssl
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

TENANT = "0d2b3c4f-1a2b-4c3d-8e9f-0123456789ab"
DOMAIN = "contoso.onmicrosoft.com"
LOGIN = "login.microsoftonline.com"
GRAPH = "graph.microsoft.com"
HOSTS = (LOGIN, GRAPH, "management.azure.com")
AUTHORITY = f"https://{LOGIN}/{TENANT}"


class Azure:
    """Microsoft's hosts, and an az that reaches them and no others.

    Args:
        folder: A new directory, for the certificates and for az.
        graph: Answers the requests to Graph.

    Attributes:
        graph: As above. You can change it.
        token: The access token that Entra gives from now on.
        folder: The directory of az.
        environment: The environment in which az reaches these hosts. In it, `sleep` takes no time.
    """

    def __init__(self, folder: Path, graph: httpx.MockTransport) -> None:
        self.graph = graph
        self.token = "token"
        self.folder = folder
        authority, self.context = _certified(folder)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Proxy, self))
        (folder / "bin").mkdir()
        (folder / "bin" / "sleep").write_text("#!/bin/sh\n")
        (folder / "bin" / "sleep").chmod(0o700)
        proxy = f"http://127.0.0.1:{self.server.server_port}"
        self.environment = {
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
            "HOME": str(folder),
            "AZURE_CONFIG_DIR": str(folder / "config"),
            "AZURE_CORE_COLLECT_TELEMETRY": "false",
            # A person may have set this. The log has the bodies of requests.
            "AZURE_LOGGING_ENABLE_LOG_FILE": "true",
            "HTTP_PROXY": proxy,
            "HTTPS_PROXY": proxy,
            "REQUESTS_CA_BUNDLE": str(authority),
        }

    @contextlib.contextmanager
    def running(self) -> Iterator[Azure]:
        """Answer until the block ends."""
        thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield self
        finally:
            self.server.shutdown()
            self.server.server_close()
            thread.join()

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the environment of az."""
        return subprocess.run(
            command,
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def kept(self) -> str:
        """Return all that az has written: it keeps a log of each command."""
        files = self.folder.joinpath("config").rglob("*")
        return "".join(file.read_text(errors="replace") for file in files if file.is_file())

    def rest(self, method: str, path: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Send a request to Graph with az rest."""
        resource = f"https://{GRAPH}"
        url = f"{resource}/beta/trustFramework/{path}"
        return self.run(
            *("az", "rest", "--method", method, "--url", url, "--resource", resource), *options
        )

    def sign_in(self, tenant: str = TENANT) -> None:
        """Sign az in as an application."""
        done = self.run(
            *("az", "login", "--service-principal", "--username", "app", "--password", "pw"),
            *("--tenant", tenant, "--allow-no-subscriptions"),
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stderr

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer as the host of the request."""
        if request.url.host == GRAPH:
            return self.graph.handle_request(request)
        match request.url.path.split("/")[1:]:
            case ["subscriptions"]:
                return httpx.Response(200, json={"value": []})
            case ["common", "discovery", "instance"]:
                names = {"preferred_network": LOGIN, "preferred_cache": LOGIN, "aliases": [LOGIN]}
                return httpx.Response(200, json={"metadata": [names]})
            # az asks for the tenant by its id or by a domain.
            case [_, "v2.0" | ".well-known", *_]:
                described = {
                    "issuer": f"{AUTHORITY}/v2.0",
                    "authorization_endpoint": f"{AUTHORITY}/oauth2/v2.0/authorize",
                    "token_endpoint": f"{AUTHORITY}/oauth2/v2.0/token",
                }
                return httpx.Response(200, json=described)
            case [_, "oauth2", "v2.0", "token"]:
                assert parse_qs(request.content.decode())["client_secret"] == ["pw"]
                token = {"token_type": "Bearer", "expires_in": 3600, "access_token": self.token}
                return httpx.Response(200, json=token)
        raise AssertionError(request.url)


class _Proxy(BaseHTTPRequestHandler):
    def __init__(self, azure: Azure, *args: Any) -> None:
        self.azure = azure
        super().__init__(*args)

    def do_CONNECT(self) -> None:
        host = self.path.partition(":")[0]
        if host not in HOSTS:
            self.send_error(502)
            return
        self.send_response(200)
        self.end_headers()
        # az may leave at any time.
        with contextlib.suppress(OSError):
            tls = self.azure.context.wrap_socket(self.connection, server_side=True)
            with tls:
                _Host(self.azure, host, tls, self.client_address, self.server)

    def log_message(self, *args: Any) -> None:
        pass


class _Host(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, azure: Azure, host: str, *args: Any) -> None:
        self.azure = azure
        self.host = host
        super().__init__(*args)

    def answer(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        url = f"https://{self.host}{self.path}"
        request = httpx.Request(self.command, url, headers=[*self.headers.items()], content=content)
        try:
            response = self.azure.answer(request)
        except httpx.TransportError:
            self.close_connection = True
            return
        self.send_response_only(response.status_code)
        response.headers["Content-Length"] = str(len(response.content))
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(response.content)

    do_GET = do_POST = do_PUT = answer  # noqa: N815

    def log_message(self, *args: Any) -> None:
        pass


def _certified(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Return the file of a new authority, and a server's context for the hosts."""
    now = datetime.now(UTC)
    ca, leaf = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "throw-away")])

    def build(subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        return x509.CertificateBuilder(
            issuer,
            subject,
            key.public_key(),
            x509.random_serial_number(),
            now - timedelta(days=1),
            now + timedelta(days=1),
        )

    authority = (
        build(issuer, ca)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(ca.public_key()), critical=False)
        .sign(ca, hashes.SHA256())
    )
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.public_key())
    server = (
        build(x509.Name([]), leaf)
        .add_extension(x509.SubjectAlternativeName(map(x509.DNSName, HOSTS)), critical=True)
        .add_extension(identifier, critical=False)
        .sign(ca, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = leaf.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    authority_file, server_file = folder / "authority.pem", folder / "server.pem"
    authority_file.write_bytes(authority.public_bytes(pem))
    server_file.write_bytes(private + server.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server_file)
    return authority_file, context
