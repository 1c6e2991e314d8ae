"""One part, from the request to a checked sound file in the store; and all parts of a text, some at a time."""
from __future__ import annotations

import os
import threading
import time

import tts_sound
from shared import failures
from shared.batch.throttle import NotSent, Throttle
from shared.body import encoded
from shared.cli.console import defect
from shared.failures import Exit, Failure
from shared.files.whole import remove
from shared.transport import download
from shared.transport.errors import explain, network
from shared.transport.request import Request
from shared.transport.retries import Retries
from tts_answers import Answer, Damaged, add_usage, error_of
from tts_request import expected_seconds
from tts_sound import BadSound, NoSound
from tts_store import Store, unsaved

_FETCH_AGAIN = "run the same command again: what is paid is fetched and not paid again, as long as the link lives (24 hours)"
_DEAD_LINES = 3  # network failures in a row, with nothing between them: the network is down
_SLOW = 60  # calls a minute; below, the calls are spread out
_TRUNCATED = 0.5  # of the time a text takes to say; below it something was cut off (speech contract 7.4)


class NotPlayed(Exception):
    """Sound that could not be passed on while it arrived; `error` says why."""

    def __init__(self, error: Exception):
        super().__init__(str(error))
        self.error = error


# ---- one part --------------------------------------------------------------------------------------------------------

class Sink:
    """Takes the bytes of a part as they come and keeps them in the form that can be joined: WAV, or the compressed file.

    The bytes decide on the form, not what was asked for. `on_audio(form, rate, channels, data)` is told of samples, or of the
    compressed bytes, as they come.
    """

    def __init__(self, file, form: str, rate: int, on_audio=None, channels: int = 1):
        self._file, self._asked, self._rate, self._on_audio, self._channels = file, form, rate, on_audio, channels
        self.form, self._head, self._pcm, self._mp3, self.size = "", b"", None, None, 0

    def write(self, data: bytes) -> None:
        """Raises BadSound where the bytes are no sound, OSError of the disk."""
        if not self.form:
            self._head += data
            if len(self._head) < 12:
                return
            data = self._begin()
        if self._pcm:
            data = self._pcm.feed(data)
        self._put(data)

    def _begin(self) -> bytes:
        """The first bytes are there: what are they?"""
        found = tts_sound.sniff(self._head)
        if found in ("", "wav"):
            if not found and self._asked not in ("wav", "pcm"):
                raise BadSound(f"it is no {self._asked.upper()}")
            self.form, self._pcm = "wav", tts_sound.PcmStream(self._rate, self._channels)
            self._file.write(bytes(44))
        else:
            self.form = found
            self._mp3 = tts_sound.Mp3Stream() if found == "mp3" else None
        head, self._head = self._head, b""
        return head

    def _put(self, data: bytes) -> None:
        if not data:
            return
        if self._mp3:
            self._mp3.feed(data)  # to know in the end that there was sound
        self._file.write(data)
        self.size += len(data)
        if not self._on_audio:
            return
        try:
            self._on_audio(self.form, self._pcm.rate if self._pcm else 0, self._pcm.channels if self._pcm else 0, data)
        except (OSError, BadSound) as error:
            raise NotPlayed(error) from error

    def end(self) -> None:
        """All has come. Raises BadSound when it was nothing."""
        if self._mp3:
            self._mp3.feed(b"", True)
        if self._pcm and self.size:
            self._file.seek(0)
            self._file.write(tts_sound.header(self._pcm.rate, self.size, self._pcm.channels))
        if not self.size:
            raise NoSound("it is empty")


class Speaker:
    """Speaks parts for one account. `settings` are the options; safe for threads."""

    def __init__(self, session, store: Store, model, models: tuple):
        self._session, self.store, self._model, self._models = session, store, model, models
        self.per_minute = model.per_minute
        self.endpoint = session.endpoint.origin + session.endpoint.prefix

    def client(self, throttle=None):
        return self._session.client(self._model.id, self._models, throttle=throttle)

    def speak(self, key: str, call, client, on_audio=None) -> dict:
        """The part of a call, as Store.take gives it: made, or fetched where an earlier run paid for it already."""
        known = self.store.link(key)
        if known:
            try:
                return self._fetch(key, known, call, client, on_audio)
            except Failure as failure:
                if failure.code != failures.BAD_LINK:
                    raise
                self._session.console.note("the link of a part that was made before no longer works; it is made anew")
                self.store.drop(key)
        temporary = self.store.temporary()
        try:
            answer, form = self._send(call, client, temporary, on_audio)
            facts = {"usage": answer.usage, "request_id": answer.request_id, "url": answer.url}
            if form:
                return self.store.keep(key, temporary, form, facts)
            self.store.keep_link(key, facts)
            return self._fetch(key, facts, call, client, on_audio)
        except OSError as error:
            raise unsaved(error, self.store.folder) from error
        finally:
            remove(temporary)

    def request_of(self, call) -> Request:
        headers = {"X-DashScope-SSE": "enable", "Accept": "text/event-stream"} if call.stream else {}
        return Request("POST", self._session.endpoint.native + call.path, call.body, headers)

    def _send(self, call, client, path: str, on_audio) -> tuple:
        """(the Answer, the form of the sound in `path`; '' when it is to be fetched from the answer's link)."""
        def take(events, headers):
            with open(path, "wb") as file:
                sink = Sink(file, call.form, call.rate, on_audio, call.channels)
                return self._take(events, sink, call, client)
        try:
            return client.events(self.request_of(call), Retries.CREATE, take)
        except Failure as failure:
            if failure.accepted == "maybe" and failure.exit_code != Exit.UNSAVED:
                failure.fix = "the service may have spoken it, and bills it then; run the command again if you can accept that"
            raise

    def _take(self, events, sink: Sink, call, client) -> tuple:
        answer, damage = Answer(self._model.wire), ""
        try:
            for event in events:
                if not isinstance(event.data, dict):
                    continue
                error = error_of(event.data, self._model.wire)
                if error:
                    raise explain(error, client.context)
                try:
                    audio = answer.take(event.data)
                    if audio and not damage:
                        sink.write(audio)
                except (Damaged, BadSound) as error:
                    damage = str(error)
            if call.stream and not answer.finished:
                raise network("the stream ended before all was spoken", client.context)
        except Failure as failure:
            if sink.size:  # the beginning is spoken and billed, and perhaps played already
                failure.partial, failure.accepted = {"bytes": sink.size}, "maybe"
            raise
        try:
            if not damage:
                sink.end()
                return answer, sink.form
        except BadSound as error:
            damage = str(error)
        if answer.url and not (sink.size and sink._on_audio):
            return answer, ""
        raise self._no_sound(damage, answer.request_id)

    @staticmethod
    def _no_sound(why: str, request_id: str) -> Failure:
        return Failure(Exit.FAILED, f"the service answered, but not with sound: {why}", "the answer is damaged",
                       "run the command again; this part may be billed twice", request_id=request_id, accepted="maybe")

    def _fetch(self, key: str, facts: dict, call, client, on_audio) -> dict:
        """Download the sound behind a link, and check it. Raises Failure UNSAVED with the link; OSError of the disk."""
        url = facts["url"]
        for tries in (1, 2):
            temporary = self.store.temporary()
            try:
                download.fetch(client, url, temporary)
                form = self._checked(temporary, call, on_audio)
                return self.store.keep(key, temporary, form, facts)
            except NoSound as error:
                self.store.drop(key)
                raise self._no_sound(str(error), facts["request_id"]) from error
            except BadSound as error:
                why = str(error)
            except Failure as failure:
                failure.fix = "run the same command again: the part is made anew, and billed again" if "expired" in failure.message \
                    else _FETCH_AGAIN
                raise
            finally:
                remove(temporary)
        raise Failure(Exit.UNSAVED, f"what the link of a part leads to is not its sound: {why}", f"the link is {url}",
                      _FETCH_AGAIN, code=failures.BAD_LINK, accepted="maybe", files=[{"url": url}])

    def _checked(self, path: str, call, on_audio) -> str:
        """The form of a downloaded file; bare PCM gets a header. Raises BadSound."""
        with open(path, "rb") as file:
            found = tts_sound.sniff(file.read(12))
            if found == "wav":
                wav = tts_sound.read_wav(file, os.path.getsize(path))
                if not wav.length:
                    raise NoSound("it is empty")
                if on_audio:
                    tts_sound.play(path, "wav", on_audio)
                return "wav"
        bare = path + ".wav"
        try:
            with open(path, "rb") as file, open(bare, "wb") as copied:
                sink = Sink(copied, call.form, call.rate, on_audio, call.channels)
                for block in iter(lambda: file.read(tts_sound.BLOCK), b""):
                    sink.write(block)
                sink.end()
            os.replace(bare, path)
            return sink.form
        finally:
            remove(bare)


# ---- all parts -------------------------------------------------------------------------------------------------------

class Narration:
    """All parts of a text: those that are kept, and the others spoken, some at a time. What fails does not stop the rest."""

    def __init__(self, speaker: Speaker, calls: list, workers: int, console, throttle=None):
        self._speaker, self._calls, self._console = speaker, calls, console
        self._workers = max(1, min(workers, len(calls)))
        self._throttle = throttle  # of a row of a batch; else one for all parts
        self.keys = _keys(speaker, calls)
        self.made = 0  # parts that this run paid for
        self._found: dict = {}
        self._failures: dict = {}  # number of the part -> Failure
        self._unsent: NotSent | None = None  # the batch of this row was stopped
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._network_failures = 0
        per_minute = speaker.per_minute
        self._interval, self._next = (60 / per_minute if per_minute < _SLOW else 0.0), 0.0

    def found(self, number: int) -> dict | None:
        """A part that is there, as Store.take gives it: it stays until `release`."""
        if number not in self._found:
            try:
                part = self._speaker.store.take(self.keys[number])
            except OSError as error:
                raise Failure(Exit.UNSAVED, f"a part that is kept in {self._speaker.store.folder} cannot be read: {error.strerror}",
                              fix="make room there, then run the command again", accepted="maybe") from None
            if not part:
                return None
            self._found[number] = part
        return self._found[number]

    def add(self, number: int, part: dict) -> None:
        """A part that was spoken beside `work`."""
        self._found[number] = part

    def release(self, done: bool) -> None:
        """The whole is saved (`done`), or not: then all parts are left for a rerun. An interrupt waits until that is done, and
        does not matter any more where the whole is saved."""
        interrupted = False
        while self._found:
            try:
                number = next(iter(self._found))
                self._speaker.store.release(self.keys[number], self._found[number], done)
                del self._found[number]
            except KeyboardInterrupt:
                interrupted = True
        if interrupted and not done:
            raise KeyboardInterrupt

    def missing(self) -> list:
        """The numbers of the parts that are not there, from 0."""
        return [number for number in range(len(self._calls)) if self.found(number) is None]

    def work(self) -> list:
        """All parts in order, as Store.take gives them. Raises the first part's Failure when one is missing; NotSent."""
        missing = self.missing()
        if len(missing) < len(self._calls):
            self._console.note(f"{len(self._calls) - len(missing)} of {len(self._calls)} parts are kept from before and not paid again")
        if len(missing) == 1:
            self._one(missing[0])
        elif missing:
            self._work_all(missing)
        if self._failures:
            raise self._failure()
        if self._unsent:
            raise self._unsent
        return [self.found(number) for number in range(len(self._calls))]

    def _one(self, number: int) -> None:
        try:
            self._do(number, self._throttle)
        except KeyboardInterrupt:
            raise Failure(Exit.INTERRUPTED, "interrupted before the answer came", "the service may have spoken it, and bills it then",
                          "run the command again if you can accept that", accepted="maybe") from None

    def _work_all(self, missing: list) -> None:
        throttle, queue = Throttle(self._workers), iter(missing)
        threads = [threading.Thread(target=self._worker, args=(queue, throttle), daemon=True) for _ in range(min(self._workers, len(missing)))]
        for thread in threads:
            thread.start()
        progress = Progress(self._console, len(self._calls), len(self._calls) - len(missing))
        try:
            while any(thread.is_alive() for thread in threads):
                threads[0].join(0.1) if threads[0].is_alive() else time.sleep(0.05)
                progress.tick(self.made)
        except KeyboardInterrupt:
            self._stop.set()
            throttle.stop()
            self._console.say("interrupted: no new parts; those under way are being finished (again to stop at once)")
            for thread in threads:
                thread.join()
            raise Failure(Exit.INTERRUPTED, f"interrupted; {self._kept()}", fix="run the command again to go on", accepted="maybe") \
                from None

    def _worker(self, queue, throttle: Throttle) -> None:
        while not self._stop.is_set():
            with self._lock:
                number = next(queue, None)
            if number is None:
                return
            try:
                self._do(number, self._throttle or throttle.row())
            except NotSent as error:
                self._unsent = error
                return
            if self._stop.is_set():
                throttle.stop()

    def _wait(self) -> None:
        """Some models take few calls a minute: asking faster would only be refused."""
        with self._lock:
            now = time.monotonic()
            moment = max(now, self._next)
            self._next = moment + self._interval
        self._stop.wait(moment - now)

    def _do(self, number: int, throttle) -> None:
        if self._interval:
            self._wait()
        try:
            found = self._speaker.speak(self.keys[number], self._calls[number], self._speaker.client(throttle))
            with self._lock:
                self._found[number] = found
                self.made += 1
                self._network_failures = 0
        except NotSent:
            if self._throttle is not None:
                raise
        except Failure as failure:
            self._note(number, failure)
        except Exception as error:  # a defect must not make a part vanish
            failure = defect(error, self._console)
            self._note(number, failure)

    def _note(self, number: int, failure: Failure) -> None:
        """Keep a failure, and stop where the other parts would fail alike."""
        code = failure.exit_code
        with self._lock:
            self._failures[number] = failure
            self._network_failures = self._network_failures + 1 if code == Exit.NETWORK else 0
            refused = code == Exit.FAILED and 400 <= failure.http_status < 500 and not self.made
            if refused or code in (Exit.KEY, Exit.QUOTA, Exit.UNEXPECTED) or self._network_failures >= _DEAD_LINES or (
                    code == Exit.UNSAVED and failure.code != failures.BAD_LINK):
                self._stop.set()

    def _kept(self) -> str:
        count = len(self._calls) - len(self.missing())
        return f"{count} of {len(self._calls)} parts are spoken and kept"

    def _failure(self) -> Failure:
        """The first failure, told as one of the whole."""
        number = min(self._failures)
        failure, total = self._failures[number], len(self._calls)
        if total == 1:
            return failure
        words = self._calls[number].body["input"]["text"]
        failure.message = f"part {number + 1} of {total} could not be spoken: {failure.message}"
        if failure.exit_code == Exit.CONTENT:
            failure.message = f"{failure.message.rstrip('. ')}. It begins: {words[:60]}"
        others = len(self._failures) - 1
        if others:
            failure.message += f" ({others} more failed)"
        again = "run the same command again: only what is missing is sent" if failure.exit_code != Exit.CONTENT else \
            "change that passage and run the command again: only what is missing or changed is sent"
        failure.fix = f"{failure.fix}. {self._kept()}: {again}" if failure.fix else f"{self._kept()}: {again}"
        return failure


def _keys(speaker: Speaker, calls: list) -> list:
    """The store's key of each part; words that come again are spoken again."""
    times: dict = {}
    keys = []
    for call in calls:
        plain = encoded(call.body)
        times[plain] = times.get(plain, 0) + 1
        keys.append(speaker.store.key(speaker.endpoint, call.body, times[plain]))
    return keys


class Progress:
    """How many parts are spoken: redrawn on a terminal, else a line at each tenth, at most every 10 seconds."""

    def __init__(self, console, total: int, kept: int, clock=time.monotonic):
        self._console, self._total, self._kept, self._clock = console, total, kept, clock
        self._begin = self._told = clock()
        self._tenth, self._terminal = 0, console.stderr.isatty()

    def tick(self, made: int) -> None:
        moment, done = self._clock(), self._kept + made
        tenth = 10 * done // self._total
        if (self._terminal and moment - self._told >= 0.2) or (tenth > self._tenth and moment - self._told >= 10):
            self._told, self._tenth = moment, tenth
            left = f", about {(self._total - done) * (moment - self._begin) / made:.0f} s left" if made else ""
            (self._console.redraw if self._terminal else self._console.note)(f"{done} of {self._total} parts spoken{left}")


def usage_of(parts: list) -> dict:
    """The service's usage of one part, or the sums of several."""
    if len(parts) == 1:
        return parts[0]["usage"]
    total: dict = {}
    for part in parts:
        add_usage(total, part["usage"])
    return total


def too_short(seconds: float, text: str, speed) -> bool:
    """Whether a part is so short that its end must be missing: CosyVoice cuts long texts silently (speech contract 4.7)."""
    expected = expected_seconds(text, speed)
    return expected > 4 and seconds < _TRUNCATED * expected
