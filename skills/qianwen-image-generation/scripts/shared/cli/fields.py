"""Flags that are one field of the request, as data: what the rows of models take, and the flags of --help.

A Field is the skill's own namedtuple, and has at least `path`, `flag` and `group`.
"""
from __future__ import annotations

import copy

from .flags import add_switch


def taken(fields: dict, names: str, /, **own) -> dict:
    """The fields of a row, name -> Field: those of `fields` by their names, and `own` ones as a Field,
    or as a path where only the place of one of `fields` differs."""
    for name, field in own.items():
        if isinstance(field, str) and name not in fields:
            raise ValueError(f"{name} is not one of FIELDS, so it needs a Field "
                             f"instead of the path {field!r}")
    moved = {name: fields[name]._replace(path=field) if isinstance(field, str) else field
             for name, field in own.items()}
    return {**{name: fields[name] for name in names.split()}, **moved}


def all_of(fields: dict, rows) -> dict:
    """`fields`, and behind them those that rows have of their own."""
    own = {name: field for row in rows for name, field in row.fields.items() if name not in fields}
    return {**fields, **own}


def settings_as_flags(ask, paths: dict):
    """A copy of an Ask with --set as the flags of the same meaning, so that each model judges it; None where a
    setting has no such flag. `paths`: the place in the body -> the flag's name."""
    ask = copy.copy(ask)
    for keys, value in ask.settings:
        path = ".".join(keys)
        name = paths.get(path) or paths.get(f"parameters.{path}")
        if not name:
            return None
        setattr(ask, name, value)
    ask.settings = []
    return ask


def add_fields(add, group: str, fields: dict, takers) -> None:
    """The flags of one group of --help. `takers(name)` are the models that take a field, in words: they
    replace `{models}` in its texts, which is left out where there are none."""
    for name, field in fields.items():
        if field.group == group:
            _add_field(add, name.replace("_", "-"), field.flag, takers(name))


def _add_field(add, flag: str, told, models: str) -> None:
    """`told` are the arguments for argparse, of a switch the texts for yes and for no."""
    def filled(text: str) -> str:
        return text.replace("{models}", models) if models else text.replace(" ({models})", "")

    if isinstance(told, tuple):
        add_switch(add, flag, *map(filled, told))
    else:
        add("--" + flag, **{**told, "help": filled(told["help"])})
