"""Valid files of every form, which the fuzzer changes.

Their keys are test keys, since real ones would be proved prime again and again. Key derivations
have as few rounds as the readers allow.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from asn1crypto import cms, keys, pkcs12
from attrs import frozen
from cryptography.hazmat.primitives import hashes, keywrap
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.x509 import load_der_x509_certificate

from tests.formats import bags as made
from tests.formats.helpers import Authority
from tests.support import der
from trustkeys import TrustFrameworkKeySet, testing
from trustkeys.formats.certificates import signing_request, with_certificates
from trustkeys.formats.recipient import Recipient, seal

PASSWORD = "secret"

RECIPIENTS: dict[str, Recipient] = {
    "rsa": testing.rsa_key(9, use="enc"),
    "ec": {
        "kty": "EC",
        "crv": "P-256",
        # The example of RFC 7517 appendix A.2.
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
        "d": "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE",
    },
}


@frozen
class Seed:
    """A valid file.

    Attributes:
        name: What it is.
        kind: Which readers it fits: json, line, jwe, pem, der or pfx.
        data: Its content.
    """

    name: str
    kind: str
    data: bytes


def seeds(folder: Path) -> list[Seed]:
    """Make all seeds, with openssl's help, in an empty folder."""
    found = [*_of_json(), *_of_jwe(), *_of_keys(folder), *_of_pfx(folder)]
    return [*found, *_wrapped(found)]


def with_mac(auth_safe: bytes, rounds: int = 1) -> bytes:
    """Return the PFX with this AuthenticatedSafe, and a checksum for `PASSWORD`.

    The checksum has one round, and is wrong if `rounds` claims more.
    """
    salt = b"saltsalt"
    # RFC 7292 appendix B.2, for a key that is as long as the hash.
    password = (PASSWORD + "\0").encode("utf-16-be")
    filled = [(text * 64)[: 64 * -(-len(text) // 64)] for text in (salt, password)]
    key = hashlib.sha256(b"\x03" * 64 + b"".join(filled)).digest()
    return bytes(
        pkcs12.Pfx(
            {
                "version": "v3",
                "auth_safe": {"content_type": "data", "content": auth_safe},
                "mac_data": {
                    "mac": {
                        "digest_algorithm": {"algorithm": "sha256"},
                        "digest": hmac.digest(key, auth_safe, "sha256"),
                    },
                    "mac_salt": salt,
                    "iterations": rounds,
                },
            }
        ).dump()
    )


def _text(value: Any) -> bytes:
    return json.dumps(value).encode()


def _of_json() -> Iterator[Seed]:
    rsa, secret = testing.rsa_key(1, nbf=1_700_000_000, exp=2_000_000_000), testing.oct_key(1)
    authority = Authority()
    certified = with_certificates(rsa, [authority.issue_for(rsa), authority.middle, authority.root])
    more = [testing.rsa_key(seed, nbf=1_700_000_000 + seed) for seed in (2, 3)]
    sets = {
        "rsa": TrustFrameworkKeySet("B2C_1A_Signing", [certified, *more]),
        "oct": TrustFrameworkKeySet("B2C_1A_Secrets", [secret, testing.oct_key(2)]),
    }
    for name, key in (("rsa", rsa), ("oct", secret), ("certified", certified)):
        jwk = key.to_jwk(private=True)
        yield Seed(f"private {name} JWK", "json", _text(jwk))
        yield Seed(f"line of {name}", "line", _text({"id": "a", **jwk}))
        if name != "oct":
            yield Seed(f"public {name} JWK", "json", _text(key.to_jwk()))
        yield Seed(f"answer with {name}", "json", _text({"@odata.context": "", **key.to_graph()}))
    jwk = {**rsa.to_jwk(private=True), "key_ops": ["sign"], "alg": "RS256", "x": {"y": [1]}}
    yield Seed("JWK with extras", "json", _text(jwk))
    short = {name: jwk[name] for name in ("kty", "n", "e", "d", "use")}
    yield Seed("JWK of n, e and d", "json", _text(short))
    long = {**jwk, **{name: _padded(jwk[name]) for name in ("n", "d", "p", "q")}}
    yield Seed("JWK with leading zeros", "json", _text(long))
    yield Seed("EC JWK", "json", _text(RECIPIENTS["ec"]))
    vault = {"key": {**rsa.to_jwk(), "key_ops": ["verify"]}, "attributes": {"nbf": 1, "exp": 2}}
    yield Seed("answer of Key Vault", "json", _text(vault))
    yield Seed("request", "line", _text({"use": "sig", "kty": "RSA", "nbf": 1, "exp": 2}))
    for name, keyset in sets.items():
        private = keyset.to_jwks(private=True)
        yield Seed(f"private {name} set", "json", _text(private))
        if name != "oct":
            yield Seed("public rsa set", "json", _text({"keys": keyset.to_jwks()["keys"]}))
        mixed = {"id": "a", "keys": [RECIPIENTS["ec"], *private["keys"]]}
        yield Seed(f"mixed {name} set", "json", _text(mixed))
        answer = keyset.to_graph()
        yield Seed(f"answer of {name} set", "json", _text(answer))
        yield Seed(f"answer of {name} sets", "json", _text({"value": [answer, answer]}))
        page = {"@odata.nextLink": "x", "value": [key.to_graph() for key in keyset]}
        yield Seed(f"answer of {name} keys", "json", _text(page))
        shown = [
            {member.capitalize(): value for member, value in key.to_graph().items()}
            for key in keyset
        ]
        yield Seed(f"PowerShell's {name} set", "json", _text({"Id": "a", "Keys": shown}))


def _padded(text: str) -> str:
    raw = base64.urlsafe_b64decode(text + "==")
    return base64.urlsafe_b64encode(b"\0" + raw).rstrip(b"=").decode()


def _of_jwe() -> Iterator[Seed]:
    plain = _text(testing.rsa_key(1).to_jwk(private=True))
    compact = _passphrase_jwe(plain, "A256KW", 32, hashes.SHA512())
    yield Seed("JWE", "jwe", compact.encode())
    for alg, size, prf in (
        ("A128KW", 16, hashes.SHA256()),
        ("A192KW", 24, hashes.SHA384()),
    ):
        yield Seed(f"JWE of {alg}", "jwe", _passphrase_jwe(plain, alg, size, prf).encode())
    keyset = TrustFrameworkKeySet("B2C_1A_Set", [testing.oct_key(1)]).to_jwks(private=True)
    text = _passphrase_jwe(_text(keyset), "A256KW", 32, hashes.SHA512())
    yield Seed("JWE of a set", "jwe", text.encode())
    with testing.allow_test_keys():
        sealed = [seal(plain, to, cty="jwk+json") for to in RECIPIENTS.values()]
    for name, text in zip(["PBES2", *RECIPIENTS], [compact, *sealed], strict=True):
        yield Seed(f"JWE {name}", "jwe", text.encode())
        protected, wrapped, iv, ciphertext, tag = text.split(".")
        flat = {"protected": protected, "iv": iv, "ciphertext": ciphertext, "tag": tag}
        yield Seed(f"flattened {name}", "jwe", _text({**flat, "encrypted_key": wrapped}))
        many = [{"encrypted_key": wrapped}, {"header": {"kid": "a"}, "encrypted_key": "AA"}]
        general = {**flat, "unprotected": {"cty": "jwk+json"}, "recipients": many}
        yield Seed(f"general {name}", "jwe", _text(general))


def _passphrase_jwe(plain: bytes, alg: str, size: int, prf: hashes.HashAlgorithm) -> str:
    name = f"PBES2-HS{prf.digest_size * 8}+{alg}"
    salt, iv, cek = b"saltsalt", bytes(12), bytes(32)
    kdf = PBKDF2HMAC(prf, size, name.encode() + b"\0" + salt, 1000)
    header = {"alg": name, "enc": "A256GCM", "p2s": "c2FsdHNhbHQ", "p2c": 1000}
    protected = _b64(_text(header))
    wrapped = keywrap.aes_key_wrap(kdf.derive(PASSWORD.encode()), cek)
    sealed = AESGCM(cek).encrypt(iv, plain, protected.encode())
    return ".".join([protected, *map(_b64, (wrapped, iv, sealed[:-16], sealed[-16:]))])


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _of_keys(folder: Path) -> Iterator[Seed]:
    key, authority = testing.rsa_key(1), Authority()
    (folder / "key.pem").write_bytes(_private_pem(1))
    # openssl signs and encrypts them, so its own files are among the seeds.
    made = {
        "PKCS#8": "pkcs8 -topk8 -nocrypt -in key.pem",
        "PKCS#1": "rsa -traditional -in key.pem",
        "public": "pkey -pubout -in key.pem",
        "PKCS#1 public": "rsa -RSAPublicKey_out -in key.pem",
        "PBES2": "pkcs8 -topk8 -iter 1 -in key.pem",
        "PBES2 of 3DES": "pkcs8 -topk8 -iter 1 -v2 des3 -v2prf hmacWithSHA1 -in key.pem",
        "scrypt": "pkcs8 -topk8 -scrypt -scrypt_N 2 -in key.pem",
        "PBES1": "pkcs8 -topk8 -iter 1 -v1 PBE-SHA1-3DES -in key.pem",
        "EC": "ecparam -genkey -name prime256v1",
        "Ed25519": "genpkey -algorithm ed25519",
        "PSS": "genpkey -algorithm rsa-pss -pkeyopt rsa_keygen_bits:1024",
    }
    for name, line in made.items():
        pem = _openssl(folder, line)
        yield Seed(f"{name} PEM", "pem", pem)
        if name != "EC":
            yield Seed(f"{name} DER", "der", _of_pem(pem))
    for cipher in ("aes128", "des3"):
        pem = _openssl(folder, f"rsa -traditional -{cipher} -in key.pem")
        yield Seed(f"traditional PEM of {cipher}", "pem", pem)
    leaf = _pem_of(authority.issue_for(key))
    chain = leaf + _pem_of(authority.middle) + _pem_of(authority.root)
    (folder / "leaf.pem").write_bytes(leaf)
    (folder / "chain.pem").write_bytes(chain)
    yield Seed("certificate PEM", "pem", leaf)
    yield Seed("certificate DER", "der", _of_pem(leaf))
    yield Seed("chain", "pem", chain)
    yield Seed("key with chain", "pem", _private_pem(1) + chain)
    own = _openssl(folder, "req -x509 -key key.pem -subj /CN=a/O=b -addext keyUsage=keyCertSign")
    yield Seed("own certificate", "pem", own)
    yield Seed("own certificate DER", "der", _of_pem(own))
    with testing.allow_test_keys():
        csr = signing_request(key, "CN=a,O=b")
    yield Seed("CSR PEM", "pem", csr)
    yield Seed("CSR DER", "der", _of_pem(csr))
    p7b = _openssl(folder, "crl2pkcs7 -nocrl -certfile chain.pem")
    yield Seed("p7b PEM", "pem", p7b)
    yield Seed("p7b DER", "der", _of_pem(p7b))
    yield Seed("JKS", "der", bytes.fromhex("feedfeed0000000200000001") + bytes(40))


def _private_pem(seed: int) -> bytes:
    from trustkeys.formats.pem import to_pem

    with testing.allow_test_keys():
        return to_pem(testing.rsa_key(seed), private=True)


def _pem_of(certificate: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return bytes(certificate.public_bytes(Encoding.PEM))


def _of_pem(pem: bytes) -> bytes:
    lines = pem.split(b"-----BEGIN ")[-1].splitlines()[1:]
    return base64.b64decode(b"".join(line for line in lines if not line.startswith(b"-----")))


def _of_pfx(folder: Path) -> Iterator[Seed]:
    export = "pkcs12 -export -inkey key.pem -in leaf.pem -certfile chain.pem -iter 1 -name n"
    for name, options in {
        "PFX": "",
        "PFX of 3DES": "-keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1",
        "PFX in clear": "-keypbe NONE -certpbe NONE",
        "PFX without checksum": "-nomac",
    }.items():
        yield Seed(name, "pfx", _openssl(folder, f"{export} -passout env:P {options}"))
    certificate = _of_pem((folder / "leaf.pem").read_bytes())
    bags: list[dict[str, Any]] = [_key_bag(1), _key_bag(2), _certificate_bag(certificate)]
    yield Seed("PFX with two keys", "pfx", with_mac(auth_safe(bags)))
    secret = der(0x30, der(0x06, bytes.fromhex("2a864886f70d010701")), der(0xA0, der(4, b"x")))
    others = [
        {"bag_id": "secret_bag", "bag_value": pkcs12.SecretBag.load(secret)},
        {"bag_id": "safe_contents", "bag_value": [_certificate_bag(certificate)]},
    ]
    yield Seed("PFX with other bags", "pfx", with_mac(auth_safe([*bags[::2], *others])))
    yield from _of_ber(_of_pem((folder / "key.pem").read_bytes()), certificate)


def _of_ber(key: bytes, certificate: bytes) -> Iterator[Seed]:
    """Return files without lengths, as NSS and Bouncy Castle write them."""
    leaf = load_der_x509_certificate(certificate)
    parts = (
        made.plain_part(made.shrouded_bag(key, "one"), made.secret_bag(bytes(32))),
        made.encrypted_part(made.certificate_bag(leaf), made.key_bag(key)),
    )
    inner = made.indefinite(made.sequence(*parts))
    for mac in ("sha256", "pbmac1"):
        yield Seed(f"PFX in BER, {mac}", "pfx", made.indefinite(made.file_of(inner, mac=mac)))
    algorithm, data = made.encrypted(key)
    locked = made.sequence(algorithm, made.octets(data))
    yield Seed("PBES2 in BER", "der", made.indefinite(locked))


def _key_bag(seed: int) -> dict[str, Any]:
    info = keys.PrivateKeyInfo.load(_of_pem(_private_pem(seed)))
    return {"bag_id": "key_bag", "bag_value": info, "bag_attributes": _attributes(seed)}


def _certificate_bag(certificate: bytes) -> dict[str, Any]:
    value = {"cert_id": "x509", "cert_value": cms.ParsableOctetString(certificate)}
    return {"bag_id": "cert_bag", "bag_value": value, "bag_attributes": _attributes(1)}


def _attributes(seed: int) -> list[dict[str, Any]]:
    return [
        {"type": "friendly_name", "values": [f"key {seed}"]},
        {"type": "local_key_id", "values": [bytes([seed])]},
    ]


def auth_safe(bags: list[dict[str, Any]]) -> bytes:
    contents = pkcs12.SafeContents(bags).dump()
    return bytes(pkcs12.AuthenticatedSafe([{"content_type": "data", "content": contents}]).dump())


def _openssl(folder: Path, line: str) -> bytes:
    options = [] if "genkey" in line or "genpkey" in line else _passwords(line)
    done = subprocess.run(
        ["openssl", *line.split(), *options],
        cwd=folder,
        env={**os.environ, "P": PASSWORD},
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{line}: {done.stderr.decode()}")
    return done.stdout


def _passwords(line: str) -> list[str]:
    needs = line.startswith("rsa -traditional -") and "-traditional -in" not in line
    needs = needs or (line.startswith("pkcs8") and "-nocrypt" not in line)
    return ["-passout", "env:P"] if needs else []


def _wrapped(found: list[Seed]) -> Iterator[Seed]:
    """Return files as other programs pack them: base64, quotes, UTF-16, literal line ends."""
    for seed in found:
        if seed.name in ("PFX", "PKCS#8 DER", "certificate DER", "PBES2 DER"):
            text = base64.encodebytes(seed.data)
            yield Seed(f"{seed.name} in base64", seed.kind, text)
            yield Seed(f"{seed.name} in a string", "json", _text(text.decode()))
            label = b"-----%b PKCS12-----\n"
            pem = label % b"BEGIN" + text + label % b"END"
            yield Seed(f"{seed.name} as PEM", "pem", pem)
        if seed.name in ("PKCS#8 PEM", "private rsa JWK", "chain", "JWE", "public rsa set"):
            for encoding in ("utf-16", "utf-16-be", "utf-8-sig"):
                data = seed.data.decode().encode(encoding)
                yield Seed(f"{seed.name} in {encoding}", seed.kind, data)
        if seed.name in ("PKCS#8 PEM", "chain"):
            yield Seed(f"{seed.name} in one line", "pem", seed.data.replace(b"\n", b"\\n"))
            yield Seed(f"{seed.name} in JSON", "json", _text({"key": seed.data.decode()}))
