"""Item ledger entries, and the quantities that are worked out from them and from open orders."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from sandbox.nav.seed import Row
from sandbox.nav.values import ZERO


class Stock:
    """The part of a company that keeps stock; the tables are the company's."""

    tables: dict[str, dict[str, Row]]
    _on_order: dict[str, list[tuple[str, str, Decimal]]] | None

    def today(self) -> str:
        raise NotImplementedError

    def keep(self, table: str, row: Row) -> None:
        raise NotImplementedError

    def find(self, table: str, column: str, value: Any) -> list[Row]:
        raise NotImplementedError

    def move(
        self,
        item: str,
        quantity: Decimal,
        *,
        location: str = "",
        variant: str = "",
        document: str = "",
        entry_type: str = "Positive Adjmt.",
        document_type: str = " ",
        source: str = "",
        day: str = "",
    ) -> Row:
        """Write an item ledger entry; their numbers only grow."""
        number = len(self.tables["stock"]) + 1
        row: Row = {
            "_key": f"{number:09d}",
            "entryNumber": number,
            "itemNumber": item,
            "variantCode": variant,
            "locationCode": location,
            "quantity": quantity,
            "remainingQuantity": max(quantity, ZERO),
            "open": quantity > 0,
            "entryType": entry_type,
            "documentType": document_type,
            "documentNumber": document,
            "sourceNumber": source,
            "postingDate": day or self.today(),
        }
        self.keep("stock", row)
        return row

    def inventory(
        self, item: str, *, location: str | None = None, variant: str | None = None
    ) -> Decimal:
        """On hand, over all locations and variants unless they are named."""
        entries: Iterable[Row] = self.find("stock", "itemNumber", item)
        return sum(
            (
                e["quantity"]
                for e in entries
                if location in (None, e["locationCode"]) and variant in (None, e["variantCode"])
            ),
            ZERO,
        )

    def on_order(
        self, item: str, *, location: str | None = None, variant: str | None = None
    ) -> Decimal:
        """What sales orders promise and have not shipped."""
        if self._on_order is None:
            self._on_order = {}
            for order in self.find("drafts", "kind", "Order"):
                for line in order["lines"]:
                    if line["lineType"] == "Item":
                        part = (line["locationCode"], line["variantCode"], line["quantity"])
                        self._on_order.setdefault(line["objectNumber"], []).append(part)
        return sum(
            (
                quantity
                for at, what, quantity in self._on_order.get(item, ())
                if location in (None, at) and variant in (None, what)
            ),
            ZERO,
        )
