"""Rows that cannot be sent: the first of them are named, and nothing of the file is sent."""
from __future__ import annotations

import contextlib

from ..failures import Exit, Failure, usage
from ..words import counted

_NAMED = 5  # how many bad lines a message names
ADVICE = "correct the file and run the command again; nothing was sent"


class BadRows:
    """The lines of a batch file that cannot be taken."""

    def __init__(self, path: str):
        self.path, self.count = path, 0
        self._first: list = []  # (line, what is wrong, what to do about it)

    def add(self, line: int, failure: Failure, row_id=None) -> None:
        self.count += 1
        if self.count <= _NAMED:
            name = f" ({row_id})" if row_id is not None else ""
            fix = "" if failure.fix == usage("").fix else failure.fix
            self._first.append((f"line {line}{name}", failure.message, fix))

    @contextlib.contextmanager
    def noting(self, row):
        """What the block finds illegal about a row is noted."""
        try:
            yield
        except Failure as failure:
            if failure.exit_code != Exit.USAGE:
                raise
            self.add(row.line, failure, row.id)

    def refuse(self, advice: str = ADVICE) -> None:
        """Raise usage where there are any."""
        if self.count:
            fixes = {fix for _, _, fix in self._first if fix}
            more = f"; and {counted(self.count - _NAMED, 'more line')}" if self.count > _NAMED else ""
            words = (f"{line}: {what}" + (f" ({fix})" if fix and len(fixes) > 1 else "")
                     for line, what, fix in self._first)
            raise usage(f"{self.path}: {'; '.join(words)}{more}",
                        "; ".join([*(fixes if len(fixes) == 1 else ()), advice]))
