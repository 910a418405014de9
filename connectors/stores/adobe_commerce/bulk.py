"""Rows through the store's message queue: accepted at once, done later, looked at until they are.

An operation's number need not be that of its row, so the two are brought together by what is in
the row. Several consumers work side by side: no SKU stands twice in a bulk, and no bulk is begun
before the one before it is done. Source: Adobe, "Bulk endpoints" and "Operation status".
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from connectors.errors import OutcomeUnknown, Rejected, TryLater, UnexpectedShape
from connectors.kit import SecretCache
from connectors.kit.reader import Reader
from connectors.records import RowResult
from connectors.stores.adobe_commerce.client import ArrayTooLarge, Client

COMPLETE, RETRIABLE, FAILED, OPEN, REJECTED = 1, 2, 3, 4, 5
WORTH_IT = 50  # rows; fewer are quicker one by one
MOST_ROWS = 1_000
KEPT_SECONDS = 24 * 3600
FIRST_LOOK, LONGEST_PAUSE = 0.5, 10.0  # seconds
Rows = Mapping[int, tuple[str, Mapping[str, Any]]]  # place -> (key of the result, body)


class Bulk:
    """``wait`` is how long to wait for one bulk, in seconds; none are made unless ``is_on``."""

    def __init__(
        self, client: Client, cache: SecretCache, *, address: str, is_on: bool, wait: float
    ) -> None:
        self.client, self.is_on, self.wait = client, is_on, wait
        self._cache = cache
        self._key = f"adobe_commerce:bulk:{hashlib.sha256(address.encode()).hexdigest()[:24]}"
        self._most = MOST_ROWS

    def is_worth(self, count: int) -> bool:
        return self.is_on and count >= WORTH_IT

    def run(
        self,
        path: str,
        rows: Rows,
        *,
        identity: Callable[[Mapping[str, Any]], str],
        scope: str = "",
    ) -> dict[int, RowResult]:
        """Results by place. Rows of a bulk that the store would not accept as a whole are left
        out: they can go one by one. Raises only before anything was sent."""
        self._check_earlier()
        results: dict[int, RowResult] = {}
        waiting = dict(rows)
        while waiting:
            part: dict[str, int] = {}
            for place, (_, body) in waiting.items():
                if len(part) < self._most:
                    part.setdefault(identity(body), place)
            bodies = [rows[place][1] for place in part.values()]
            try:
                uuid = self._begin(path, bodies, scope)
            except ArrayTooLarge as error:
                if len(bodies) <= error.limit:
                    raise
                self._most = error.limit
                continue
            except (TryLater, OutcomeUnknown) as error:
                if not results and isinstance(error, TryLater):
                    raise
                break
            except Rejected:
                # Some of its rows may be in the queue all the same; all of them set values.
                return results
            done, is_over = self._outcome(uuid, len(bodies), identity)
            for name, place in part.items():
                found = done.get(name) or RowResult(key="", again=True)
                results[place] = RowResult(
                    key=rows[place][0],
                    error=found.error,
                    vendor_words=found.vendor_words,
                    again=found.again,
                )
                del waiting[place]
            if not is_over:
                break
        return results | {place: RowResult(key=rows[place][0], again=True) for place in waiting}

    def _begin(self, path: str, bodies: list[Mapping[str, Any]], scope: str) -> str:
        reply = self.client.request(
            "POST", path, body=bodies, scope=scope, in_bulk=True, purpose="begin a bulk"
        )
        uuid = Reader(reply.json(), reply.where).text("bulk_uuid")
        self._cache.set(self._key, uuid, KEPT_SECONDS)
        return uuid

    def _check_earlier(self) -> None:
        """Raises TryLater while the bulk before this one is not done."""
        uuid = self._cache.get(self._key)
        if not uuid:
            return
        try:
            operations = self._operations(f"bulk/{uuid}/status")
        except Rejected as error:
            if error.code != "not_found":
                raise
            operations = []
        if any(row.integer("status") == OPEN for row in operations):
            raise TryLater(
                f"bulk {uuid} is not done",
                reason="The store has not finished an earlier bulk.",
                advice="If this lasts, the store's message queue stands still: ask whoever hosts "
                "it to run the consumers (async.operations.all), or switch bulks off in the "
                "connection's settings.",
                retry_after=timedelta(minutes=5),
                counts=False,
            )
        self._cache.delete(self._key)

    def _outcome(
        self, uuid: str, count: int, identity: Callable[[Mapping[str, Any]], str]
    ) -> tuple[dict[str, RowResult], bool]:
        """(what became of each row by its identity, whether all of them are done)."""
        end = time.monotonic() + self.wait
        pause = FIRST_LOOK
        is_over = False
        try:
            while not is_over:
                time.sleep(pause)
                # The bulk's own summary calls it finished while rows are open: only rows count.
                operations = self._operations(f"bulk/{uuid}/status")
                is_over = len(operations) >= count and not any(
                    row.integer("status") == OPEN for row in operations
                )
                if time.monotonic() > end:
                    break
                pause = min(pause * 2, LONGEST_PAUSE)
            rows = self._operations(f"bulk/{uuid}/detailed-status")
        except (TryLater, Rejected):
            return {}, False
        if is_over:
            self._cache.delete(self._key)
        found = {}
        for row in rows:
            body = _sent(row)
            if body is not None:
                found[identity(body)] = _result(row)
        return found, is_over

    def _operations(self, path: str) -> list[Reader]:
        reply = self.client.request("GET", path, purpose="look at a bulk")
        return list(Reader(reply.json(), reply.where).items("operations_list"))


def _sent(operation: Reader) -> Mapping[str, Any] | None:
    """What the row was: JSON in JSON. None for one that cannot be read."""
    try:
        outer = json.loads(operation.text("serialized_data", ""))
        inner = outer.get("meta_information", outer)
        body = json.loads(inner) if isinstance(inner, str) else inner
    except (ValueError, AttributeError, UnexpectedShape):
        return None
    return body if isinstance(body, dict) else None


def _result(operation: Reader) -> RowResult:
    status = operation.integer("status")
    if status == COMPLETE:
        return RowResult(key="")
    if status in (RETRIABLE, OPEN):
        return RowResult(key="", again=True)
    return RowResult(
        key="", error=Rejected.reason, vendor_words=operation.text("result_message", "")
    )
