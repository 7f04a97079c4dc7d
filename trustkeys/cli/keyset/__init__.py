"""``trustkeys keyset``: key sets in files."""

from __future__ import annotations

import click

from trustkeys.cli.lazy import LazyGroup

__tracebackhide__ = True

_COMMANDS = {
    "active": ("active", "Print the active key, as getActiveKey does."),
    "add": ("add", "Add the key in the file KEY."),
    "calendar": ("calendar", "Say when to act next on key sets."),
    "certify": ("certify", "Attach a certificate to the RSA key KID."),
    "check": ("check", "Look for what would break sign-in."),
    "create": ("create", "Create an empty key set in a new file."),
    "disable": ("status", "Disable the key KID."),
    "enable": ("status", "Enable the key KID."),
    "generate": ("generate", "Generate a key and add it."),
    "jwks": ("jwks", "Print the public keys as a JWK Set."),
    "password": ("password", "Change the passphrase of the file."),
    "rollover": ("rollover", "Add a key that is active at once."),
    "rotate": ("rotate", "Add the next keys."),
    "secret": ("secret", "Add a secret text, or several from a file."),
    "show": ("show", "Show the keys on a timeline."),
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
