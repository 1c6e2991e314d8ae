"""GET /models in both dialects: which models there are now."""
from __future__ import annotations

from typing import Any, Dict, List

from tests.emulator.retired import is_retired
from tests.emulator.speech_models import SPEECH_MODELS
from tests.emulator.wire import Exchange, Reply, invalid, json_reply

CREATED = 1_780_000_000


def names(exchange: Exchange) -> List[str]:
    emulator = exchange.emulator
    found = [*emulator.models, *emulator.image_models, *emulator.video_models, *SPEECH_MODELS]
    return [name for name in dict.fromkeys(found) if not (emulator.retired and is_retired(name))]


def compat(exchange: Exchange) -> Reply:
    rows = [{"id": name, "object": "model", "created": CREATED, "owned_by": "system"} for name in names(exchange)]
    return json_reply({"object": "list", "data": rows})


def native(exchange: Exchange) -> Reply:
    """In pages; with `model`, that one or none."""
    query = exchange.query
    for name in sorted(set(query) - {"page_no", "page_size", "model"}):
        raise invalid(f"emulator: unknown field {name!r}", param=name)
    number, size = (_positive(query, name, default) for name, default in (("page_no", "1"), ("page_size", "10")))
    found = [name for name in names(exchange) if query.get("model", name) == name]
    page = [_item(name) for name in found[(number - 1) * size:number * size]]
    output = {"models": page, "total": len(found), "page_no": number, "page_size": size}
    return json_reply({"output": output, "request_id": exchange.request_id})


def _item(name: str) -> Dict[str, Any]:
    vendor = name.partition("/")[0] if "/" in name else "qwen"
    return {"model": name, "name": name, "source": "official", "provider": vendor,
            "opensource": name.endswith(("b", "-instruct"))}


def _positive(query: Dict[str, str], name: str, default: str) -> int:
    value = query.get(name, default)
    if not value.isdigit() or not 1 <= int(value) <= 100 and name == "page_size":
        raise invalid(f"'{name}' must be a positive Integer", param=name)
    return max(1, int(value))
