"""The one door to the loaders of cryptography."""
