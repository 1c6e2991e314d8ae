#!/usr/bin/env python3
"""Make and edit pictures with the image models of DashScope (千问云): each saved whole, none paid twice.

Needs Python 3.9 and nothing else. The key guard in `shared/key_guard.py` is passed before anything is sent.
"""
import contextlib
import os
import sys

if sys.version_info < (3, 9):  # said before anything that an older one cannot read
    sys.stderr.write("image.py needs Python 3.9 or later, this is %d.%d\n" % sys.version_info[:2])
    raise SystemExit(2)
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from image_answers import Stream, count_of, has_unread, is_article, markdown, parts_of, settle
from image_costs import charged, cheaper_words, expected, given_in, words
from image_inputs import add_flags, read_ask
from image_models import chosen_for, DEFAULT_MODEL, TABLE
from image_request import build_request, by_calls
from shared import key_guard
from shared.cli.flags import add_batch_flags, add_common_flags, add_result_flags, Parser
from shared.failures import Exit, Failure
from shared.generate import run_files
from shared.main import run_script
from shared.media.addressing import address_all, warn_of_addresses
from shared.money.cost import total, unknown
from shared.tasks.answers import asked_prompt
from shared.tasks.bill import paying
from shared.tasks.delivery import BROKEN
from shared.tasks.flags import add_task_flags
from shared.tasks.journal import READY
from shared.tasks.run import TaskRun, Product
from shared.transport.request import encoded, Request
from shared.transport.retries import Retries

SKILL = "qianwen-image-generation"
MAX_WAIT = 540.0  # seconds; what agents' shells allow is ten minutes
LONGEST_PAUSE = 10.0  # seconds between two polls (image contract 3.5)
MOST_INLINE = 7_000_000  # bytes of all pictures together: the body must stay below 10 MB (image contract 4.1)

EPILOG = f"""\
Files are named after the prompt (Chinese stays), in the working directory or where --output says; NAME.json beside each says
how it was made. stdout carries only their paths; progress, cost and errors go to stderr.
Default models: {DEFAULT_MODEL}; with --series, --box, --palette {chosen_for("series")}; with --interleave {chosen_for("interleave")};
with --function, --mask {chosen_for("function")}; with --translate-to {chosen_for("translate_to")}.
exit codes: 0 ok, 1 a defect, 2 usage, 3 key, 4 quota, 5 the task continues, 6 network, 7 target exists, 8 refused or failed,
9 not saved, 10 content inspection, 11 some failed, 130 interrupted.

examples:
  image.py "A red fox in the snow, woodcut"
  image.py "一只戴围巾的狐狸" --aspect 16:9 --quality high -n 2 -o foxes/
  image.py "Make the sky stormy" --image photo.jpg -o stormy.png
  image.py "Put the hat of picture 2 on the cat of picture 1" --image cat.png hat.png
  image.py "Four seasons of one tree" --series -n 4 -o tree/ --gallery
  image.py "A poster" --model wan2.7-image-pro --size 4K --no-wait
  image.py "A {{colour}} mug" --batch mugs.csv -o mugs/ --gallery
  image.py "A red fox" -n 4 --estimate
"""


def make_parser() -> Parser:
    parser = Parser(prog="image.py", description=__doc__ and __doc__.splitlines()[0], epilog=EPILOG)
    add_flags(parser)
    add_result_flags(parser.add_argument_group("the files").add_argument)
    add_task_flags(parser.add_argument_group("tasks").add_argument, MAX_WAIT)
    add_batch_flags(parser)
    add_common_flags(parser, SKILL, DEFAULT_MODEL)
    return parser


# ---- the run -------------------------------------------------------------------------------------------

INSTEAD = ("image", "request")  # what may stand in place of a prompt


def execute(session):
    account, options = session.account, session.options
    session.verdict = key_guard.judge(account.key, account.endpoint, SKILL, options.batch is not None,
                                      strict=account.strict)
    most = TABLE.find(options.model or DEFAULT_MODEL)[0].running
    return run_files(session, Run, make_parser, instead=INSTEAD, table=TABLE, estimate=estimate, most=most)


def estimate(session) -> tuple:
    """The model, the Cost that the call is expected to have, and what is counted in words."""
    ask, model, warning = read_ask(session.options, session.endpoint.region)
    tell(session.console, ask, model, warning)
    address_all(ask.images, 0)
    costs: list = []
    for part, times in by_calls(ask, model):
        call = build_request(part, model)[0]
        costs += [expected(model, call, session.endpoint.price_region)] * times
    cost, calls = total(costs)[0], len(costs)
    said = f" in {calls} calls (--batch)" if calls > 1 else cheaper_words(ask, model, call, cost)
    return model.id, cost, words(model, call, cost) + said


def tell(console, ask, model, warning: str) -> None:
    """What is known of the model and of the pictures given, before the call."""
    if warning:
        console.warn(warning)
    transparent = [picture for picture in ask.images if picture.alpha]
    if model.transparency == "refused" and transparent:
        takers = TABLE.names(lambda row: "edit" in row.does and row.transparency != "refused", 3)
        console.warn(f"{model.id} takes pictures without transparency, but {transparent[0].name} has it",
                     f"if the service refuses it, save the picture without transparency, or use {takers}")
    turned = [picture for picture in ask.images if picture.turned]
    if turned and (ask.mask or ask.box):
        console.warn(f"{turned[0].name} is stored on its side and shown upright by its EXIF data; "
                     "the service may count --box and --mask in the stored picture",
                     "save it upright with a picture editor, and use that file")
    first = ask.images[0] if ask.images else None
    if model.transparency == "needed" and first and not first.url and not first.alpha:
        console.warn(
            f"{model.id} wants a picture with a transparent background, but {first.name} has none",
            "if the service refuses it, cut the product out first and save it as PNG")


class Run(TaskRun):
    """One command: from the request to the pictures."""

    product = Product("png", "image/", "picture", "images", LONGEST_PAUSE, "5 to 120 s")
    models = TABLE

    def generate(self) -> None:
        options, console = self.options, self.console
        ask, model, warning = read_ask(options, self.session.endpoint.region)
        pictures = [*ask.images, *([ask.mask] if ask.mask else [])]
        waiting = address_all(pictures, MOST_INLINE if model.inline else 0)
        call, remarks = build_request(ask, model)
        encoded(call.body)  # refuses text that cannot be sent, before the key or the network matter
        tell(console, ask, model, warning)
        warn_of_addresses(pictures, self.session.endpoint, console)
        for remark in remarks:
            console.note(remark)
        if options.dry_run:
            return self.dry_run(call, waiting, model.id, call.task)
        if self.went_on():
            return None
        text = "md" if call.mode == "interleave" else ""
        outputs = self.new_outputs(asked_prompt(call.body) or ask.prompt or call.mode, call.expected, text)
        try:
            client = self.client(model.id)
            record = self._new_record(ask, model, call, outputs, waiting)
            self.refuse_twin(record)
            if waiting:
                self.upload(waiting, client, record)
                call, _ = build_request(ask, model)
            request = self.request_of(call)
            if call.task:
                return self._task(request, record, outputs, client, model)
            return self._direct(request, call, record, outputs, client)
        finally:
            outputs.discard()

    def _new_record(self, ask, model, call, outputs, waiting: list) -> dict:
        parameters = call.body.get("parameters", {})
        pictures = [*ask.images, *([ask.mask] if ask.mask else [])]
        facts = {"prompt": ask.prompt, "negative": ask.negative, "model": call.body["model"],
                 "seed": parameters.get("seed"), "size": parameters.get("size"), "parameters": parameters,
                 "inputs": [picture.name for picture in pictures]}
        cost = expected(model, call, self.session.endpoint.price_region)
        return self.new_record(outputs, call, waiting, facts, cost, mode=call.mode, expected=call.expected,
                               given=given_in(call.body))

    def _task(self, request: Request, record: dict, outputs, client, model) -> None:
        """A refusal of tasks leads to the direct call, where the model has that; some come as 429."""
        try:
            return self.task(request, record, outputs, client)
        except Failure as failure:
            refused = "not support asynchronous calls" in failure.message.lower()
            if model.direct and not record["task_id"] and (refused or failure.http_status == 429):
                flags = " and ".join(f"--{name.replace('_', '-')}" for name in ("task", "no_wait")
                                     if getattr(self.options, name))
                direct = f"leave out {flags}: {model.id} also answers directly"
                failure.fix = direct if refused else f"{failure.fix}; if it stays so, {direct}"
            raise

    # -- direct calls

    def _direct(self, request: Request, call, record: dict, outputs, client) -> None:
        try:
            with paying(self.session, record) as payment:
                parts, answer = (self._stream if call.stream else self._answer)(request, record, client)
                self.settle_direct(payment, record, parts, answer, outputs, client)
        except KeyboardInterrupt:
            raise Failure(Exit.INTERRUPTED, "interrupted before the answer came",
                          "the service may have made the pictures, and bills them then",
                          "run the command again only if paying twice is acceptable",
                          accepted="maybe") from None
        except Failure as failure:
            if failure.accepted == "maybe":
                is_lost = failure.exit_code == Exit.NETWORK
                lost = ", but only the lost answer had their links" if is_lost else ""
                task = ", and add --task: a task survives a lost answer"
                unchanged = ", and with --no-prompt-extend" if failure.code == "RewriteFailed" else ""
                failure.fix = (f"the service may have made the pictures, and then bills them{lost}; "
                               "run the command again only if paying twice is acceptable"
                               + (unchanged or (task if TABLE.find(record["model"])[0].task else "")))
            raise
        if record["task_id"]:
            return self.await_task(record, outputs, client)
        return self.deliver(parts, answer, record, outputs, client)

    def _answer(self, request: Request, record: dict, client) -> tuple:
        reply = client.json(request, Retries.CREATE)
        self._date(record, reply.headers)
        record["request_id"] = reply.request_id
        return parts_of(reply.body), reply.body

    def _date(self, record: dict, headers: dict) -> None:
        """Links live by the service's clock; our own may be days off."""
        self.journal.heard(headers)
        record["created"] = self.journal.now()

    def _stream(self, request: Request, record: dict, client) -> tuple:
        """Interleaved text and pictures: the links go into the journal as they arrive."""
        stream = Stream(lambda found: self._keep_arrived(record, found))

        def take(events, headers):
            self._date(record, headers)
            return stream.take(events, headers)
        try:
            client.events(request, Retries.CREATE, take)
        except (Failure, KeyboardInterrupt) as broken:
            if not any(part["kind"] == "media" for part in stream.parts):
                raise
            why = broken.message if isinstance(broken, Failure) else "interrupted"
            stream.parts.append(_broken(why))
        record["request_id"] = stream.request_id
        return stream.parts, stream.answer()

    def _keep_arrived(self, record: dict, stream: Stream) -> None:
        """What is known if nothing follows."""
        record.update(state=READY, parts=[*stream.parts, _broken("the command was ended")],
                      usage=stream.usage, request_id=stream.request_id)
        with contextlib.suppress(OSError):  # it is tried once more at the end, and told then
            self.journal.write(record)

    # -- answers

    def parts_of(self, body: dict) -> list:
        return parts_of(body)

    def has_unread(self, answer: dict) -> bool:
        return any(map(has_unread, (answer, *answer.get("events", ()))))

    def settle(self, parts: list, record: dict) -> list:
        if is_article(parts):
            record.setdefault("mode", "interleave")  # of a task that another machine made
        return settle(parts, record.get("mode", ""))

    def count(self, record: dict, files: list) -> int:
        return count_of(record.get("usage") or {}, len(files))

    def charged(self, record: dict, parts: list, usage: dict):
        model, made = TABLE.find(record["model"])[0], sum(part["kind"] == "media" for part in parts)
        if made < record.get("expected", 0) and any(part.get("code") == BROKEN for part in parts):
            return unknown("the answer broke off, so how many pictures are billed is not known")
        return charged(model, record["facts"].get("parameters", {}), usage, [()] * made,
                       record.get("given", 0), self.session.endpoint.price_region)

    def write_text(self, delivery, outputs):
        """The text with its pictures, as Markdown beside them."""
        if delivery.record.get("mode") != "interleave":
            return None
        names = [os.path.basename(entry["path"]) for entry in delivery.files]
        text = self.console.redact_result(markdown(delivery.record["parts"], names))
        try:
            entry = outputs.save_text(outputs.filled(text.encode("utf-8", "replace")), "md", "text/markdown")
        except OSError as error:
            delivery.problems.append(Failure(Exit.UNSAVED, f"the text could not be saved: {error.strerror}",
                                             accepted="maybe"))
            return None
        if not self.console.json_mode:
            self.console.result(entry["path"] + "\n")
        return entry

    def check_count(self, record: dict, delivery) -> None:
        """Fewer pictures than asked for are not billed, but must be told.
        A set may have fewer by its nature. A picture without text comes back as it was."""
        for remark in dict.fromkeys(part.get("remark") for part in record["parts"]):
            if remark:
                self.console.warn(f"the service says: {remark}")
        asked, made = record.get("expected", 0), len(delivery.files)
        if record.get("mode") not in ("series", "interleave") and made < asked:
            raise Failure(
                Exit.PARTIAL,
                f"{asked} pictures were asked for, and the service made {made}; they are saved",
                fix="pictures not made are not billed; ask for the rest again", files=delivery.files,
                request_id=record.get("request_id", ""), task_id=record["task_id"])


def _broken(why: str) -> dict:
    said = why if "broke off" in why else f"the answer broke off: {why}"
    return {"kind": "error", "code": BROKEN, "message": said}


if __name__ == "__main__":
    sys.exit(run_script(SKILL, make_parser, execute))
