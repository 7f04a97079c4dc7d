"""For tests: keys without the wait, Hypothesis strategies, and Microsoft Graph in the process.

Keys need nothing more; `trustkeys.testing.strategies` needs hypothesis, and `GraphTransport`
httpx, both of the extra ``testing``.
"""

from typing import TYPE_CHECKING

from trustkeys.testing.keys import allow_test_keys, instant_keys, oct_key, rsa_key
from trustkeys.testkeys import is_test_key

__all__ = [
    "GraphTransport",
    "allow_test_keys",
    "instant_keys",
    "is_test_key",
    "oct_key",
    "rsa_key",
]

if TYPE_CHECKING:
    from trustkeys.testing.transport import GraphTransport
else:
    # Who only wants keys need not have httpx.
    def __getattr__(name: str) -> object:
        if name != "GraphTransport":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from trustkeys.testing.transport import GraphTransport

        globals()[name] = GraphTransport
        return GraphTransport

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
