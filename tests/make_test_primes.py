"""Make the primes of the test keys anew: ``python -m tests.make_test_primes FILE``.

The file is trustkeys/testkeys/primes.py. It was made once and stays: other primes would be other
keys for the seeds that people's tests have written down. More can be added at the end of each
size, since the keys of the first so many primes are the first so many keys.

OpenSSL makes the primes, two with each key, so they are what it takes for a key of that size:
large enough for every product of two to have all of its bits, and without a factor of 65537 in
p - 1. ``tests/test_testkeys.py`` checks each of them.
"""

from __future__ import annotations

import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa

SIZES = (2048, 3072, 4096)

HEAD = '''"""The published primes of the test keys, by the size in bits of the keys that they make.

Made by OpenSSL (tests/make_test_primes.py), and known to everybody who has this file: a key of
these keeps nothing secret. A change would change the keys of the seeds in people's tests.
"""

PRIMES: dict[int, tuple[int, ...]] = {
'''


def source(count: int) -> str:
    """Write a module with `count` new primes of each size."""
    lines = [HEAD]
    for size in SIZES:
        keys = [rsa.generate_private_key(65537, size).private_numbers() for _ in range(count // 2)]
        lines += [f"    {size}: (\n"]
        lines += [f"        0x{prime:X},\n" for key in keys for prime in (key.p, key.q)]
        lines += ["    ),\n"]
    return "".join([*lines, "}\n"])


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(source(128))
