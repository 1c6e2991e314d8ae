"""Voices of one's own: made from a recording or a description.

Source: section 9 of the speech contract. A voice belongs to the one model it was made for. The cost is said,
and the speaker's consent asked for, before anything is sent.
"""
from __future__ import annotations

import time

import tts_sound
from shared.body import object_in, plain
from shared.cli.commands import command_line, quoted
from shared.failures import Exit, Failure, usage
from shared.files.outputs import OutputFiles
from shared.media import inputs as media
from shared.media.addressing import warn_of_addresses
from shared.money import cost as money
from shared.transport.request import is_id
from shared.transport.retries import Retries
from tts_answers import Damaged
from tts_costs import creation_words
from tts_kinds import BadSound
from tts_models import find_model, out_of_region
from tts_own_voices import OwnVoices
from tts_preview import save_preview
from tts_voice_services import (
    CLONE_MODEL, COSY, DESIGN_MODEL, LONG_RECORDING, MINIMAX, PREVIEWS, QWEN_CLONE, QWEN_DESIGN, RECORDING,
    Service, clone_body, design_body, one_body, perhaps_made, service_of
)

WAIT = 60.0  # seconds that a new voice is waited for; moderation usually takes some


# ---- the commands --------------------------------------------------------------------------------------

class Custom(OwnVoices):
    """One command about voices of one's own."""

    def run(self) -> None:
        options = self.options
        if options.clone:
            return self._clone()
        if options.design:
            return self._design()
        if options.my_voices:
            return self._list()
        return self._one(options.voice_status or options.delete_voice, bool(options.delete_voice))

    # -- making

    def _service(self, model: str) -> Service:
        """The service that makes voices for a model;
        a warning where the model is retired, not known or not in this region."""
        row, warning = find_model(model)
        if warning:
            self.console.warn(warning)
        elsewhere = out_of_region(row, self.session.endpoint, self.session.account.endpoint_source, own=True)
        if elsewhere:
            self.console.warn(*elsewhere)
        return service_of(model)

    def _name(self, service: Service) -> str:
        name = self.options.name
        if not name:
            raise usage("--name is missing", f"name the voice: {service.words}")
        if not service.rule.fullmatch(name):
            raise usage(f"--name {name} is not possible for this service", f"legal: {service.words}")
        return name

    def _language(self, model: str) -> str | None:
        language, legal = self.options.language, find_model(model)[0].recorded
        if language and language not in legal:
            raise usage(f"--language {language} is not a language for voices of {model}",
                        f"legal: {', '.join(legal)}")
        return language

    def _clone(self) -> None:
        options = self.options
        model = options.model or CLONE_MODEL
        service = self._service(model)
        if service is QWEN_DESIGN:
            raise usage(f"{model} speaks with designed voices", f"use --design, or --model {CLONE_MODEL}")
        name, source = self._name(service), self._recording(service)
        if options.transcript and service is not QWEN_CLONE:
            raise usage(f"--transcript has no effect for {model}", "leave it out")
        if options.preview_text and service is not MINIMAX:
            raise usage(f"--preview-text has no effect with --clone for {model}", "leave it out")
        if options.preview_text and len(options.preview_text) > 1000:
            raise usage(f"--preview-text has {len(options.preview_text)} characters", "legal: 1 to 1000")
        body = clone_body(service, model, name, source, transcript=options.transcript,
                          language=self._language(model), preview=options.preview_text or "")
        if options.output and service is not MINIMAX:
            raise usage(f"--output has no effect with --clone for {model}, which speaks nothing first",
                        "leave it out")
        if service is MINIMAX and options.language:
            raise usage(f"--language has no effect for voices of {model}", "leave it out")
        if options.dry_run or options.estimate:
            return self._show(body, service, model)
        if not options.consent:
            raise usage("a voice belongs to a person: --consent is missing. "
                        + creation_words(find_model(model)[0]),
                        "once the speaker has agreed to being cloned, run the command again with --consent")
        self._make(body, service, model, f"{name}-preview" if service is MINIMAX else "")

    def _recording(self, service: Service) -> str:
        """The data URL or the address of the recording, checked."""
        given = self.options.clone
        found = media.look(given, "--clone", LONG_RECORDING if service is MINIMAX else RECORDING)
        if found.url:
            fix = [] if service is QWEN_CLONE else ["put the recording on a public https address"]
            warn_of_addresses([found], self.session.endpoint, self.console, *fix)
            return found.url
        if service is not QWEN_CLONE:
            raise usage(f"--clone {given}: this service fetches the recording itself "
                        "and does not take a file",
                        "put it on a public https address and pass that")
        self._check_rate(found)
        return media.data_url(found)

    @staticmethod
    def _check_rate(found) -> None:
        """The service wants 24 kHz or more (speech contract 9.8); a WAV file tells."""
        if found.media_type != "audio/wav" or not found.path:
            return
        with open(found.path, "rb") as file:
            try:
                rate = tts_sound.read_wav(file, found.size).rate
            except BadSound as error:
                raise usage(f"--clone {found.name} cannot be used: {error}",
                            "legal: WAV with 16 bits, MP3, M4A") from None
        if rate < 24000:
            raise usage(f"--clone {found.name} has {rate} Hz", "record it with 24000 Hz or more")

    def _design(self) -> None:
        options = self.options
        model = options.model or DESIGN_MODEL
        service = self._service(model)
        if service in (QWEN_CLONE, MINIMAX) or not find_model(model)[0].designed:
            raise usage(f"{model} has no designed voices", f"use --clone, or --model {DESIGN_MODEL}")
        name, prompt, language = self._name(service), options.design, self._language(model) or "zh"
        if service is COSY and language not in ("zh", "en"):
            raise usage(f"--language {language} is not possible for {model}", "legal: zh, en")
        preview = options.preview_text or PREVIEWS.get(language)
        if preview is None:
            raise usage("--preview-text is missing: "
                        f"what should the voice say first, in the language {language}?",
                        "add --preview-text TEXT")
        most_prompt, most_preview = (500, 200) if service is COSY else (2048, 1024)
        for flag, text, most in (("--design", prompt, most_prompt),
                                 ("--preview-text", preview, most_preview)):
            if len(text) > most:
                raise usage(f"{flag} has {len(text)} characters", f"legal: 1 to {most}")
        if options.sample_rate and options.sample_rate not in (8000, 16000, 24000, 48000)[service is COSY:]:
            raise usage(f"--sample-rate {options.sample_rate} is not possible for a preview",
                        f"legal: {'' if service is COSY else '8000, '}16000, 24000, 48000")
        body = design_body(service, model, name, prompt, preview, language, options.sample_rate)
        if options.dry_run or options.estimate:
            return self._show(body, service, model)
        self._make(body, service, model, preview=f"{name}-preview")

    def _make(self, body: dict, service: Service, model: str, preview: str = "") -> None:
        """Create the voice; keep its preview; wait until it is ready where that takes time."""
        options, console = self.options, self.console
        outputs = None
        if preview:
            form = "mp3" if service is MINIMAX else "wav"
            outputs = OutputFiles(options.output, options.overwrite, preview, 1, form, sidecars=False,
                                  warn=console.warn)
        try:
            self.session.pass_guard()
            console.say(creation_words(find_model(model)[0]))
            reply, cost = self._paid(body, service, model)
            output = object_in(reply.body, "output")
            given = body["input"].get("voice_id") if service is MINIMAX else ""
            voice = str(output.get(service.voice) or output.get("voice_id") or output.get("voice")
                        or given or "")
            if not is_id(voice):
                what = "with a voice whose id this script cannot read" if voice else "without a voice"
                raise Failure(Exit.FAILED, f"the service answered {what}",
                              fix="check --my-voices before you try again",
                              request_id=reply.request_id, accepted="maybe")
            try:
                self._names().keep(console.redact_result(voice), options.name)
                self._warn_of_quality(output)
                files = self._save_preview(output, body, outputs, voice, model) if outputs else []
                status = self._wait(service, voice, model)
            except KeyboardInterrupt:
                raise self._interrupted(voice, service, model, reply) from None
        finally:
            if outputs:
                outputs.discard()
        self._made(voice, model, status, files, reply, cost)

    def _interrupted(self, voice: str, service: Service, model: str, reply) -> Failure:
        """The voice is there and has an id; making it again would be another one."""
        look = f"--voice-status {quoted(voice)} shows whether it is ready; then " if service is COSY else ""
        return Failure(Exit.INTERRUPTED, f"interrupted, but the voice {voice} was created",
                       fix=f"{look}use it with: {command_line('…', '--model', model, '--voice', voice)}",
                       request_id=reply.request_id, accepted="maybe")

    def _paid(self, body: dict, service: Service, model: str) -> tuple:
        """(the reply to the call that makes a voice, its Cost)."""
        cost = self._creation(body, model)
        try:
            with self.session.payments.paying(model, cost) as payment:
                reply = self._call(body, Retries.CREATE, service)
                cost = payment.settle(self._creation(body, model, reply.body.get("usage")), reply.request_id)
        except Failure as failure:
            if failure.accepted == "maybe":
                failure.fix = perhaps_made(service, body)
            raise
        except KeyboardInterrupt:
            raise Failure(Exit.INTERRUPTED, "interrupted before the answer came",
                          fix=perhaps_made(service, body), accepted="maybe") from None
        return reply, cost

    def _warn_of_quality(self, output: dict) -> None:
        if output.get("fallback_mode"):
            self.console.warn("the voice was created in a simpler way "
                              f"({output.get('fallback_reason') or 'no reason given'}), and may be poor",
                              "record clear speech of 10 to 20 s without pauses, and check --transcript")
        if output.get("input_sensitive"):  # MiniMax, speech contract 9.7
            self.console.warn("the service takes the recording or the sentence to be spoken for sensitive "
                              f"(type {output.get('input_sensitive_type')}), and may refuse the voice",
                              "use another recording or another --preview-text")

    def _save_preview(self, output: dict, body: dict, outputs: OutputFiles, voice: str, model: str) -> list:
        """The entry of its file; of a preview that could not be saved its link, if it has one."""
        given, hear = body["input"], f"hear the voice with: --voice {quoted(voice)}"
        text = given.get("preview_text") or given.get("text", "")
        rate = object_in(body, "parameters").get("sample_rate", 24000)
        try:
            return [save_preview(output, text, rate, outputs, self._client(model), find_model(model)[0].wire)]
        except (BadSound, Damaged) as error:
            self.console.warn(f"the service sent no preview that can be played ({error}); {hear}")
        except OSError as error:
            self.console.warn(f"the preview could not be saved: {error.strerror}; {hear}")
        except Failure as failure:
            self.console.warn(f"the preview could not be saved: {failure.message}; {hear}",
                              "its link works for a day")
            self.console.links([entry["url"] for entry in failure.files])
            return failure.files
        return []

    def _wait(self, service: Service, voice: str, model: str) -> str:
        """The state of a new voice; cloned ones of cosyvoice and qwen-audio are looked through first."""
        if service is not COSY:
            return "OK"
        end, pause, status = time.monotonic() + WAIT, 0.5, "DEPLOYING"
        while status == "DEPLOYING" and time.monotonic() < end:
            try:
                status = self._status(service, voice)
            except Failure as failure:
                self.console.warn(
                    f"the voice was created, but its state could not be read: {failure.message}",
                    f"--voice-status {quoted(voice)} shows it")
                return "UNKNOWN"
            if status == "DEPLOYING":
                time.sleep(pause)
                pause = min(5.0, 2 * pause)
        return status

    def _status(self, service: Service, voice: str) -> str:
        reply = self._call(one_body(service, service.query, voice), Retries.READ, service)
        return str(object_in(reply.body, "output").get("status") or "OK")

    def _made(self, voice: str, model: str, status: str, files: list, reply, cost) -> None:
        console = self.console
        speak = command_line("…", "--model", model, "--voice", voice)
        line = f"{voice} made for {model}, {self.session.billing_note()}, {money.words(cost)}"
        billing = {"plan": self.session.verdict.key.billing, "units": cost.units, "cost": money.document(cost)}
        if status == "UNDEPLOYED":
            failure = Failure(Exit.CONTENT,
                              f"the voice {voice} was created, but the service's inspection then refused it",
                              fix="use another recording; --delete-voice removes this one",
                              request_id=reply.request_id)
            failure.billing, failure.bill = billing, line
            raise failure
        if console.json_mode:
            console.note(line)
            return console.document({"ok": True, "skill": console.skill, "voice": voice, "model": model,
                                     "status": status, "request_id": reply.request_id, "files": files,
                                     "usage": plain(reply.body.get("usage")) or {}, "billing": billing,
                                     "warnings": console.warnings})
        console.result(voice + "\n")
        for entry in files:
            if "path" in entry:
                console.note(f"its first recording is {entry['path']}")
        console.note(f"use it with: {speak}" if status == "OK" else
                     f"it is not ready yet ({status}): --voice-status {quoted(voice)} shows when; "
                     f"then use it with: {speak}")
        console.note(line)
