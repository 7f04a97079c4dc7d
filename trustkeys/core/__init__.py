"""One key: request, engine, key types and their registry, JWK, thumbprint."""
