"""One HTTP call done right, over `urllib`: retries, server errors, SSE of both dialects, streamed multipart
upload.

An HTTP error is a response, not an exception, until `Context.explain` has read it. `Authorization` goes to
the API's own origin alone. TLS verification is never turned off.
"""
from __future__ import annotations

import http.client
import urllib.request
from urllib.parse import urljoin, urlsplit

from .. import key_guard
from ..failures import Exit, Failure
from . import reading
from .connecting import ConnectError, opener_for
from .context import Context, costs_nothing, ServiceError
from .events import BadStream, ERROR, Event, read_events, Text, WHOLE
from .limits import MOST_BYTES
from .request import check_size, headers_of, MOST_CLASSIC, origin_of, Reply, Request, request_id_of
from .retries import parse_retry_after, Retries

DEFAULT_TIMEOUT = 310.0  # seconds without a byte; the service itself gives up after 300 (wire contract 1.6)
_MAX_JSON = 64 * 1024 * 1024  # bytes
_REDIRECTS = (301, 302, 303, 307, 308)


class Client:
    """Sends requests for one account. Every method raises Failure, explained for this key and endpoint."""

    def __init__(self, verdict: key_guard.Verdict, skill: str, *, timeout: float = DEFAULT_TIMEOUT,
                 retries: Retries | None = None, detail=None, model: str = "", models=(),
                 sandboxed: bool = False, successor: str = "", flags=None):
        self.key, self.endpoint, self.skill = verdict.key, verdict.endpoint, skill
        self._detail = detail or (lambda text: None)
        self.timeout, self.retries = timeout, retries or Retries()
        address = self.endpoint.origin + self.endpoint.prefix
        self.context = Context(skill, self.key.kind, self.endpoint.kind, self.endpoint.host, model, models,
                               sandboxed, successor, address, flags)
        self._opener = opener_for(self.endpoint.kind == key_guard.LOOPBACK)

    def json(self, request: Request, safety: str, errors_pass: bool = False) -> Reply:
        """Send a request that is answered by one JSON object. `errors_pass`: an error with HTTP 200 is an
        answer, too."""
        try:
            return self.retries.run(lambda: self._json_once(request, errors_pass), safety)
        except Failure as failure:
            raise costs_nothing(failure) if safety == Retries.READ else failure

    def events(self, request: Request, safety: str, take, is_result=None, most: int = 0):
        """Send a request that a model answers; `take(events, headers)` reads the answer and returns the
        result.

        A whole answer is one event named WHOLE: some gateways do not stream, and others stream what nobody
        asked to be. `is_result(beginning, headers)`: the body may be the result itself, which comes in events
        of bytes. `most`: how many bytes may come in events, if that is more than usual.
        """
        def attempt():
            with self.open(request) as response:
                headers = self._accepted(response)
                blocks, streams, beginning = reading.peeked(self._blocks(response, headers), headers)
                if is_result and is_result(beginning, headers):
                    blocks = _bounded(blocks, max(most, _MAX_JSON))
                    return take((Event(WHOLE, block, 200) for block in blocks), headers)
                if streams:
                    return take(self._guarded(read_events(blocks, most), headers), headers)
                body = self._answer_in(response.status, headers, _joined(blocks))
                return take(iter([Event(WHOLE, body, 200)]), headers)
        return self.retries.run(attempt, safety)

    def _json_once(self, request: Request, errors_pass: bool) -> Reply:
        with self.open(request) as response:
            headers = self._accepted(response)
            raw = self.body_of(response, headers)
            body = self._explained(reading.read(response.status, headers, raw, errors_pass))
            if not isinstance(body, dict):
                raise self._no_json(response.status, raw, headers)
            return Reply(response.status, headers, body)

    def _accepted(self, response) -> dict:
        """The headers of an answer. Raises the Failure of an HTTP error."""
        headers = reading.lower_headers(response)
        if response.status < 400:
            return headers
        failure = self.context.explain(reading.read(response.status, headers,
                                                    self.body_of(response, headers)))
        failure.retry_after = parse_retry_after(headers.get("retry-after", ""))
        raise failure

    def _explained(self, body):
        """What a body holds, unless that is an error."""
        if isinstance(body, ServiceError):
            raise self.context.explain(body)
        return body

    def save(self, request: Request, file) -> None:
        """Write the body of an answer into an open file, from its beginning. Raises OSError of the disk,
        Failure above MOST_BYTES."""
        def attempt():
            file.seek(0)
            file.truncate()
            with self.open(request) as response:
                for block in _bounded(self._blocks(response, self._accepted(response)), MOST_BYTES):
                    file.write(block)
        self.retries.run(attempt, Retries.READ)

    def body_of(self, response, headers: dict) -> bytes:
        """The whole body, bounded in size."""
        return _joined(self._blocks(response, headers))

    def _blocks(self, response, headers: dict):
        """The body as it arrives; what breaks it off becomes a Failure, so that OSError means the disk."""
        blocks = reading.body_blocks(response, headers)
        while True:
            try:
                block = next(blocks, None)
            except (OSError, http.client.HTTPException) as error:
                raise self._broken(error, "the answer broke off") from error
            if block is None:
                return
            yield block

    def open(self, request: Request, authorized: bool = True):
        """The response, redirects followed where that is safe. Connection errors become Failures, HTTP errors
        do not."""
        headers, url, method = headers_of(request, self.skill), request.url, request.method
        if request.data and len(request.data) > MOST_CLASSIC:
            check_size(request, self.endpoint)
        is_own = url.startswith(self.endpoint.origin + "/")  # and every place that a redirect leads to
        if authorized and is_own:
            headers["Authorization"] = "Bearer " + self.key.value
        kind = self.endpoint.kind if is_own else key_guard.endpoint_kind(urlsplit(url).netloc)
        if kind in key_guard.PLAN_HOSTS:
            raise self.context.network(
                f"{urlsplit(url).hostname} is a plan's host, and scripts send nothing there",
                accepted="no", retryable=False,
                fix="unset QWEN_BASE_URL, or set it to https://dashscope.aliyuncs.com")
        for _ in range(6):
            response = self._send(method, url, headers, request)
            location = response.headers.get("Location")
            if response.status not in _REDIRECTS or not location:
                return response
            response.close()
            url = self._redirect(method, response.status, url, location)
        raise self.context.network("the service redirects in circles", accepted="no", retryable=False)

    def _redirect(self, method: str, status: int, old: str, new: str) -> str:
        """The next URL, of the same origin: nobody else's answer is believed, and a POST stays one."""
        try:
            new = urljoin(old, new)
            new.encode("ascii")
            is_same = origin_of(new) == origin_of(old)
        except ValueError:  # no URL, or one that cannot be requested
            new, is_same = "", False
        if is_same and (method in ("GET", "HEAD") or status in (307, 308)):
            return new
        from .troubles import redirected
        raise redirected(old, new, self.context)

    def _send(self, method: str, url: str, headers: dict, request: Request):
        if request.is_form:
            headers = {**headers, "Content-Length": str(len(request.data))}
        try:
            response = self._opener.open(urllib.request.Request(url, request.data, headers, method=method),
                                         timeout=self.timeout)
            self._detail(f"{method} {url}: HTTP {response.status}, request id "
                         f"{response.headers.get('x-request-id') or 'not given'}")
            return response
        except http.client.InvalidURL as error:  # of a host, before anything is sent
            raise self._broken(ConnectError(error)) from error
        except (OSError, http.client.HTTPException) as error:
            raise self._broken(error) from error

    # -- what can go wrong

    def _broken(self, error: Exception,
                what: str = "the connection was closed before the answer came") -> Failure:
        from .troubles import broken
        return broken(error, self.context, self.timeout, what)

    def _guarded(self, events, headers: dict):
        """Pass events on; turn what breaks a stream into Failures, and errors sent inside one as well."""
        try:
            for event in events:
                is_error = event.name == ERROR
                if is_error or isinstance(event.data, dict):
                    self._explained(reading.error_in(event.status or 200, event.data, headers, is_error))
                elif isinstance(event.data, Text) and event.data not in ("", "[DONE]"):
                    raise BadStream("an event is damaged")
                yield event
        except BadStream as error:
            raise self.context.network(f"the stream cannot be read: {error}") from error

    def _answer_in(self, status: int, headers: dict, raw: bytes) -> dict:
        """The answer of a model in a whole body; another body is not taken for one."""
        body = self._explained(reading.read(status, headers, raw))
        if isinstance(body, dict) and ("choices" in body or "output" in body):
            return body
        raise self._no_json(status, raw, headers)

    def _no_json(self, status: int, raw: bytes, headers: dict) -> Failure:
        from .troubles import not_the_service
        failure = not_the_service(status, raw, self.context)
        failure.request_id = request_id_of(None, headers)
        return failure


def _joined(blocks) -> bytes:
    """The whole body, bounded in size."""
    return b"".join(_bounded(blocks, _MAX_JSON))


def _bounded(blocks, most: int):
    size = 0
    for block in blocks:
        size += len(block)
        if size > most:
            raise Failure(Exit.FAILED, f"the answer is larger than {most >> 20} MiB", accepted="maybe")
        yield block
