"""The key object, and its public and private JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from trustkeys.core.clouds import BETA, odata_context
from trustkeys.core.extras import OF_CERTIFICATES, check_operations, public_half
from trustkeys.core.numericdate import NumericDateInput
from trustkeys.core.private import Private
from trustkeys.core.registry import key_type_for
from trustkeys.core.rsa import rsa_private_key, rsa_public_key
from trustkeys.errors import InvalidInputError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
    from jwcrypto.jwk import JWK

__tracebackhide__ = True


@frozen
class TrustFrameworkKey:
    """A key in the shape of Graph's `trustFrameworkKey`, with its private part if known.

    Returned by `generate_key` and `from_jwk`. The constructor checks nothing. Immutable. Keys are
    equal if all their fields are, including the private part. A key prints without key material.
    With a private part it cannot be pickled. Only `to_jwk(private=True)`,
    `to_jwcrypto(private=True)` and `private_key()` return private members.

    Attributes:
        kid: The key ID. For a generated key, its RFC 7638 thumbprint.
        kty: ``"RSA"``, ``"oct"`` or another registered key type.
        use: ``"sig"`` or ``"enc"``.
        nbf: Not before, whole seconds since 1970, or None.
        exp: Expires, whole seconds since 1970, or None.
        status: ``"enabled"`` or ``"disabled"``.
        x5c: The certificate chain, each as base64 of DER (RFC 7517 section 4.7).
        x5t: The certificate's SHA-1 thumbprint (RFC 7517 section 4.8), or None.
    """

    kid: str
    kty: str
    use: str
    nbf: int | None
    exp: int | None
    _public: tuple[tuple[str, str], ...] = field(repr=False)
    _private: Private[Mapping[str, str]] | None = field(hash=False)
    status: str = "enabled"
    x5c: tuple[str, ...] = ()
    x5t: str | None = None
    # JSON: the other members of RFC 7517, and those that no RFC knows, which can be secret.
    _registered: str = field(default="", repr=False, hash=False)
    _unknown: Private[str] | None = field(default=None, repr=False, hash=False)

    @classmethod
    def from_jwk(
        cls,
        jwk: str | bytes | Mapping[str, Any],
        *,
        use: str | None = None,
        nbf: NumericDateInput = None,
        exp: NumericDateInput = None,
        kid: str | None = None,
    ) -> TrustFrameworkKey:
        """Read a public or private JWK (RFC 7517) and check it.

        Null members are ignored. `alg`, `key_ops`, `x5u`, `x5t#S256` and unknown members are kept
        for `to_jwk`. A private RSA key has all of `d`, `p`, `q`, `dp`, `dq` and `qi`, or just `d`
        (RFC 7518 section 6.3.2), and 2048 to 4096 bits. OpenSSL checks its numbers, and that `p`
        and `q` are prime. A public RSA key has 2048 to 16384 bits, and a secret at most 32 KiB.

        Args:
            jwk: A mapping (jwcrypto's `JWK` is one), or JSON text of at most 64 KiB.
            use: ``"sig"`` or ``"enc"``. Overrides the JWK's `use`; required if it has none.
            nbf: Overrides its `nbf`. Whole seconds since 1970, or an aware datetime.
            exp: Overrides its `exp`, in the same forms.
            kid: Overrides its `kid`. Without either, an RSA key gets its thumbprint. An oct key
                gets a random ID, since the thumbprint of a secret that may lack entropy must
                stay secret (RFC 7638 section 7).

        Raises:
            MissingUseError: Neither the JWK nor the caller says the `use`. Code ``AADB2C90253``.
            KeyTooSmallError: An RSA key below 2048 bits. Code ``BadRequest``.
            InvalidInputError: ``AADB2C95026`` not a JSON object; ``AADB2C95037`` `kty` is
                missing; ``AADB2C95031`` `kty` is unknown; ``AADB2C95033`` `use` is neither sig
                nor enc; ``AADB2C95039`` an RSA key without `n` or `e`; ``AADB2C95029`` `k` is
                not base64url; ``AADB2C95034`` another member is malformed, or the numbers do not
                fit together; ``BadRequest`` a date, the status, or too large an RSA key.
        """
        from trustkeys.core.jwk import read_jwk  # imported lazily: a new key does not need it

        return cls(**read_jwk(jwk, use=use, nbf=nbf, exp=exp, kid=kid, prove=True))

    @property
    def size(self) -> int:
        """The size in bits of the modulus (RSA) or the secret (oct)."""
        key_type = key_type_for(self.kty)
        # The private members may not be computed yet.
        members = self._revealed() if key_type.is_secret else dict(self._public)
        return key_type.strategy.size(members)

    @property
    def has_private(self) -> bool:
        """Whether the key has its private part. An oct key always has."""
        return self._private is not None

    def to_graph(self, *, base_url: str | None = BETA) -> dict[str, Any]:
        """Return the key as Graph's generateKey does: public members only.

        An RSA key has the ten members of the operation's example, in the same order. An oct key
        has no `e` and `n`. `k` is always null.

        Args:
            base_url: The API's root, such as that of another cloud, for ``@odata.context``. None
                leaves that member out.
        """
        graph: dict[str, Any] = {
            "@odata.context": odata_context(base_url, "microsoft.graph.trustFrameworkKey"),
            "k": None,
            "x5c": [*self.x5c],
            "kty": self.kty,
            "use": self.use,
            "exp": self.exp,
            "nbf": self.nbf,
            "kid": self.kid,
        }
        if base_url is None:
            del graph["@odata.context"]
        if self._public:
            graph |= self._public
        return graph

    def to_jwk(self, *, private: bool = False) -> dict[str, Any]:
        """Return the key as a JWK (RFC 7517), with Graph's `nbf` and `exp` if set.

        A private JWK also has the `status` ``"disabled"``, and all members that `from_jwk` has
        read. A public one has no `status`, which verifiers do not know, and no unknown members,
        which can be secret. Its `key_ops` are those of the public half: ``"verify"`` in place of
        ``"sign"``.

        Args:
            private: Whether to include the private members.

        Raises:
            InvalidInputError: With `private`, the key has no private part. Without it, the key has
                no public form (oct). Code ``BadRequest``.
        """
        jwk: dict[str, Any] = {"kty": self.kty, "kid": self.kid, "use": self.use}
        if self.nbf is not None:
            jwk["nbf"] = self.nbf
        if self.exp is not None:
            jwk["exp"] = self.exp
        if private and self.status != "enabled":
            jwk["status"] = self.status
        if self.x5c:
            jwk["x5c"] = list(self.x5c)
        if self.x5t is not None:
            jwk["x5t"] = self.x5t
        registered, unknown = _extras(self)
        if private:
            jwk.update(registered)
            jwk.update(self._revealed())
            jwk.update(unknown)
        else:
            self._must_have_public_form()
            jwk.update(public_half(registered))
            jwk.update(self._public)
        return jwk

    def to_jwcrypto(self, *, private: bool = False) -> JWK:
        """Return the key as a `jwcrypto.jwk.JWK`, whose `export()` is private by default.

        Args:
            private: Whether to include the private members.

        Raises:
            InvalidInputError: See `to_jwk`.
        """
        from jwcrypto.jwk import JWK

        return JWK(**self.to_jwk(private=private))

    def public(self) -> TrustFrameworkKey:
        """Return the same key without its private part.

        Raises:
            InvalidInputError: The key has no public form (oct). Code ``BadRequest``.
        """
        self._must_have_public_form()
        return evolve(self, private=None, unknown=None)

    def public_key(self) -> RSAPublicKey:
        """Return the public half of an RSA key, for use with `cryptography`.

        Raises:
            InvalidInputError: Not an RSA key. Code ``BadRequest``.
        """
        self._must_be_rsa()
        return rsa_public_key(dict(self._public))

    def private_key(self) -> RSAPrivateKey:
        """Return the private RSA key, for use with `cryptography`.

        Raises:
            InvalidInputError: Not an RSA key, or without its private part. Code ``BadRequest``.
        """
        self._must_be_rsa()
        return rsa_private_key(self._revealed())

    def __copy__(self) -> TrustFrameworkKey:
        return self

    def __deepcopy__(self, memo: object) -> TrustFrameworkKey:
        return self

    def _revealed(self) -> Mapping[str, str]:
        if self._private is None:
            raise InvalidInputError("the key has no private part", target="private")
        return self._private.reveal()

    def _must_have_public_form(self) -> None:
        if key_type_for(self.kty).is_secret:
            raise InvalidInputError(
                f"an {self.kty} key has no public form: it is a secret, not to be published",
                target="private",
            )

    def _must_be_rsa(self) -> None:
        if self.kty != "RSA":
            raise InvalidInputError(
                f"this is an {self.kty} key, not an RSA key: use to_jwk(private=True)",
                target="kty",
            )


def material(key: TrustFrameworkKey) -> Iterator[Mapping[str, str]]:
    """Yield the public and then the private members, which a test key may not have computed yet."""
    yield dict(key._public)  # noqa: SLF001 - of the same module
    if key.has_private:
        yield key._revealed()  # noqa: SLF001 - of the same module


def stored_jwk(key: TrustFrameworkKey) -> dict[str, Any]:
    """Return the JWK of a key, public or private, with all that it carries, for its owner."""
    if key.has_private:
        return key.to_jwk(private=True)
    # A public JWK is for verifiers. Here a disabled key must not become active.
    status = {} if key.status == "enabled" else {"status": key.status}
    registered, unknown = _extras(key)
    return {**key.to_jwk(), **status, **registered, **unknown}


def sent_jwk(key: TrustFrameworkKey) -> dict[str, Any]:
    """Return the private JWK of a key for Graph, with no member that Graph does not know."""
    return evolve(key, registered="", unknown=None).to_jwk(private=True)


def with_chain(key: TrustFrameworkKey, x5c: tuple[str, ...], x5t: str | None) -> TrustFrameworkKey:
    """Return a key with other certificates, without the members that point to the old ones."""
    import json

    registered, _ = _extras(key)
    kept = {name: value for name, value in registered.items() if name not in OF_CERTIFICATES}
    text = json.dumps(kept, sort_keys=True) if kept else ""
    return evolve(key, x5c=x5c, x5t=x5t, registered=text)


def with_use(key: TrustFrameworkKey, use: str) -> TrustFrameworkKey:
    """Return a key with another `use`.

    Raises:
        InvalidInputError: Its `key_ops` are for another one. Code ``AADB2C95034``.
    """
    registered, _ = _extras(key)
    check_operations(registered.get("key_ops"), use)
    return evolve(key, use=use)


def _extras(key: TrustFrameworkKey) -> tuple[dict[str, Any], dict[str, Any]]:
    registered, unknown = key._registered, key._unknown  # noqa: SLF001 - of the same module
    if not registered and unknown is None:
        return {}, {}
    import json  # imported lazily: a new key has no such members

    return (
        json.loads(registered) if registered else {},
        {} if unknown is None else json.loads(unknown.reveal()),
    )
