"""Files that trustkeys does not read, by name, with the command that converts them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from trustkeys.core.base64url import base64url_decode
from trustkeys.core.guarded import attempt
from trustkeys.formats import pem_blocks, ssh
from trustkeys.formats.plain_keys import MAX_DER
from trustkeys.formats.unwrapping import der_size
from trustkeys.wording import quoted

__tracebackhide__ = True

_KEYTOOL = "keytool -importkeystore -srckeystore FILE {}-destkeystore NEW.p12 -deststoretype PKCS12"

_BOUNCY_CASTLE = _KEYTOOL.format(
    "-srcstoretype {} -providerclass org.bouncycastle.jce.provider.BouncyCastleProvider "
    "-providerpath bcprov.jar "
)

_NO_KEY = "which holds no key"

_PGP = (
    "an OpenPGP key, whose form trustkeys does not read: export the key as PKCS#12 from the "
    "program that it came from (gpgsm --export-secret-key-p12 for an X.509 key)"
)

_UNPACK = "unpack it, and give the file in it"

# How a file begins, and what it is.
_MAGIC: Mapping[bytes, str] = {
    rb"\xfe\xed\xfe\xed": f"a Java keystore (JKS): convert it with: {_KEYTOOL.format('')}",
    rb"\xce\xce\xce\xce": (
        f"a Java keystore (JCEKS): convert it with: {_KEYTOOL.format('-srcstoretype JCEKS ')}"
    ),
    rb"\x00\x00\x00[\x01\x02]\x00\x00\x00\x14": (
        "a keystore of Bouncy Castle (BKS or UBER): convert it with: "
        f"{_BOUNCY_CASTLE.format('BKS')}"
    ),
    rb"\xac\xed\x00\x05": "a serialised Java object: have the program write PKCS#8, or PKCS12",
    rb"\x1f\x8b": "a compressed file (gzip): gunzip it first",
    rb"BZh[1-9]1AY": "a compressed file (bzip2): bunzip2 it first",
    rb"\xfd7zXZ\0": "a compressed file (xz): unxz it first",
    rb"\x28\xb5\x2f\xfd": "a compressed file (zstd): unzstd it first",
    rb"PK(\x03\x04|\x05\x06)": f"a ZIP archive: {_UNPACK}",
    rb"7z\xbc\xaf\x27\x1c": f"a 7-Zip archive: {_UNPACK}",
    rb".{257}ustar": f"a tar archive: {_UNPACK}",
    rb"%PDF-": f"a PDF document, {_NO_KEY}",
    rb"SQLite format 3\0": (
        "a SQLite database, such as Firefox's key4.db: export the key with: pk12util -o NEW.p12 "
        "-n NAME -d FOLDER"
    ),
    rb"\x1e\xf1\xb5\xb0": (
        "a private key of Microsoft's tools (PVK): convert it with: openssl rsa -provider legacy "
        "-provider default -inform PVK -in FILE -out NEW.pem"
    ),
    rb"[\x06\x07]\x02\x00\x00.{4}RSA[12]": (
        "a key blob of Windows CryptoAPI: convert it with: openssl rsa -inform MSBLOB -in FILE "
        "-out NEW.pem (with -pubin for a public key)"
    ),
    rb"RSA[123].{20}": (
        "a key blob of Windows CNG: import it with RSACng, and write ExportPkcs8PrivateKeyPem()"
    ),
    rb"EC[KS][1-6].{20}": "a key blob of Windows CNG (EC), which is no RSA or oct key",
    rb"\x06(\x08\x2a\x86\x48\xce\x3d\x03\x01.|\x05\x2b\x81\x04\x00.)\Z": (
        f"DER with the parameters of an EC key, {_NO_KEY}"
    ),
    rb"&AzureKeyVault|JkF6dXJlS2V5VmF1bH": (
        "a backup of Azure Key Vault, which only Key Vault opens: restore it there, or import the "
        "PFX that the key came from"
    ),
    rb"Salted__|U2FsdGVkX1": (
        "a file encrypted with openssl enc: decrypt it with: openssl enc -d -CIPHER -pbkdf2 -in "
        "FILE -out NEW"
    ),
    rb"\$ANSIBLE_VAULT;": "a file of Ansible Vault: decrypt it with: ansible-vault view FILE",
    rb"age-encryption\.org/v1": (
        "a file encrypted with age: decrypt it with: age --decrypt -i IDENTITY FILE"
    ),
    rb"(#[^\n]*\n)*(AGE-SECRET-KEY-|age1)": ("a key of age (X25519), which is no RSA or oct key"),
    rb"untrusted comment:": "a file of minisign or signify (Ed25519), which is no RSA or oct key",
    rb"[A-Za-z0-9+/]{43}=\s*\Z": (
        "32 bytes in base64, such as a secret or a key of WireGuard: make a secret the k of a JWK "
        "of kty oct, in base64url without padding"
    ),
    rb"SPKAC=": f"a signed public key (SPKAC), {_NO_KEY} that trustkeys reads",
    rb"(?i:(mime-version|content-type):)": f"a mail message (MIME), {_NO_KEY}",
    rb"(<\?xml[^>]*>\s*)?<RSAKeyValue": (
        "an RSA key in .NET's XML: convert it in PowerShell 7 with: $rsa = "
        "[System.Security.Cryptography.RSA]::Create(); "
        "$rsa.FromXmlString((Get-Content -Raw FILE)); $rsa.ExportPkcs8PrivateKeyPem()"
    ),
    rb"(<\?xml[^>]*>\s*)?<([A-Za-z0-9]+:)?(Entity|Entities)Descriptor": (
        "SAML metadata: save the base64 text in its X509Certificate as a file, and give that"
    ),
    # An atomic group: each way to divide comments would be tried otherwise.
    rb"(?>(<!--.*?-->\s*)*)<(?i:!doctype html|html|head|body)": (
        "a web page (HTML), perhaps of a sign-in or an error: download the file again"
    ),
    rb"<\?xml|<[A-Za-z]": f"XML, {_NO_KEY} that trustkeys reads",
    rb"(?=[^\0]*?^kind: Secret\b)(apiVersion|kind|data|metadata|type)": (
        "a Secret of Kubernetes in YAML: take the key out with: kubectl get secret NAME -o "
        "jsonpath='{.data.tls\\.key}'"
    ),
    rb"[\x94\x95\x97\x98\x99\xc5\xc6]": _PGP,
}

_BEGINNINGS = [
    (re.compile(pattern, re.DOTALL | re.MULTILINE), name) for pattern, name in _MAGIC.items()
]

# As far as the beginnings look.
_HEAD = 4096

_BLOCKS: tuple[tuple[str, str], ...] = (
    ("PGP MESSAGE", "a message of OpenPGP: decrypt it with: gpg --decrypt FILE"),
    ("PGP SIGN", f"a signature of OpenPGP, {_NO_KEY}"),
    ("PGP ", _PGP),
    ("AGE ENCRYPTED", "a file encrypted with age: decrypt it with: age --decrypt -i IDENTITY FILE"),
    ("X509 CRL", f"a certificate revocation list, {_NO_KEY}"),
    ("CMS", f"a CMS message (PKCS#7), {_NO_KEY}"),
    ("PKCS7", f"a CMS message (PKCS#7), {_NO_KEY}"),
)


def other_form(data: bytes) -> str | None:
    """Return what a file is that trustkeys does not read, and what to do, or None if unknown.

    Args:
        data: The file's content. No part of it is returned, but the labels of PEM.
    """
    if not data.strip(b"\0 \t\r\n"):
        return _nothing(data)
    if (name := ssh.named_form(data)) is not None:
        return f"this is {name}"
    labels = pem_blocks.labels(data)
    if labels:
        return f"this is {_block_name(labels[0])}"
    if der_size(data) == len(data):
        return _der_name(data)
    text = data.lstrip()
    head = text[:_HEAD]
    for pattern, name in _BEGINNINGS:
        if pattern.match(head):
            return f"this is {name}"
    return f"this is a signed token (JWS or JWT), {_NO_KEY}" if is_token(text) else None


def _nothing(data: bytes) -> str:
    if not data:
        return "the file is empty"
    if data.strip():
        return (
            "the file holds nothing but zero bytes, as a crash or a full disk leaves it: restore "
            "a backup"
        )
    return "the file holds nothing but white space"


def _block_name(label: str) -> str:
    for beginning, name in _BLOCKS:
        if label.startswith(beginning):
            return name
    if label.endswith("PARAMETERS"):
        return f"PEM with {label}, {_NO_KEY}: give the key that belongs to them"
    return f"PEM with {quoted(label)}, {_NO_KEY} that trustkeys reads"


def _der_name(data: bytes) -> str:
    # asn1crypto takes seconds for a megabyte of tiny parts.
    kinds = _DER if len(data) <= MAX_DER else {}
    for name, is_one in kinds.items():
        if attempt(is_one, data):
            return f"this is {name}"
    return "this is DER (ASN.1), and no key, certificate or PKCS#12 file that trustkeys reads"


def _is_crl(der: bytes) -> bool:
    from asn1crypto.crl import CertificateList

    tbs: Any = CertificateList.load(der)["tbs_cert_list"]
    return tbs["this_update"].native is not None


def _is_ocsp_response(der: bytes) -> bool:
    from asn1crypto.ocsp import OCSPResponse

    return OCSPResponse.load(der)["response_status"].native is not None


def _is_ocsp_request(der: bytes) -> bool:
    from asn1crypto.ocsp import OCSPRequest

    (first, *_) = OCSPRequest.load(der)["tbs_request"]["request_list"]
    return first["req_cert"]["serial_number"].native is not None


def _is_cms(der: bytes) -> bool:
    from asn1crypto.cms import ContentInfo

    return str(ContentInfo.load(der)["content_type"].dotted).startswith("1.2.840.113549.1.")


def _is_time_stamp(der: bytes) -> bool:
    from asn1crypto.tsp import TimeStampReq, TimeStampResp

    request = attempt(lambda: TimeStampReq.load(der)["message_imprint"]["hashed_message"].native)
    return request is not None or TimeStampResp.load(der)["status"]["status"].native is not None


def _are_curve_parameters(der: bytes) -> bool:
    from asn1crypto.keys import SpecifiedECDomain

    return SpecifiedECDomain.load(der)["field_id"]["field_type"].native is not None


def _are_group_parameters(der: bytes) -> bool:
    from asn1crypto.core import Integer, SequenceOf

    return len(SequenceOf.load(der, spec=Integer, strict=True).native) in (2, 3, 4)


def _is_bcfks(der: bytes) -> bool:
    from asn1crypto.keys import EncryptedPrivateKeyInfo
    from asn1crypto.parser import parse

    from trustkeys.formats.asn1 import first

    store = EncryptedPrivateKeyInfo.load(first(parse(der)[4]), strict=True)
    return bool(store["encryption_algorithm"]["algorithm"].native == "pbes2")


_DER: Mapping[str, Any] = {
    f"a certificate revocation list (DER), {_NO_KEY}": _is_crl,
    f"a CMS message (PKCS#7, DER), {_NO_KEY}": _is_cms,
    f"an OCSP response (DER), {_NO_KEY}": _is_ocsp_response,
    f"an OCSP request (DER), {_NO_KEY}": _is_ocsp_request,
    f"a time stamp of RFC 3161 (DER), {_NO_KEY}": _is_time_stamp,
    f"DER with the parameters of an EC key, {_NO_KEY}": _are_curve_parameters,
    f"DER with the parameters of a Diffie-Hellman or DSA key, {_NO_KEY}": _are_group_parameters,
    f"a keystore of Bouncy Castle (BCFKS): convert it with: {_BOUNCY_CASTLE.format('BCFKS')}": (
        _is_bcfks
    ),
}


def is_token(text: bytes) -> bool:
    """Whether text is a JWS or a JWT: three parts in base64url."""
    parts = text.strip().split(b".", 3)
    return (
        len(parts) == 3
        and parts[0].startswith(b"eyJ")
        and all(attempt(base64url_decode, part.decode("latin-1")) is not None for part in parts)
    )
