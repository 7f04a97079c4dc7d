"""Keys of SSH programs are named with the command that converts them."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.formats.helpers import refused
from trustkeys import TrustFrameworkKey
from trustkeys.formats import reading


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("PuTTY-User-Key-File-3: ssh-rsa\n", "puttygen FILE -O private-openssh"),
        ("PuTTY-User-Key-File-2: ssh-rsa\r\n", "puttygen FILE -O private-openssh"),
        ("---- BEGIN SSH2 PUBLIC KEY ----\n", "ssh-keygen -i -f FILE"),
        ("---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\r\n", "ssh-keygen -i -f FILE > NEW.pem"),
        ("ssh-rsa AAAAB3NzaC1yc2E a@b\n", "ssh-keygen -e -m PKCS8 -f FILE > NEW.pem"),
        ("ecdsa-sha2-nistp256 AAAAE2Vj a@b\n", "ssh-keygen -e -m PKCS8 -f FILE > NEW.pem"),
        ("sk-ssh-ed25519@openssh.com AAAAGnNr\n", "ssh-keygen -e -m PKCS8 -f FILE > NEW.pem"),
    ],
)
def test_a_key_of_an_ssh_program_is_named(text: str, words: str) -> None:
    assert words in refused(reading.recognise, text.encode()).message


def test_a_public_key_of_openssh_is_named(rsa_key: TrustFrameworkKey) -> None:
    data = rsa_key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    assert "a public key in OpenSSH's form" in refused(reading.recognise, data).message
