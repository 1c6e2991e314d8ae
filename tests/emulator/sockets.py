"""The sockets: one thread a connection, HTTP/1.1 read and written."""
from __future__ import annotations

import re
import socket
import socketserver
import struct
import sys
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Set
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.emulator.wire import OSS, BadRequest, Exchange, Reply, bearer_key, json_reply

if TYPE_CHECKING:
    from tests.emulator.server import Emulator

PIECE = 1024 * 1024                    # how much of a body is read at once
CONTINUATION = re.compile(rb"[\x80-\xbf]")    # a byte inside a character


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, port: int, emulator: Emulator):
        self.emulator = emulator
        self.connections: Set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), Handler)

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)   # HTTPServer's own would ask DNS for a host name
        self.server_name, self.server_port = self.server_address[:2]

    def close_connections(self) -> None:
        for connection in self.connections.copy():
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news; a defect of the emulator is."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def answer(self) -> None:
        request_id = str(uuid.uuid4())
        try:
            exchange = self.exchange(request_id)
            reply = self.server.emulator.handle(exchange)
            if reply.end == "keep":    # a client that is still sending would not see an early reply
                for _ in exchange.incoming:
                    pass
        except BadRequest as problem:
            error = {"message": f"emulator: {problem}", "type": "bad_request", "param": None, "code": None}
            reply = json_reply({"error": error}, 400)
            reply.end = "close"
        self.send(reply, request_id)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = answer

    def exchange(self, request_id: str) -> Exchange:
        # self.path is not used: http.server folds leading slashes there, the service does not
        target = self.requestline.split()[1]
        url = urlsplit(target if target.startswith("http://") else "http://host" + target)   # whole URL: used as a proxy
        host, path = "dashscope", unquote(url.path)
        if path.startswith("/@"):
            host, _, rest = path[2:].partition("/")
            path = "/" + rest
        headers: Dict[str, str] = {}
        for name, value in self.headers.items():
            name = name.lower()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        incoming = self.incoming(headers)
        body = b"" if host == OSS else b"".join(incoming)
        return Exchange(self.server.emulator.epoch, host, self.command, path, query, headers, body, request_id,
                        bearer_key(headers), incoming=incoming)

    def incoming(self, headers: Dict[str, str]) -> Iterator[bytes]:
        """The body in pieces, read from the socket as they are asked for."""
        if "chunked" in headers.get("transfer-encoding", "").lower():
            yield from self.chunks()
            return
        length = headers.get("content-length", "0")
        if not length.isdigit():
            raise BadRequest(f"Content-Length {length!r} is no number")
        for place in range(0, int(length), PIECE):
            yield self.exactly(min(PIECE, int(length) - place))

    def chunks(self) -> Iterator[bytes]:
        while True:
            line = self.rfile.readline()
            try:
                size = int(line.split(b";")[0], 16)
            except ValueError:
                raise BadRequest(f"{line[:20]!r} is no chunk size") from None
            data = self.exactly(size)
            self.rfile.readline()
            if not size:
                return
            yield data

    def exactly(self, size: int) -> bytes:
        data = self.rfile.read(size)
        if len(data) != size:
            raise BadRequest(f"the body ends after {len(data)} of {size} bytes")
        return data

    def send(self, reply: Reply, request_id: str) -> None:
        self.close_connection = self.close_connection or reply.end != "keep"
        try:
            if reply.status:
                self.send_reply(reply, request_id)
        except ConnectionError:        # the client has gone
            self.close_connection = True
        if reply.end == "reset":
            self.reset_connection()

    def send_reply(self, reply: Reply, request_id: str) -> None:
        chunked = reply.length is None and self.request_version != "HTTP/1.0"
        if self.command == "HEAD" and reply.length is None:
            reply.length, chunked = len(reply.body), False
        head = self.head(reply, request_id, chunked)
        if self.command == "HEAD":
            self.wfile.write(head)
            return
        if reply.events is not None:
            self.wfile.write(head)
            self.send_events(reply, chunked)
        elif chunked:
            self.wfile.write(head + (chunk(reply.body) if reply.body else b"") + chunk(b""))
        else:
            self.wfile.write(head + reply.body)

    def head(self, reply: Reply, request_id: str, chunked: bool) -> bytes:
        lines = [f"HTTP/1.1 {reply.status} {self.responses.get(reply.status, ('Unknown',))[0]}",
                 f"x-request-id: {request_id}", "x-dashscope-call-gateway: true", "server: istio-envoy"]
        lines += [f"{name}: {value}" for name, value in reply.headers.items()]
        if chunked:
            lines.append("transfer-encoding: chunked")
        elif reply.length is not None:
            lines.append(f"content-length: {reply.length}")
        else:
            self.close_connection = True
        if self.close_connection:
            lines.append("connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8")

    def send_events(self, reply: Reply, chunked: bool) -> None:
        for number, event in enumerate(reply.events or ()):
            for piece in split_now_and_then(event, number):
                self.wfile.write(chunk(piece) if chunked else piece)
        if chunked and reply.end == "keep":
            self.wfile.write(chunk(b""))

    def reset_connection(self) -> None:
        """RST instead of FIN. The descriptor is closed here: socketserver would shut the socket down politely first."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.server.connections.discard(self.connection)
        socket.close(self.connection.detach())


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def split_now_and_then(event: bytes, number: int) -> List[bytes]:
    """Every fourth event that holds non-ASCII text goes out in two writes, cut inside a character."""
    if number % 4 != 2:
        return [event]
    inside = CONTINUATION.search(event)
    return [event[:inside.start()], event[inside.start():]] if inside and inside.start() else [event]
