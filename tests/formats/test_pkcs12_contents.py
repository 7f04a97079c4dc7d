"""What a PFX holds beside the key, and where: read or said, and never lost in silence."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.formats import bags
from tests.formats.bags import (
    certificate_bag,
    encrypted_part,
    key_bag,
    nested,
    oid,
    pbkdf2,
    plain_part,
    secret_bag,
    sequence,
    shrouded_bag,
)
from tests.formats.helpers import NOW, Authority, refused
from tests.support import der
from trustkeys import TrustFrameworkKey, TrustFrameworkKeySet, testing
from trustkeys.core.x5c import x5t_of
from trustkeys.errors import PassphraseError
from trustkeys.formats import loaders, protection, reading
from trustkeys.formats.pfx import Pfx
from trustkeys.formats.pkcs12 import from_pkcs12

pytestmark = pytest.mark.usefixtures("unproved")

PASSWORD = bags.PASSWORD

NO_CHECKSUM = "the file has no checksum: nothing shows whether it was changed"

Bag = Callable[..., bytes]


@pytest.fixture(scope="module")
def other() -> TrustFrameworkKey:
    return testing.rsa_key(1)


@pytest.fixture(scope="module")
def chain(rsa_key: TrustFrameworkKey, authority: Authority) -> list[x509.Certificate]:
    return [authority.issue_for(rsa_key), authority.middle, authority.root]


@pytest.fixture(scope="module")
def certificates(chain: list[x509.Certificate]) -> bytes:
    """The part with the certificates, as all programs write it."""
    return encrypted_part(*map(certificate_bag, chain))


def opened(data: bytes, alias: str | None = None) -> tuple[TrustFrameworkKey, list[str]]:
    """Read a file, and return the key and the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        key = reading.read_key(data, use="sig", password=PASSWORD, alias=alias)
    assert all(each.category is UserWarning for each in caught)
    return key, [str(each.message) for each in caught]


# --- keys in the encrypted parts


@pytest.mark.deep
@pytest.mark.parametrize("bag", [key_bag, shrouded_bag])
def test_a_key_in_an_encrypted_part_is_read(
    rsa_key: TrustFrameworkKey, chain: list[x509.Certificate], bag: Bag
) -> None:
    for beside in (chain, []):
        data = bags.pfx(encrypted_part(*map(certificate_bag, beside), bag(rsa_key, "a")))
        key, remarks = opened(data)
        assert (key.kid, len(key.x5c), remarks) == (rsa_key.kid, len(beside), [])
        assert refused(reading.read_key, data, password="wrong").target == "password"
    # Its name is not seen, and a certificate of another key does not choose it.
    data = bags.pfx(encrypted_part(*map(certificate_bag, chain), bag(rsa_key, "a")))
    prints = [each.fingerprint(SHA1()).hex() for each in chain]
    assert opened(data, prints[0])[0].kid == rsa_key.kid
    for alias in ("a", "b", prints[1]):
        error = refused(reading.read_key, data, use="sig", password=PASSWORD, alias=alias)
        assert (error.target, "leave the alias out" in error.message) == ("alias", True)


FORM = Encoding.DER, PrivateFormat.PKCS8, NoEncryption()


@pytest.mark.deep
@pytest.mark.parametrize("bag", [key_bag, shrouded_bag])
@pytest.mark.parametrize("kind", ["an RSA key", "an EC key on P-256", "an Ed25519 key"])
def test_a_second_key_in_an_encrypted_part_is_said_to_be_left_out(
    rsa_key: TrustFrameworkKey, chain: list[x509.Certificate], bag: Bag, kind: str
) -> None:
    """OpenSSL reads one key, and says nothing about the other."""
    hidden = {
        "an RSA key": bags.pkcs8(testing.rsa_key(1)),
        "an EC key on P-256": ec.generate_private_key(ec.SECP256R1()).private_bytes(*FORM),
        "an Ed25519 key": ed25519.Ed25519PrivateKey.generate().private_bytes(*FORM),
    }[kind]
    key, beside = plain_part(shrouded_bag(rsa_key)), [*map(certificate_bag, chain)]
    expected = [f"left out {kind}, which is in an encrypted part"]
    for parts in (
        [encrypted_part(*beside), encrypted_part(bag(hidden))],
        [encrypted_part(bag(hidden), *beside)],
        [encrypted_part(*beside[:1], bag(hidden))],
    ):
        found, remarks = opened(bags.pfx(key, *parts))
        assert (found.kid, remarks[:1]) == (rsa_key.kid, expected)
    # Without it, or with a copy of the key, there is nothing to say.
    for more in ([], [bag(rsa_key)]):
        assert opened(bags.pfx(key, encrypted_part(*beside, *more)))[1] == []


@pytest.mark.deep
def test_of_two_keys_in_an_encrypted_part_the_first_is_taken_with_a_word(
    rsa_key: TrustFrameworkKey, chain: list[x509.Certificate]
) -> None:
    both = key_bag(rsa_key), key_bag(testing.rsa_key(1))
    key, remarks = opened(bags.pfx(encrypted_part(certificate_bag(chain[0]), *both)))
    assert (key.kid, len(remarks)) == (rsa_key.kid, 1)
    assert "seems to hold several keys: the others were left out" in remarks[0]


@pytest.mark.deep
def test_many_certificates_with_long_names_are_not_taken_for_a_key(
    rsa_key: TrustFrameworkKey, authority: Authority, chain: list[x509.Certificate]
) -> None:
    root = authority.root_key
    more = [
        authority.issue(f"CN=a{n}", root.public_key(), "CN=root", root, start=NOW + n)
        for n in range(9)
    ]
    named = [certificate_bag(each, "n" * 99) for each in more]
    data = bags.pfx(
        plain_part(shrouded_bag(rsa_key)), encrypted_part(*map(certificate_bag, chain), *named)
    )
    _, (remark,) = opened(data)
    assert remark.startswith("left out 9 certificates outside the chain of the key: CN=a0, ")


# --- what is no private key


@pytest.mark.deep
def test_secret_keys_and_revocation_lists_are_said_to_be_left_out(
    rsa_key: TrustFrameworkKey, certificates: bytes
) -> None:
    key, secret, crl = shrouded_bag(rsa_key), secret_bag(bytes(32), "aes"), bags.crl_bag(b"0\0")
    unusual = [secret_bag(bytes(32), name) for name in (None, "a\nb", "x" * 101)]
    unnamed = "one with an unusual name"
    many = [secret_bag(bytes(32), f"s{number}") for number in range(7)]
    for more, expected in (
        ([secret], ["left out 1 secret key: 'aes'"]),
        ([crl], ["left out 1 revocation list"]),
        ([bags.bag("1.2.3.4", bags.octets(b"x"))], ["left out 1 unknown bag"]),
        ([bags.bag(f"{bags.BAG}.9", b"")] * 2, ["left out 2 unknown bags"]),
        ([secret, crl, crl], ["left out 1 secret key: 'aes'", "left out 2 revocation lists"]),
        (
            unusual,
            ["left out 3 secret keys: one without a name, " + " and ".join([unnamed] * 2)],
        ),
        (many, ["left out 7 secret keys: 's0', 's1', 's2', 's3', 's4' and 2 more"]),
    ):
        part = plain_part(nested(key, nested(*more)))
        found, remarks = opened(bags.pfx(part, certificates))
        assert (found.kid, len(found.x5c), remarks) == (rsa_key.kid, 3, expected)
        alone = refused(from_pkcs12, bags.pfx(plain_part(*more)), PASSWORD).message
        assert "must hold a private RSA key, and it holds " in alone
        assert all(each.split(":")[0].removeprefix("left out ") in alone for each in expected)


@pytest.mark.deep
def test_bags_in_bags_are_read_to_a_depth(rsa_key: TrustFrameworkKey, certificates: bytes) -> None:
    inner = shrouded_bag(rsa_key)
    for _ in range(4):
        inner = nested(inner)
    assert opened(bags.pfx(plain_part(inner), certificates))[0].kid == rsa_key.kid
    deep = bags.pfx(plain_part(nested(inner)), certificates)
    wide = bags.pfx(plain_part(*[nested()] * 5001), certificates)
    for data in (deep, wide):
        assert "nests them deeply" in refused(from_pkcs12, data, PASSWORD).message


@pytest.mark.deep
def test_a_file_of_many_parts_is_refused(rsa_key: TrustFrameworkKey) -> None:
    parts = [plain_part(shrouded_bag(rsa_key)), *[plain_part()] * 999]
    assert opened(bags.pfx(*parts))[0].kid == rsa_key.kid
    assert "over 1000 parts" in refused(from_pkcs12, bags.pfx(*parts, parts[-1]), PASSWORD).message


def test_a_part_for_a_public_key_is_named(rsa_key: TrustFrameworkKey) -> None:
    enveloped = sequence(oid("1.2.840.113549.1.7.3"), der(0xA0, sequence()))
    data = bags.pfx(plain_part(shrouded_bag(rsa_key)), enveloped)
    assert "encrypted to a public key" in refused(from_pkcs12, data, PASSWORD).message


# --- the kind of the key


def pkcs8(key: TrustFrameworkKey, algorithm: str) -> bytes:
    form = Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    content = der(4, key.private_key().private_bytes(*form))
    return sequence(der(2, b"\0"), sequence(oid(algorithm)), content)


@pytest.mark.deep
@pytest.mark.parametrize("bag", [key_bag, shrouded_bag])
def test_a_key_for_rsassa_pss_stays_one(
    rsa_key: TrustFrameworkKey, certificates: bytes, bag: Bag
) -> None:
    made = bag(pkcs8(rsa_key, "1.2.840.113549.1.1.10"))
    for data in (bags.pfx(plain_part(made)), bags.pfx(plain_part(made), certificates)):
        error = refused(from_pkcs12, data, PASSWORD, use="enc")
        assert (error.target, "RSASSA-PSS alone" in error.message) == ("use", True)
        with pytest.raises(ValueError, match="RSASSA-PSS alone"):
            TrustFrameworkKeySet("a").upload_pkcs12(data, PASSWORD, use="enc")
        for use in ("sig", None):
            with pytest.warns(UserWarning, match="for RSASSA-PSS alone, and it becomes one for"):
                assert from_pkcs12(data, PASSWORD, use=use).use == "sig"


@pytest.mark.deep
@pytest.mark.parametrize("bag", [key_bag, shrouded_bag])
def test_a_key_that_openssl_does_not_know_is_named(
    rsa_key: TrustFrameworkKey, certificates: bytes, bag: Bag
) -> None:
    """It is neither a wrong passphrase nor a changed file."""
    for algorithm, name in (
        ("1.2.840.113549.1.1.7", "an RSA key for RSAES-OAEP alone"),
        ("1.2.643.7.1.1.1.1", "a GOST R 34.10-2012 key"),
        ("2.16.840.1.101.3.4.4.2", "an ML-KEM-768 key"),
        ("1.2.3.4", "a key of the algorithm 1.2.3.4"),
    ):
        unknown = bag(pkcs8(rsa_key, algorithm), "unknown")
        for parts in (
            [plain_part(unknown)],
            [plain_part(unknown), certificates],
            [plain_part(unknown, shrouded_bag(rsa_key, "known")), certificates],
        ):
            error = refused(from_pkcs12, bags.pfx(*parts), PASSWORD, use="sig")
            assert error.message == f"it holds {name}, which is not read from PKCS#12"


@pytest.mark.deep
@pytest.mark.parametrize("bag", [key_bag, shrouded_bag])
def test_a_key_of_another_type_is_named_and_does_not_hide_an_rsa_key(
    rsa_key: TrustFrameworkKey, certificates: bytes, bag: Bag
) -> None:
    curve = ec.generate_private_key(ec.SECP256R1()).private_bytes(*FORM)
    edwards = ed25519.Ed25519PrivateKey.generate().private_bytes(*FORM)
    for made, name in ((curve, "an EC key on P-256"), (edwards, "an Ed25519 key")):
        data = bags.pfx(plain_part(bag(made)), certificates)
        assert refused(from_pkcs12, data, PASSWORD).message.endswith(f"and it is {name}")
        both = bags.pfx(plain_part(bag(made, "a"), shrouded_bag(rsa_key, "b")), certificates)
        assert "holds 2 private keys ('a' and 'b')" in refused(from_pkcs12, both, PASSWORD).message
        assert opened(both, "b")[0].kid == rsa_key.kid
        assert name in refused(from_pkcs12, both, PASSWORD, alias="a").message
        wrong = refused(from_pkcs12, both, "wrong", alias="b")
        assert (wrong.target, wrong.message) == ("password", "the passphrase is wrong")


@pytest.mark.deep
def test_a_key_with_a_passphrase_of_its_own_is_no_wrong_passphrase(
    rsa_key: TrustFrameworkKey, other: TrustFrameworkKey, certificates: bytes
) -> None:
    algorithm, data = bags.encrypted(bags.pkcs8(other), "another")
    locked = bags.bag(f"{bags.BAG}.2", sequence(algorithm, der(4, data)), "locked")
    mine = shrouded_bag(rsa_key, "mine")
    behind = bags.pfx(plain_part(mine, locked), certificates)
    assert opened(behind, "mine")[0].kid == rsa_key.kid
    error = refused(from_pkcs12, behind, PASSWORD, alias="locked")
    assert "has another passphrase than the file" in error.message
    for parts in ([plain_part(locked, mine), certificates], [plain_part(locked), certificates]):
        message = refused(from_pkcs12, bags.pfx(*parts), PASSWORD, alias="mine").message
        assert "the passphrase is right, and the private key is broken, of an" in message


@pytest.mark.parametrize(
    ("number", "name"),
    [
        *((41, "AES-256-ECB"), (45, "AES-256-WRAP"), (46, "AES-256-GCM"), (47, "AES-256-CCM")),
        *((48, "AES-256-WRAP-PAD"), (99, "2.16.840.1.101.3.4.1.99")),
    ],
)
def test_a_cipher_that_openssl_does_not_read_here_is_no_wrong_passphrase(
    rsa_key: TrustFrameworkKey, number: int, name: str
) -> None:
    arc = "2.16.840.1.101.3.4.1"
    data = bags.pfx(plain_part(shrouded_bag(rsa_key))).replace(
        oid(f"{arc}.42"), oid(f"{arc}.{number}")
    )
    message = refused(from_pkcs12, data, PASSWORD).message
    assert f"does not read its encryption, PBES2 with hmacWithSHA256 and {name}; to" in message


# --- the cost of a file


def test_the_rounds_of_all_parts_have_one_limit(
    rsa_key: TrustFrameworkKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenSSL derives each key of an encrypted part three times, and that of a checksum twice."""

    def part(write: Callable[[bytes], bytes], content: bytes, rounds: int) -> bytes:
        monkeypatch.setattr(bags, "pbkdf2", partial(pbkdf2, rounds=rounds))
        return write(content)

    key = bags.pkcs8(rsa_key)
    for rounds, problem in (
        (899_998, None),
        (899_999, "it takes 3000001 rounds of hashing in all"),
    ):
        small, large = (part(shrouded_bag, key, each) for each in (1, rounds))
        data = bags.pfx(plain_part(small, large), part(encrypted_part, b"", 700_000))
        found = Pfx.parse(data)
        assert found is not None
        assert (found.problem or "").split(",")[0] == (problem or "")


def test_the_keys_that_a_certificate_chooses_from_have_a_limit(
    rsa_key: TrustFrameworkKey, chain: list[x509.Certificate], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is decrypted, and compared with the certificate."""
    monkeypatch.setattr(protection, "MAX_ROUNDS", 1)
    keys = [shrouded_bag(testing.rsa_key(seed), f"key {seed}") for seed in (1, 2, 3)]
    data = bags.pfx(plain_part(shrouded_bag(rsa_key, "a"), *keys, certificate_bag(chain[0])))
    assert opened(data, "a")[0].kid == rsa_key.kid
    error = refused(from_pkcs12, data, PASSWORD, alias=chain[0].fingerprint(SHA1()).hex())
    assert "4 rounds of hashing in all" in error.message


# --- the choice of a key


def test_a_name_chooses_a_key_in_whole_and_its_certificate_too(
    rsa_key: TrustFrameworkKey, other: TrustFrameworkKey, authority: Authority
) -> None:
    public = rsa_key.public_key()
    old, new = (
        authority.issue("CN=leaf", public, "CN=middle", authority.key, start=NOW + start)
        for start in (0, 9)
    )
    keys = shrouded_bag(rsa_key, "a"), shrouded_bag(other, "ab")
    for names, expected in ((("a", "b"), old), (("b", "a"), new), (("a", "a"), new)):
        owned = [certificate_bag(*each) for each in zip((old, new), names, strict=True)]
        key, remarks = opened(bags.pfx(plain_part(*keys, *owned)), "a")
        assert (key.kid, key.x5t) == (rsa_key.kid, x5t_of(expected))
        assert "left out 1 other certificate for the same key" in remarks[0]


@pytest.mark.deep
def test_every_name_of_a_key_chooses_it(
    rsa_key: TrustFrameworkKey,
    other: TrustFrameworkKey,
    authority: Authority,
    chain: list[x509.Certificate],
) -> None:
    leaf = authority.issue_for(other)
    both = [certificate_bag(each) for each in (leaf, *chain)]
    data = bags.pfx(
        plain_part(shrouded_bag(rsa_key, "één"), shrouded_bag(other)), encrypted_part(*both)
    )
    for certificate, key in ((chain[0], rsa_key), (leaf, other)):
        sha1, sha256 = (certificate.fingerprint(each) for each in (SHA1(), SHA256()))
        for alias in (sha1.hex(), sha1.hex(":").upper(), sha256.hex(":"), sha256.hex().upper()):
            found, _ = opened(data, alias)
            assert (found.kid, len(found.x5c)) == (key.kid, 3)
    assert opened(data, "één")[0].kid == rsa_key.kid
    for alias in ("", "one", sha1.hex()[:-1], chain[1].fingerprint(SHA1()).hex()):
        error = refused(from_pkcs12, data, PASSWORD, alias=alias)
        assert (error.code, error.target) == ("AADB2C95034", "alias")
        assert "2 private keys ('\\xe9\\xe9n' and one without a name), and none of that name" in (
            error.message
        )
        assert sha1.hex() in error.message


# --- BER, and checksums


def test_openssl_is_given_the_file_as_der(
    rsa_key: TrustFrameworkKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it sees what was checked, and cryptography may stop to read BER."""
    given: list[bytes] = []
    monkeypatch.setattr(loaders, "pkcs12", lambda data, _: given.append(data))
    data = bags.pfx(plain_part(shrouded_bag(rsa_key)), mac=None)
    found = Pfx.parse(bags.indefinite(data))
    assert found is not None
    found.load(b"")
    assert given == [data]


@pytest.mark.parametrize(
    "mac", ["sha256", *(pytest.param(each, marks=pytest.mark.deep) for each in ("pbmac1", None))]
)
def test_ber_is_read_without_a_word(
    rsa_key: TrustFrameworkKey,
    chain: list[x509.Certificate],
    mac: str | None,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """NSS, and with it Firefox, writes no lengths. cryptography warns of such a file."""
    parts = plain_part(shrouded_bag(rsa_key)), encrypted_part(*map(certificate_bag, chain))
    contents = sequence(*parts)
    inner = bags.file_of(bags.indefinite(contents), mac=mac)
    outer = bags.indefinite(bags.pfx(*parts, mac=mac))
    files = [bags.indefinite(inner)]
    for data in files if mac == "sha256" else [*files, inner, outer]:
        found = reading.recognise(data)
        assert (found.form, found.protection) == ("pkcs12", "passphrase")
        key, remarks = opened(data)
        assert (key.kid, len(key.x5c)) == (rsa_key.kid, 3)
        assert remarks == ([NO_CHECKSUM] if mac is None else [])
        assert refused(from_pkcs12, data, "wrong").target == "password"
    assert capfd.readouterr() == ("", "")


def test_ber_that_cannot_be_written_again_is_refused(rsa_key: TrustFrameworkKey) -> None:
    """It ended in a traceback."""
    key = plain_part(shrouded_bag(rsa_key))
    beside = plain_part(*[secret_bag(bytes(32))] * 800)
    data = bags.file_of(bags.indefinite(sequence(key, beside)), mac="sha256")
    assert len(data) > 128 * 1024
    assert isinstance(refused(from_pkcs12, data, "wrong"), PassphraseError)


@pytest.mark.parametrize("mac", ["sha256", "pbmac1"])
def test_every_checksum_finds_a_change(
    rsa_key: TrustFrameworkKey, certificates: bytes, mac: str
) -> None:
    """With PBMAC1 (RFC 9579), as OpenSSL 3.4 and go-pkcs12 write it, too."""
    data = bags.pfx(plain_part(shrouded_bag(rsa_key, "name")), certificates, mac=mac)
    assert opened(data) == (opened(data)[0], [])
    changed = data.replace("name".encode("utf-16-be"), "mane".encode("utf-16-be"))
    error = refused(from_pkcs12, changed, PASSWORD)
    assert (error.code, "the file was changed" in error.message) == ("AADB2C95034", True)
    wrong = refused(from_pkcs12, data, "wrong")
    assert (wrong.code, wrong.message) == ("AADB2C95025", "the passphrase is wrong")


@pytest.mark.deep
def test_a_file_without_a_checksum_is_read_with_a_word(
    rsa_key: TrustFrameworkKey, certificates: bytes
) -> None:
    data = bags.pfx(plain_part(shrouded_bag(rsa_key)), certificates, mac=None)
    key, remarks = opened(data)
    assert (key.kid, remarks) == (rsa_key.kid, [NO_CHECKSUM])
    assert refused(from_pkcs12, data, "wrong").message == "the passphrase is wrong"


# --- hostile and broken files


@pytest.mark.parametrize("beside", ["encrypted", "plain", "named", "key"])
def test_what_is_hidden_and_too_large_for_a_key_is_not_opened(
    rsa_key: TrustFrameworkKey,
    authority: Authority,
    beside: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """OpenSSL checks an RSA key of any size, for minutes, and certificates must not hide it."""
    root = authority.root_key
    many = [
        certificate_bag(authority.issue(f"CN=a{n}", root.public_key(), "CN=root", root), *names)
        for n, names in enumerate([("\u4e00" * 300,) if beside == "named" else ()] * 40)
    ]
    large = key_bag(sequence(der(2, b"\0"), sequence(oid("1.2.3")), der(4, bytes(3700))))
    parts = {
        "encrypted": [encrypted_part(*many, large)],
        "plain": [plain_part(*many), encrypted_part(large)],
        "named": [encrypted_part(*many, large)],
        "key": [encrypted_part(large, *many), plain_part(key_bag(rsa_key))],
    }[beside]
    loaded: list[bytes] = []
    monkeypatch.setattr(Pfx, "load", lambda _, password: loaded.append(password))
    message = refused(from_pkcs12, bags.pfx(*parts), PASSWORD).message
    assert "hold something that is no certificate, and too large for a key" in message
    assert loaded == []


@pytest.mark.parametrize(
    "part",
    [
        sequence(oid(bags.DATA), der(0xA0, der(4, b"no bags"))),
        plain_part(bags.bag(f"{bags.BAG}.2", der(4, b"no key"))),
        plain_part(sequence()),
        sequence(),
        der(4, b"x"),
    ],
)
def test_a_file_whose_parts_are_broken_is_refused(part: bytes) -> None:
    for data in (bags.pfx(part), bags.pfx(part, mac=None)):
        error = refused(from_pkcs12, data, PASSWORD)
        assert (error.code, "it is cut off, or was changed" in error.message) == (
            *("AADB2C95025", True),
        )


def test_a_file_above_1_mib_is_refused(rsa_key: TrustFrameworkKey) -> None:
    data = bags.pfx(plain_part(key_bag(rsa_key)), encrypted_part(secret_bag(bytes(2**20))))
    assert "at most 1 MiB" in refused(from_pkcs12, data, PASSWORD).message
