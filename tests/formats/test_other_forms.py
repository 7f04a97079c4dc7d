"""A file that trustkeys does not read is named, with the command that converts it."""

from __future__ import annotations

import base64
import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp
from hypothesis import given
from hypothesis import strategies as st

from tests.formats.helpers import NOW, PRIVATE_FORMS, Authority, private_bytes, refused
from tests.support import der, openssl
from trustkeys import TrustFrameworkKey
from trustkeys.core.numericdate import utc
from trustkeys.formats import pem, reading
from trustkeys.formats.other_forms import other_form
from trustkeys.formats.plain_keys import MAX_DER
from trustkeys.formats.unwrapping import der_size

pytestmark = pytest.mark.usefixtures("test_keys_allowed")

UNKNOWN = "this is not a JWK, a JWK Set, a JWE, PEM, DER or PKCS#12"


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        made.writestr("key.pem", "")
    return buffer.getvalue()


NAMED: tuple[tuple[bytes, str], ...] = (
    (b"", "the file is empty"),
    (b" \r\n\t", "nothing but white space"),
    (bytes(4096), "nothing but zero bytes"),
    (
        b"\xfe\xed\xfe\xed\0\0\0\2",
        "a Java keystore (JKS): convert it with: keytool -importkeystore",
    ),
    (base64.b64encode(b"\xfe\xed\xfe\xed" + bytes(99)), "a Java keystore (JKS)"),
    (b"\xce\xce\xce\xce\0\0\0\2", "-srcstoretype JCEKS"),
    (b"\0\0\0\2\0\0\0\x14" + bytes(99), "Bouncy Castle"),
    (b"\xac\xed\0\5sr\0\x14java.security.KeyRep", "a serialised Java object"),
    (gzip.compress(b"x", mtime=0), "gunzip it first"),
    (b"BZh91AY&SY", "bunzip2"),
    (b"\xfd7zXZ\0\0", "unxz"),
    (b"\x28\xb5\x2f\xfd\0", "unzstd"),
    (archive(), "a ZIP archive"),
    (b"7z\xbc\xaf\x27\x1c\0", "a 7-Zip archive"),
    (b"key.pem".ljust(257, b"\0") + b"ustar\x0000", "a tar archive"),
    (b"%PDF-1.7\n", "a PDF document"),
    (b"SQLite format 3\0", "pk12util"),
    (b"\x1e\xf1\xb5\xb0" + bytes(20), "openssl rsa -provider legacy -provider default -inform PVK"),
    (b"\7\2\0\0\0\xa4\0\0RSA2\0\10\0\0", "openssl rsa -inform MSBLOB"),
    (b"RSA2" + bytes(24), "Windows CNG"),
    (b"ECS2" + bytes(24), "Windows CNG (EC)"),
    (b"\6\5\x2b\x81\4\0\x22", "the parameters of an EC key"),
    (base64.b64encode(b"&AzureKeyVaultKeyBackupV1.microsoft.com"), "a backup of Azure Key Vault"),
    (b"&AzureKeyVaultKeyBackupV1.microsoft.com", "a backup of Azure Key Vault"),
    (b"Salted__" + bytes(40), "openssl enc -d"),
    (base64.b64encode(b"Salted__" + bytes(40)), "openssl enc -d"),
    (b"$ANSIBLE_VAULT;1.1;AES256\n6162", "ansible-vault view"),
    (b"untrusted comment: minisign public key 1\nRWQ", "minisign or signify (Ed25519)"),
    (base64.b64encode(bytes(32)) + b"\n", "a key of WireGuard"),
    (b"age-encryption.org/v1\n-> X25519 ", "age --decrypt"),
    (b"# created: 2026\n# public key: age1x\nAGE-SECRET-KEY-1X", "a key of age"),
    (b"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\n", "a key of age"),
    (b"<RSAKeyValue><Modulus>", "FromXmlString"),
    (b"<?xml version='1.0'?>\n<RSAKeyValue>", "FromXmlString"),
    (b"<?xml version='1.0'?><md:EntityDescriptor xmlns:md='x'>", "SAML metadata"),
    (b"<?xml version='1.0'?><a/>", "this is XML"),
    (b"\xef\xbb\xbf\n<!DOCTYPE html><html>", "a web page (HTML)"),
    (b"<!-- x --><HTML>", "a web page (HTML)"),
    (b"apiVersion: v1\ndata:\n  tls.key: LS0t\nkind: Secret\n", "kubectl get secret"),
    (b"\x95\x03\x98\x04", "an OpenPGP key"),
    (b"eyJhbGciOiJIUzI1NiJ9.e30.AAAA\n", "a signed token (JWS or JWT)"),
    (b"eyJhbGciOiJub25lIn0.e30.", "a signed token (JWS or JWT)"),
    (b"-----BEGIN PGP MESSAGE-----\n", "gpg --decrypt"),
    (b"-----BEGIN PGP SIGNATURE-----\n", "a signature of OpenPGP, which holds no key"),
    (b"-----BEGIN PGP SIGNED MESSAGE-----\n", "a signature of OpenPGP"),
    (b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n", "an OpenPGP key"),
    (b"-----BEGIN AGE ENCRYPTED FILE-----\n", "age --decrypt"),
    (b"-----BEGIN X509 CRL-----\n", "a certificate revocation list"),
    (b"-----BEGIN CMS-----\nMAA=\n-----END CMS-----\n", "a CMS message (PKCS#7)"),
    (b"-----BEGIN EC PARAMETERS-----\n", "EC PARAMETERS, which holds no key"),
    (b"-----BEGIN TRUST TOKEN-----\n", "PEM with 'TRUST TOKEN', which holds no key"),
    (der(0x30, der(0xA0, bytes(200))), "this is DER (ASN.1), and no key"),
    (
        der(0x30, der(6, bytes.fromhex("2a864886f70d010703")), der(0xA0, bytes(200))),
        "a CMS message (PKCS#7, DER)",
    ),
    (der(0x30, der(10, b"\0"), der(0xA0, bytes(200))), "an OCSP response"),
)


@pytest.mark.parametrize(("data", "words"), NAMED, ids=[*map(str, range(len(NAMED)))])
def test_a_file_of_another_form_is_named(data: bytes, words: str) -> None:
    message = refused(reading.recognise, data).message
    assert words in message
    assert "cut off" not in message
    assert UNKNOWN not in message


def test_structures_of_certificate_authorities_are_named(authority: Authority) -> None:
    crl = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.root.subject)
        .last_update(utc(NOW))
        .next_update(utc(NOW + 9))
        .sign(authority.root_key, SHA256())
    )
    builder = ocsp.OCSPRequestBuilder()
    asked = builder.add_certificate(authority.middle, authority.root, SHA256()).build()
    for data, words in (
        (crl.public_bytes(Encoding.DER), "a certificate revocation list"),
        (asked.public_bytes(Encoding.DER), "an OCSP request"),
    ):
        assert words in refused(reading.recognise, data).message


WRITTEN: dict[str, tuple[str, str]] = {
    "dhparam -2 512": ("DER", "the parameters of a Diffie-Hellman or DSA key"),
    "dhparam -3 512": ("DER", "the parameters of a Diffie-Hellman or DSA key"),
    "dhparam -5 512": ("DER", "the parameters of a Diffie-Hellman or DSA key"),
    "dhparam -dsaparam 512": ("DER", "the parameters of a Diffie-Hellman or DSA key"),
    "dsaparam 1024": ("DER", "the parameters of a Diffie-Hellman or DSA key"),
    "genpkey -genparam -algorithm DHX -pkeyopt group:dh_2048_256": ("PEM", "X9.42 DH PARAMETERS"),
    "ecparam -name prime256v1": ("DER", "the parameters of an EC key"),
    "ecparam -name secp384r1": ("DER", "the parameters of an EC key"),
    "ecparam -name prime256v1 -param_enc explicit": ("DER", "the parameters of an EC key"),
    "ts -query -data text -sha256": ("", "a time stamp of RFC 3161"),
    "cms -encrypt -aes256 -in text root.pem": ("DER", "a CMS message"),
    "cms -encrypt -aes128 -in text root.pem": ("PEM", "a CMS message"),
    "cms -data_create -in text": ("DER", "a CMS message"),
    "cms -digest_create -in text": ("DER", "a CMS message"),
    "cms -sign -nocerts -in text -signer root.pem -inkey root.key": ("DER", "a CMS message"),
    "cms -sign -in text -signer root.pem -inkey root.key": ("SMIME", "a mail message"),
    "spkac -key root.key": ("", "SPKAC"),
}


@pytest.mark.deep
@pytest.mark.parametrize("words", WRITTEN)
def test_what_openssl_writes_without_a_key_is_named(
    words: str, authority: Authority, tmp_path: Path
) -> None:
    tmp_path.joinpath("text").write_text("text")
    tmp_path.joinpath("root.pem").write_bytes(authority.root.public_bytes(Encoding.PEM))
    tmp_path.joinpath("root.key").write_bytes(private_bytes(authority.root_key))
    form, expected = WRITTEN[words]
    command, *args = words.split()
    forms = ("-outform", form) if form else ()
    openssl(command, *forms, "-out", "made", *args, cwd=tmp_path)
    message = refused(reading.recognise, tmp_path.joinpath("made").read_bytes()).message
    assert expected in message
    assert "which holds no key" in message


def test_a_keystore_of_bouncy_castle_is_named() -> None:
    data = Path(__file__).parent.joinpath("files", "bouncy-castle.bcfks").read_bytes()
    message = refused(reading.recognise, data).message
    assert "BCFKS" in message
    assert "keytool -importkeystore -srckeystore FILE -srcstoretype BCFKS -provider" in message


@pytest.mark.parametrize("exponent", [3, 5])
def test_an_rsa_key_with_a_small_exponent_is_no_group(
    rsa_key: TrustFrameworkKey, exponent: int
) -> None:
    modulus = rsa_key.public_key().public_numbers().n
    public = RSAPublicNumbers(exponent, modulus).public_key()
    data = public.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    assert reading.recognise(data).form == "der"


@pytest.mark.parametrize("form", ["der", "encrypted der"])
def test_only_what_is_cut_off_is_called_so(rsa_key: TrustFrameworkKey, form: str) -> None:
    data, _ = PRIVATE_FORMS[form](rsa_key)
    for length in (200, len(data) - 1):
        message = refused(reading.recognise, data[:length]).message
        assert message == f"this DER is cut off: it must have {len(data)} bytes, and has {length}"
        cut = refused(reading.recognise, base64.b64encode(data[:length])).message
        assert cut == message
    assert der_size(data) == len(data)


def test_a_certificate_that_is_cut_off_is_not_called_something_else(authority: Authority) -> None:
    data = authority.root.public_bytes(Encoding.DER)
    assert "is cut off" in refused(reading.recognise, data[:-9]).message


@pytest.mark.parametrize("make", [pem.to_der, pem.to_pem])
def test_a_key_is_not_named(
    rsa_key: TrustFrameworkKey, make: Callable[[TrustFrameworkKey], bytes]
) -> None:
    assert reading.recognise(make(rsa_key)).form in ("pem", "der")


@given(st.binary(max_size=99) | st.text(max_size=99).map(str.encode))
def test_any_bytes_are_named_or_unknown(data: bytes) -> None:
    name = other_form(data)
    assert name is None or name.startswith(("this is ", "the file "))


def test_comments_in_front_of_no_web_page_are_unknown() -> None:
    # Each way to divide them into comments would be tried.
    assert UNKNOWN in refused(reading.recognise, b"<!---->" * 500 + b"<p").message


def test_three_words_with_dots_are_no_token() -> None:
    assert other_form(b"docs.contoso0.test") is None


def test_large_der_is_not_parsed_to_be_named() -> None:
    # asn1crypto takes seconds for a megabyte of tiny parts.
    content_type = der(6, bytes.fromhex("2a864886f70d010702"))
    for size, words in ((9, "a CMS message (PKCS#7, DER)"), (MAX_DER, "this is DER (ASN.1), and")):
        name = other_form(der(0x30, content_type, der(0xA0, bytes(size))))
        assert name is not None
        assert words in name
