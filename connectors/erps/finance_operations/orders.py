"""Sales orders: drafts into bodies, rows into records. Pure.

F&O works tax and totals out when it invoices; until then the header's totals are zero, so an order
is compared by its lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from connectors.erps.finance_operations.amounts import plain, price_and_discount
from connectors.erps.finance_operations.client import Json
from connectors.erps.finance_operations.countries import country_id
from connectors.erps.finance_operations.customers import street_of
from connectors.erps.finance_operations.items import DIMENSIONS
from connectors.erps.finance_operations.papers import (
    NewLine,
    Paper,
    Setup,
    all_there,
    bookable,
    day_of,
    filled,
    line_mark,
    needs_item,
    parse_mark,
    status_of,
    yes_no,
)
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

ZERO, ONE = Decimal(0), Decimal(1)
DESCRIPTION_LENGTH = 1000
PRODUCT_PROPERTIES = tuple(DIMENSIONS.values())
_HEADER = {
    "order_name": "SalesOrderName",
    "email": "Email",
    "payment_terms": "PaymentTermsName",
    "payment_method": "CustomerPaymentMethodName",
    "delivery_mode": "DeliveryModeCode",
    "sales_origin": "SalesOrderOriginCode",
    "customer_reference": "CustomerRequisitionNumber",
}
_SHIP_TO = {
    "ship_to_name": "DeliveryAddressName",
    "ship_to_city": "DeliveryAddressCity",
    "ship_to_state": "DeliveryAddressStateId",
    "ship_to_postal_code": "DeliveryAddressZipCode",
}


class SalesOrder(Paper):
    number = "SalesOrderNumber"
    reference = "CustomersOrderReference"
    parent = "SalesOrderNumber"
    header_select = (
        "SalesOrderNumber",
        "CustomersOrderReference",
        "InvoiceCustomerAccountNumber",
        "SalesOrderName",
        "CurrencyCode",
        "SalesOrderStatus",
        "ArePricesIncludingSalesTax",
        "RequestedShippingDate",
        "OrderCreationDateTime",
    )
    line_select = (
        "SalesOrderNumber",
        "InventoryLotId",
        "ExternalItemNumber",
        "ItemNumber",
        "LineDescription",
        "OrderedSalesQuantity",
        "SalesPrice",
        "SalesPriceQuantity",
        "LineAmount",
        "LineCreationSequenceNumber",
    )

    def __init__(self, header_entity: str, line_entity: str) -> None:
        self.header_entity = header_entity
        self.line_entity = line_entity

    def header(self, draft: DocumentDraft, setup: Setup) -> dict[str, Any]:
        fields, choices = draft.fields, setup.choices
        warehouse = fields.get("warehouse") or choices.warehouse
        body: dict[str, Any] = {
            "OrderingCustomerAccountNumber": draft.customer_number,
            "InvoiceCustomerAccountNumber": draft.customer_number,
            "CurrencyCode": draft.currency,
            "CustomersOrderReference": draft.reference,
            "RequestedShippingDate": draft.posting_date.isoformat(),
            "ArePricesIncludingSalesTax": yes_no(draft.prices_include_tax),
            "DefaultShippingWarehouseId": warehouse,
            "DefaultShippingSiteId": "" if warehouse else choices.site,
            "DefaultLedgerDimensionDisplayValue": setup.dimension,
        }
        body |= {field: fields.get(name, "") for name, field in _HEADER.items()}
        if choices.sales_tax == "document":
            body["SalesTaxGroupCode"] = fields.get("sales_tax_group", "")
        country = country_id(
            fields.get("ship_to_country", ""), fields.get("ship_to_country_iso", "")
        )
        if country:
            # Without this word the address of the customer is taken, and ours is lost.
            body["IsDeliveryAddressOrderSpecific"] = "Yes"
            body["DeliveryAddressCountryRegionId"] = country
            body["DeliveryAddressDescription"] = fields.get("ship_to_name", "")
            body["DeliveryAddressStreet"] = street_of(fields, "ship_to_")
            body |= {field: fields.get(name, "") for name, field in _SHIP_TO.items()}
        return filled(body)

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
        price, discount = price_and_discount(
            line,
            include_tax=draft.prices_include_tax,
            places=setup.places,
            style=setup.choices.discount_style,
        )
        body: dict[str, Any] = {
            "ItemNumber": line.number,
            **{name: line.item_attributes.get(name, "") for name in PRODUCT_PROPERTIES},
            "LineDescription": line.description[:DESCRIPTION_LENGTH],
            "OrderedSalesQuantity": plain(line.quantity),
            "SalesPrice": price,
            "SalesUnitSymbol": line.fields.get("unit_of_measure", ""),
            "ShippingWarehouseId": line.fields.get("warehouse", ""),
            "SalesTaxItemGroupCode": line.fields.get("tax_code", ""),
        }
        if discount:
            body["LineDiscountAmount"] = discount
        # The item's price may be for a hundred; ours is for one.
        if Decimal(line.item_attributes.get("price_quantity") or 1) not in (ZERO, ONE):
            body["SalesPriceQuantity"] = 1
        return filled(body)

    def mark_of(self, line: Json) -> str:
        return str(line.get("ExternalItemNumber") or "")

    def read(self, header: Json, lines: Sequence[Json], mark: str) -> ErpDocument:
        read = Reader(header, self.header_entity)
        ordered = sorted(lines, key=lambda line: _place(line, self.mark_of(line)))
        complete = all_there([self.mark_of(line) for line in lines])
        status = status_of(
            read.text("SalesOrderStatus"),
            f"{self.header_entity}.SalesOrderStatus",
            complete=complete,
        )
        with_tax = read.text("ArePricesIncludingSalesTax", "No") == "Yes"
        booked = tuple(_read_line(Reader(line, self.line_entity)) for line in ordered)
        total = sum((line.amount_ex_tax for line in booked), ZERO)
        day = day_of(read.text("RequestedShippingDate", ""))
        return ErpDocument(
            kind=DocumentKind.SALES_ORDER,
            external_id=read.text("SalesOrderNumber"),
            number=read.text("SalesOrderNumber"),
            reference=read.text("CustomersOrderReference", ""),
            status=status,
            customer_number=read.text("InvoiceCustomerAccountNumber", ""),
            customer_name=read.text("SalesOrderName", ""),
            currency=read.text("CurrencyCode", ""),
            document_date=day,
            posting_date=day,
            prices_include_tax=with_tax,
            total_ex_tax=total,
            total_tax=ZERO,
            total_inc_tax=total,
            lines=booked,
            has_totals=False,
            is_complete=complete or status not in (DocumentStatus.OPEN, DocumentStatus.DRAFT),
        )


def _place(line: Json, mark: str) -> tuple[int, int]:
    """Our lines in our order, then those that somebody added."""
    parsed = parse_mark(mark)
    sequence = Reader(line, "line").integer("LineCreationSequenceNumber", 0)
    return (parsed[0], 0) if parsed else (1_000_000, sequence)


def _read_line(read: Reader) -> ErpDocumentLine:
    quantity = read.decimal("OrderedSalesQuantity")
    amount = read.decimal("LineAmount")
    units = read.decimal("SalesPriceQuantity", ONE) or ONE
    price = read.decimal("SalesPrice", ZERO) / units
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
