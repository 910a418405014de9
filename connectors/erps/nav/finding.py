"""How customers and items are looked for, the same in both interfaces under other names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from connectors.erps.nav.client import chunks
from connectors.erps.nav.parties import Json, has_email
from connectors.kit import odata
from connectors.kit.reader import Reader
from connectors.records import ErpCustomer, ErpItem

ITEMS_A_CALL = 40  # keeps the address below 2,000 characters


@dataclass(frozen=True, slots=True)
class Customers:
    """The customers of an interface: ``rows`` asks for them by ``filter``, ``read`` reads one.
    ``longest_email`` None means that the interface names no length."""

    rows: Callable[..., Iterable[Json]]
    read: Callable[[Json], ErpCustomer]
    number: str
    longest_number: int
    email: str
    longest_email: int | None

    def with_email(self, email: str) -> tuple[ErpCustomer, ...]:
        """By tolower, because NAV compares texts by case. A field with several addresses, separated
        by semicolons, is asked for when nothing else matched."""
        if self.longest_email is not None and len(email) > self.longest_email:
            return ()
        wanted = odata.literal(email.lower())
        for text, purpose in (
            (f"tolower({self.email}) eq {wanted}", "look for the customer by e-mail"),
            (f"contains({self.email},{wanted})", "look for the customer among several addresses"),
        ):
            rows = self.rows(filter=text, purpose=purpose)
            found = [row for row in rows if has_email(row, self.email, email)]
            if found:
                return tuple(self.read(row) for row in found)
        return ()

    def with_number(self, number: str) -> ErpCustomer | None:
        """NAV keeps numbers in upper case; what it found is checked by us."""
        wanted = number.strip().upper()
        if not 0 < len(wanted) <= self.longest_number:
            return None
        rows = self.rows(
            filter=f"{self.number} eq {odata.literal(wanted)}",
            purpose="look for the customer by number",
        )
        same = (row for row in rows if str(row.get(self.number, "")).strip().upper() == wanted)
        return next((self.read(row) for row in same), None)


@dataclass(frozen=True, slots=True)
class Items:
    """The items of an interface, as ``Customers``. ``record`` is what a row is called where one
    cannot be read; ``gtin`` is empty where the interface shows no barcode."""

    rows: Callable[..., Iterable[Json]]
    read: Callable[[Json], ErpItem]
    record: str
    number: str
    longest_number: int
    gtin: str
    longest_gtin: int

    def with_numbers(self, numbers: Iterable[str]) -> dict[str, ErpItem]:
        """One call for up to forty numbers. One that is too long for NAV would be an error there,
        and is simply not known."""
        asked = {
            number: number.strip().upper()
            for number in numbers
            if 0 < len(number.strip()) <= self.longest_number
        }
        rows: dict[str, Any] = {}
        for batch in chunks(sorted(set(asked.values())), ITEMS_A_CALL):
            for row in self.rows(
                filter=odata.any_of(self.number, batch), purpose="look for the items"
            ):
                rows[Reader(row, self.record).text(self.number).upper()] = row
        return {
            number: self.read(rows[wanted]) for number, wanted in asked.items() if wanted in rows
        }

    def with_gtins(self, gtins: Iterable[str]) -> dict[str, tuple[ErpItem, ...]]:
        """By barcode; several items may share one."""
        asked = sorted({gtin for gtin in gtins if 0 < len(gtin) <= self.longest_gtin})
        found: dict[str, tuple[ErpItem, ...]] = {}
        if not self.gtin:
            return found
        for batch in chunks(asked, ITEMS_A_CALL):
            for row in self.rows(
                filter=odata.any_of(self.gtin, batch), purpose="look for the items by barcode"
            ):
                gtin = Reader(row, self.record).text(self.gtin, "")
                if gtin in batch:
                    found[gtin] = (*found.get(gtin, ()), self.read(row))
        return found
