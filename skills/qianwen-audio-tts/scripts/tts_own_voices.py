"""Voices of one's own that are there: listed, looked at, deleted; and the calls to their services.

Source: sections 9.1 and 9.6 of the speech contract.
"""
from __future__ import annotations

from shared.body import object_in
from shared.cli.commands import command_line
from shared.failures import Exit, Failure, usage
from shared.media.addressing import oss_headers
from shared.transport.context import costs_nothing
from shared.transport.request import Request
from shared.transport.retries import Retries
from tts_answers import error_of
from tts_costs import creation
from tts_models import CUSTOMIZATION, find_model, GENERATION, TABLE
from tts_names import Names
from tts_voice_services import (
    CLONE_MODEL, COSY, list_body, MINIMAX, one_body, PAGE, Service, service_of, SERVICES, voices_in
)

_MOST_PAGES = 101  # of an account's 1,000 voices, where a page has ten (speech contract 9.6, 9.9)


class OwnVoices:
    """The commands about voices that are there, for one session."""

    def __init__(self, session):
        self.session, self.options, self.console = session, session.options, session.console

    def _services(self) -> list:
        """The services that are asked: the model's, or all that can list."""
        if self.options.model:
            service = service_of(self.options.model)
            if not service.list:
                raise usage(f"{self.options.model} has no list of voices",
                            "save the ids that you chose yourself")
            return [service]
        return [service for service in SERVICES if service.list]

    def _list(self) -> None:
        options, console = self.options, self.console
        services = self._services()
        if options.dry_run:
            return self._show(list_body(services[0], 0), services[0])
        found = self._listed(services)
        if options.model:
            found = [voice for voice in found if voice["model"] in ("", options.model)]
        names = self._names().all()
        found = [{**voice, "name": names.get(voice["id"], "")} for voice in found]
        if console.json_mode:
            return console.document({"ok": True, "skill": console.skill, "voices": found,
                                     "warnings": console.warnings})
        for voice in found:
            facts = (voice["name"], voice["model"], voice["status"], voice["created"])
            facts = ", ".join(filter(None, facts))
            console.result(console.clean(f"{voice['id']}  {facts}") + "\n")
        if not found:
            console.note("no voices of this account are listed" if console.warnings else
                         "this account has no voices of its own")

    def _listed(self, services: list) -> list:
        """The voices of several services. One that refuses, as a retired one does, leaves those of the
        others; where all do, the last one's refusal is raised."""
        found, refusals = [], []
        for service in services:
            try:
                found += self._pages(service)
            except Failure as failure:
                if failure.exit_code not in (Exit.FAILED, Exit.KEY):
                    raise
                refusals.append((service, failure))
        if len(refusals) == len(services):
            raise refusals[-1][1]
        for service, failure in refusals:
            why = ": ".join(filter(None, (failure.message, failure.cause)))
            self.console.warn(f"{service.model} does not list its voices: {why}",
                              "only the voices of the other services are shown")
        return found

    def _pages(self, service: Service) -> list:
        """The voices of all pages: as many as the service says that there are; where it does not, until a
        page brings nothing new, because one may have fewer voices than were asked for."""
        found, ids, seen, is_sure = [], set(), 0, True  # is_sure: whether the page must be there
        for page in range(_MOST_PAGES):
            try:
                reply = self._call(list_body(service, page), Retries.READ, service)
                voices, count = voices_in(reply.body, service)
            except Failure as failure:
                if is_sure or failure.exit_code != Exit.FAILED:
                    raise
                break
            new = [voice for voice in voices if voice["id"] not in ids]
            if not new:
                break
            if len(voices) < count:
                self.console.warn(f"{count - len(voices)} of the voices that {service.model} lists cannot be "
                                  "read")
            found, seen = found + new, seen + count
            ids.update(voice["id"] for voice in new)
            total = object_in(reply.body, "output").get("total_count")
            is_told = isinstance(total, int) and not isinstance(total, bool)
            if is_told and seen >= total:
                break
            is_sure = is_told or count >= PAGE
        return found

    def _one(self, voice: str, delete: bool) -> None:
        """--voice-status and --delete-voice."""
        options, console = self.options, self.console
        service = self._service_of_voice(voice)
        action = service.delete if delete else service.query
        if not action:
            return self._find(voice, service)
        body = one_body(service, action, voice)
        if options.dry_run:
            return self._show(body, service)
        reply = self._delete(body, voice, service) if delete else self._call(body, Retries.READ, service)
        output = object_in(reply.body, "output")
        status = "deleted" if delete else str(output.get("status") or "OK")
        if console.json_mode:
            return console.document({"ok": True, "skill": console.skill, "voice": voice, "status": status,
                                     "details": output, "request_id": reply.request_id,
                                     "warnings": console.warnings})
        console.result(console.clean(f"{voice} {status}") + "\n")

    def _delete(self, body: dict, voice: str, service: Service):
        """Deleting is never billed, but is not sent again unasked: the voice may be gone already."""
        try:
            reply = self._call(body, Retries.CREATE, service)
        except Failure as failure:
            if failure.accepted == "maybe":
                model = ("--model", self.options.model) if self.options.model else ()
                failure = costs_nothing(failure)
                failure.fix = ("the voice may be deleted; this shows whether it is: "
                               + command_line("--voice-status", voice, *model))
            raise failure
        self._names().forget(voice)
        return reply

    def _find(self, voice: str, service: Service) -> None:
        """A service without a query: the list tells whether the voice is there, and it is ready then."""
        if not service.list:
            raise usage("this service neither shows nor deletes voices",
                        "save the ids that you chose yourself")
        if self.options.dry_run:
            return self._show(list_body(service, 0), service)
        found = next((row for row in self._pages(service) if row["id"] == voice), None)
        if found is None:
            raise Failure(Exit.FAILED, f"this account has no voice {voice}", fix="list them with --my-voices")
        if self.console.json_mode:
            return self.console.document({
                "ok": True, "skill": self.console.skill, "voice": voice, "status": "OK", "details": found,
                "warnings": self.console.warnings})
        self.console.result(self.console.clean(f"{voice} OK") + "\n")

    def _service_of_voice(self, voice: str) -> Service:
        """By --model, or by what the id begins with:
        those of cosyvoice and qwen-audio begin with their model."""
        if self.options.model:
            return service_of(self.options.model)
        if voice.startswith(("cosyvoice-", "qwen-audio-")):
            return COSY
        raise usage(f"which service {voice} belongs to cannot be told from its id",
                    f"add --model, for example --model {CLONE_MODEL}; "
                    "--my-voices shows the model of each voice")

    def _names(self) -> Names:
        return Names(self.session.account.state, self.console.warn)

    # -- the wire

    def _request(self, body: dict, service: Service) -> Request:
        path = GENERATION if service is MINIMAX else CUSTOMIZATION
        return Request("POST", self.session.endpoint.native + path, body, oss_headers(body))

    def _show(self, body: dict, service: Service, model: str = "") -> None:
        """The request of --dry-run, or the line of --estimate."""
        if self.options.dry_run:
            return self.session.show_dry_run(self._request(body, service))
        self.session.show_estimate(self._creation(body, model), f"a voice for {model}", model=model)

    def _creation(self, body: dict, model: str, usage=None):
        """The Cost of a voice; `usage` is what the service told, once it was made."""
        region = self.session.endpoint.price_region
        return creation(find_model(model)[0], body["input"].get("text", ""), region, usage)

    def _call(self, body: dict, safety: str, service: Service):
        client = self._client(body["input"].get("target_model") or body["model"])
        reply = client.json(self._request(body, service), safety)
        error = error_of(reply.body, "minimax" if service is MINIMAX else "")
        if error:
            raise client.context.explain(error)
        return reply

    def _client(self, model: str):
        row = TABLE.row(model)
        return self.session.client(model, TABLE, successor=row.successor if row else "")
