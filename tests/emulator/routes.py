"""Which handler answers which path on which host."""
from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Callable, FrozenSet

from tests.emulator import (batches, catalogue, chat, files, image_models, images, keys, native, openai_images, results,
                            retired, speech, tasks, uploads, video_calls, video_models, voices)
from tests.emulator.wire import OSS, RESULTS, Exchange, Refusal, Reply, empty_reply, invalid

PLATFORM = frozenset(("maas", "workspace"))
ORDINARY = frozenset(("dashscope", "dashscope-intl")) | PLATFORM
TOKEN_PLANS = frozenset(("token-plan", "maas-token-plan"))
AIGC = "/api/v1/services/aigc"
DOWNLOADS = "(?:/moved)?/(?P<token>[0-9a-f]{32})/(?P<name>[^/]+)"
BATCHES = "/compatible-mode/v1/batches"
FILES = "/compatible-mode/v1/files"


@dataclass(frozen=True)
class Route:
    method: str
    path: "re.Pattern[str]"
    handler: Callable[[Exchange], Reply]
    hosts: FrozenSet[str]


def _route(method: str, path: str, handler: Callable[[Exchange], Reply], hosts: FrozenSet[str] = ORDINARY) -> Route:
    return Route(method, re.compile(path), handler, hosts)


ROUTES = (
    _route("POST", "/compatible-mode/v1/chat/completions", chat.complete, ORDINARY | TOKEN_PLANS),
    _route("POST", "/v1/chat/completions", chat.complete, frozenset(("coding-plan",))),
    _route("POST", "/compatible-mode/v1/images/generations", openai_images.generate, PLATFORM),
    _route("GET", "/compatible-mode/v1/models", catalogue.compat),
    _route("GET", "/api/v1/models", catalogue.native),
    _route("POST", AIGC + "/(?P<kind>text)-generation/generation", native.generate),
    _route("POST", AIGC + "/(?P<kind>multimodal)-generation/generation", images.multimodal, ORDINARY | TOKEN_PLANS),
    _route("POST", f"{AIGC}/(?P<service>(?:{'|'.join(image_models.TASK_PATHS)})/?)", images.create),
    _route("POST", f"{AIGC}/(?P<service>(?:{'|'.join(video_models.TASK_PATHS)})/?)", video_calls.create, ORDINARY | TOKEN_PLANS),
    _route("POST", f"{AIGC}/(?P<service>{video_models.DETECT}/?)", video_calls.detect),
    _route("POST", "/api/v1/services/audio/tts/SpeechSynthesizer", speech.synthesize),
    _route("POST", "/api/v1/services/audio/tts/customization", voices.customize),
    _route("POST", FILES, files.upload),
    _route("GET", FILES, files.listing),
    _route("GET", FILES + "/(?P<id>[^/]+)", files.get),
    _route("DELETE", FILES + "/(?P<id>[^/]+)", files.delete),
    _route("GET", FILES + "/(?P<id>[^/]+)/content", files.content),
    _route("POST", BATCHES, batches.create),
    _route("GET", BATCHES, batches.listing),
    _route("GET", BATCHES + "/(?P<id>[^/]+)", batches.get),
    _route("POST", BATCHES + "/(?P<id>[^/]+)/cancel", batches.cancel),
    _route("GET", "/api/v1/uploads", uploads.policy),
    _route("POST", "/", uploads.post, frozenset((OSS,))),
    _route("GET", "/api/v1/tasks/?", tasks.listing),
    _route("GET", "/api/v1/tasks/(?P<id>[^/]+)", tasks.get),
    _route("POST", "/api/v1/tasks/(?P<id>[^/]+)/cancel", tasks.cancel),
    _route("GET", DOWNLOADS, results.get, frozenset((RESULTS,))),
    _route("HEAD", DOWNLOADS, results.get, frozenset((RESULTS,))),
)


def respond(exchange: Exchange) -> Reply:
    """The ordinary reply: route, then key, then the handler."""
    found = [(route, match) for route in ROUTES if exchange.host in route.hosts
             for match in [route.path.fullmatch(exchange.path)] if match]
    if not found:
        return empty_reply(404)
    try:
        keys.check(exchange)
        body_size(exchange)
        retired.check(exchange)
        for route, match in found:
            if route.method == exchange.method:
                exchange.captured = match.groupdict()
                return route.handler(exchange)
        raise invalid(f"Request method '{exchange.method}' is not supported.", wrapped=False)
    except Refusal as refusal:
        return refusal.reply(exchange)


def body_size(exchange: Exchange) -> None:
    """Classic hosts take less than those of the platform; forms with a file have limits of their own."""
    most = exchange.emulator.body_limits.get(exchange.host)
    form = exchange.headers.get("content-type", "").startswith("multipart/")
    if most is not None and len(exchange.body) > most and not form:
        told = f"Payload Too Large. emulator: {len(exchange.body)} bytes; {exchange.host} takes {most}"
        raise Refusal(400, "BadRequest.TooLarge", told)
