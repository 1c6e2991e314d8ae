"""`--estimate`: what a call, or all rows of a batch that are still to do, would cost. Nothing is sent."""
from __future__ import annotations

from ..failures import Exit
from ..money.cost import total
from .many import rows_to_do
from .workers import RowConsole


def show_estimate(session, estimate, make_parser, *, row_session=None, before=None, after=None, most: int = 0,
                  **row_settings) -> Exit:
    """`estimate(session)` gives the model, the Cost that its call is expected to have, and what is counted in
    words. `row_session(row, options, console)` makes the session of a row, instead of `session.for_row`; the
    others are the settings of `many.run_batch`."""
    if session.options.batch is None:
        model, cost, words = estimate(session)
        session.show_estimate(cost, words, model=model)
        return Exit.OK
    counts = {"rows": 0}
    rows = rows_to_do(session, make_parser, **row_settings)
    session_of = row_session or session.for_row
    cost, unpriced = total(_of_row(session_of, estimate, row, RowConsole(session.console), counts)
                           for row in rows)
    words = f"{counts['rows']} row{'s' * (counts['rows'] != 1)} to do"
    if unpriced:
        words += f", of which {unpriced} without a known price are not in the sum"
    session.show_estimate(cost, words, **counts, rows_without_price=unpriced)
    return Exit.OK


def _of_row(session_of, estimate, row, console, counts: dict):
    counts["rows"] += 1
    return estimate(session_of(row, row.options(), console))[1]
