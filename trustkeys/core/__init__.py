"""A single key: request, engine, key types and their registry, JWK and thumbprint."""
