"""Hypothesis strategies: requests, keys, key sets, and the times at which to look at them.

Examples shrink towards RSA, ``sig``, no dates, the first seed, the earliest time. RSA comes before
oct because an oct key has no public form: if the minimal example has an oct key, then that is why
the test failed; if it has an RSA key, then the key type did not matter.

A failing example prints keys as calls of `trustkeys.testing.rsa_key` and `oct_key`, and of
`attrs.evolve` if they are disabled, so that you can paste it into a test. Draw times that fit a
drawn key set inside the test::

    @given(key_sets(min_size=1), st.data())
    def test_a_key_set_is_shown(keys, data):
        show(keys, at=data.draw(instants(keys)))
"""

from trustkeys.testing.strategies.bodies import request_bodies, requests
from trustkeys.testing.strategies.faults import bad_request_bodies
from trustkeys.testing.strategies.testkeys import key_sets, keys
from trustkeys.testing.strategies.times import instants

__all__ = [
    "bad_request_bodies",
    "instants",
    "key_sets",
    "keys",
    "request_bodies",
    "requests",
]
