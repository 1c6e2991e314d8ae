"""Answers of chat models: whole ones and streams,
of the OpenAI-compatible and the native dialect, folded into one form.

Wire facts: sections 2.4 to 2.6 and 2.12 to 2.15 of the contract, 14 of the updates. Nothing is
required of an event beyond what it is read for: keys come in any order, may be missing, null or
empty, and unknown ones are ignored.
"""
from __future__ import annotations

import json
import os
from collections import defaultdict

from ..body import objects_in, plain
from ..failures import BAD_FORM, Exit, Failure
from ..transport.context import Context
from ..transport.endings import at_limit, bad_end
from ..transport.events import WHOLE
from ..transport.request import request_id_of

_LONG = 16  # characters that no model begins a piece with by chance, when they are all that came before
_SOME = 4


class Answer:
    """What a model answered. `usage` is the service's own object;
    `timed_out` marks an answer it ran out of time for.

    `cumulative`: the model is known to repeat in each chunk all that came before. `prefix` is the beginning
    that the model goes on with and does not repeat.
    """

    def __init__(self, cumulative: bool = False, prefix: str = ""):
        self._prefix = prefix
        self._pieces = defaultdict(lambda: Pieces(cumulative))  # by channel: reasoning, text
        self.finish_reason = ""
        self._place = ""  # the index of the candidate that is taken
        self._calls: list = []
        self.usage: dict = {}
        self.request_id, self.model = "", ""
        self.search_results: list = []
        self.ocr_result: dict = {}
        self.timed_out = False
        self._ended = False

    @property
    def text(self) -> str:
        """The text with its prefix; '' as long as nothing but blanks has come."""
        came = self._pieces["text"].text
        return self._prefix + came if came.strip() or not self._prefix else ""

    @property
    def reasoning(self) -> str:
        return self._pieces["reasoning"].text

    @property
    def tool_calls(self) -> list:
        """The calls of functions that the model asks for."""
        return [{"index": call["index"], "id": call["id"], "type": "function",
                 "function": {"name": call["name"], "arguments": _arguments(call["pieces"])}}
                for call in self._calls]

    @property
    def complete(self) -> bool:
        """Whether the service has said that the answer is finished."""
        return bool(self.finish_reason) or self._ended

    @property
    def cut(self) -> str:
        """What ended the answer early, its limit of tokens or the service's time; '' where nothing did."""
        if at_limit(self.finish_reason):
            return f"the answer was cut off at the token limit (finish_reason {self.finish_reason})"
        return "the service ran out of time and returned a part" if self.timed_out else ""

    @property
    def started(self) -> bool:
        """Whether any of the answer has come."""
        return any(pieces.begun for pieces in self._pieces.values()) or bool(self._calls)

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
            raise Failure(
                Exit.FAILED, "the answer has a format this script cannot read",
                "the base URL probably leads to something that only resembles the service",
                "check QWEN_BASE_URL", code=BAD_FORM, request_id=self.request_id, accepted="maybe",
                partial={**self.partial(), "unread": plain(body)}) from error

    def close(self) -> list:
        """Nothing more comes: the pieces that were held back until it was clear what they are.
        A call that came without an id gets one of ours: an answer to it has to name it."""
        for call in self._calls:
            call["id"] = call["id"] or "call_" + os.urandom(6).hex()
        found = [(channel, pieces.end()) for channel, pieces in self._pieces.items()]
        return [(channel, piece) for channel, piece in found if piece]

    def check_end(self) -> None:
        """Raise a Failure for an answer that was cut off by the service, or is no result."""
        code, what, fix = bad_end(self.finish_reason)
        if code is None and self._lacks():
            code, what, fix = Exit.FAILED, self._lacks(), "run the command again"
            if self._calls:  # where nothing is left to chance, the same would come again
                fix = "describe the tool more simply, or use another model"
            fix = self.less() if self.cut else fix
        if code is not None:
            fix += "; this answer is billed as well" if self.usage else ""
            raise Failure(code, f"{what} (finish_reason {self.finish_reason or 'not given'})", fix=fix,
                          accepted="maybe", request_id=self.request_id, partial=self.partial())

    def less(self) -> str:
        """What to do about an answer that was cut."""
        if not at_limit(self.finish_reason):
            return "leave out --no-stream"
        less = "think less (--thinking-budget, --no-think)" if self.reasoning else "ask for less"
        return f"raise --max-tokens, or {less}"

    def _lacks(self) -> str:
        """What keeps an answer from being a result, and a turn of a conversation; '' where nothing does."""
        if not self.text.strip() and not self._calls and not self.ocr_result:
            return "the model returned an empty answer"
        if all(_is_json(call["function"]["arguments"]) for call in tool_calls_for_messages(self)):
            return ""
        return "a tool call was cut off" if self.cut else "the arguments of a tool call are not JSON"

    def _take(self, body) -> list:
        if body == "[DONE]":
            self._ended = True
        if not isinstance(body, dict):
            return []
        native = isinstance(body.get("output"), dict)
        output = body["output"] if native else body
        self.request_id = request_id_of(body, {}) or self.request_id
        self.model = body["model"] if isinstance(body.get("model"), str) and body["model"] else self.model
        self.usage = plain(body["usage"]) if isinstance(body.get("usage"), dict) else self.usage
        self._take_search(output.get("search_info"))
        choices = output.get("choices")
        if isinstance(choices, dict):
            choices = list(choices.values())
        if not choices:
            choices = [{"message": {"content": output["text"]}, **output}] if "text" in output else []
        pieces = []
        for choice in choices:
            place = str(choice.get("index") or 0)
            self._place = self._place or place
            if place == self._place:  # other candidates (n above 1) are left out
                pieces += self._take_choice(choice, native)
        return pieces

    def _take_choice(self, choice: dict, native: bool) -> list:
        message = choice.get("delta") or choice.get("message") or {"content": choice.get("text")}
        if not isinstance(message, dict):
            message = {"content": message}
        # all of it once more, behind the deltas
        whole = not native and "message" in choice and not choice.get("delta") and self.started
        reason = choice.get("finish_reason")
        if reason and reason != "null":
            self.finish_reason = str(reason)
        if not (whole and self._calls):
            self._take_tool_calls(message.get("tool_calls") or [])
        self._take_ocr(message.get("content"))
        pieces = []
        for channel, value in (("reasoning", message.get("reasoning_content") or ""),
                               ("text", _text_of(message.get("content") or message.get("refusal")))):
            new = self._pieces[channel].take(value, last=bool(self.finish_reason), whole=whole)
            if new:
                pieces.append((channel, new))
        return pieces

    def _take_tool_calls(self, fragments: list) -> None:
        """Merge fragments into calls. A new id is a new call, whatever its index;
        empty ids and names replace nothing."""
        for position, fragment in enumerate(fragments):
            call = self._call_of(fragment, position, len(fragments))
            function = fragment.get("function") or {}
            call["id"] = call["id"] or fragment.get("id") or ""
            call["name"] = call["name"] or function.get("name") or ""
            piece = _piece_of(function)
            call["pieces"] += [piece] if piece else []

    def _call_of(self, fragment: dict, position: int, together: int) -> dict:
        """The call that a fragment goes on with, or a new one."""
        name, index = fragment.get("id") or "", fragment.get("index")
        same = [call for call in self._calls if name and call["id"] == name]
        if not same:
            if index is None and together == 1 and not name:
                same = self._calls[-1:]
            else:
                place = position if index is None else index
                same = [call for call in self._calls
                        if call["index"] == place and not (name and call["id"])][-1:]
        if same and (name or not _is_another(same[-1], fragment.get("function") or {})):
            return same[-1]
        self._calls.append({"index": position if index is None else index, "id": "", "name": "",
                            "pieces": []})
        return self._calls[-1]

    def _take_ocr(self, content) -> None:
        """Keep what a built-in OCR task found beside the text:
        words with their places, or the extracted fields."""
        for part in content if isinstance(content, list) else ():
            if isinstance(part, dict) and isinstance(part.get("ocr_result"), dict):
                self.ocr_result = plain(part["ocr_result"])

    def _take_search(self, info) -> None:
        """Keep the pages of a web search; only the first event of a stream has the full list."""
        if not self.search_results:
            self.search_results = [plain(page) for page in objects_in(info, "search_results")]


def _text_of(content) -> str:
    """Content as text: a string, null, a part, or the native dialect's list of parts."""
    if isinstance(content, list):
        return "".join(_text_of(part) for part in content if isinstance(part, (str, dict)))
    text = content.get("text") if isinstance(content, dict) else content
    return str(text) if isinstance(text, (int, float)) else text or ""


def _piece_of(function: dict) -> str:
    """The arguments in a fragment; some send them as an object."""
    piece = function.get("arguments") or ""
    return piece if isinstance(piece, str) else json.dumps(piece, ensure_ascii=False)


def _is_another(call: dict, function: dict) -> bool:
    """Whether a fragment without an id is a call of its own: one that is named, behind one that is whole."""
    name, piece = function.get("name"), _piece_of(function)
    if not name or not call["name"] or not "".join(call["pieces"][-1:]).rstrip().endswith("}"):
        return False
    came = _arguments(call["pieces"])
    return _is_json(came, dict) and (name != call["name"] or piece != came and _is_json(piece, dict))


def _arguments(pieces: list) -> str:
    """The arguments of a call, from pieces of which each is new;
    or the last holds all, where only that makes an object."""
    joined, *last = map(escaped, (paired("".join(pieces), False), *pieces[-1:]))
    return next((text for text in (joined, *last) if _is_json(text, dict)), joined)


def escaped(text: str) -> str:
    """JSON that has line ends as they are in its strings, which not every reader takes, with these escaped."""
    try:
        return text if _is_json(text) else json.dumps(json.loads(text, strict=False), ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def _is_json(text: str, kind=object) -> bool:
    """Whether a text is a JSON value of this kind."""
    try:
        return isinstance(json.loads(text), kind)
    except (ValueError, RecursionError):
        return False


class Pieces:
    """One channel of a stream: reasoning or text.

    Most services send what is new; some send all so far in each piece. Which it is, the stream itself shows:
    as long as each piece begins with the one before, a piece may be either, so it is held back until one is
    clear. `cumulative` says what the model usually does.
    """

    def __init__(self, cumulative: bool = False):
        self.text = ""  # what is clear
        self._usually = cumulative
        self._repeats: bool | None = None  # None: not clear yet
        self._pieces: list = []  # as they came, while it is not clear
        self._grown: set = set()  # those that differ from the first, and not by repeating a short piece alone
        self._equal = False  # two pieces were the same, before the last
        self._came, self._count = "", 0  # what the pieces say so far, and how many there were
        self._half = ""  # the first half of a UTF-16 pair

    @property
    def begun(self) -> bool:
        return self._count > 0

    def take(self, piece: str, last: bool = False, whole: bool = False) -> str:
        """What is new in a piece. `last`: the service says that it ends;
        `whole`: the piece is the whole message."""
        if not isinstance(piece, str):
            raise TypeError("a piece of text is not text")
        if not piece:
            return ""
        if whole:
            held = self._decide(self._guess())
            return held + self._add(piece[len(self._came):] if piece.startswith(self._came) else "")
        self._count += 1
        if self._repeats is None:
            return self._take_unclear(piece, last)
        if self._repeats and piece.startswith(self._came):
            return self._add(piece[len(self._came):])
        if last and self._count > 1 and len(piece) >= _LONG // 2 and piece == self._came:
            return ""  # all of it once more
        return self._add(piece)

    def end(self) -> str:
        """What was held back; half a character that stays alone is U+FFFD."""
        held = len(self.text)
        if self._repeats is None:
            self._decide(self._guess())
        self.text += paired(self._half)
        self._half = ""
        return self.text[held:]

    def _take_unclear(self, piece: str, last: bool) -> str:
        self._pieces.append(piece)
        if len(self._pieces) == 1:
            return self._add(piece)  # the beginning is the same either way
        before = self._pieces[-2]
        self._equal = self._equal or (piece == before and not last)
        if not piece.startswith(before):
            return self._decide(False)
        if piece != self._pieces[0] and piece not in self._grown and not _recurs(piece):
            self._grown.add(piece)
        enough = 1 if self._usually or len(before) >= _LONG else 2
        if len(self._grown) >= enough and (self._usually or not self._equal):
            return self._decide(True)
        return ""

    def _guess(self) -> bool:
        """Whether the pieces so far repeat each other, where nothing more comes to show it."""
        if self._repeats is not None or len(self._pieces) < 2:
            return bool(self._repeats)
        grown = len(set(self._pieces)) > 1
        if self._usually:
            return grown or not self._equal
        return not self._equal and len(self._pieces[0]) >= (_SOME if grown else _LONG // 2)

    def _decide(self, repeats: bool) -> str:
        """Settle what the pieces are, and return what of those held back is new."""
        if self._repeats is not None:
            return ""
        self._repeats = repeats
        held = self._pieces[1:]
        self._pieces = []
        if not held:
            return ""
        return self._add(held[-1][len(self._came):] if repeats else "".join(held))

    def _add(self, new: str) -> str:
        self._came += new
        new, self._half = self._half + new, ""
        if new and "\ud800" <= new[-1] <= "\udbff":
            new, self._half = new[:-1], new[-1]
        new = paired(new)
        self.text += new
        return new


def _recurs(text: str) -> bool:
    """Whether a text is one short piece again and again, which begins with what came before by its nature."""
    text = text[:64]
    return any(text[size:] == text[:-size] for size in range(1, len(text) // 2 + 1))


def paired(text: str, final: bool = True) -> str:
    """Text in which the halves of UTF-16 pairs that came apart are joined;
    where it is `final`, a lone half is U+FFFD."""
    try:
        text.encode("utf-8")
        return text
    except UnicodeEncodeError:
        errors = "replace" if final else "surrogatepass"
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", errors)


def fold(events, headers: dict, answer: Answer, show, context: Context) -> Answer:
    """Read a stream into `answer`, passing each piece to `show(channel, piece)` as it arrives.

    A stream that ends without its finish raises a network Failure;
    what came stays in `answer` and in `partial`.
    """
    answer.read_headers(headers)
    is_whole = False
    try:
        for event in events:
            for channel, piece in answer.take(event.data):
                show(channel, piece)
            is_whole = event.name == WHOLE
            if event.data == "[DONE]":
                break
        if not answer.complete and not is_whole:
            raise context.network("the answer is incomplete: the stream ended early",
                                  cause="the connection dropped, or the service stopped midway")
    except Failure as failure:
        for channel, piece in answer.close():
            show(channel, piece)
        if answer.complete and failure.exit_code == Exit.NETWORK:
            return answer  # the connection broke after the end
        failure.partial = failure.partial or answer.partial()
        if answer.started and failure.exit_code == Exit.NETWORK:
            failure.fix = "run the command again for a complete answer: it is billed again"
        failure.request_id = failure.request_id or answer.request_id
        raise
    for channel, piece in answer.close():
        show(channel, piece)
    return answer


def tool_calls_for_messages(answer: Answer) -> list:
    """The tool calls as the next request must repeat them;
    a call without arguments has an empty object of them."""
    return [{"id": call["id"], "type": call["type"],
             "function": {"name": call["function"]["name"],
                          "arguments": paired(call["function"]["arguments"]) or "{}"}}
            for call in answer.tool_calls]
