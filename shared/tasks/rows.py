"""What earlier runs left of a row of a batch: its record in the journal, or what its line in the results leads to."""
from __future__ import annotations

import hashlib
import os

from .journal import Journal, READY, RUNNING


# in place of the task of a row that was begun and has no line: a run that was killed may have saved its files
BEGUN = "begun"


def row_record_id(row, options) -> str:
    """The journal's id for a row of a batch: the same rows into another folder are other calls, however that is
    spelled."""
    folder = os.path.realpath(options.output or ".")
    return f"row-{row.name}-{hashlib.sha256(folder.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"


def left_of(row, options, journal: Journal, skill: str) -> dict | None:
    """The record of a row that was sent before, with its `note` where another command has fetched it by now;
    None where nothing is under way.

    The folder may have another name by now; the row's line in it still tells the task. Of one that this machine
    has no record of the service is asked, unless it was seen to end without a result.
    """
    given = row_record_id(row, options)
    record = journal.read(given)
    if record or not row.task:
        return record
    note = journal.fetched(given if row.task == BEGUN else row.task)
    if note or row.task == BEGUN:
        return note and {"state": READY, "task_id": note.get("task_id", row.task), "note": note}
    ended = row.task in journal.known_tasks() and not journal.was_fetched(row.task)
    return journal.find(row.task) or (None if ended else journal.new(
        skill, task_id=row.task, state=RUNNING, model="", facts={}, created=0.0))
