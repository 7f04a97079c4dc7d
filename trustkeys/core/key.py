"""One key, and its public and private JSON."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from trustkeys.core.jwk import read_jwk
from trustkeys.core.numericdate import NumericDateInput
from trustkeys.core.private import Private
from trustkeys.core.registry import key_type_for
from trustkeys.core.rsa import rsa_private_key, rsa_public_key
from trustkeys.errors import InvalidInputError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
    from jwcrypto.jwk import JWK

__all__ = ["TrustFrameworkKey"]

__tracebackhide__ = True

BETA = "https://graph.microsoft.com/beta"


@frozen
class TrustFrameworkKey:
    """A key in the shape of Graph's `trustFrameworkKey`, private part included where known.

    Made by `generate_key` and `from_jwk`; the constructor itself checks nothing. Immutable.
    Two keys are equal when all that they carry is equal, private part included. It prints
    without key material, does not pickle while it holds a private part, and gives private
    members only to `to_jwk(private=True)`, `to_jwcrypto(private=True)` and `private_key()`.

    Attributes:
        kid: The key's id: the RFC 7638 thumbprint of a generated key.
        kty: ``"RSA"``, ``"oct"`` or another registered key type.
        use: ``"sig"`` or ``"enc"``.
        nbf: Not before, whole seconds since 1970, or None.
        exp: Expires, whole seconds since 1970, or None.
        status: ``"enabled"`` or ``"disabled"``.
        x5c: The certificate chain, base64 DER each (RFC 7517 section 4.7).
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

        Members that are null or not known are ignored. The numbers of a private RSA key are
        tested by OpenSSL, primes included, up to 4096 bits. Testing larger primes takes up to half
        a minute: there the numbers' relations are tested, and up to 8192 bits a signature.
        A private RSA key needs all of `d`, `p`, `q`, `dp`, `dq`, `qi`.

        Args:
            jwk: A mapping (jwcrypto's `JWK` is one), or JSON text of at most 64 KiB.
            use: In place of the JWK's own `use`; needed where it has none.
            nbf: In place of its own `nbf`. Whole seconds since 1970 or an aware datetime.
            exp: In place of its own `exp`. Likewise.
            kid: In place of its own `kid`. Where there is neither, an RSA key gets its
                thumbprint, and an oct key a random one, since the thumbprint of a secret that
                may lack entropy must stay secret (RFC 7638 section 7).

        Raises:
            InvalidInputError: ``AADB2C95026`` no JSON object, ``AADB2C95037`` no `kty`,
                ``AADB2C95031`` `kty` unknown, ``AADB2C90253`` no `use`, ``AADB2C95033`` `use`
                bad, ``AADB2C95039`` an RSA key without `n` or `e`, ``AADB2C95029`` `k` is no
                base64url, ``AADB2C95034`` other members of the wrong form or numbers that do
                not fit, ``BadRequest`` dates, or an RSA key outside 2048 to 16384 bits.
        """
        return cls(**read_jwk(jwk, use=use, nbf=nbf, exp=exp, kid=kid, prove=True))

    @property
    def size(self) -> int:
        """The size in bits: of the modulus (RSA), of the secret (oct)."""
        key_type = key_type_for(self.kty)
        # The private members may not be worked out yet.
        members = self._revealed() if key_type.is_secret else dict(self._public)
        return key_type.strategy.size(members)

    @property
    def has_private(self) -> bool:
        """Whether the key holds its private part; an oct key always does."""
        return self._private is not None

    def to_graph(self, *, base_url: str | None = BETA) -> dict[str, Any]:
        """The key as Graph's generateKey answers it: public members only.

        An RSA key has the ten members of the operation's example, in their order; an oct key
        lacks `e` and `n`. `k` is always null.

        Args:
            base_url: The API's root, for ``@odata.context``: another cloud's, for instance.
                None leaves that member out.
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
        """The key as a JWK (RFC 7517), with Graph's `nbf`, `exp` and `status` where they are set.

        Args:
            private: Whether to give the private members as well.

        Raises:
            InvalidInputError: Private members are asked for and not there; or not asked for,
                and the key has no public form (oct). Code ``BadRequest``.
        """
        jwk: dict[str, Any] = {"kty": self.kty, "kid": self.kid, "use": self.use}
        if self.nbf is not None:
            jwk["nbf"] = self.nbf
        if self.exp is not None:
            jwk["exp"] = self.exp
        if self.status != "enabled":
            jwk["status"] = self.status
        if self.x5c:
            jwk["x5c"] = list(self.x5c)
        if self.x5t is not None:
            jwk["x5t"] = self.x5t
        if private:
            jwk.update(self._revealed())
        else:
            self._must_have_public_form()
            jwk.update(self._public)
        return jwk

    def to_jwcrypto(self, *, private: bool = False) -> JWK:
        """The key as a `jwcrypto.jwk.JWK`. Beware: its own `export()` is private by default.

        Args:
            private: Whether to give the private members as well.

        Raises:
            InvalidInputError: As `to_jwk`.
        """
        from jwcrypto.jwk import JWK

        return JWK(**self.to_jwk(private=private))

    def public(self) -> TrustFrameworkKey:
        """The same key without its private part.

        Raises:
            InvalidInputError: The key has no public form (oct). Code ``BadRequest``.
        """
        self._must_have_public_form()
        return evolve(self, private=None)

    def public_key(self) -> RSAPublicKey:
        """The public half of an RSA key, for use with `cryptography`.

        Raises:
            InvalidInputError: The key is no RSA key. Code ``BadRequest``.
        """
        self._must_be_rsa()
        return rsa_public_key(dict(self._public))

    def private_key(self) -> RSAPrivateKey:
        """The private RSA key, for use with `cryptography`.

        Raises:
            InvalidInputError: The key is no RSA key or has no private part. Code
                ``BadRequest``.
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
                f"an {self.kty} key has no public form; to_jwk(private=True) gives it whole",
                target="private",
            )

    def _must_be_rsa(self) -> None:
        if self.kty != "RSA":
            raise InvalidInputError(
                f"an {self.kty} key has no RSA key object; to_jwk(private=True) gives its members",
                target="kty",
            )


@lru_cache
def odata_context(base_url: str | None, what: str) -> str:
    """Say, as answers of Graph do, where the definition of their content stands."""
    return f"{(base_url or '').rstrip('/')}/$metadata#{what}"
