"""Keys in the forms of SSH programs, which are named and not read."""

from __future__ import annotations

import re

__tracebackhide__ = True

_FORMS = (
    (
        re.compile(rb"\s*PuTTY-User-Key-File-\d"),
        (
            "a private key in PuTTY's form: convert it with: puttygen FILE -O private-openssh "
            "-o NEW.pem"
        ),
    ),
    (
        re.compile(rb"\s*---- BEGIN SSH2 PUBLIC KEY ----"),
        (
            "a public key in the form of RFC 4716: convert it with: "
            "ssh-keygen -i -f FILE > NEW.pub, "
            "and then ssh-keygen -e -m PKCS8 -f NEW.pub > NEW.pem"
        ),
    ),
    (
        re.compile(rb"\s*---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----"),
        (
            "a private key in the form of SSH.com: save it there without a passphrase, and convert "
            "it with: ssh-keygen -i -f FILE > NEW.pem"
        ),
    ),
    (
        re.compile(rb"\s*(?:ssh-|ecdsa-|sk-)[a-z0-9@.-]+ +AAAA"),
        "a public key in OpenSSH's form: convert it with: ssh-keygen -e -m PKCS8 -f FILE > NEW.pem",
    ),
)


def named_form(data: bytes) -> str | None:
    """Return what a file of an SSH program is, and the command that converts it."""
    return next((words for pattern, words in _FORMS if pattern.match(data)), None)
