"""ASN.1 structures that foreign files consist of, in the terms of asn1crypto.

asn1crypto reads BER, and what DER forbids, such as a default that is written out. It is an extra,
and slow to import: import this module in the function that reads a file.
"""

from __future__ import annotations

import typing
from collections.abc import Sequence
from typing import TypeVar

from trustkeys.core.guarded import attempt

try:
    from asn1crypto import cms, core, keys, pkcs12, x509
    from asn1crypto.parser import emit
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        'reading PEM, DER and PKCS#12 needs asn1crypto: pip install "trustkeys[formats]"',
        name="asn1crypto",
    ) from error

__tracebackhide__ = True


class ScryptParams(core.Sequence):  # type: ignore[misc]
    """RFC 7914 section 7."""

    _fields = [  # noqa: RUF012 - so asn1crypto asks
        ("salt", core.OctetString),
        ("cost", core.Integer),
        ("block_size", core.Integer),
        ("parallelization", core.Integer),
        ("key_length", core.Integer, {"optional": True}),
    ]


class AlgorithmIdentifier(core.Sequence):  # type: ignore[misc]
    """RFC 5280 section 4.1.1.2, of any algorithm."""

    _fields = [  # noqa: RUF012
        ("algorithm", core.ObjectIdentifier),
        ("parameters", core.Any, {"optional": True}),
    ]


class PrivateKeyInfo(core.Sequence):  # type: ignore[misc]
    """PKCS#8 (RFC 5208), also with a public key (RFC 5958 section 2)."""

    _fields = [  # noqa: RUF012
        ("version", core.Integer),
        ("algorithm", AlgorithmIdentifier),
        ("private_key", core.OctetString),
        ("attributes", core.SetOf, {"implicit": 0, "optional": True, "spec": core.Any}),
        ("public_key", core.BitString, {"implicit": 1, "optional": True}),
    ]


class SafeBag(core.Sequence):  # type: ignore[misc]
    """RFC 7292 section 4.2, with a value of any kind."""

    _fields = [  # noqa: RUF012
        ("bag_id", pkcs12.BagId),
        ("bag_value", core.Any, {"explicit": 0}),
        ("bag_attributes", pkcs12.Attributes, {"optional": True}),
    ]


class SafeContents(core.SequenceOf):  # type: ignore[misc]
    """RFC 7292 section 4.2."""

    _child_spec = SafeBag


def key_bag(pkcs8: bytes) -> typing.Any:
    """Return a bag with a private key that is not encrypted."""
    bag = pkcs12.SafeBag({"bag_id": "key_bag", "bag_value": keys.PrivateKeyInfo.load(pkcs8)})
    return SafeBag.load(bag.dump())


class PublicKeyInfo(core.Sequence):  # type: ignore[misc]
    """SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7)."""

    _fields = [  # noqa: RUF012
        ("algorithm", AlgorithmIdentifier),
        ("public_key", core.OctetBitString),
    ]


def public_key_of(certificate: bytes) -> bytes:
    """Return the SubjectPublicKeyInfo of a certificate; nothing if it is broken."""
    return attempt(_public_key_of, certificate) or b""


def _public_key_of(certificate: bytes) -> typing.Any:
    structure = x509.Certificate.load(certificate)
    return structure["tbs_certificate"]["subject_public_key_info"].dump()


T = TypeVar("T")


def parsed(spec: type[T], data: bytes) -> T | None:
    """Parse a whole structure, all of its parts; return None if it is none, or broken."""
    return attempt(_parsed, spec, data)


def _parsed(spec: typing.Any, data: bytes) -> typing.Any:
    value = spec.load(data, strict=True)
    value.native  # noqa: B018 - parses the parts, which asn1crypto puts off
    return value


_MAX_BER = 128 * 1024
"""asn1crypto finds the end of nested lengths again at each level."""


def definite(data: bytes) -> bytes:
    """Return BER with the lengths and the whole octet strings of DER; over 128 KiB as it is.

    asn1crypto cannot write some structures with indefinite lengths again.

    Raises:
        ValueError: It is broken.
    """
    return _definite(data) if len(data) <= _MAX_BER else data


def _definite(data: bytes) -> bytes:
    return b"".join(map(_element, _elements(data)))


def _elements(data: bytes) -> Sequence[tuple[typing.Any, ...]]:
    found = core.SequenceOf(spec=core.Any, contents=data)
    # len() parses the headers.
    return found.children if len(found) else ()


def _element(parts: tuple[typing.Any, ...]) -> bytes:
    kind, is_constructed, tag, header, content, trailer, *_ = parts
    if is_constructed:
        content = _definite(content)
        if (kind, tag) == (0, core.OctetString.tag):
            content, is_constructed = b"".join([part[4] for part in _elements(content)]), 0
        elif trailer and kind == 2 and content[:1] == b"\4":
            # Perhaps the parts of an octet string with an implicit tag.
            return bytes(header + content + trailer)
    return bytes(emit(kind, is_constructed, tag, content))


def first(data: bytes) -> bytes:
    """Return the first structure in the data, without what follows it; nothing if it is broken."""
    # dump() of a string in parts parses them.
    return attempt(lambda: core.Any.load(data).dump()) or b""


ContentInfo = cms.ContentInfo
OctetString = core.OctetString
AuthenticatedSafe = pkcs12.AuthenticatedSafe
PfxStructure = pkcs12.Pfx
