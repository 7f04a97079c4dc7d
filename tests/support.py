"""What more than one test module needs."""

from __future__ import annotations

import base64
import ctypes
import doctest
import json
import math
import os
import random
import re
import select
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st

import trustkeys
from tests import forkserver
from trustkeys import TrustFrameworkKey, system, testing
from trustkeys.system import windows_files

ROOT = Path(__file__).parent.parent


def documented_p256() -> str:
    """The example of docs/how-to/key-types.md, as a module."""
    page = ROOT.joinpath("docs", "how-to", "key-types.md").read_text("utf-8")
    *imports, strategy = doctest.DocTestParser().get_examples(page)[1:4]
    source = "".join(example.source for example in [*imports, strategy])
    return f"{source}\np256 = P256()\n"


def b64(value: int | bytes) -> str:
    data = value if isinstance(value, bytes) else value.to_bytes(value.bit_length() // 8 + 1, "big")
    return base64.urlsafe_b64encode(data.lstrip(b"\0")).rstrip(b"=").decode()


def source_of_the_check() -> str:
    """The modules that make findings."""
    folder = ROOT / "trustkeys" / "keyset"
    return "".join(
        path.read_text("utf-8") for path in [folder / "audit.py", *folder.glob("*rules.py")]
    )


def der(tag: int, *content: bytes) -> bytes:
    data = b"".join(content)
    octets = len(data).to_bytes(4).lstrip(b"\0")
    length = bytes([len(data)]) if len(data) < 128 else bytes([0x80 | len(octets)]) + octets
    return bytes([tag]) + length + data


def encrypted_pkcs8(method: str, salt: bytes, *numbers: int) -> bytes:
    """PKCS#8 in DER that no passphrase opens: method "pbkdf2" or "scrypt", and its numbers."""
    methods = {"pbkdf2": "2a864886f70d01050c", "scrypt": "2b06010401da47040b"}
    integers = [der(2, number.to_bytes(number.bit_length() // 8 + 1)) for number in numbers]
    kdf = der(0x30, der(6, bytes.fromhex(methods[method])), der(0x30, der(4, salt), *integers))
    cipher = der(0x30, der(6, bytes.fromhex("60864801650304012a")), der(4, bytes(16)))
    pbes2 = der(6, bytes.fromhex("2a864886f70d01050d"))
    return der(0x30, der(0x30, pbes2, der(0x30, kdf, cipher)), der(4, bytes(1232)))


def rsa_jwk_of(p: int, q: int) -> dict[str, Any]:
    """A JWK whose numbers fit by arithmetic, whether or not p and q are prime."""
    d = pow(65537, -1, (p - 1) * (q - 1))
    numbers = {"n": p * q, "d": d, "p": p, "q": q, "dp": d % (p - 1), "dq": d % (q - 1)}
    numbers["qi"] = pow(q, -1, p)
    return {
        "kty": "RSA",
        "use": "sig",
        "e": "AQAB",
        **{name: b64(value) for name, value in numbers.items()},
    }


def composite_rsa(bits: int) -> dict[str, Any]:
    """A JWK whose primes are none."""
    draw = random.Random(bits)
    while True:
        p, q = (draw.getrandbits(bits // 2) | 3 << (bits // 2 - 2) | 1 for _ in range(2))
        try:
            return rsa_jwk_of(p, q)
        except ValueError:
            continue


@cache
def small_primes() -> int:
    """The product of the odd primes of 16 bits."""
    return math.prod(n for n in range(3, 1 << 16, 2) if pow(2, n - 1, n) == 1)


@cache
def sound_modulus(seed: int, bits: int = 2048) -> int:
    """A product that looks as if its two factors were prime, until somebody tests it for long."""
    draw = random.Random(seed)

    def factor(bits: int) -> int:
        while True:
            drawn = draw.getrandbits(bits) | 3 << (bits - 2) | 1
            if math.gcd(drawn, small_primes()) == 1:
                return drawn

    return factor(bits // 2) * factor(bits - bits // 2)


def public_rsa(n: int, **members: Any) -> dict[str, Any]:
    """A public JWK with this modulus."""
    return {"kty": "RSA", "use": "sig", "e": "AQAB", "n": b64(n), **members}


def oct_key(
    nbf: int | None = None,
    exp: int | None = None,
    status: str = "enabled",
    *,
    use: str = "sig",
    size: int = 256,
) -> TrustFrameworkKey:
    """A new oct key with any dates, in any order: what a test of times needs.

    It takes no longer than a test key, and unlike one it passes the check.
    """
    made = trustkeys.generate_key(use, "oct", size=size)
    return attrs.evolve(made, nbf=nbf, exp=exp, status=status)


def diagonal(*columns: Iterable[Any]) -> list[tuple[Any, ...]]:
    """The values of each column side by side, so that each value occurs."""
    lists = [list(column) for column in columns]
    longest = max(map(len, lists))
    return [tuple(each[row % len(each)] for each in lists) for row in range(longest)]


def combinations(*columns: Iterable[Any]) -> list[Any]:
    """Parameters for pytest: the diagonal, and in the deep tier all other combinations too."""
    lists = [list(column) for column in columns]
    near = {*diagonal(*(range(len(each)) for each in lists))}
    return [
        pytest.param(
            *(each[number] for each, number in zip(lists, numbers, strict=True)),
            marks=() if numbers in near else pytest.mark.deep,
        )
        for numbers in product(*(range(len(each)) for each in lists))
    ]


def fewer(divisor: int) -> settings:
    """Settings for a property that takes long: a part of the examples of the profile."""
    return settings(max_examples=max(1, settings().max_examples // divisor))


WINDOWS = sys.platform == "win32"

WINE = WINDOWS and hasattr(getattr(ctypes, "windll").ntdll, "wine_get_version")  # noqa: B009

KILLED = 1 if WINDOWS else -9
"""The exit code of a process that `subprocess.Popen.kill` ended."""


def posix_only(reason: str) -> pytest.MarkDecorator:
    """Skip the test on Windows."""
    return pytest.mark.skipif(sys.platform == "win32", reason=reason)


needs_fork = posix_only("Windows has no fork")
needs_links = posix_only("on Windows, making a symbolic link needs a privilege")
needs_named_pipes = posix_only("Windows has no pipe with a name in a directory")
needs_modes = posix_only("Windows has no mode bits")
needs_tzset = posix_only("on Windows, Python cannot change its time zone")
needs_signals = posix_only("on Windows, a program gets no signal from another")
needs_process_pools = pytest.mark.skipif(WINE, reason="in Wine, a ProcessPoolExecutor can hang")
needs_shell = pytest.mark.skipif(
    sys.platform == "win32" or shutil.which("bash") is None,
    reason="needs bash, and programs that are shell scripts",
)


def mode_of(path: Path) -> int:
    """The mode bits of a file or directory; on Windows, those that say what its access rules do."""
    if not WINDOWS:
        return stat.S_IMODE(path.stat().st_mode)
    from trustkeys.system.windows_access import _user

    rules = access_rules(path)
    # Of "SID Strings": the owner, the system and administrators.
    others = {*re.findall(r"\(A;[^)]*;([^;)]+)\)", rules)} - {"OW", "SY", "BA", "LA", _user()}
    # Wine does not keep that a file takes no rules from its directory.
    is_private = not others and (WINE or rules.startswith("D:P"))
    if path.is_dir():
        return 0o700 if is_private else 0o755
    return 0o600 if is_private else 0o644


def access_rules(path: Path) -> str:
    """The rules of Windows for a file, in its "Security Descriptor String Format"."""
    library = getattr(ctypes, "windll").advapi32  # noqa: B009
    descriptor, text = ctypes.c_void_p(), ctypes.c_wchar_p()
    args = (str(path), 1, 4, None, None, None, None, ctypes.byref(descriptor))
    assert library.GetNamedSecurityInfoW(*args) == 0
    assert library.ConvertSecurityDescriptorToStringSecurityDescriptorW(
        descriptor, 1, 4, ctypes.byref(text), None
    )
    return text.value or ""


def limited_to(octets: int) -> Callable[[], None]:
    """Return a `preexec_fn` under which files can have at most so many octets, as on a full disk.

    On Windows, skip the test.
    """
    resource = pytest.importorskip("resource", reason="Windows has no limit on the size of a file")
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (octets, octets))


COMMAND = [sys.executable, "-m", "trustkeys"]


def command(*args: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, with the options of `subprocess.run`.

    The process is a child of the fork server, unless `TRUSTKEYS_REAL_PROCESSES` is set or the
    options ask for what only a new interpreter can do. Windows, which has no fork, runs it in this
    process.
    """
    from tests.cli import in_process

    options = {"capture_output": True, "text": True, "timeout": 60, **options}
    if forkserver.can_run(options):
        return forkserver.run(args, **options)
    if sys.platform == "win32" and in_process.can_run(options):
        return in_process.run(args, **options)
    return subprocess.run([*COMMAND, *args], **options)


DATES = st.none() | st.integers(0, 12)

STATUSES = st.sampled_from(["enabled", "enabled", "enabled", "disabled"])

DATED_KEYS = st.lists(st.tuples(DATES, DATES, STATUSES), max_size=6).map(
    lambda drawn: [
        attrs.evolve(testing.oct_key(seed), nbf=nbf, exp=exp, status=status)
        for seed, (nbf, exp, status) in enumerate(drawn)
    ]
)
"""Lists of keys with dates so near to one another that everything occurs."""


def model_of_the_overview(keys: Sequence[TrustFrameworkKey], now: int) -> TrustFrameworkKey | None:
    """The sentences of the policy-keys overview, one by one, with our reading of what it leaves."""
    active: TrustFrameworkKey | None = None
    for candidate in keys:
        # A key counts only while enabled
        if candidate.status != "enabled":
            continue
        # and while the current time lies between nbf and exp; a missing one is since ever, never.
        if candidate.nbf is not None and now < candidate.nbf:
            continue
        if candidate.exp is not None and now >= candidate.exp:
            continue
        # Keys are ordered by activation date; keys without one come last. The latest has taken
        # over from the ones before; of equals the later added wins.
        if (
            active is None
            or active.nbf is None
            or (candidate.nbf is not None and candidate.nbf >= active.nbf)
        ):
            active = candidate
    return active


def in_use_at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files be removed as on Windows, where the first attempt finds the file open elsewhere.

    That attempt undoes all patches.
    """

    def refuse(_path: str) -> None:
        monkeypatch.undo()
        error = PermissionError(13, "in use")
        error.winerror = 32  # type: ignore[attr-defined, unused-ignore]
        raise error

    monkeypatch.setattr(system, "remove", windows_files.remove)
    monkeypatch.setattr(os, "unlink", refuse)


def failed(done: subprocess.CompletedProcess[str], code: int) -> str:
    """The one line of an error."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("trustkeys: ")
    assert done.stderr.endswith("\n")
    assert done.stderr[:-1].isprintable()
    return in_words_of_posix(done.stderr[len("trustkeys: ") : -1])


def in_words_of_posix(text: str) -> str:
    """Replace what Windows says of an error, in the language of its user."""
    for code, words in WINDOWS_ERRORS.items() if WINDOWS else ():
        api: Any = ctypes
        text = text.replace(api.FormatError(code).rstrip("\r\n ."), words)
    return text


WINDOWS_ERRORS = {
    2: "No such file or directory",
    3: "No such file or directory",
    5: "Permission denied",
    80: "File exists",
    183: "File exists",
    267: "Not a directory",
    10048: "Address already in use",
}
"""System error codes of Windows, with the words of POSIX."""


NO_TERMINAL: dict[str, Any]
"""Options for `command`, to run it away from any terminal that could be asked."""

if sys.platform == "win32":
    NO_TERMINAL = {"creationflags": subprocess.DETACHED_PROCESS}
else:
    NO_TERMINAL = {"start_new_session": True}


def keyset_command(*args: str, cwd: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command on key sets, away from any terminal that could be asked."""
    return command("keyset", *args, cwd=cwd, **{**NO_TERMINAL, **options})


def done(*args: str, cwd: Path, **options: Any) -> str:
    """What a command prints that goes well and does not warn."""
    return without_warning(keyset_command(*args, cwd=cwd, **options))


def without_warning(process: subprocess.CompletedProcess[str]) -> str:
    """The output of a command that went well: a note of the active key is no warning."""
    assert process.returncode == 0, process.stderr
    notes = [line.removeprefix("trustkeys: ") for line in process.stderr.splitlines()]
    assert not any(note.startswith("warning") for note in notes), process.stderr
    return process.stdout


def at_a_terminal(*args: str, cwd: Path, answers: list[str], **environment: str) -> tuple[int, str]:
    """Run a command on key sets at a terminal."""
    return command_at_a_terminal("keyset", *args, cwd=cwd, answers=answers, **environment)


def command_at_a_terminal(
    *args: str, cwd: Path, answers: list[str], **environment: str
) -> tuple[int, str]:
    """Run the command with a terminal of its own, and type answers, one at each prompt."""
    pty = pytest.importorskip("pty", reason="Windows has no pseudo-terminals")
    terminal, other = pty.openpty()
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), other)
    settings = {"TERM": "xterm-256color", "COLUMNS": "80", **environment}
    options: dict[str, Any] = {"cwd": cwd, "env": {**os.environ, **settings}, **streams}
    process: subprocess.Popen[Any]
    if forkserver.can_run(options):
        process = forkserver.Process(args, terminal=True, **options)
    else:
        options["preexec_fn"] = partial(os.login_tty, 0)
        process = subprocess.Popen([*COMMAND, *args], **options)
    os.close(other)
    screen = b""
    waiting = list(answers)
    while True:
        ready, _, _ = select.select([terminal], [], [], 30)
        assert ready, screen
        try:
            data = os.read(terminal, 4096)
        except OSError:  # Linux: the other end is closed
            data = b""
        if not data:
            break
        screen += data
        if waiting and re.search(rb": $", screen):
            # CPython misses a signal that comes in the microseconds before it reads.
            time.sleep(0.1 if waiting[0] == "\x03" else 0)
            os.write(terminal, waiting.pop(0).encode(errors="surrogateescape"))
    os.close(terminal)
    return process.wait(), screen.decode()


def spellings(secret: str) -> Iterator[str]:
    """All the ways in which one private JWK member could show up in text."""
    data = base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4))
    yield secret
    yield data.hex()
    yield data.hex().upper()
    yield str(int.from_bytes(data, "big"))
    yield base64.b64encode(data).decode().rstrip("=")
    yield repr(data)[2:-1]


def leaks(text: str, jwk: Mapping[str, Any]) -> list[str]:
    """The private members of `jwk` of which 16 characters in a row occur in `text`."""
    return [
        name
        for name in ("k", "d", "p", "q", "dp", "dq", "qi")
        if isinstance(jwk.get(name), str)
        and any(
            spelling[start : start + 16] in text
            for spelling in spellings(jwk[name])
            for start in range(0, max(1, len(spelling) - 15), 8)
        )
    ]


def all_text_of(error: BaseException | None) -> str:
    """Everything that an exception carries, along both of its chains."""
    if error is None:
        return ""
    own = [str(error), repr(error), repr(error.args), repr(vars(error))]
    return "\n".join([*own, all_text_of(error.__cause__), all_text_of(error.__context__)])


def environment(**changes: str) -> dict[str, str]:
    return {**os.environ, **changes}


def parse(text: str) -> dict[str, Any]:
    value = json.loads(text)
    assert isinstance(value, dict)
    return value


def header_of(text: str) -> dict[str, Any]:
    part = text.split(".", maxsplit=1)[0]
    return parse(base64.urlsafe_b64decode(part + "==").decode())


def with_header(text: str, **changes: Any) -> str:
    header = {k: v for k, v in {**header_of(text), **changes}.items() if v is not Ellipsis}
    part = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    return ".".join([part, *text.split(".")[1:]])


def openssl(*args: str, cwd: Path | None = None, data: bytes = b"", password: str = "") -> str:
    """Run the openssl command; it finds the passphrase with ``-passin env:PW``."""
    if shutil.which("openssl") is None and not os.environ.get("CI"):
        pytest.skip("the openssl command is not installed")
    done = subprocess.run(
        ["openssl", *args],
        cwd=cwd,
        input=data,
        capture_output=True,
        env=environment(PW=password),
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return (done.stdout + done.stderr).decode()
