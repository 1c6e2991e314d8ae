"""What the service says a call used,
read so that nothing odd in it stands between an answer and its output."""
from __future__ import annotations

from collections import namedtuple

from ..body import countable, object_in
from ..words import counted, number

# Each is a whole number, None where the service does not say or says something odd; explicit: whether the
# cache is that of markers in the request.
Counts = namedtuple("Counts", "input output thinking cached searches stored explicit")


def counts(usage) -> Counts:
    """The counts of a usage object of either dialect."""
    out = _first(usage, ("completion_tokens_details", "reasoning_tokens"),
                 ("output_tokens_details", "reasoning_tokens"))
    return Counts(_first(usage, ("prompt_tokens",), ("input_tokens",)),
                  _first(usage, ("completion_tokens",), ("output_tokens",)), out,
                  _first(usage, ("prompt_tokens_details", "cached_tokens"), ("cached_tokens",)),
                  _first(usage, ("plugins", "search", "count")),
                  _first(usage, ("prompt_tokens_details", "cache_creation_input_tokens")),
                  object_in(usage, "prompt_tokens_details").get("cache_type") == "ephemeral")


def _first(usage, *ways):
    """The first whole number that one of the ways leads to, None where there is none."""
    for way in ways:
        value = usage
        for name in way:
            value = value.get(name) if isinstance(value, dict) else None
        value = countable(value)
        if isinstance(value, int):
            return value
    return None


def units(usage) -> dict:
    """Billed units from a usage object of either dialect, as far as it names them."""
    found = counts(usage)
    return {name: count for name, count in (("input_tokens", found.input), ("output_tokens", found.output))
            if count is not None}


def usage_line(usage, model: str, billing: str) -> str:
    """One line for people: tokens, of which thinking and cached, the model, and who is billed."""
    found = counts(usage)
    tokens = "tokens unknown"
    if found.input is not None or found.output is not None:
        given, made = found.input, found.output
        tokens = ((f"{counted(given, 'token')} in" if given is not None else "? tokens in")
                  + (f" ({found.cached} cached)" if found.cached else "")
                  + f", {'?' if made is None else number(made)} out"
                  + (f" ({found.thinking} thinking)" if found.thinking else ""))
    searches = f", {counted(found.searches, 'web search', 'web searches')}" if found.searches else ""
    return f"{tokens}{searches} · {model} · {billing}"
