"""One part of a text, from the request to a checked sound file in the store."""
from __future__ import annotations

import contextlib
import json
import os
import time

import tts_kinds
import tts_sound
from shared import failures
from shared.failures import Exit, Failure
from shared.files.whole import remove
from shared.transport import download
from shared.transport.endings import at_limit, bad_end
from shared.transport.events import WHOLE
from shared.transport.request import moment_of, Request, request_id_of
from shared.transport.retries import Retries
from shared.money import cost as money
from shared.words import counted
from tts_answers import Answer, Damaged, error_of
from tts_costs import charged, expected
from tts_kinds import BadSound
from tts_models import TABLE
from tts_request import asks_for_pcm
from tts_store import private, Store, unsaved

_FETCH_AGAIN = ("run the same command again: "
                "what is paid is fetched and not paid again while the link lives (24 hours)")
_SPEAK_AGAIN = "run the same command again: the segment is spoken again and billed again"
_FILTERED = "change the words of the passage: the same ones are refused, and perhaps billed, again"
# of sound: at first, a character, at most
_MOST_BYTES, _BYTES_EACH, _BYTES_AT_ALL = 64 << 20, 2 << 20, 1 << 30
_ENCODED = 5  # bytes on the wire for one of sound: two digits, perhaps all once more, and what is around it


class Heard:
    """Passes the sound of a part on while it arrives. What cannot be passed on (`error`) is received all the
    same: it is paid."""

    def __init__(self, take):
        self._take, self.begun, self.error = take, False, None

    def __call__(self, form: str, rate: int, channels: int, data: bytes) -> None:
        self.begun = True
        try:
            if not self.error:
                self._take(form, rate, channels, data)
        except (OSError, BadSound) as error:
            self.error = error


class Sink:
    """Takes the bytes of a part as they come and keeps them in the form that can be joined:
    WAV, or the compressed file.

    The bytes decide on the form, not what was asked for. `on_audio(form, rate, channels, data)` is given
    samples, or of the compressed bytes, as they come. `bare`: PCM may come without a header.
    """

    def __init__(self, file, call, on_audio=None, bare: bool = True):
        self._file, self._asked, self._rate, self._channels = file, call.form, call.rate, call.channels
        self._on_audio, self._most = on_audio, most_bytes(call.text)
        self._bare = bare and call.form in ("wav", "pcm")
        self.form, self._head, self._pcm, self._mp3, self.size = "", b"", None, None, 0

    def write(self, data: bytes) -> None:
        """Raises BadSound where the bytes are no sound or far too many for the text, OSError of the disk."""
        if not self.form:
            self._head += data
            size = len(self._head)
            if size < tts_kinds.HEAD + min(tts_kinds.tags_size(self._head), tts_kinds.MOST_TAGS):
                return
            data = self._begin()
        self._take(data)

    def _begin(self) -> bytes:
        """The first bytes are there: what are they?"""
        self.form = tts_kinds.kept_form(self._head, self._asked, self._bare)
        if self.form == "wav":
            self._pcm = tts_sound.PcmStream(self._rate, self._channels)
            self._file.write(bytes(44))
        self._mp3 = tts_sound.Mp3Stream() if self.form == "mp3" else None
        head, self._head = self._head, b""
        return head

    def _take(self, data: bytes) -> None:
        self._put(self._pcm.feed(data) if self._pcm else data)

    def _put(self, data: bytes) -> None:
        if not data:
            return
        if self._mp3:
            self._mp3.feed(data)  # to know in the end that there was sound
        self.size += len(data)
        if self.size > self._most:
            raise BadSound(f"it is far too long for its text: more than {self._most >> 20} MiB")
        self._file.write(data)
        if self._on_audio:
            rate, channels = (self._pcm.rate, self._pcm.channels) if self._pcm else (0, 0)
            self._on_audio(self.form, rate, channels, data)

    def end(self) -> None:
        """All has come. Raises BadSound when it was nothing."""
        if not self.form and self._head:
            self._take(self._begin())
        if self._mp3:
            self._mp3.feed(b"", True)
            if self._mp3.is_noise:
                raise BadSound("it begins like MP3, but is something else")
        if self._pcm and self.size:
            self._file.seek(0)
            self._file.write(tts_sound.header(self._pcm.rate, self.size, self._pcm.channels))
        if not self.size:
            raise BadSound("it is empty")


class Speaker:
    """Speaks parts for one account with the model of a row; safe for threads. `speed`: of the sound, for its cost."""

    def __init__(self, session, store: Store, model, speed: float | None = None):
        self._session, self.store, self._model, self._speed = session, store, model, speed
        self._paid: list = []  # (cost, usage, key) of the parts that this run paid for
        self.per_minute, self.units_a_minute = model.per_minute, model.units_a_minute
        self.endpoint = session.endpoint.origin + session.endpoint.prefix

    def client(self, throttle=None):
        return self._session.client(self._model.id, TABLE, throttle=throttle, successor=self._model.successor)

    def cost(self) -> money.Cost:
        """What this run paid for; a part that was there already costs nothing again."""
        if self._paid:
            return money.total(cost for cost, *_ in self._paid)[0]
        return expected(self._model, "", self._session.endpoint.price_region)

    def usages(self) -> list:
        """The service's usage of each part that this run paid for."""
        return [usage for _, usage, _ in self._paid]

    def whole_cost(self, found: list, calls: list) -> money.Cost:
        """What all parts cost, whichever run paid for them."""
        region = self._session.endpoint.price_region
        return money.total(charged(self._model, part["usage"], call.billed, region, self._speed)
                           for part, call in zip(found, calls))[0]

    def check_budget(self, calls: list) -> None:
        """Refuse what speaking all of these may cost, if it goes over a budget. Raises Failure."""
        region = self._session.endpoint.price_region
        cost, _ = money.total(expected(self._model, call.billed, region, self._speed) for call in calls)
        self._session.payments.check(self._model.id, cost)

    def tell_cost(self, failure: Failure) -> None:
        """The failure says what this run paid for before it; `kept`: a rerun does not pay that again."""
        if self._paid:
            cost, session = self.cost(), self._session
            failure.billing = {"plan": session.verdict.key.billing, "units": cost.units, "cost": money.document(cost),
                               "kept": all(self._is_kept(key) for *_, key in self._paid)}
            failure.bill = f"speech of {self._model.id}, {session.billing_note()}, {money.words(cost)}"

    def interrupted(self, key: str) -> Failure:
        """What it means to stop while a part is under way: nothing is lost where the part or its link is kept."""
        if self._is_kept(key):
            return Failure(Exit.INTERRUPTED, "interrupted", "the segment is spoken and paid for", _FETCH_AGAIN,
                           accepted="maybe")
        return Failure(Exit.INTERRUPTED, "interrupted before the answer came",
                       "the service may have spoken it, and then bills it",
                       "run the command again only if paying twice is acceptable", accepted="maybe")

    def _is_kept(self, key: str) -> bool:
        """Whether a part, or its link, is there, so that it is not paid again."""
        return bool(self.store.find(key) or self.store.link(key))

    def speak(self, key: str, call, client, on_audio=None) -> dict:
        """The part of a call, as Store.take gives it:
        made, or fetched where an earlier run paid for it already."""
        found = self._paid_before(key, call, client, on_audio)
        if found:
            return found
        temporary, file = self._opened()
        url = ""
        try:
            with file:
                answer, form, damage = self._send(key, call, client, file, on_audio)
                url = answer.url
                self._check_end(answer, file.seek(0, os.SEEK_END) if form else 0)
                if form:
                    self.store.restore(temporary, file)
                elif not url:
                    raise self._no_sound(key, answer, damage)
            facts = {"usage": answer.usage, "request_id": answer.request_id, "url": url,
                     **({} if answer.moment is None else {"served": answer.moment})}
            facts = self._session.console.redact_result(facts)
            if form:
                return self.store.keep(key, temporary, form, facts)
            facts = self.store.keep_link(key, facts)
        except Failure as failure:
            if not (failure.partial and on_audio):  # what was passed on is kept where it went
                self._keep_rest(failure, key, temporary, client, most_bytes(call.text))
            raise
        except OSError as error:
            raise self._unsaved(error, url) from error
        finally:
            remove(temporary)
        if on_audio and on_audio.begun:
            raise _only_a_link(url, f"what arrived of a segment is damaged: {damage}")
        return self._fetch(key, facts, call, client, on_audio)

    def _paid_before(self, key: str, call, client, on_audio) -> dict | None:
        """The part whose link an earlier run left; None without one, or where the link is dead."""
        known = self.store.link(key)
        if not known:
            return None
        try:
            return self._fetch(key, known, call, client, on_audio)
        except Failure as failure:
            if not self._is_dead(failure, known):
                raise
            self._session.console.note("the link of an earlier segment no longer works; "
                                       "the segment is spoken again")
            self.store.drop(key)
            return None

    def _opened(self) -> tuple:
        """(path, open file) of what comes: it is there before anything is sent."""
        try:
            path = self.store.temporary()
            return path, open(path, "w+b")
        except OSError as error:
            raise self.store.refusal(error) from None

    def _check_end(self, answer: Answer, size: int) -> None:
        """Raises Failure for an answer that ended before all was spoken; `size`: bytes that came."""
        code, what, _ = bad_end(answer.reason)
        if at_limit(answer.reason):
            self._session.console.warn(f"the service stopped at its limit (finish_reason {answer.reason}): the end "
                                       "of a segment is missing", "smaller segments: --max-part")
        if code is not None:
            fix = _FILTERED if code == Exit.CONTENT else _SPEAK_AGAIN
            failure = Failure(code, f"{what} (finish_reason {answer.reason})", fix=fix, request_id=answer.request_id)
            raise _broken_off(failure, size, answer.url)

    def _keep_rest(self, failure: Failure, key: str, path: str, client, most: int) -> None:
        """What came of a part before it broke off, or is behind its link, is of use, and billed perhaps."""
        urls = [entry["url"] for entry in failure.files if "url" in entry]
        if not (failure.partial or urls):
            return
        try:
            failure.partial or download.fetch(client, urls[0], path, limit=most)
        except (Failure, OSError):
            return self._session.console.links(urls)
        kept = self.store.set_aside(key, path)
        if kept:
            failure.message += f"; what came of it is in {kept}"
            failure.files = [*failure.files, {"partial": kept}]

    def _unsaved(self, error: OSError, url: str, kept: bool = False) -> Failure:
        self._session.console.links([url] if url else [])
        return unsaved(error, self.store.folder, url, kept)

    def request_of(self, call) -> Request:
        headers = {"X-DashScope-SSE": "enable", "Accept": "text/event-stream"} if call.stream else {}
        return Request("POST", self._session.endpoint.native + call.path, call.body, headers)

    def _send(self, key: str, call, client, file, on_audio) -> tuple:
        """(the Answer, the form of the sound in `file`, what is wrong with it);
        the form is '' when it is to be fetched from the answer's link."""
        def take(events, headers):
            file.seek(0)
            file.truncate()
            sink, answer = Sink(file, call, on_audio), Answer(self._model.wire, moment_of(headers))
            answer.request_id = request_id_of(None, headers)
            return self._take(events, answer, sink, call, client)
        text, region = call.billed, self._session.endpoint.price_region
        about = expected(self._model, text, region, self._speed)
        try:
            with self._session.payments.paying(self._model.id, about) as payment:
                answer, form, damage = client.events(self.request_of(call), Retries.CREATE, take,
                                                      tts_kinds.is_sound, _ENCODED * most_bytes(call.text))
                self._drop_old(answer.moment)
                found = charged(self._model, answer.usage, text, region, self._speed)
                self._paid.append((payment.settle(found, answer.request_id), answer.usage, key))
            return answer, form, damage
        except Failure as failure:
            if failure.accepted == "maybe" and failure.exit_code != Exit.UNSAVED:
                failure.fix = _FILTERED if failure.exit_code == Exit.CONTENT else (
                    "the service may have spoken it, and then bills it; "
                    "run the command again only if paying twice is acceptable")
            raise

    def _drop_old(self, moment: float | None) -> None:
        dropped = self.store.drop_old(moment)
        if dropped:
            self._session.console.note(f"deleted what earlier runs paid for more than a week ago, and nothing "
                                       f"has used since: {counted(dropped, 'segment')}")

    def _take(self, events, answer: Answer, sink: Sink, call, client) -> tuple:
        damage = None  # what keeps the sound from being saved; the rest is read all the same, for its link
        try:
            for event in events:
                if not isinstance(event.data, (dict, bytes)):
                    continue
                error = error_of(event.data, self._model.wire)
                if error:
                    raise client.context.explain(error)
                answer.finished = answer.finished or event.name == WHOLE
                try:
                    audio = answer.take(event.data)
                    if audio and not damage:
                        sink.write(audio)
                except (Damaged, BadSound, OSError) as error:
                    damage = damage or error
            if call.stream and not answer.finished:
                raise client.context.network("the stream ended before everything was spoken")
        except Failure as failure:
            if failure.http_status or not answer.url:  # else the link, which comes last, leads to the whole
                if sink.size or answer.url:  # spoken and billed, and perhaps played already
                    _broken_off(failure, sink.size, answer.url)
                    with contextlib.suppress(BadSound, OSError):
                        sink.end()
                raise
            damage = failure
        try:
            if not damage:
                sink.end()
                return answer, sink.form, ""
        except (BadSound, OSError) as error:
            damage = error
        if isinstance(damage, OSError) and not answer.url:
            raise damage
        return answer, "", str(damage)

    def _no_sound(self, key: str, answer: Answer, why: str) -> Failure:
        """What is paid may be in the answer, which cannot be had again: it is kept."""
        said = self._session.console.redact_result(answer.said)
        said = json.dumps(said[0] if len(said) == 1 else said, ensure_ascii=False)
        kept = self.store.keep_answer(key, said)
        return Failure(
            Exit.FAILED, "the service answered, but not with sound that can be read: "
            f"{why}{kept and f'; the whole answer is in {kept}'}",
            f"the service answered {said[:500 if kept else 100_000]}",
            "look in the answer for the sound or its link, which is paid for; the same command again is "
            "billed again", code=failures.BAD_FORM, request_id=answer.request_id, accepted="maybe",
            files=[{"partial": kept}] if kept else [])

    def _fetch(self, key: str, facts: dict, call, client, on_audio) -> dict:
        """Download the sound behind a link, and check it.
        Raises Failure UNSAVED with the link; OSError of the disk."""
        url, temporary = facts["url"], ""
        for tries in (1, 2):
            try:
                temporary = self.store.temporary()
                download.fetch(client, url, temporary, limit=most_bytes(call.text))
                form = self._checked(temporary, call)
                found = self.store.keep(key, temporary, form, facts)
                if on_audio:
                    tts_sound.play(found["path"], form, on_audio)
                return found
            except BadSound as error:
                why, kept = str(error), self.store.set_aside(key, temporary)
            except Failure as failure:
                failure.fix = (_SPEAK_AGAIN if self._is_dead(failure, facts) else
                               self._fetch_again(key) if getattr(failure, "status", 0) else _FETCH_AGAIN)
                raise
            except OSError as error:
                raise self._unsaved(error, url, kept=True) from error
            finally:
                remove(temporary)
        failure = _only_a_link(url, "the link of a segment does not lead to its sound: "
                                    f"{why}{kept and f'; what came is in {kept}'}", kept)
        failure.fix = self._fetch_again(key)
        raise failure

    def _fetch_again(self, key: str) -> str:
        return (f"{_FETCH_AGAIN}; to have it spoken and billed again, "
                f"remove {self.store.facts_path(key)} first")

    def _is_dead(self, failure: Failure, facts: dict) -> bool:
        return isinstance(failure, download.BadLink) and failure.is_dead(
            facts.get("served", facts["made"]), time.time())

    def _checked(self, path: str, call) -> str:
        """The form of a downloaded file; bare PCM gets a header. Raises BadSound."""
        with open(path, "rb") as file:
            if tts_kinds.sniff(file.read(12)) == "wav":
                if not tts_sound.read_wav(file, os.path.getsize(path)).length:
                    raise BadSound("it is empty")
                return "wav"
        bare = path + ".wav"
        try:
            with open(path, "rb") as file, private(bare) as copied:
                sink = Sink(copied, call, bare=asks_for_pcm(call, self._model))
                for block in iter(lambda: file.read(tts_sound.BLOCK), b""):
                    sink.write(block)
                sink.end()
            os.replace(bare, path)
            return sink.form
        finally:
            remove(bare)


def _only_a_link(url: str, message: str, kept: str = "") -> Failure:
    """A segment is made and paid, and there is only its link; `kept`: the file of what came in its place."""
    return Failure(Exit.UNSAVED, message, f"the link is {url}", _FETCH_AGAIN, code=failures.BAD_LINK,
                   accepted="maybe", files=[{"url": url, **({"partial": kept} if kept else {})}])


def _broken_off(failure: Failure, size: int, url: str) -> Failure:
    """The failure of a part that is spoken up to a place: `size` bytes came, and `url` may have them too."""
    failure.accepted, failure.partial = "maybe", {"bytes": size} if size else {}
    if url:
        made = f"what was made of it is behind {url}"
        failure.cause, failure.files = f"{failure.cause}; {made}" if failure.cause else made, [{"url": url}]
    return failure


def most_bytes(text: str) -> int:
    """How large the sound of a text can be, generously: a mark for a pause of 100 s has 10 characters."""
    return min(_MOST_BYTES + _BYTES_EACH * len(text), _BYTES_AT_ALL)
