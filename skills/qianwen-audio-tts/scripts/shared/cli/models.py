"""`--models [WORD]`: the skill's table of models, for a person or as JSON;
with --live what the service has of them."""
from __future__ import annotations

import textwrap

from ..failures import Exit, Failure
from ..transport.request import Request
from ..transport.retries import Retries
from ..words import counted

_WIDTH, _INDENT = 79, " " * 4
_LIMITS = (  # what a limit is called in the list, and how it is written
    ("input_tokens", "{:,} tokens in"), ("output_tokens", "{:,} out"), ("thinking_tokens", "{:,} thinking"),
    ("pictures", "{:,} pictures"), ("frames", "{:,} frames"), ("video_seconds", "{:,} s of video"))
_UNSHOWN = ("picture_bytes", "video_bytes")  # in the JSON document alone


def show_models(session, table) -> Exit:
    """The rows with the word of --models in their id, what they do or a limit in words; those that live first."""
    options, console = session.options, session.console
    there = live_ids(session) if options.live else None
    rows = sorted(table.own, key=lambda row: bool(row.retired))
    entries = [_entry(row, table.describe(row), there) for row in rows]
    entries = [entry for entry in entries if _has(entry, options.models)]
    if console.json_mode:
        more = {}
        if there is not None:
            more["not_in_the_table"] = [name for name in there if table.row(name) is None]
        console.document({"ok": True, "skill": session.skill, "models_of": table.as_of, "models": entries,
                          **more, "warnings": console.warnings})
        return Exit.OK
    for entry in entries:
        console.result(_words(entry))
    console.note(f"{len(entries)} of {counted(len(rows), 'model')}, as documented on {table.as_of}; "
                 "prices are list prices of Beijing in CNY")
    return Exit.OK


def _entry(row, described: dict, there) -> dict:
    """The JSON object of a row; `there` are the ids that the service has now, None where it was not asked."""
    entry = {"id": row.id, "does": described["does"], "price": described["price"],
             "limits": described["limits"]}
    if row.retired:
        entry.update(retired=row.retired, use=row.successor)
    if there is not None:
        entry["live"] = row.id in there
    return {name: value for name, value in entry.items() if value not in ("", None)}


def _has(entry: dict, word: str) -> bool:
    named = [str(limit) for limit in entry["limits"].values() if isinstance(limit, (str, list, tuple))]
    return word.lower() in " ".join([entry["id"], *entry["does"], *named]).lower()


def _words(entry: dict) -> str:
    """A model in two or three lines of at most 79 columns: id and what it does, limits, price and state."""
    name = entry["id"] + " "
    first = textwrap.wrap(", ".join(entry["does"]), _WIDTH, initial_indent=name.ljust(28),
                          subsequent_indent=_INDENT)
    parts = (_limits(entry["limits"]), entry.get("price", "price not known"), _state(entry))
    second = textwrap.wrap("; ".join(filter(None, parts)), _WIDTH, initial_indent=_INDENT,
                           subsequent_indent=_INDENT, break_on_hyphens=False)
    return "\n".join(first + second) + "\n"


def _limits(limits: dict) -> str:
    known = dict(_LIMITS)
    written = [form.format(limits[name]) for name, form in _LIMITS if name in limits]
    for name, value in limits.items():
        if name not in known and name not in _UNSHOWN:
            shown = "/".join(map(str, value)) if isinstance(value, (list, tuple)) else value
            written.append(f"{name.replace('_', ' ')} {shown}")
    return ", ".join(written)


def _state(entry: dict) -> str:
    state = ""
    if "retired" in entry:
        state = f"retired {entry['retired']}" + (f", use {entry['use']}" if entry.get("use") else "")
    if "live" in entry:
        listed = "the service has it" if entry["live"] else "the service does not list it"
        state += f"{'; ' if state else ''}{listed}"
    return state


def live_ids(session) -> list:
    """The ids that the service lists for this key now. Raises Failure."""
    client = session.client()
    body = client.json(Request("GET", f"{session.endpoint.compatible}/models"), Retries.READ).body
    items = body.get("data")
    if not isinstance(items, list):
        raise Failure(Exit.FAILED, "the service's list of models has a format this script cannot read",
                      fix="leave out --live: the table is shown without it")
    names = [item.get("id") or item.get("model") for item in items if isinstance(item, dict)]
    return [name for name in names if isinstance(name, str)]
