"""Java as the judge: programs such as Tomcat keep their keys in PKCS#12 files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop.keytool import assert_java_opens
from trustkeys import TrustFrameworkKey
from trustkeys.formats.exported import Exported
from trustkeys.formats.pkcs12 import to_pkcs12, to_pkcs12_b2c

pytestmark = [pytest.mark.deep, pytest.mark.interop]


@pytest.mark.parametrize("to_file", [to_pkcs12, to_pkcs12_b2c])
def test_java_opens_a_pkcs12_file_and_signs_with_its_key(
    tmp_path: Path, certified: TrustFrameworkKey, to_file: Callable[[TrustFrameworkKey], Exported]
) -> None:
    file = to_file(certified)
    assert_java_opens(file.data, file.password, certified, tmp_path)
