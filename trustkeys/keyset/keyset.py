"""TrustFrameworkKeySet: the keys that a policy names, under the rules of the service."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field
from attrs.setters import frozen

from trustkeys.core.engine import generate
from trustkeys.core.jwk import checked_status, read_jwk
from trustkeys.core.key import BETA, TrustFrameworkKey, odata_context
from trustkeys.core.numericdate import NumericDateInput, date_text, numeric_date, whole_seconds
from trustkeys.core.registry import key_type_for
from trustkeys.core.request import GenerateKeyRequest
from trustkeys.errors import InvalidInputError, KeyNotFoundError, prefix_errors
from trustkeys.keyset.document import MAX_KEYS, checked_id, key_type_of_service, keys_of, members_of
from trustkeys.keyset.rotation import plan
from trustkeys.keyset.schedule import active_key, moment
from trustkeys.wording import quantity, shape

if TYPE_CHECKING:
    from trustkeys.keyset.check import Finding

__all__ = ["TrustFrameworkKeySet"]

__tracebackhide__ = True

OVERLAP = {"sig": 7 * 86_400, "enc": 90 * 86_400}
"""How long, in seconds, a key stays valid after its successor has started, by `use`.

Refresh tokens are encrypted with the `enc` key, and live for up to 90 days.
"""

MAX_COUNT = 1000
"""The most keys that one rotation adds."""


@define(init=False, repr=False)
class TrustFrameworkKeySet:
    """A key set in the shape of Graph's `trustFrameworkKeySet`: keys in order, and an id.

    The rules of the service hold on every way in: one `kty`, RSA or oct (``AADB2C95031``,
    ``AADB2C95032``), one `use` (``AADB2C95042``), no `kid` twice. Keys are joined by newer ones
    and can be disabled, but neither be removed nor change places, as there. Iterating gives the
    keys in the order in which they were added. Two sets are equal when their ids and all of
    their keys are, in order. Not for use by several threads at once.

    Args:
        id: The set's name: letters, digits, ``-`` and ``_``. Gets the prefix ``B2C_1A_`` where
            it has none.
        keys: The keys to begin with, in order.

    Raises:
        InvalidInputError: ``BadRequest`` for the id; as `add` for the keys.
    """

    id: str = field(on_setattr=frozen)
    _keys: dict[str, TrustFrameworkKey] = field(eq=lambda keys: [*keys.values()])

    def __init__(self, id: str, keys: Iterable[TrustFrameworkKey] = ()) -> None:  # noqa: A002
        self.__attrs_init__(checked_id(id), {})
        for key in keys:
            self.add(key)

    @classmethod
    def from_jwks(
        cls,
        jwks: str | bytes | Mapping[str, Any],
        *,
        id: str | None = None,  # noqa: A002
        use: str | None = None,
    ) -> TrustFrameworkKeySet:
        """Read a JWK Set (RFC 7517 section 5), or Graph's answer to GET keySets/{id}.

        Args:
            jwks: A mapping with a list of `keys`, or JSON text of at most 16 MiB. Each key is
                read and checked as `TrustFrameworkKey.from_jwk` does, in 40 ms for a private
                RSA-2048 key.
            id: In place of the set's own `id`; needed where it has none.
            use: In place of the keys' own `use`; needed where they have none.

        Raises:
            InvalidInputError: ``AADB2C95026`` no JSON, or no list of keys; ``BadRequest`` for
                the id; for a key as `TrustFrameworkKey.from_jwk` and `add`.
        """
        return read_key_set(members_of(jwks), id=id, use=use, prove=True)

    def __repr__(self) -> str:
        return f"<TrustFrameworkKeySet {self.id!r}, keys: {len(self._keys)}>"

    def __copy__(self) -> TrustFrameworkKeySet:
        return TrustFrameworkKeySet(self.id, self)

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[TrustFrameworkKey]:
        return iter([*self._keys.values()])

    @property
    def kty(self) -> str | None:
        """The `kty` of all keys, or None while there is none."""
        return next((key.kty for key in self._keys.values()), None)

    @property
    def use(self) -> str | None:
        """The `use` of all keys, or None while there is none."""
        return next((key.use for key in self._keys.values()), None)

    def get(self, kid: str) -> TrustFrameworkKey:
        """Give the key of a `kid`.

        Raises:
            KeyNotFoundError: There is none. Code ``NotFound``.
        """
        key = self._keys.get(kid) if isinstance(kid, str) else None
        if key is None:
            raise KeyNotFoundError(
                f"{self.id} has no key of that kid", code="NotFound", target="kid"
            )
        return key

    def add(self, key: TrustFrameworkKey) -> None:
        """Add a key, after all others.

        Raises:
            InvalidInputError: ``AADB2C95031`` its `kty` is neither RSA nor oct,
                ``AADB2C95032`` it is not that of the others, ``AADB2C95042`` its `use` is not,
                ``BadRequest`` its `kid` is there already, it is no key, or there are 5,000.
        """
        if not isinstance(key, TrustFrameworkKey):
            raise InvalidInputError(
                f"a key must be a TrustFrameworkKey, not {shape(key)}", target="key"
            )
        self._admit(key.kty, key.use)
        self._must_have_room(1)
        if key.kid in self._keys:
            raise InvalidInputError(
                f"{self.id} has a key of that kid already; the later one would hide the other",
                target="kid",
            )
        self._keys[key.kid] = key

    def generate_key(
        self,
        use: str | None = None,
        kty: str | None = None,
        *,
        nbf: NumericDateInput = None,
        exp: NumericDateInput = None,
        size: int | None = None,
    ) -> TrustFrameworkKey:
        """Generate a key as Graph's generateKey does, and add it.

        Args:
            use: ``"sig"`` or ``"enc"``, in any ASCII case. Needed for an empty set.
            kty: ``"RSA"`` or ``"oct"``, in any ASCII case. Likewise.
            nbf: Not before: whole seconds since 1970, or an aware datetime.
            exp: Expires: likewise; not before `nbf`.
            size: In bits. Default: that of the newest key.

        Raises:
            InvalidInputError: As `trustkeys.generate_key` and `add`; ``AADB2C90253`` `use` is
                missing, ``AADB2C95030`` `kty` is missing.
        """
        key = generate(evolve(self._next_request(use, kty, size), nbf=nbf, exp=exp))
        self.add(key)
        return key

    def upload_secret(
        self,
        secret: str,
        use: str | None = None,
        *,
        nbf: NumericDateInput = None,
        exp: NumericDateInput = None,
    ) -> TrustFrameworkKey:
        """Add an oct key that is given as text, as Graph's uploadSecret does.

        Its `kid` is random, since a hash of what a person thought up would give it away.

        Args:
            secret: The text; its UTF-8 is the key.
            use: ``"sig"`` or ``"enc"``. Needed for an empty set.
            nbf: Not before: whole seconds since 1970, or an aware datetime.
            exp: Expires: likewise; not before `nbf`.

        Raises:
            InvalidInputError: ``AADB2C90253`` `secret` or `use` is missing; as `add`.
        """
        from trustkeys.keyset.actions import key_of_secret

        key = key_of_secret(secret, self.use if use is None else use, nbf=nbf, exp=exp)
        self.add(key)
        return key

    def upload_certificate(
        self, certificate: str | bytes, use: str | None = None
    ) -> TrustFrameworkKey:
        """Add the public key of a certificate, as Graph's uploadCertificate does.

        Its dates are the certificate's. The service can check a partner's signatures with it,
        or encrypt to them; a set that it signs with needs private keys (`check` says so).

        Args:
            certificate: PEM or DER, or base64 of these; issuers may follow.
            use: Default: that of the set, else what the key usage says.

        Raises:
            InvalidInputError: As `trustkeys.formats.certificates.from_certificate` and `add`.
        """
        from trustkeys.keyset.actions import key_of_certificate

        key = key_of_certificate(certificate, self.use if use is None else use)
        self.add(key)
        return key

    def upload_pkcs12(
        self, pfx: str | bytes, password: str, use: str | None = None
    ) -> TrustFrameworkKey:
        """Add a private key with its certificates, as Graph's uploadPkcs12 does.

        Its dates are the certificate's. Unlike the service, this opens every PFX that OpenSSL
        does; `trustkeys.formats.pkcs12` says which one the service is known to open.

        Args:
            pfx: The file's content, or base64 of it.
            password: Its passphrase; there must be one.
            use: Default: that of the set, else what the key usage says.

        Raises:
            InvalidInputError: ``AADB2C95025`` the passphrase is wrong, or this is no PFX; else
                as `trustkeys.formats.pkcs12.from_pkcs12` and `add`.
        """
        from trustkeys.keyset.actions import key_of_pkcs12

        key = key_of_pkcs12(pfx, password, self.use if use is None else use)
        self.add(key)
        return key

    def set_certificates(self, kid: str, certificates: bytes) -> TrustFrameworkKey:
        """Give a key the certificates that an authority issued for it.

        Args:
            kid: Which key.
            certificates: Its own and those of its issuers, in any order, PEM or DER.

        Returns:
            The key as it is now, in its old place.

        Raises:
            KeyNotFoundError: There is no such key. Code ``NotFound``.
            InvalidInputError: As `trustkeys.formats.certificates.with_certificates`.
        """
        from trustkeys.formats.certificates import with_certificates

        self._keys[kid] = with_certificates(self.get(kid), certificates)
        return self._keys[kid]

    def set_status(self, kid: str, status: str) -> TrustFrameworkKey:
        """Enable or disable a key, as PATCH keys_v2/{kid} does.

        Args:
            kid: Which key.
            status: ``"enabled"`` or ``"disabled"``.

        Returns:
            The key as it is now, in its old place.

        Raises:
            KeyNotFoundError: There is no such key. Code ``NotFound``.
            InvalidInputError: Another status. Code ``BadRequest``.
        """
        key = self.get(kid)
        self._keys[kid] = evolve(key, status=checked_status(status))
        return self._keys[kid]

    def get_active_key(self, at: NumericDateInput = None) -> TrustFrameworkKey:
        """Give the key that the service uses, as getActiveKey does.

        Of the keys that are enabled and valid (``nbf <= at < exp``) the one with the latest
        `nbf`. The service's documents leave open how missing dates count; here a missing `nbf`
        is "since ever, and last in line", a missing `exp` is "never", and of equals the one
        that was added later wins.

        Args:
            at: When: whole seconds since 1970, or an aware datetime. Default: now.

        Raises:
            KeyNotFoundError: No key is active then; it says which start or ended nearest. Code
                ``NotFound``.
            InvalidInputError: `at` is no time. Code ``BadRequest``.
        """
        when = moment(at)
        keys = list(self)
        index = active_key(keys, when)
        if index is None:
            raise KeyNotFoundError(
                f"{self.id} has no active key at {date_text(when)}: {_nearest(keys, when)}",
                code="NotFound",
                target="at",
            )
        return keys[index]

    def rotate(
        self,
        every: int | timedelta,
        *,
        overlap: int | timedelta | None = None,
        count: int = 1,
        start: NumericDateInput = None,
        use: str | None = None,
        kty: str | None = None,
        size: int | None = None,
        at: NumericDateInput = None,
    ) -> tuple[TrustFrameworkKey, ...]:
        """Add the next keys: each takes over from the one before, and none leaves a gap.

        A key takes over `every` seconds after the one before, which stays valid for `overlap`
        longer. The first of them takes over when the last key is due by that rule, and early
        enough for it to stay valid for `overlap` too; a day from now at the earliest, so that
        it is published in time; and at the latest when there would be no active key. Where
        there is none, as in an empty set, it starts now.

        Args:
            every: Seconds, or a timedelta, from one takeover to the next.
            overlap: Likewise, from a takeover to the end of the key before. Default: 7 days
                for `sig` and 90 for `enc`, since refresh tokens live that long.
            count: How many keys to add.
            start: When the first takes over, where not as said above.
            use: Needed for an empty set.
            kty: Likewise.
            size: In bits. Default: that of the newest key.
            at: What counts as now: whole seconds since 1970, or an aware datetime.

        Returns:
            The new keys. Either all are added or, when anything fails, none.

        Raises:
            InvalidInputError: As `generate_key`; ``BadRequest`` for durations and `count`, dates
                beyond what Graph can carry, and a `start` that leaves a gap after the key that
                is active now, or lies before its own.
        """
        request = self._next_request(use, kty, size)
        self._must_have_room(_checked_count(count))
        validities = plan(
            list(self),
            every=whole_seconds(every, "every", least=1),
            overlap=(
                OVERLAP[request.use] if overlap is None else whole_seconds(overlap, "overlap")
            ),
            count=count,
            at=moment(at),
            start=None if start is None else numeric_date(start, "start"),
        )
        requests = [evolve(request, nbf=dates.nbf, exp=dates.exp) for dates in validities]
        keys = tuple(generate(request) for request in requests)
        for key in keys:
            self.add(key)
        return keys

    def rollover(
        self,
        at: NumericDateInput = None,
        *,
        exp: NumericDateInput = None,
        disable: bool = False,
        use: str | None = None,
        kty: str | None = None,
        size: int | None = None,
    ) -> TrustFrameworkKey:
        """Add a key that is active from a time on, for emergencies.

        Args:
            at: When: whole seconds since 1970, or an aware datetime. Default: now.
            exp: When the new key expires. Default: never.
            disable: Disable all others, so that none of them can take over again later; else
                one with a later `nbf` still will.
            use: Needed for an empty set.
            kty: Likewise.
            size: In bits. Default: that of the newest key.

        Returns:
            The new key.

        Raises:
            InvalidInputError: As `generate_key`; ``BadRequest`` when others are to be disabled
                and the new key is not active now, since sign-in would fail.
        """
        when = moment(at)
        end = None if exp is None else numeric_date(exp, "exp")
        if end is not None and end <= when:
            raise InvalidInputError(
                f"exp must lie after the start of the key, {date_text(when)}", target="exp"
            )
        request = evolve(self._next_request(use, kty, size), nbf=when, exp=end)
        now = moment(None) if disable else when
        if now < when or (end is not None and end <= now):
            raise InvalidInputError(
                "the other keys can be disabled while the new one is active: that is not so now, "
                f"at {date_text(now)}",
                target="disable",
            )
        others = [*self._keys]
        key = generate(request)
        self.add(key)
        if disable:
            for kid in others:
                self.set_status(kid, "disabled")
        return key

    def check(self, at: NumericDateInput = None, until: NumericDateInput = None) -> list[Finding]:
        """Look for what would break sign-in, now or later.

        As `trustkeys.check_key_set`, which says what is found, and which also takes a set that
        breaks the rules of this class.

        Args:
            at: What counts as now: whole seconds since 1970, or an aware datetime.
            until: How far there must be no gap. Default: to the end of the last key.

        Raises:
            InvalidInputError: `until` does not lie after `at`, or one is no time. Code
                ``BadRequest``.
        """
        from trustkeys.keyset.check import check_keys, in_order, known_to_all
        from trustkeys.testkeys.guard import is_test_key

        keys = list(self)
        tests = [known_to_all(key.kid, n) for n, key in enumerate(keys, 1) if is_test_key(key)]
        return in_order([*tests, *check_keys(keys, at=at, until=until, private=True)])

    def to_graph(self, *, base_url: str | None = BETA) -> dict[str, Any]:
        """The set as Graph's GET keySets/{id} answers it: public members only.

        Args:
            base_url: The API's root, for ``@odata.context``. None leaves that member out.
        """
        context = {"@odata.context": odata_context(base_url, "trustFramework/keySets/$entity")}
        return {
            **({} if base_url is None else context),
            "id": self.id,
            "keys": [
                {**key.to_graph(base_url=None), "x5t": key.x5t, "status": key.status}
                for key in self
            ],
        }

    def to_jwks(self, *, private: bool = False) -> dict[str, Any]:
        """The set as a JWK Set (RFC 7517 section 5), with its `id`.

        Args:
            private: Whether to give private members as well. A key that has none is given
                without; `check` names such keys.

        Raises:
            InvalidInputError: Private members are not asked for, and the keys have no public
                form (oct). Code ``BadRequest``.
        """
        return {
            "id": self.id,
            "keys": [key.to_jwk(private=private and key.has_private) for key in self],
        }

    def _must_have_room(self, count: int) -> None:
        if len(self._keys) + count > MAX_KEYS:
            raise InvalidInputError(
                f"{self.id} has {len(self._keys)} keys, and a key set takes at most {MAX_KEYS}"
            )

    def _admit(self, kty: str, use: str) -> None:
        key_type_of_service(kty)
        if self.kty not in (None, kty):
            raise InvalidInputError(
                f"{self.id} holds {self.kty} keys: {kty} needs a key set of its own",
                code="AADB2C95032",
                target="kty",
            )
        if self.use not in (None, use):
            raise InvalidInputError(
                f"{self.id} holds {self.use} keys: {use} needs a key set of its own",
                code="AADB2C95042",
                target="use",
            )

    def _next_request(
        self, use: str | None, kty: str | None, size: int | None
    ) -> GenerateKeyRequest:
        """Ask for one more key like those that are there."""
        given = {
            "use": self.use if use is None else use,
            "kty": self.kty if kty is None else kty,
        }
        request = GenerateKeyRequest.from_graph(
            {name: value for name, value in given.items() if value is not None}
        )
        self._admit(request.kty, request.use)
        if size is None and self._keys:
            newest = list(self)[-1].size
            # One that came from outside may have a size that is not made here.
            size = newest if newest in key_type_for(request.kty).strategy.sizes else None
        return evolve(request, size=size)


def read_key_set(
    document: Mapping[str, Any],
    *,
    id: str | None = None,  # noqa: A002
    use: str | None = None,
    prove: bool,
) -> TrustFrameworkKeySet:
    """Make a key set of what a JWK Set holds; `TrustFrameworkKeySet.from_jwks` says how.

    Args:
        document: The JWK Set.
        id: In place of its own.
        use: In place of the keys' own.
        prove: Whether to test what takes long (`KeyStrategy.prove`).
    """
    jwks = keys_of(document)
    keyset = TrustFrameworkKeySet(document.get("id") if id is None else id)  # type: ignore[arg-type]
    for number, jwk in enumerate(jwks, 1):
        with prefix_errors(f"key {number}"):
            keyset.add(TrustFrameworkKey(**read_jwk(jwk, use=use, prove=prove)))
    return keyset


def _checked_count(count: int) -> int:
    if isinstance(count, int) and not isinstance(count, bool) and 1 <= count <= MAX_COUNT:
        return count
    raise InvalidInputError(
        f"count must be 1 to {MAX_COUNT} keys, not {quantity(count)}", target="count"
    )


def _nearest(keys: list[TrustFrameworkKey], when: int) -> str:
    """Say which key starts or ended nearest to a time at which none is active."""
    enabled = [key for key in keys if key.status == "enabled"]
    if not enabled:
        return "its keys are all disabled" if keys else "it is empty"
    starting = [(key.nbf, key.kid) for key in enabled if key.nbf is not None and key.nbf > when]
    ended = [(key.exp, key.kid) for key in enabled if key.exp is not None and key.exp <= when]
    sentences = []
    if starting:
        start, kid = min(starting)
        sentences.append(f"{kid} starts at {date_text(start)}")
    if ended:
        end, kid = max(ended)
        sentences.append(f"{kid} ended at {date_text(end)}")
    return ", ".join(sentences)
