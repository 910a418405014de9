"""Our own batches in GP: one posting date each, the next suffix where one is taken.

A batch that is marked, being posted or waiting for approval takes no document; a single-use batch
is deleted when its posting is complete, and its name is not used again by us.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import date

from connectors.erps.gp.documents import BATCH_SOURCE, day_of
from connectors.erps.gp.errors import NOT_OFFERED
from connectors.erps.gp.service import BATCHES, Service
from connectors.errors import Rejected, TryLater
from connectors.kit import SecretCache
from connectors.kit.reader import Reader

MOST = 99
REMEMBERED = 60 * 24 * 3600  # seconds
_FREE = frozenset({"", "available"})


class Batches:
    """The series of a connection. What was used last is shared with the other workers; if that is
    lost, the first free batch is found again."""

    def __init__(self, service: Service, prefix: str, cache: SecretCache | None) -> None:
        self._service, self._prefix, self._cache = service, prefix, cache
        self._own: dict[date, int] = {}
        self._lock = threading.Lock()

    def name(self, day: date, number: int) -> str:
        return f"{self._prefix}{day:%y%m%d}-{number:02d}"

    def expected(self, day: date) -> str:
        """The batch that the next document of this day would go to, as far as we know."""
        return self.name(day, self._last(day) or 1)

    def free(self, day: date) -> Iterator[str]:
        """Batches to try for a posting date, best first. Raises TryLater after the last one."""
        last = self._last(day)
        for number in range(max(last, 1), MOST + 1):
            if self._takes(self.name(day, number), day, was_used=number == last):
                yield self.name(day, number)
        raise TryLater(
            f"no batch {self._prefix}{day:%y%m%d}-01 to -{MOST} is free",
            reason=f"All {MOST} batches of {day} are marked or in use in GP.",
            advice="Post or release the batches in GP. We look again by ourselves.",
        )

    def used(self, day: date, batch: str) -> None:
        """Remember where a document went."""
        number = int(batch.rpartition("-")[2])
        with self._lock:
            if self._own.get(day) == number:
                return
            self._own[day] = number
        if self._cache is not None:
            self._cache.set(self._key(day), str(number), REMEMBERED)

    def _last(self, day: date) -> int:
        """The number used last; 0 for none."""
        kept = self._cache.get(self._key(day)) if self._cache is not None else None
        shared = int(kept) if kept and kept.isdecimal() else 0
        return max(shared, self._own.get(day, 0))

    def _key(self, day: date) -> str:
        return f"gp-batch:{self._service.company}:{self._prefix}:{day}"

    def _takes(self, batch: str, day: date, *, was_used: bool) -> bool:
        """Whether a document may go there: there is none yet, or it waits with the same date."""
        try:
            row = self._service.find(
                BATCHES, BATCH_SOURCE, batch, purpose="see whether the batch is free"
            )
        except Rejected as error:
            if error.code == NOT_OFFERED:
                return True  # the server says when the document comes
            raise
        if row is None:
            return not was_used
        read = Reader(row, "Batch")
        dated = day_of(read.text("PostingDate", ""))
        return read.text("Status", "").casefold() in _FREE and dated in (None, day)
