"""For tests: keys in microseconds, Hypothesis strategies, and Microsoft Graph without a network.

`trustkeys.testing.strategies` needs hypothesis; `GraphTransport`, `serve` and `GraphServer` need
httpx. Both are in the extra ``testing``. The rest needs no extra.
"""

from typing import TYPE_CHECKING

from trustkeys.testing.instant import instant_keys
from trustkeys.testing.keys import oct_key, rsa_key
from trustkeys.testkeys.guard import allow_test_keys, is_test_key

__all__ = [
    "GraphServer",
    "GraphTransport",
    "allow_test_keys",
    "instant_keys",
    "is_test_key",
    "oct_key",
    "rsa_key",
    "serve",
]

__tracebackhide__ = True

if TYPE_CHECKING:
    from trustkeys.testing.server import GraphServer, serve
    from trustkeys.testing.transport import GraphTransport
else:
    # Imported lazily, so that test keys do not need httpx.
    _LAZY = {"GraphServer": "server", "GraphTransport": "transport", "serve": "server"}

    def __getattr__(name: str) -> object:
        if name not in _LAZY:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        globals()[name] = getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
        return globals()[name]

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
