#!/usr/bin/env python3
"""Ask a text model of DashScope (千问云): streamed answers, JSON, tools, search, documents, chats.

Needs Python 3.9 and nothing else. The key guard in `shared/key_guard.py` is passed before anything is sent.
"""
import os
import sys

if sys.version_info < (3, 9):  # said before anything that an older one cannot read
    sys.stderr.write("text.py needs Python 3.9 or later, this is %d.%d\n" % sys.version_info[:2])
    raise SystemExit(2)
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from shared import key_guard
from shared.batch.run import run_calls
from shared.body import encoded
from shared.chat.answer import tool_calls_for_messages
from shared.chat.flags import add_fields, add_json_flags, add_sampling_flags, add_thinking_flags
from shared.chat.price import estimate_of
from shared.chat.turn import chat_request, preface, text_target, Turn
from shared.cli.flags import add_batch_flags, add_common_flags, Parser
from shared.failures import Exit, Failure
from shared.main import run_script
from shared.tasks.flags import add_api_flags
from shared.transport.request import Request
from text_inputs import read_ask
from text_models import DEFAULT_MODEL, TABLE
from text_request import Ask, build_request, native_request, SEARCH

SKILL = "qianwen-text"

EPILOG = """\
stdout carries only the answer (one JSON object per line for tool calls); reasoning, usage and errors go to stderr.
exit codes: 0 ok, 1 a defect, 2 usage, 3 key, 4 quota, 6 network, 7 target exists, 8 refused or failed, 9 not saved, 10 content
inspection, 11 some rows of a batch failed, 130 interrupted.

examples:
  text.py "Explain TLS in three sentences"
  text.py "Summarise this" --attach README.md notes.txt
  text.py "What changed?" --chat talk.json --system "You are a reviewer"
  text.py "Three cities as JSON" --schema cities.schema.json --json
  text.py "你好，世界" --translate-to English --terms terms.json
  text.py "What does the contract say on notice?" --document contract.pdf
  text.py "Good or bad: {review}" --batch reviews.csv -o judged/
"""

# ---- flags ---------------------------------------------------------------------------------------------

def make_parser() -> Parser:
    parser = Parser(prog="text.py", description=__doc__ and __doc__.splitlines()[0], epilog=EPILOG)
    parser.add_argument("prompt", nargs="?", metavar="PROMPT", help="what to ask ('-' reads stdin)")
    _add_input_flags(parser.add_argument_group("what goes in"))
    _add_answer_flags(parser.add_argument_group("what comes out"))
    _add_translation_flags(parser.add_argument_group("translation (qwen-mt models)"))
    add_batch_flags(parser)
    add_api_flags(parser)
    add_common_flags(parser, SKILL,
                     f"{DEFAULT_MODEL}; with --translate-to qwen-mt-plus, with --document qwen-long")
    return parser


def _add_input_flags(group) -> None:
    add = group.add_argument
    add("--system", metavar="TEXT", help="the system message")
    add("--messages", metavar="FILE",
        help="a JSON list of messages to start from; a prompt is added as the last one")
    add("--chat", metavar="FILE",
        help="a conversation saved in a JSON file: read, answered, appended; created if absent")
    add("--attach", metavar="FILE", nargs="+", action="extend", default=[],
        help="text files put before the prompt (write the prompt first)")
    add("--document", metavar="FILE", nargs="+", action="extend", default=[],
        help="PDF, Word and other documents for the long-document model: uploaded, read, and deleted after "
             "the answer; fileid://ID reuses an uploaded one")
    add("--keep-documents", action="store_true",
        help="leave the uploaded documents in the account and show their ids")


def _add_answer_flags(group) -> None:
    add = group.add_argument
    add_thinking_flags(add)
    add_fields(add, {"search": SEARCH})
    add("--sources", action="store_true",
        help="search the web and list the pages found: on stderr, in --json, and at the end "
        "of a file of --output")
    add_json_flags(add)
    add("--tools", metavar="FILE", help="a JSON list of functions the model may call")
    add("--tool-choice", metavar="NAME",
        help="auto, none, or the tool that must be called (no thinking then)")
    add("--prefix", metavar="TEXT",
        help="the beginning of the answer, which the model continues; shown with the rest")
    add_sampling_flags(add)


def _add_translation_flags(group) -> None:
    add = group.add_argument
    add("--translate-to", metavar="LANG",
        help="translate the prompt; an English name or a code, for example Chinese or zh")
    add("--translate-from", metavar="LANG", help="its language (default: auto)")
    add("--terms", metavar="FILE",
        help='fixed translations: JSON, {"source": "target"} or [{"source": …, "target": …}]')


# ---- the run -------------------------------------------------------------------------------------------

def execute(session):
    account, options = session.account, session.options
    session.verdict = key_guard.judge(account.key, account.endpoint, SKILL, options.batch is not None,
                                      strict=account.strict)
    return run_calls(session, answer, make_parser, table=TABLE, estimate=estimate, instead=("messages",))


def estimate(session) -> tuple:
    """What the answer would cost."""
    ask = read_ask(session.options)
    model, warning = TABLE.find(ask.model_name())
    if warning:
        session.console.warn(warning)
    return estimate_of(model, build_request(ask, model)[0], session, more=_unread(ask, model))


def _unread(ask: Ask, model) -> int:
    """The most tokens of documents, which only the service counts."""
    return model.max_input if ask.documents else 0


def answer(session) -> None:
    """One question: read, built, sent, shown, saved."""
    options, console = session.options, session.console
    console.ignore_broken_pipe = bool(options.chat)
    ask = read_ask(options)
    model, warning = TABLE.find(ask.model_name())
    body, remarks = build_request(ask, model)
    request = _request(session.verdict.endpoint, ask, model, body)
    preface(console, ask, body, remarks, warning)
    if options.dry_run:
        return session.show_dry_run(request, _uploads(session, options.document))
    target = options.output and text_target(session, ask,
        str(ask.prompt or (ask.messages or [{}])[-1].get("content") or "answer"))
    try:
        client = session.client(model.id, TABLE, successor=model.successor)
        turn = Turn(session, ask, model, target, client, more=_unread(ask, model))
        if ask.documents:
            return _converse_with_documents(options, turn, body)
        turn.ask(request)
        _report(options, turn, [])
    finally:
        if target:
            target.discard()


def _request(endpoint, ask: Ask, model, body: dict) -> Request:
    """The HTTP request: the compatible dialect, or the native one, which alone returns the sources of a
    search."""
    if not ask.sources:
        return chat_request(endpoint, body)
    path, native = native_request(body, model)
    headers = {"Accept": "text/event-stream", "X-DashScope-SSE": "enable"}
    return Request("POST", endpoint.native + path, native, headers, encoded(native))


def _uploads(session, documents) -> list:
    """The uploads that would come first, for a dry run."""
    from text_documents import upload_request
    return [upload_request(session.endpoint, path).preview(SKILL, session.verdict.key) for path in documents
            if not path.startswith("fileid://")]


def _report(options, turn: Turn, documents: list) -> None:
    """Put the turn into its conversation, then tell the sources and what it cost."""
    if options.chat:
        _append_to_chat(options.chat, turn)
    for page in turn.answer.search_results:
        turn.console.note(f"source [{page.get('index', '?')}] {page.get('title', '')} — "
                          f"{page.get('url', '')}")
    if turn.asked.sources and not turn.answer.search_results:
        turn.console.note("the model did not search")
    turn.report(sources=turn.answer.search_results, documents=documents)


# ---- conversations and documents -----------------------------------------------------------------------

def _append_to_chat(path: str, turn: Turn) -> None:
    """Add this turn to what the file holds now, in one step; another process may have added its own turn
    meanwhile."""
    from shared.files.json_file import replace_json
    from text_request import put_documents, user_text
    ask, clean = turn.asked, turn.console.redact_result
    said = [{"role": "assistant", "content": clean((ask.prefix or "") + turn.answer.text)}]
    if turn.answer.tool_calls:
        said[0]["tool_calls"] = clean(tool_calls_for_messages(turn.answer))
    if ask.prompt is not None:
        said.insert(0, {"role": "user", "content": clean(user_text(ask.prompt, ask.attachments))})

    def append(messages):
        first = [{"role": "system", "content": clean(ask.system)}] if ask.system and not messages else []
        conversation = first + (messages or [])
        if ask.documents:
            put_documents(conversation, ask.documents)
        return conversation + said
    try:
        replace_json(path, append)
    except (OSError, ValueError) as error:
        raise Failure(Exit.UNSAVED, f"the answer could not be added to {path}: {error}",
                      fix="the answer is shown; the file is unchanged", accepted="maybe",
                      files=turn.files,
                      partial=turn.answer.partial()) from error


def _converse_with_documents(options, turn: Turn, body: dict) -> None:
    """Upload the documents, ask about them, and delete them where nobody needs them again."""
    from text_documents import upload_all
    ask = turn.asked
    ids, uploaded = upload_all(turn.client, options.document, turn.console)
    for placeholder, file_id in zip(ask.documents, ids):
        for message in body["messages"]:
            if message["role"] == "system" and str(message["content"]).startswith("fileid://"):
                message["content"] = message["content"].replace(f"fileid://{placeholder}",
                    f"fileid://{file_id}", 1)
    ask.documents = ids
    try:
        turn.ask(_request(turn.session.endpoint, ask, turn.model, body))
    except Failure as failure:
        if uploaded and failure.exit_code == Exit.INTERRUPTED:
            _release(options.keep_documents, uploaded, turn.client, turn.console)
        elif uploaded:
            turn.console.warn("the uploaded documents stay in the account so that you can try again: "
                              + _as_flags(uploaded))
        raise
    except BaseException:  # a closed pipe, or a defect of ours: nobody will try again with them
        if uploaded:
            _release(options.keep_documents, uploaded, turn.client, turn.console)
        raise
    kept = list(ids) if options.keep_documents or options.chat else []
    if uploaded:
        _release(bool(kept), uploaded, turn.client, turn.console)
    _report(options, turn, kept)


def _release(keep: bool, uploaded: list, client, console) -> None:
    """Delete the documents that were uploaded for this answer, or say where they are kept."""
    if keep:
        console.say("the uploaded documents stay in the account: " + _as_flags(uploaded))
        return
    from text_documents import delete_all
    try:
        if delete_all(client, uploaded, console):
            console.note(f"deleted from your account: {len(uploaded)} uploaded "
                         f"document{'s' * (len(uploaded) > 1)}")
    except KeyboardInterrupt:
        console.warn("interrupted while deleting; these may stay in the account: " + _as_flags(uploaded))


def _as_flags(ids: list) -> str:
    return "--document " + " ".join("fileid://" + file_id for file_id in ids)


if __name__ == "__main__":
    sys.exit(run_script(SKILL, make_parser, execute))
