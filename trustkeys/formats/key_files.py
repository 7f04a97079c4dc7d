"""The one key in a PEM or DER file, with its public key or a copy beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from attrs import evolve, field, frozen

from trustkeys.core.utf8 import as_utf8
from trustkeys.errors import InvalidInputError, MissingPassphraseError, NotEncryptedError
from trustkeys.formats import pem_blocks
from trustkeys.formats.decryption import EncryptedKey, TraditionalKey, read_encrypted_key
from trustkeys.formats.exported import octets
from trustkeys.formats.opened import OpenedKey
from trustkeys.formats.plain_keys import MAX_DER, PlainKey, read_plain_key
from trustkeys.wording import all_of, shape

__tracebackhide__ = True

Key = PlainKey | EncryptedKey | TraditionalKey

_MAX_KEYS = 10
"""The most blocks of keys that are read: copies of one key, and its public key."""


@frozen(eq=False)
class KeyFile:
    """The keys in a PEM or DER file, none of them decrypted.

    Attributes:
        is_private: Whether one of them is private.
        is_encrypted: Whether opening the file needs a passphrase.
        remarks: What was left out, in sentences for a person.
    """

    is_private: bool
    is_encrypted: bool
    _keys: tuple[Key, ...] = field(repr=False)
    remarks: tuple[str, ...] = ()

    @classmethod
    def read(cls, data: bytes) -> KeyFile:
        """Read PEM or DER.

        Raises:
            InvalidInputError: There is no key, or one that is broken, cut off, or of a form that
                is not read. Code ``AADB2C95034``.
        """
        if not isinstance(data, bytes):
            raise InvalidInputError(f"the file of a key must be bytes, not {shape(data)}")
        data = as_utf8(data)
        if pem_blocks.is_pem(data):
            return cls._read_pem(data)
        found = cls.read_der(data)
        if found is None:
            raise _refusal("this must be a key as PEM or DER, and it is none, or it is cut off")
        return found

    @classmethod
    def read_der(cls, data: bytes) -> KeyFile | None:
        """Read DER; return None if it is no key.

        Raises:
            InvalidInputError: More than a line end follows the key. Code ``AADB2C95034``.
        """
        key = _key_in(data)
        return None if key is None else cls._of([key])

    @classmethod
    def _read_pem(cls, data: bytes) -> KeyFile:
        keys: list[Key] = []
        remarks: list[str] = []
        others: dict[str, None] = {}
        blocks = pem_blocks.split(data)
        count = sum(_KEY_LABEL.search(block.label) is not None for block in blocks)
        if count > _MAX_KEYS:
            raise _several(count)
        for block in blocks:
            if _KEY_LABEL.search(block.label):
                keys.append(_key_of(block))
                if block.label.endswith("PUBLIC KEY") and _is_private(keys[-1]):
                    remarks.append(f"the key is private, though its label is {block.label}")
            elif block.label not in pem_blocks.CERTIFICATE_LABELS:
                others[block.label] = None
        if not keys:
            raise _refusal("the file must hold one key, not 0")
        # Parameters say nothing that an RSA key has not.
        if others := {each: None for each in others if not each.endswith("PARAMETERS")}:
            remarks.append(f"{all_of([*others])} in the file was left out")
        return evolve(cls._of(keys), remarks=tuple(remarks))

    @classmethod
    def _of(cls, keys: Sequence[Key]) -> KeyFile:
        return cls(
            is_private=any(map(_is_private, keys)),
            is_encrypted=any(not isinstance(key, PlainKey) for key in keys),
            # A private key replaces its public key.
            keys=tuple({key.identity: key for key in sorted(keys, key=_is_private)}.values()),
        )

    def key(self, password: str | None) -> PlainKey:
        """Return the only key, of any algorithm, the private one if its public key is here too.

        Raises:
            PassphraseError: The passphrase is missing, wrong or not needed. Code ``BadRequest``.
            InvalidInputError: There are several keys; or decrypting takes too long, or an
                algorithm that is not supported.
        """
        plain = [key for key in self._keys if isinstance(key, PlainKey)]
        encrypted = [key for key in self._keys if not isinstance(key, PlainKey)]
        if len(encrypted) > 1:
            raise _several(len(self._keys))
        for key in encrypted:
            # What cannot be opened anyway needs no passphrase.
            key.check()
            if password is None:
                raise MissingPassphraseError("it is encrypted, and the passphrase is missing")
            plain.append(key.decrypt(octets(password)))
        if password is not None and not encrypted:
            raise NotEncryptedError("it is not encrypted, though a passphrase was given")
        # Decrypted ones are last, so that a private key replaces its public key.
        found = {key.identity: key for key in plain}
        if len(found) > 1:
            raise _several(len(found))
        return found.popitem()[1]

    def rsa_key(self, password: str | None) -> PlainKey:
        """Return the RSA key. Raises as `key`, and before decrypting if its label names EC."""
        if any(isinstance(key, TraditionalKey) and key.is_curve for key in self._keys):
            raise _refusal("this must be an RSA key, and it is an EC key")
        return self.key(password)

    def remarked(self, opened: OpenedKey) -> OpenedKey:
        """Return an opened key with a remark on what was left out."""
        return evolve(opened, remarks=(*self.remarks, *opened.remarks))


def _key_in(der: bytes) -> Key | None:
    from trustkeys.formats.asn1 import first

    if len(der) > MAX_DER:  # before the headers of all its parts are read
        return None
    element = first(der)
    key = read_plain_key(element) or read_encrypted_key(element)
    rest = len(der) - len(element)
    if key is not None and der[len(element) :] not in (b"", b"\n", b"\r\n"):
        raise _refusal(f"{rest} bytes follow the key in DER, which do not belong to it")
    return key


def _key_of(block: pem_blocks.Block) -> Key:
    if block.headers and (name := _NOT_READ.get(block.label)):
        raise _refusal(f"this is {name}, which trustkeys does not read")
    if block.label == "OPENSSH PRIVATE KEY":
        raise _openssh(block.der)
    if block.label == "TSS2 PRIVATE KEY":
        raise _refusal("this key is sealed in a TPM, which alone can use it")
    if block.label.startswith("PGP "):
        raise _refusal("this is an OpenPGP key, which trustkeys does not read")
    if "Proc-Type" in block.headers or "DEK-Info" in block.headers:
        return TraditionalKey(block)
    key = _key_in(block.der)
    if key is None:
        raise _refusal(f"the block {block.label} is no key in DER, or the key in it is broken")
    return key


def _openssh(der: bytes) -> InvalidInputError:
    # The name of the algorithm is never encrypted.
    kind = re.search(rb"\0\0\0.((?:ssh|sk|ecdsa)-[a-z0-9@.-]{1,50})", der, re.DOTALL)
    name = "a key" if kind is None else f"an {kind[1].decode()} key"
    return _refusal(
        f"this is {name} in OpenSSH's own form: convert a copy of it with: ssh-keygen -p -m PKCS8 "
        "-f FILE"
    )


def _is_private(key: Key) -> bool:
    return key.is_private if isinstance(key, PlainKey) else True


def _several(count: int) -> InvalidInputError:
    return _refusal(f"the file must hold one key, not {count}: save each in a file of its own")


def _refusal(message: str) -> InvalidInputError:
    return InvalidInputError(message, code="AADB2C95034")


_KEY_LABEL = re.compile("(?:PRIVATE|PUBLIC) KEY(?: BLOCK)?$")

# Labels of PEM that is encrypted by its header.
_NOT_READ = {"DSA PRIVATE KEY": "a DSA key", "DH PRIVATE KEY": "a Diffie-Hellman key"}
