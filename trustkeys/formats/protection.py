"""The cost of decrypting a file, and its algorithms by name, read before OpenSSL starts.

A file itself says how many rounds of hashing it takes to open it. OpenSSL obeys, and no signal
reaches Python meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trustkeys.core.guarded import attempt
from trustkeys.errors import InvalidInputError
from trustkeys.wording import shape

if TYPE_CHECKING:
    from asn1crypto.algos import EncryptionAlgorithm
    from asn1crypto.pkcs12 import MacData

__tracebackhide__ = True

MAX_ROUNDS = 1_000_000
"""The most rounds of a key derivation: a second of CPU with SHA-512."""

MAX_SCRYPT_MEMORY = 64 * 1024 * 1024
"""The most memory for scrypt, in bytes: N = 2**16 with r = 8."""

MAX_SCRYPT_WORK = 2**21
"""The largest product N * r * p for scrypt: 0.7 seconds of CPU."""

CONVERT_KEY = "openssl pkey -provider legacy -provider default -in FILE -aes256 -out NEW.pem"
"""The command that rewrites an encrypted PEM or DER key as PKCS#8 that trustkeys reads."""

CONVERT_PFX = "openssl pkcs12 -legacy -in FILE -aes256 -out NEW.pem"
"""The command that rewrites a PFX as encrypted PEM that trustkeys reads."""


def check_protection(algorithm: EncryptionAlgorithm, *, convert: str = CONVERT_KEY) -> int:
    """Check that decrypting with an algorithm takes a second of CPU and 64 MiB at most.

    Args:
        algorithm: The encryptionAlgorithm of an EncryptedPrivateKeyInfo (PKCS#8), or the
            contentEncryptionAlgorithm of an encrypted part of a PFX.
        convert: The command to recommend in errors.

    Returns:
        The rounds: add them up for a file with several encrypted parts. For scrypt, those that
        take as long.

    Raises:
        InvalidInputError: It takes more; or the parameters are broken, or are for an algorithm
            without a passphrase that trustkeys knows. Code ``BadRequest``.
    """
    return _checked(attempt(_problem, algorithm), "encryption", convert)


def check_mac(mac_data: MacData) -> int:
    """Check the rounds of a PFX's checksum, with PKCS#12's own derivation or PBMAC1 (RFC 9579).

    Returns:
        The rounds.

    Raises:
        InvalidInputError: As `check_protection`.
    """
    return _checked(attempt(_mac_problem, mac_data), "checksum", CONVERT_PFX)


def check_total(rounds: int) -> None:
    """Check the sum of all rounds that a PFX takes.

    Raises:
        InvalidInputError: More than 3,000,000. Code ``BadRequest``.
    """
    if rounds > 3 * MAX_ROUNDS:
        raise unreadable(
            f"it takes {rounds} rounds of hashing in all, and the limit is {3 * MAX_ROUNDS}",
            CONVERT_PFX,
        )


def unreadable(problem: str, convert: str) -> InvalidInputError:
    """Return the error for a file that another command can convert."""
    return InvalidInputError(f"{problem}; to convert it: {convert}")


def name_of(algorithm: EncryptionAlgorithm) -> str:
    """Return the name of an encryption algorithm as OpenSSL has it; of PBES2, of its parts.

    An unknown one has its object identifier as its name.
    """
    return attempt(_name, algorithm) or "a broken algorithm"


def _name(algorithm: Any) -> str:
    if algorithm["algorithm"].native == "pbes2":
        function = algorithm["parameters"]["key_derivation_func"]
        scheme = algorithm["parameters"]["encryption_scheme"]
        derivation = function["algorithm"]
        if derivation.native == "pbkdf2":
            derivation = function["parameters"]["prf"]["algorithm"]
        cipher = named(scheme["algorithm"].dotted)
        if scheme["algorithm"].native == "rc2":
            version = scheme["parameters"]["rc2_parameter_version"].native
            cipher += f" of {_RC2_BITS.get(version, 'other than 128')} bits"
        return f"PBES2 with {named(derivation.dotted)} and {cipher}"
    return named(algorithm["algorithm"].dotted)


def named(dotted: str) -> str:
    """Return the name of the algorithm with an object identifier, or the identifier itself."""
    return NAMES.get(dotted) or shown_identifier(dotted)


def shown_identifier(dotted: str) -> str:
    """Return an object identifier for a message, unless it is longer than any in use."""
    return dotted if len(dotted) <= _LONGEST_IDENTIFIER else "an overlong object identifier"


# What a check found: the rounds, and what is wrong.
_Found = tuple[int, str | None]


def _checked(found: _Found | None, what: str, convert: str) -> int:
    rounds, text = (0, f"the parameters of its {what} are broken") if found is None else found
    if text is not None:
        raise unreadable(text, convert)
    return rounds


def _problem(algorithm: Any) -> _Found:
    parameters = algorithm["parameters"]
    if algorithm["algorithm"].native == "pbes2":
        return _derivation(parameters["key_derivation_func"])
    if algorithm["algorithm"].native.startswith(("pbes1_", "pkcs12_")):
        name = "PBKDF1" if algorithm["algorithm"].native.startswith("pbes1_") else _PKCS12
        return _rounds(parameters["iterations"].native, name)
    return 0, f"trustkeys does not read its encryption, {name_of(algorithm)}"


def _mac_problem(mac_data: Any) -> _Found:
    from asn1crypto.algos import Pbmac1Params

    algorithm = mac_data["mac"]["digest_algorithm"]
    if algorithm["algorithm"].dotted == _PBMAC1:
        parameters = algorithm["parameters"].parse(Pbmac1Params)
        return _derivation(parameters["key_derivation_func"])
    return _rounds(mac_data["iterations"].native, f"{_PKCS12} for its checksum")


def _derivation(function: Any) -> _Found:
    from trustkeys.formats.asn1 import ScryptParams

    if function["algorithm"].native == "pbkdf2":
        return _rounds(function["parameters"]["iteration_count"].native, "PBKDF2")
    if function["algorithm"].dotted != SCRYPT:
        name = named(function["algorithm"].dotted)
        return 0, f"trustkeys does not read its key derivation, {name}"
    found = function["parameters"].parse(ScryptParams)
    n, r, p = (found[name].native for name in ("cost", "block_size", "parallelization"))
    if n < 2 or n & (n - 1) or r < 1 or p < 1:
        return 0, (
            f"scrypt needs N as a power of two, and r and p of at least 1, and the file has "
            f"N={_shown(n)}, r={_shown(r)}, p={_shown(p)}"
        )
    if 128 * n * r > MAX_SCRYPT_MEMORY:
        return 0, (
            f"scrypt with N={_shown(n)} and r={_shown(r)} takes {_shown(128 * n * r)} bytes of "
            f"memory, and the limit is {MAX_SCRYPT_MEMORY}"
        )
    if n * r * p > MAX_SCRYPT_WORK:
        return 0, (
            f"scrypt with N={n}, r={r}, p={_shown(p)} takes too long: the limit of N*r*p is "
            f"{MAX_SCRYPT_WORK}"
        )
    # Half of N * r * p rounds of SHA-512 take as long.
    return max(n * r * p // 2, 1), None


def _rounds(rounds: int, function: str) -> _Found:
    if 1 <= rounds <= MAX_ROUNDS:
        return rounds, None
    allowed = f"from 1 to {MAX_ROUNDS} are allowed"
    return rounds, f"it asks for {_shown(rounds)} rounds of {function}, and {allowed}"


def _shown(number: int) -> str:
    return str(number) if number.bit_length() <= 64 else shape(number)


# RFC 8018 appendix B.2.3.
_RC2_BITS = {160: 40, 120: 64, 58: 128}

_LONGEST_IDENTIFIER = 100

SCRYPT = "1.3.6.1.4.1.11591.4.11"

_PBMAC1 = "1.2.840.113549.1.5.14"

_PKCS12 = "PKCS#12's key derivation"

NAMES: Mapping[str, str] = {
    SCRYPT: "scrypt",
    "1.2.840.113549.1.5.12": "PBKDF2",
    **{
        f"1.2.840.113549.2.{number}": f"hmacWith{name}"
        for number, name in enumerate(
            ("MD5", "SHA1", "SHA224", "SHA256", "SHA384", "SHA512", "SHA512-224", "SHA512-256"), 6
        )
    },
    **{
        f"2.16.840.1.101.3.4.2.{number}": f"hmacWithSHA3-{size}"
        for number, size in enumerate((224, 256, 384, 512), 13)
    },
    "1.2.156.10197.1.401.2": "hmacWithSM3",
    "1.2.840.113549.1.5.1": "PBE-MD2-DES",
    "1.2.840.113549.1.5.3": "PBE-MD5-DES",
    "1.2.840.113549.1.5.4": "PBE-MD2-RC2-64",
    "1.2.840.113549.1.5.6": "PBE-MD5-RC2-64",
    "1.2.840.113549.1.5.10": "PBE-SHA1-DES",
    "1.2.840.113549.1.5.11": "PBE-SHA1-RC2-64",
    "1.2.840.113549.1.12.1.1": "PBE-SHA1-RC4-128",
    "1.2.840.113549.1.12.1.2": "PBE-SHA1-RC4-40",
    "1.2.840.113549.1.12.1.3": "PBE-SHA1-3DES",
    "1.2.840.113549.1.12.1.4": "PBE-SHA1-2DES",
    "1.2.840.113549.1.12.1.5": "PBE-SHA1-RC2-128",
    "1.2.840.113549.1.12.1.6": "PBE-SHA1-RC2-40",
    "1.2.840.113549.3.2": "RC2-CBC",
    "1.2.840.113549.3.4": "RC4",
    "1.2.840.113549.3.7": "DES-EDE3-CBC",
    "1.3.14.3.2.6": "DES-ECB",
    "1.3.14.3.2.7": "DES-CBC",
    "1.3.14.3.2.8": "DES-OFB",
    "1.3.14.3.2.9": "DES-CFB",
    "1.3.14.3.2.17": "DES-EDE",
    "1.3.6.1.4.1.3029.1.2": "BF-CBC",
    "1.2.840.113533.7.66.10": "CAST5-CBC",
    **{
        f"2.16.840.1.101.3.4.1.{base + number}": f"AES-{size}-{mode}"
        for base, size in ((0, 128), (20, 192), (40, 256))
        for number, mode in enumerate(
            ("ECB", "CBC", "OFB", "CFB", "WRAP", "GCM", "CCM", "WRAP-PAD"), 1
        )
    },
    **{
        f"1.2.392.200011.61.1.1.1.{number}": f"CAMELLIA-{size}-CBC"
        for number, size in ((2, 128), (3, 192), (4, 256))
    },
    **{
        f"0.3.4401.5.3.1.9.{base + number}": f"CAMELLIA-{size}-{mode}"
        for base, size in ((0, 128), (20, 192), (40, 256))
        for number, mode in ((1, "ECB"), (3, "OFB"), (4, "CFB"), (9, "CTR"))
    },
    **{
        f"1.2.410.200046.1.1.{base + number}": f"ARIA-{size}-{mode}"
        for base, size in ((0, 128), (5, 192), (10, 256))
        for number, mode in enumerate(("ECB", "CBC", "CFB", "OFB", "CTR"), 1)
    },
    **{
        f"1.2.410.200004.1.{number}": f"SEED-{mode}"
        for number, mode in enumerate(("ECB", "CBC", "CFB", "OFB"), 3)
    },
    **{
        f"1.2.156.10197.1.104.{number}": f"SM4-{mode}"
        for number, mode in ((1, "ECB"), (2, "CBC"), (3, "OFB"), (4, "CFB"), (7, "CTR"))
    },
}
"""Encryption algorithms by object identifier, in OpenSSL's spelling."""
