"""The structure of a PKCS#12 file (RFC 7292 section 4), read before OpenSSL opens it.

OpenSSL takes the first private key in a file and says nothing about others. So a file is put
together again with the one key that is wanted. What an encrypted part holds is not seen here:
programs write certificates there, and private keys outside of it, each encrypted on its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from trustkeys.core.guarded import attempt
from trustkeys.core.private import Private
from trustkeys.errors import InvalidInputError
from trustkeys.formats import loaders
from trustkeys.formats.decryption import read_encrypted_key
from trustkeys.formats.plain_keys import PlainKey, read_plain_key
from trustkeys.formats.protection import (
    CONVERT_PFX,
    check_mac,
    check_protection,
    check_total,
    name_of,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12KeyAndCertificates

__tracebackhide__ = True

MAX_BYTES = 1024 * 1024
"""The largest file."""

MAX_KEY_BYTES = 3072
"""The most octets of a private key. One of RSA-4096 has 2,400; OpenSSL checks RSA-8192 for 5 s."""

_MAX_BAGS = 5000
_MAX_PARTS = 1000
_MAX_DEPTH = 4

# OpenSSL reads no other mode of a cipher here.
_UNREAD = ("GCM", "CCM", "CTR", "WRAP", "WRAP-PAD", "ECB")


@frozen(eq=False)
class KeyBag:
    """A private key outside the encrypted parts.

    Attributes:
        name: Its friendly name, or None.
        rounds: What it takes to decrypt it.
    """

    name: str | None
    rounds: int
    _bag: Private[Any]

    def load(self, password: bytes) -> PlainKey | None:
        """Load the key; return None if the passphrase is wrong, or it cannot be read."""
        bag = self._bag.reveal()
        der = _value_of(bag)
        if bag["bag_id"].native == "key_bag":
            return read_plain_key(der)
        encrypted = read_encrypted_key(der)
        found = None if encrypted is None else attempt(encrypted.decrypt, password)
        # OpenSSL knows more algorithms than that, and does not say for what the key is.
        return self._opened(password) if found is None else found

    def is_loaded(self, password: bytes) -> bool:
        """Whether OpenSSL loads the key. Of the first one, it does so whichever is wanted."""
        return self._opened(password) is not None

    def _opened(self, password: bytes) -> PlainKey | None:
        part = attempt(_data_part, [self._bag.reveal()])
        return None if part is None else plain(_opened([part], password))


@frozen(eq=False)
class Pfx:
    """A PKCS#12 file.

    Attributes:
        keys: The private keys outside its encrypted parts.
        secrets: The names of its secret keys, as Java's keystores hold them, or None.
        crls: The number of its revocation lists.
        others: The number of its bags of unknown types.
        encrypted: The sizes of its encrypted parts in octets.
        certificates: The certificates outside its encrypted parts, in DER.
        has_checksum: Whether it has a MAC.
        problem: Why it must not be opened, or None.
    """

    keys: tuple[KeyBag, ...]
    secrets: tuple[str | None, ...]
    crls: int
    others: int
    encrypted: tuple[int, ...]
    certificates: frozenset[bytes] = field(repr=False)
    has_checksum: bool
    problem: str | None
    _der: Private[bytes]
    _parts: Private[Sequence[Any]]

    @classmethod
    def parse(cls, data: bytes) -> Pfx | None:
        """Parse a file; return None if it is none, or cut off."""
        from trustkeys.formats.asn1 import PfxStructure, parsed

        if len(data) > MAX_BYTES:
            return None
        structure = parsed(PfxStructure, data)
        parts = attempt(_parts_of, structure)
        if parts is None:
            return None
        content = _Content()
        problem = None
        try:
            if attempt(content.read, parts) is None:
                return None
            content.check(structure)
        except InvalidInputError as error:
            problem = error.message
        return cls(
            keys=tuple(content.keys),
            secrets=tuple(content.secrets),
            crls=content.crls,
            others=content.others,
            encrypted=tuple(content.encrypted),
            certificates=frozenset(content.certificates),
            has_checksum=bool(structure["mac_data"]),  # type: ignore[index]
            problem=problem,
            der=Private(_as_der(structure)),
            parts=Private(parts),
        )

    def load(self, password: bytes | None) -> PKCS12KeyAndCertificates | None:
        """Load the whole file, and check its MAC; return None if that fails.

        None as passphrase stands for an empty one, derived in either way.
        """
        return loaders.pkcs12(self._der.reveal(), password)

    def load_certificates(self, password: bytes | None) -> PKCS12KeyAndCertificates | None:
        """Load the certificates alone, without the MAC; return None if that fails."""
        # OpenSSL takes the first key that it finds, and does not look at any other.
        return _opened([_data_part([_any_key()]), *self._parts.reveal()], password)

    def load_hidden_key(self, password: bytes) -> PlainKey | None:
        """Load the first private key in its encrypted parts; return None if there is none."""
        parts = self._parts.reveal()
        encrypted = [each for each in parts if each["content_type"].native == "encrypted_data"]
        return plain(_opened(encrypted, password))


def plain(loaded: PKCS12KeyAndCertificates | None) -> PlainKey | None:
    """Return the private key of a file that is loaded, or None if there is none."""
    key = None if loaded is None else loaded.key
    form = Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
    der = None if key is None else attempt(key.private_bytes, *form)
    return None if der is None else read_plain_key(der)


@define
class _Content:
    """What the bags of a file hold."""

    keys: list[KeyBag] = field(factory=list)
    secrets: list[str | None] = field(factory=list)
    crls: int = 0
    others: int = 0
    encrypted: list[int] = field(factory=list)
    certificates: list[bytes] = field(factory=list)
    bags: int = 0
    problems: list[str] = field(factory=list)
    # Its values show the octets of keys.
    protections: list[Any] = field(factory=list, repr=False)

    def read(self, parts: Sequence[Any]) -> bool:
        from trustkeys.formats.asn1 import SafeContents, definite

        if len(parts) > _MAX_PARTS:
            self.problems.append(f"it has over {_MAX_PARTS} parts")
            return True
        for part in parts:
            if part["content_type"].native == "data":
                self._add(SafeContents.load(definite(part["content"].native)), 0)
            elif part["content_type"].native == "encrypted_data":
                info = part["content"]["encrypted_content_info"]
                self.protections.append((info["content_encryption_algorithm"], None))
                self.encrypted.append(len(info["encrypted_content"].native or b""))
            else:
                self.problems.append("a part of it is encrypted to a public key")
        return True

    def _add(self, bags: Any, depth: int) -> None:
        from asn1crypto.keys import EncryptedPrivateKeyInfo
        from asn1crypto.pkcs12 import CertBag

        from trustkeys.formats.asn1 import SafeContents

        for bag in bags:
            self.bags += 1
            if self.bags > _MAX_BAGS or depth > _MAX_DEPTH:
                self.problems.append(f"it has over {_MAX_BAGS} entries, or nests them deeply")
                return
            kind = bag["bag_id"].native
            if kind == "safe_contents":
                self._add(SafeContents.load(_value_of(bag)), depth + 1)
            elif kind == "secret_bag":
                self.secrets.append(_friendly_name(bag))
            elif kind == "crl_bag":
                self.crls += 1
            elif kind == "cert_bag":
                self.certificates.append(bytes(CertBag.load(_value_of(bag))["cert_value"]))
            elif kind == "key_bag":
                self._add_key(bag, None)
            elif kind == "pkcs8_shrouded_key_bag":
                info = EncryptedPrivateKeyInfo.load(_value_of(bag))
                self._add_key(bag, info["encryption_algorithm"])
            else:
                self.others += 1

    def _add_key(self, bag: Any, algorithm: Any) -> None:
        size = len(_value_of(bag))
        if size > MAX_KEY_BYTES:
            self.problems.append(
                f"a private key in it takes {size} bytes, and one of RSA-4096 takes 2,400: larger "
                "keys are not read"
            )
        self.protections.append((algorithm, (_friendly_name(bag), bag)))

    def check(self, structure: Any) -> None:
        """Check what it takes to open the file.

        Raises:
            InvalidInputError: It takes too long, or an algorithm is not read.
        """
        if self.problems:
            raise InvalidInputError(self.problems[0])
        mac = structure["mac_data"]
        total = 2 * check_mac(mac) if mac else 0
        costs = [0]
        for algorithm, key in self.protections:
            rounds = 0
            if algorithm is not None:
                rounds = check_protection(algorithm, convert=CONVERT_PFX)
                name = name_of(algorithm)
                if name.endswith(_UNREAD) or name.split()[-1][0].isdigit():
                    raise InvalidInputError(
                        f"trustkeys does not read its encryption, {name}; to convert it: "
                        f"{CONVERT_PFX}"
                    )
            if key is None:
                total += 3 * rounds
            else:
                costs.append(rounds)
                self.keys.append(KeyBag(key[0], rounds, Private(key[1])))
        check_total(total + max(costs))


def _value_of(bag: Any) -> bytes:
    from asn1crypto.parser import parse

    content: bytes = parse(bag["bag_value"].dump())[4]
    return content


def _parts_of(structure: Any) -> list[Any]:
    from trustkeys.formats.asn1 import AuthenticatedSafe, definite

    return [*AuthenticatedSafe.load(definite(structure["auth_safe"]["content"].native))]


def _as_der(structure: Any) -> bytes:
    """Return the file as DER, with the octets that its MAC protects as they are."""
    from trustkeys.formats.asn1 import ContentInfo, OctetString, PfxStructure

    content = structure["auth_safe"]["content"].native
    fields = {
        "version": "v3",
        "auth_safe": ContentInfo({"content_type": "data", "content": OctetString(content)}),
    }
    if structure["mac_data"]:
        fields["mac_data"] = structure["mac_data"].copy()
    der: bytes = PfxStructure(fields).dump(force=True)
    return der


def _data_part(bags: Sequence[Any]) -> Any:
    from trustkeys.formats.asn1 import ContentInfo, OctetString, SafeContents

    content = OctetString(SafeContents([*bags]).dump())
    return ContentInfo({"content_type": "data", "content": content})


def _opened(parts: Sequence[Any], password: bytes | None) -> PKCS12KeyAndCertificates | None:
    """Load a file of these parts, without a MAC."""
    # asn1crypto cannot write all BER again.
    der = attempt(_file_of, parts)
    return None if der is None else loaders.pkcs12(der, password)


def _file_of(parts: Sequence[Any]) -> bytes:
    from trustkeys.formats.asn1 import AuthenticatedSafe, ContentInfo, OctetString, PfxStructure

    content = OctetString(AuthenticatedSafe([*parts]).dump())
    auth_safe = ContentInfo({"content_type": "data", "content": content})
    return bytes(PfxStructure({"version": "v3", "auth_safe": auth_safe}).dump())


def _any_key() -> Any:
    from trustkeys.formats.asn1 import key_bag

    form = Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(*form)
    return key_bag(key)


def _friendly_name(bag: Any) -> str | None:
    names = _attributes(bag, "friendly_name")
    name = next(names, None)
    return name if isinstance(name, str) and name else None


def _attributes(bag: Any, kind: str) -> Iterator[object]:
    for attribute in bag["bag_attributes"] or ():
        if attribute["type"].native == kind:
            yield from attribute["values"].native
