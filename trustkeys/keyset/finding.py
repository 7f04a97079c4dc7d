"""What a check knows of a key, and what it finds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from attrs import field, frozen

from trustkeys.errors import InvalidInputError
from trustkeys.keyset.document import numbered

__tracebackhide__ = True


@frozen
class Finding:
    """One finding of a check. The reference has a page with every code.

    Attributes:
        severity: ``"error"``: the service would refuse the set, sign-in would fail, or somebody
            else can have the private key. ``"warning"``: this can become an error.
        code: The service's error code if it documents one, else a name such as
            ``NoActiveKey``.
        message: One sentence for a person, which says what to do. It holds no secret.
        kid: The `kid` of the key that it is about, if there is one.
        number: The place of that key in its set, from 1, or None. Of several keys, the first.
        time: When it starts to matter, in seconds since 1970, or None.
        end: When it stops to matter, in seconds since 1970, or None.
        key_set: The id of the key set that it is about, in an answer with several.
    """

    severity: Literal["error", "warning"]
    code: str
    message: str
    kid: str | None = None
    number: int | None = None
    time: int | None = None
    end: int | None = None
    key_set: str | None = None


@frozen
class CheckedCertificate:
    """The certificate of a key: the first one of its `x5c`.

    Attributes:
        start: Its first second, in seconds since 1970.
        end: The first second after it, in seconds since 1970, or `FOREVER`.
        problem: Why it does not fit the key's `use`, or None.
    """

    start: int
    end: int
    problem: str | None


@frozen
class CheckedKey:
    """A key, as far as it could be read.

    Attributes:
        number: Its place in the set, from 1.
        kid: Its kid, or None.
        status: ``"enabled"`` or ``"disabled"``, which stands for whatever cannot be active.
        problems: Why it is refused.
        digest: A hash of the modulus or the secret, equal for equal keys. None if it is malformed,
            or not shown.
        secret_size: The size of the secret in bits, if it is shown.
        numbers: The modulus and the public exponent, if they are sound.
        certificate: Its certificate, if it has one that can be read.
        key_ops: Its `key_ops`, unchecked.
        is_hidden: Whether findings must not show the kid.
        is_generated: Whether it is a secret that trustkeys has generated.
    """

    number: int
    kid: str | None = None
    kty: str | None = None
    use: str | None = None
    nbf: int | None = None
    exp: int | None = None
    status: str = "disabled"
    has_unknown_status: bool = False
    has_private: bool = True
    is_test_key: bool = False
    problems: Sequence[InvalidInputError] = ()
    digest: bytes | None = field(default=None, repr=False)
    secret_size: int | None = None
    numbers: tuple[int, int] | None = field(default=None, repr=False)
    certificate: CheckedCertificate | None = None
    key_ops: Any = field(default=None, repr=False)
    is_hidden: bool = False
    is_generated: bool = False

    @property
    def shown_kid(self) -> str | None:
        """Its kid, unless it is hidden."""
        return None if self.is_hidden else self.kid

    @property
    def place(self) -> str:
        """Its number, and its kid if that is safe to show."""
        return numbered(self.shown_kid, self.number)

    @property
    def name(self) -> str:
        """Its name in messages."""
        return f"key {self.place}"

    def error(self, code: str, message: str) -> Finding:
        """Return a finding about this key."""
        return Finding("error", code, f"{self.name} {message}", self.shown_kid, self.number)

    def warning(self, code: str, message: str, time: int | None = None) -> Finding:
        """Return a finding about this key."""
        return Finding("warning", code, f"{self.name} {message}", self.shown_kid, self.number, time)
