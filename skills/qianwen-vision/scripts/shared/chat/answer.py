"""Answers of chat models: whole ones and streams, of the OpenAI-compatible and the native dialect, folded into one form.

Wire facts: sections 2.4 to 2.6 and 2.12 to 2.15 of the contract. Nothing is required of an event beyond what it is
read for: keys come in any order, may be missing, null or empty, and unknown ones are ignored.
"""
from __future__ import annotations

import json

from ..body import no_constant
from ..failures import Exit, Failure
from ..transport.errors import Context, network
from ..transport.request import request_id_of


class Answer:
    """What a model answered. `usage` is the service's own object; `timed_out` marks an answer it ran out of time for."""

    def __init__(self, cumulative: bool = False):
        self.text, self.reasoning, self.finish_reason = "", "", ""
        self.tool_calls: list = []
        self.usage: dict = {}
        self.request_id, self.model = "", ""
        self.search_results: list = []
        self.ocr_result: dict = {}
        self.timed_out = False
        self._cumulative = cumulative
        self._ended = False

    @property
    def complete(self) -> bool:
        """Whether the service has said that the answer is finished."""
        return bool(self.finish_reason) or self._ended

    @property
    def started(self) -> bool:
        """Whether any of the answer has come."""
        return bool(self.text or self.reasoning or self.tool_calls)

    def partial(self) -> dict:
        """What has come so far, for an error report."""
        parts = {"text": self.text, "reasoning": self.reasoning, "tool_calls": self.tool_calls}
        return {name: part for name, part in parts.items() if part}

    def read_headers(self, headers: dict) -> None:
        """Take what only the headers tell."""
        self.request_id = self.request_id or headers.get("x-request-id", "")
        if headers.get("x-dashscope-partialresponse", "").lower() == "true":
            self.timed_out = True

    def take(self, body) -> list:
        """Take one body or stream event; return the new pieces as ("reasoning" or "text", piece) pairs."""
        try:
            return self._take(body)
        except (AttributeError, TypeError, KeyError) as error:
            raise Failure(Exit.FAILED, "the answer has a form this script cannot read", "the base URL probably leads to "
                          "something that only resembles the service", "check QWEN_BASE_URL", request_id=self.request_id,
                          accepted="maybe", partial=self.partial()) from error

    def _take(self, body) -> list:
        if body == "[DONE]":
            self._ended = True
        if not isinstance(body, dict):
            return []
        output = body["output"] if isinstance(body.get("output"), dict) else body
        self.request_id = request_id_of(body, {}) or self.request_id
        self.model = body.get("model") or self.model
        self.usage = body["usage"] if isinstance(body.get("usage"), dict) else self.usage
        self._take_search(output.get("search_info"))
        choices = output.get("choices") or ([{"message": {"content": output["text"]}, **output}] if "text" in output else [])
        pieces = []
        for choice in choices:
            if not choice.get("index"):  # other candidates (n above 1) are left out
                pieces += self._take_choice(choice)
        return pieces

    def _take_choice(self, choice: dict) -> list:
        message = choice.get("delta") or choice.get("message") or {}
        reason = choice.get("finish_reason")
        if reason and reason != "null":
            self.finish_reason = reason
        self._take_tool_calls(message.get("tool_calls") or [])
        pieces = []
        reasoning = message.get("reasoning_content") or ""
        text = self._new_text(_plain(message.get("content")))
        self._take_ocr(message.get("content"))
        if reasoning:
            self.reasoning += reasoning
            pieces.append(("reasoning", reasoning))
        if text:
            self.text += text
            pieces.append(("text", text))
        return pieces

    def _new_text(self, text: str) -> str:
        """The part of `text` that is new: cumulative streams repeat all that came before."""
        if self._cumulative and text.startswith(self.text):
            return text[len(self.text):]
        return text

    def _take_tool_calls(self, fragments: list) -> None:
        """Merge fragments by index; follow-ups carry empty ids and names, which never replace what is known."""
        for position, fragment in enumerate(fragments):
            index = position if fragment.get("index") is None else fragment["index"]
            call = next((known for known in self.tool_calls if known["index"] == index), None)
            if call is None:
                call = {"index": index, "id": "", "type": "function", "function": {"name": "", "arguments": ""}}
                self.tool_calls.append(call)
            function = fragment.get("function") or {}
            call["id"] = call["id"] or fragment.get("id") or ""
            call["function"]["name"] = call["function"]["name"] or function.get("name") or ""
            call["function"]["arguments"] += function.get("arguments") or ""

    def _take_ocr(self, content) -> None:
        """Keep what a built-in OCR task found beside the text: words with their places, or the extracted fields."""
        for part in content if isinstance(content, list) else ():
            if isinstance(part, dict) and isinstance(part.get("ocr_result"), dict):
                self.ocr_result = part["ocr_result"]

    def _take_search(self, info) -> None:
        """Keep the pages of a web search; only the first event of a stream has the full list."""
        found = info.get("search_results") if isinstance(info, dict) else None
        if found and not self.search_results:
            self.search_results = found


def _plain(content) -> str:
    """Content as text: a string, null, or the native dialect's list of parts."""
    if isinstance(content, list):
        return "".join(part.get("text") or "" for part in content if isinstance(part, dict))
    return content or ""


def fold(events, headers: dict, answer: Answer, show, context: Context) -> Answer:
    """Read a stream into `answer`, passing each piece to `show(channel, piece)` as it arrives.

    A stream that ends without its finish raises a network Failure; what came stays in `answer` and in `partial`.
    """
    answer.read_headers(headers)
    try:
        for event in events:
            for channel, piece in answer.take(event.data):
                show(channel, piece)
            if event.data == "[DONE]":
                break
        if not answer.complete:
            raise network("the answer was cut short: the stream ended before its finish", context,
                          cause="the connection was lost or the service stopped in the middle")
    except Failure as failure:
        if answer.complete and failure.exit_code == Exit.NETWORK:
            return answer  # the connection broke after the end
        failure.partial = failure.partial or answer.partial()
        if answer.started and failure.exit_code == Exit.NETWORK:
            failure.fix = "what came is kept; run the command again for a whole answer (it is billed again)"
        failure.request_id = failure.request_id or answer.request_id
        raise
    return answer


def whole(body: dict, headers: dict, answer: Answer) -> Answer:
    """Read a whole (not streamed) body into `answer`."""
    answer.read_headers(headers)
    answer.take(body)
    return answer


def tool_calls_for_messages(answer: Answer) -> list:
    """The tool calls as the next request must repeat them."""
    return [{name: call[name] for name in ("id", "type", "function")} for call in answer.tool_calls]


def units(usage: dict) -> dict:
    """Billed units from a usage object of either dialect, as far as it names them."""
    read = usage.get("prompt_tokens", usage.get("input_tokens"))
    written = usage.get("completion_tokens", usage.get("output_tokens"))
    return {name: count for name, count in (("input_tokens", read), ("output_tokens", written)) if count is not None}


def usage_line(answer: Answer, model: str, billing: str) -> str:
    """One line for people: tokens, of which thinking and cached, the model, and who is billed."""
    usage = answer.usage
    counts = units(usage)
    thinking = (usage.get("completion_tokens_details") or usage.get("output_tokens_details") or {}).get("reasoning_tokens")
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens")
    tokens = "tokens unknown"
    if counts:
        tokens = (f"{counts.get('input_tokens', '?')} tokens in" + (f" ({cached} cached)" if cached else "")
                  + f", {counts.get('output_tokens', '?')} out" + (f" ({thinking} thinking)" if thinking else ""))
    searches = ((usage.get("plugins") or {}).get("search") or {}).get("count")
    return f"{tokens}{f', {searches} web search' + 'es' * (searches != 1) if searches else ''} · {model} · {billing}"


def json_answer(text: str):
    """The value of a JSON answer, a Markdown fence around it removed; return (value, clean text). Raises ValueError."""
    clean = text.strip()
    if clean.startswith("```") and clean.endswith("```") and "\n" in clean:
        clean = clean[clean.index("\n") + 1:-3].strip()
    try:
        return json.loads(clean, parse_constant=no_constant), clean
    except RecursionError:
        raise ValueError("it nests too deeply") from None
