"""One turn of a chat: sent, shown while it arrives, saved and reported."""
from __future__ import annotations

import json

from ..failures import Exit, Failure
from ..transport.request import Request
from ..transport.retries import Retries
from .answer import Answer, fold, json_answer, tool_calls_for_messages, units, usage_line, whole
from .request import ChatAsk, without_schema


def warn_of_schema(schema: dict | None, console) -> None:
    """Check a schema before it is sent, and name what in it will not be checked."""
    if schema is None:
        return
    from .json_schema import check_schema
    for place, keyword in check_schema(schema):
        console.warn(f"--schema: {keyword!r} at {place} is sent to the model, but the answer is not checked against it")


def text_target(session, ask: ChatAsk, name: str):
    """Where the answer is to be written, proven writable; None for stdout."""
    options, console = session.options, session.console
    if options.output in (None, "-"):
        return None
    from ..files.outputs import output_for
    return output_for(options.output, options.overwrite, console.redact_result(name),
                              "json" if ask.wants_json else "md")


def compatible_request(endpoint, body: dict) -> Request:
    """A chat completion over the OpenAI-compatible API."""
    accept = {"Accept": "text/event-stream"} if body.get("stream") else {}
    return Request("POST", endpoint.compatible + "/chat/completions", body, accept)


def tell_of(body: dict, remarks: list, warning: str, console) -> None:
    """What there is to say of a request before it is sent."""
    if warning:
        console.warn(warning)
    if body.get("n", 1) != 1:
        console.warn("n above 1 bills several answers, and only the first is shown", "leave n out")
    for remark in remarks:
        console.note(remark)


class Turn:
    """One question and its answer.

    `request_of(body)` makes the HTTP request of a body. JSON answers, and those that go to a file, are held back until
    they are whole; all others are shown as they come.
    """

    def __init__(self, ask: ChatAsk, model, session, client, target, request_of):
        self.ask, self.model, self.session, self.client, self.target = ask, model, session, client, target
        self.console = session.console
        self.request_of = request_of
        self.answer = Answer(cumulative="cumulative" in model.features)
        self.text = ""
        self.files: list = []
        self._beginning = ask.prefix or ""

    def send(self, body: dict) -> None:
        """Ask the model. Where it takes no schema, ask for JSON with the schema in the messages instead."""
        try:
            self._send(body)
        except Failure as failure:
            if self.ask.schema is None or failure.http_status != 400 or "response_format" not in failure.message:
                raise
            self.console.note(f"{self.model.id} takes no schema; asking for JSON with the schema in the messages instead")
            self._send(without_schema(body, self.ask.schema))

    def _send(self, body: dict) -> None:
        request = self.request_of(body)
        if request.headers.get("Accept") == "text/event-stream":
            self.client.events(request, Retries.CHAT, lambda events, headers: fold(
                events, headers, self.answer, self._show, self.client.context))
            return
        reply = self.client.answer(request, Retries.CHAT)
        whole(reply.body, reply.headers, self.answer)
        for channel, piece in (("reasoning", self.answer.reasoning), ("text", self.answer.text)):
            if piece:
                self._show(channel, piece)

    def _show(self, channel: str, piece: str) -> None:
        if channel == "text" and (self.target or self.ask.wants_json):
            return
        if channel == "text" and self._beginning:
            piece, self._beginning = self._beginning + piece, ""
        self.console.show(channel, piece)

    def finish(self) -> None:
        """The answer is whole: check what was promised, and put it where it was wanted."""
        self.console.end_result()
        self._warn_of_end()
        self.text = (self.ask.prefix or "") + self.answer.text
        if self.ask.wants_json and not self.answer.tool_calls:
            self.text = self._checked_json()
        calls = [_call_line(call) for call in self.answer.tool_calls]
        if self.target:
            self.files.append(self._save(self.text or "\n".join(calls)))
            self.console.result(self.files[0]["path"] + "\n")
        elif self.ask.wants_json and self.text:
            self.console.result(self.text)
        self.console.end_result()
        if not self.target:
            for call in calls:
                self.console.result(call + "\n")

    def report(self, **more) -> None:
        """Say what it cost, and print the JSON document where one is wanted; `more` are further keys of it."""
        model = self.answer.model or self.model.id
        self.console.note(usage_line(self.answer, model, self.session.billing_note()))
        self.console.detail(f"request id {self.answer.request_id or 'not given'}")
        if self.console.json_mode:
            self.console.document(self._document(model, more))

    def _document(self, model: str, more: dict) -> dict:
        answer = self.answer
        document = {"ok": True, "skill": self.console.skill, "model": model, "request_id": answer.request_id,
                    "text": self.text, "reasoning": answer.reasoning, "tool_calls": tool_calls_for_messages(answer),
                    "finish_reason": answer.finish_reason, **more, "files": self.files, "usage": answer.usage,
                    "billing": {"plan": self.client.key.billing, "units": units(answer.usage)},
                    "warnings": self.console.warnings}
        always = ("ok", "skill", "model", "text", "usage", "billing", "warnings")
        return {name: value for name, value in document.items() if value or name in always}

    def _warn_of_end(self) -> None:
        if self.answer.finish_reason == "length":
            self.console.warn("the answer was cut off at the token limit (finish_reason length)",
                              "raise --max-tokens, or ask for less")
        elif self.answer.timed_out:
            self.console.warn("the service ran out of time and returned what it had", "leave out --no-stream")
        if not self.answer.text and not self.answer.tool_calls and self.target:
            raise Failure(Exit.FAILED, "the model returned an empty answer; nothing was written", fix="run the command again",
                          request_id=self.answer.request_id, accepted="maybe")
        if not self.answer.text and not self.answer.tool_calls:
            self.console.warn("the model returned an empty answer")

    def _save(self, text: str) -> dict:
        text = self.console.redact_result(text)
        if not text.endswith("\n"):
            text += "\n"
        try:
            return self.target.save(text.encode("utf-8", "replace"),
                                    "application/json" if self.ask.wants_json else "text/markdown")
        except Failure as failure:
            failure.partial = {"text": text}
            self.console.result(text)
            raise

    def _checked_json(self) -> str:
        """The answer as clean JSON text. One that breaks the promise fails, and is kept in the error report."""
        try:
            value, text = json_answer(self.answer.text)
        except ValueError as error:
            cut = self.answer.finish_reason == "length"
            raise self._broken_promise(
                f"the answer is not JSON: {error}",
                "it was cut off at the token limit" if cut else "the model did not keep to the JSON mode",
                "leave out --max-tokens" if cut else "run the command again, or use another model") from None
        if self.ask.schema is not None:
            from .json_schema import violations
            broken = violations(value, self.ask.schema)
            if broken:
                raise self._broken_promise("the answer does not match the schema: " + "; ".join(broken[:5]),
                                           f"{len(broken)} violation(s)", "run the command again, or make the schema simpler")
        return text

    def _broken_promise(self, message: str, cause: str, fix: str) -> Failure:
        return Failure(Exit.FAILED, message, cause, fix, request_id=self.answer.request_id, accepted="maybe",
                       partial=self.answer.partial())

    def run(self, body: dict, finish) -> None:
        """Send, then `finish()`. Whatever breaks it off, what came of the answer is billed, and is kept."""
        try:
            self.send(body)
            finish()
        except Failure as failure:
            self._keep_partial(failure.exit_code)
            raise
        except KeyboardInterrupt:
            self._keep_partial(Exit.INTERRUPTED)
            raise Failure(Exit.INTERRUPTED, "interrupted", fix="run the command again",
                          partial=self.answer.partial()) from None
        except BrokenPipeError:
            raise
        except Exception:
            self._keep_partial(Exit.UNEXPECTED)
            raise

    def _keep_partial(self, exit_code: Exit) -> None:
        """Keep an answer that broke off where the whole was to go, marked as a part; one held back is shown."""
        if not self.answer.text or exit_code == Exit.UNSAVED or (self.target and self.target.saved):
            return
        if self.target:
            self._write_partial(self.target.path + ".partial")
        elif self.ask.wants_json and not self.console.json_mode:
            self.console.say("the answer that came:\n" + self.answer.text)

    def _write_partial(self, path: str) -> None:
        """Never over a file that is there: it may be somebody's, or a link to somewhere else."""
        from ..files.outputs import exists
        from ..files.whole import short_id
        if exists(path):
            path = f"{self.target.path}.{short_id()}.partial"
        try:
            with open(path, "x", encoding="utf-8", errors="replace", newline="\n") as file:
                file.write(self.console.redact_result(self.answer.text))
            self.console.say(f"what came of the answer is kept in {path}")
        except OSError as error:
            self.console.say(f"what came of the answer could not be kept: {error.strerror}")


def _call_line(call: dict) -> str:
    return json.dumps({"id": call["id"], "name": call["function"]["name"], "arguments": call["function"]["arguments"]},
                      ensure_ascii=False)
