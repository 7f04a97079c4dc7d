"""Certificates beside a key are read under every label that programs write, or said."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.formats.bags import indefinite, oid, sequence
from tests.formats.helpers import Authority, refused
from tests.formats.test_pem_blocks import block
from tests.support import der
from trustkeys import TrustFrameworkKey
from trustkeys.formats import certificate_files, pem, reading
from trustkeys.formats.certificate_files import read_certificates
from trustkeys.formats.pem_blocks import CERTIFICATE_LABELS

pytestmark = pytest.mark.usefixtures("test_keys_allowed", "unproved")


@pytest.fixture(scope="module")
def chain(rsa_key: TrustFrameworkKey, authority: Authority) -> list[x509.Certificate]:
    return [authority.issue_for(rsa_key), authority.middle]


def pkcs7(certificates: bytes) -> bytes:
    """SignedData (RFC 5652 section 5.1) of no one, over nothing, with certificates."""
    content = sequence(oid("1.2.840.113549.1.7.1"))
    signed = sequence(der(2, b"\1"), der(0x31), content, der(0xA0, certificates), der(0x31))
    return sequence(oid("1.2.840.113549.1.7.2"), der(0xA0, signed))


@pytest.mark.parametrize("label", sorted(CERTIFICATE_LABELS))
def test_a_key_keeps_its_certificates_under_every_label(
    rsa_key: TrustFrameworkKey, chain: list[x509.Certificate], label: str
) -> None:
    ders = [each.public_bytes(Encoding.DER) for each in chain]
    if label == "TRUSTED CERTIFICATE":  # openssl x509 -trustout
        ders = [each + sequence(sequence(oid("1.3.6.1.5.5.7.3.1"))) for each in ders]
    inside = b"".join(each.public_bytes(Encoding.DER) for each in chain)
    written = ["".join(block(label, each) for each in ders), block(label, pkcs7(inside))]
    private = pem.to_pem(rsa_key, private=True).decode()
    for text in written:
        for data in (private + text, text + private):
            assert len(reading.read_key(data.encode(), use="sig").x5c) == 2
        assert [*read_certificates(text.encode())] == chain
        assert reading.recognise(text.encode()).form == "certificate"


def test_what_has_another_label_is_said_to_be_left_out(rsa_key: TrustFrameworkKey) -> None:
    private = pem.to_pem(rsa_key, private=True).decode()
    with pytest.warns(UserWarning, match="ATTRIBUTE CERTIFICATE in the file was left out"):
        reading.read_key((private + block("ATTRIBUTE CERTIFICATE", b"x")).encode(), use="sig")


def test_pkcs7_in_ber_is_read(chain: list[x509.Certificate]) -> None:
    """Bouncy Castle writes it so."""
    inside = b"".join(each.public_bytes(Encoding.DER) for each in chain)
    # The certificates themselves are in DER, which their signatures are over.
    ber = indefinite(pkcs7(b"")).replace(b"\xa0\x80\0\0", b"\xa0\x80" + inside + b"\0\0")
    assert [*read_certificates(ber)] == chain
    assert reading.recognise(ber).form == "certificate"


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
@pytest.mark.parametrize("form", ["certificate", "pkcs7", "pem"])
def test_certificates_are_read_from_what_is_around_them(
    chain: list[x509.Certificate], form: str, end: bytes
) -> None:
    """`certify` takes the same files as `import`."""
    first = chain[0].public_bytes(Encoding.DER)
    whole = {
        "certificate": first,
        "pkcs7": pkcs7(first),
        "pem": chain[0].public_bytes(Encoding.PEM),
    }[form]
    quoted = json.dumps(base64.b64encode(whole).decode()).encode()
    files = [whole + end, base64.encodebytes(whole), quoted]
    if form == "pem":
        files += [whole.decode().encode("utf-16"), whole.replace(b"\n", rb"\n") + end]
    for data in files:
        assert read_certificates(data) == (chain[0],)
        assert reading.recognise(data).certificates() == (chain[0],)


def test_pkcs7_with_a_broken_certificate_is_refused(chain: list[x509.Certificate]) -> None:
    """Else the chain would lose one in silence."""
    data = pkcs7(chain[0].public_bytes(Encoding.DER) + sequence(der(2, b"\1")))
    assert "must be certificates" in refused(read_certificates, data).message


@pytest.mark.parametrize("form", ["pem", "pkcs7"])
def test_more_certificates_than_the_limit_are_refused_and_none_is_lost(
    chain: list[x509.Certificate], form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoding = Encoding.PEM if form == "pem" else Encoding.DER
    inside = b"".join(each.public_bytes(encoding) for each in chain)
    data = inside if form == "pem" else pkcs7(inside)
    for limit, is_refused in ((2, False), (1, True)):
        monkeypatch.setattr(certificate_files, "MAX_CERTIFICATES", limit)
        if is_refused:
            assert "at most 1 certificates" in refused(read_certificates, data).message
        else:
            assert [*read_certificates(data)] == chain


def test_a_file_without_certificates_is_refused(rsa_key: TrustFrameworkKey) -> None:
    for data in (pem.to_pem(rsa_key), block("X509 CRL", b"x").encode()):
        assert "must be certificates" in refused(read_certificates, data).message
