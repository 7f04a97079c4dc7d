"""A fake az, signed in to a fake tenant, which is a JSON file.

It does what azure-cli-core 2.91 does and the script can notice: ``@FILE`` bodies, errors as
``ERROR: Reason({…})``, exit status 1, nothing printed for null. It knows only the JMESPath queries
of the script.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import site
import sys
import time
from base64 import b64decode, urlsafe_b64encode
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ["STANDIN"])
REASONS = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
PRIVATE = ("k", "d", "p", "q", "dp", "dq", "qi")


def queried(query: str, answer: dict[str, Any]) -> list[str] | str:
    """Return what the queries of the script, in JMESPath, find in an answer."""
    key_query = re.search(
        r"to_string\(\[use \|\| '(sig|enc)',"
        r"nbf && floor\(to_number\(nbf\)\),exp && floor\(to_number\(exp\)\),n\]\)",
        query,
    )
    assert key_query is not None

    def shown(key: dict[str, Any]) -> str:
        dates = [seconds(key[name]) for name in ("nbf", "exp")]
        return json.dumps([key["use"] or key_query[1], *dates, key["n"]], separators=(",", ":"))

    if query == key_query[0]:
        return shown(answer)
    assert query == f"[[['keys','','']],keys[].[{key_query[0]},status || 'enabled',kid]][]"
    return ["keys\t\t"] + [
        f"{shown(key)}\t{key.get('status') or 'enabled'}\t{key['kid']}" for key in answer["keys"]
    ]


class Refused(Exception):  # noqa: N818
    """An error that the service answers with."""

    def __init__(self, status: int, code: str, message: str = "no") -> None:
        super().__init__(code)
        error = json.dumps({"error": {"code": code, "message": message}})
        # A gateway sends no body, and az prints no parentheses then.
        body = f"({error})" if code else ""
        self.text = f"ERROR: {REASONS[status]}{body}\n"


class Lost(Refused):
    """A connection that is closed without an answer: what azure-cli 2.91 prints then."""

    def __init__(self) -> None:
        Exception.__init__(self)
        self.text = (
            "ERROR: The command failed with an unexpected error. Here is the traceback:\n"
            "ERROR: ('Connection aborted.', ConnectionResetError(104, 'Connection reset by "
            "peer'))\n"
            "Traceback (most recent call last):\n"
            '  File "urllib3/connectionpool.py", line 787, in urlopen\n'
            "To check existing issues, please visit: https://github.com/Azure/azure-cli/issues\n"
        )


class Service:
    """The fake tenant."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state
        self.sets: dict[str, list[dict[str, Any]]] = state.setdefault("sets", {})

    def answer(self, method: str, path: list[str], body: dict[str, Any] | None) -> Any:
        if (method, path) == ("post", []):
            assert body is not None
            return self.create(body)
        if (method, path) == ("get", []):
            return {"value": [self.answer(method, [name], None) for name in self.sets]}
        name = path[0]
        seen = self.seen(method)
        if name not in seen:
            # Published clients report all of these answers to a GET.
            status, code = self.state.get("missing", (400, "AADB2C90073"))
            raise Refused(status, code, "there is no such key set")
        if method == "get":
            if path[1:] == ["getActiveKey"]:
                return self.active(seen[name])
            # The service promises no order.
            keys = seen[name][:: self.state.get("order", 1)]
            return {"id": name, "keys": [public(key) for key in keys]}
        assert body is not None
        if method == "put":
            self.sets[name] = [self.new(key) for key in body["keys"]]
        elif path[1:] == ["uploadSecret"]:
            secret = urlsafe_b64encode(body["k"].encode()).decode().rstrip("=")
            self.sets[name].append(self.new({"kty": "oct", **body, "k": secret}))
        elif path[1:] == ["uploadPkcs12"]:
            self.sets[name].append(self.new(pkcs12(body)))
        elif path[1:] == ["uploadCertificate"]:
            self.sets[name].append(self.new(certificate(body)))
        else:
            raise Refused(400, "BadRequest")
        return {}

    def seen(self, method: str) -> dict[str, list[dict[str, Any]]]:
        """Return the key sets as the service shows them: for a while, without the last change."""
        if method == "get" and self.state.get("lag", 0) > 0 and "before" in self.state:
            self.state["lag"] -= 1
            before: dict[str, list[dict[str, Any]]] = self.state["before"]
            return before
        return self.sets

    def create(self, body: dict[str, Any]) -> Any:
        name = "B2C_1A_" + body["id"]
        if name in self.sets:
            raise Refused(409, "AADB2C95028", "it exists")
        self.sets[name] = [self.new(key) for key in body.get("keys", [])]
        return {"id": name}

    def new(self, key: dict[str, Any]) -> dict[str, Any]:
        if "kid" in key:
            raise Refused(400, "AADB2C95059")
        if "@odata.type" in key or "status" in key:
            raise Refused(400, "AADB2C95034")
        self.state["made"] = self.state.get("made", 0) + 1
        return {"kid": f"made-{self.state['made']}", **key}

    def active(self, keys: list[dict[str, Any]]) -> Any:
        now = int((FOLDER / "now").read_text())
        dates = [[seconds(key.get(name)) for name in ("nbf", "exp")] for key in keys]
        counting = [
            (-1 if nbf is None else nbf, number)
            for number, (nbf, exp) in enumerate(dates)
            if (nbf or 0) <= now < (exp or 2**63)
        ]
        if not counting:
            raise Refused(404, "AADB2C90085", "no active key")
        if "active" in self.state:  # a service that counts in another way
            return public(keys[self.state["active"]])
        return public(keys[max(counting)[1]])


def seconds(date: str | float | None) -> int | None:
    """Return a date, which Graph's pages show as text or as a number."""
    return None if date is None else int(float(date))


def public(key: dict[str, Any]) -> dict[str, Any]:
    names = ("kid", "kty", "use", "nbf", "exp", "e", "n", "status")
    return {"k": None, **{name: key.get(name) for name in names}}


def pkcs12(body: dict[str, Any]) -> dict[str, Any]:
    # Python was started without site-packages (-S), which is twice as fast.
    site.main()
    from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates

    try:
        _, found, _ = load_key_and_certificates(
            b64decode(body["key"], validate=True), body["password"].encode()
        )
    except ValueError:
        raise Refused(400, "AADB2C95025") from None
    return certified(found)


def certificate(body: dict[str, Any]) -> dict[str, Any]:
    site.main()
    from cryptography.x509 import load_der_x509_certificate

    return certified(load_der_x509_certificate(b64decode(body["key"], validate=True)))


def certified(found: Any) -> dict[str, Any]:
    from cryptography.x509 import KeyUsage

    signs = found.extensions.get_extension_for_class(KeyUsage).value.digital_signature
    n = found.public_key().public_numbers().n
    return {
        "kty": "RSA",
        "use": "sig" if signs else "enc",
        "nbf": int(found.not_valid_before_utc.timestamp()),
        "exp": int(found.not_valid_after_utc.timestamp()),
        "e": "AQAB",
        # Padded base64, not base64url.
        "n": urlsafe_b64encode(n.to_bytes(n.bit_length() // 8, "big")).decode().translate(STANDARD),
    }


STANDARD = str.maketrans("-_", "+/")


def options_of(args: list[str]) -> dict[str, str]:
    return dict(zip(args[::2], args[1::2], strict=True))


def body_of(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    # Like az: a file that cannot be read is itself the body.
    if text.startswith("@") and Path(text[1:]).is_file():
        text = Path(text[1:]).read_text()
    body: dict[str, Any] = json.loads(text)
    return body


def show(value: Any) -> None:
    if value is None:
        return
    for line in value if isinstance(value, list) else [value]:
        sys.stdout.write(f"{line}\n")


def fault_of(state: dict[str, Any], method: str) -> dict[str, Any]:
    """Return the fault that this request runs into."""
    for fault in state["faults"]:
        if fault["method"] != method:
            continue
        if fault.get("skip", 0) > 0:
            fault["skip"] -= 1
            break
        state["faults"].remove(fault)
        found: dict[str, Any] = fault
        return found
    return {"when": None}


def hit(fault: dict[str, Any], state: dict[str, Any], entry: dict[str, Any]) -> None:
    if fault["stop"]:
        # Kill az and the script that called it, as when the machine goes down.
        keep(state, entry)
        os.killpg(os.getpgrp(), signal.SIGKILL)
        time.sleep(60)
    if fault.get("lost"):
        raise Lost
    raise Refused(fault["status"], fault["code"], fault.get("message", ""))


def assert_safe() -> None:
    """Check what the bash script sets up. The module of PowerShell calls this program, too."""
    if "STANDIN_PYTHON" not in os.environ:
        assert os.environ["PYTHONSAFEPATH"] == "1"
        # Whatever az and the script write is for their user alone.
        assert os.umask(0o077) == 0o077


def rest(options: dict[str, str], state: dict[str, Any], entry: dict[str, Any]) -> None:
    method, url = options["--method"], options["--url"]
    if "--resource" not in options:  # called by a person, not by the script
        path = url.partition("/keySets")[2].split("/")[1:]
        show(json.dumps(Service(state).answer(method, path, None)))
        return
    assert "AZURE_CLI_DISABLE_CONNECTION_VERIFICATION" not in os.environ
    assert os.environ["AZURE_LOGGING_ENABLE_LOG_FILE"] == "false"
    assert_safe()
    assert url.startswith(options["--resource"] + "/")
    path = url.removeprefix(options["--resource"]).split("/")[1:]
    assert path[:3] == ["beta", "trustFramework", "keySets"]
    entry["body"] = body_of(options.get("--body"))
    fault = fault_of(state, method)
    if fault.get("portal"):
        # The page of a hotel's network: az prints it, whatever output is asked for.
        show("<html>sign in</html>")
        sys.stderr.write("WARNING: Not a json response, outputting to stdout.\n")
        return
    if fault["when"] == "before":
        hit(fault, state, entry)
    before = json.loads(json.dumps(state.get("sets", {})))
    try:
        answer = Service(state).answer(method, path[3:], entry["body"])
    except Refused:
        if fault["when"] == "after":
            hit(fault, state, entry)
        raise
    if method != "get":
        state["before"], state["lag"] = before, state["lags"]
    if fault["when"] == "after":
        hit(fault, state, entry)
    if options["--output"] == "json":
        show(json.dumps(answer))
    if options["--output"] == "tsv":
        show(queried(options["--query"], answer))


def main(args: list[str]) -> int:
    # Two runs of the script at the same time share the tenant.
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return run(args)


def run(args: list[str]) -> int:
    state = json.loads((FOLDER / "state.json").read_text())
    entry: dict[str, Any] = {"args": args}
    try:
        if args[:2] == ["account", "show"]:
            if not state["tenant"]:
                sys.stderr.write("ERROR: Please run 'az login' to setup account.\n")
                return 1
            # The person may sign in to another tenant meanwhile.
            show(state["later"].pop(0) if state.get("later") else state["tenant"])
        else:
            assert args[0] == "rest"
            rest(options_of(args[1:]), state, entry)
    except Refused as refused:
        sys.stderr.write(refused.text)
        return 1
    finally:
        keep(state, entry)
    return 0


def keep(state: dict[str, Any], entry: dict[str, Any]) -> None:
    (FOLDER / "state.json").write_text(json.dumps(state))
    with (FOLDER / "log").open("a") as log:
        log.write(json.dumps(entry) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
