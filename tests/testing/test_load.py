"""Many clients at once lose no update and see no exception."""

from __future__ import annotations

import asyncio
import base64
import random
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from attrs import define, field

import trustkeys
from tests.testing.tenant import BETA, SETS, batch, upload
from trustkeys import TrustFrameworkKeySet, testing
from trustkeys.testing import GraphTransport

# Coverage would make it three times as long, and finds nothing that other tests do not cover.
pytestmark = [pytest.mark.deep, pytest.mark.no_cover]

REQUESTS = 5_000

Request = tuple[str, str, Any, Callable[[httpx.Response], None]]

SHARED = f"{SETS}/B2C_1A_shared"


@define
class Worker:
    """A client that remembers what the service has accepted.

    It has a key set of its own, whose keys it knows exactly. All share another one, in which every
    accepted secret must be found again, and no other.
    """

    number: int
    random: random.Random
    own: list[str] | None = None  # the kids in its set, or None without a set
    disabled: set[str] = field(factory=set)
    shared: list[str] = field(factory=list)

    @property
    def set_path(self) -> str:
        return f"{SETS}/B2C_1A_own{self.number}"

    def next(self) -> Request:
        """Return a request, and what to remember of its answer."""
        if self.own is None:
            # A write to a missing set is refused.
            return self.random.choice([self.create, self.create, self.write_to_nothing])()
        return self.random.choices([*self.weights()], [*self.weights().values()])[0]()

    def weights(self) -> dict[Callable[[], Request], int]:
        return {
            self.share: 13,
            self.upload: 25,
            self.generate: 10,
            self.disable: 5,
            self.send_batch: 5,
            self.replace: 5,
            self.delete: 3,
            self.create_again: 4,
            self.ask_wrongly: 5,
            self.look: 24,
            self.look_at_all: 1,
        }

    def secret(self) -> dict[str, str]:
        return {"use": "sig", "k": f"secret {self.random.random()}"}

    def create(self) -> Request:
        return "POST", SETS, {"id": f"own{self.number}"}, self.created

    def write_to_nothing(self) -> Request:
        return "POST", f"{self.set_path}/uploadSecret", self.secret(), self.expect(404)

    def share(self) -> Request:
        return "POST", f"{SHARED}/uploadSecret", self.secret(), self.kept

    def upload(self) -> Request:
        return "POST", f"{self.set_path}/uploadSecret", self.secret(), self.added

    def generate(self) -> Request:
        path = f"{self.set_path}/microsoft.graph.generateKey"
        return "POST", path, {"use": "sig", "kty": "oct"}, self.added

    def disable(self) -> Request:
        if not self.own:
            return self.look()
        kid = self.random.choice(self.own)
        path = f"{self.set_path}/keys_v2/{kid}"
        return "PATCH", path, {"status": "disabled"}, self.switched(kid)

    def send_batch(self) -> Request:
        parts = [
            {"id": "a", **batch("POST", f"{SHARED}/uploadSecret", self.secret())},
            {"id": "b", **batch("POST", f"{self.set_path}/uploadSecret", self.secret())},
            {"id": "c", **batch("GET", f"{self.set_path}/keys_v2/$count")},
            {"id": "d", **batch("GET", "/nowhere")},
            {"id": "e", **batch("GET", SETS), "dependsOn": ["d"]},
        ]
        return "POST", "/$batch", {"requests": parts}, self.batched

    def replace(self) -> Request:
        keys = [upload(testing.oct_key(self.random.randrange(60_000)))]
        return self.random.choice(["PUT", "PATCH"]), self.set_path, {"keys": keys}, self.replaced

    def delete(self) -> Request:
        return "DELETE", self.set_path, None, self.deleted

    def create_again(self) -> Request:
        return "POST", SETS, {"id": "shared"}, self.expect(409)

    def ask_wrongly(self) -> Request:
        return "GET", f"{self.set_path}/keys_v2?$filter=a", None, self.expect(400)

    def look(self) -> Request:
        return "GET", f"{self.set_path}/keys_v2?$select=kid,status&$count=true", None, self.seen

    def look_at_all(self) -> Request:
        return "GET", f"{SETS}?$select=id", None, self.seen_all

    def expect(self, status: int) -> Callable[[httpx.Response], None]:
        def check(answer: httpx.Response) -> None:
            assert answer.status_code == status, answer.text
            assert answer.json()["error"]["innerError"]["request-id"]

        return check

    def created(self, answer: httpx.Response) -> None:
        assert answer.status_code == 201, answer.text
        self.own, self.disabled = [], set()

    def kept(self, answer: httpx.Response) -> None:
        self.shared.append(answer.raise_for_status().json()["kid"])

    def added(self, answer: httpx.Response) -> None:
        assert self.own is not None
        self.own.append(answer.raise_for_status().json()["kid"])

    def switched(self, kid: str) -> Callable[[httpx.Response], None]:
        def remember(answer: httpx.Response) -> None:
            assert answer.status_code == 204, answer.text
            self.disabled.add(kid)

        return remember

    def batched(self, answer: httpx.Response) -> None:
        assert self.own is not None
        answers = answer.raise_for_status().json()["responses"]
        assert [each["status"] for each in answers] == [200, 200, 200, 404, 424]
        self.shared.append(answers[0]["body"]["kid"])
        self.own.append(answers[1]["body"]["kid"])
        assert base64.b64decode(answers[2]["body"]) == f"{len(self.own)}".encode()

    def replaced(self, answer: httpx.Response) -> None:
        self.own = [key["kid"] for key in answer.raise_for_status().json()["keys"]]
        self.disabled = set()

    def deleted(self, answer: httpx.Response) -> None:
        assert answer.status_code == 204, answer.text
        self.own = None

    def seen(self, answer: httpx.Response) -> None:
        assert self.own is not None
        document = answer.raise_for_status().json()
        keys = {key["kid"]: key["status"] for key in document["value"]}
        assert document["@odata.count"] == len(keys)
        assert [*keys] == self.own
        assert {kid for kid, status in keys.items() if status == "disabled"} == self.disabled

    def seen_all(self, answer: httpx.Response) -> None:
        names = [keys["id"] for keys in answer.raise_for_status().json()["value"]]
        assert {"B2C_1A_shared", f"B2C_1A_own{self.number}"} <= {*names}


def workers(count: int) -> list[Worker]:
    return [Worker(number, random.Random(number)) for number in range(count)]


def check(transport: GraphTransport, clients: list[Worker]) -> None:
    """Compare the tenant with the accepted answers."""
    shared = [key.kid for key in transport.key_sets["B2C_1A_shared"]]
    assert sorted(shared) == sorted(kid for client in clients for kid in client.shared)
    for client in clients:
        name = f"B2C_1A_own{client.number}"
        there = transport.key_sets.get(name)
        assert (there is None) == (client.own is None)
        if there is not None:
            assert [key.kid for key in there] == client.own
            assert {key.kid for key in there if key.status == "disabled"} == client.disabled
        # Each client's requests for the shared set took effect in its own order.
        ours = {*client.shared}
        assert [kid for kid in shared if kid in ours] == client.shared


def tenant() -> GraphTransport:
    # Looking for an unused test key would take most of the time.
    return GraphTransport([TrustFrameworkKeySet("shared")], generate=trustkeys.generate)


@pytest.fixture
def _hasty() -> Iterator[None]:
    """Switch threads often, so that they meet inside the transport."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_hasty")
def test_eight_threads_lose_no_update() -> None:
    transport, clients = tenant(), workers(8)

    def run(worker: Worker) -> None:
        for _ in range(REQUESTS // len(clients)):
            method, path, body, remember = worker.next()
            remember(client.request(method, path, json=body))

    with httpx.Client(transport=transport, base_url=BETA) as client, ThreadPoolExecutor(8) as pool:
        assert [*pool.map(run, clients)] == [None] * 8
    check(transport, clients)


def test_two_hundred_tasks_lose_no_update() -> None:
    transport, clients = tenant(), workers(200)

    async def run(client: httpx.AsyncClient, worker: Worker) -> None:
        for _ in range(REQUESTS // len(clients)):
            method, path, body, remember = worker.next()
            remember(await client.request(method, path, json=body))

    async def run_all() -> None:
        async with httpx.AsyncClient(transport=transport, base_url=BETA) as client:
            await asyncio.gather(*(run(client, worker) for worker in clients))

    asyncio.run(run_all())
    check(transport, clients)
