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
from shared.chat.flags import (
    add_api_flags, add_fields, add_json_flags, add_sampling_flags, add_thinking_flags
)
from shared.chat.models import bounds
from shared.chat.price import estimate_of
from shared.chat.turn import chat_request, preface, text_target, Turn
from shared.cli.flags import add_batch_flags, add_common_flags, filled, Parser
from shared.converse import run_chats
from shared.main import run_script
from shared.transport.request import Request
from text_inputs import read_ask
from text_models import DEFAULT_MODEL, TABLE
from text_request import build_request, names_documents, native_request, OWN_FIELDS

SKILL = "qianwen-text"
_NAMED = filled("name a file, or leave the flag out")

EPILOG = """\
stdout carries only the answer (one JSON object per line for tool calls); reasoning, usage and errors go to stderr.
exit codes: 0 ok, 1 a defect, 2 usage, 3 key, 4 quota, 5 jobs of --batch-api continue, 6 network, 7 target exists, 8 refused or
failed, 9 not saved, 10 content inspection, 11 some rows of a batch failed, 130 interrupted.

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
    add_batch_flags(parser, system=True)
    add_api_flags(parser)
    add_common_flags(parser, SKILL,
                     f"{DEFAULT_MODEL}; with --translate-to qwen-mt-plus, with --document qwen-long")
    return parser


def _add_input_flags(group) -> None:
    add = group.add_argument
    add("--system", metavar="TEXT", help="the system message")
    add("--messages", metavar="FILE", type=_NAMED,
        help="a JSON list of messages to start from; a prompt is added as the last one")
    add("--chat", metavar="FILE", type=_NAMED,
        help="a conversation saved in a JSON file: read, answered, appended; created if absent")
    add("--attach", metavar="FILE", nargs="+", action="extend", default=[],
        help="text files put before the prompt (write the prompt first)")
    add("--document", metavar="FILE", nargs="+", action="extend", default=[],
        help="PDF, Word and other documents for the long-document model: "
             "uploaded, read, and deleted after the answer; fileid://ID reuses an uploaded one")
    add("--keep-documents", action="store_true",
        help="leave the uploaded documents in the account and show their ids")


def _add_answer_flags(group) -> None:
    add = group.add_argument
    add_thinking_flags(add)
    add_fields(add, OWN_FIELDS)
    add("--sources", action="store_true",
        help="search the web and list the pages found: "
             "on stderr, in --json, and at the end of a file of --output")
    add_json_flags(add)
    add("--tools", metavar="FILE", type=_NAMED, help="a JSON list of functions the model may call")
    add("--tool-choice", metavar="NAME", type=filled("name a tool, or leave the flag out"),
        help="auto, none, or the tool that must be called (no thinking then)")
    add("--prefix", metavar="TEXT",
        help="the beginning of the answer, which the model continues; shown with the rest")
    add_sampling_flags(add)


def _add_translation_flags(group) -> None:
    add = group.add_argument
    add("--translate-to", metavar="LANG",
        help="translate the prompt; an English name or a code, for example Chinese or zh")
    add("--translate-from", metavar="LANG", help="its language (default: auto)")
    add("--terms", metavar="FILE", type=_NAMED,
        help='fixed translations: JSON, {"source": "target"} or [{"source": …, "target": …}]')


# ---- the run -------------------------------------------------------------------------------------------

def execute(session):
    account, options = session.account, session.options
    session.verdict = key_guard.judge(account.key, account.endpoint, SKILL, options.batch is not None,
                                      strict=account.strict)
    return run_chats(session, answer, make_parser, table=TABLE, estimate=estimate, instead=("messages",))


def estimate(session) -> tuple:
    """What the answer would cost."""
    ask = read_ask(session.options)
    model, warning = TABLE.find(ask.model_name())
    if warning:
        session.console.warn(warning)
    body = build_request(ask, model)[0]
    return estimate_of(model, body, session, *_unseen(session.options, model, body))


def _unseen(options, model, body: dict) -> tuple:
    """About how many tokens of the input do not stand in its text, how many more there may be, and of what:
    of documents, which stand in a system message of their own, or of media that the messages bring along."""
    if names_documents(body["messages"]):
        from text_documents import tokens_of
        return (*tokens_of(options.document, body["messages"], bounds(model).max_input), "the documents")
    from shared.chat.seen import media_tokens, OF_VIDEO
    return (*media_tokens(model, body), OF_VIDEO)


def answer(session) -> None:
    """One question: read, built, sent, shown, saved."""
    options, console = session.options, session.console
    console.ignore_broken_pipe = bool(options.chat)
    ask = read_ask(options)
    model, warning = TABLE.find(ask.model_name())
    body, remarks = build_request(ask, model)
    endpoint = session.verdict.endpoint
    multimodal = "mm" in model.features
    request = _searched_request(endpoint, body, multimodal) if ask.sources else chat_request(endpoint, body)
    preface(console, ask, body, remarks, warning)
    if options.dry_run:
        return session.show_dry_run(request, _uploads(session, options.document))
    asked = ask.prompt or (ask.messages or [{}])[-1].get("content") or "answer"
    target = options.output and text_target(session, ask, str(asked))
    try:
        client = session.client(model.id, TABLE, successor=model.successor)
        first, *others = body["messages"]
        is_plain = not others and isinstance(first.get("content"), str)
        unseen = () if is_plain else _unseen(options, model, body)[:2]
        turn = Turn(session, ask, model, target, client, *unseen)
        documents = []
        if ask.documents:
            from text_documents import ask_about
            documents = ask_about(turn, body)
        else:
            turn.ask(request, lambda: _searched_request(endpoint, body, not multimodal))
        _report(options, turn, documents)
    finally:
        if target:
            target.discard()


def _searched_request(endpoint, body: dict, multimodal: bool) -> Request:
    """The request in the native dialect, which alone returns the sources of a search."""
    path, native = native_request(body, multimodal)
    headers = {"Accept": "text/event-stream", "X-DashScope-SSE": "enable"}
    return Request("POST", endpoint.native + path, native, headers)


def _uploads(session, documents) -> list:
    """The uploads that would come first, for a dry run."""
    from text_documents import upload_request
    return [upload_request(session.endpoint, path).preview(SKILL, session.verdict.key)
            for path in documents if not path.startswith("fileid://")]


def _report(options, turn: Turn, documents: list) -> None:
    """Put the turn into its conversation, then tell the sources and what it cost."""
    if options.chat:
        from text_chat import append
        append(options.chat, turn)
    for page in turn.answer.search_results:
        turn.console.note(
            f"source [{page.get('index', '?')}] {page.get('title', '')} — {page.get('url', '')}")
    if turn.asked.sources and not turn.answer.search_results:
        turn.console.note("the model did not search")
    turn.report(sources=turn.answer.search_results, documents=documents)


if __name__ == "__main__":
    sys.exit(run_script(SKILL, make_parser, execute))
