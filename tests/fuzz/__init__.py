"""Mutated files for every reader: only `TrustKeysError` may come out."""
