"""Rows sent in batches of the vendor's size. BigCommerce takes a batch whole or not at all, so one
that it refuses is sent again without the rows that it names, or in halves, until each bad row
stands alone. Every write here sets values: sending a row twice is harmless."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from connectors.errors import OutcomeUnknown, Rejected, TryLater
from connectors.records import RowResult
from connectors.stores.bigcommerce.errors import BatchRefused

Row = TypeVar("Row")
Item = TypeVar("Item")


def chunks(rows: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def send(
    rows: Sequence[Row],
    *,
    size: int,
    key: Callable[[Row], str],
    write: Callable[[Sequence[Row]], Mapping[int, str]],
    named: Callable[[Rejected, Sequence[Row]], Mapping[int, str]] | None = None,
    has_begun: bool = False,
) -> tuple[RowResult, ...]:
    """One result a row, in their order.

    ``write`` sends a batch and gives ids by place where the answer has any; ``named`` finds the
    rows that a refusal is about where its words, not its places, name them. Raises what ``write``
    raises, except for refusals of rows and, once something was sent (``has_begun`` if it was
    before), what passes by itself.
    """
    results: dict[int, RowResult] = {}
    waiting = deque(chunks(range(len(rows)), size))
    has_sent = has_begun
    while waiting:
        places = waiting.popleft()
        batch = [rows[place] for place in places]
        try:
            ids = write(batch)
        except Rejected as error:
            has_sent = True
            blamed = _blamed(error, batch, named)
            for at, words in blamed.items():
                results[places[at]] = _refused(key(batch[at]), error, words)
            left = [place for at, place in enumerate(places) if at not in blamed]
            if blamed and left:
                waiting.appendleft(left)
            elif left:
                half = len(left) // 2
                waiting.extendleft((left[half:], left[:half]))
            continue
        except TryLater:
            if not has_sent:
                raise
            waiting.appendleft(places)
            break
        except OutcomeUnknown:
            waiting.appendleft(places)
            break
        has_sent = True
        for at, place in enumerate(places):
            results[place] = RowResult(key=key(rows[place]), external_id=ids.get(at, ""))
    for places in waiting:
        for place in places:
            results[place] = RowResult(key=key(rows[place]), again=True)
    return tuple(results[place] for place in range(len(rows)))


def _blamed(
    error: Rejected,
    batch: Sequence[Row],
    named: Callable[[Rejected, Sequence[Row]], Mapping[int, str]] | None,
) -> Mapping[int, str]:
    """The rows that the refusal is about; none if it does not say and there are several."""
    if len(batch) == 1:
        return {0: error.vendor_words}
    found = dict(error.rows) if isinstance(error, BatchRefused) else {}
    if not found and named is not None:
        found = dict(named(error, batch))
    return {at: words for at, words in found.items() if at < len(batch)}


def _refused(key: str, error: Rejected, words: str) -> RowResult:
    return RowResult(key=key, error=error.reason, vendor_words=words or error.vendor_words)
