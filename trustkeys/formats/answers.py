"""Key sets in JSON: a JWK Set (RFC 7517 section 5), or a saved answer of Microsoft Graph.

Answers come in the forms of Graph's pages, as `az rest` prints them, or as PowerShell's
ConvertTo-Json writes them. Their keys are brought into the form of a JWK: dates in text become
integers, and names that Microsoft's PowerShell objects begin in upper case are those of RFC 7517.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from attrs import field, frozen

from trustkeys.core.private import Private
from trustkeys.core.strict_json import MAX_JSON_BYTES, MAX_SET_BYTES, parse_json, whole
from trustkeys.core.utf8 import as_utf8
from trustkeys.errors import InvalidInputError
from trustkeys.wording import counted, is_name, quoted, shape

__tracebackhide__ = True

MAX_KEYS = 5000
"""The most keys in a set or an answer: with RSA-2048 keys 9 MiB, checked in 2 seconds."""

Kind = Literal["jwks", "published", "set", "sets", "keys", "key"]

Document = str | bytes | Mapping[str, Any] | list[Any]

_PRIVATE = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")
_MEMBERS = ("id", "keys", "value", "kid", "kty", "use", "nbf", "exp", "status", "n", "e", *_PRIVATE)
_POWERSHELL = {name.capitalize(): name for name in _MEMBERS} | {"X5C": "x5c", "X5T": "x5t"}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# With $select, the members follow in brackets.
_OF_SETS = re.compile(r"#trustFramework/keySets(\([^']*\))?$", re.IGNORECASE)

_CUT_OFF = "; PowerShell cuts off what is nested deeply: save it with ConvertTo-Json -Depth 10"


_ENCRYPTED = (
    "the key set is encrypted, which no answer of Graph is: open a file of trustkeys with "
    '"trustkeys keyset check", in Python with trustkeys.store.load'
)


@frozen
class SavedSet:
    """One key set in a document.

    Attributes:
        id: What the document says about its id, unchecked.
    """

    # It could be a secret in the wrong place.
    id: Any = field(repr=False)
    _keys: Private[Sequence[Any]]

    @property
    def keys(self) -> Sequence[Any]:
        """Its keys as JWKs, private members included, unchecked."""
        return self._keys.reveal()


@frozen
class KeySets:
    """The key sets in a document.

    Attributes:
        kind: What the document is:

            * ``"jwks"``: a JWK Set with an id or with private keys
            * ``"published"``: a JWK Set of public keys without an id, as a policy publishes it
            * ``"set"``: the answer to GET keySets/{id}
            * ``"sets"``: the answer to GET keySets
            * ``"keys"``: the answer to GET keySets/{id}/keys_v2
            * ``"key"``: an answer with one key of a set, such as to GET keys_v2/{kid}
        sets: The key sets, exactly one unless the kind is ``"sets"``.
        is_complete: False if the answer says that it goes on, in ``@odata.nextLink``.
    """

    kind: Kind
    sets: tuple[SavedSet, ...]
    is_complete: bool = True

    @property
    def is_answer(self) -> bool:
        """Whether it comes from Graph, which never shows a private part."""
        return self.kind not in ("jwks", "published")

    @property
    def description(self) -> str:
        """What the document is, in words for a person."""
        is_private = any(_is_private(jwk) for each in self.sets for jwk in each.keys)
        if not self.is_answer:
            return f"a JWK Set (RFC 7517) {'with private keys' if is_private else 'of public keys'}"
        content = {
            "set": "a key set",
            "sets": counted(len(self.sets), "key set"),
            "keys": "the keys of a key set",
            "key": "one key of a key set",
        }[self.kind]
        if is_private:
            return f"{content}, as in an answer of Graph, and private keys, which none has"
        return f"an answer of Graph: {content}"


def parse_document(text: str | bytes, *, what: str, code: str = "BadRequest") -> Mapping[str, Any]:
    """Parse JSON of at most 16 MiB, in UTF-8, or in UTF-16 as Windows PowerShell writes it.

    A list becomes the `value` of an object, as in an answer of Graph: ``az rest --query value``
    prints just the list. A key in an answer of Azure Key Vault becomes a JWK.

    Raises:
        InvalidInputError: Neither an object nor a list with items; one key of more than 64 KiB; a
            file that only leads to keys, such as an OpenID configuration; else as `parse_json`.
            Has the given code.
    """
    content = as_utf8(text) if isinstance(text, bytes) else text
    value = parse_json(content, what=what, code=code, max_bytes=MAX_SET_BYTES)
    document = _of_key_vault(_object(value, what, code))
    if len(content) > MAX_JSON_BYTES and not is_key_set(document):
        raise InvalidInputError(f"{what} is larger than {MAX_JSON_BYTES} bytes", code=code)
    _refuse_other(document, what, code)
    return document


def is_key_set(document: Mapping[str, Any]) -> bool:
    """Whether a JSON object holds key sets, and not one key."""
    return not {"keys", "value"}.isdisjoint(_named(document))


def read_key_sets(document: Document) -> KeySets:
    """Recognise a JWK Set or an answer of Graph, and return its key sets.

    Args:
        document: A mapping or a list, or JSON text of at most 16 MiB.

    Raises:
        InvalidInputError: It is none of these; there is no list of keys; or there are over 5,000
            keys or key sets. Code ``AADB2C95026``.
    """
    what = "the key set"
    if isinstance(document, (str, bytes)):
        if document.lstrip()[:3] in ("eyJ", b"eyJ"):  # the start of every JWE
            raise _refusal(_ENCRYPTED, None)
        root = parse_document(document, what=what, code="AADB2C95026")
    elif isinstance(document, (Mapping, list)):
        root = _object(document, what, "AADB2C95026")
        _refuse_other(root, what, "AADB2C95026")
    else:
        raise _refusal(f"{what} must be JSON text or a mapping, not {shape(document)}", None)
    members = _named(root)
    is_complete = root.get("@odata.nextLink") is None
    if "keys" in members:
        return _one_set(root, members, is_complete=is_complete)
    if "value" in members:
        # An empty list does not show what it is a list of.
        if members["value"] == [] and _OF_SETS.search(str(root.get("@odata.context"))):
            return KeySets("sets", (), is_complete)
        return _collection(members["value"], is_complete=is_complete)
    if "kty" in members and "@odata.context" in root:
        return KeySets("key", (_saved(None, [members], "keys"),))
    hint = "; this is a single key" if "kty" in members else ""
    raise _refusal(f"keys must be a list of keys, not null{hint}", "keys")


def _object(value: Any, what: str, code: str) -> Mapping[str, Any]:
    if isinstance(value, list) and value:
        return {"value": value}
    if isinstance(value, Mapping):
        return value
    raise InvalidInputError(f"{what} must be a JSON object, not {shape(value)}", code=code)


def _of_key_vault(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the public key in an answer of Azure Key Vault ("Get Key") as a JWK."""
    key, facts = document.get("key"), document.get("attributes")
    if not isinstance(key, Mapping) or not isinstance(facts, Mapping) or "kty" in document:
        return document
    # Key Vault's key_ops are about its own copy, and allow every use.
    jwk = {name: key.get(name) for name in ("kid", "kty", "n", "e", "crv", "x", "y")}
    if isinstance(jwk["kty"], str):
        jwk["kty"] = jwk["kty"].removesuffix("-HSM")
    # The answer itself, or as the command az prints it.
    for name, other in (("nbf", "notBefore"), ("exp", "expires")):
        jwk[name] = _date(facts[name] if name in facts else facts.get(other))
    return {name: value for name, value in jwk.items() if value is not None}


def _refuse_other(document: Mapping[str, Any], what: str, code: str) -> None:
    """Refuse JSON that only leads to keys, and say how to get at them."""
    if "kty" in document or "keys" in document:
        return
    address, value = document.get("jwks_uri"), document.get("value")
    problem = None
    if isinstance(address, str):
        is_shown = len(address) <= _LONGEST_ADDRESS and address.isascii() and address.isprintable()
        where = f" ({address})" if is_shown else ""
        problem = f"is an OpenID configuration, which holds no keys: download its jwks_uri{where}"
    elif isinstance(value, str) and "contentType" in document:
        problem = "is a secret of Azure Key Vault: save its value in a file of its own"
    elif isinstance(error := document.get("error"), Mapping):
        shown = f" ({error['code']})" if is_name(error.get("code")) else ""
        problem = f"is an error of Graph{shown}, not an answer with keys"
    elif isinstance(document.get("cer"), str):
        problem = (
            "is a certificate of Azure Key Vault: save its cer in a file of its own, or, for the "
            "private key, the secret of the same name"
        )
    elif names := [name for name, text in document.items() if _is_pem(text)]:
        problem = f"has PEM in its member {quoted(names[0])}: save that text in a file of its own"
    if problem is not None:
        raise InvalidInputError(f"{what} {problem}", code=code)


_LONGEST_ADDRESS = 300


def _is_pem(value: Any) -> bool:
    return isinstance(value, str) and value.lstrip().startswith("-----BEGIN ")


def _refusal(problem: str, target: str | None) -> InvalidInputError:
    return InvalidInputError(problem, code="AADB2C95026", target=target)


def _named(members: Mapping[str, Any]) -> Mapping[str, Any]:
    """Add the names of RFC 7517 to members that are spelled as PowerShell's objects have them."""
    spelled = {_POWERSHELL[name]: members[name] for name in members if name in _POWERSHELL}
    return {**spelled, **members} if spelled else members


def _one_set(root: Mapping[str, Any], members: Mapping[str, Any], *, is_complete: bool) -> KeySets:
    if "@odata.context" in root or "keys" not in root:
        return KeySets("set", (_answered_set(members),), is_complete)
    found = _saved(members.get("id"), members["keys"], "keys")
    if found.keys and all(_shows_no_secret(jwk) for jwk in found.keys):
        return KeySets("set", (_answered_set(members),), is_complete)
    is_public = all(_is_public(jwk) for jwk in found.keys) and len(found.keys) > 0
    return KeySets("published" if is_public and found.id is None else "jwks", (found,))


def _collection(value: Any, *, is_complete: bool) -> KeySets:
    """Read a collection of key sets or of keys; the page of keys_v2/{kid} shows one key alone."""
    entries = [value] if isinstance(value, Mapping) else _checked_list(value, "value")
    named = [_named(entry) if isinstance(entry, Mapping) else entry for entry in entries]
    if not any(map(_is_set, named)):
        kind: Kind = "key" if isinstance(value, Mapping) else "keys"
        return KeySets(kind, (_answered_set({"keys": named}, "value"),), is_complete)
    if not all(map(_is_set, named)):
        raise _refusal("value must be a list of key sets, and has other items", "value")
    if any("keys" not in entry for entry in named):
        raise _refusal("the key sets in this answer have no keys: ask without $select", "value")
    sets = tuple(map(_answered_set, named))
    count = sum(len(found.keys) for found in sets)
    if count > MAX_KEYS:
        raise _refusal(
            f"the answer has {count} keys, and the limit is {MAX_KEYS}: save the answers to GET "
            "keySets/{id}",
            "value",
        )
    return KeySets("sets", sets, is_complete)


def _is_set(entry: Any) -> bool:
    return isinstance(entry, Mapping) and (
        "keys" in entry or ("id" in entry and "kty" not in entry)
    )


def _answered_set(members: Mapping[str, Any], name: str = "keys") -> SavedSet:
    keys = [] if members["keys"] is None else _checked_list(members["keys"], name)
    return _saved(members.get("id"), [_key_of_answer(key, name) for key in keys], name)


def _saved(name: Any, keys: Any, member: str) -> SavedSet:
    return SavedSet(name, Private(_checked_list(keys, member)))


def _checked_list(value: Any, name: str) -> Sequence[Any]:
    # jwcrypto's JWKSet holds an unordered set, but of equal keys the last one is active.
    if not isinstance(value, (list, tuple)):
        hint = _CUT_OFF if _is_cut_off(value) else ""
        raise _refusal(f"{name} must be a list of keys, not {shape(value)}{hint}", name)
    if len(value) > MAX_KEYS:
        problem = f"{name} must be a list of at most {MAX_KEYS} keys, not of {len(value)}"
        raise _refusal(problem, name)
    return value


def _key_of_answer(key: Any, name: str) -> Any:
    """Return a key of an answer as a JWK; what cannot be read stays as it is."""
    if _is_cut_off(key):
        raise _refusal(f"{name} must be a list of keys, not of text{_CUT_OFF}", name)
    if not isinstance(key, Mapping):
        return key
    jwk = {name: value for name, value in _named(key).items() if name not in _POWERSHELL}
    for date in ("nbf", "exp"):
        if date in jwk:
            jwk[date] = _date(jwk[date])
    status = jwk.get("status")
    if isinstance(status, str) and status.lower() in ("enabled", "disabled"):
        jwk["status"] = status.lower()
    if isinstance(jwk.get("x5c"), str):
        # PowerShell joins a list that is nested too deeply.
        jwk["x5c"] = jwk["x5c"].split()
    return jwk


def _is_cut_off(value: Any) -> bool:
    """Whether PowerShell wrote the name of a type, or a summary, in place of an object."""
    return isinstance(value, str) and value.startswith(("System.", "Microsoft.", "@{"))


def _date(value: Any) -> Any:
    """Read a date: seconds since 1970, also in text, or ISO 8601, which is UTC without a zone."""
    if not isinstance(value, str):
        return whole(value)
    if re.fullmatch(r"-?[0-9]{1,20}", value):
        return int(value)
    with suppress(ValueError, OverflowError):
        when = datetime.fromisoformat(value)
        if when.utcoffset() is None:
            when = when.replace(tzinfo=UTC)
        return (when - _EPOCH) // timedelta(seconds=1)
    return value


def _shows_no_secret(jwk: Any) -> bool:
    """Whether this is a key as in Graph's answers, which all have ``"k": null``."""
    return isinstance(jwk, Mapping) and jwk.get("k", "") is None and not jwk.get("d")


def _is_public(jwk: Any) -> bool:
    if not isinstance(jwk, Mapping) or _is_private(jwk):
        return False
    return not (isinstance(jwk.get("kty"), str) and jwk["kty"].lower() == "oct")


def _is_private(jwk: Any) -> bool:
    return isinstance(jwk, Mapping) and any(jwk.get(name) is not None for name in _PRIVATE)
