"""What a command does: lists, checks, many calls, or one."""
from __future__ import annotations


def run_calls(session, call, make_parser, table=None, estimate=None, **batch_settings):
    """What every script does: --models of its `table`, --check,
    the rows of --batch, or the one `call(session)`.

    `estimate(session)` gives the model, the Cost that its call is expected to have, and what is counted in
    words. `batch_settings` are those of `many.run_batch`.
    """
    options = session.options
    if options.models is not None:
        from ..cli.models import show_models
        return show_models(session, table)
    if options.check:
        from ..cli.check import check
        return check(session)
    if options.estimate:
        from .estimate import show_estimate
        return show_estimate(session, call, estimate, make_parser, **batch_settings)
    if options.batch is not None:
        from .many import run_batch
        return run_batch(session, call, make_parser, **batch_settings)
    return call(session)
