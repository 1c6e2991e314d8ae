"""What a chat call costs: about, before it is sent; by the service's own counts, after it."""
from __future__ import annotations

from ..money.cost import Cost, exactly, unknown
from ..words import counted
from .models import AS_OF
from .request import thinks
from .tokens import body_tokens
from .usage import counts, units

OUTPUT = 4096  # tokens that an estimate takes for the answer where nothing bounds it
SEARCHES = "web searches are billed separately and not included"
_ASSUMED = "{} out assumed, because --max-tokens is not set"
_WITHOUT_THINKING = "at most {} out without its thinking, which only --thinking-budget bounds"
_IN_A_SUM = {_ASSUMED: (f"{OUTPUT:,} tokens out assumed where --max-tokens is not set",),
             _WITHOUT_THINKING: ("without the thinking that no --thinking-budget bounds",)}


def charged(model, usage, region: str, batch: bool = False, may_search: bool = False) -> Cost:
    """The cost of an answer by its usage object, at the list price of `region`. `model` is its row, `batch`
    its way through the Batch API. `may_search`: it was allowed to; only one dialect counts the searches."""
    found = counts(usage)
    if found.input is None and found.output is None:
        return unknown("the service did not report its usage", AS_OF, region)
    amounts = model.price and region and model.price.amounts(
        found.input or 0, found.output or 0, found.cached or 0, found.stored or 0, batch=batch, region=region,
        thinking=bool(found.thinking), explicit=found.explicit)
    if not amounts:
        return unknown(_why(model, region, found.input or 0), AS_OF, region, units(usage))
    cost = exactly(sum(amounts), AS_OF, region, units(usage))
    searched = may_search if found.searches is None else found.searches
    return cost._replace(why=SEARCHES) if searched else cost


def expected(model, body: dict, region: str, media: int = 0, more: int = 0, batch: bool = False) -> Cost:
    """About what a request will cost: `low` is the input alone, `high` adds the output that the body allows.

    `media` are the tokens of pictures and videos, `more` those that may come to the input besides. Where the
    body has markers of the cache, all of the input may be stored there, which costs more.
    """
    fields, messages = body.get("parameters") or body, (body.get("input") or body)["messages"]
    thinking, out, form = _output(model, fields)
    put_in = media + body_tokens(messages, fields)
    tokens = {"input_tokens": put_in + more, "output_tokens": out}
    how = {"batch": batch, "region": region, "thinking": thinking}
    amounts = model.price and region and model.price.amounts(put_in, out, **how)
    contents = (message.get("content") for message in messages)
    is_marked = any("cache_control" in part for content in contents if isinstance(content, list)
                    for part in content if isinstance(part, dict))
    most = amounts
    if amounts and (more or is_marked):
        most = model.price.amounts(put_in + more, out, stored=is_marked * (put_in + more), **how)
    if not most:
        return unknown(_why(model, region, put_in + more), AS_OF, region, tokens)
    why = SEARCHES if fields.get("enable_search") else ""
    return Cost(amounts[0], sum(most), AS_OF, region, tokens, why, True, _IN_A_SUM.get(form, ()))


def estimate_of(model, body: dict, session, media: int, more: int, what: str) -> tuple:
    """What --estimate shows of a chat call: the model's id, the Cost, and what is counted in words. `more`
    are tokens of `what`."""
    cost = expected(model, body, session.endpoint.price_region, media, more, session.half_price)
    said = f"about {counted(cost.units['input_tokens'] - more, 'token')} in"
    said += f", and at most {more:,} more for {what}" if more else ""
    _, out, form = _output(model, body.get("parameters") or body)
    said += f", {form.format(counted(out, 'token'))} · {model.id}"
    return model.id, cost, said + (f"; {cost.why}" if cost.known and cost.why else "")


def _output(model, fields: dict) -> tuple:
    """(whether it thinks, tokens that may come out, how that is said): OUTPUT where nothing bounds the
    answer. Thinking without a bound of its own is not among them, which is said, too."""
    answer, thought, both, times = (fields.get(name) or 0 for name in (
        "max_tokens", "thinking_budget", "max_completion_tokens", "n"))
    thinking = model.thinking == "always" or thinks(fields, model.thinking == "on") is True
    thought = thought if thinking else 0
    out = (both or (answer or OUTPUT) + thought) * max(1, times)
    if not answer and not both:
        return thinking, out, _ASSUMED
    if thinking and not thought and not both:
        return thinking, out, _WITHOUT_THINKING
    return thinking, out, "at most {} out"


def _why(model, region: str, put_in) -> str:
    if not region:
        return "a gateway bills by itself"
    more = f" for {put_in:,} tokens in" if model.price and model.price.amounts(0, 0, region=region) else ""
    return f"the price of {model.id} in {region}{more} is not in the table"
