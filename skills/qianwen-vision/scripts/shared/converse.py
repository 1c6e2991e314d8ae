"""What text and vision share above batches:
a command about jobs, rows through the Batch API, or what every script does."""
from __future__ import annotations

from .batch.run import run_calls
from .chat.flags import OF_JOBS
from .failures import Exit, usage


def run_chats(session, call, make_parser, *, table, estimate, **row_settings) -> Exit | None:
    """What a script that asks a chat model does:
    a command about jobs, rows through the Batch API, or what `run_calls` does.

    `table` has the models. `estimate(session)` gives the model, the Cost that its call is expected to have,
    and what is counted in words. `row_settings` are those of `many.open_batch`.
    """
    options = session.options
    if options.check or options.models is not None:
        return run_calls(session, None, make_parser, table)
    about_jobs = options.tasks or options.status or options.cancel or options.resume
    for name, default in OF_JOBS.items():
        if getattr(options, name) != default and not (options.batch_api or about_jobs):
            raise usage(f"--{name.replace('_', '-')} goes with --batch-api",
                        "add --batch FILE --batch-api, or leave it out")
    if options.batch is not None:
        return _run_rows(session, call, make_parser, table, estimate, row_settings)
    if options.batch_api:
        raise usage("--batch-api goes with --batch",
                    "add --batch FILE, or leave it out to pay the full price")
    if options.estimate:
        return run_calls(session, call, make_parser, table, estimate)
    if about_jobs:
        from .batch import job_commands
        return job_commands.about_jobs(session, call, make_parser, table, **row_settings)
    return call(session)


def _run_rows(session, call, make_parser, table, estimate, row_settings: dict) -> Exit:
    """The rows of --batch: as jobs, or by direct calls, unless a job has them."""
    from .batch import job_commands
    if session.options.batch_api:
        return job_commands.run_jobs(session, call, make_parser, table, **row_settings)
    return run_calls(session, call, make_parser, table, estimate, **row_settings,
                     before=lambda row_file: job_commands.refuse_under_way(session, row_file))
