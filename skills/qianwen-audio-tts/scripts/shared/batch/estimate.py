"""`--estimate`: what a call, or all rows of a batch that are still to do, would cost. Nothing is sent."""
from __future__ import annotations

from collections import Counter

from ..failures import Exit
from ..money.cost import total
from ..words import counted
from .many import builder, check_rows, look_at_batch
from .workers import SilentConsole


def show_estimate(session, call, estimate, make_parser, *, before=None, after=None, most: int = 0,
                  **row_settings) -> Exit:
    """`estimate(session)` gives the model, the Cost that its call is expected to have, and what is counted in
    words. The others are those of `many.run_batch`."""
    if session.options.batch is None:
        model, cost, words = estimate(session)
        session.show_estimate(cost, words, model=model)
        return Exit.OK
    row_file, batch_folder = look_at_batch(session, make_parser, **row_settings)
    check_rows(row_file, batch_folder, builder(session, call))

    def cost_of(row):
        return estimate(session.for_row(row, row.options(), SilentConsole(session.console)))[:2]
    counts: Counter = Counter(rows=0)
    return show_sum(session, _costs(row_file, batch_folder, cost_of, counts), counts)


def show_sum(session, costs, counts: Counter) -> Exit:
    """The sum of the rows that are to do, which `counts` counts as it is taken. `costs` are (model, Cost);
    several models are one text, as of jobs."""
    models: set = set()
    cost, unpriced = total(models.add(model) or cost for model, cost in costs)
    words = f"{counted(counts['rows'], 'row')} to do"
    if counts["fetched"]:
        words += f", of which {counts['fetched']} only fetched, which costs nothing again"
    if counts["under_way"]:
        words += f"; {counts['under_way']} under way in jobs, billed when they are done"
    if unpriced:
        words += f", of which {unpriced} without a known price are not in the sum"
    words += "".join(f"; {text}" for text in cost.assumed)
    more = {"model": ", ".join(sorted(models))} if models else {}
    session.show_estimate(cost, words, **more, **counts, rows_without_price=unpriced)
    return Exit.OK


def _costs(row_file, batch_folder, cost_of, counts: Counter):
    """(model, Cost) of each row, but for those that are only fetched."""
    for row in row_file.rows():
        if batch_folder.wants(row):
            counts["rows"] += 1
            if batch_folder.is_paid(row):
                counts["fetched"] += 1
            else:
                yield cost_of(row)
