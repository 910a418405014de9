"""Fiscal periods of GP's Sales series. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from connectors.erps.gp.documents import day_of
from connectors.kit.reader import Reader

SALES_SERIES = 3


@dataclass(frozen=True, slots=True)
class Period:
    first: date
    last: date
    closed: bool


def sales_periods(rows: Iterable[Mapping[str, Any]]) -> tuple[Period, ...]:
    """The periods of the Sales series, oldest first. Raises UnexpectedShape."""
    found = []
    for row in rows:
        read = Reader(row, "FiscalPeriod")
        first, last = day_of(read.text("FirstDay")), day_of(read.text("LastDay"))
        if read.integer("Series") == SALES_SERIES and first and last:
            found.append(Period(first, last, read.flag("Closed")))
    return tuple(sorted(found, key=lambda period: period.first))


def is_open(periods: Iterable[Period], day: date) -> bool:
    """A day outside all periods belongs to a year that is not set up: nothing can be posted."""
    return any(period.first <= day <= period.last and not period.closed for period in periods)


def first_open(periods: Iterable[Period], day: date) -> date | None:
    """The first day from ``day`` on that lies in an open period."""
    return next(
        (max(period.first, day) for period in periods if period.last >= day and not period.closed),
        None,
    )
