"""A program in any language is tested over loopback, with the same answers as in process."""

from __future__ import annotations

import errno
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.testing.tenant import (
    EMPTY,
    FIRST,
    OCT,
    RSA,
    SECRET_TO,
    SECRETS,
    SETS,
    SIGNING,
    STATUS_OF,
    refused,
    state,
    tenant,
)
from trustkeys import GenerateKeyRequest, TrustFrameworkKey, testing
from trustkeys.core.strict_json import MAX_SET_BYTES
from trustkeys.testing import GraphServer, GraphTransport, serve
from trustkeys.testing.server import _Input


@pytest.fixture(scope="module")
def _server() -> Iterator[GraphServer]:
    """Start one server for all tests that do not stop it."""
    with serve() as server:
        yield server


@pytest.fixture
def server(_server: GraphServer) -> GraphServer:
    transport = tenant()
    _server.transport.reset(transport.key_sets.values(), now=transport.now)
    return _server


# Without certificates, which take longer to load than a test.
# It keeps no connection, which would be open until the end of the test run.
CLIENT = httpx.Client(
    verify=False, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
)


def address(server: GraphServer) -> tuple[str, int]:
    url = httpx.URL(server.url)
    assert url.port is not None
    return url.host, url.port


def sent(server: GraphServer, data: bytes) -> bytes:
    """Send bytes on a connection of their own, and return all that comes back."""
    with socket.create_connection(address(server), timeout=10) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def request(method: str, path: str, *lines: str, body: bytes = b"") -> bytes:
    head = "\r\n".join([f"{method} /beta{path} HTTP/1.1", "Host: 127.0.0.1", *lines])
    return f"{head}\r\n\r\n".encode() + body


def answers(data: bytes) -> list[tuple[int, Any]]:
    """Split what came over a connection into statuses and JSON bodies."""
    found = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        length = int(headers.get("Content-Length", 0))
        body, data = data[:length], data[length:]
        found.append((int(status.split()[1]), json.loads(body) if body else None))
    return found


# --- the same answers as in process

PATHS = [
    SETS,
    f"{SETS}/$count",
    SIGNING,
    f"{SECRETS}?$select=id",
    f"{SETS}?$top=1&$count=true",
    f"{SIGNING}/generateKey",
    SECRET_TO,
    f"{SIGNING}/getActiveKey",
    f"{EMPTY}/getActiveKey()",
    f"{SECRETS}/keys_v2",
    STATUS_OF,
    f"{SETS}/B2C_1A_missing",
    f"{SETS}('B2C_1A_signing')/keys_v2",
    "/$batch",
    "/me",
    "/%2e%2e/%00",
    "//",
]
BODIES: list[Any] = [
    {},
    {"id": "new", "keys": [RSA]},
    {"keys": [OCT]},
    {"use": "sig", "kty": "RSA", "nbf": 1},
    {"use": "enc", "k": "sécret"},
    {"status": "disabled"},
    {"requests": [{"id": "1", "method": "GET", "url": "/trustFramework/keySets"}]},
    [],
]
HEADERS = st.dictionaries(
    st.sampled_from(["client-request-id", "Content-Type", "X-Test", "Accept"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=9).map(str.strip),
)
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "FOO"]


def seen(answer: httpx.Response) -> Any:
    """Return what a client sees of an answer, without what is new each time."""
    headers = dict(answer.headers)
    unique = {headers.pop("request-id"), headers["client-request-id"]}
    del headers["date"]
    text = answer.text
    for each in unique:
        if len(each) == 36:
            text = text.replace(each, "unique")
            headers["client-request-id"] = headers["client-request-id"].replace(each, "unique")
    if not text.startswith("{"):
        return answer.status_code, headers, text
    document = json.loads(text)
    if "uploadSecret" in str(answer.request.url):
        document.pop("kid", None)
    document.get("error", {}).get("innerError", {}).pop("date", None)
    return answer.status_code, headers, document


@pytest.mark.deep
@given(
    st.lists(
        st.tuples(
            st.sampled_from(METHODS),
            st.sampled_from(PATHS) | st.text(max_size=5).map(quote).map("/{}".format),
            st.sampled_from(BODIES).map(json.dumps).map(str.encode) | st.binary(max_size=9),
            st.booleans(),
            HEADERS,
        ),
        min_size=1,
        max_size=3,
    )
)
def test_a_request_has_the_same_answer_and_effect_as_in_process(
    server: GraphServer, requests: list[Any]
) -> None:
    in_process = tenant()
    server.transport.reset(tenant().key_sets.values(), now=in_process.now)
    with httpx.Client(transport=in_process) as without_socket:
        for method, path, body, is_chunked, headers in requests:
            first, second = (
                client.request(
                    method,
                    server.url + path,
                    content=iter([body]) if is_chunked else body,
                    headers=headers,
                )
                for client in (CLIENT, without_socket)
            )
            if method == "HEAD":
                assert first.content == b""
                assert first.status_code == second.status_code
                assert first.headers["Content-Length"] == second.headers["Content-Length"]
            else:
                assert seen(first) == seen(second)
    assert effect(server.transport) == effect(in_process)


def effect(transport: GraphTransport) -> Any:
    # An uploaded secret has a random kid.
    return {
        name: [{**key.to_jwk(private=True), "kid": key.kty == "RSA" and key.kid} for key in keys]
        for name, keys in state(transport).items()
    }


def test_the_base_url_in_an_answer_is_the_one_that_the_client_used(server: GraphServer) -> None:
    _, port = address(server)
    for host in ("localhost", "127.0.0.1"):
        url = f"http://{host}:{port}/beta{SETS}"
        context = CLIENT.get(url).json()["@odata.context"]
        assert context == f"http://{host}:{port}/beta/$metadata#trustFramework/keySets"
    mapped = CLIENT.get(f"{server.url}{SETS}", headers={"Host": "graph.microsoft.com"})
    context = mapped.json()["@odata.context"]
    assert context == "http://graph.microsoft.com/beta/$metadata#trustFramework/keySets"


def test_a_client_can_come_without_a_host_or_with_the_whole_address(server: GraphServer) -> None:
    """HTTP/1.0 has no Host, and a client sends the whole address if it takes us for a proxy."""
    ((status, body),) = answers(sent(server, f"GET /beta{SETS} HTTP/1.0\r\n\r\n".encode()))
    assert status == 200
    assert body["@odata.context"].startswith(f"{server.url}/$metadata")
    whole = f"GET http://localhost:1/beta{SETS} HTTP/1.1\r\nHost: other\r\n\r\n"
    ((status, body),) = answers(sent(server, whole.encode()))
    assert status == 200
    assert body["@odata.context"].startswith("http://localhost:1/beta/$metadata")


@pytest.mark.deep
def test_a_body_can_have_the_largest_size_that_the_transport_takes(server: GraphServer) -> None:
    whole = json.dumps({"status": "disabled"}).encode().ljust(MAX_SET_BYTES)
    url = f"{server.url}{STATUS_OF}"
    assert CLIENT.patch(url, content=whole).status_code == 204
    for body in (whole + b" ", iter([whole, b" ", b" " * 9999])):
        answer = CLIENT.patch(url, content=body)
        assert "larger than" in refused(answer, 400, "BadRequest", None)
    assert CLIENT.get(url).json()["status"] == "disabled"


def test_of_a_body_that_is_too_large_only_the_start_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else a faulty client could take all memory."""
    kept: list[int] = []

    class Counting(GraphTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            kept.append(len(request.content))
            return super().handle_request(request)

    monkeypatch.setattr("trustkeys.testing.server.MAX_SET_BYTES", 10)
    with serve(Counting()) as server:
        for body in (b"x" * 5000, iter([b"x" * 5000] * 2)):
            CLIENT.post(f"{server.url}/trustFramework/keySets", content=body)
    # One byte too many, so that the transport sees that it is too large.
    assert kept == [11, 11]


# --- HTTP


def test_a_connection_is_kept_for_all_requests(server: GraphServer) -> None:
    chunked = b'4;a=b\r\n{"us\r\n15 \r\ne":"sig","kty":"RSA"}\r\n0\r\nTrailer: x\r\n\r\n'
    data = b"".join(
        [
            request("GET", SIGNING),
            request("POST", f"{EMPTY}/generateKey", "Transfer-Encoding: Chunked", body=chunked),
            request("PATCH", STATUS_OF, "Content-Length: 21", body=b'{"status":"disabled"}'),
            request("GET", "/no", "Content-Length: 2", body=b"{}"),
            request("FOO", SETS, "Content-Length: 0"),
            request("GET", f"{EMPTY}/keys_v2", "Connection: close"),
            request("GET", SIGNING),
        ]
    )
    got = sent(server, data)
    found = answers(got)
    assert [status for status, _ in found] == [200, 200, 204, 404, 405, 200]
    assert got.count(b"\r\nContent-Length: ") == len(found) - 1  # a 204 must have none
    assert got.count(b"\r\nConnection: close\r\n") == 1
    assert len(found[-1][1]["value"]) == 1


def test_a_client_that_waits_before_its_body_is_told_to_go_on(server: GraphServer) -> None:
    """Like curl from 1 MB on, and .NET Framework with every body."""
    body = b'{"status":"disabled"}'
    head = request("PATCH", STATUS_OF, f"Content-Length: {len(body)}", "Expect: 100-continue")
    with socket.create_connection(address(server), timeout=10) as connection:
        connection.sendall(head)
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert connection.recv(65536).startswith(b"HTTP/1.1 204 ")


MALFORMED = {
    "no request": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "another version": b"GET / HTTP/3.0\r\n\r\n",
    "no version": b"POST /\r\n\r\n",
    "no address": b"GET * HTTP/1.1\r\n\r\n",
    "a tunnel": b"CONNECT graph.microsoft.com:443 HTTP/1.1\r\n\r\n",
    "a bad host": b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "a host in another encoding": b"GET / HTTP/1.1\r\nHost: \xff\r\n\r\n",
    "an address in another encoding": b"GET /\xff HTTP/1.1\r\n\r\n",
    "a long address": b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n",
    "a long header": b"GET / HTTP/1.1\r\nA: " + b"a" * 70_000 + b"\r\n\r\n",
    "no header": b"GET / HTTP/1.1\r\nA: b\r\nno header\r\n\r\n",
    "no length": request("PUT", SIGNING, "Content-Length: x"),
    "a negative length": request("PUT", SIGNING, "Content-Length: -1"),
    "two lengths": request("PUT", SIGNING, "Content-Length: 0", "Content-Length: 2", body=b"{}"),
    "length and chunks": request(
        "PUT", SIGNING, "Content-Length: 2", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"
    ),
    "another coding": request("PUT", SIGNING, "Transfer-Encoding: gzip, chunked"),
    "a chunk without a size": request("PUT", SIGNING, "Transfer-Encoding: chunked", body=b"\r\n"),
    "a chunk of a negative size": request(
        "PUT", SIGNING, "Transfer-Encoding: chunked", body=b"-1\r\n\r\n"
    ),
    "a chunk that is too long": request(
        "PUT", SIGNING, "Transfer-Encoding: chunked", body=b"1\r\n{}\r\n0\r\n\r\n"
    ),
    "a chunk with a long line": request(
        "PUT", SIGNING, "Transfer-Encoding: chunked", body=b"1;" + b"a" * 70_000 + b"\r\n"
    ),
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_request_is_refused_in_graphs_form(server: GraphServer, data: bytes) -> None:
    before = state(server.transport)
    # What follows is not taken for another request.
    got = sent(server, data + request("DELETE", SIGNING))
    ((status, document),) = answers(got)
    assert 400 <= status < 600
    assert b"\r\nConnection: close\r\n" in got
    assert document["error"]["code"] == "BadRequest"
    assert document["error"]["message"]
    assert document["error"]["innerError"].keys() == {"date", "request-id", "client-request-id"}
    assert got.count(b"\r\nDate: ") == 1
    assert state(server.transport) == before


@pytest.mark.deep
@given(st.binary(max_size=200) | st.sampled_from([*MALFORMED.values()]), st.booleans())
def test_no_bytes_stop_the_server(server: GraphServer, data: bytes, is_body: bool) -> None:
    chunked = request("PUT", EMPTY, "Transfer-Encoding: chunked")
    got = sent(server, chunked + data if is_body else data)
    assert got == b"" or got.startswith(b"HTTP/1.1 ")
    assert sent(server, request("GET", SETS)).startswith(b"HTTP/1.1 200 ")


def test_a_header_over_several_lines_cannot_add_a_header_to_the_answer(server: GraphServer) -> None:
    data = request("GET", SETS, "client-request-id: a\r\n Set-Cookie: b\r\n c")
    got = sent(server, data)
    assert b"\r\nclient-request-id: a Set-Cookie: b c\r\n" in got


# --- several clients, and the end


@pytest.mark.deep
def test_clients_at_the_same_time_lose_no_update(server: GraphServer) -> None:
    def upload(number: int) -> int:
        body = {"use": "sig", "kty": "oct"}
        return CLIENT.post(f"{server.url}{EMPTY}/generateKey", json=body).status_code

    with ThreadPoolExecutor(8) as pool:
        assert {*pool.map(upload, range(40))} == {200}
    assert len(server.transport.key_sets["B2C_1A_empty"]) == 40


def test_a_slow_or_vanished_client_holds_up_nobody() -> None:
    cut = request("PUT", SIGNING, "Content-Length: 9", body=b"{")
    with serve(tenant()) as server:
        slow = [socket.create_connection(address(server)) for _ in range(3)]
        slow[1].sendall(b"GET /beta")
        slow[2].sendall(cut)
        assert sent(server, cut) == b""
        assert CLIENT.get(f"{server.url}{SETS}").status_code == 200
        start = time.monotonic()
    assert time.monotonic() - start < 5
    for connection in slow:
        with closing(connection):
            assert connection.recv(1) == b""


def test_after_the_block_nothing_answers() -> None:
    before = {*threading.enumerate()}
    with serve() as server:
        assert CLIENT.get(f"{server.url}{SETS}").status_code == 200
    for _ in range(2):
        with pytest.raises(httpx.TransportError):
            CLIENT.get(f"{server.url}{SETS}")
    for thread in {*threading.enumerate()} - before:
        thread.join(5)
        assert not thread.is_alive()


def test_no_request_is_still_at_work_after_the_block() -> None:
    """Otherwise it would change a key set that the test looks at afterwards."""
    is_at_work, is_done = threading.Event(), threading.Event()

    def generate(request: GenerateKeyRequest) -> TrustFrameworkKey:
        is_at_work.set()
        is_done.wait(0.2)
        is_done.set()
        return testing.rsa_key(5)

    with serve(GraphTransport(tenant().key_sets.values(), generate=generate)) as server:
        connection = socket.create_connection(address(server))
        body = b'{"use":"sig","kty":"RSA"}'
        length = f"Content-Length: {len(body)}"
        connection.sendall(request("POST", f"{EMPTY}/generateKey", length, body=body))
        assert is_at_work.wait(10)
    assert is_done.is_set()
    assert len(server.transport.key_sets["B2C_1A_empty"]) == 1
    connection.close()


def test_a_kept_connection_is_closed_at_the_end_of_the_block() -> None:
    with serve() as server:
        connection = socket.create_connection(address(server), timeout=10)
        connection.sendall(request("GET", SETS))
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
    with closing(connection):
        while connection.recv(65536):
            pass


def test_a_client_may_take_its_time(server: GraphServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection outlasts the moments in which the server looks whether it has been closed."""
    monkeypatch.setattr("trustkeys.testing.server._PAUSE", 0.001)
    data = request("GET", SETS)
    with socket.create_connection(address(server), timeout=10) as connection:
        for part in (data[:20], data[20:]):
            time.sleep(0.02)
            connection.sendall(part)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_a_client_may_take_its_time_to_read() -> None:
    """Else a long answer breaks off, if it fills what the system keeps for the client."""
    ours, theirs = socket.socketpair()
    closed: Any = SimpleNamespace(is_closed=False)
    with ours, theirs:
        theirs.sendall(b"a")
        assert _Input(ours, closed).readinto(bytearray(9)) == 1
        assert ours.gettimeout() is None


def test_the_block_ends_though_a_shutdown_wakes_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, where a `recv` that waits does not notice the shutdown."""
    monkeypatch.setattr(socket.socket, "shutdown", lambda *_: None)
    with serve() as server:
        connection = socket.create_connection(address(server), timeout=10)
        connection.sendall(request("GET", SETS))
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        hanging = threading.Timer(10, connection.close)
        hanging.start()
    hanging.cancel()
    with closing(connection):
        while connection.recv(65536):
            pass


def test_a_failing_test_ends_the_server_too() -> None:
    with pytest.raises(ZeroDivisionError), serve() as server:
        raise ZeroDivisionError
    with pytest.raises(httpx.ConnectError):
        CLIENT.get(server.url)


def test_only_this_machine_reaches_the_server(server: GraphServer) -> None:
    host, port = address(server)
    assert host == "127.0.0.1"
    with pytest.raises(OSError, match=r"refused|timed out"):
        socket.create_connection(("127.0.0.2", port), timeout=1)


def test_a_port_can_be_chosen_and_is_free_again_afterwards(server: GraphServer) -> None:
    with serve() as free:
        _, port = address(free)
        CLIENT.get(free.url)
        # The server ends this connection, for which the system then keeps the port for a minute.
        kept = socket.create_connection(address(free), timeout=10)
        kept.sendall(request("GET", SETS))
        assert kept.recv(65536).startswith(b"HTTP/1.1 200 ")
        with pytest.raises(OSError, match=r".") as caught, serve(port=port):
            pass
        assert caught.value.errno == errno.EADDRINUSE
    kept.close()
    with serve(port=port) as again:
        assert again.url == f"http://127.0.0.1:{port}/beta"


# --- faults


def test_a_timeout_leaves_the_client_waiting(server: GraphServer) -> None:
    server.transport.fail("timeout", after=True)
    with pytest.raises(httpx.ReadTimeout):
        CLIENT.delete(f"{server.url}{SIGNING}", timeout=0.05)
    assert "B2C_1A_signing" not in server.transport.key_sets


def test_a_client_that_waits_does_not_hold_up_the_end() -> None:
    with serve() as server:
        # On one operation alone, since the other request can be faster.
        server.transport.fail("timeout", on="getActiveKey")
        connection = socket.create_connection(address(server), timeout=10)
        connection.sendall(request("GET", f"{SIGNING}/getActiveKey"))
        CLIENT.get(f"{server.url}{SETS}").raise_for_status()
    with closing(connection):
        assert connection.recv(1) == b""


def test_a_disconnect_closes_the_connection_without_an_answer(server: GraphServer) -> None:
    server.transport.fail("disconnect")
    with pytest.raises(httpx.RemoteProtocolError):
        CLIENT.get(f"{server.url}{SETS}")
    assert sent(server, request("GET", SETS)).startswith(b"HTTP/1.1 200 ")


def test_a_fault_in_the_test_itself_is_shown(capfd: pytest.CaptureFixture[str]) -> None:
    """A `generate` of the test that raises: in process, the client would raise it."""

    def generate(_request: object) -> Any:
        raise ZeroDivisionError("in the test")

    with serve(GraphTransport(generate=generate)) as server:
        server.transport.reset(tenant().key_sets.values())
        body = {"use": "sig", "kty": "RSA"}
        with pytest.raises(httpx.RemoteProtocolError):
            CLIENT.post(f"{server.url}{SIGNING}/generateKey", json=body)
        assert CLIENT.get(f"{server.url}{SETS}").status_code == 200
    assert "ZeroDivisionError: in the test" in capfd.readouterr().err


def test_the_server_prints_no_requests(
    server: GraphServer, capfd: pytest.CaptureFixture[str]
) -> None:
    CLIENT.get(f"{server.url}{SETS}/{FIRST.kid}")
    sent(server, MALFORMED["no request"])
    assert capfd.readouterr() == ("", "")
