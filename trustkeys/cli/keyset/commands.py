"""trustkeys keyset: key sets in files."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
from attrs import asdict

from trustkeys import store
from trustkeys.cli import inputs, passphrases, values
from trustkeys.cli.signals import uninterrupted
from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.numericdate import date_text
from trustkeys.core.strict_json import MAX_SET_BYTES
from trustkeys.errors import InvalidInputError, KeyNotFoundError, prefix_errors
from trustkeys.files import write_new
from trustkeys.formats.certificates import certificates_of, self_signed, to_certificate_pem
from trustkeys.formats.reading import read_key
from trustkeys.keyset.check import check_key_set
from trustkeys.keyset.keyset import TrustFrameworkKeySet
from trustkeys.keyset.schedule import FOREVER, end_of, start_of, stretches

# Others hold the lock for as long as it takes to make their keys.
_PATIENCE = 60  # seconds

# A kid can begin with a hyphen, and must not be taken for an option.
_KID_SETTINGS = {"ignore_unknown_options": True, "help_option_names": ["--help"]}

_EPILOG = """\b
Examples:
  trustkeys keyset create TokenSigningKeyContainer -o signing.keys
  trustkeys keyset rotate signing.keys --use sig --kty RSA --every 90d --count 4
  trustkeys keyset show signing.keys
  trustkeys keyset check signing.keys --until +1y || echo "sign-in will fail"
  trustkeys keyset jwks signing.keys > public.json

\b
FILE is encrypted, and its passphrase is asked for; --password-file FILE takes it from a file,
or a pipe such as /dev/fd/3. A DURATION is a number and a unit: s, min, h, d, w, y (365 days).
T is a time: seconds since 1970, a date or time of ISO 8601 such as 2027-01-31, now, or a plus
and a duration, such as +90d. A KID can be cut short to 6 characters.

Exit status: 0 done, 1 trouble with a file, 2 bad input, 3 the check found an error.
"""

Command = Callable[..., Any]


@click.group(epilog=_EPILOG)
def keyset() -> None:
    """Make and keep key sets, under the rules of Azure AD B2C."""


def _file(command: Command) -> Command:
    """Add what every command takes that works on a file."""
    command = click.option(
        "--password-file", metavar="FILE", help="The file, or pipe, that the passphrase is in."
    )(command)
    return click.argument("file")(command)


# Of commands that print something else for people.
_json = click.option("--json", "as_json", is_flag=True, help="Print results and errors as JSON.")

_json_errors = click.option(
    "--json", is_flag=True, expose_value=False, help="Print errors as JSON, as Graph does."
)


def _at(command: Command) -> Command:
    return click.option("--at", metavar="T", help="What counts as now. Default: now.")(command)


def _kind(command: Command) -> Command:
    command = click.option(
        "--size", type=int, metavar="BITS", help="RSA 2048, 3072, 4096; oct 256 to 4096."
    )(command)
    command = click.option("--kty", metavar="KTY", help="RSA or oct. Default: as the others.")(
        command
    )
    return click.option("--use", metavar="USE", help="sig or enc. Default: as the others.")(command)


@keyset.command()
@click.argument("name")
@click.option("-o", "--output", metavar="FILE", required=True, help="A new file, mode 0600.")
@click.option("--plain", is_flag=True, help="Let the private keys lie in the open.")
@click.option("--password-file", metavar="FILE", help="Where the passphrase is. Default: ask.")
@_json_errors
def create(name: str, output: str, plain: bool, password_file: str | None) -> None:
    """Create an empty key set in a new file.

    It is encrypted to a passphrase. NAME gets the prefix B2C_1A_, as in the service.
    """
    if output == "-":
        raise click.UsageError("a key set is kept in a file: -o FILE")
    made = TrustFrameworkKeySet(name)
    if os.path.lexists(output):  # before anybody thinks up a passphrase
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), output)
    password = passphrases.new(output, password_file, plain=plain, option="--password-file")
    with uninterrupted():
        store.save(made, output, password=password, plain=plain)
    values.write_json(made.to_graph())


@keyset.command()
@_file
@_kind
@click.option("--nbf", metavar="T", help="Not before this time. Default: no date.")
@click.option("--exp", metavar="T", help="Expires at this time. Default: no date.")
@_json_errors
def generate(
    file: str,
    password_file: str | None,
    use: str | None,
    kty: str | None,
    size: int | None,
    nbf: str | None,
    exp: str | None,
) -> None:
    """Generate a key and add it. Prints the answer that Graph would give."""
    start, end = values.dates(nbf, exp)
    with _editing(file, password_file) as keys:
        key = keys.generate_key(use, kty, nbf=start, exp=end, size=size)
    if end is not None and end <= values.now(None):
        values.warn(f"the key is over already: it ended at {date_text(end)}")
    _tell(values.json_text(key.to_graph()))


@keyset.command()
@_file
@_at
@click.option("--svg", metavar="FILE", help="Draw a picture into a new file; -: standard output.")
@_json
def show(
    file: str, password_file: str | None, as_json: bool, at: str | None, svg: str | None
) -> None:
    """Show the keys on a timeline. It tells which is active when, and where there is a gap."""
    keys = _loaded(file, password_file)
    when = values.now(at)
    if as_json and svg is None:
        values.write_json({**keys.to_graph(), "timeline": _timeline(keys)})
        return
    from trustkeys.cli import timeline

    if svg is None:
        text = timeline.as_text(
            keys,
            at=when,
            width=shutil.get_terminal_size().columns,
            color=values.has_colors(),
            plain=not values.can_write(timeline.UNICODE.values()),
        )
        values.write_out(text)
    elif svg == "-":
        values.write_out(timeline.as_svg(keys, at=when))
    else:
        # A picture is for others to see.
        write_new(svg, timeline.as_svg(keys, at=when).encode(), mode=0o644)


@keyset.command()
@_file
@_at
@_json_errors
def active(file: str, password_file: str | None, at: str | None) -> None:
    """Print the active key. That is the one that the service uses, and getActiveKey gives."""
    key = _loaded(file, password_file).get_active_key(values.now(at))
    values.write_json(key.to_graph())


@keyset.command()
@_file
@_kind
@_at
@click.option("--every", metavar="DURATION", required=True, help="From one takeover to the next.")
@click.option(
    "--overlap",
    metavar="DURATION",
    help="How long a key stays valid after the next one has taken over. Default: 7d for sig, "
    "90d for enc.",
)
@click.option("--count", type=int, metavar="N", default=1, help="How many keys. Default: 1.")
@click.option(
    "--start",
    metavar="T",
    help="When the first one takes over. Default: when the last key is due, a day from now at "
    "the earliest, but before there is a gap; now, where there is no active key.",
)
@_json
def rotate(
    file: str,
    password_file: str | None,
    as_json: bool,
    use: str | None,
    kty: str | None,
    size: int | None,
    at: str | None,
    every: str,
    overlap: str | None,
    count: int,
    start: str | None,
) -> None:
    """Add the next keys. Each takes over from the one before, and none leaves a gap."""
    when = values.now(at)
    period = values.duration(every, "every")
    tail = None if overlap is None else values.duration(overlap, "overlap")
    first = None if start is None else values.point_in_time(start, "start", when, when)
    with _editing(file, password_file, when) as keys:
        added = keys.rotate(
            period,
            overlap=tail,
            count=count,
            start=first,
            use=use,
            kty=kty,
            size=size,
            at=when,
        )
    if as_json:
        _tell(values.json_text({"value": [key.to_graph(base_url=None) for key in added]}))
        return
    _tell(
        "".join(
            f"{key.kid}  from {date_text(start_of(key))} to {date_text(end_of(key))}\n"
            for key in added
        )
    )


@keyset.command()
@_file
@_kind
@click.option("--at", metavar="T", help="When the key is to become active. Default: now.")
@click.option("--exp", metavar="T", help="When it expires. Default: never.")
@click.option("--disable", is_flag=True, help="Disable all other keys.")
@_json_errors
def rollover(
    file: str,
    password_file: str | None,
    use: str | None,
    kty: str | None,
    size: int | None,
    at: str | None,
    exp: str | None,
    disable: bool,
) -> None:
    """Add a key that is active from now on. For emergencies."""
    when = values.now(at)
    end = None if exp is None else values.point_in_time(exp, "exp", when, values.now(None))
    with _editing(file, password_file) as keys:
        key = keys.rollover(when, exp=end, disable=disable, use=use, kty=kty, size=size)
        active = keys.get_active_key(max(when, values.now(None)))
    if active != key:
        values.warn(f"another key is active: {active.kid} starts later; --disable disables it")
    _tell(values.json_text(key.to_graph()))


@keyset.command()
@_file
@_at
@click.option("--until", metavar="T", help="How far there must be no gap; +1y counts from --at.")
@click.option("--public", is_flag=True, help="Do not miss private parts: the set is published.")
@_json
def check(
    file: str,
    password_file: str | None,
    as_json: bool,
    at: str | None,
    until: str | None,
    public: bool,
) -> int:
    """Look for what would break sign-in. Exit status 3 when there is an error.

    FILE can also be a JWK Set or a saved answer of Graph, valid or not; -: standard input.
    """
    if file == "-" and password_file is not None:
        raise click.UsageError("--password-file is for a file, and not for standard input")
    when = values.now(at)
    end = None if until is None else values.point_in_time(until, "until", when, values.now(None))
    found = check_key_set(
        values.read_input(file, MAX_SET_BYTES)
        if file == "-"
        else store.read_document(file, password=passphrases.known(file, password_file)),
        at=when,
        until=end,
        private=False if public else None,
    )
    if as_json:
        values.write_json({"value": [asdict(finding) for finding in found]})
    else:
        lines = [f"{finding.severity}: {finding.message} ({finding.code})" for finding in found]
        values.write_out("".join(f"{values.escaped(line)}\n" for line in lines or ["no findings"]))
    return 3 if any(finding.severity == "error" for finding in found) else 0


@keyset.command(context_settings=_KID_SETTINGS)
@_file
@click.argument("kid")
@_json_errors
def enable(file: str, kid: str, password_file: str | None) -> None:
    """Enable the key KID."""
    _set_status(file, kid, password_file, "enabled")


@keyset.command(context_settings=_KID_SETTINGS)
@_file
@click.argument("kid")
@_json_errors
def disable(file: str, kid: str, password_file: str | None) -> None:
    """Disable the key KID. It cannot be active then, and stays in the set."""
    _set_status(file, kid, password_file, "disabled")


@keyset.command()
@_file
@click.option("--use", metavar="USE", help="sig or enc. Default: as the others.")
@click.option("--nbf", metavar="T", help="Not before this time. Default: no date.")
@click.option("--exp", metavar="T", help="Expires at this time. Default: no date.")
@_json_errors
def secret(
    file: str, password_file: str | None, use: str | None, nbf: str | None, exp: str | None
) -> None:
    """Add a secret that is given as text, as Graph's uploadSecret does.

    It is asked for without being shown, or read from standard input; one line end is cut off.
    """
    start, end = values.dates(nbf, exp)
    if password_file == "-":  # noqa: S105 - a name
        raise click.UsageError("standard input is for the secret, and not for the passphrase")
    store.is_encrypted(file)  # whether it is there at all, before anything is asked for
    text = passphrases.secret(f"Secret for {file}: ")
    with _editing(file, password_file) as keys:
        key = keys.upload_secret(text, use, nbf=start, exp=end)
    _tell(values.json_text(key.to_graph()))


@keyset.command()
@_file
@click.argument("key_file", metavar="KEY")
@click.option("--use", metavar="USE", help="sig or enc, where neither KEY nor the set says.")
@click.option("--nbf", metavar="T", help="Not before this time, in place of what KEY says.")
@click.option("--exp", metavar="T", help="Expires at this time, in place of what KEY says.")
@click.option("--key-password-file", metavar="PW", help="Where the passphrase of KEY is.")
@_json_errors
def add(
    file: str,
    key_file: str,
    password_file: str | None,
    use: str | None,
    nbf: str | None,
    exp: str | None,
    key_password_file: str | None,
) -> None:
    """Add the key in the file KEY: a JWK, PEM, a certificate, PKCS#12, in any form.

    Prints the answer that Graph would give.
    """
    if [key_file, password_file, key_password_file].count("-") > 1:
        raise click.UsageError("standard input can be one of the files")
    start, end = values.dates(nbf, exp)

    def read(data: bytes, password: str | None) -> Callable[[str | None], TrustFrameworkKey]:
        def key_for(otherwise: str | None) -> TrustFrameworkKey:
            # What KEY is for the set says only where KEY does not.
            try:
                return read_key(data, use=use, nbf=start, exp=end, password=password)
            except InvalidInputError as error:
                if (error.code, error.target) != ("AADB2C90253", "use") or otherwise is None:
                    raise
            return read_key(data, use=otherwise, nbf=start, exp=end, password=password)

        # Nobody is asked for a passphrase while others wait for the lock.
        key_for("sig")
        return key_for

    key_for = inputs.foreign(key_file, key_password_file, read, otherwise="--key-password-file")
    with _editing(file, password_file) as keys:
        with prefix_errors(key_file):
            key = key_for(keys.use)
        keys.add(key)
    _tell(values.json_text(key.to_graph()))


@keyset.command(context_settings=_KID_SETTINGS)
@_file
@click.argument("kid")
@click.option("--subject", metavar="NAMES", help="Sign one with the key: CN=login,O=Example.")
@click.option("--nbf", metavar="T", help="Its first second, where the key has no date.")
@click.option("--exp", metavar="T", help="Its last second, where the key has no date.")
@click.option("--certificate", "chain_file", metavar="FILE", help="What an authority issued.")
@_json_errors
def certify(
    file: str,
    kid: str,
    password_file: str | None,
    subject: str | None,
    nbf: str | None,
    exp: str | None,
    chain_file: str | None,
) -> None:
    """Give the RSA key KID a certificate: a self-signed one, or one that an authority issued.

    Prints the certificates as PEM. "trustkeys export --format csr" asks an authority for one.
    """
    if chain_file == password_file == "-":
        raise click.UsageError("standard input can be one of the files")
    if (subject is None) == (chain_file is None):
        raise click.UsageError("say one: --subject NAMES, or --certificate FILE")
    start, end = values.dates(nbf, exp)
    if chain_file is not None and (start, end) != (None, None):
        raise click.UsageError("--nbf and --exp go with --subject")
    chain = None if chain_file is None else values.read_input(chain_file, MAX_SET_BYTES)
    with _editing(file, password_file) as keys:
        whole = inputs.whole_kid(keys, kid)
        before = keys.get(whole)
        if chain is None:
            if not _is_self_signed(before):
                raise InvalidInputError(
                    "an authority issued the certificate of this key: --certificate replaces it",
                    target="subject",
                )
            made = self_signed(before, str(subject), nbf=start, exp=end)
            chain = to_certificate_pem(made)
        key = keys.set_certificates(whole, chain)
    if before.x5c:
        values.warn("the key had a certificate, which this one replaces")
    _tell(to_certificate_pem(key).decode())


@keyset.command()
@_file
@_json_errors
def jwks(file: str, password_file: str | None) -> None:
    """Print the public keys as a JWK Set."""
    values.write_json(_loaded(file, password_file).to_jwks())


@keyset.command()
@_file
@click.option(
    "--new-password-file", metavar="FILE", help="Where the new passphrase is. Default: ask."
)
@click.option("--plain", is_flag=True, help="Let the private keys lie in the open from now on.")
@_json_errors
def password(
    file: str, password_file: str | None, new_password_file: str | None, plain: bool
) -> None:
    """Change the passphrase. A file that was plain gets one."""
    if (password_file, new_password_file) == ("-", "-"):
        raise click.UsageError("both passphrases cannot be standard input")
    old = passphrases.known(file, password_file)
    store.read_document(file, password=old)  # before anybody thinks up a new one
    new = passphrases.new(file, new_password_file, plain=plain, option="--new-password-file")
    store.change_password(file, password=old, new_password=new, plain=plain, timeout=_PATIENCE)


def _loaded(file: str, password_file: str | None) -> TrustFrameworkKeySet:
    return store.load(file, password=passphrases.known(file, password_file))


@contextmanager
def _editing(
    file: str, password_file: str | None, at: int | None = None
) -> Iterator[TrustFrameworkKeySet]:
    """Change a file, and warn of what leaves it without an active key at a time (now)."""
    password = passphrases.known(file, password_file)
    # Who expected to be asked for a passphrase must not wait for the question in vain.
    if password is None and sys.stderr is not None and sys.stderr.isatty():
        values.warn(f"{file} is not encrypted: its private keys lie in the open")
    with store.edit(file, password=password, timeout=_PATIENCE) as keys:
        yield keys
    try:
        keys.get_active_key(at)
    except KeyNotFoundError as error:
        values.warn(error.message)


def _is_self_signed(key: TrustFrameworkKey) -> bool:
    """Whether a key has no certificate that could not be made again."""
    if not key.x5c:
        return True
    certificate, *issuers = certificates_of(key)
    return not issuers and certificate.issuer == certificate.subject


def _tell(text: str) -> None:
    """Print what was done; where that fails, say that it was done all the same."""
    try:
        values.write_out(text)
    except OSError:
        values.warn("what was asked for is done, and must not be asked for again")
        raise


def _timeline(keys: TrustFrameworkKeySet) -> list[dict[str, Any]]:
    kids = [key.kid for key in keys]
    return [
        {
            "start": stretch.start,
            "end": None if stretch.end == FOREVER else stretch.end,
            "kid": None if stretch.key is None else kids[stretch.key],
        }
        for stretch in stretches(list(keys))
    ]


def _set_status(file: str, kid: str, password_file: str | None, status: str) -> None:
    with _editing(file, password_file) as keys:
        keys.set_status(inputs.whole_kid(keys, kid), status)
