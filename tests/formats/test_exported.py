"""Passphrases of exported files: strong by default, and never shown."""

from __future__ import annotations

import pickle
import re
from typing import Any

import pytest

from tests import support
from tests.formats.helpers import (
    PASSWORD,
    refused,
)
from trustkeys import TrustFrameworkKey, TrustFrameworkKeySet
from trustkeys.formats import pem, pkcs12, reading

pytestmark = pytest.mark.usefixtures("test_keys_allowed")


def test_a_generated_passphrase_is_random_and_long(rsa_key: TrustFrameworkKey) -> None:
    exported = pem.to_encrypted_pem(rsa_key), pem.to_encrypted_pem(rsa_key)
    assert exported[0].password != exported[1].password
    for each in exported:
        # gpgsm 2.2 opens no PFX whose passphrase has 32 characters.
        assert re.fullmatch("[a-z2-7]{26}", each.password)


@pytest.mark.deep
def test_your_own_passphrase_is_accepted_with_a_warning(certified: TrustFrameworkKey) -> None:
    for write in (
        pem.to_encrypted_pem,
        pem.to_encrypted_der,
        pkcs12.to_pkcs12,
        pkcs12.to_pkcs12_b2c,
    ):
        with pytest.warns(UserWarning, match="protects a passphrase only weakly") as caught:
            assert write(certified, password=PASSWORD).password == PASSWORD
        assert caught[0].filename == __file__
        with pytest.warns(UserWarning, match="weakly"):
            assert write(certified, password="a" * 1023).data
        wrong: list[Any] = ["", "caf\u00e9", "a\n", "a" * 1024, 5, b"bytes"]
        for password in wrong:
            error = refused(write, certified, password=password)
            assert (error.target, "printable ASCII" in error.message) == ("password", True)


def test_an_exported_file_does_not_show_its_passphrase(rsa_key: TrustFrameworkKey) -> None:
    exported = pem.to_encrypted_pem(rsa_key)
    assert repr(exported) == f"<Exported, {len(exported.data)} bytes>"
    with pytest.raises(TypeError, match="is not pickled"):
        pickle.dumps(exported)


@pytest.mark.parametrize("password", ["", "S3CRET\0", "x" * 1024, "\ud800", b"S3CRET", 5])
def test_an_invalid_passphrase_is_refused_and_not_shown(
    certified: TrustFrameworkKey, password: Any
) -> None:
    pfx = pkcs12.to_pkcs12(certified)
    for call, args in (
        (pem.from_pem, (pem.to_encrypted_pem(certified).data,)),
        (pem.from_pem, (pem.to_encrypted_der(certified).data,)),
        (pkcs12.from_pkcs12, (pfx.data,)),
        (reading.read_key, (pfx.data,)),
    ):
        error = refused(call, *args, use="sig", password=password)
        assert error.target == "password"
        text = support.all_text_of(error)
        assert "S3CRET" not in text
        assert "83, 51, 67" not in text
    refused(TrustFrameworkKeySet("a").upload_pkcs12, pfx.data, password)
