"""What it costs to decrypt a file, read before OpenSSL obeys it."""
