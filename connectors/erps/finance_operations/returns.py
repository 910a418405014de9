"""Return orders: refunds of goods that come back, or “credit only”. Pure.

A return order is a sales order of its own type, with negative quantities; the environment always
works the net amount out from quantity and price.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from connectors.erps.finance_operations.amounts import net_of, plain, price_for
from connectors.erps.finance_operations.client import Json
from connectors.erps.finance_operations.orders import PRODUCT_PROPERTIES, _place
from connectors.erps.finance_operations.papers import (
    NewLine,
    Paper,
    Setup,
    all_there,
    bookable,
    filled,
    line_mark,
    needs_item,
    status_of,
)
from connectors.errors import NeedsAttention, Rejected
from connectors.kit.reader import Reader
from connectors.records import (
    DocumentDraft,
    DocumentKind,
    DocumentStatus,
    DraftLine,
    ErpDocument,
    ErpDocumentLine,
    LineKind,
)

ZERO = Decimal(0)


class ReturnOrder(Paper):
    header_entity = "ReturnOrderHeadersV2"
    line_entity = "ReturnOrderLinesV2"
    number = "ReturnOrderNumber"
    reference = "CustomersOrderReference"
    parent = "ReturnOrderNumber"
    prefix = "return;"
    header_select = (
        "ReturnOrderNumber",
        "RMANumber",
        "CustomersOrderReference",
        "CustomerAccountNumber",
        "ReturnAddressName",
        "CurrencyCode",
        "ReturnOrderStatus",
    )
    line_select = (
        "ReturnOrderNumber",
        "ReturnInventoryLotId",
        "ExternalItemNumber",
        "ItemNumber",
        "LineDescription",
        "ReturnSalesQuantity",
        "SalesPrice",
        "LineAmount",
        "LineCreationSequenceNumber",
    )

    def header(self, draft: DocumentDraft, setup: Setup) -> dict[str, Any]:
        choices = setup.choices
        if not choices.return_reason or not choices.return_disposition:
            raise NeedsAttention(
                "no return reason or disposition code",
                reason="Return orders need a return reason code and a disposition code.",
                advice="Enter both in the connection's settings.",
                code="settings",
            )
        warehouse = draft.fields.get("warehouse") or choices.warehouse
        return filled(
            {
                "CustomerAccountNumber": draft.customer_number,
                "InvoiceCustomerAccountNumber": draft.customer_number,
                "CurrencyCode": draft.currency,
                "CustomersOrderReference": draft.reference,
                "CustomerRequisitionNumber": draft.fields.get("customer_reference", ""),
                "CustomerReturnReasonCode": choices.return_reason,
                "DefaultReturnWarehouseId": warehouse,
                "DefaultReturnSiteId": "" if warehouse else choices.site,
            }
        )

    def lines(self, draft: DocumentDraft, setup: Setup) -> Sequence[NewLine]:
        drafts = bookable(draft)
        return [
            NewLine(mark, {**self._line(line, draft, setup), "ExternalItemNumber": mark})
            for at, line in enumerate(drafts, 1)
            if (mark := line_mark(at, len(drafts)))
        ]

    def _line(self, line: DraftLine, draft: DocumentDraft, setup: Setup) -> dict[str, Any]:
        if line.kind is not LineKind.ITEM:
            raise needs_item(line)
        net = net_of(line, draft.prices_include_tax, setup.places)
        price = price_for(line.quantity, net, setup.places)
        if line.quantity <= 0 or net < 0 or price is None:
            raise Rejected(
                f"{line.source}: {line.quantity} for {net}",
                hold="mapping",
                reason=f"“{line.description}” of {net:f} cannot be a line of a return order: those "
                "take negative quantities at a price only.",
                advice="Book refunds as free text credit notes, or book this one by hand.",
            )
        return filled(
            {
                "ItemNumber": line.number,
                **{name: line.item_attributes.get(name, "") for name in PRODUCT_PROPERTIES},
                "LineDescription": line.description[:1000],
                "ReturnSalesQuantity": plain(-line.quantity),
                "SalesPrice": price,
                "SalesUnitSymbol": line.fields.get("unit_of_measure", ""),
                "ReturnDispositionCode": setup.choices.return_disposition,
                "ReturnWarehouseId": line.fields.get("warehouse", ""),
            }
        )

    def mark_of(self, line: Json) -> str:
        return str(line.get("ExternalItemNumber") or "")

    def read(self, header: Json, lines: Sequence[Json], mark: str) -> ErpDocument:
        read = Reader(header, self.header_entity)
        complete = all_there([self.mark_of(line) for line in lines])
        status = status_of(read.text("ReturnOrderStatus"), "ReturnOrderStatus", complete=complete)
        ordered = sorted(lines, key=lambda line: _place(line, self.mark_of(line)))
        booked = tuple(_read_line(Reader(line, self.line_entity)) for line in ordered)
        total = sum((line.amount_ex_tax for line in booked), ZERO)
        return ErpDocument(
            kind=DocumentKind.CREDIT_MEMO,
            external_id=self.id_of(read.text("ReturnOrderNumber")),
            number=read.text("ReturnOrderNumber"),
            reference=read.text("CustomersOrderReference", ""),
            status=status,
            customer_number=read.text("CustomerAccountNumber", ""),
            customer_name=read.text("ReturnAddressName", ""),
            currency=read.text("CurrencyCode", ""),
            document_date=None,
            posting_date=None,
            # The entity does not show it: it is looked up on the customer.
            prices_include_tax=read.text("IsSalesTaxIncludedInPrices", "No") == "Yes",
            total_ex_tax=total,
            total_tax=ZERO,
            total_inc_tax=total,
            lines=booked,
            has_totals=False,
            is_complete=complete or status not in (DocumentStatus.OPEN, DocumentStatus.DRAFT),
        )


def _read_line(read: Reader) -> ErpDocumentLine:
    """What is given back counts as positive, as in the draft."""
    quantity = -read.decimal("ReturnSalesQuantity")
    amount = -read.decimal("LineAmount")
    price = read.decimal("SalesPrice", ZERO)
    return ErpDocumentLine(
        number=read.text("ItemNumber", ""),
        description=read.text("LineDescription", ""),
        kind=LineKind.ITEM,
        quantity=quantity,
        unit_price=price,
        discount=quantity * price - amount,
        amount_ex_tax=amount,
        tax=ZERO,
        amount_inc_tax=amount,
    )
