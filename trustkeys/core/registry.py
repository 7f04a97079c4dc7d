"""The registry of key types: from a `kty` to its strategy."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import frozen

from trustkeys.core.oct import OctStrategy
from trustkeys.core.rsa import RSAStrategy
from trustkeys.core.strategy import KeyStrategy
from trustkeys.errors import InvalidInputError
from trustkeys.wording import either, key_type_name, quantity, shape

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__tracebackhide__ = True

ENTRY_POINT_GROUP = "trustkeys.strategies"


@frozen(eq=False)
class KeyType:
    """A registered strategy, with values computed from it once.

    Attributes:
        strategy: The strategy.
        kty: Its name, as RFC 7518 spells it.
        required: The members of the thumbprint besides ``kty``.
        public: The required members that are not private.
        private: The members that must stay secret.
        members: All of them, each once.
        thumbprint_input: The JSON to hash (RFC 7638 section 3.3), with ``%(name)s`` in place of
            each member's text.
    """

    strategy: KeyStrategy
    kty: str
    required: tuple[str, ...]
    public: tuple[str, ...]
    private: tuple[str, ...]
    members: tuple[str, ...]
    thumbprint_input: str

    @property
    def is_secret(self) -> bool:
        """Whether keys have no public form, since the thumbprint hashes a private member."""
        return len(self.public) < len(self.required)

    def checked_size(self, size: object) -> int:
        """Return a size in bits that the strategy can generate.

        Raises:
            InvalidInputError: Not one of its sizes. Code ``BadRequest``.
        """
        sizes = self.strategy.sizes
        if isinstance(size, int) and not isinstance(size, bool) and size in sizes:
            return int(size)
        allowed = (
            f"{sizes[0]} to {sizes[-1]} in steps of {sizes.step}"
            if isinstance(sizes, range)
            else either([str(bits) for bits in sizes])
        )
        raise InvalidInputError(
            f"size of an {self.kty} key must be {allowed} bits, not {quantity(size)}",
            target="size",
        )

    def public_of(self, members: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        """Return the public members, in the order in which Graph returns them."""
        return tuple([(name, members[name]) for name in self.public])


def register_strategy(strategy: KeyStrategy, *, replace: bool = False) -> None:
    """Register a key type for this process. Thread-safe.

    A package can register one for every process with an entry point in the group
    ``trustkeys.strategies``. Its name is the `kty`, and it refers to the strategy object.

    Args:
        strategy: An instance, not a class.
        replace: Whether to replace a strategy with the same `kty`.

    Raises:
        InvalidInputError: Not a strategy, or its `kty` is already registered. Code ``BadRequest``.
    """
    key_type = _key_type(strategy)
    with _lock:
        known = _key_types.get(key_type.kty.lower())
        if known is not None and not (replace and known.kty == key_type.kty):
            raise InvalidInputError(
                f"kty {known.kty} is already registered: pass replace=True to replace it",
                target="kty",
            )
        _add(key_type)


def key_type_for(kty: object) -> KeyType:
    """Return the registered or installed key type for a `kty` in any ASCII case.

    Raises:
        InvalidInputError: `kty` is unknown or not a string. Code ``AADB2C95031``.
    """
    if isinstance(kty, str) and (key_type := _key_types.get(kty) or _find(kty)):
        return key_type
    raise InvalidInputError(
        f"kty must be {either([*known_types()])}, not {key_type_name(kty)}",
        code="AADB2C95031",
        target="kty",
    )


def is_built_in(kty: str) -> bool:
    """Whether trustkeys' own strategy makes the keys of a type, and always has in this process."""
    # Each registration, also of the same strategy, makes a new KeyType.
    return kty in _built_in and _key_types[kty] is _built_in[kty]


def known_types() -> Iterator[str]:
    """Yield the names of all key types: the registered ones, then the installed ones.

    The installed ones are looked up only if they are asked for, which is slow.
    """
    registered = dict.fromkeys(key_type.kty for key_type in list(_key_types.values()))
    yield from registered
    yield from dict.fromkeys(
        entry.name for entry in _entry_points() if entry.name not in registered
    )


def _is_sound(strategy: KeyStrategy) -> bool:
    try:
        return (
            strategy.kty.isidentifier()
            and strategy.kty.isascii()
            and strategy.default_size in strategy.sizes
            # A single string would pass as a sequence of one-letter names.
            and not isinstance(strategy.required, str)
            and not isinstance(strategy.private, str)
            and all(name.isidentifier() for name in (*strategy.required, *strategy.private))
        )
    except (AttributeError, TypeError):
        return False


def _key_type(strategy: KeyStrategy) -> KeyType:
    if isinstance(strategy, type) or not isinstance(strategy, KeyStrategy):
        raise InvalidInputError(
            "a strategy must be an instance with all attributes and methods of KeyStrategy, "
            f"not {shape(strategy)}",
            target="strategy",
        )
    if not _is_sound(strategy):
        raise InvalidInputError(
            "a strategy's kty must be an ASCII identifier, its default_size one of its sizes, "
            "and required and private sequences of identifiers",
            target="strategy",
        )
    texts = {name: f"%({name})s" for name in strategy.required} | {"kty": strategy.kty}
    hashed = ",".join([f'"{name}":"{texts[name]}"' for name in sorted(texts)])
    return KeyType(
        strategy=strategy,
        kty=strategy.kty,
        required=tuple(strategy.required),
        public=tuple(name for name in strategy.required if name not in strategy.private),
        private=tuple(strategy.private),
        members=tuple(dict.fromkeys([*strategy.required, *strategy.private])),
        thumbprint_input=f"{{{hashed}}}",
    )


@functools.cache
def _entry_points() -> Sequence[EntryPoint]:
    # Only for an unknown kty, and once, since this reads the metadata of all installed packages.
    from importlib.metadata import entry_points

    try:
        return tuple(entry_points(group=ENTRY_POINT_GROUP))
    except Exception:  # noqa: BLE001 - the metadata of some other package is broken
        return ()


def _find(kty: str) -> KeyType | None:
    # str.lower() maps some non-ASCII letters to ASCII, such as the Kelvin sign to k.
    name = kty.lower() if kty.isascii() else ""
    if name in _key_types:
        return _key_types[name]
    for entry in _entry_points():
        if entry.name.lower() == name:
            return _installed(entry, name)
    return None


def _installed(entry: EntryPoint, name: str) -> KeyType:
    where = f"the entry point {entry.name} = {entry.value} of {ENTRY_POINT_GROUP}"
    try:
        key_type = _key_type(entry.load())
    except Exception as error:
        raise InvalidInputError(
            f"{where} cannot be used: {error!r}", code="AADB2C95031", target="kty"
        ) from error
    if key_type.kty.lower() != name:
        raise InvalidInputError(
            f"{where} refers to a strategy for kty {key_type.kty}", code="AADB2C95031", target="kty"
        )
    with _lock:
        return _key_types.get(name) or _add(key_type)


def _add(key_type: KeyType) -> KeyType:
    # Readers take no lock: each assignment replaces one entry at once.
    _key_types[key_type.kty.lower()] = _key_types[key_type.kty] = key_type
    return key_type


_lock = threading.Lock()
# By the RFC's spelling, which is the usual one, and in lower case.
_key_types: dict[str, KeyType] = {}
for _strategy in (RSAStrategy(), OctStrategy()):
    register_strategy(_strategy)
_built_in = {kty: _key_types[kty] for kty in ("RSA", "oct")}
