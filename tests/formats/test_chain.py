"""The signatures of certificates have a cost, and a document a limit of it, in every reader."""

from __future__ import annotations

import math
from typing import Any

import attrs
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from tests.formats import bags
from tests.formats.helpers import NOW, Authority, refused
from trustkeys import TrustFrameworkKey, TrustFrameworkKeySet, check_key_set, testing
from trustkeys.core.numericdate import utc
from trustkeys.core.x5c import is_issued_by, x5c_of
from trustkeys.formats import pem, pkcs12, reading
from trustkeys.formats.certificates import dates_of, from_certificate, with_certificates

pytestmark = pytest.mark.usefixtures("test_keys_allowed", "unproved")

TOO_MANY = "the certificates have too many signatures to check, or too slow ones"


@attrs.define
class Spent:
    """The cost of signatures, counted and not limited."""

    total: int = 0

    def spend(self, work: int) -> None:
        self.total += work


def certificate(subject: str, public: Any, issuer: str, key: Any, number: int) -> x509.Certificate:
    named, dates = x509.Name.from_rfc4514_string, (utc(NOW), utc(NOW + 9))
    builder = x509.CertificateBuilder(named(issuer), named(subject), public, number, *dates)
    has_hash = not isinstance(key, (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey))
    return builder.sign(key, SHA256() if has_hash else None)


def long_exponent(bits: int) -> rsa.RSAPrivateKey:
    numbers = testing.rsa_key(2).private_key().private_numbers()
    p, q = numbers.p, numbers.q
    order, e = math.lcm(p - 1, q - 1), (1 << (bits - 1)) + 1
    while math.gcd(e, order) != 1:
        e += 2
    d, public = pow(e, -1, order), rsa.RSAPublicNumbers(e, p * q)
    made = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), numbers.iqmp, public)
    return made.private_key(unsafe_skip_rsa_key_validation=True)


KEYS: dict[str, tuple[Any, int | None]] = {
    "RSA-2048": (lambda: testing.rsa_key(2).private_key(), 1),
    "RSA-4096": (lambda: testing.rsa_key(2, size=4096).private_key(), 1),
    "RSA, exponent of 33 bits": (lambda: long_exponent(33), 200),
    "RSA, exponent of 256 bits": (lambda: long_exponent(256), 200),
    # OpenSSL would take long for these, so they verify nothing.
    "RSA, exponent of 257 bits": (lambda: long_exponent(257), None),
    "DSA-1024": (lambda: dsa.generate_private_key(1024), 200),
    "P-256": (lambda: ec.generate_private_key(ec.SECP256R1()), 1),
    "P-384": (lambda: ec.generate_private_key(ec.SECP384R1()), 200),
    "brainpool": (lambda: ec.generate_private_key(ec.BrainpoolP512R1()), 200),
    "Ed25519": (ed25519.Ed25519PrivateKey.generate, 1),
    "Ed448": (ed448.Ed448PrivateKey.generate, 200),
}


@pytest.mark.deep
@pytest.mark.parametrize("name", KEYS)
def test_a_signature_costs_what_its_key_is(rsa_key: TrustFrameworkKey, name: str) -> None:
    make, cost = KEYS[name]
    key, other = make(), ec.generate_private_key(ec.SECP256R1())
    issuer = certificate("CN=a", key.public_key(), "CN=a", other, 1)
    leaf = certificate("CN=leaf", rsa_key.public_key(), "CN=a", key, 2)
    forged = certificate("CN=leaf", rsa_key.public_key(), "CN=a", other, 3)
    foreign = certificate("CN=leaf", rsa_key.public_key(), "CN=b", key, 4)
    for each, is_valid, spent in ((leaf, True, cost), (forged, False, cost), (foreign, False, 0)):
        checks: Any = Spent()
        assert is_issued_by(each, issuer, checks) == (is_valid and cost is not None)
        assert checks.total == (spent or 0)


@pytest.mark.parametrize(("bits", "cost"), [(4097, 200), (16_384, 200), (16_385, 0)])
def test_a_large_rsa_key_costs_more_or_verifies_nothing(bits: int, cost: int) -> None:
    public = rsa.RSAPublicNumbers(65537, (1 << (bits - 1)) + 1).public_key()
    signer = ec.generate_private_key(ec.SECP256R1())
    issuer = certificate("CN=a", public, "CN=a", signer, 1)
    leaf = certificate("CN=leaf", signer.public_key(), "CN=a", signer, 2)
    checks: Any = Spent()
    assert not is_issued_by(leaf, issuer, checks)
    assert checks.total == cost


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set another limit, which fewer certificates reach."""
    return lambda value: monkeypatch.setattr("trustkeys.core.work.MAX_WORK", value)


@pytest.mark.deep
def test_certificates_that_could_all_be_the_issuer_exhaust_the_limit(
    rsa_key: TrustFrameworkKey, limit: Any
) -> None:
    slow = ec.generate_private_key(ec.SECP384R1())
    leaf = certificate("CN=leaf", rsa_key.public_key(), "CN=a", slow, 1)
    wrong = ec.generate_private_key(ec.SECP384R1()).public_key()
    others = [certificate("CN=a", wrong, "CN=b", slow, number) for number in range(2, 5)]
    right = certificate("CN=a", slow.public_key(), "CN=b", slow, 5)
    data = b"".join(each.public_bytes(Encoding.PEM) for each in (leaf, *others, right))
    private = pem.to_pem(rsa_key, private=True)
    pfx = bags.pfx(
        bags.plain_part(bags.key_bag(rsa_key)),
        bags.plain_part(*map(bags.certificate_bag, (leaf, *others, right))),
    )
    readers: list[Any] = [
        lambda: with_certificates(rsa_key, data),
        lambda: from_certificate(data, use="sig"),
        lambda: reading.read_key(private + data, use="sig"),
        lambda: pkcs12.from_pkcs12(pfx, bags.PASSWORD, use="sig"),
    ]
    limit(4 * 200)
    for read in readers:
        with pytest.warns(UserWarning, match="left out 3 certificates"):
            assert len(read().x5c) == 2
    limit(3 * 200)
    for read in readers:
        error = refused(read)
        assert (error.code, error.target, error.message) == ("AADB2C95034", "x5c", TOO_MANY)


def test_the_keys_of_a_set_share_one_limit(authority: Authority, limit: Any) -> None:
    keys = [testing.rsa_key(seed) for seed in (0, 1, 4)]
    certified = [
        with_certificates(key, [authority.issue_for(key), authority.middle, authority.root])
        for key in keys
    ]
    document = TrustFrameworkKeySet("a", certified).to_jwks(private=True)
    limit(3 * 2)
    assert len(TrustFrameworkKeySet.from_jwks(document)) == 3
    limit(3 * 2 - 1)
    error = refused(TrustFrameworkKeySet.from_jwks, document)
    assert (error.code, error.message) == ("AADB2C95034", f"key 3: {TOO_MANY}")
    found = [each.message for each in check_key_set(document) if TOO_MANY in each.message]
    assert len(found) == 1
    # One key alone has the whole limit.
    assert TrustFrameworkKey.from_jwk(document["keys"][2]).x5c == certified[2].x5c


# --- certificates that load, and cannot be read whole


def changed(certificate: x509.Certificate, old: bytes, new: bytes) -> x509.Certificate:
    """Replace octets, and correct the lengths of what is around them."""
    data = certificate.public_bytes(Encoding.DER)
    assert data.count(old) == 1
    made = bytearray(data.replace(old, new))
    for at in (2, 6):  # of Certificate and TBSCertificate
        length = int.from_bytes(made[at : at + 2]) + len(new) - len(old)
        made[at : at + 2] = length.to_bytes(2)
    return x509.load_der_x509_certificate(bytes(made))


def without_dates(certificate: x509.Certificate) -> x509.Certificate:
    """Python has no year 0."""
    data = certificate.public_bytes(Encoding.DER)
    start = data.index(b"\x30\x1e\x17\x0d")
    old = data[start : start + 17]
    return changed(certificate, old, b"\x30\x20\x18\x0f00000101000000Z")


def test_dates_that_cannot_be_read_are_one_clear_error(
    rsa_key: TrustFrameworkKey, authority: Authority
) -> None:
    leaf = without_dates(authority.issue_for(rsa_key))
    for call in (lambda: from_certificate([leaf], use="sig"), lambda: dates_of(leaf)):
        error = refused(call)
        assert "the dates of the certificate cannot be read" in error.message


def test_an_authority_without_a_readable_name_is_left_out_without_it(
    rsa_key: TrustFrameworkKey, authority: Authority
) -> None:
    leaf, name = authority.issue_for(rsa_key), b"\x0c\x06middle"
    nameless = changed(authority.middle, name, b"\x0c\x06m\xff\xff\xff\xff\xff")
    key = authority.root_key
    others = [
        certificate(f"CN={subject}", key.public_key(), "CN=root", key, number)
        for number, subject in enumerate(("x" * 64 + ",O=" + "y" * 60, "a\u202eb", "a\\0ab"), 2)
    ]
    for each in (nameless, *others):
        with pytest.warns(UserWarning, match="chain of the key: one without a readable name$"):
            assert with_certificates(rsa_key, [leaf, each]).x5c == x5c_of([leaf])


def test_more_certificates_than_a_file_can_have_are_refused(rsa_key: TrustFrameworkKey) -> None:
    many: Any = range(1001)
    message = refused(with_certificates, rsa_key, many).message
    assert message == "there are 1001 certificates, and at most 1000 are read"
