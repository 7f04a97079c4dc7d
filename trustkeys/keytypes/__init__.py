"""The key types: what a `kty` has to bring, RSA and oct, and the registry of them."""
