"""Sales documents of Business Central: drafts into request bodies, answers into records. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from typing import Any

from connectors.erps.business_central.fields import DOCUMENT_PROPERTIES
from connectors.errors import UnexpectedShape
from connectors.kit.odata import decoded
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

Json = Mapping[str, Any]
ZERO = Decimal(0)
UNIT_PLACES = Decimal("0.00001")  # the common Unit-Amount Rounding Precision
BLANK_DATE = "0001-01-01"


@dataclass(frozen=True, slots=True)
class Entity:
    """The API names of one kind of sales document."""

    path: str
    lines: str
    date: str
    prices_include_tax_writable: bool


ENTITIES = {
    DocumentKind.SALES_INVOICE: Entity("salesInvoices", "salesInvoiceLines", "invoiceDate", False),
    DocumentKind.SALES_ORDER: Entity("salesOrders", "salesOrderLines", "orderDate", True),
    DocumentKind.CREDIT_MEMO: Entity(
        "salesCreditMemos", "salesCreditMemoLines", "creditMemoDate", False
    ),
}
_LINE_TYPES = {LineKind.ITEM: "Item", LineKind.ACCOUNT: "Account", LineKind.COMMENT: "Comment"}
_KINDS = {name: kind for kind, name in _LINE_TYPES.items()}
_STATUSES = {
    "Draft": DocumentStatus.DRAFT,
    "In Review": DocumentStatus.IN_REVIEW,
    "Open": DocumentStatus.POSTED,
    "Paid": DocumentStatus.POSTED,
    "Canceled": DocumentStatus.CANCELED,
    "Corrective": DocumentStatus.CANCELED,
}


def round_to(amount: Decimal, places: int) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def price_and_discount(
    line: DraftLine, *, include_tax: bool, places: int
) -> tuple[Decimal, Decimal]:
    """(unit price, line discount) with which Business Central's own rounding gives the line's
    amount exactly.

    It keeps unit prices at five places and rounds quantity times price to the currency. A price
    such as 24.975 / 3 cannot always be hit, so the smallest higher price is taken and the discount
    absorbs the rest; a discount is never negative.
    """
    unit = line.unit_price_inc_tax if include_tax else line.unit_price_ex_tax
    amount = line.amount_inc_tax if include_tax else line.amount_ex_tax
    net = round_to(amount, places)
    price = unit.quantize(UNIT_PLACES, rounding=ROUND_HALF_UP)
    gross = round_to(line.quantity * price, places)
    if line.quantity <= 0 or not line.quantity:
        return price, ZERO
    if gross < net:
        price = (net / line.quantity).quantize(UNIT_PLACES, rounding=ROUND_CEILING)
        gross = round_to(line.quantity * price, places)
    return price, gross - net


def to_body(draft: DocumentDraft, *, places: int, ids: Callable[[str, str], str]) -> dict[str, Any]:
    """The body of the create: header properties, then lines in the order that validation needs.

    ``ids(entity, code)`` gives the id of a code of paymentTerms, shipmentMethods or locations.
    """
    entity = ENTITIES[draft.kind]
    body: dict[str, Any] = {
        "externalDocumentNumber": draft.reference,
        entity.date: draft.document_date.isoformat(),
        "postingDate": draft.posting_date.isoformat(),
        "customerId": draft.customer_id,
        "currencyCode": draft.currency,
    }
    if entity.prices_include_tax_writable:
        body["pricesIncludeTax"] = draft.prices_include_tax
    for name, field in DOCUMENT_PROPERTIES.items():
        value = draft.fields.get(name, "")
        if value and not (draft.kind is DocumentKind.CREDIT_MEMO and field.startswith("shipTo")):
            body[field] = phone(value) if name == "phone" else value
    reference = draft.fields.get("customer_po_reference", "")
    if reference and draft.kind is DocumentKind.SALES_INVOICE:
        body["customerPurchaseOrderReference"] = reference
    if code := draft.fields.get("payment_terms"):
        body["paymentTermsId"] = ids("paymentTerms", code)
    if (code := draft.fields.get("shipment_method")) and draft.kind is not DocumentKind.CREDIT_MEMO:
        body["shipmentMethodId"] = ids("shipmentMethods", code)
    if draft.kind is DocumentKind.CREDIT_MEMO and draft.applies_to_id:
        body["invoiceId"] = draft.applies_to_id
    body[entity.lines] = [_line(line, draft, places, ids) for line in draft.lines]
    return body


def _line(
    line: DraftLine, draft: DocumentDraft, places: int, ids: Callable[[str, str], str]
) -> dict[str, Any]:
    price, discount = price_and_discount(line, include_tax=draft.prices_include_tax, places=places)
    body: dict[str, Any] = {"lineType": _LINE_TYPES[line.kind]}
    if line.item_id:
        body["itemId"] = line.item_id
    else:
        body["lineObjectNumber"] = line.number
    if line.variant_id:
        body["itemVariantId"] = line.variant_id
    if code := line.fields.get("location"):
        body["locationId"] = ids("locations", code)
    if unit := line.fields.get("unit_of_measure"):
        body["unitOfMeasureCode"] = unit
    body["quantity"] = line.quantity
    body["unitPrice"] = price
    if discount:
        body["discountAmount"] = discount
    if tax_code := line.fields.get("tax_code"):
        body["taxCode"] = tax_code
    body["description"] = line.description[:100]
    if second := line.fields.get("description_2"):
        body["description2"] = second
    return body


def phone(text: str) -> str:
    """A phone number as Business Central takes it: no letters, at most 30 characters."""
    return re.sub(r"[^0-9+()/\-. ]", "", text).strip()[:30]


def from_json(raw: Json, kind: DocumentKind, local_currency: str = "") -> ErpDocument:
    """A document as read back. Raises UnexpectedShape."""
    entity = ENTITIES[kind]
    read = Reader(raw, entity.path)
    status = decoded(read.text("status", "")).strip()
    return ErpDocument(
        kind=kind,
        external_id=read.text("id"),
        number=read.text("number", ""),
        reference=read.text("externalDocumentNumber", ""),
        status=_status(kind, status),
        customer_number=read.text("customerNumber", ""),
        customer_name=read.text("customerName", ""),
        currency=read.text("currencyCode", "") or local_currency,
        document_date=_date(read.text(entity.date, "")),
        posting_date=_date(read.text("postingDate", "")),
        prices_include_tax=read.flag("pricesIncludeTax"),
        total_ex_tax=read.decimal("totalAmountExcludingTax"),
        total_tax=read.decimal("totalTaxAmount"),
        total_inc_tax=read.decimal("totalAmountIncludingTax"),
        lines=tuple(_read_line(line) for line in read.items(entity.lines)),
    )


def _status(kind: DocumentKind, status: str) -> DocumentStatus:
    if kind is DocumentKind.SALES_ORDER:
        return DocumentStatus.IN_REVIEW if status == "In Review" else DocumentStatus.OPEN
    # A word that we do not know is never taken for a draft: drafts are posted and deleted.
    if status not in _STATUSES:
        raise UnexpectedShape(f"{ENTITIES[kind].path}.status", f"is “{status}”")
    return _STATUSES[status]


def _read_line(read: Reader) -> ErpDocumentLine:
    return ErpDocumentLine(
        number=read.text("lineObjectNumber", ""),
        description=read.text("description", ""),
        kind=_KINDS.get(decoded(read.text("lineType", "")), LineKind.COMMENT),
        quantity=read.decimal("quantity", ZERO),
        unit_price=read.decimal("unitPrice", ZERO),
        discount=read.decimal("discountAmount", ZERO),
        amount_ex_tax=read.decimal("netAmount", ZERO),
        tax=read.decimal("netTaxAmount", ZERO),
        amount_inc_tax=read.decimal("netAmountIncludingTax", ZERO),
    )


def _date(text: str) -> date | None:
    return None if not text or text == BLANK_DATE else date.fromisoformat(text)
