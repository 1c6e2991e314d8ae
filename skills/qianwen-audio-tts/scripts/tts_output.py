"""Where the sound goes: parts joined into one file, or passed on while they arrive; subtitles and the description beside it."""
from __future__ import annotations

import os
import sys
from datetime import datetime, timezone

import tts_plan
import tts_sound
from shared.failures import Exit, Failure, usage
from shared.results import Shelf, sidecar_path
from tts_request import expected_seconds
from tts_sound import BadSound, Joined
from tts_speak import NotPlayed, play, too_short

_MOST_PROMPT = 2000  # characters of the text that the description repeats
_CUT_FIX = "listen to its end; smaller parts (--max-part) are never cut"


class Output:
    """The file, or stdout. Everything is proven free and writable before anything is paid."""

    def __init__(self, job, options, console):
        self._job, self._options, self._console = job, options, console
        self.pipe = options.output == "-"
        self.seconds, self.entry, self.files = 0.0, None, []
        self._spans: list = []  # (begin, end) of each part, in seconds
        self._shelf = None
        if self.pipe:
            self._check_pipe()
        else:
            name = console.redact_result(job.parts[0].shown)
            self._shelf = Shelf(options.output, options.overwrite, name, 1, job.form, sidecars=not options.no_sidecar,
                                name_id=(options.row_id or "")[:6], text="srt" if options.srt else "", warn=console.warn)

    def _check_pipe(self) -> None:
        for flag in ("json", "srt", "gallery", "batch"):
            if getattr(self._options, flag):
                raise usage(f"--{flag} does not go with --output -, which writes the sound to stdout", "name a file")
        if sys.stdout.isatty():
            raise usage("--output - would write sound to the terminal", "pipe it into a player, for example: … -o - | ffplay -")

    @property
    def folder(self) -> str:
        return self._shelf.folder or "."

    def discard(self) -> None:
        if self._shelf:
            self._shelf.discard()

    # -- all parts at once

    def join(self, found: list) -> None:
        """Put the parts together and save them. Raises Failure UNSAVED, BrokenPipeError."""
        form = self._form_of(found)
        try:
            path = self._shelf.temporary() if self._shelf else ""
            with open(path, "w+b") if path else _Stdout() as file:
                self._join_into(file, form, found)
            if path:
                self._save(path, form, found)
        except BrokenPipeError:
            raise
        except (OSError, BadSound) as error:
            raise Failure(Exit.UNSAVED, f"the sound could not be saved: {getattr(error, 'strerror', None) or error}",
                          "the parts are paid and kept for a week", "make room or choose another --output or --format, then run "
                          "the command again: nothing is paid twice", accepted="maybe") from error

    def _form_of(self, found: list) -> str:
        """The format of the file: what was asked for, or what really came."""
        forms = {part["form"] for part in found}
        if len(forms) > 1:
            raise Failure(Exit.FAILED, f"the service sent parts in different formats: {', '.join(sorted(forms))}", "they cannot be joined",
                          "take --format wav", accepted="maybe")
        came = forms.pop()
        return "pcm" if came == "wav" and self._job.form == "pcm" else came

    def _join_into(self, file, form: str, found: list) -> None:
        if self.pipe and form == "wav":
            joined = Joined(_Late(file), "pcm")  # a pipe cannot be rewound, so the header comes first
            file.write(self._whole_header(found))
        else:
            joined = Joined(file, form, len(found) == 1)
        for part, kept in zip(self._job.parts, found):
            if part.pause and joined.rate:
                joined.pause(part.pause)
            begin = joined.seconds
            samples = joined.take(kept["path"])
            self._spans.append((begin, joined.seconds))
            self._check_length(part, samples / joined.rate if joined.rate else 0.0, form)
        joined.finish()
        self.seconds = joined.seconds

    def _whole_header(self, found: list) -> bytes:
        """The WAV header of all parts together."""
        length, rate, channels = 0, 0, 1
        for part, kept in zip(self._job.parts, found):
            with open(kept["path"], "rb") as file:
                wav = tts_sound.read_wav(file, os.path.getsize(kept["path"]))
            rate, channels = wav.rate, wav.channels
            length += wav.length + (2 * channels * round(rate * part.pause / 1000) if length else 0)
        return tts_sound.header(rate, length, channels)

    def _check_length(self, part, seconds: float, form: str) -> None:
        """CosyVoice cuts long parts off without a word."""
        if self._job.model.wire != "cosy" or self._job.model.tags or form == "opus":
            return
        if too_short(seconds, part.shown, self._job.ask.speed):
            self._console.warn(f"a part is {seconds:.1f} s long and should be about "
                               f"{expected_seconds(part.shown, self._job.ask.speed):.0f} s: its end may be missing. It begins: "
                               f"{part.shown[:40]}", _CUT_FIX)

    def _save(self, path: str, form: str, found: list) -> None:
        self.entry = self._shelf.save(path, 1, tts_sound.MEDIA_TYPES[form])
        self.entry["seconds"] = round(self.seconds, 3)
        if len(found) == 1 and found[0].get("url"):
            self.entry["url"] = found[0]["url"]
        self.files.append(self.entry)
        self._say(self.entry["path"])
        if self._options.srt:
            try:
                text = tts_plan.subtitles(self._job.parts, self._spans)
                subtitles = self._shelf.save_text(text.encode("utf-8", "replace"), "srt", "application/x-subrip")
                self.files.append(subtitles)
                self._say(subtitles["path"])
            except OSError as error:
                self._console.warn(f"the subtitles could not be written: {error.strerror}")

    def _say(self, path: str) -> None:
        if not self._console.json_mode:
            self._console.result(path + "\n")

    # -- while it arrives

    def streamed(self, speaker, narration) -> list:
        """Part after part, each passed on as it arrives; what came before a break stays as NAME.partial."""
        path = self._shelf.temporary() if self._shelf else ""
        with open(path, "w+b") if path else _Stdout() as file:
            live = Live(file, self._job.form, bool(path))
            found = []
            try:
                for number in range(len(self._job.parts)):
                    found.append(self._one(live, speaker, narration, number))
                live.finish()
            except (Failure, BadSound, OSError, NotPlayed, KeyboardInterrupt) as error:
                raise self._broken(error.error if isinstance(error, NotPlayed) else error, live, path) from error
        self.seconds = live.seconds
        if path:
            self._save(path, live.form, found)
        return found

    def _one(self, live, speaker, narration, number: int) -> dict:
        part = self._job.parts[number]
        live.next_part(part.pause)
        begin = live.seconds
        kept = narration.found(number)
        if kept:
            play(kept, live.take)
        else:
            kept = self._spoken(live, speaker, narration, number)
        live.end_part()
        self._spans.append((begin, live.seconds))
        self._check_length(part, live.seconds - begin, live.form)
        return kept

    def _spoken(self, live, speaker, narration, number: int) -> dict:
        try:
            found = speaker.speak(narration.keys[number], self._job.calls[number], speaker.client(self._options.pace), live.take)
            narration.add(number, found)
            return found
        except Failure as failure:
            if len(self._job.parts) > 1:
                failure.message = f"part {number + 1} of {len(self._job.parts)} could not be spoken: {failure.message.rstrip('. ')}"
                failure.message += f". It begins: {self._job.parts[number].shown[:60]}" if failure.exit_code == Exit.CONTENT else ""
            raise

    def _broken(self, error, live, path: str) -> BaseException:
        """What is told when a stream ends too early; what came is kept beside the name it would have had."""
        if isinstance(error, BrokenPipeError):
            return error
        if isinstance(error, KeyboardInterrupt):
            failure = Failure(Exit.INTERRUPTED, "interrupted", fix="run the command again", accepted="maybe")
        elif isinstance(error, Failure):
            failure = error
        else:
            failure = Failure(Exit.UNSAVED, f"the sound cannot be written: {getattr(error, 'strerror', None) or error}", accepted="maybe",
                              fix="make room or choose another --output, then run the command again; whole parts are kept")
        if path and live.seconds:
            partial = self._shelf.path(1, "partial." + live.form)
            try:
                live.finish()
                os.replace(path, partial)
                failure.files = [*failure.files, {"path": partial, "bytes": os.path.getsize(partial)}]
                failure.message += f"; the first {live.seconds:.1f} s are in {partial}"
                self._shelf.saved.append(partial)
            except (OSError, BadSound):
                pass
        if len(self._job.parts) > 1:
            failure.fix = f"{failure.fix}; whole parts are kept and not paid again"
        return failure

    # -- afterwards

    def describe(self, found: list, used: dict) -> None:
        """The sidecar: how the file was made."""
        if not self.entry or self._options.no_sidecar:
            return
        ask, job = self._job.ask, self._job
        text = " ".join(job.text.split())
        self._shelf.describe(self.entry, self._console.redact_result({
            "skill": self._console.skill, "media_type": self.entry["media_type"], "seconds": self.entry["seconds"],
            "bytes": self.entry["bytes"], "prompt": text if len(text) <= _MOST_PROMPT else text[:_MOST_PROMPT] + "…",
            "model": job.model.id, "voice": job.voice, "language": ask.language, "instructions": ask.instructions, "seed": ask.seed,
            "parts": len(found) if len(found) > 1 else None, "request_id": found[0]["request_id"], "usage": used,
            "created": datetime.now(timezone.utc).isoformat(timespec="seconds")}))
        self.entry["sidecar"] = sidecar_path(self.entry["path"])


class _Late:
    """A file whose header is written already."""

    def __init__(self, file):
        self.write = file.write


class _Stdout:
    """stdout as a file of bytes that is not closed."""

    def __enter__(self):
        sys.stdout.flush()
        return sys.stdout.buffer

    def __exit__(self, *_):
        try:
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            raise
        except OSError:
            pass


class Live:
    """Sound written while it arrives: a header that tells no length first, corrected at the end where that is possible."""

    def __init__(self, file, asked: str, seekable: bool):
        self._file, self._asked, self._seekable = file, asked, seekable
        self.form, self._rate, self._channels, self._samples = "", 0, 1, 0
        self._pause, self._mp3 = 0, None

    @property
    def seconds(self) -> float:
        return self._samples / self._rate if self._rate else 0.0

    def next_part(self, pause: int) -> None:
        self._pause, self._mp3 = pause, tts_sound.Mp3Stream()

    def take(self, form: str, rate: int, channels: int, data: bytes) -> None:
        """Some sound of the part. Raises BadSound where it does not go with what came before; OSError."""
        form = "pcm" if form == "wav" and self._asked == "pcm" else form
        if self.form and form != self.form:
            raise BadSound(f"a part is {form.upper()}, and the ones before it {self.form.upper()}")
        if form in ("wav", "pcm"):
            self._take_samples(form, rate, channels, data)
        elif form == "mp3":
            self._take_frames(self._mp3.feed(data))
        else:
            self._file.write(data)
        self.form = form
        self._file.flush()

    def _take_samples(self, form: str, rate: int, channels: int, data: bytes) -> None:
        if self._rate and (rate, channels) != (self._rate, self._channels):
            raise BadSound(f"a part has {rate} Hz and {channels} channels, and the ones before it {self._rate} Hz and {self._channels}")
        if not self.form and form == "wav":
            self._file.write(tts_sound.header(rate, 0xFFFFFFFF, channels))
        self._rate, self._channels = rate, channels
        silence = bytes(2 * channels * self._pause_samples()) if self.form else b""
        self._file.write(silence + data)
        self._samples += (len(silence) + len(data)) // (2 * channels)

    def _take_frames(self, frames: bytes) -> None:
        if not frames:
            return
        first = self._mp3.first
        if self._rate and first.rate != self._rate:
            raise BadSound(f"a part has {first.rate} Hz, and the ones before it {self._rate} Hz")
        self._rate = first.rate
        silent = round(self._pause_samples() / first.samples) if self.form else 0
        self._file.write(self._mp3.silence * silent + frames)
        self._samples += silent * first.samples + self._mp3.samples
        self._mp3.samples = 0

    def _pause_samples(self) -> int:
        count, self._pause = round(self._rate * self._pause / 1000), 0
        return count

    def end_part(self) -> None:
        if self.form == "mp3":
            self._take_frames(self._mp3.feed(b"", True))

    def finish(self) -> None:
        """The right header, where there is one and the file can be rewound."""
        self._file.flush()
        if self._seekable and self.form == "wav":
            self._file.seek(0)
            self._file.write(tts_sound.header(self._rate, self._samples * 2 * self._channels, self._channels))
            self._file.flush()
