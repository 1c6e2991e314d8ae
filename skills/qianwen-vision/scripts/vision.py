#!/usr/bin/env python3
"""Look at pictures and videos with a vision model of DashScope (千问云): questions, comparison, OCR, JSON.

Needs Python 3.9 and nothing else. The key guard in `shared/key_guard.py` is passed before anything is sent.
"""
import os
import sys

if sys.version_info < (3, 9):  # said before anything that an older one cannot read
    sys.stderr.write("vision.py needs Python 3.9 or later, this is %d.%d\n" % sys.version_info[:2])
    raise SystemExit(2)
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from shared import key_guard
from shared.chat.flags import (
    add_api_flags, add_fields, add_json_flags, add_sampling_flags, add_thinking_flags, ask_of
)
from shared.chat.price import estimate_of
from shared.chat.seen import media_tokens, OF_VIDEO
from shared.chat.turn import chat_request, preface, text_target, Turn
from shared.cli.flags import add_batch_flags, add_common_flags, filled, number, Parser
from shared.cli.inputs import read_prompt
from shared.converse import run_chats
from shared.failures import usage
from shared.main import run_script
from shared.media import inputs as media
from shared.media.addressing import address_all, oss_headers, warn_of_addresses
from shared.media.prompt import is_prompt, take_prompt_back
from shared.media.uploads import preview_uploads, upload_all
from shared.transport.request import Request
from vision_models import DEFAULT_MODEL, OCR_MODEL, picture_limits, TABLE, video_limits
from vision_request import Ask, build_request, OCR_TASKS, OWN_FIELDS, PLAIN_OCR, UNASKED

SKILL = "qianwen-vision"

EPILOG = """\
A picture or video is a path, '-' (stdin), http(s)://, data:, oss:// or file://. Files up to 7 MB, 12 MB together, travel
inside the request; larger ones are uploaded to the service's temporary storage (48 hours, bound to the model) first.
stdout carries only the answer; reasoning, usage and errors go to stderr.
exit codes: 0 ok, 1 a defect, 2 usage, 3 key, 4 quota, 5 jobs of --batch-api continue, 6 network, 7 target exists,
8 refused or failed, 9 not saved, 10 content inspection, 11 some rows of a batch failed, 130 interrupted.

examples:
  vision.py "What is in this picture?" --image photo.jpg
  vision.py "What changed from the first to the second?" --image before.png after.png
  vision.py "Summarise the video" --video talk.mp4 --fps 1
  vision.py --ocr --image receipt.jpg
  vision.py --ocr table_parsing --image table.png
  vision.py "Read the invoice" --image invoice.png --schema invoice.schema.json --json
  vision.py "Is there a {thing}?" --batch rooms.csv -o rooms/
"""


# ---- flags ---------------------------------------------------------------------------------------------

def make_parser() -> Parser:
    parser = Parser(prog="vision.py", description=__doc__ and __doc__.splitlines()[0], epilog=EPILOG)
    parser.add_argument("prompt", nargs="?", metavar="PROMPT", help="what to ask ('-' reads stdin)")
    _add_media_flags(parser.add_argument_group("what to look at"))
    answer = parser.add_argument_group("what comes out").add_argument
    answer("--system", metavar="TEXT", help="the system message")
    add_thinking_flags(answer)
    add_json_flags(answer)
    add_sampling_flags(answer)
    add_batch_flags(parser, system=True)
    add_api_flags(parser)
    parser.add_argument("--keep-documents", action="store_true",
                        help="leave the files of a --batch-api in the account")
    add_common_flags(parser, SKILL, f"{DEFAULT_MODEL}; with --ocr {OCR_MODEL}")
    return parser


def _add_media_flags(group) -> None:
    add = group.add_argument
    pixels = number(1, 10**9, whole=True)
    add("--image", metavar="F", nargs="+", action="extend", default=[],
        help="pictures, in the order given (JPEG, PNG, WebP, BMP, TIFF, HEIC; write the prompt first)")
    add("--video", metavar="F", type=filled("name a video, or leave the flag out"),
        help="a video (MP4, MOV, AVI, MKV, FLV, WMV); its sound is not heard")
    add("--frames", metavar="F", nargs="+", action="extend", default=[],
        help="a video as a list of 4 or more pictures in time order")
    add("--fps", metavar="X", type=number(0.1, 10),
        help="0.1 to 10: how many frames a second are looked at (--video), or were taken (--frames)")
    add("--ocr", metavar="TASK", nargs="?", const=PLAIN_OCR,
        help=f"read the text of one picture; a built-in task may be named: {', '.join(OCR_TASKS)}; "
             "for key_information_extraction --schema names the fields, as a JSON Schema "
             'or as field and what is wanted: {"date": "yyyy-mm-dd"}')
    add("--min-pixels", metavar="N", type=pixels, help="enlarge smaller pictures to this many pixels")
    add("--max-pixels", metavar="N", type=pixels,
        help="shrink larger pictures to this many pixels; fewer cost less")
    add_fields(add, OWN_FIELDS)


# ---- inputs --------------------------------------------------------------------------------------------

def read_ask(options) -> tuple:
    """The Ask, the model's row, and a warning for an unknown model:
    every file is looked at, nothing is sent yet."""
    _take_prompt_back(options)
    files = (options.request, options.schema, options.video, *options.image, *options.frames)
    inputs = [path for path in files if path == "-"]
    prompt = read_prompt(options.prompt, options.prompt_file, inputs, flag="--image")
    if len(inputs) > 1:
        raise usage("stdin can be read only once, but two inputs name '-'", "put one of them into a file")
    if options.keep_documents and not options.batch_api:
        raise usage("--keep-documents goes with --batch-api", "add --batch FILE --batch-api, or leave it out")
    ask = ask_of(options, Ask, prompt=prompt, fps=options.fps, ocr=options.ocr,
                 min_pixels=options.min_pixels, max_pixels=options.max_pixels)
    model, warning = TABLE.find(ask.model_name())
    ask.images = [media.look(path, "--image", picture_limits(model)) for path in options.image]
    ask.frames = [media.look(path, "--frames", picture_limits(model)) for path in options.frames]
    ask.video = media.look(options.video, "--video", video_limits(model)) if options.video else None
    return ask, model, warning


def _take_prompt_back(options) -> None:
    """`--ocr "Read this"` and `--image F "What is it?"`: the flag swallowed the prompt."""
    if options.ocr not in (None, PLAIN_OCR, *OCR_TASKS):
        if options.prompt is not None or not is_prompt(options.ocr):
            raise usage(f"--ocr {options.ocr}: there is no such task",
                        f"use one of: {', '.join(OCR_TASKS)}, or --ocr alone")
        options.prompt, options.ocr = options.ocr, PLAIN_OCR
    if options.ocr in (None, PLAIN_OCR):
        take_prompt_back(options, ("image", "frames"), "vision.py PROMPT --image FILE")


# ---- the run -------------------------------------------------------------------------------------------

def execute(session):
    account, options = session.account, session.options
    session.verdict = key_guard.judge(account.key, account.endpoint, SKILL, options.batch is not None,
                                      strict=account.strict)
    return run_chats(session, answer, make_parser, table=TABLE, estimate=estimate, instead=("ocr",))


def _media(ask: Ask) -> list:
    return [*ask.images, *ask.frames, *([ask.video] if ask.video else [])]


def estimate(session) -> tuple:
    """What the answer would cost."""
    ask, model, warning = read_ask(session.options)
    if warning:
        session.console.warn(warning)
    address_all(_media(ask))
    body = build_request(ask, model)[0]
    return estimate_of(model, body, session, *_tokens(ask, model, body), OF_VIDEO)


def _tokens(ask: Ask, model, body: dict) -> tuple:
    """About how many tokens all media have, and how many more they may have."""
    return media_tokens(model, body, _media(ask), UNASKED if ask.ocr and ask.prompt is None else "")


def answer(session) -> None:
    """One question about pictures: read, built, uploaded, sent, shown, saved."""
    options, console = session.options, session.console
    ask, model, warning = read_ask(options)
    waiting = address_all(_media(ask))
    body, remarks = build_request(ask, model)
    request = _request(session.endpoint, ask, body)
    preface(console, ask, body, remarks, warning)
    warn_of_addresses(_media(ask), session.endpoint, console)
    if options.dry_run:
        return session.show_dry_run(request, preview_uploads(waiting, session.endpoint, model.id))
    target = options.output and text_target(session, ask, ask.prompt or ask.ocr_task or "answer")
    try:
        client = session.client(model.id, TABLE, successor=model.successor)
        turn = Turn(session, ask, model, target, client, *_tokens(ask, model, body))
        if waiting:
            turn.check(request)
            upload_all(waiting, client, model.id, console)
            request = _request(session.endpoint, ask, build_request(ask, model)[0])
        turn.ask(request)
        turn.report(ocr_result=turn.answer.ocr_result)
    finally:
        if target:
            target.discard()


def _request(endpoint, ask: Ask, body: dict) -> Request:
    """The HTTP request, with the header that makes the service look up temporary uploads."""
    if ask.ocr_task:
        request = Request("POST", endpoint.native + "/services/aigc/multimodal-generation/generation", body)
    else:
        request = chat_request(endpoint, body)
    request.headers.update(oss_headers(body))
    return request


if __name__ == "__main__":
    sys.exit(run_script(SKILL, make_parser, execute))
