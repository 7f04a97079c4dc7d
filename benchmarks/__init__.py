"""Speed beside the peers and the limit, measured in one run: ``python -m benchmarks``."""
