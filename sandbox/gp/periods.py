"""Fiscal periods: a year that is set up, and a period that is open for a series."""

from __future__ import annotations

from sandbox.gp import wire
from sandbox.gp.company import Company, Row
from sandbox.gp.setup import SERIES, periods_of_year
from sandbox.gp.wire import Refusal

FINANCIAL, SALES = 2, 3


def find(company: Company, day: str, series: int) -> Row | None:
    for row in company.tables["periods"].values():
        if row["Series"] == series and row["FirstDay"] <= day <= row["LastDay"]:
            return row
    return None


def check(company: Company, day: str, series: int = SALES) -> None:
    """Raises Refusal if nothing may be posted on that day in that series."""
    row = find(company, day, series)
    if row is None:
        raise Refusal(
            422,
            wire.YEAR_MISSING,
            "GLPostingDate",
            "The fiscal year for this date is not set up",
        )
    if row["Closed"]:
        raise Refusal(
            422,
            wire.PERIOD_CLOSED,
            "GLPostingDate",
            f"The fiscal period for this date is closed for {SERIES[series]}",
        )


def set_closed(
    company: Company, *, year: int | None, month: int | None, series: int | None, closed: bool
) -> int:
    """Close or open what fits; None fits everything. Gives the number of rows that were set."""
    rows = [
        row
        for row in company.tables["periods"].values()
        if year in (None, row["Year"])
        and month in (None, row["PeriodId"])
        and series in (None, row["Series"])
    ]
    for row in rows:
        row["Closed"] = closed
        company.keep("periods", row)
    return len(rows)


def set_up_year(company: Company, year: int, *, present: bool) -> None:
    for row in periods_of_year(year):
        if present:
            company.keep("periods", row)
        else:
            company.drop("periods", company.key("periods", row))
