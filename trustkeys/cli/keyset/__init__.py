"""``trustkeys keyset``: key sets in files."""

from __future__ import annotations

import click

from trustkeys.cli.lazy import LazyGroup

__tracebackhide__ = True

_COMMANDS = {
    "active": "active",
    "add": "add",
    "calendar": "calendar",
    "certify": "certify",
    "check": "check",
    "create": "create",
    "disable": "status",
    "enable": "status",
    "generate": "generate",
    "jwks": "jwks",
    "password": "password",
    "rollover": "rollover",
    "rotate": "rotate",
    "secret": "secret",
    "show": "show",
}

_EPILOG = """\b
Examples:
  trustkeys keyset create TokenSigningKeyContainer -o set.keys
  trustkeys keyset rotate set.keys --use sig --kty RSA --every 90d --count 4
  trustkeys keyset show set.keys
  trustkeys keyset check set.keys --until +1y || echo "sign-in will fail"
  trustkeys keyset jwks set.keys > public.json

FILE is encrypted. The commands ask for its passphrase, or read it with --password-file from a file
or from a pipe such as /dev/fd/3. DURATION is a number and a unit: s, min, h, d, w, y (365 days).
KID can be shortened to 6 characters.

Exit status: 0 done, 1 a file failed, 2 bad input, 3 the check found an error, or something
in the calendar is due now, 4 no key is active.
"""


@click.group(cls=LazyGroup, package=__name__, modules=_COMMANDS, epilog=_EPILOG)
def keyset() -> None:
    """Create and maintain key sets, under the rules of Azure AD B2C."""
