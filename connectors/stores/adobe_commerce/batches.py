"""Rows sent in batches. A batch that Commerce refuses whole is sent again in halves until each bad
row stands alone; a store that takes fewer rows in a call says how many, and gets so many. Every
write here sets values: sending a row twice is harmless."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from connectors.errors import OutcomeUnknown, Rejected, TryLater
from connectors.records import RowResult
from connectors.stores.adobe_commerce.client import ArrayTooLarge, Client

Row = TypeVar("Row")
MOST_ENCODED = 3_000  # letters of a filter's value: beyond some thousands servers refuse an address


def chunks(rows: Sequence[Row], size: int) -> Iterator[Sequence[Row]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def send(
    client: Client,
    rows: Sequence[Row],
    *,
    key: Callable[[Row], str],
    write: Callable[[Sequence[Row]], Mapping[int, RowResult]],
    size: int | None = None,
    has_begun: bool = False,
) -> tuple[RowResult, ...]:
    """One result a row, in their order.

    ``write`` sends a batch and gives the results by place that are not "taken", or that carry an
    id; it raises ``Unclear`` when rows of the batch failed and it cannot tell which. ``size`` is
    the batch's where it is not the client's adaptive one. Raises what ``write`` raises, except for
    refusals of rows and, once something was sent (``has_begun`` if it was before), what passes by
    itself.
    """
    results: dict[int, RowResult] = {}
    waiting: deque[Sequence[int]] = deque(chunks(range(len(rows)), size or client.array_size))
    has_sent = has_begun
    while waiting:
        places = waiting.popleft()
        batch = [rows[place] for place in places]
        try:
            special = write(batch)
        except ArrayTooLarge as error:
            if len(batch) <= error.limit:
                raise
            client.array_size = error.limit
            left = [place for part in (places, *waiting) for place in part]
            waiting = deque(chunks(left, error.limit))
        except Rejected as error:
            has_sent = True
            if len(batch) == 1:
                results[places[0]] = refused(key(batch[0]), error)
            else:
                half = len(places) // 2
                waiting.extendleft((places[half:], places[:half]))
        except TryLater:
            if not has_sent:
                raise
            waiting.appendleft(places)
            break
        except OutcomeUnknown:
            waiting.appendleft(places)
            break
        else:
            has_sent = True
            for at, place in enumerate(places):
                results[place] = special.get(at) or RowResult(key=key(batch[at]))
    for places in waiting:
        for place in places:
            results[place] = RowResult(key=key(rows[place]), again=True)
    return tuple(results[place] for place in range(len(rows)))


class Unclear(Rejected):
    """Some rows of the batch failed, and the answer does not say which."""


def refused(key: str, error: Rejected) -> RowResult:
    return RowResult(key=key, error=error.reason, vendor_words=error.vendor_words)
