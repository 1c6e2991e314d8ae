"""The sockets: one thread a connection, the route table, the controls, and the Emulator object that tests hold."""
from __future__ import annotations

import json
import re
import socket
import socketserver
import struct
import sys
import threading
import time
import traceback
import uuid
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, DefaultDict, Dict, FrozenSet, Iterator, List, Optional, Set
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.emulator import (chat, files, image_models, images, keys, ledger, models, native, results, speech, tasks, uploads, video_calls,
                            video_models, voices, voicing)
from tests.emulator.answers import check_script
from tests.emulator.faults import Fault, Flaky
from tests.emulator.wire import (OSS, RESULTS, Exchange, Recorded, Refusal, Reply, bearer_key, empty_reply, invalid,
                                 json_reply)

PIECE = 1024 * 1024                    # how much of a body is read at once
KEPT_REQUESTS = 20_000                 # a long bench must not grow without end
ORDINARY = frozenset(("dashscope", "dashscope-intl"))
AIGC = "/api/v1/services/aigc"
DOWNLOADS = "(?:/moved)?/(?P<token>[0-9a-f]{32})/(?P<name>[^/]+)"
FILES = "/compatible-mode/v1/files"


@dataclass(frozen=True)
class Route:
    method: str
    path: "re.Pattern[str]"
    handler: Callable[[Exchange], Reply]
    hosts: FrozenSet[str]


def _route(method: str, path: str, handler: Callable[[Exchange], Reply], hosts: FrozenSet[str] = ORDINARY) -> Route:
    return Route(method, re.compile(path), handler, hosts)


ROUTES = (
    _route("POST", "/compatible-mode/v1/chat/completions", chat.complete, ORDINARY | {"token-plan"}),
    _route("POST", "/v1/chat/completions", chat.complete, frozenset(("coding-plan",))),
    _route("POST", AIGC + "/(?P<kind>text)-generation/generation", native.generate),
    _route("POST", AIGC + "/(?P<kind>multimodal)-generation/generation", images.multimodal, ORDINARY | {"token-plan"}),
    _route("POST", f"{AIGC}/(?P<service>(?:{'|'.join(image_models.TASK_PATHS)})/?)", images.create),
    _route("POST", f"{AIGC}/(?P<service>(?:{'|'.join(video_models.TASK_PATHS)})/?)", video_calls.create, ORDINARY | {"token-plan"}),
    _route("POST", f"{AIGC}/(?P<service>{video_models.DETECT}/?)", video_calls.detect),
    _route("POST", "/api/v1/services/audio/tts/SpeechSynthesizer", speech.synthesize),
    _route("POST", "/api/v1/services/audio/tts/customization", voices.customize),
    _route("POST", FILES, files.upload),
    _route("GET", FILES, files.listing),
    _route("GET", FILES + "/(?P<id>[^/]+)", files.get),
    _route("DELETE", FILES + "/(?P<id>[^/]+)", files.delete),
    _route("GET", FILES + "/(?P<id>[^/]+)/content", files.content),
    _route("GET", "/api/v1/uploads", uploads.policy),
    _route("POST", "/", uploads.post, frozenset((OSS,))),
    _route("GET", "/api/v1/tasks/?", tasks.listing),
    _route("GET", "/api/v1/tasks/(?P<id>[^/]+)", tasks.get),
    _route("POST", "/api/v1/tasks/(?P<id>[^/]+)/cancel", tasks.cancel),
    _route("GET", DOWNLOADS, results.get, frozenset((RESULTS,))),
    _route("HEAD", DOWNLOADS, results.get, frozenset((RESULTS,))),
)


def respond(exchange: Exchange) -> Reply:
    """The ordinary reply: route, then key, then the handler."""
    found = [(route, match) for route in ROUTES if exchange.host in route.hosts
             for match in [route.path.fullmatch(exchange.path)] if match]
    if not found:
        return empty_reply(404)
    try:
        keys.check(exchange)
        for route, match in found:
            if route.method == exchange.method:
                exchange.captured = match.groupdict()
                return route.handler(exchange)
        raise invalid(f"Request method '{exchange.method}' is not supported.", wrapped=False)
    except Refusal as refusal:
        return refusal.reply(exchange)


class Emulator:
    """A DashScope stand-in on 127.0.0.1. Use as a context manager, or start() and stop()."""

    def __init__(self, port: int = 0, delay: float = 0.0, verbose: bool = False, latency: float = 0.0):
        self.delay, self.verbose = delay, verbose   # delay: seconds between chunks unless a script says otherwise
        self._latency = latency
        self.stopping = threading.Event()
        self.lock = threading.RLock()
        self.server = Server(port, self)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self._thread: Optional[threading.Thread] = None
        self.reset()

    def reset(self) -> None:
        """Forget all that came in, was made or was told to go wrong, and put the settings back."""
        self.requests: List[Recorded] = []
        self.faults: List[Fault] = []
        self.scripts: List[Dict[str, Any]] = []
        self.bad_keys: Set[str] = {keys.WRONG_KEY}
        self.intl_keys: Set[str] = set()
        self.file_polls = 1            # how many looks at a new file until it is processed
        self.files: Dict[str, files.StoredFile] = {}
        self.cached_prefixes: Dict[str, float] = {}
        self.models: Dict[str, models.Model] = dict(models.MODELS)
        self.clock: Callable[[], float] = time.time     # what policies and uploaded objects expire by
        self.policy_seconds = 300
        self.max_file_size_mb = 1024
        self.policies: Dict[str, uploads.Policy] = {}
        self.uploads: List[uploads.Upload] = []
        self.objects: Dict[str, uploads.StoredObject] = {}
        self.image_models: Dict[str, image_models.ImageModel] = dict(image_models.IMAGE_MODELS)
        self.video_models: Dict[str, video_models.VideoModel] = dict(video_models.VIDEO_MODELS)
        self.video_bytes = 100_000     # how long the file of a video is at least
        self.web_seconds = 5.0         # how long videos and sounds are that lie elsewhere
        self.doubtful_uploads = True   # oss:// is taken where the documents do not name it
        self.running_limits: Dict[str, int] = {}        # model -> tasks of one account that run; more stay PENDING
        self.running_status = tasks.RUNNING             # what a task that runs is told to be, as SUSPENDED
        self.placed: Counter = Counter()                # tasks that run or are about to, by account and model
        self.unfinished: Counter = Counter()            # these and the ones that wait for a place
        self.waiting: DefaultDict[tuple, List[tasks.Task]] = defaultdict(list)
        self.most_running: Counter = Counter()          # by model: how many there were at a time
        self.most_unfinished: Counter = Counter()
        self.latency = self._latency   # seconds until a create is answered, once it is accepted
        self.task_polls = (1, 1)       # how many looks at a task see it PENDING, and RUNNING
        self.late_refusals = False     # pictures that are refused make tasks that fail
        self.flat_failures = False     # wan2.6 and wan2.7 image tasks tell failures without `output`
        self.flaky_plans: List[Flaky] = []
        self.unit_seconds = voicing.UNIT_SECONDS       # of speech for one counting unit
        self.placeholder_sizes: Any = True              # in the headers of WAV files: True, "7fffffff", "ffffffff", "zero", False
        self.extra_chunks = False      # a chunk of odd length before the samples of WAV files
        self.strict_limits = True      # texts longer than documented are refused
        self.truncate_cosyvoice = False
        self.known_voices: Set[str] = set()
        self.speaking = self.most_speaking = 0          # synthesis calls under way
        self.speech_texts: List[str] = []               # what was accepted, in order
        self.voice_polls = 1           # how many looks at a new voice until it is ready
        self.voices: Dict[str, voices.MadeVoice] = {}
        self.voices_made: List[voices.MadeVoice] = []
        self.creates: List[ledger.Create] = []
        self.downloads: List[results.Download] = []
        self.tasks: Dict[str, tasks.Task] = {}
        self.results: Dict[str, results.Result] = {}
        self.looks: Dict[bytes, Any] = {}               # what pictures that came in were found to be, by digest

    def host_url(self, host: str) -> str:
        if host not in keys.HOSTS:
            raise ValueError(f"unknown host {host!r}; known: {', '.join(keys.HOSTS)}")
        return f"{self.url}/@{host}"

    @property
    def chat_requests(self) -> List[Recorded]:
        return [request for request in self.requests if request.path.endswith("/chat/completions")]

    def inject(self, fault: str, times: Optional[int] = 1, path: Optional[str] = None, text: str = "", **parameters: Any) -> None:
        """The next `times` requests whose path contains `path`, and whose body `text`, suffer `fault`; times=None: all, until reset.

        The path is looked for in /@host/path: "@oss" means the object storage, where its own faults wait anyway.
        """
        with self.lock:
            self.faults.append(Fault(fault, times, path, parameters, text.encode("utf-8")))

    def flaky(self, path: str = "/services/aigc/", seed: int = 1, rate429: float = 0.0, rate500: float = 0.0,
              rates: Optional[Dict[str, float]] = None) -> None:
        """From now on each request whose path contains `path` may fail; `rates` names further faults and their shares."""
        self.flaky_plans.append(Flaky(path, seed, {"429": rate429, "500": rate500, **(rates or {})}))

    def bill(self, create: ledger.Create) -> None:
        with self.lock:
            self.creates.append(create)
            if len(self.creates) > ledger.KEPT_CREATES:
                del self.creates[:ledger.KEPT_CREATES // 4]

    def unbill(self, task_id: str) -> None:
        """What was canceled is not paid for."""
        create = next((create for create in reversed(self.creates) if create.task_id == task_id), None)
        if create is not None:
            create.pictures, create.seconds = 0, 0

    def reply(self, **script: Any) -> None:
        """Script the next chat answer that passes validation; several calls queue up."""
        check_script(script)
        with self.lock:
            self.scripts.append(script)

    def take_script(self, exchange: Exchange) -> Optional[Dict[str, Any]]:
        if exchange.script is not None:
            return exchange.script
        with self.lock:
            return self.scripts.pop(0) if self.scripts else None

    def take_fault(self, path: str, body: bytes = b"") -> Optional[Fault]:
        with self.lock:
            fault = next((fault for fault in self.faults if fault.matches(path) and fault.text in body), None)
            if fault is not None and fault.times is not None:
                fault.times -= 1
        if fault is not None:
            return fault
        return next((fault for fault in (plan.take(path) for plan in self.flaky_plans) if fault), None)

    def handle(self, exchange: Exchange) -> Reply:
        if exchange.path.startswith("/_emulator/"):
            return control(exchange)
        record = self.remember(exchange.record())
        fault = self.take_fault(f"/@{exchange.host}{exchange.path}", exchange.body)
        try:
            reply = fault.apply(exchange, lambda: respond(exchange)) if fault else respond(exchange)
        except (BadRequest, ConnectionError):           # the client stopped in the middle of a body
            record.status = 0
            raise
        except Exception as error:     # a defect here must not look like a network failure to the client
            traceback.print_exc()
            reply = Refusal(500, "emulator_defect", f"emulator: {error!r}").reply(exchange)
        record.status = reply.status
        if self.verbose:
            print(f"{record.method} @{record.host}{record.path} key={record.key_kind} -> {record.status}",
                  file=sys.stderr, flush=True)
        return reply

    def remember(self, record: Recorded) -> Recorded:
        with self.lock:
            self.requests.append(record)
            if len(self.requests) > KEPT_REQUESTS:
                del self.requests[:KEPT_REQUESTS // 2]
        return record

    def start(self) -> "Emulator":
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        self.stopping.set()
        if self._thread:
            self.server.shutdown()
            self._thread.join()
        self.server.server_close()
        self.server.close_connections()

    def __enter__(self) -> "Emulator":
        return self.start()

    def __exit__(self, *_: Any) -> None:
        self.stop()


# The same controls over HTTP, for an emulator in a process of its own

def _inject(exchange: Exchange) -> Any:
    exchange.emulator.inject(**json.loads(exchange.body))
    return {"ok": True}


def _reply(exchange: Exchange) -> Any:
    exchange.emulator.reply(**json.loads(exchange.body))
    return {"ok": True}


def _requests(exchange: Exchange) -> Any:
    return [{**asdict(record), "body": record.body.decode("utf-8", "replace"), "json": record.json}
            for record in list(exchange.emulator.requests)]


def _uploads(exchange: Exchange) -> Any:
    return [{**asdict(upload), "head": upload.head.hex()} for upload in list(exchange.emulator.uploads)]


def _flaky(exchange: Exchange) -> Any:
    exchange.emulator.flaky(**json.loads(exchange.body))
    return {"ok": True}


def _settings(exchange: Exchange) -> Any:
    given = json.loads(exchange.body)
    unknown = sorted(set(given) - set(SETTINGS))
    if unknown:
        raise ValueError(f"unknown settings {', '.join(unknown)}; known: {', '.join(SETTINGS)}")
    for name, value in given.items():
        SETTINGS[name](exchange.emulator, value)
    return {"ok": True}


def _task_polls(emulator: Emulator, value: Any) -> None:
    pending, running = map(int, value)
    emulator.task_polls = (pending, running)


def _clock_offset(emulator: Emulator, value: Any) -> None:
    offset = float(value)
    emulator.clock = lambda: time.time() + offset


SETTINGS: Dict[str, Callable[[Emulator, Any], None]] = {
    "latency": lambda emulator, value: setattr(emulator, "latency", float(value)),
    "delay": lambda emulator, value: setattr(emulator, "delay", float(value)),
    "task_polls": _task_polls,
    "late_refusals": lambda emulator, value: setattr(emulator, "late_refusals", bool(value)),
    "flat_failures": lambda emulator, value: setattr(emulator, "flat_failures", bool(value)),
    "clock_offset": _clock_offset,
    "video_bytes": lambda emulator, value: setattr(emulator, "video_bytes", int(value)),
    "web_seconds": lambda emulator, value: setattr(emulator, "web_seconds", float(value)),
    "doubtful_uploads": lambda emulator, value: setattr(emulator, "doubtful_uploads", bool(value)),
    "running_limits": lambda emulator, value: emulator.running_limits.update(value),
    "unit_seconds": lambda emulator, value: setattr(emulator, "unit_seconds", float(value)),
    "running_status": lambda emulator, value: setattr(emulator, "running_status", str(value)),
}


def _creates(exchange: Exchange) -> Any:
    return [asdict(create) for create in list(exchange.emulator.creates)]


def _downloads(exchange: Exchange) -> Any:
    return [asdict(download) for download in list(exchange.emulator.downloads)]


def _summary(exchange: Exchange) -> Any:
    return ledger.summary(exchange.emulator)


def _reset(exchange: Exchange) -> Any:
    exchange.emulator.reset()
    return {"ok": True}


CONTROLS: Dict[tuple, Callable[[Exchange], Any]] = {
    ("POST", "/_emulator/inject"): _inject,
    ("POST", "/_emulator/reply"): _reply,
    ("GET", "/_emulator/requests"): _requests,
    ("GET", "/_emulator/uploads"): _uploads,
    ("POST", "/_emulator/reset"): _reset,
    ("POST", "/_emulator/flaky"): _flaky,
    ("POST", "/_emulator/settings"): _settings,
    ("GET", "/_emulator/creates"): _creates,
    ("GET", "/_emulator/downloads"): _downloads,
    ("GET", "/_emulator/summary"): _summary,
}


def control(exchange: Exchange) -> Reply:
    action = CONTROLS.get((exchange.method, exchange.path))
    if action is None:
        return empty_reply(404)
    try:
        return json_reply(action(exchange))
    except (TypeError, ValueError) as error:
        return json_reply({"error": str(error)}, 400)


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


class BadRequest(Exception):
    """The request is not HTTP as it should be."""


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
        return Exchange(self.server.emulator, host, self.command, path, query, headers, body, request_id,
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
    inside = next((place for place, byte in enumerate(event) if 0x80 <= byte < 0xC0), 0)
    return [event[:inside], event[inside:]] if inside else [event]
