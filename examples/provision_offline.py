"""Make a key set, plan its rotation, save it encrypted, and write the requests for Graph.

Usage: python provision_offline.py FOLDER

Asks for a passphrase. Sends nothing: FOLDER/provision.json has the requests, with the private keys.
"""

import getpass
import os
import sys
from datetime import timedelta
from pathlib import Path

from trustkeys import TrustFrameworkKeySet, store
from trustkeys.graph import CLOUDS, private_json, provision


def make_key_set() -> TrustFrameworkKeySet:
    """Make a key set with a safety net and the keys of the next year."""
    keys = TrustFrameworkKeySet("TokenSigningKeyContainer")
    keys.generate_key("sig", "RSA")  # no dates: the safety net
    keys.rotate(timedelta(days=90), count=4)
    return keys


def main(folder: Path, password: str) -> None:
    """Write the key set and its requests into a new folder."""
    folder.mkdir(mode=0o700)
    keys = make_key_set()
    for finding in keys.check():
        print(f"{finding.severity}: {finding.message}")
    store.save(keys, folder / "signing.keys", password=password)
    requests = provision(keys, base_url=CLOUDS["global"])
    descriptor = os.open(folder / "provision.json", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w") as file:
        file.write(private_json(requests))
    print(f"{keys.id}: {len(keys)} keys, active now: {keys.get_active_key().kid}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), getpass.getpass("New passphrase: "))
