"""Sign tokens and publish the public keys, as OpenID providers do.

Usage: python token_service.py

Serves GET /token/SUBJECT and GET /keys on http://127.0.0.1:8000.
"""

import json
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt

from trustkeys import TrustFrameworkKeySet


class TokenService:
    """Signs with the active key of a key set."""

    def __init__(self, keys: TrustFrameworkKeySet) -> None:
        self._keys = keys

    def token(self, subject: str, now: int) -> str:
        """Return a token that is valid for an hour. `now` is in seconds since 1970."""
        key = self._keys.get_active_key(now)
        claims = {"sub": subject, "iat": now, "exp": now + 3600}
        return jwt.encode(claims, key.private_key(), "RS256", headers={"kid": key.kid})

    def public_keys(self, now: int) -> dict[str, Any]:
        """Return the JWK Set that verifiers download, without disabled and expired keys."""
        return self._keys.to_jwks(at=now)


def server(service: TokenService, port: int) -> ThreadingHTTPServer:
    """Return an HTTP server for the service, on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/keys":
                self._answer(service.public_keys(int(time.time())))
            elif self.path.startswith("/token/"):
                subject = self.path.removeprefix("/token/")
                self._answer({"token": service.token(subject, int(time.time()))})
            else:
                self.send_error(404)

        def _answer(self, body: dict[str, Any]) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *args: object) -> None:
            """Do not log requests."""

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


if __name__ == "__main__":
    key_set = TrustFrameworkKeySet("TokenSigningKeyContainer")
    key_set.rotate(timedelta(days=90), count=2, use="sig", kty="RSA")
    with server(TokenService(key_set), 8000) as running:
        print("http://127.0.0.1:8000/token/alice and http://127.0.0.1:8000/keys")
        running.serve_forever()
