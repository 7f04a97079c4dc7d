"""Forms of keys in files: PEM, DER, PKCS#12, certificates and JWE."""
