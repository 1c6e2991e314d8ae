#!/usr/bin/env python3
"""Make and edit videos with the models of DashScope (千问云): from text, pictures, sounds and videos.

Needs Python 3.9 and nothing else. The key guard in `shared/key_guard.py` is passed before anything is sent.
"""
import os
import sys

if sys.version_info < (3, 9):  # said before anything that an older one cannot read
    sys.stderr.write("video.py needs Python 3.9 or later, this is %d.%d\n" % sys.version_info[:2])
    raise SystemExit(2)
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

import video_prices
from shared import key_guard
from shared.transport.request import encoded
from shared.cli.flags import add_batch_flags, add_common_flags, add_result_flags, Parser
from shared.generate import run_files
from shared.main import run_script
from shared.media.addressing import address_all, warn_of_addresses
from shared.tasks.answers import asked_prompt
from shared.tasks.flags import add_task_flags
from shared.tasks.run import TaskRun, Product
from video_answers import parts_of, seconds_of
from video_inputs import add_flags, check_media, first_frame, pictures_and_more, read_ask
from video_models import DEFAULTS, TABLE
from video_rows import FUNCTION_MODEL
from video_request import build_request, cut_sound

SKILL = "qianwen-video-generation"
MAX_WAIT = 540.0  # seconds; what agents' shells allow is ten minutes
LONGEST_PAUSE = 15.0  # seconds between two polls (video contract 3.5)
MOST_INLINE = 7_000_000  # bytes of all pictures together: the body must stay below 10 MB (video contract 4.1)

EPILOG = f"""\
Every video is a task: its id is in a journal before the first wait, so that nothing is lost when the command
ends early.
--tasks lists what was started and not fetched, --resume ID fetches it; both cost nothing.
Files are named after the prompt, in the working directory or where --output says; NAME.json beside each says
how it was made.
stdout carries only their paths; progress, cost and errors go to stderr.
Default models: text {DEFAULTS['t2v']}; --image, --last-frame or --audio with it {DEFAULTS['i2v']};
--reference {DEFAULTS['r2v']}; --video {DEFAULTS['edit']} (with --mode i2v continued by
{DEFAULTS['i2v']}); --function {FUNCTION_MODEL}.
exit codes: 0 ok, 1 a defect, 2 usage, 3 key, 4 quota, 5 the task continues, 6 network, 7 target exists,
8 refused or failed, 9 not saved, 10 content inspection, 11 some failed, 130 interrupted.

examples:
  video.py "A paper boat in the rain, close-up" --resolution 720P --ratio 9:16
  video.py "她转身挥手" --image portrait.png --duration 5 -o wave.mp4
  video.py "From day to night" --image day.png --last-frame night.png
  video.py "Image 1 plays the guitar of Image 2" --reference anna.png guitar.png
  video.py "Make it snow" --video street.mp4 --resolution 720P
  video.py "The boat reaches the sea" --from-clip boat.mp4
  video.py "A red fox" --duration 10 --estimate
  video.py "A red fox" --no-wait
  video.py --tasks
"""


def make_parser() -> Parser:
    parser = Parser(prog="video.py", description=__doc__ and __doc__.splitlines()[0], epilog=EPILOG)
    add_flags(parser)
    add_result_flags(parser.add_argument_group("the files").add_argument)
    add_task_flags(parser.add_argument_group("tasks").add_argument, MAX_WAIT)
    add_batch_flags(parser)
    add_common_flags(parser, SKILL, f"{DEFAULTS['t2v']}; see below for the others")
    return parser


# ---- the run ---------------------------------------------------------------------------------------------

# what may stand in place of a prompt
INSTEAD = ("image", "video", "reference", "from-clip", "template", "request")


def execute(session):
    account, options = session.account, session.options
    session.verdict = key_guard.judge(account.key, account.endpoint, SKILL, options.batch is not None,
                                      strict=account.strict)
    most = TABLE.find(options.model or DEFAULTS["t2v"])[0].running
    return run_files(session, Run, make_parser, table=TABLE, instead=INSTEAD, estimate=estimate, most=most)


def estimate(session) -> tuple:
    """The model, the Cost that the call is expected to have, and what is counted in words.
    Raises usage for what could not be made."""
    with first_frame(session.options):
        ask, model, warning = read_ask(session.options)
    if warning:
        session.console.warn(warning)
    address_all([item for _, item in pictures_and_more(ask)], 0)
    call, _ = build_request(ask, model)
    cost = video_prices.estimate(model, call, video_prices.given_seconds(ask, call, model),
                                 session.endpoint.price_region)
    other = video_prices.cheapest(ask, call.way.mode, check_media, session.endpoint.price_region)
    said = video_prices.words(model, call.tier, cost) + video_prices.cheaper_words(model, cost, other)
    return model.id, cost, said


class Run(TaskRun):
    """One command: from the request to the video."""

    product = Product("mp4", "video/", "video", "seconds", LONGEST_PAUSE, "1 to 5 min")
    models = TABLE

    def generate(self) -> None:
        with first_frame(self.options):
            return self._generate()

    def _generate(self) -> None:
        options = self.options
        ask, model, warning = read_ask(options)
        waiting = _address(ask, model)
        call, remarks = build_request(ask, model)
        encoded(call.body)  # refuses text that cannot be sent, before the key or the network matter
        self._tell(ask, model, warning, remarks, waiting)
        cut = cut_sound(ask, call)
        if cut:
            self.console.warn(*cut)
        warn_of_addresses([item for _, item in pictures_and_more(ask)], self.session.endpoint, self.console)
        if options.dry_run:
            return self.dry_run(call, waiting, model.id, is_task=True)
        self.product = self.product._replace(usual=model.usual)
        if self.went_on():
            return None
        outputs = self.new_outputs(asked_prompt(call.body) or ask.template or call.way.mode, 1)
        try:
            client = self.client(model.id)
            record = self._new_record(ask, model, call, outputs, waiting)
            self.refuse_twin(record)
            if waiting:
                self.upload(waiting, client, record)
                call, _ = build_request(ask, model)
            return self.task(self.request_of(call), record, outputs, client)
        finally:
            outputs.discard()

    def _tell(self, ask, model, warning: str, remarks: list, waiting: list) -> None:
        if warning:
            self.console.warn(warning)
        pictures = [item for role, item in pictures_and_more(ask)
                    if role in ("image", "last_frame", "reference")]
        if model.opaque and any(item.alpha for item in pictures):
            self.console.warn(f"{model.id} takes pictures without transparency, and one of these has it",
                              "if the service refuses it, save the picture without transparency")
        if model.doubt:
            self.console.warn(f"{model.id}: {model.doubt}")
        if model.upload_doubt and waiting:
            self.console.warn(f"{model.id} is documented for public addresses, "
                              f"but {waiting[0].name} will be uploaded instead",
                              "if the service refuses it, put the file on a public https address")
        for remark in remarks:
            self.console.note(remark)

    def _new_record(self, ask, model, call, outputs, waiting: list) -> dict:
        parameters = call.body.get("parameters", {})
        size = parameters.get("size") or parameters.get("resolution")
        facts = {"prompt": ask.prompt, "negative": ask.negative, "model": call.body["model"],
                 "mode": call.way.mode, "seed": parameters.get("seed"), "size": size,
                 "parameters": parameters, "inputs": [item.name for _, item in pictures_and_more(ask)]}
        seconds = video_prices.given_seconds(ask, call, model)
        cost = video_prices.estimate(model, call, seconds, self.session.endpoint.price_region)
        return self.new_record(outputs, call, waiting, facts, cost, mode=call.way.mode)

    # -- answers

    def parts_of(self, body: dict) -> list:
        return parts_of(body)

    def charged(self, record: dict, parts: list, usage: dict):
        row = TABLE.find(record["model"])[0]
        return video_prices.charged(row, record["facts"].get("parameters", {}), usage,
                                    self.session.endpoint.price_region)

    def count(self, record: dict, files: list) -> float:
        return seconds_of(record.get("usage") or {}, sum(entry.get("seconds", 0) for entry in files))


def _address(ask, model) -> list:
    """Give all media their addresses; return what must be uploaded.
    Videos and sounds never travel inside a request."""
    given = pictures_and_more(ask)
    waiting = address_all([item for role, item in given if role in model.inline], MOST_INLINE)
    return waiting + address_all([item for role, item in given if role not in model.inline], 0)


if __name__ == "__main__":
    sys.exit(run_script(SKILL, make_parser, execute))
