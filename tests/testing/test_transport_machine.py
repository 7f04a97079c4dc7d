"""Any sequence of operations has the effect that the service documents.

A model runs beside the transport: the rules of the service's pages and its error codes, over dicts
and lists. It takes from an answer only what it cannot know (the kid of a secret, the numbers of a
generated key), and predicts the rest.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, NamedTuple

import httpx
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from jwcrypto.jwk import JWK

from tests import support
from trustkeys import TrustFrameworkKey, TrustFrameworkKeySet, testing
from trustkeys.formats.certificates import self_signed
from trustkeys.testing import GraphTransport

BETA = "https://graph.microsoft.com/beta"
SETS = "/trustFramework/keySets"

STATUS = {
    "NotFound": 404,
    "AADB2C90073": 400,
    "AADB2C95052": 404,
    "MethodNotAllowed": 405,
    "AADB2C95028": 409,
    "AADB2C95043": 429,
}
"""The status by error code. All other errors are 400."""

JSON = {"Content-Type": "application/json"}

KEY = "microsoft.graph.trustFrameworkKey"
ENTITY = "trustFramework/keySets/$entity"

Key = dict[str, Any]


# --- the rules: the codes with which something can be refused; none if it is accepted


def use_broken(use: str | None) -> Iterator[str]:
    if use is None:
        yield "AADB2C90253"
    elif use.lower() not in ("sig", "enc"):
        yield "AADB2C95033"


def kty_broken(kty: str | None, *, missing: str) -> Iterator[str]:
    if kty is None:
        yield missing
    elif kty.lower() not in ("rsa", "oct"):
        yield "AADB2C95031"


def dates_broken(members: Key) -> Iterator[str]:
    nbf, exp = members.get("nbf"), members.get("exp")
    if nbf is not None and exp is not None and exp < nbf:
        yield "BadRequest"


def mixed(keys: list[Key], kty: str | None, use: str | None) -> Iterator[str]:
    """A key set holds one key type and one use."""
    if kty is not None and any(key["kty"].lower() != kty.lower() for key in keys):
        yield "AADB2C95032"
    if use is not None and any(key["use"].lower() != use.lower() for key in keys):
        yield "AADB2C95042"


def jwk_broken(jwk: Any) -> Iterator[str]:
    if not isinstance(jwk, dict):
        yield "AADB2C95026"
        return
    yield from kty_broken(jwk.get("kty"), missing="AADB2C95037")
    yield from use_broken(jwk.get("use"))
    yield from dates_broken(jwk)
    if "kid" in jwk:
        yield "AADB2C95059"
    if jwk.get("kty") == "RSA" and not {"n", "e"} <= jwk.keys():
        yield "AADB2C95039"
    if jwk.get("kty") == "oct" and jwk["k"] == "no base64url":
        yield "AADB2C95029"


def jwks_broken(jwks: Any) -> list[str]:
    if not isinstance(jwks, list):
        return ["BadRequest"]
    codes = [code for jwk in jwks for code in jwk_broken(jwk)]
    if codes:
        return codes
    moduli = [jwk["n"] for jwk in jwks if jwk["kty"] == "RSA"]
    twice = ["BadRequest"] if len(set(moduli)) < len(moduli) else []
    pairs = [(jwks[:number], jwk) for number, jwk in enumerate(jwks)]
    return [*twice, *(c for others, jwk in pairs for c in mixed(others, jwk["kty"], jwk["use"]))]


# --- what the tenant keeps, and what its answers show

KEPT = ("kid", "kty", "use", "nbf", "exp", "status", "x5c", "x5t", "e", "n", "k", "d")


def kept(members: Key, **more: Any) -> Key:
    """Return the members of a key that are compared, also those that no answer shows."""
    members = {"status": "enabled", "x5c": [], **members, **more}
    return {name: members.get(name) for name in KEPT}


def held(key: TrustFrameworkKey) -> Key:
    # A public JWK has no status.
    return kept(key.to_jwk(private=key.has_private), status=key.status)


def alone(key: Key) -> Key:
    names = ("x5c", "kty", "use", "exp", "nbf", "kid", *(["e", "n"] if key["kty"] == "RSA" else []))
    return {"k": None, **{name: key[name] for name in names}}


def in_set(key: Key) -> Key:
    return {**alone(key), "x5t": key["x5t"], "status": key["status"]}


def shown(name: str, keys: list[Key]) -> Key:
    return {"id": name, "keys": [in_set(key) for key in keys]}


def of(what: str) -> Key:
    return {"@odata.context": f"{BETA}/$metadata#{what}"}


# --- requests

FAULTS: dict[str, Key] = {
    "none": {},
    "a kid": {"kid": "a"},
    "no kty": {"kty": None},
    "another kty": {"kty": "EC"},
    "no use": {"use": None},
    "a bad use": {"use": "sign"},
    "another use": {"use": "enc"},
    "no number": {"n": None, "k": "no base64url"},
    "bad dates": {"nbf": 2, "exp": 1},
    "a status": {"status": "disabled"},  # ignored
}


class Upload(NamedTuple):
    """A key to upload, with a short repr for failing examples."""

    kty: str
    seed: int
    nbf: int | None
    fault: str

    @property
    def jwk(self) -> Any:
        if self.fault == "no object":
            return "{}"
        make = testing.rsa_key if self.kty == "RSA" else testing.oct_key
        jwk = make(self.seed, nbf=self.nbf).to_jwk(private=True)
        changed = {**jwk, "kid": None, **FAULTS[self.fault]}
        return {name: value for name, value in changed.items() if value is not None}


CERTIFIED = [self_signed(testing.rsa_key(seed, nbf=seed, exp=9), "CN=test") for seed in (0, 1)]

SET = "that of the set"  # most other values are refused

names = st.sampled_from(["a", "c", "d", "e", "f", "B2C_1A_b", "B2C_1A_c"])
wheres = st.integers(0, 23)
dates = st.none() | st.integers(0, 12)
uses = st.sampled_from([SET] * 8 + ["sig", "SIG", "enc", "sign", None])
ktys = st.sampled_from([SET] * 8 + ["RSA", "OCT", "EC", None])
texts = st.sampled_from(["a", "b", "ü", "a long secret", "", None])
statuses = st.sampled_from(["enabled", "disabled", "disabled", "Disabled", None])
methods = st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"])
key_lists = st.sampled_from(["RSA", "oct"]).flatmap(
    lambda kty: st.lists(
        st.builds(
            Upload,
            kty=st.sampled_from([kty] * 9 + ["RSA"]),
            seed=st.integers(0, 5),
            nbf=dates,
            fault=st.sampled_from(["none"] * 16 + [*FAULTS, "no object"]),
        ),
        max_size=3,
    )
)


def private_texts(value: Any) -> list[str]:
    return re.findall(r'"(?:k|d|p|q|dp|dq|qi)": "([\w-]{20,})"', json.dumps(value))


def given_only(members: Key) -> Key:
    return {name: value for name, value in members.items() if value is not None}


class Tenant(RuleBasedStateMachine):
    """A tenant and its model."""

    def __init__(self) -> None:
        super().__init__()
        self.transport = GraphTransport(now=0)
        self.client = httpx.Client(transport=self.transport, base_url=BETA)
        self.model: dict[str, list[Key]] = {}
        self.now = 0
        self.busy_until = 0
        self.faults = 0
        self.form = "alone"
        self.secrets: set[str] = set()

    def teardown(self) -> None:
        self.client.close()

    def ask(
        self, method: str, path: str, body: Any = None, *, broken: Iterable[str] = ()
    ) -> httpx.Response | None:
        """Send a request, check an error against the codes, and return any other answer."""
        answer = self.send(method, path, body)
        self.secrets.update(private_texts(body))
        assert not any(secret in answer.text for secret in self.secrets)
        codes = {*broken}
        if self.now < self.busy_until:
            codes = {"AADB2C95043"}
            assert answer.headers["Retry-After"] == str(self.busy_until - self.now)
        elif self.faults:
            codes = {"AADB2C90063"}
            self.faults -= 1
        if not codes:
            assert answer.status_code < 300, answer.text
            return answer
        code = answer.json()["error"]["code"]
        assert code in codes
        assert answer.status_code == STATUS.get(code, 400)
        inner = answer.json()["error"]["innerError"]
        assert inner["date"] == f"1970-01-01T00:00:{self.now:02}"
        return None

    def send(self, method: str, path: str, body: Any) -> httpx.Response:
        """Send a request, alone, in another spelling, or in a batch: the answer is the same."""
        if self.form == "lower case":
            # The ids of a set and of a key keep their case.
            parts = enumerate(path.split("/"))
            path = "/".join(part if at in (3, 5) else part.lower() for at, part in parts)
        if self.form == "gzip" and body is not None:
            content = gzip.compress(json.dumps(body).encode())
            headers = {"Content-Encoding": "gzip"}
            return self.client.request(method, path, content=content, headers=headers)
        if self.form == "batch" and (body is not None or method in ("GET", "DELETE")):
            sent = {} if body is None else {"body": body}
            part = {"id": "1", "method": method, "url": path, "headers": JSON, **sent}
            answer = self.client.post("/$batch", json={"requests": [part]})
            assert answer.status_code == 200
            (only,) = answer.json()["responses"]
            text = json.dumps(only["body"]) if "body" in only else ""
            return httpx.Response(only["status"], headers=only["headers"], text=text)
        return self.client.request(method, path, json=body)

    @rule(form=st.sampled_from(["alone", "lower case", "gzip", "batch"]))
    def write_requests_in(self, form: str) -> None:
        self.form = form

    @rule(times=st.integers(1, 2))
    def fail(self, times: int) -> None:
        self.transport.fail(400, code="AADB2C90063", times=times)
        self.faults += times

    def ask_a_set(
        self,
        method: str,
        name: str,
        rest: str = "",
        body: Any = None,
        *,
        broken: Callable[[list[Key]], Iterable[str]] = lambda keys: (),
    ) -> httpx.Response | None:
        missing = "AADB2C90073" if method == "GET" else "AADB2C95052"
        codes = broken(self.model[name]) if name in self.model else [missing]
        return self.ask(method, f"{SETS}/{name}{rest}", body, broken=codes)

    def name_of(self, where: int) -> str:
        """Return the name of a set in the tenant, or sometimes of none."""
        there = [*[*self.model] * 4, "B2C_1A_other", "a"]
        return there[where % len(there)]

    def kid_of(self, name: str, index: int) -> str:
        keys = self.model.get(name, [])
        return keys[index]["kid"] if index < len(keys) else "other"

    def all_keys(self) -> list[Key]:
        return [key for keys in self.model.values() for key in keys]

    def uploaded(self, jwks: list[Key], answer: Key) -> list[Key]:
        """Return uploaded keys as the tenant keeps them, with the kid of the service."""
        kids = [key["kid"] for key in answer["keys"]]
        pairs = [*zip(kids, jwks, strict=True)]
        # The thumbprint (RFC 7638) of an RSA key; a random one for oct, as a hash reveals a secret.
        assert all((k == JWK(**j).thumbprint()) == (j["kty"] == "RSA") for k, j in pairs)
        return [kept(jwk, kid=kid, status="enabled") for kid, jwk in pairs]

    def like(self, name: str, member: str, value: str | None, default: str) -> str | None:
        keys = self.model.get(name) or [{member: default}]
        return str(keys[0][member]) if value == SET else value

    # --- sets

    @initialize(count=st.integers(0, 2), nbf=dates)
    def put_in(self, count: int, nbf: int | None) -> None:
        for name, make in (("a", testing.rsa_key), ("b", testing.oct_key)):
            keys = [make(seed, nbf=nbf) for seed in range(count)]
            self.transport.key_sets[f"B2C_1A_{name}"] = TrustFrameworkKeySet(name, keys)
            self.model[f"B2C_1A_{name}"] = [held(key) for key in keys]
            self.secrets.update(private_texts(self.model))

    @rule(name=names, keys=st.none() | key_lists)
    def create(self, name: str, keys: list[Upload] | None) -> None:
        whole = name if name.startswith("B2C_1A_") else f"B2C_1A_{name}"
        jwks = None if keys is None else [key.jwk for key in keys]
        broken = [*(["AADB2C95028"] if whole in self.model else []), *jwks_broken(jwks or [])]
        answer = self.ask("POST", SETS, given_only({"id": name, "keys": jwks}), broken=broken)
        if answer is not None:
            self.model[whole] = self.uploaded(jwks or [], answer.json())
            assert answer.status_code == 201
            assert answer.headers["Location"] == f"{BETA}{SETS}('{whole}')"
            assert answer.json() == {**of(ENTITY), **shown(whole, self.model[whole])}

    @rule(
        where=wheres,
        method=st.sampled_from(["PUT", "PATCH"]),
        called=st.sampled_from([None, SET, SET, "another"]),
        keys=st.sampled_from([None, 5]) | key_lists | key_lists,
    )
    def replace(self, where: int, method: str, called: str | None, keys: Any) -> None:
        name = self.name_of(where)
        jwks = [key.jwk for key in keys] if isinstance(keys, list) else keys
        body = given_only({"id": name if called == SET else called, "keys": jwks})

        def broken(_: list[Key]) -> Iterable[str]:
            codes = ["AADB2C90253"] if jwks is None and method == "PUT" else []
            codes = codes if jwks is None else jwks_broken(jwks)
            return [*codes, "BadRequest"] if called == "another" else codes

        answer = self.ask_a_set(method, name, body=body, broken=broken)
        if answer is not None:
            if jwks is not None:  # else a PATCH leaves the keys
                self.model[name] = self.uploaded(jwks, answer.json())
            assert answer.json() == {**of(ENTITY), **shown(name, self.model[name])}

    @rule(where=wheres)
    def delete(self, where: int) -> None:
        name = self.name_of(where)
        answer = self.ask_a_set("DELETE", name)
        if answer is not None:
            assert (answer.status_code, answer.content) == (204, b"")
            keys = self.model.pop(name)
            if not name.endswith(".bak"):
                self.model[f"{name}.bak"] = keys

    @rule(where=wheres)
    def look(self, where: int) -> None:
        name = self.name_of(where)
        answer = self.ask("GET", SETS)
        if answer is not None:
            sets = answer.json()["value"]
            assert answer.json() == {**of("trustFramework/keySets"), "value": sets}
            assert len(sets) == len(self.model)
            expected = {name: shown(name, keys) for name, keys in self.model.items()}
            assert {keys["id"]: keys for keys in sets} == expected
        answer = self.ask_a_set("GET", name)
        if answer is not None:
            assert answer.json() == {**of(ENTITY), **shown(name, self.model[name])}

    # --- keys

    @rule(where=wheres, use=uses, kty=ktys, nbf=dates, exp=dates)
    def generate(
        self, where: int, use: str | None, kty: str | None, nbf: int | None, exp: int | None
    ) -> None:
        name = self.name_of(where)
        use, kty = self.like(name, "use", use, "sig"), self.like(name, "kty", kty, "RSA")
        body = given_only({"use": use, "kty": kty, "nbf": nbf, "exp": exp})

        def broken(keys: list[Key]) -> Iterator[str]:
            yield from use_broken(use)
            yield from kty_broken(kty, missing="AADB2C95030")
            yield from dates_broken(body)
            yield from mixed(keys, kty, use)

        answer = self.ask_a_set("POST", name, "/generateKey", body, broken=broken)
        if answer is not None:
            made = list(self.transport.key_sets[name])[-1]
            assert made.has_private
            assert testing.is_test_key(made)
            key = held(made)
            assert kty is not None
            assert use is not None
            rfc = {"rsa": "RSA", "oct": "oct"}[kty.lower()]
            asked = {"kty": rfc, "use": use.lower(), "nbf": nbf, "exp": exp}
            assert key == kept({**key, **asked, "status": "enabled", "x5c": [], "x5t": None})
            assert key["kid"] == JWK(**given_only({**key, "x5c": None})).thumbprint()
            numbers = [(other["n"], other["k"]) for other in self.all_keys()]
            assert (key["n"], key["k"]) not in numbers
            self.model[name].append(key)
            self.secrets.update(private_texts(key))
            assert answer.json() == {**of(KEY), **alone(key)}

    @rule(where=wheres, use=uses, text=texts, nbf=dates, exp=dates)
    def upload_secret(
        self, where: int, use: str | None, text: str | None, nbf: int | None, exp: int | None
    ) -> None:
        name = self.name_of(where)
        use = self.like(name, "use", use, "sig")
        body = given_only({"use": use, "k": text, "nbf": nbf, "exp": exp})

        def broken(keys: list[Key]) -> Iterator[str]:
            if not text:
                yield "AADB2C90253"
            yield from use_broken(use)
            yield from dates_broken(body)
            yield from mixed(keys, "oct", use)

        answer = self.ask_a_set("POST", name, "/uploadSecret", body, broken=broken)
        if answer is not None:
            assert text is not None
            assert use is not None
            kid = answer.json()["kid"]
            assert kid not in [key["kid"] for key in self.all_keys()]
            members = {"kid": kid, "use": use.lower(), "kty": "oct", "nbf": nbf, "exp": exp}
            assert answer.json() == {**of(KEY), **members}
            self.model[name].append(kept(members, k=support.b64(text.encode())))

    @rule(where=wheres, certified=st.sampled_from(CERTIFIED))
    def upload_certificate(self, where: int, certified: TrustFrameworkKey) -> None:
        name = self.name_of(where)
        key = held(certified.public())

        def broken(keys: list[Key]) -> Iterator[str]:
            yield from mixed(keys, "RSA", None)
            if any(other["use"] == "enc" for other in keys):
                yield "AADB2C95034"  # its key usage is for sig
            if any(other["kid"] == key["kid"] for other in keys):
                yield "BadRequest"

        body = {"key": certified.x5c[0]}
        answer = self.ask_a_set("POST", name, "/uploadCertificate", body, broken=broken)
        if answer is not None:
            self.model[name].append(key)
            assert answer.json() == {**of(KEY), **alone(key)}

    @rule(where=wheres, index=st.integers(0, 2), status=statuses)
    def set_status(self, where: int, index: int, status: str | None) -> None:
        name = self.name_of(where)
        kid = self.kid_of(name, index)

        def broken(_: list[Key]) -> Iterator[str]:
            if kid == "other":
                yield "NotFound"
            if status is None:
                yield "AADB2C90253"
            elif status not in ("enabled", "disabled"):
                yield "BadRequest"

        body = given_only({"status": status})
        answer = self.ask_a_set("PATCH", name, f"/keys_v2/{kid}", body, broken=broken)
        if answer is not None:
            assert (answer.status_code, answer.content) == (204, b"")
            self.model[name][index]["status"] = status

    @rule(where=wheres, index=st.integers(0, 2))
    def look_at_keys(self, where: int, index: int) -> None:
        name = self.name_of(where)
        what = f"trustFramework/keySets('{name}')/keys_v2"
        answer = self.ask_a_set("GET", name, "/keys_v2")
        keys = [in_set(key) for key in self.model.get(name, [])]
        if answer is not None:
            assert answer.json() == {**of(what), "value": keys}
        query = "?$select=kid,status&$top=1&$count=true"
        answer = self.ask_a_set("GET", name, f"/keys_v2{query}")
        if answer is not None:
            few = [{"kid": key["kid"], "status": key["status"]} for key in keys[:1]]
            counted = {**of(f"{what}(kid,status)"), "@odata.count": len(keys)}
            assert answer.json() == {**counted, "value": few}
        kid = self.kid_of(name, index)
        codes = ["NotFound"] if kid == "other" else []
        answer = self.ask_a_set("GET", name, f"/keys_v2/{kid}", broken=lambda keys: codes)
        if answer is not None:
            assert answer.json() == {**of(f"{what}/$entity"), **in_set(self.model[name][index])}

    @rule(
        where=wheres,
        at=st.integers(0, 14),
        function=st.sampled_from(["getActiveKey", "getActiveKey()"]),
        is_datetime=st.booleans(),
    )
    def look_at_the_active_key(
        self, where: int, at: int, function: str, *, is_datetime: bool
    ) -> None:
        name = self.name_of(where)
        self.transport.now = datetime.fromtimestamp(at, UTC) if is_datetime else at
        self.now = at
        keys: Any = [SimpleNamespace(**key) for key in self.model.get(name, [])]
        active = support.model_of_the_overview(keys, at)
        codes = ["NotFound"] if active is None else []
        answer = self.ask_a_set("GET", name, f"/{function}", broken=lambda keys: codes)
        if answer is not None:
            key = alone(vars(active))
            assert answer.json() == {**of(KEY), **key}

    # --- requests without effect

    @rule(seconds=st.sampled_from([0, 0, 1, 3]))
    def throttle(self, seconds: int) -> None:
        self.transport.throttle(retry_after=seconds)
        self.busy_until = self.now + seconds

    @rule(seconds=st.integers(0, 3))
    def wait(self, seconds: int) -> None:
        self.now += seconds
        self.transport.now = self.now

    @rule(where=wheres, method=methods)
    def stray(self, where: int, method: str) -> None:
        name = self.name_of(where)
        path = f"{SETS}/{name}"
        if method != "POST":
            assert self.ask(method, f"{path}/generateKey", broken=["MethodNotAllowed"]) is None
        assert self.ask(method, f"{path}/keys", broken=["NotFound"]) is None

    @invariant()
    def the_tenant_is_as_the_model(self) -> None:
        tenant = self.transport.key_sets
        assert {name: [held(key) for key in keys] for name, keys in tenant.items()} == self.model


TestTenant = Tenant.TestCase
# A fifth of the examples of the profile, because each has many steps.
TestTenant.settings = settings(max_examples=settings().max_examples // 5, stateful_step_count=30)
