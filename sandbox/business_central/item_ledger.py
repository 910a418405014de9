"""Item ledger entries and the quantity on hand that is their sum.

Inventory is a computed field of the item card: an entry changes it without touching the card, so
neither the card's time of change nor a subscription tells of it.
"""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

from sandbox.business_central.entities import BLANK_DATE
from sandbox.common.clock import Clock
from sandbox.common.journal import Journal

Row = dict[str, Any]
ENTRIES = "itemLedgerEntries"


class ItemLedger:
    """The part of a company that keeps stock; tables and state are the company's."""

    tables: dict[str, dict[str, Row]]
    state: dict[str, Any]
    clock: Clock
    journal: Journal
    id: str

    def book_quantity(
        self,
        item: Row,
        quantity: Decimal,
        entry_type: str,
        *,
        document: str = "",
        document_type: str = " ",
        source: str = "",
        amount: Decimal = Decimal(0),
        day: str = "",
    ) -> Row | None:
        """One entry, positive for what comes in; none for a quantity of zero or for an item that
        is not stocked."""
        if not quantity or item["type"] != "Inventory":
            return None
        self.state["entries"] += 1
        self.save_state()
        row = {
            "id": str(uuid.uuid4()),
            "entryNumber": self.state["entries"],
            "itemNumber": item["number"],
            "postingDate": day or self.clock.now().date().isoformat() or BLANK_DATE,
            "entryType": entry_type,
            "sourceNumber": source,
            "sourceType": "Customer" if source else " ",
            "documentNumber": document,
            "documentType": document_type,
            "description": "",
            "quantity": quantity,
            "salesAmountActual": amount,
            "costAmountActual": quantity * item["unitCost"],
        }
        self.keep(ENTRIES, row)
        item["inventory"] += quantity
        self.journal.put(f"{self.id}/items", item["id"], item)
        return row

    def set_inventory(self, item: Row, on_hand: Decimal) -> None:
        """A physical count, or a changed quantity on the item page: an adjustment is posted."""
        difference = on_hand - item["inventory"]
        kind = "Positive Adjmt." if difference > 0 else "Negative Adjmt."
        self.book_quantity(item, difference, kind, document="ADJUST")

    def move_goods(self, document: Row, entity: str, sign: int) -> None:
        """What a posted sales document takes out of stock; a credit memo brings it back."""
        invoice = entity == "salesInvoices"
        for line in document["_lines"]:
            if line["lineType"] == "Item":
                self.book_quantity(
                    self.tables["items"][line["itemId"]],
                    -sign * line["quantity"],
                    "Sale",
                    document=document["number"],
                    document_type="Sales Invoice" if invoice else "Sales Credit Memo",
                    source=document["customerNumber"],
                    amount=sign * line["netAmount"],
                    day=document["postingDate"],
                )

    def save_state(self) -> None:
        raise NotImplementedError

    def keep(self, entity: str, row: Row) -> None:
        raise NotImplementedError
