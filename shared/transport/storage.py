"""Posting a form to the object storage that takes uploads. No key is sent."""
from __future__ import annotations

from urllib.parse import urlsplit

from ..failures import Exit, Failure
from .context import Context, ServiceError
from .reading import lower_headers
from .request import Request
from .retries import Retries
from .said import snippet
from .troubles import not_the_service


def upload(client, request: Request) -> None:
    """Post the form; the storage answers with nothing, or with an XML error. Sending again costs nothing."""
    def attempt():
        try:
            response = client.open(request, authorized=False)
        except Failure as failure:
            if failure.exit_code == Exit.NETWORK:
                failure.cause = f"the upload to {urlsplit(request.url).netloc} failed: {failure.cause}"
                failure.fix = "an upload costs nothing; run the command again"
            raise
        with response:
            raw = client.body_of(response, lower_headers(response))
            if response.status >= 300:
                raise _refusal(response.status, raw, client.context)
    client.retries.run(attempt, Retries.READ)


def _refusal(status: int, raw: bytes, context: Context) -> Failure:
    text = raw.decode("utf-8", "replace")
    code, message, request_id = (_between(text, f"<{name}>", f"</{name}>")
                                 for name in ("Code", "Message", "RequestId"))
    if not code and status < 500:
        return not_the_service(status, raw, context)
    code, message = code or f"http_{status}", message or snippet(raw)
    return context.explain(ServiceError(status, code, message, request_id))


def _between(text: str, start: str, end: str) -> str:
    inside, closed, _ = text.partition(start)[2].partition(end)
    return inside if closed else ""
