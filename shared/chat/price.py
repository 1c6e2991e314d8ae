"""What a chat call costs: about, before it is sent; by the service's own counts, after it."""
from __future__ import annotations

import json

from ..money.cost import Cost, exactly, unknown
from .tokens import message_tokens, text_tokens
from .usage import counts, units

OUTPUT = 4096  # tokens that an estimate takes for the answer where nothing bounds it


def charged(model, as_of: str, usage, region: str) -> Cost:
    """The cost of an answer by its usage object. `model` is its row."""
    found = counts(usage)
    if found.input is None and found.output is None:
        return unknown("the service did not say what was used", as_of, region)
    amount = model.price and region and model.price.amount(
        found.input or 0, found.output or 0, found.cached or 0, region=region, thinking=bool(found.thinking))
    if amount is None or not region:
        return unknown(_why(model, region), as_of, region, units(usage))
    return exactly(amount, as_of, region, units(usage))


def expected(model, as_of: str, body: dict, region: str, media: int = 0, batch: bool = False) -> Cost:
    """About what a request will cost: `low` is the input alone, `high` adds the output that the body allows.

    `media` are the tokens of pictures and videos. Where neither --max-tokens nor --thinking-budget bounds the output, it is taken
    to be OUTPUT tokens.
    """
    put_in = message_tokens(body.get("messages") or [], media)
    put_in += sum(text_tokens(json.dumps(body[name], ensure_ascii=False)) for name in ("tools", "response_format") if name in body)
    thinks = model.thinking == "always" or body.get("enable_thinking", model.thinking == "on") is True
    out = bound(body, thinks)
    counted = {"input_tokens": put_in, "output_tokens": out}
    if not model.price or not region:
        return unknown(_why(model, region), as_of, region, counted)
    low, high = (model.price.amount(put_in, count, batch=batch, region=region, thinking=thinks) for count in (0, out))
    if high is None:
        return unknown(_why(model, region), as_of, region, counted)
    return Cost(low, high, as_of, region, counted, "", True)


def bound(body: dict, thinks: bool) -> int:
    """The most tokens of output that a body allows, or OUTPUT."""
    answer = body.get("max_tokens") or body.get("max_completion_tokens")
    thought = body.get("thinking_budget") if thinks else 0
    if not isinstance(answer, int):
        return max(OUTPUT, thought if isinstance(thought, int) else 0)
    if not thinks:
        return answer
    return answer + (thought if isinstance(thought, int) else OUTPUT)


def output_words(body: dict) -> str:
    """What an estimate takes for the output, for its line."""
    bounded = isinstance(body.get("max_tokens"), int)
    return "the output that --max-tokens allows" if bounded else f"an output of {OUTPUT:,} tokens, as nothing bounds it"


def _why(model, region: str) -> str:
    return f"the price of {model.id} in {region} is not in the table" if region else "a gateway bills by itself"
