"""The algorithms of a JWE (RFC 7518 section 4.1) that are read, and what the others are."""

from __future__ import annotations

from typing import Any, Literal

from trustkeys.errors import InvalidInputError
from trustkeys.formats.envelope import SIZES, Share
from trustkeys.wording import is_name

__tracebackhide__ = True

PASSPHRASE = ("PBES2-HS256+A128KW", "PBES2-HS384+A192KW", "PBES2-HS512+A256KW")

RECIPIENT = {
    "RSA": ("RSA-OAEP", "RSA-OAEP-256"),
    "EC": ("ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW"),
}
"""The algorithms for the public key of a recipient, by its `kty`."""

_SYMMETRIC = ("dir", "A128KW", "A192KW", "A256KW", "A128GCMKW", "A192GCMKW", "A256GCMKW")

Protection = Literal["passphrase", "recipient", "unknown"]


def protection(share: Share) -> Protection:
    """Return what opens a share, as its `alg` says; unknown for an `alg` that is not read."""
    if share.alg in PASSPHRASE:
        return "passphrase"
    return "recipient" if share.alg in (*RECIPIENT["RSA"], *RECIPIENT["EC"]) else "unknown"


def described(share: Share) -> str:
    """Say what a JWE is encrypted to."""
    if share.alg in _SYMMETRIC:
        return f"encrypted to a symmetric key ({share.alg})"
    return {
        "passphrase": "encrypted to a passphrase",
        "recipient": "sealed to the public key of a recipient",
        "unknown": f"of {_named(share.alg, 'alg')}, which trustkeys does not read",
    }[protection(share)]


def unsupported(share: Share) -> InvalidInputError:
    """Return the error for an `alg` that is not read: what it is, and what to do."""
    if share.alg in _SYMMETRIC:
        return InvalidInputError(
            f"it is encrypted to a symmetric key ({share.alg}), which trustkeys does not read: "
            "decrypt it with the program that has the key",
            target="alg",
        )
    if share.alg == "RSA1_5":
        return InvalidInputError(
            "it is sealed with RSA1_5, which is unsafe and not read: seal it again with "
            "RSA-OAEP-256",
            target="alg",
        )
    algs = ", ".join((*PASSPHRASE, *RECIPIENT["RSA"], *RECIPIENT["EC"]))
    return InvalidInputError(
        f"it is of {_named(share.alg, 'alg')}, which is not read: use one of {algs}", target="alg"
    )


def check_content(share: Share) -> None:
    """Refuse an `enc` that is not read, compression, and extensions.

    Raises:
        InvalidInputError: Code ``BadRequest``.
    """
    if not isinstance(share.enc, str) or share.enc not in SIZES:
        raise InvalidInputError(
            f"its content is encrypted with {_named(share.enc, 'enc')}, which is not read: use one "
            f"of {', '.join(SIZES)}",
            target="enc",
        )
    if "zip" in share.header:
        raise InvalidInputError(
            "it is compressed (zip), and a small file could become gigabytes: encrypt without zip",
            target="zip",
        )
    if "crit" in share.header:
        raise InvalidInputError(
            "it must not be opened without extensions (crit) that trustkeys does not have: encrypt "
            "without crit",
            target="crit",
        )


def _named(value: Any, name: str) -> str:
    return f"{name} {value}" if is_name(value) else f"an {name} that is missing or no name"
