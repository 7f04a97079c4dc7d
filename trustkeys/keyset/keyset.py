"""TrustFrameworkKeySet: the keys that a policy refers to, under the rules of the service."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from attrs import define, evolve, field
from attrs.setters import frozen

from trustkeys.core import engine
from trustkeys.core.base64url import base64url_encode
from trustkeys.core.clouds import BETA, odata_context
from trustkeys.core.jwk import checked_status
from trustkeys.core.key import TrustFrameworkKey, stored_jwk
from trustkeys.core.numericdate import NumericDateInput, date_text
from trustkeys.core.registry import key_type_for
from trustkeys.core.request import GenerateKeyRequest
from trustkeys.core.strict_json import is_text
from trustkeys.errors import (
    InvalidInputError,
    KeyNotFoundError,
    MissingUseError,
)
from trustkeys.formats.answers import MAX_KEYS, Document, read_key_sets
from trustkeys.keyset.document import checked_id, key_type_of_service, set_of
from trustkeys.keyset.foreign import add_foreign_keys
from trustkeys.keyset.origin import must_be_generated
from trustkeys.keyset.rotation import OVERLAP, plan_rollover, plan_rotation
from trustkeys.keyset.schedule import active_key, is_published, moment
from trustkeys.keyset.uploads import open_certificate, open_pkcs12
from trustkeys.wording import shape

if TYPE_CHECKING:
    from trustkeys.keyset.check import Finding

__all__ = ["TrustFrameworkKeySet"]

__tracebackhide__ = True


@define(init=False, repr=False)
class TrustFrameworkKeySet:
    """A key set in the shape of Graph's `trustFrameworkKeySet`: an id, and keys in order.

    The rules of the service apply however a key is added: all keys have one `kty`, RSA or oct
    (``AADB2C95031``, ``AADB2C95032``), and one `use` (``AADB2C95042``), and each has its own
    `kid`. As in the service, keys can be added and disabled, but not removed or reordered.
    Iteration and `len` go over the keys, in the order in which they were added; ``keys[kid]``
    returns the key with a `kid`, and ``in`` takes a `kid` or a key. Two sets are equal if their
    ids and all their keys are, in order. Not safe for use by several threads at once.

    Args:
        id: The set's name: letters, digits, ``-`` and ``_``. The prefix ``B2C_1A_`` is added if
            it is missing.
        keys: The first keys, in order.

    Raises:
        InvalidInputError: ``BadRequest`` for the id; for the keys as `add`.
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
        jwks: Document,
        *,
        id: str | None = None,  # noqa: A002
        use: str | None = None,
    ) -> TrustFrameworkKeySet:
        """Read a JWK Set (RFC 7517 section 5), or a saved answer of Graph.

        Keys of other types than RSA and oct are left out, as RFC 7517 asks, and numbers that are
        not spelled as RFC 7518 asks are corrected. Warns of both, and of primes not tested.

        Args:
            jwks: A mapping with a list of `keys`, or JSON text of at most 16 MiB; or an answer
                of Graph, as `check_key_set` reads it. Each key is read and checked as by
                `TrustFrameworkKey.from_jwk`, which takes 40 ms for a private RSA-2048 key.
                Beyond about 40 such keys, primes are not tested.
            id: Replaces the set's own `id`; required if it has none. Of the answer to GET
                keySets, the id of the set to read.
            use: Replaces the keys' own `use`; required if they have none.

        Raises:
            InvalidInputError: ``AADB2C95026`` not JSON, or no list of keys; ``BadRequest`` for
                the id; for a key as `TrustFrameworkKey.from_jwk` and `add`.
        """
        found = set_of(read_key_sets(jwks), id)
        keyset = cls(found.id if id is None else id)
        for remark in add_foreign_keys(found.keys, use, keyset.add):
            warnings.warn(remark, stacklevel=2)
        return keyset

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
        """The `kty` of all keys, or None if there are none."""
        return next((key.kty for key in self._keys.values()), None)

    @property
    def use(self) -> str | None:
        """The `use` of all keys, or None if there are none."""
        return next((key.use for key in self._keys.values()), None)

    def __contains__(self, key: object) -> bool:
        if isinstance(key, TrustFrameworkKey):
            return self._keys.get(key.kid) == key
        return isinstance(key, str) and key in self._keys

    def __getitem__(self, kid: str) -> TrustFrameworkKey:
        return self.get(kid)

    def get(self, kid: str) -> TrustFrameworkKey:
        """Return the key with a `kid`, as ``keys[kid]`` does.

        Raises:
            KeyNotFoundError: There is no such key. Code ``NotFound``.
        """
        key = self._keys.get(kid) if isinstance(kid, str) else None
        if key is None:
            raise KeyNotFoundError(
                f"{self.id} has no key with that kid", code="NotFound", target="kid"
            )
        return key

    def add(self, key: TrustFrameworkKey) -> None:
        """Add a key after the others.

        Raises:
            InvalidInputError: ``AADB2C95031`` its `kty` is neither RSA nor oct, ``AADB2C95032``
                or not that of the other keys, ``AADB2C95042`` its `use` is not that of the other
                keys, ``BadRequest`` another key has its `kid`, it is not a key, or the set has
                5,000 keys.
        """
        if not isinstance(key, TrustFrameworkKey):
            raise InvalidInputError(
                f"a key must be a TrustFrameworkKey, not {shape(key)}", target="key"
            )
        self._admit(key.kty, key.use)
        self._must_have_room(1)
        if key.kid in self._keys:
            raise InvalidInputError(
                f"{self.id} already has a key with that kid: the new one would hide it",
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
            use: ``"sig"`` or ``"enc"``, in any ASCII case. Required for an empty set.
            kty: ``"RSA"`` or ``"oct"``, in any ASCII case. Required for an empty set.
            nbf: The start: whole seconds since 1970, or an aware datetime. None: no date.
            exp: The end: whole seconds since 1970, or an aware datetime, not before `nbf`.
            size: The size in bits. Default: that of the newest key.

        Raises:
            InvalidInputError: As `trustkeys.generate_key` and `add`; ``AADB2C90253`` `use` is
                missing, ``AADB2C95030`` `kty` is missing.
        """
        key = engine.generate(evolve(self._request(use, kty, size), nbf=nbf, exp=exp))
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
        """Add a secret text as an oct key, as Graph's uploadSecret does.

        Its `kid` is random, since the thumbprint of a weak secret would reveal it.

        Args:
            secret: The text. Its UTF-8 bytes are the key.
            use: ``"sig"`` or ``"enc"``. Required for an empty set.
            nbf: The start: whole seconds since 1970, or an aware datetime. None: no date.
            exp: The end: whole seconds since 1970, or an aware datetime, not before `nbf`.

        Raises:
            InvalidInputError: ``AADB2C90253`` `secret` or `use` is missing; else as `add`.
        """
        if not isinstance(secret, str) or not secret or not is_text(secret):
            raise InvalidInputError(
                "the secret must be text of at least one character, but is "
                f"{shape(secret) if secret else 'empty'}: add random bytes as a JWK",
                code="AADB2C90253" if secret is None or secret == "" else "BadRequest",
                target="k",
            )
        use = self.use if use is None else use
        if use is None:
            raise MissingUseError
        jwk = {"kty": "oct", "k": base64url_encode(secret.encode())}
        key = TrustFrameworkKey.from_jwk(jwk, use=use, nbf=nbf, exp=exp)
        self.add(key)
        return key

    def upload_certificate(
        self, certificate: str | bytes, use: str | None = None
    ) -> TrustFrameworkKey:
        """Add the public key of a certificate, as Graph's uploadCertificate does.

        The key gets the certificate's dates. With it the service can verify a partner's
        signatures or encrypt to the partner. To sign, a set needs private keys (see `check`).

        Args:
            certificate: PEM or DER, or base64 of these. Issuers may follow.
            use: Default: that of the set, else that of the certificate's key usage.

        Raises:
            InvalidInputError: As `trustkeys.formats.certificates.from_certificate` and `add`.
        """
        key = open_certificate(certificate).key(use=self.use if use is None else use)
        self.add(key)
        return key

    def upload_pkcs12(
        self, pfx: str | bytes, password: str, use: str | None = None
    ) -> TrustFrameworkKey:
        """Add a private key with its certificates, as Graph's uploadPkcs12 does.

        The key gets the certificate's dates. Unlike the service, this opens every PFX that
        OpenSSL opens; `trustkeys.formats.pkcs12` says which ones the service is known to open.

        Args:
            pfx: The file's content, or base64 of it.
            password: Its passphrase, which must not be empty.
            use: Default: that of the set, else that of the certificate's key usage.

        Raises:
            InvalidInputError: ``AADB2C95025`` the passphrase is wrong, or it is not a PFX; else
                as `trustkeys.formats.pkcs12.from_pkcs12` and `add`.
        """
        key = open_pkcs12(pfx, password).key(use=self.use if use is None else use)
        self.add(key)
        return key

    def set_certificates(self, kid: str, certificates: bytes) -> TrustFrameworkKey:
        """Attach the certificates that an authority issued for a key.

        Args:
            kid: The kid of the key.
            certificates: Its own certificate and its issuers', in any order, PEM or DER.

        Returns:
            The changed key. It keeps its place.

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
            kid: The kid of the key.
            status: ``"enabled"`` or ``"disabled"``.

        Returns:
            The changed key. It keeps its place.

        Raises:
            KeyNotFoundError: There is no such key. Code ``NotFound``.
            InvalidInputError: Another status. Code ``BadRequest``.
        """
        key = self.get(kid)
        self._keys[kid] = evolve(key, status=checked_status(status))
        return self._keys[kid]

    def enable(self, kid: str) -> TrustFrameworkKey:
        """Enable a key, so that it can be active.

        Args:
            kid: The kid of the key.

        Returns:
            The changed key. It keeps its place.

        Raises:
            KeyNotFoundError: There is no such key. Code ``NotFound``.
        """
        return self.set_status(kid, "enabled")

    def disable(self, kid: str) -> TrustFrameworkKey:
        """Disable a key, so that it cannot be active, and leave it out of the published keys.

        Copies of the set do not change: publish `to_jwks` again, and replace the key set in the
        tenant. Programs that verify tokens can cache the old keys for up to a day. The same key
        under another kid stays enabled (`check` reports it as ``SharedKey``).

        Args:
            kid: The kid of the key.

        Returns:
            The changed key. It keeps its place.

        Raises:
            KeyNotFoundError: There is no such key. Code ``NotFound``.
        """
        return self.set_status(kid, "disabled")

    def get_active_key(self, at: NumericDateInput = None) -> TrustFrameworkKey:
        """Return the key that the service uses, as getActiveKey does.

        It is the key with the latest `nbf` of those that are enabled and valid
        (``nbf <= at < exp``). The service's documentation does not say how missing dates count.
        Here a key without `nbf` has always been valid and comes after all others, a key without
        `exp` never expires, and of equal keys the one that was added last is active.

        Args:
            at: The time: whole seconds since 1970, or an aware datetime. Default: now.

        Raises:
            KeyNotFoundError: No key is active then. The message names the keys that start and
                ended nearest. Code ``NotFound``.
            InvalidInputError: `at` is not a time. Code ``BadRequest``.
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
        generate: bool = False,
    ) -> tuple[TrustFrameworkKey, ...]:
        """Add the next keys. Each takes over from the one before, without a gap.

        A key takes over `every` seconds after the one before it, which stays valid for another
        `overlap` seconds. The first new key takes over when the last key is due by that rule,
        and early enough for that key to stay valid for `overlap`. It takes over at least a day
        from now, so that it is published in time, but always before there would be no active
        key. If no key is active, as in an empty set, it starts now.

        Args:
            every: Time from one takeover to the next: seconds, or a timedelta.
            overlap: Time from a takeover to the end of the key before: seconds, or a timedelta.
                Default: 7 days for `sig` and 90 days for `enc`, the life of refresh tokens.
            count: The number of keys to add, 1 to 1,000.
            start: When the first new key takes over, instead of the rule above.
            use: ``"sig"`` or ``"enc"``. Required for an empty set.
            kty: ``"RSA"`` or ``"oct"``. Required for an empty set.
            size: The size in bits. Default: that of the newest key.
            at: The time to use as now: whole seconds since 1970, or an aware datetime.
            generate: Add random keys even if a key of the set came from outside: a secret that an
                identity provider or another person issued, or a public key. Its issuer does not
                know the random keys, and sign-in fails when one becomes active.

        Returns:
            The new keys. If anything fails, none is added.

        Raises:
            InvalidInputError: As `generate_key`; ``BadRequest`` for the durations and `count`,
                dates beyond Int64, a `start` that is before the start of the active key or
                leaves a gap after its end, and a key from outside without `generate`.
        """
        must_be_generated(self, consent=generate)
        request = self._request(use, kty, size)
        planned = plan_rotation(
            list(self),
            every=every,
            overlap=OVERLAP[request.use] if overlap is None else overlap,
            count=count,
            start=start,
            at=at,
        )
        self._must_have_room(len(planned))
        keys = tuple(
            engine.generate(evolve(request, nbf=each.nbf, exp=each.exp)) for each in planned
        )
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
        generate: bool = False,
    ) -> TrustFrameworkKey:
        """Add a key that is active from a time on, in an emergency.

        Copies of the set do not change, as `disable` describes.

        Args:
            at: When: whole seconds since 1970, or an aware datetime. Default: now.
            exp: When the new key expires. Default: never.
            disable: Disable all other keys, so that none can become active again. Otherwise a
                key with a later `nbf` still will.
            use: ``"sig"`` or ``"enc"``. Required for an empty set.
            kty: ``"RSA"`` or ``"oct"``. Required for an empty set.
            size: The size in bits. Default: that of the newest key.
            generate: As `rotate`.

        Returns:
            The new key.

        Raises:
            InvalidInputError: As `generate_key`; ``BadRequest`` if the other keys are to be
                disabled and the new key is not active now, since sign-in would fail, and for a
                key from outside without `generate`.
        """
        must_be_generated(self, consent=generate)
        planned = plan_rollover(at, exp, disable=disable)
        others = [*self._keys]
        request = self._request(use, kty, size)
        key = engine.generate(evolve(request, nbf=planned.nbf, exp=planned.exp))
        self.add(key)
        if disable:
            for kid in others:
                self.disable(kid)
        return key

    def check(self, at: NumericDateInput = None, until: NumericDateInput = None) -> list[Finding]:
        """Look for what would break sign-in, now or later.

        See `trustkeys.check_key_set`, which lists the findings and also takes sets that this
        class refuses.

        Args:
            at: The time to use as now: whole seconds since 1970, or an aware datetime.
            until: There must be no gap before this time. Default: the end of the last key.

        Raises:
            InvalidInputError: `until` is not after `at`, or one of them is not a time. Code
                ``BadRequest``.
        """
        from trustkeys.keyset.check import check_key_set  # imported lazily to keep imports fast

        return check_key_set(self.to_jwks(private=True), at=at, until=until, private=True)

    def to_graph(self, *, base_url: str | None = BETA) -> dict[str, Any]:
        """Return the set as Graph answers GET keySets/{id}, with public members only.

        Args:
            base_url: The root of the API, for ``@odata.context``. None: without that member.
        """
        context = {"@odata.context": odata_context(base_url, "trustFramework/keySets/$entity")}
        return {
            **({} if base_url is None else context),
            "id": self.id,
            "keys": [shown_key(key) for key in self],
        }

    def to_jwks(
        self,
        *,
        private: bool = False,
        include: Literal["all", "published"] | None = None,
        at: NumericDateInput = None,
    ) -> dict[str, Any]:
        """Return the set as a JWK Set (RFC 7517 section 5), with its `id`.

        Without arguments these are the keys to publish: a verifier accepts what any key in a JWK
        Set has signed, and knows neither `status` nor `exp`. So disabled and expired keys are left
        out. Keys that start later are included, so that verifiers know them in time.

        Args:
            private: Include the private members. A key without them is included as it is;
                `check` names such keys.
            include: ``"published"``: without disabled and expired keys. ``"all"``: all keys; a
                public JWK does not say that its key is disabled. Default: with `private` all, else
                the published ones.
            at: The time to use as now: whole seconds since 1970, or an aware datetime.

        Raises:
            InvalidInputError: `private` is false, and the keys have no public form (oct);
                `include` is another value; `at` is not a time. Code ``BadRequest``.
        """
        if include not in (None, "all", "published"):
            raise InvalidInputError(
                f"include must be 'all' or 'published', not {shape(include)}", target="include"
            )
        wanted = include or ("all" if private else "published")
        since = moment(at) if wanted == "published" else None
        jwks = [
            stored_jwk(key) if private else key.to_jwk()
            for key in self
            if since is None or is_published(key, since)
        ]
        return {"id": self.id, "keys": jwks}

    def _must_have_room(self, count: int) -> None:
        if len(self._keys) + count > MAX_KEYS:
            raise InvalidInputError(
                f"{self.id} has {len(self._keys)} keys, and the limit is {MAX_KEYS}: "
                "use another key set"
            )

    def _admit(self, kty: str, use: str) -> None:
        key_type_of_service(kty)
        first = next(iter(self._keys.values()), None)
        if first is None:
            return
        for name, own, new, code in (
            ("kty", first.kty, kty, "AADB2C95032"),
            ("use", first.use, use, "AADB2C95042"),
        ):
            if own != new:
                raise InvalidInputError(
                    f"{self.id} has {own} keys: put {new} keys into a key set of their own",
                    code=code,
                    target=name,
                )

    def _request(self, use: str | None, kty: str | None, size: int | None) -> GenerateKeyRequest:
        """Return the request for another key, by default one like the others."""
        members = {
            "use": self.use if use is None else use,
            "kty": self.kty if kty is None else kty,
        }
        request = GenerateKeyRequest.from_graph(
            {name: value for name, value in members.items() if value is not None}
        )
        self._admit(request.kty, request.use)
        if size is None and self._keys:
            newest = list(self)[-1].size
            # An imported key can have a size that cannot be generated.
            size = newest if newest in key_type_for(request.kty).strategy.sizes else None
        return evolve(request, size=size)


def shown_key(key: TrustFrameworkKey) -> dict[str, Any]:
    """Return a key as Graph shows it in a key set and as a `trustFrameworkKey_v2`."""
    return {**key.to_graph(base_url=None), "x5t": key.x5t, "status": key.status}


def _nearest(keys: Sequence[TrustFrameworkKey], when: int) -> str:
    """Say which key starts next and which ended last, for a time at which none is active."""
    enabled = [key for key in keys if key.status == "enabled"]
    if not enabled:
        return "all its keys are disabled" if keys else "it is empty"
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
