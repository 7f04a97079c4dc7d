"""Compare the speed with that of other libraries, in one run: ``python -m benchmarks``."""
