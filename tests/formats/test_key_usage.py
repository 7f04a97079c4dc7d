"""The key usage of a certificate: a key is not used for what its certificate forbids."""

from __future__ import annotations

import attrs
import pytest
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID

from tests.formats.helpers import (
    Authority,
    refused,
)
from trustkeys import TrustFrameworkKey
from trustkeys.formats import certificates
from trustkeys.formats.recipient_files import read_recipient

pytestmark = pytest.mark.usefixtures("test_keys_allowed")


USAGES = ("digital_signature", "key_encipherment", "data_encipherment")


@pytest.mark.parametrize("names", [(), *((name,) for name in USAGES), USAGES[:2], USAGES])
def test_the_key_usage_decides_the_use(
    rsa_key: TrustFrameworkKey, authority: Authority, names: tuple[str, ...]
) -> None:
    others = ("content_commitment", "key_agreement", "key_cert_sign", "crl_sign")
    usage = x509.KeyUsage(
        **{name: name in names for name in USAGES},
        **dict.fromkeys(others, False),
        encipher_only=False,
        decipher_only=False,
    )
    leaf = authority.issue_for(rsa_key, usage)
    uses = {"sig"} if USAGES[0] in names else set()
    uses |= {"enc"} if {*names} & {*USAGES[1:]} else set()
    for use in ("sig", "enc"):
        if use in uses:
            assert certificates.from_certificate([leaf], use=use).use == use
        else:
            error = refused(certificates.from_certificate, [leaf], use=use)
            assert (error.code, error.target) == ("AADB2C95034", "use")
            key = attrs.evolve(rsa_key, use=use)
            assert refused(certificates.with_certificates, key, [leaf]).target == "use"
    if len(uses) == 1:
        assert certificates.from_certificate([leaf]).use in uses
    else:
        # The certificate of an authority is for neither, and no option makes it so.
        code = "AADB2C90253" if uses else "AADB2C95034"
        assert refused(certificates.from_certificate, [leaf]).code == code


@pytest.mark.parametrize(
    ("oid", "value"),
    [
        (ExtensionOID.KEY_USAGE, b"\x05\x00"),
        (ExtensionOID.SUBJECT_ALTERNATIVE_NAME, b"\x30\x02\xa3\x00"),
    ],
)
def test_a_certificate_with_unreadable_extensions_is_refused(
    rsa_key: TrustFrameworkKey, authority: Authority, oid: x509.ObjectIdentifier, value: bytes
) -> None:
    leaf = authority.issue_for(rsa_key, x509.UnrecognizedExtension(oid, value))
    for call, args in (
        (certificates.from_certificate, ([leaf],)),
        (certificates.with_certificates, (rsa_key, [leaf])),
    ):
        error = refused(call, *args)
        assert (error.code, "extensions cannot be read" in error.message) == ("AADB2C95034", True)


def test_a_certificate_for_rsassa_pss_alone_is_for_sig(
    rsa_key: TrustFrameworkKey, authority: Authority
) -> None:
    made = asn1.Certificate.load(authority.issue_for(rsa_key).public_bytes(Encoding.DER))
    info = made["tbs_certificate"]["subject_public_key_info"]
    info["algorithm"] = {"algorithm": "rsassa_pss"}
    data = made.dump(force=True)
    with pytest.warns(UserWarning, match="for RSASSA-PSS alone, and its key becomes one for any"):
        assert certificates.from_certificate(data).use == "sig"
    key = attrs.evolve(rsa_key, use="enc")
    for error in (
        refused(certificates.from_certificate, data, use="enc"),
        refused(certificates.with_certificates, key, data),
        refused(read_recipient, data),
    ):
        assert (error.target, "RSASSA-PSS alone" in error.message) == ("use", True)
