"""Microsoft Graph's trustFramework API on loopback, for clients in any language.

HTTP/1.1 by RFC 9110 and RFC 9112, as far as clients of Graph need it.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.errors import MissingHeaderBodySeparatorDefect
from http.server import BaseHTTPRequestHandler
from io import BufferedReader, RawIOBase
from socketserver import ThreadingTCPServer
from threading import Condition, Thread
from typing import Any

import httpx
from attrs import frozen

from trustkeys import system
from trustkeys.core.strict_json import MAX_SET_BYTES
from trustkeys.errors import InvalidInputError
from trustkeys.testing.answers import RefusedError, Stamp
from trustkeys.testing.control import PREFIX, Control
from trustkeys.testing.transport import GraphTransport

__tracebackhide__ = True

_ADDRESS = "127.0.0.1"

# What is read at once, and the longest line of a chunked body, in bytes.
_PIECE = 65_536

# How long a thread that reads takes at most to see that the server has closed, in seconds.
_PAUSE = 0.05

_WHOLE_ADDRESS = re.compile("(https?)://([^/?#]*)(.*)")
_HOST = re.compile(r"[A-Za-z0-9._-]+(:[0-9]{1,5})?")


@frozen
class GraphServer:
    """A running loopback server.

    Attributes:
        url: The base URL of the API, without a slash at the end: ``http://127.0.0.1:PORT/beta``.
        transport: What answers the requests. A test can change it at any time.
    """

    url: str
    transport: GraphTransport


@contextmanager
def serve(transport: GraphTransport | None = None, *, port: int = 0) -> Iterator[GraphServer]:
    """Answer HTTP requests on 127.0.0.1 in a ``with`` block, as `GraphTransport` does in process.

    For tests of programs in any language, in this process or another one. Each connection has a
    thread of its own. When the block ends, all connections are closed.

    A simulated timeout keeps the connection open without an answer, and a simulated disconnect
    closes it. A test that cannot call Python changes the tenant over HTTP, at the addresses below
    ``/trustkeys/`` ("Graph on loopback" in the documentation).

    Args:
        transport: What answers the requests. Default: a new `GraphTransport`, without key sets.
        port: The TCP port. Default: a free one.

    Raises:
        OSError: The port is in use, or not allowed for this user.
    """
    transport = GraphTransport() if transport is None else transport
    with _Server(transport, port) as server:
        # A short interval, because the block ends only after it.
        thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield GraphServer(f"http://{_ADDRESS}:{server.server_address[1]}/beta", transport)
        finally:
            server.shutdown()


class _Server(ThreadingTCPServer):
    """Not http.server's own class: that one asks the network for the name of the address."""

    allow_reuse_address = system.REUSES_ADDRESS
    daemon_threads = True  # they end with their connection, at the latest in server_close()
    request_queue_size = 128

    def __init__(self, transport: GraphTransport, port: int) -> None:
        self.transport = transport
        self.control = Control.of(transport)
        self.is_closed = False
        self._connections: set[socket.socket] = set()
        self._changed = Condition()
        super().__init__((_ADDRESS, port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._changed:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self._changed:
            self._connections.discard(request)
            self._changed.notify_all()

    def server_close(self) -> None:
        super().server_close()
        self.is_closed = True
        with self._changed:
            for connection in self._connections:
                with suppress(OSError):  # closed by its thread in this moment
                    connection.shutdown(socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not self._connections)

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith(PREFIX):
            return self.control.answer(request)
        return self.transport.handle_request(request)


class _Input(RawIOBase):
    """What a client sends, until the server closes.

    On Windows, a shutdown in another thread does not end a `recv` that waits.
    """

    def __init__(self, connection: socket.socket, server: _Server) -> None:
        self._connection = connection
        self._server = server

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        # For reading only: a client may take its time to read a long answer.
        self._connection.settimeout(_PAUSE)
        try:
            while not self._server.is_closed:
                with suppress(TimeoutError):
                    return self._connection.recv_into(buffer)
            return 0
        finally:
            self._connection.settimeout(None)


class _Handler(BaseHTTPRequestHandler):
    """One connection: its requests, one after the other."""

    server: _Server
    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.0"  # HTTP/0.9 has no status line to refuse a request with
    disable_nagle_algorithm = True  # headers and body are two writes

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self.rfile = BufferedReader(_Input(self.connection, self.server))

    def handle(self) -> None:
        with suppress(ConnectionError):  # the client left
            super().handle()

    def __getattr__(self, name: str) -> Callable[[], None]:
        # The base class calls do_GET, do_POST and so on.
        if name.startswith("do_"):
            return self._exchange
        raise AttributeError(name)

    def _exchange(self) -> None:
        problem: str | None = None
        try:
            request = httpx.Request(
                self.command, self._url(), headers=self._headers(), content=self._body()
            )
        except InvalidInputError as error:
            problem = error.message
        except (httpx.InvalidURL, UnicodeError):
            problem = "the address of the request is malformed"
        if problem is not None:
            self.send_error(400, problem)
            return
        try:
            answer = self.server.answer(request)
        except httpx.TimeoutException:
            self._wait_for_the_client_to_leave()
        except httpx.TransportError:
            self.close_connection = True
        else:
            self._send(answer)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse a request that is not HTTP in Graph's form, and close the connection.

        The base class calls it too.
        """
        text = message or explain or "the request is malformed"
        stamp = Stamp.of(httpx.Request("GET", ""), time.time())
        self.close_connection = True
        self._send(stamp.put_on(stamp.refuse(RefusedError(text, code="BadRequest", status=code))))
        # To close a connection with unread data would take the answer back.
        with suppress(OSError):  # the client has left
            self.connection.shutdown(socket.SHUT_WR)
        self._wait_for_the_client_to_leave()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Print nothing: a request can have a secret in its address."""

    def _send(self, answer: httpx.Response) -> None:
        self.send_response_only(answer.status_code, answer.reason_phrase)
        for name, value in answer.headers.raw:
            if name.lower() != b"content-length":
                self.send_header(name.decode("latin-1"), value.decode("latin-1"))
        if answer.status_code != 204:
            self.send_header("Content-Length", str(len(answer.content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.content)

    def _wait_for_the_client_to_leave(self) -> None:
        while self.rfile.read1(_PIECE):
            pass
        self.close_connection = True

    def _url(self) -> httpx.URL:
        # RFC 9112 section 3.2.2: a client that talks to a proxy sends the whole address.
        match = _WHOLE_ADDRESS.fullmatch(self.path)
        host = self.headers.get("Host") or "{}:{}".format(*self.server.server_address)
        scheme, host, target = match.groups() if match else ("http", host, self.path)
        if not _HOST.fullmatch(host):
            raise InvalidInputError("the Host of the request is malformed")
        return httpx.URL(scheme=scheme, netloc=host.encode(), raw_path=target.encode("ascii"))

    def _headers(self) -> list[tuple[bytes, bytes]]:
        if any(isinstance(each, MissingHeaderBodySeparatorDefect) for each in self.headers.defects):
            raise InvalidInputError("a header line has no colon")
        return [
            # A value over several lines is one line to the transport, which can send it back.
            (name.encode("latin-1"), re.sub("[\r\n]", "", value).encode("latin-1"))
            for name, value in self.headers.items()
        ]

    def _body(self) -> bytes:
        """Return the body. Of a body that the transport refuses as too large, return the start."""
        codings = self.headers.get_all("Transfer-Encoding", [])
        lengths = self.headers.get_all("Content-Length", [])
        pieces: Iterator[bytes]
        if [coding.lower() for coding in codings] == ["chunked"] and not lengths:
            pieces = self._chunks()
        elif not codings and len(lengths) == 1 and re.fullmatch("[0-9]{1,15}", lengths[0]):
            pieces = self._pieces(int(lengths[0]))
        elif not codings and not lengths:
            pieces = iter([])
        else:
            raise InvalidInputError(
                "the request must have one Content-Length, or Transfer-Encoding: chunked"
            )
        body = bytearray()
        for piece in pieces:
            body += piece[: MAX_SET_BYTES + 1 - len(body)]
        return bytes(body)

    def _pieces(self, length: int) -> Iterator[bytes]:
        while length:
            piece = self.rfile.read1(min(length, _PIECE))
            if not piece:
                raise ConnectionAbortedError
            length -= len(piece)
            yield piece

    def _chunks(self) -> Iterator[bytes]:
        """Read a chunked body (RFC 9112 section 7.1), without its extensions and trailers."""
        while size := self._chunk_size():
            yield from self._pieces(size)
            if self._line():
                raise InvalidInputError("a chunk of the body is longer than its size")
        while self._line():
            pass

    def _chunk_size(self) -> int:
        match = re.fullmatch(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?", self._line())
        if match is None:
            raise InvalidInputError("a chunk of the body has no size")
        return int(match[1], 16)

    def _line(self) -> bytes:
        line = self.rfile.readline(_PIECE)
        if not line:
            raise ConnectionAbortedError
        if not line.endswith(b"\n"):
            raise InvalidInputError("a line of the chunked body is too long")
        return line.removesuffix(b"\n").removesuffix(b"\r")
