"""Where the sound goes: parts joined into one file, or passed on while they arrive;
subtitles and the description beside it."""
from __future__ import annotations

import functools
import os
import shutil
import sys
from contextlib import nullcontext
from datetime import datetime, timezone

import tts_sound
import tts_subtitles
from shared.failures import Exit, Failure, UNJOINED, usage
from shared.files.outputs import OutputFiles
from shared.files.sidecar import sidecar_path
from shared.money.cost import document
from tts_kinds import BadSound, MEDIA_TYPES
from tts_part import Heard
from tts_request import expected_seconds, value_of
from tts_sound import Joined, play, TooLarge

_PAID = "the segments are paid and saved for a week"
_MOST_PROMPT = 2000  # characters of the text that the description repeats
_CUT_FIX = "listen to its end; smaller segments (--max-part) are never cut off"
_SHORT_FIX = ("listen to its end; if it is missing, "
              "run the command again with another --output (it is billed again)")
# of the time a text takes to say; below it something was cut off (speech contract 7.4). How long a short text
# takes is told less surely.
_TRUNCATED, _TRUNCATED_SHORT, _SHORT = 0.5, 0.25, 4  # _SHORT: seconds
_NO_WORD = 0.05  # seconds in which nobody says anything
_MOST_SECONDS, _SECONDS_EACH = 100, 20  # of sound: at first, a character


class Output:
    """The file, or stdout. Everything is proven free and writable before anything is paid. `saved`: a killed run has
    spoken all of it, and perhaps saved it there."""

    def __init__(self, job, session, saved: bool = False):
        options, console, row = session.options, session.console, session.row
        self._job, self._options, self._console, self._row = job, options, console, row
        self.pipe = options.output == "-"
        self.seconds, self.entry, self.files = 0.0, None, []
        self._spans: list = []  # (begin, end) of each part, in seconds
        self._at = 0  # the part that is being joined
        self._outputs = None
        if self.pipe:
            self._check_pipe()
        else:
            name = console.redact_result(job.parts[0].shown)
            self._outputs = OutputFiles(options.output, options.overwrite, name, 1, job.form,
                                        sidecars=not options.no_sidecar, warn=console.warn,
                                        name_id=row.name[:6] if row else "",
                                        text="srt" if options.srt else "",
                                        saved=saved, claim=row and row.claim)

    def _check_pipe(self) -> None:
        for flag in ("json", "srt", "gallery", "batch"):
            if getattr(self._options, flag):
                raise usage(f"--{flag} does not go with --output -, which writes the sound to stdout",
                            "name a file")
        if not self._console.has_stdout:
            raise usage("stdout is closed, so the sound would be lost; nothing was sent",
                        "name a file, or give the script a stdout")
        if sys.stdout.isatty():
            raise usage("--output - would write sound to the terminal",
                        "pipe it into a player, for example: … -o - | ffplay -")

    @property
    def folder(self) -> str:
        return self._outputs.folder or "."

    def discard(self) -> None:
        if self._outputs:
            self._outputs.discard()

    # -- all parts at once

    def join(self, found: list, narration) -> None:
        """Put the parts together and save them. Raises Failure UNSAVED or INTERRUPTED, BrokenPipeError."""
        try:
            form = self._form_of(found)
            temporary = self._outputs.temporary() if self._outputs else None
            with nullcontext(temporary.file) if temporary else _Stdout() as file:
                self._join_into(file, form, found)
            if temporary:
                self._save(temporary, form, found)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise self._unwritten(error) from error
        except BadSound as error:
            raise self._unjoined(error, narration) from error
        except KeyboardInterrupt:
            raise Failure(Exit.INTERRUPTED, f"interrupted while the sound was written to {self._place}", _PAID,
                          "run the same command again: nothing is paid twice", accepted="maybe") from None

    @property
    def _place(self) -> str:
        return "stdout" if self.pipe else self._outputs.path(1)

    def _unwritten(self, error: OSError) -> Failure:
        return Failure(Exit.UNSAVED, f"the sound cannot be written to {self._place}: {error.strerror or error}", _PAID,
                       "make room or choose another --output of the same format, "
                       "then run the command again: nothing is paid twice", accepted="maybe", files=list(self.files))

    def _unjoined(self, error: BadSound, narration) -> Failure:
        """Parts that do not go together, however often it is tried: they are files, and one can be given up."""
        odd = [] if isinstance(error, TooLarge) else self._odd(narration)
        files, why, again = narration.files(), "what is spoken is paid and saved for a week", ""
        if odd:
            numbers, facts = ", ".join(str(number + 1) for number in odd), ", ".join(map(narration.facts_path, odd))
            why += f"; of another kind: segment {numbers}: {', '.join(files[number]['path'] for number in odd)}"
            again = (f"; or, to have segment {numbers} spoken and billed again, remove {facts} "
                     "and run the same command again: what is saved is not paid twice")
        return Failure(Exit.UNSAVED,
                       f"the sound cannot be put together at segment {self._at + 1} "
                       f"of {len(self._job.parts)}: {error}", why,
                       f"use the files of the segments as they are, with another program{again}",
                       accepted="maybe", code=UNJOINED, files=files)

    def _odd(self, narration) -> list:
        """The numbers of the parts that are not of the most frequent kind of sound; among equally frequent ones
        what was asked for counts more, else none of them is the right one."""
        call = self._job.calls[0]
        asked = ("wav" if call.form == "pcm" else call.form, call.rate, call.channels)
        kinds = [kind_of(part["path"], part["form"]) for part in narration.parts()]
        ranks = {kind: (kinds.count(kind), kind == asked) for kind in kinds}
        usual = [kind for kind, rank in ranks.items() if rank == max(ranks.values())]
        return [number for number, kind in enumerate(kinds) if usual != [kind]]

    def _form_of(self, found: list) -> str:
        """The format of the file: what was asked for, or what really came."""
        came = found[0]["form"]
        for self._at, part in enumerate(found):
            tts_sound.check_form(part["form"], came)
        return "pcm" if came == "wav" and self._job.form == "pcm" else came

    def _join_into(self, file, form: str, found: list) -> None:
        # a compressed file stays as it came, its tags included
        if len(found) == 1 and form not in ("wav", "pcm"):
            with open(found[0]["path"], "rb") as part:
                shutil.copyfileobj(part, file)
            self._check_asked(form, tts_sound.measured(found[0]["path"], form)[0])
            self._tell_span(0, 0.0, self._told_length(0, found[0]))
            return
        joined = Joined(file, form, self._whole_length(found) if self.pipe and form == "wav" else None)
        for number, kept in enumerate(found):
            self._put(joined, number, lambda take, kept=kept: play(kept["path"], kept["form"], take))
        joined.finish()
        self._check_asked(joined.form, joined.rate)

    def _check_asked(self, form: str, rate: int) -> None:
        """Warn of sound of another kind than was asked for, where nothing else shows it. Opus has one rate whatever
        was asked for."""
        job, asked = self._job, self._job.calls[0].rate
        told = form == "pcm" or form != "opus" and value_of(job.calls[0].body, job.model, "sample_rate")
        if told and rate and rate != asked:
            self._console.warn(f"the sound has {rate} Hz, not the {asked} Hz that were asked for",
                               "convert it with ffmpeg" + f", or play it with {rate} Hz" * (form == "pcm"))
        if self.pipe and form != self._job.form:  # a file is named by what it is
            self._console.warn(f"stdout got {form.upper()}, not {self._job.form.upper()} as was asked for: "
                               "it is what the service sent", "name a file, and convert it with ffmpeg")

    def _put(self, joined, number: int, speak):
        """One part into the whole; `speak(take)` makes its sound."""
        joined.begin(self._job.parts[number].pause)
        self._at = number
        begin = joined.seconds
        found = speak(joined.take)
        joined.end()
        self._tell_span(number, begin, joined.seconds or self._told_length(number, found))
        return found

    def _told_length(self, number: int, kept: dict) -> float:
        """Seconds of a compressed part, 0 where it tells none, or one that cannot be."""
        _, seconds = tts_sound.measured(kept["path"], kept["form"])
        return 0.0 if too_long(seconds, self._job.parts[number].spoken) else seconds

    def _tell_span(self, number: int, begin: float, end: float) -> None:
        self._spans.append((begin, end))
        self.seconds = end
        self._check_length(self._job.parts[number], end - begin)

    def _whole_length(self, found: list) -> int:
        """Bytes of samples of all parts and pauses together: a pipe's header comes first."""
        length = 0
        for part, kept in zip(self._job.parts, found):
            with open(kept["path"], "rb") as file:
                wav = tts_sound.read_wav(file, os.path.getsize(kept["path"]))
            length += wav.length + (2 * wav.channels * round(wav.rate * part.pause / 1000) if length else 0)
        return length

    def _check_length(self, part, seconds: float) -> None:
        """CosyVoice cuts long parts off without a word, and other services may lose an end, too."""
        model, speed = self._job.model, self._job.speed
        # a description is not read out; not every compressed file tells its length
        if model.says != "text" or not seconds or not too_short(seconds, part.shown, speed):
            return
        expected = expected_seconds(part.shown, speed)
        should = f"about {expected:.1f} s" if expected >= 0.1 else "longer"
        found = f"{seconds:.1f}" if seconds >= 1 else f"{seconds:.2f}"
        self._console.warn(f"a segment is {found} s long and should be {should}: "
                           f"its end may be missing. It begins: {part.shown[:40]}",
                           _CUT_FIX if model.wire == "cosy" and not model.tags else _SHORT_FIX)

    def _save(self, temporary, form: str, found: list) -> None:
        # written before the sound has its name: where there is no room for both, the same command makes both
        subtitles = self._outputs.filled(self._subtitles()) if self._options.srt else None
        self.entry = self._outputs.save(temporary, 1, MEDIA_TYPES[form])
        if self.seconds:
            self.entry["seconds"] = round(self.seconds, 3)
        if len(found) == 1 and found[0].get("url"):
            self.entry["url"] = found[0]["url"]
        self.files.append(self.entry)
        self._console.result(self.entry["path"] + "\n")
        if subtitles:
            entry = self._outputs.save_text(subtitles, "srt", "application/x-subrip")
            self.files.append(entry)
            self._console.result(entry["path"] + "\n")

    def _subtitles(self) -> bytes:
        text = self._console.redact_result(tts_subtitles.subtitles(self._job.parts, self._spans))
        return text.encode("utf-8", "replace")

    # -- while it arrives

    def streamed(self, speaker, narration) -> list:
        """Part after part, each passed on as it arrives; what came before a break stays as NAME.partial."""
        temporary = self._temporary()
        with nullcontext(temporary.file) if temporary else _Stdout() as file:
            live = Joined(file, self._job.form, None if temporary else 0xFFFFFFFF)
            found = []
            try:
                for number in range(len(self._job.parts)):
                    speak = functools.partial(self._one, speaker, narration, number)
                    found.append(self._put(live, number, speak))
                live.finish()
                self._check_asked(live.form, live.rate)
            except (Failure, BadSound, OSError, KeyboardInterrupt) as error:
                told = error
                if isinstance(error, KeyboardInterrupt):
                    told = speaker.interrupted(narration.keys[min(len(found), len(self._job.parts) - 1)])
                raise self._broken(told, live, temporary, narration) from error
        if temporary:
            try:
                self._save(temporary, live.form, found)
            except OSError as error:
                raise self._unwritten(error) from error
        return found

    def _temporary(self):
        """The file that is written to, None for stdout. Nothing is paid yet."""
        try:
            return self._outputs.temporary() if self._outputs else None
        except OSError as error:
            raise usage(f"{self.folder} cannot be written: {error.strerror}; nothing was sent",
                        "name another place with --output") from None

    def _one(self, speaker, narration, number: int, take) -> dict:
        kept = narration.found(number)
        if kept:
            play(kept["path"], kept["form"], take)
        return kept or self._spoken(take, speaker, narration, number)

    def _spoken(self, take, speaker, narration, number: int) -> dict:
        heard = Heard(take)
        try:
            found = speaker.speak(narration.keys[number], self._job.calls[number],
                                  speaker.client(self._row and self._row.throttle), heard)
        except Failure as failure:
            parts = self._job.parts
            if len(parts) > 1:
                why = failure.message.rstrip(". ")
                failure.message = f"part {number + 1} of {len(parts)} could not be spoken: {why}"
                if failure.exit_code == Exit.CONTENT:
                    failure.message += f". It begins: {parts[number].shown[:60]}"
            raise
        narration.add(number, found)
        if heard.error:
            raise heard.error
        return found

    def _broken(self, error, live, temporary, narration) -> BaseException:
        """What is told when a stream ends too early; what came is kept beside the name it would have had."""
        if isinstance(error, BrokenPipeError):
            return error
        failure = (error if isinstance(error, Failure) else self._unjoined(error, narration)
                   if isinstance(error, BadSound) else self._unwritten(error))
        if temporary and live.seconds:
            try:
                live.finish()
                partial = self._outputs.save_partial(temporary, 1, live.form)
                failure.files = [*failure.files, {"path": partial, "bytes": os.path.getsize(partial),
                                                   "media_type": MEDIA_TYPES[live.form]}]
                failure.message += f"; the first {live.seconds:.1f} s are in {partial}"
            except (OSError, BadSound):
                pass
        if len(self._job.parts) > 1 and "paid twice" not in failure.fix:
            failure.fix = f"{failure.fix}; complete segments are saved and not paid again"
        return failure

    # -- afterwards

    def describe(self, found: list, used: dict, cost) -> None:
        """The sidecar: how the file was made."""
        if not self.entry or self._options.no_sidecar:
            return
        ask, job = self._job.ask, self._job
        text = " ".join(job.text.split())
        prompt = text if len(text) <= _MOST_PROMPT else text[:_MOST_PROMPT] + "…"
        self._outputs.describe(self.entry, self._console.redact_result({
            "skill": self._console.skill, "media_type": self.entry["media_type"],
            "seconds": self.entry.get("seconds"), "bytes": self.entry["bytes"], "prompt": prompt,
            "model": job.model.id, "voice": job.voice, "language": ask.language,
            "instructions": ask.instructions, "seed": ask.seed,
            "parts": len(found) if len(found) > 1 else None, "request_id": found[0]["request_id"],
            "usage": used, "billing": {"cost": document(cost)},
            "created": datetime.now(timezone.utc).isoformat(timespec="seconds")}))
        self.entry["sidecar"] = sidecar_path(self.entry["path"])


class _Stdout:
    """stdout as a file of bytes that is not closed."""

    def __enter__(self):
        sys.stdout.flush()
        return sys.stdout.buffer

    def __exit__(self, failed, *_):
        try:
            sys.stdout.buffer.flush()
        except OSError as error:
            if not failed or isinstance(error, BrokenPipeError):
                raise


def kind_of(path: str, form: str) -> tuple:
    """What decides which parts go together: form, rate, channels; () of one that does not even by itself."""
    with open(os.devnull, "wb") as nowhere:
        alone = Joined(nowhere, form)
        try:
            play(path, form, alone.take)
            alone.end()
        except BadSound:
            return ()
    return form, alone.rate, alone.channels


def too_short(seconds: float, text: str, speed) -> bool:
    """Whether a part is so short that its end must be missing:
    CosyVoice cuts long texts silently (speech contract 4.7)."""
    expected = expected_seconds(text, speed)
    least = expected * (_TRUNCATED if expected > _SHORT else _TRUNCATED_SHORT)
    return seconds < max(least, _NO_WORD if any(map(str.isalnum, text)) else 0)


def too_long(seconds: float, text: str) -> bool:
    """Whether a length that a file tells of itself cannot be that of a text."""
    return seconds > _MOST_SECONDS + _SECONDS_EACH * len(text)
