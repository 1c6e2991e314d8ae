"""`--estimate`: what a call, or all rows of a batch that are still to do, would cost. Nothing is sent."""
from __future__ import annotations

from ..failures import Exit
from ..money.cost import total
from .many import rows_to_do
from .stored import row_options, StoredSession
from .workers import RowConsole


def show_estimate(session, estimate, make_parser, *, main: str = "prompt", instead=(), files: bool = False,
                  recoverable=None, **_) -> Exit:
    """`estimate(session)` gives the model, the Cost that its call is expected to have, and what is counted in
    words."""
    options = session.options
    if options.batch is None:
        model, cost, words = estimate(session)
        session.show_estimate(cost, words, model=model)
        return Exit.OK
    counts = {"rows": 0}
    rows = rows_to_do(options, make_parser, session.console, main=main, instead=instead, files=files,
                      recoverable=recoverable)
    cost, unpriced = total(_of_row(session, estimate, row, counts) for row in rows)
    words = f"{counts['rows']} row{'s' * (counts['rows'] != 1)} to do"
    if unpriced:
        words += f", of which {unpriced} without a known price are not in the sum"
    session.show_estimate(cost, words, **counts, rows_without_price=unpriced)
    return Exit.OK


def _of_row(session, estimate, row, counts: dict):
    counts["rows"] += 1
    options, console = row.options(), RowConsole(session.console)
    if session.options.batch_api:
        return estimate(StoredSession(session, row, row_options(options), console))[1]
    return estimate(session.for_row(row, options, console))[1]
