"""Items and customers by the legacy web service's lists.

Its lists have no pages and no limit that is documented, so a whole reading asks for one range of
keys after the other. A list holds summaries; a customer's addresses come with the customer.
Source: ItemCriteria, CustomerCriteria and their restrictions in the web service's reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

from connectors.contract import Page
from connectors.erps.gp import masters
from connectors.erps.gp import soap_objects as objects
from connectors.erps.gp.service import CUSTOMERS, ITEMS
from connectors.erps.gp.soap import SoapService
from connectors.erps.gp.sweeps import Place, Position
from connectors.records import Party

# Rising in every sort order that GP is installed with: below 0, each digit, each letter and above.
BOUNDS = ("", *"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
CUSTOMERS_A_PAGE = 50


def items(service: SoapService, start: Position, day: date | None) -> Iterator[Page]:
    for number, low, high in _ranges(start.place(ITEMS), day):
        found = service.listed("Item", low=low, high=high, since=_midnight(day))
        rows = tuple(masters.item(objects.item_summary_row(value)) for value in found)
        is_last = day is not None or high == ""
        place = Place(number + 1)
        yield _page(rows, start, ITEMS, None if is_last else place)


def parties(service: SoapService, start: Position, day: date | None) -> Iterator[Page]:
    """Each customer of a range is read by its key, some at a time; a reading that is taken up goes
    on after the last of them."""
    begin = start.place(CUSTOMERS)
    for number, low, high in _ranges(begin, day):
        found = service.listed("Customer", low=low, high=high, since=_midnight(day))
        keys = [objects.text(value, "Key", "Id") for value in found]
        if number == begin.offset and begin.last in keys:
            keys = keys[keys.index(begin.last) + 1 :]
        ends = day is not None or high == ""
        for at in range(0, max(len(keys), 1), CUSTOMERS_A_PAGE):
            some = keys[at : at + CUSTOMERS_A_PAGE]
            rows = tuple(row for key in some if (row := party(service, key)) is not None)
            is_last_of_range = at + CUSTOMERS_A_PAGE >= len(keys)
            place = Place(number + 1) if is_last_of_range else Place(number, some[-1])
            yield _page(rows, start, CUSTOMERS, None if ends and is_last_of_range else place)


def party(service: SoapService, number: str) -> Party | None:
    value = service.whole_customer(number)
    return None if value is None else masters.party(*objects.customer_rows(value))


def _ranges(place: Place, day: date | None) -> Iterator[tuple[int, str, str]]:
    """(number, from, below) of each range still to be read; what changed since a day is one."""
    if day is not None:
        yield 0, "", ""
        return
    for number in range(place.offset, len(BOUNDS)):
        yield number, BOUNDS[number], BOUNDS[number + 1] if number + 1 < len(BOUNDS) else ""


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, datetime.min.time(), UTC)


def _page(rows: tuple[Any, ...], start: Position, name: str, place: Place | None) -> Page:
    if place is None:
        return Page(rows=rows, marker=start.marker)
    return Page(rows=rows, resume=Position(start.since, start.marker, {name: place}).text())
