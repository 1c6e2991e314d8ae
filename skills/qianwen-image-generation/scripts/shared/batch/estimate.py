"""`--estimate`: what a call, or all rows of a batch that are still to do, would cost. Nothing is sent."""
from __future__ import annotations

from ..failures import Exit
from ..money.cost import total
from .folder import BatchFolder
from .rows import RowFile
from .workers import RowConsole


def show_estimate(session, estimate, make_parser, *, main: str = "prompt", instead=(), files: bool = False,
                  recoverable=None,
                  **_) -> Exit:
    """`estimate(session)` gives the model, the Cost that its call is expected to have, and what is counted in
    words."""
    if session.options.batch is None:
        model, cost, words = estimate(session)
        session.show_estimate(cost, words, model=model)
        return Exit.OK
    options = session.options
    folder = options.output or "."
    row_file = RowFile(options.batch, options, make_parser, folder, main=main, instead=instead, files=files)
    row_file.check()
    batch_folder = BatchFolder(folder, row_file, session.console, again=options.again,
                               recoverable=recoverable)
    batch_folder.read()
    rows = [row for row in row_file.rows() if batch_folder.wants(row)]
    cost, unpriced = total(estimate(session.for_row(row, row.options(), RowConsole(session.console)))[1]
                           for row in rows)
    done = row_file.total - len(rows)
    words = f"{len(rows)} row{'s' * (len(rows) != 1)}{f' ({done} more are done)' if done else ''}"
    if unpriced:
        words += f", of which {unpriced} without a known price are not in the sum"
    session.show_estimate(cost, words, rows=len(rows), rows_without_price=unpriced)
    return Exit.OK
