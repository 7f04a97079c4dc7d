"""One key from a file of any form, before it is decided what the key is for and when."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Literal

from attrs import evolve, field, frozen
from cryptography.x509 import Certificate

from trustkeys.core.extras import problem_of_operations
from trustkeys.core.jwk import read_jwk
from trustkeys.core.key import TrustFrameworkKey, with_use
from trustkeys.core.numericdate import NumericDateInput, numeric_dates
from trustkeys.core.request import checked_use
from trustkeys.core.work import Work
from trustkeys.errors import MissingUseError
from trustkeys.formats.corrected import corrected
from trustkeys.formats.key_usage import check_usage, restricted

__tracebackhide__ = True

ANY_USE = "sig"
"""The use of a key until `OpenedKey.key` settles it: no key can be checked without one."""


@frozen
class OpenedKey:
    """One key from a file. Its numbers and its certificates are checked.

    Attributes:
        use: What the file says about the key's `use`, unchecked, or None.
        nbf: Likewise about `nbf`.
        exp: Likewise about `exp`.
        certificate: The key's own certificate, whose key usage must allow its `use`, or None.
        only_use: The only use that the key's algorithm allows, such as RSASSA-PSS, or None.
        remarks: What was left out or corrected, in sentences for a person. None shows a secret.
    """

    _key: TrustFrameworkKey
    # They could be secrets in the wrong place.
    use: Any = field(default=None, repr=False)
    nbf: Any = field(default=None, repr=False)
    exp: Any = field(default=None, repr=False)
    certificate: Certificate | None = None
    only_use: Literal["sig", "enc"] | None = None
    remarks: tuple[str, ...] = ()

    @classmethod
    def from_jwk(
        cls, jwk: Mapping[str, Any], *, kid: str | None = None, work: Work | None = None
    ) -> OpenedKey:
        """Check a JWK, all but its `use` and dates, and correct the spelling of its numbers.

        Args:
            jwk: The JWK.
            kid: Replaces its `kid`.
            work: What the keys of one document share. Beyond it, primes are not tested.

        Raises:
            InvalidInputError: As `TrustFrameworkKey.from_jwk`.
        """
        dated: dict[str, Any] = {name: jwk.get(name) for name in ("use", "nbf", "exp")}
        rest: Mapping[str, Any] = {name: value for name, value in jwk.items() if name not in dated}
        rest, remarks = corrected(rest)
        work = Work() if work is None else work
        before = work.unproved
        is_for_enc = problem_of_operations(rest.get("key_ops"), ANY_USE) is not None
        use = "enc" if is_for_enc else ANY_USE
        key = TrustFrameworkKey(**read_jwk(rest, use=use, kid=kid, prove=True, work=work))
        if work.unproved > before:
            remarks.append("its primes were not tested, since the file has too many private keys")
        return cls(key, **dated, remarks=tuple(remarks))

    def key(
        self,
        *,
        use: str | None = None,
        nbf: NumericDateInput = None,
        exp: NumericDateInput = None,
    ) -> TrustFrameworkKey:
        """Return the key, with its use and dates checked. Each of the `remarks` is a warning.

        Args:
            use: ``"sig"`` or ``"enc"``. Default: what the file says.
            nbf: Seconds since 1970, or an aware datetime. Default: what the file says.
            exp: Likewise.

        Raises:
            MissingUseError: Neither `use` nor the file says what the key is for.
            InvalidInputError: ``AADB2C95033`` a bad `use`; ``AADB2C95034`` the key usage of the
                certificate, the `key_ops`, or the algorithm of the key, does not allow it;
                ``BadRequest`` the dates.
        """
        wanted = self.use if use is None else use
        if self.certificate is not None:
            check_usage(self.certificate, wanted)
        if wanted is None:
            raise MissingUseError(
                "use is missing: the file does not say whether the key is for sig or enc, so give "
                "it (--use, in Python use=)"
            )
        wanted = checked_use(wanted)
        if self.only_use not in (None, wanted):
            raise restricted(self.only_use, wanted)
        start, end = numeric_dates(
            self.nbf if nbf is None else nbf, self.exp if exp is None else exp
        )
        key = with_use(self._key, wanted)
        for remark in self.remarks:
            warnings.warn(remark, stacklevel=3)
        return evolve(key, nbf=start, exp=end)
