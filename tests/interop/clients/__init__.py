"""Programs that use Microsoft's SDKs, and one without an SDK."""
