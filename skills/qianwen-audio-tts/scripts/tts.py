#!/usr/bin/env python3
"""Speak text of any length with the speech models of DashScope (千问云):
one whole, joined sound file, no part paid twice.

Needs Python 3.9 and nothing else. The key guard in `shared/key_guard.py` is passed before anything is sent.
"""
import os
import sys

if sys.version_info < (3, 9):  # said before anything that an older one cannot read
    sys.stderr.write("tts.py needs Python 3.9 or later, this is %d.%d\n" % sys.version_info[:2])
    raise SystemExit(2)
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

import tts_flags
import tts_plan
import tts_subtitles
import tts_text
from shared import key_guard
from shared.body import countable
from shared.failures import Exit, Failure, usage
from shared.gallery import page as gallery
from shared.batch.run import run_calls
from shared.main import run_script
from shared.money import cost as money
from shared.files.outputs import stem_of
from shared.tasks.journal import READY
from shared.tasks.rows import BEGUN
from shared.words import unit
from tts_models import find_model, out_of_region, TABLE
from tts_request import (
    build_request, check, check_voice, is_streamed, script_warning, ssml_warning, value_of, voice_of,
    voice_warning
)

SKILL = tts_flags.SKILL


def execute(session):
    account, options, console = session.account, session.options, session.console
    session.verdict = key_guard.judge(account.key, account.endpoint, SKILL, options.batch is not None,
                                      strict=account.strict)
    if options.check or options.models is not None:
        return run_calls(session, None, tts_flags.make_parser, TABLE)
    tts_flags.check_single(options)
    if options.list_voices:
        return tts_flags.list_voices(options, console)
    if tts_flags.manages(options):
        import tts_custom
        return tts_custom.Custom(session).run()
    if options.gallery and not any((options.text, options.text_file, options.request, options.batch)):
        return gallery.gallery_alone(options, console)
    return run_calls(session, lambda one: Run(one).speak(), tts_flags.make_parser, TABLE, estimate,
                     main="text", instead=INSTEAD, files=stem_of, recoverable=lambda row: saved_of(session, row),
                     **gallery.page_after(session))


INSTEAD = ("request",)  # what may stand in place of a text


def estimate(session) -> tuple:
    """The model, the Cost that the call is expected to have, and what is counted in words."""
    from tts_costs import expected, words
    job = Job(session.options)
    _warn(session, job)
    cost, _ = money.total(expected(job.model, call.billed, session.endpoint.price_region, job.speed)
                          for call in job.calls)
    return job.model.id, cost, words(job.model, cost, len(job.parts))


def saved_of(session, row):
    """What stands for the record of a row that a killed run had begun, where all of it is spoken and saved; else
    None."""
    if row.task != BEGUN:
        return None
    try:
        job = Job(row.options())
    except Failure:
        return None
    run = Run(session)
    return {"state": READY, "task_id": ""} if run.narration(run.speaker(job), job).is_kept() else None


def _warn(session, job) -> None:
    """What may not go as wished, before anything is sent."""
    for warning in job.warnings:
        session.console.warn(warning)
    elsewhere = out_of_region(job.model, session.endpoint, session.account.endpoint_source)
    if elsewhere:
        session.console.warn(*elsewhere)


def refuse_a_name(voice: str, state: str) -> None:
    """`--voice NAME` with the name that the user gave to a voice: the service knows its id alone."""
    from tts_names import Names
    import tts_voices
    names = {} if tts_voices.find(voice) else Names(state).all()
    ids = [one for one, name in names.items() if name == voice] if voice not in names else []
    if ids:
        raise usage(f"{voice!r} is the name that you gave to a voice, but --voice takes its id",
                    f"use --voice {' or '.join(ids)}; --my-voices shows the model of each")


class Job:
    """What one command is to speak: read, checked and split; nothing is sent. Raises usage."""

    def __init__(self, options):
        self.options = options
        self.ask, kind = tts_flags.read_ask(options)
        self.model, self.unknown = find_model(self.ask.model_name())
        self.warnings = [*([self.unknown] if self.unknown else []), *check(self.ask, self.model)]
        check_voice(self.ask, self.model)
        self.voice = voice_of(self.ask, self.model)
        if options.stream and self.model.says != "text":
            raise usage(f"--stream is not possible with {self.model.id}", "leave it out")
        self.warnings += filter(None, (voice_warning(self.ask, self.model),
                                       script_warning(self.ask, self.model),
                                       ssml_warning(self.ask, self.model)))
        self.parts = self._split(tts_plan.read(self.ask.text, kind, options.pause), kind)
        self.text = self.ask.text
        if kind == "markdown":  # as a person reads it
            self.text = "\n".join(part.shown for part in self.parts)
        self.calls = [self._call(part) for part in self.parts]
        if len(self.calls) > 1 and self.form in ("opus", "flac"):
            raise usage(f"the text needs {len(self.calls)} segments, and {self.form} segments "
                        "cannot be joined in a way that players play completely",
                        "use --format wav or mp3")

    def _split(self, sections: list, kind: str) -> list:
        options, model, whole = self.options, self.model, kind == "ssml"
        cues = options.srt and not whole  # which is one, however long
        limit = options.max_part or (min(model.part, tts_subtitles.CUE) if cues else model.part)
        if model.most and limit > model.most:
            raise usage(f"--max-part {limit} is more than {model.id} takes",
                        f"legal: 20 to {model.most}; it works best up to {model.part}")
        if model.says != "text" and self.ask.refers():
            return self._whole(sections)
        parts = tts_plan.split(sections, limit, tags=model.tags, whole=whole)
        long = tts_text.units(parts[0].spoken) if whole else 0
        if long > limit:
            raise usage(f"the SSML is {long} counting units long, but one call takes {limit}",
                        "split it into several documents, "
                        "or raise --max-part if the model really speaks so much at once")
        return parts

    def _whole(self, sections: list) -> list:
        """A description that cites recordings: each call would have to cite them all, so it is one."""
        text, most = "\n\n".join(text for text, _ in sections).strip(), self.model.most
        if self.options.pause:
            raise usage("--pause has no effect with references, which make the text one call",
                        "describe the pause in the text, or leave --pause out")
        if most and len(text) > most:
            raise usage(f"the text has {len(text)} characters and references, which one call has to cite, "
                        f"but {self.model.id} takes {most}", "make it shorter")
        return [tts_plan.Part(text, text, 0)]

    @property
    def form(self) -> str:
        """The format of the file."""
        return self.calls[0].form

    @property
    def speed(self):
        """How fast it is spoken, also by --set or --request; None where that is left to the service."""
        told, place = value_of(self.calls[0].body, self.model, "speed"), self.model.fields.get("speed")
        return told if countable(told) and place.low <= told <= place.high else None

    @property
    def units(self) -> int:
        """Counting units that are billed."""
        return sum(tts_text.units(call.billed) for call in self.calls)

    def _call(self, part):
        text = "" if self.ask.format == "flac" else part.spoken  # no document knows a stream of FLAC
        streams = self.model.says == "text" and is_streamed(text, self.options.stream)
        return build_request(self.ask, self.model, part.spoken, streams)


class Run:
    """One command: from the text to the sound file."""

    def __init__(self, session):
        self.session, self.options, self.console = session, session.options, session.console

    def speak(self) -> None:
        options, console = self.options, self.console
        job = Job(options)
        refuse_a_name(job.voice, self.session.account.state)
        if len(job.calls) > 1:  # many calls in one command: no plan key may make those
            account = self.session.account
            self.session.verdict = key_guard.judge(account.key, account.endpoint, SKILL, True,
                                                   strict=account.strict)
        from shared.transport.request import encoded
        for call in job.calls:
            encoded(call.body)  # refuses text that cannot be sent, before the key or the network matter
        _warn(self.session, job)
        speaker = self.speaker(job)
        if options.dry_run:
            return self._dry_run(job, speaker)
        from tts_output import Output
        narration = self.narration(speaker, job)
        output = Output(job, self.session, self._is_saved(narration))
        try:
            speaker.store.prove()
            self.session.pass_guard()
            self._tell(job)
            return self._report(output, self._spoken(output, speaker, narration), job, speaker)
        except Failure as failure:
            speaker.tell_cost(failure)
            raise
        finally:
            output.discard()

    def speaker(self, job: Job):
        from tts_part import Speaker
        from tts_store import Store
        return Speaker(self.session, Store(self.session.account.state), job.model, job.speed)

    def narration(self, speaker, job: Job):
        from tts_speak import CONCURRENCY, Narration
        options, row = self.options, self.session.row
        workers = 1 if row or options.stream else options.concurrency or CONCURRENCY
        return Narration(speaker, job.calls, workers, self.console, row and row.throttle)

    def _is_saved(self, narration) -> bool:
        """Whether a killed run has spoken all of this row. Raises Failure where that was so when the row was taken,
        and is no more: it is paid again only on demand."""
        row = self.session.row
        is_kept = bool(row) and row.task == BEGUN and narration.is_kept()
        if row and row.task == BEGUN and not is_kept and not self.options.again:
            raise Failure(Exit.NETWORK, "the command ended while this row was under way, and what it had saved of it "
                          "is used up: the service may have billed it",
                          fix="run the command again with --again to resend such rows", accepted="maybe")
        return is_kept

    def _spoken(self, output, speaker, narration) -> list:
        """All parts, spoken and saved. What is saved leaves the store, that of a row when its line is written;
        after a failure the parts stay for a rerun."""
        done = False
        try:
            narration.check_budget()
            self._is_saved(narration)  # once more: by now what is there stays there
            if self.options.stream:
                found = output.streamed(speaker, narration)
            else:
                found = narration.work()
                output.join(found, narration)
            done = True
            return found
        finally:
            if done and self.session.row:
                self.session.at_line.append(narration.release)
            else:
                narration.release(done)

    def _tell(self, job: Job) -> None:
        if len(job.parts) > 1:
            longest = max(tts_text.units(part.spoken) for part in job.parts)
            self.console.note(f"{len(job.parts)} segments of at most {longest} counting units, "
                              f"{job.units} in all (a Chinese character counts 2)")

    def _dry_run(self, job: Job, speaker) -> None:
        several = {}
        if len(job.calls) > 1:
            several = {"parts": len(job.calls), "texts": [part.spoken for part in job.parts]}
        self.session.show_dry_run(speaker.request_of(job.calls[0]), **several)

    # -- the end

    def _report(self, output, found: list, job: Job, speaker) -> None:
        """The sidecar tells what the file cost; what is said here is what this run paid."""
        from tts_answers import billed
        from tts_speak import usage_of
        console, used = self.console, usage_of([part["usage"] for part in found])
        cost, units = speaker.cost(), billed(usage_of(speaker.usages()))
        whole = speaker.whole_cost(found, job.calls)
        output.describe(found, used, whole)
        page = ""
        if self.options.gallery and not self.session.row and output.entry:
            page = gallery.gallery_of(output.folder, self.options.overwrite, console)
        said = "".join(f", {unit(count, name)}" for name, count in units.items())
        length = f"{output.seconds:.1f} s of " if output.seconds else ""
        console.note(f"{length}{job.voice or 'speech'} ({job.model.id}){said}, "
                     f"{self.session.billing_note()}, {money.words(cost)}")
        if not console.json_mode:
            return
        billing = {"plan": self.session.verdict.key.billing, "units": units, "cost": money.document(cost)}
        if self.session.row and not speaker.usages():  # an earlier run has counted it
            billing.update(units=billed(used), when_made=money.document(whole))
        document = {"ok": True, "skill": SKILL, "model": job.model.id, "voice": job.voice,
                    "request_id": found[0]["request_id"], "files": output.files,
                    "seconds": round(output.seconds, 3), "parts": len(found), "gallery": page,
                    "usage": used, "billing": billing, "warnings": console.warnings}
        always = ("ok", "skill", "files", "billing", "warnings")
        console.document({name: value for name, value in document.items() if value or name in always})


if __name__ == "__main__":
    sys.exit(run_script(SKILL, tts_flags.make_parser, execute))
