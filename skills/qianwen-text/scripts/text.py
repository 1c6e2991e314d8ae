#!/usr/bin/env python3
"""Ask a text model of DashScope (千问云): streamed answers, JSON, tools, search, documents, translation, conversations.

Needs Python 3.9 and nothing else. The key guard in `shared/key_guard.py` is passed before anything is sent.
"""
from __future__ import annotations

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from shared import chat, command, key_guard
from shared.failures import Exit, Failure
from shared.transport import Request, Retries, encoded
from text_inputs import read_ask
from text_models import DEFAULT_MODEL, MODELS, find_model
from text_request import Ask, build_request, document_message, native_request, without_schema

SKILL = "qianwen-text"

EPILOG = """\
stdout carries the answer alone (tool calls as one JSON object a line); reasoning, usage and errors go to stderr.
exit codes: 0 ok, 1 a defect, 2 usage, 3 key, 4 quota, 6 network, 7 target exists, 8 refused or failed, 9 not saved, 10 content
inspection, 130 interrupted.

examples:
  text.py "Explain TLS in three sentences"
  text.py "Summarise this" --attach README.md notes.txt
  text.py "What changed?" --chat talk.json --system "You are a reviewer"
  text.py "Three cities as JSON" --schema cities.schema.json --json
  text.py "你好，世界" --translate-to English --terms terms.json
  text.py "What does the contract say on notice?" --document contract.pdf
"""

SCHEMA_HELP = (
    "JSON Schema the answer must match; sent along, and the answer is checked against it. Checked keywords: type, enum, "
    "const, properties, required, additionalProperties, items, prefixItems, the min/max keywords, uniqueItems, pattern, "
    "multipleOf, anyOf, oneOf, allOf, not, $ref within the file; others are named in a warning")


# ---- flags -----------------------------------------------------------------------------------------------------------

def make_parser() -> command.Parser:
    parser = command.Parser(prog="text.py", description=__doc__.splitlines()[0], epilog=EPILOG)
    parser.add_argument("prompt", nargs="?", metavar="PROMPT", help="what to ask ('-' reads stdin)")
    _add_input_flags(parser.add_argument_group("what goes in"))
    _add_answer_flags(parser.add_argument_group("what comes out"))
    _add_translation_flags(parser.add_argument_group("translation (qwen-mt models)"))
    command.add_common_flags(parser, SKILL, f"{DEFAULT_MODEL}; with --translate-to qwen-mt-plus, with --document qwen-long")
    return parser


def _add_input_flags(group) -> None:
    add = group.add_argument
    add("--system", metavar="TEXT", help="the system message")
    add("--messages", metavar="FILE", help="a JSON list of messages to start from; a prompt is added as the last one")
    add("--chat", metavar="FILE", help="a conversation kept in a JSON file: read, answered, appended; made when absent")
    add("--attach", metavar="FILE", nargs="+", action="extend", default=[],
        help="text files put before the prompt (write the prompt first)")
    add("--document", metavar="FILE", nargs="+", action="extend", default=[],
        help="PDF, Word and other documents for the long-document model: uploaded, read, and deleted after the answer; "
        "fileid://ID takes one uploaded before")
    add("--keep-documents", action="store_true", help="leave the uploaded documents in the account and show their ids")


def _add_answer_flags(group) -> None:
    add = group.add_argument
    add("--think", action=_Switch, const=True, dest="think", help="think before answering")
    add("--no-think", action=_Switch, const=False, dest="think", help="answer at once; cheaper and faster")
    add("--thinking-budget", metavar="N", type=command.number(1, float("inf"), whole=True), help="most tokens spent on thinking")
    add("--search", action="store_true", help="let the model search the web (billed per search)")
    add("--sources", action="store_true", help="with --search: also list the pages found (on stderr and in --json)")
    add("--json-object", action="store_true", help="the answer is one JSON value; switches thinking off")
    add("--schema", metavar="FILE", help=SCHEMA_HELP + "; switches thinking off")
    add("--tools", metavar="FILE", help="a JSON list of functions the model may call")
    add("--tool-choice", metavar="NAME", help="auto, none, or the tool that must be called (switches thinking off)")
    add("--prefix", metavar="TEXT", help="the beginning of the answer, which the model continues; shown with the rest")
    add("--temperature", metavar="X", type=command.number(0, 2, high_open=True), help="from 0 to below 2")
    add("--top-p", metavar="X", type=command.number(0, 1, low_open=True), help="above 0, up to 1")
    add("--max-tokens", metavar="N", type=command.number(1, float("inf"), whole=True), help="longest answer, thinking not counted")
    add("--seed", metavar="N", type=command.number(0, 2**31 - 1, whole=True), help="0 to 2147483647")
    add("--stop", metavar="TEXT", action="append", default=[], help="end the answer before this text; may be repeated")
    add("--no-stream", action="store_true", help="wait for the whole answer instead of streaming it")


def _add_translation_flags(group) -> None:
    add = group.add_argument
    add("--translate-to", metavar="LANG", help="translate the prompt; an English name or a code, for example Chinese or zh")
    add("--translate-from", metavar="LANG", help="its language (default: auto)")
    add("--terms", metavar="FILE", help='fixed translations: JSON, {"source": "target"} or [{"source": …, "target": …}]')


class _Switch(command.argparse.Action):
    """--think and --no-think, which may not both be given."""

    def __init__(self, option_strings, dest, const=None, help=None):
        super().__init__(option_strings, dest, nargs=0, const=const, help=help)

    def __call__(self, parser, options, values, option_string=None):
        if getattr(options, self.dest) not in (None, self.const):
            parser.error("--think and --no-think exclude each other")
        setattr(options, self.dest, self.const)


# ---- the run ---------------------------------------------------------------------------------------------------------

def execute(options, account, console) -> Exit | None:
    verdict = account.judge(SKILL)
    if options.check:
        return command.check(options, account, verdict, console)
    console.keep_going = bool(options.chat)
    ask = read_ask(options)
    model, warning = find_model(ask.model_name())
    body, remarks = build_request(ask, model)
    encoded(body)  # refuses text that cannot be sent, before the key or the network matter
    if warning:
        console.warn(warning)
    for remark in remarks:
        console.note(remark)
    if ask.schema is not None:
        _warn_of_schema(ask.schema, console)
    if options.dry_run:
        return _dry_run(options, ask, model, body, verdict, console)
    target = _target(options, ask, console)
    try:
        command.pass_guard(verdict, account, console)
        client = command.make_client(options, account, verdict, console, model.id, [row.id for row in MODELS])
        return _converse(options, ask, model, body, client, target, console)
    finally:
        if target:
            target.discard()


def _request(verdict_or_client, ask: Ask, model, body: dict) -> Request:
    """The HTTP request: the compatible dialect, or the native one where sources are wanted."""
    endpoint = verdict_or_client.endpoint
    if not ask.sources:
        accept = {"Accept": "text/event-stream"} if body.get("stream") else {}
        return Request("POST", endpoint.compatible + "/chat/completions", body, accept)
    path, native = native_request(body, model)
    return Request("POST", endpoint.native + path, native,
                   {"Accept": "text/event-stream", "X-DashScope-SSE": "enable"})


def _dry_run(options, ask: Ask, model, body: dict, verdict, console) -> None:
    preview = _request(verdict, ask, model, body).preview(SKILL, verdict.key)
    uploads = [path for path in options.document if not path.startswith("fileid://")]
    if uploads:
        from text_documents import upload_request
        preview["before"] = [upload_request(verdict.endpoint, path).preview(SKILL, verdict.key) for path in uploads]
    console.json_mode = False
    console.document(preview)
    if verdict.action != key_guard.GO:
        console.note(f"with this key and endpoint a real call would be "
                     f"{'refused' if verdict.action == key_guard.REFUSE else 'warned of'}: "
                     f"{verdict.reason or verdict.warnings[0][0]}")


def _target(options, ask: Ask, console):
    if options.output in (None, "-"):
        return None
    from shared.results import target_for
    prompt = ask.prompt or (ask.messages or [{}])[-1].get("content") or "answer"
    return target_for(options.output, options.overwrite, console.redact_result(str(prompt)), "json" if ask.wants_json else "md")


def _converse(options, ask: Ask, model, body: dict, client, target, console) -> None:
    """Send the request, show the answer as it comes, then check, save and account for it."""
    answer = chat.Answer(cumulative="cumulative" in model.features)
    uploaded = _upload(options, ask, body, client, console)
    try:
        _ask_model(ask, model, body, client, answer, _Display(ask, target, console))
        _finish(options, ask, answer, target, client, console)
    except Failure as failure:
        _keep_partial(failure, answer, target, console)
        if uploaded:
            console.warn("the uploaded documents stay in the account for another try: " + _as_flags(uploaded))
            uploaded = None
        raise
    except KeyboardInterrupt:
        _keep_partial(Failure(Exit.INTERRUPTED, "", partial=answer.partial()), answer, target, console)
        raise
    finally:
        if uploaded:
            _release(options, uploaded, client, console)


class _Display:
    """Shows an answer as it comes; JSON answers and those that go to a file are held back until they are whole."""

    def __init__(self, ask: Ask, target, console):
        self.console = console
        self.hold = bool(target) or ask.wants_json
        self.prefix = ask.prefix

    def __call__(self, channel: str, piece: str) -> None:
        if channel == "text" and self.hold:
            return
        if channel == "text" and self.prefix:
            piece, self.prefix = self.prefix + piece, ""
        self.console.show(channel, piece)


def _ask_model(ask: Ask, model, body: dict, client, answer, show) -> None:
    try:
        _send(ask, model, body, client, answer, show)
    except Failure as failure:
        if ask.schema is None or failure.http_status != 400 or "response_format" not in failure.message:
            raise
        client.retries.note(f"{model.id} takes no schema; asking for JSON with the schema in the messages instead")
        _send(ask, model, without_schema(body, ask.schema), client, answer, show)


def _send(ask: Ask, model, body: dict, client, answer, show) -> None:
    request = _request(client, ask, model, body)
    if body.get("stream") or ask.sources:
        client.events(request, Retries.CHAT, lambda events, headers: chat.fold(events, headers, answer, show,
                                                                               client.context))
        return
    reply = client.json(request, Retries.CHAT)
    chat.whole(reply.body, reply.headers, answer)
    for channel, piece in (("reasoning", answer.reasoning), ("text", answer.text)):
        if piece:
            show(channel, piece)


def _finish(options, ask: Ask, answer, target, client, console) -> None:
    """The answer is whole: check what was promised, put it where it was wanted, say what it cost."""
    text = (ask.prefix or "") + answer.text
    _warn_of_end(ask, answer, console)
    if ask.wants_json and not answer.tool_calls:
        text = _checked_json(ask, answer, console)
    calls = [_call_line(call) for call in answer.tool_calls]
    files = []
    if target:
        files.append(_save(target, text or "\n".join(calls), ask, console))
        console.result(files[0]["path"] + "\n")
    elif ask.wants_json and text:
        console.result(text)
    console.end_result()
    if not target:
        for call in calls:
            console.result(call + "\n")
    if options.chat:
        _append_to_chat(options.chat, ask, answer, console)
    for page in answer.search_results:
        console.note(f"source [{page.get('index', '?')}] {page.get('title', '')} — {page.get('url', '')}")
    if not answer.search_results and ask.sources:
        console.note("the model did not search")
    model_name = answer.model or client.context.model
    console.note(f"{chat.usage_line(answer, model_name, command.billing_note(client.key, client.endpoint))}"
                 + (f" · request {answer.request_id}" if options.verbose and answer.request_id else ""))
    if console.json_mode:
        kept = [file_id for file_id in ask.documents if options.keep_documents or options.chat]
        console.document(_document(answer, text, files, kept, model_name, client, console))


def _call_line(call: dict) -> str:
    import json
    return json.dumps({"id": call["id"], "name": call["function"]["name"], "arguments": call["function"]["arguments"]},
                      ensure_ascii=False)


def _document(answer, text: str, files: list, documents: list, model_name: str, client, console) -> dict:
    calls = chat.tool_calls_for_messages(answer)
    document = {"ok": True, "skill": SKILL, "model": model_name, "request_id": answer.request_id, "text": text,
                "reasoning": answer.reasoning, "tool_calls": calls, "finish_reason": answer.finish_reason,
                "sources": answer.search_results, "documents": documents, "files": files, "usage": answer.usage,
                "billing": {"plan": client.key.billing, "units": chat.units(answer.usage)}, "warnings": console.warnings}
    always = ("ok", "skill", "model", "text", "usage", "billing", "warnings")
    return {name: value for name, value in document.items() if value or name in always}


def _warn_of_end(ask: Ask, answer, console) -> None:
    if answer.finish_reason == "length":
        console.warn("the answer was cut off at the token limit (finish_reason length); raise --max-tokens or ask for less")
    elif answer.cut_by_server:
        console.warn("the service ran out of time and returned what it had; leave out --no-stream")
    if not answer.text and not answer.tool_calls:
        console.warn("the model returned an empty answer")


def _save(target, text: str, ask: Ask, console) -> dict:
    text = console.redact_result(text)
    if not text.endswith("\n"):
        text += "\n"
    try:
        return target.save(text.encode("utf-8", "replace"), "application/json" if ask.wants_json else "text/markdown")
    except Failure as failure:
        failure.partial = {"text": text}
        console.result(text)
        raise


# ---- promised JSON ---------------------------------------------------------------------------------------------------

def _warn_of_schema(schema: dict, console) -> None:
    from shared.json_schema import check_schema
    for place, keyword in check_schema(schema):
        console.warn(f"--schema: {keyword!r} at {place} is sent to the model, but the answer is not checked against it")


def _checked_json(ask: Ask, answer, console) -> str:
    """The answer as clean JSON text. An answer that breaks the promise fails, and is kept in the error report."""
    try:
        value, text = chat.json_answer(answer.text)
    except ValueError as error:
        cut = answer.finish_reason == "length"
        raise _broken_promise(f"the answer is not JSON: {error}", answer, "it was cut off at the token limit" if cut else
                              "the model did not keep to the JSON mode",
                              "leave out --max-tokens" if cut else "run the command again, or use another model") from None
    if ask.schema is not None:
        from shared.json_schema import violations
        broken = violations(value, ask.schema)
        if broken:
            raise _broken_promise("the answer does not match the schema: " + "; ".join(broken[:5]), answer,
                                  f"{len(broken)} violation(s)", "run the command again, or make the schema simpler")
    return text


def _broken_promise(message: str, answer, cause: str, fix: str) -> Failure:
    return Failure(Exit.FAILED, message, cause, fix, request_id=answer.request_id, accepted="maybe",
                   partial=answer.partial())


def _keep_partial(failure: Failure, answer, target, console) -> None:
    """What came of an answer that broke off is billed: keep it where the whole answer was to go, marked as a part."""
    if not answer.text or failure.exit_code == Exit.UNSAVED or (target and target.saved):
        return
    if target:
        path = target.path + ".partial"
        try:
            with open(path, "w", encoding="utf-8", errors="replace", newline="\n") as file:
                file.write(console.redact_result(answer.text))
            console.note(f"what came of the answer is kept in {path}")
        except OSError as error:
            console.note(f"what came of the answer could not be kept: {error.strerror}")
    elif failure.exit_code == Exit.FAILED and not console.json_mode and failure.partial:
        console.note("the answer that came:\n" + answer.text)


# ---- conversations and documents -------------------------------------------------------------------------------------

def _append_to_chat(path: str, ask: Ask, answer, console) -> None:
    """Add this turn to what the file holds now, in one step; another process may have added its own turn meanwhile."""
    from shared.results import replace_json
    from text_request import put_documents, user_text
    turn = [{"role": "assistant", "content": console.redact_result((ask.prefix or "") + answer.text)}]
    if answer.tool_calls:
        turn[0]["tool_calls"] = console.redact_result(chat.tool_calls_for_messages(answer))
    if ask.prompt is not None:
        turn.insert(0, {"role": "user", "content": console.redact_result(user_text(ask.prompt, ask.attachments))})

    def append(messages):
        first = [{"role": "system", "content": console.redact_result(ask.system)}] if ask.system and not messages else []
        conversation = first + (messages or [])
        if ask.documents:
            put_documents(conversation, ask.documents)
        return conversation + turn
    try:
        replace_json(path, append)
    except (OSError, ValueError) as error:
        raise Failure(Exit.UNSAVED, f"the answer could not be added to {path}: {error}",
                      fix="the answer is shown; the file is as it was before", accepted="maybe",
                      partial=answer.partial()) from error


def _upload(options, ask: Ask, body: dict, client, console) -> list:
    """Upload the documents and put their ids into the request; return the ids that were made now."""
    if not ask.documents:
        return []
    from text_documents import upload_all
    ids, made = upload_all(client, options.document, console)
    place = document_message(ask.documents)
    body["messages"] = [document_message(ids) if message == place else message for message in body["messages"]]
    ask.documents = ids
    return made


def _release(options, uploaded: list, client, console) -> None:
    if options.keep_documents or options.chat:
        console.say("the uploaded documents stay in the account: " + _as_flags(uploaded))
        return
    from text_documents import delete_all
    delete_all(client, uploaded, console)


def _as_flags(ids: list) -> str:
    return "--document " + " ".join("fileid://" + file_id for file_id in ids)


if __name__ == "__main__":
    sys.exit(command.run(SKILL, make_parser, execute))
