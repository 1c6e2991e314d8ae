"""The explicit context cache: what is before the last cache_control marker, kept five minutes."""
from __future__ import annotations

import hashlib
import time
from typing import Any, Dict, List, Tuple

from tests.emulator.call import Call, tokens
from tests.emulator.wire import dumps, ignored

MIN_TOKENS, SECONDS, MAX_MARKERS = 1024, 300, 4


def check(call: Call) -> None:
    marked = [part for _, part in _parts(call) if "cache_control" in part]
    if len(marked) > MAX_MARKERS:
        raise ignored("cache_control", f"may stand on {MAX_MARKERS} parts at most")
    for part in marked:
        if part["cache_control"] != {"type": "ephemeral"}:
            raise ignored("cache_control", 'must be {"type": "ephemeral"}')


def prompt_details(call: Call) -> Dict[str, Any]:
    """usage.prompt_tokens_details of this call; remembers its prefix for the next one."""
    prefix, size = _prefix(call)
    if size < MIN_TOKENS or not call.model.can("ca"):
        return {"cached_tokens": 0}
    known, now = call.exchange.emulator.cached_prefixes, time.monotonic()
    hit = now - known.get(prefix, -SECONDS) < SECONDS
    known[prefix] = now
    details: Dict[str, Any] = {"cached_tokens": size if hit else 0, "cache_creation_input_tokens": 0 if hit else size}
    if not hit:
        details["cache_creation"] = {"ephemeral_5m_input_tokens": size}
    return {**details, "cache_type": "ephemeral"}


def _prefix(call: Call) -> Tuple[str, int]:
    """Digest and estimated tokens of everything up to the last marker; size 0 without one."""
    parts = list(_parts(call))
    last = max((number for number, (_, part) in enumerate(parts) if "cache_control" in part), default=-1)
    kept = [(role, {key: value for key, value in part.items() if key != "cache_control"}) for role, part in parts[:last + 1]]
    digest = hashlib.sha256(dumps([call.model.name, kept])).hexdigest()
    return digest, tokens("".join(part.get("text", "") for _, part in kept))


def _parts(call: Call) -> List[Tuple[str, Dict[str, Any]]]:
    found = []
    for message in call.messages:
        content = message.get("content")
        parts = content if isinstance(content, list) else [{"text": content or ""}]
        found += [(message["role"], part) for part in parts]
    return found
