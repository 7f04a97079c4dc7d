"""For tests: keys in microseconds, Hypothesis strategies, and Microsoft Graph in the process.

`trustkeys.testing.strategies` needs hypothesis, and `GraphTransport` needs httpx. Both are in the
extra ``testing``. The rest needs no extra.
"""

from typing import TYPE_CHECKING

from trustkeys.testing.instant import instant_keys
from trustkeys.testing.keys import oct_key, rsa_key
from trustkeys.testkeys.guard import allow_test_keys, is_test_key

__all__ = [
    "GraphTransport",
    "allow_test_keys",
    "instant_keys",
    "is_test_key",
    "oct_key",
    "rsa_key",
]

__tracebackhide__ = True

if TYPE_CHECKING:
    from trustkeys.testing.transport import GraphTransport
else:
    # Imported lazily, so that test keys do not need httpx.
    def __getattr__(name: str) -> object:
        if name != "GraphTransport":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from trustkeys.testing.transport import GraphTransport

        globals()[name] = GraphTransport
        return GraphTransport

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
