"""What `--estimate` and `--dry-run` show of jobs of the Batch API. Nothing is sent.

While jobs are under way, the same command goes on with them and makes no others.
"""
from __future__ import annotations

from collections import Counter

from ..body import elide_media
from ..chat.request import thinks
from ..failures import Exit
from ..tasks.bill import cost_counted
from .api import shown
from .bad_rows import BadRows
from .estimate import show_sum
from .job_facts import CREATED, MERGED
from .job_files import line_of, MOST_ROWS, URL


def show_costs(session, api, row_file, batch_folder, record: dict | None) -> Exit:
    """`--estimate`. `record` has the jobs that are under way; those that were never created are still to pay."""
    if record:
        jobs = [job for job in record["jobs"] if job["state"] not in (CREATED, MERGED)]
        counts = Counter(rows=sum(job["rows"] for job in jobs))
        counts["under_way"] = sum(job["rows"] for job in record["jobs"]) - counts["rows"]
        return show_sum(session, ((job["model"], cost_counted(job)) for job in jobs), counts)
    counts = Counter(rows=0)
    requests = _requests(api, row_file, batch_folder, counts)
    return show_sum(session, ((body["model"], cost) for _, body, cost in requests), counts)


def show_requests(session, api, row_file, batch_folder, record: dict | None) -> Exit:
    """`--dry-run`, as one document: how many rows would be sent, of which models,
    and the first of them as a line of its file."""
    counts, kinds, first = Counter(rows=0), Counter(), None
    for row, body, _ in () if record else _requests(api, row_file, batch_folder, counts):
        kinds[body["model"], thinks(body)] += 1
        first = first or {"custom_id": f"{row.key:016x}", "method": "POST", "url": URL,
                          "body": elide_media(body)}
    jobs = [{"model": model, "thinking": thinking, "rows": count, "jobs": -(-count // MOST_ROWS)}
            for (model, thinking), count in kinds.items()]
    compatible = session.endpoint.compatible
    under_way = {"task_id": record["id"], "under_way": list(map(shown, record["jobs"]))} if record else {}
    session.console.document({
        "rows": row_file.total, "would_send": counts["rows"], "jobs": jobs, "first": first, **under_way,
        "upload": {"method": "POST", "url": compatible + "/files"},
        "create": {"method": "POST", "url": compatible + "/batches",
                   "completion_window": session.options.window}})
    return Exit.OK


def _requests(api, row_file, batch_folder, counts: Counter):
    """(row, body, expected Cost) of all rows that are to do. Raises one usage Failure that names the illegal ones."""
    bad = BadRows(row_file.path)
    for row in row_file.rows():
        if batch_folder.wants(row):
            with bad.noting(row):
                body, cost = api.request(row)
                line_of(row.key, body)
                counts["rows"] += 1
                yield row, body, cost
    bad.refuse()
