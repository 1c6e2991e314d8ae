"""A row's call without its own connection:
the request is taken for a job's file, later the answer is given from the job's results.

The skill's code is the same as for a direct call,
so requests, checks, files and documents are the same as well.
"""
from __future__ import annotations

import contextlib

from ..body import needs_oss_header, objects_in
from ..cli.session import Session
from ..failures import Exit, Failure, usage
from ..money.cost import Cost, FREE, plus
from ..transport.addresses import is_out_of_reach
from ..transport.events import Event, WHOLE
from ..transport.request import Reply, Request

# of a row's line: the guide's limit, the smaller of the two that are documented (updates 10.2)
MOST_BYTES = 1_000_000
_NOT_CARRIED = {"document": "uploads files of its own", "chat": "is a conversation in a file",
                "search": "searches the web", "sources": "searches the web"}


class Taken(Exception):
    """The request of a row, instead of an answer. `cost` is what it is expected to cost."""

    def __init__(self, request: Request):
        super().__init__("the request is taken")
        self.request, self.cost = request, None


@contextlib.contextmanager
def interruptible():
    """The block in which a row's call is made: nothing of it is under way at the service, so that an interrupt
    is not the end of the row but of the command."""
    try:
        yield
    except Failure as failure:
        if failure.exit_code == Exit.INTERRUPTED:
            raise KeyboardInterrupt from failure
        raise


class Costs:
    """What answers of jobs cost, by model: (the sum, how many there are, how many of them in doubt)."""

    def __init__(self):
        self._found: dict = {}

    def add(self, model: str, cost, about) -> None:
        """An answer cost this, or in doubt what was expected of it where the service did not tell."""
        before, rows, doubts = self.of(model)
        found = cost if cost.known or not about.known else about
        self._found[model] = (plus(before, found) if rows else found, rows + 1, doubts + (found is not cost))

    def of(self, model: str) -> tuple:
        return self._found.get(model, (FREE, 0, 0))


class StoredPayments:
    """The payments of rows whose jobs are paid as a whole: `costs` gets what they cost."""

    def __init__(self, costs: Costs):
        self._costs, self._model, self._about = costs, "", FREE
        self.settled: Cost | None = None  # what the answer of the row cost

    @contextlib.contextmanager
    def paying(self, model: str, cost):
        self._model, self._about = model, cost
        try:
            yield self
        except Taken as taken:
            taken.cost = cost
            raise

    def check(self, model: str, cost) -> None:
        """A row is held against no budget; its job is."""

    def settle(self, cost, call: str = ""):
        """A row's answer cost this; return it."""
        self._costs.add(self._model, cost, self._about)
        self.settled = cost
        return cost


class StoredSession(Session):
    """The session of a row that goes through the Batch API, with `options` of the row. `answer`
    returns the body of its answer or raises its Failure; None while jobs are made: then nothing is
    sent or billed, and the call ends with Taken. `costs` get what answers cost. Raises usage for
    options that a job cannot carry."""

    half_price = True

    def __init__(self, session: Session, row, options, console, answer=None, costs: Costs | None = None):
        super().__init__(session.skill, _carried(options), session.account, console, row, session.verdict,
                         StoredPayments(costs or Costs()), session.flags)
        self.answer, self._passed = answer, True

    def client(self, *arguments, **named):
        return StoredClient(super().client(*arguments, **named), self.answer)


class StoredClient:
    """Like a Client, without a way to the service."""

    def __init__(self, client, answer):
        self._answer = answer
        self.key, self.endpoint, self.skill = client.key, client.endpoint, client.skill
        self.context, self.timeout, self.retries = client.context, client.timeout, client.retries

    def json(self, request: Request, safety: str, errors_pass: bool = False) -> Reply:
        raise usage("it names a file that is too large to travel inside the request, "
                    "which the Batch API cannot do",
                    "put the file on a public http(s) address, or leave out --batch-api")

    def events(self, request: Request, safety: str, take):
        return take(iter([Event(WHOLE, self._given(request), 200)]), {})

    def _given(self, request: Request) -> dict:
        if self._answer is None:
            raise Taken(request)
        return self._answer()


def _carried(options):
    """The options of a row for the Batch API, which knows no streams.
    Raises usage for what it cannot carry."""
    for name, why in _NOT_CARRIED.items():
        if getattr(options, name, None):
            raise usage(f"--{name} {why}, which the Batch API cannot do",
                        f"leave out --{name} or --batch-api")
    options.no_stream, options.dry_run = True, False
    return options


def body_of(request: Request, table) -> dict:
    """The body of a row from the request of its call. Raises usage for one of another API.

    The thinking mode is always set:
    a file has one mode, and models that think by default would use up the discount unsaid.
    """
    if not request.url.endswith("/compatible-mode/v1/chat/completions"):
        raise usage("this row goes to another API than chat completions, which the Batch API cannot do",
                    "leave out --batch-api (or --ocr)")
    body = {name: value for name, value in request.body.items() if name not in ("stream", "stream_options")}
    if needs_oss_header(body):
        raise usage("this row names a temporary upload (oss://), which the Batch API does not resolve",
                    "name a public http(s) address or a small local file")
    _check_media(body, request.url.partition("/compatible-mode/")[0] + "/")
    row = table.find(body["model"])[0]
    if row.thinking in ("on", "off") and "thinking" not in body:
        body.setdefault("enable_thinking", row.thinking == "on")
    return body


def _check_media(body: dict, here: str) -> None:
    """Refuse what a job takes and never ends with: two kinds of media in a row, addresses that only this
    machine or its network can reach (updates 10.2). Those that begin with `here` are the endpoint's own."""
    parts = [part for message in body["messages"] for part in objects_in(message, "content")]
    kinds = sorted({str(part.get("type")) for part in parts} - {"text"})
    if len(kinds) > 1:
        raise usage(f"this row has {' and '.join(kinds)}, but the Batch API takes one kind of media in a row",
                    "make a row for each kind, or leave out --batch-api")
    for part in parts:
        for url in _addresses(part.get(str(part.get("type")))):
            if is_out_of_reach(url) and not url.startswith(here):
                raise usage(f"only this machine or its network can reach {url}, "
                            "and a job that names it never ends",
                            "name a public http(s) address or a small local file")


def _addresses(value) -> list:
    """The addresses in the media of a part: one, in an object or not, or a list of frames."""
    if isinstance(value, list):
        return [url for item in value for url in _addresses(item)]
    url = value.get("url") if isinstance(value, dict) else value
    return [url] if isinstance(url, str) and url[:4].lower() == "http" else []
