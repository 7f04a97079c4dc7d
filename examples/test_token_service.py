"""Property-based tests of the token service.

Hypothesis draws key sets with any dates, and the times at which something changes.
"""

import jwt
from hypothesis import given, reject
from hypothesis import strategies as st
from token_service import TokenService

from trustkeys import KeyNotFoundError, TrustFrameworkKeySet
from trustkeys.testing.strategies import instants, key_sets


def signed(keys: TrustFrameworkKeySet, now: int) -> str:
    """Return a token, or skip the example if the set has no active key."""
    try:
        return TokenService(keys).token("alice", now)
    except KeyNotFoundError:
        reject()


@given(st.data(), key_sets(use="sig", kty="RSA", min_size=1))
def test_the_published_keys_verify_every_token(
    data: st.DataObject, keys: TrustFrameworkKeySet
) -> None:
    now = data.draw(instants(keys))
    token = signed(keys, now)
    published = jwt.PyJWKSet.from_dict(TokenService(keys).public_keys(now))
    signer = published[jwt.get_unverified_header(token)["kid"]]
    options = {"verify_exp": False, "verify_iat": False}
    assert jwt.decode(token, signer, ["RS256"], options=options)["sub"] == "alice"


@given(key_sets(use="sig", kty="RSA"))
def test_no_private_part_is_published(keys: TrustFrameworkKeySet) -> None:
    for jwk in TokenService(keys).public_keys(now=0)["keys"]:
        assert jwk.keys().isdisjoint({"d", "p", "q", "dp", "dq", "qi"})
