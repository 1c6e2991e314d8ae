"""What the tables of text and vision have in common."""
from __future__ import annotations

from tests.tables import markdown


def letters(row, known) -> str:
    return " ".join(letter for feature, letter in known if feature in row.features)


def tokens(row) -> str:
    return f"{_count(row.max_input)} / {_count(row.max_output)}"


def _count(tokens_: int) -> str:
    return f"{tokens_:,}" if tokens_ else "?"


def price(row) -> str:
    return row.price.words() if row.price else "as in the console"


def thinking(rows) -> list:
    """Who takes a budget, and up to what; who takes an effort, and which."""
    budgets: dict = {}
    efforts: dict = {}
    for row in rows:
        if "tb" in row.features:
            budgets.setdefault(row.max_thinking, []).append(f"`{row.id}`")
        if row.efforts:
            efforts.setdefault(row.efforts, []).append(f"`{row.id}`")
    return markdown("flag | value | models", [
        *(("`--thinking-budget`", f"up to {most:,}" if most else "most not published", ", ".join(names))
          for most, names in sorted(budgets.items(), reverse=True)),
        *(("`--effort`", ", ".join(taken), ", ".join(names)) for taken, names in efforts.items())])


def gone(table, own) -> list:
    """The retired rows of a skill, and the groups of ids that are retired."""
    groups = (row._replace(id=row.id + "*") for row in table.families if row.retired and own(row))
    return [*(row for row in table.own if row.retired), *groups]


def retired(rows) -> list:
    """Retired ids by their day and successor."""
    groups: dict = {}
    for row in rows:
        groups.setdefault((row.retired, row.successor), []).append(f"`{row.id}`")
    return markdown("since | use | instead of", [(day, f"`{use}`", ", ".join(names)) for (day, use), names in sorted(groups.items())])
