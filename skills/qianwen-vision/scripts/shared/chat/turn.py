"""One turn of a chat: sent, shown while it arrives, saved and reported."""
from __future__ import annotations

import json

from ..failures import Exit, Failure, usage
from ..money.cost import Cost, document as cost_document, FREE, words
from ..transport.request import Request
from ..transport.retries import Retries
from .answer import Answer, fold, tool_calls_for_messages
from .price import SEARCHES, charged, expected
from .request import ChatAsk
from .usage import units, usage_line


def text_target(session, ask: ChatAsk, name: str):
    """Where --output has the answer written, proven writable; None for stdout."""
    options, console = session.options, session.console
    if options.output == "-":
        return None
    from ..files.answer_file import output_for
    return output_for(options.output, options.overwrite, console.redact_result(name),
                      "json" if ask.wants_json else "md")


def chat_request(endpoint, body: dict) -> Request:
    """A chat completion over the OpenAI-compatible API. Raises usage for text that cannot be sent."""
    accept = {"Accept": "text/event-stream"} if body.get("stream") else {}
    return Request("POST", endpoint.compatible + "/chat/completions", body, accept)


def preface(console, ask: ChatAsk, body: dict, remarks: list, warning: str) -> None:
    """What there is to say of a request before it is sent; a schema that is broken is refused here."""
    if warning:
        console.warn(warning)
    if body.get("n", 1) != 1:
        console.warn("n above 1 bills several answers, but only the first is shown", "leave n out")
    for remark in remarks:
        console.note(remark)
    if ask.schema is not None and ask.wants_json:
        from .json_schema import check_schema
        for place, keyword in check_schema(ask.schema):
            console.warn(f"--schema: {keyword!r} at {place} is sent to the model, "
                         "but the answer is not checked against it")


class Turn:
    """One question and its answer: `ask` sends it, shows and saves what comes; `report` says what it cost.

    JSON answers, and those that go to a file, are held back until they are whole; all others are shown as
    they come. What came of an answer that breaks off is billed, and is kept. `media` and `more` are tokens of
    the input that do not stand in its text, as `expected` takes them.
    """

    def __init__(self, session, ask: ChatAsk, model, target, client, media: int = 0, more: int = 0):
        self.session, self.asked, self.model, self.target, self.client = session, ask, model, target, client
        self.console, self._unseen = session.console, (media, more)
        if not (target or self.console.has_stdout or self.console.ignore_broken_pipe):
            raise usage("stdout is closed, so the answer would be lost; nothing was sent",
                        "add -o FILE, or give the script a stdout")
        self.cost: Cost = FREE
        self.answer = Answer("cumulative" in model.features, ask.prefix or "")
        self.text, self.data = "", None
        self.files: list = []
        self._beginning = ask.prefix or ""
        if ask.wants_json:  # loaded before anything is paid
            from .json_answer import checked_json
            self._checked_json = checked_json

    def check(self, request: Request) -> None:
        """Before anything is uploaded for it: refuse what goes over a budget. Raises Failure."""
        session, region = self.session, self.client.endpoint.price_region
        about = expected(self.model, request.body, region, *self._unseen, session.half_price)
        session.payments.check(self.model.id, about)

    def ask(self, request: Request, elsewhere=None) -> None:
        """Send, show, check what was promised, and put the answer where it was wanted. Raises Failure.
        `elsewhere` makes the request for the place where the model is if it is not at this one."""
        try:
            self._send(request, elsewhere)
            self._finish()
        except Failure as failure:
            self._keep_partial(failure)
            raise self.billed(failure)
        except KeyboardInterrupt:
            failure = Failure(Exit.INTERRUPTED, "interrupted before the answer was complete",
                              "the service may have answered, and then bills it",
                              "run the command again only if paying twice is acceptable", accepted="maybe",
                              partial=self.answer.partial())
            self._keep_partial(failure)
            raise self.billed(failure) from None
        except BrokenPipeError:
            raise
        except Exception:
            self._keep_partial(Failure(Exit.UNEXPECTED, ""))
            raise

    def billed(self, failure: Failure) -> Failure:
        """The same failure with what the answer cost: what came is paid, of use or not."""
        if self.answer.usage:
            failure.billing, failure.bill = self._billing(), self._bill()
        return failure

    def report(self, **more) -> None:
        """Say what it cost, and print the JSON document where one is wanted;
        `more` are further keys of it."""
        console, model = self.console, self.answer.model or self.model.id
        console.detail(f"request id {self.answer.request_id or 'not given'}")
        console.note(self._bill())
        if console.json_mode:
            console.document(self._document(model, more))

    def _bill(self) -> str:
        """What the answer used and cost, for people."""
        model = self.answer.model or self.model.id
        return f"{usage_line(self.answer.usage, model, self.session.billing_note())}, {words(self.cost)}"

    def _billing(self) -> dict:
        return {"plan": self.client.key.billing, "units": units(self.answer.usage),
                "cost": cost_document(self.cost)}

    # -- sending

    def _send(self, request: Request, elsewhere=None) -> None:
        """Ask the model, and a second time where only the way it was asked is refused."""
        try:
            self._exchange(request)
        except Failure as failure:
            other = self._other_way(request, failure, elsewhere)
            if other is None:
                raise
            self._exchange(other)

    def _other_way(self, request: Request, failure: Failure, elsewhere) -> Request | None:
        """The request for a model that is at the other native path (contract 3.1), or for one that takes no
        schema after all: JSON, with the schema in the messages. None where something else was refused."""
        refused, schema = failure.message if failure.http_status == 400 else "", self.asked.schema
        if elsewhere and "/api/v1/" in request.url and "url error" in refused.lower():
            return elsewhere()
        if schema is None or "response_format" not in refused or "messages" not in request.body:
            return None
        self.console.note(f"{self.model.id} takes no schema; "
                          "asking for JSON with the schema in the messages instead")
        from .promised import without_schema
        return Request(request.method, request.url, without_schema(request.body, schema), request.headers)

    def _exchange(self, request: Request) -> None:
        """One paid call. What an answer that broke off cost is known where its usage came before that."""
        session, region, is_whole = self.session, self.client.endpoint.price_region, False
        about = expected(self.model, request.body, region, *self._unseen, session.half_price)
        with session.payments.paying(self.model.id, about) as payment:
            try:
                self.client.events(request, Retries.CHAT, self._fold)
                is_whole = True
            except Failure as failure:
                # an error in place of an answer is not billed (text contract 8.4)
                if not failure.partial and (failure.http_status >= 400 or failure.server_error):
                    failure.accepted = "no"
                raise
            finally:
                if is_whole or self.answer.usage:
                    cost = charged(self.model, self.answer.usage, region, session.half_price,
                                   may_search=about.why == SEARCHES)
                    self.cost = payment.settle(cost, self.answer.request_id)

    def _fold(self, events, headers: dict) -> None:
        fold(events, headers, self.answer, self._show, self.client.context)

    def _show(self, channel: str, piece: str) -> None:
        if channel == "reasoning":
            self.console.show(channel, piece)
        elif not self.target and not self.asked.wants_json:
            beginning, self._beginning = self._beginning, ""
            self.console.result(beginning + piece)

    # -- the whole answer

    def _finish(self) -> None:
        console, answer = self.console, self.answer
        console.end_result()
        answer.check_end()
        if answer.cut:
            console.warn(answer.cut, answer.less())
        self.text = answer.text
        if self.asked.wants_json and not answer.tool_calls:
            self.text, self.data = self._checked_json(answer, self.asked.schema, console)
        is_held = self.asked.wants_json
        if answer.ocr_result and not self.text.strip():
            found = answer.ocr_result.get("kv_result") or answer.ocr_result
            self.text, is_held = json.dumps(found, ensure_ascii=False, indent=2), True
        calls = [_call_line(call) for call in tool_calls_for_messages(answer)]
        if self.target:
            self.files.append(self._save("\n".join(filter(None, [self.text, *calls])) + self._sources()))
            self.console.result(self.files[0]["path"] + "\n")
            return
        for piece in ([self.text] if is_held else []) + calls:  # each on a line of its own
            console.result(piece)
            console.end_result()

    def _sources(self) -> str:
        """The pages of a web search, for the end of a file of text."""
        pages = [] if self.asked.wants_json else self.answer.search_results
        lines = [f"- [{page.get('index', '?')}] {page.get('title', '')} {page.get('url', '')}"
                 for page in pages]
        lines = [" ".join(line.split()) for line in lines]  # no title makes a line of its own
        return "\n\n" + "\n".join(["Sources:", "", *lines]) if lines else ""

    def _save(self, text: str) -> dict:
        text = self.console.redact_result(text)
        if not text.endswith("\n"):
            text += "\n"
        try:
            return self.target.save(text.encode("utf-8", "replace"),
                                    "application/json" if self.asked.wants_json else "text/markdown")
        except Failure as failure:
            failure.partial = {"text": text}
            self.console.result(text)
            raise

    def _document(self, model: str, more: dict) -> dict:
        answer = self.answer
        document = {"ok": True, "skill": self.console.skill, "model": model, "request_id": answer.request_id,
                    "text": self.text, "reasoning": answer.reasoning,
                    "tool_calls": tool_calls_for_messages(answer), "data": self.data,
                    "finish_reason": answer.finish_reason, **more, "files": self.files, "usage": answer.usage,
                    "billing": self._billing(), "warnings": self.console.warnings}
        always = ("ok", "skill", "model", "text", "usage", "billing", "warnings")
        return {name: value for name, value in document.items()
                if value or name in always or name == "data" and self.data is not None}

    # -- what came of an answer that broke off

    def _keep_partial(self, failure: Failure) -> None:
        """Keep it where the whole was to go, marked as a part; one held back is shown."""
        is_held = bool(self.target or self.asked.wants_json)
        came = "\n".join(filter(None, [is_held and self.answer.text, *map(_call_line, self.answer.tool_calls)]))
        if not came or failure.exit_code == Exit.UNSAVED or (self.target and self.target.saved):
            return
        if not (self.target and self._write_partial(came)) and not self.console.json_mode:
            self.console.say("the answer received:", *came.split("\n"))

    def _write_partial(self, text: str) -> bool:
        """Whether it could be saved. Never over a file that is there: it may be somebody's, or a link to
        somewhere else."""
        from ..files.names import partial_path
        path = partial_path(self.target.path)
        try:
            with open(path, "x", encoding="utf-8", errors="replace", newline="\n") as file:
                file.write(self.console.redact_result(text))
        except OSError as error:
            self.console.say(f"the part received could not be saved: {error.strerror}")
            return False
        self.console.say(f"the part received is saved in {path}")
        return True


def _call_line(call: dict) -> str:
    called = call["function"]
    return json.dumps({"id": call["id"], "name": called["name"], "arguments": called["arguments"]},
                      ensure_ascii=False)
