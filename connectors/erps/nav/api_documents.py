"""Sales documents as NAV's API holds them: drafts into bodies, answers into records. Pure.

"beta" (NAV 2018) and v1.0 (Business Central 14) differ in where our reference can stand, and in
ship-to fields; both enter lines one by one and number them themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.erps.nav.amounts import ZERO, price_of
from connectors.erps.nav.page_documents import day_of
from connectors.erps.nav.parties import street
from connectors.errors import Rejected, UnexpectedShape
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
Ids = Callable[[str, str], str]  # (entity set, code or number) -> id; raises Rejected
_GUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
BLANK_ID = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Entity:
    """The API's names of one kind of document. ``reference`` is "" where it has no such field."""

    path: str
    lines: str
    date: str
    reference: str


V1_ENTITIES = {
    DocumentKind.SALES_INVOICE: Entity(
        "salesInvoices", "salesInvoiceLines", "invoiceDate", "externalDocumentNumber"
    ),
    DocumentKind.SALES_ORDER: Entity(
        "salesOrders", "salesOrderLines", "orderDate", "externalDocumentNumber"
    ),
    DocumentKind.CREDIT_MEMO: Entity(
        "salesCreditMemos", "salesCreditMemoLines", "creditMemoDate", "externalDocumentNumber"
    ),
}
BETA_ENTITIES = {
    DocumentKind.SALES_INVOICE: Entity(
        "salesInvoices", "salesInvoiceLines", "invoiceDate", "customerPurchaseOrderReference"
    ),
    DocumentKind.SALES_ORDER: Entity("salesOrders", "salesOrderLines", "orderDate", ""),
    DocumentKind.CREDIT_MEMO: Entity(
        "salesCreditMemos", "salesCreditMemoLines", "creditMemoDate", ""
    ),
}
_TYPES = {LineKind.ITEM: "Item", LineKind.ACCOUNT: "Account", LineKind.COMMENT: "Comment"}
_KINDS = {name: kind for kind, name in _TYPES.items()}
_SHIP_TO = {
    "city": "ship_to_city",
    "state": "ship_to_county",
    "countryLetterCode": "ship_to_country",
    "postalCode": "ship_to_post_code",
}
# What only the page services can take.
_NOT_HERE = ("location", "reason", "dimension_1", "dimension_2", "payment_method")


def header_body(
    draft: DocumentDraft, entity: Entity, *, beta: bool, currency: str, invoice_id: str, ids: Ids
) -> dict[str, Any]:
    """The body of a new header. ``currency`` is the code as the API takes it."""
    for name in _NOT_HERE:
        if draft.fields.get(name):
            raise not_here(name, draft.fields[name])
    body: dict[str, Any] = {
        "customerNumber": draft.customer_number,
        entity.reference: draft.reference,
        entity.date: draft.document_date.isoformat(),
        "currencyCode": currency,
    }
    if draft.kind is DocumentKind.SALES_ORDER:
        body["pricesIncludeTax"] = draft.prices_include_tax
    if code := draft.fields.get("payment_terms"):
        body["paymentTermsId"] = ids("paymentTerms", code)
    is_memo = draft.kind is DocumentKind.CREDIT_MEMO
    if (code := draft.fields.get("shipment_method")) and not is_memo:
        body["shipmentMethodId"] = ids("shipmentMethods", code)
    if code := draft.fields.get("salesperson"):
        body["salesperson"] = code
    if is_memo and invoice_id:
        body["invoiceId"] = invoice_id
    return body if beta else body | _later(draft)


def _later(draft: DocumentDraft) -> dict[str, Any]:
    """What v1.0 has and "beta" has not."""
    fields = draft.fields
    body: dict[str, Any] = {}
    if (text := fields.get("your_reference")) and draft.kind is DocumentKind.SALES_INVOICE:
        body["customerPurchaseOrderReference"] = text
    for name, place in (("phone", "phoneNumber"), ("email", "email")):
        if value := fields.get(name):
            body[place] = value
    if draft.kind is DocumentKind.CREDIT_MEMO:
        return body
    if ship_to := fields.get("ship_to_name"):
        body["shipToName"] = ship_to
    lines = street(fields.get("ship_to_address", ""), fields.get("ship_to_address_2", ""))
    address = {"street": lines} | {
        place: fields.get(field, "") for place, field in _SHIP_TO.items()
    }
    if any(address.values()):
        body["shippingPostalAddress"] = {name: text for name, text in address.items() if text}
    return body


def line_body(line: DraftLine, draft: DocumentDraft, *, places: int, ids: Ids) -> dict[str, Any]:
    """The body of one line: the price after the quantity, which brings NAV's own price."""
    for name in ("location", "variant"):
        if line.fields.get(name):
            raise not_here(name, line.fields[name])
    body: dict[str, Any] = {"lineType": _TYPES[line.kind]}
    if line.kind is LineKind.ITEM:
        known = _GUID.fullmatch(line.item_id)  # one matched by the page services is a number
        body["itemId"] = line.item_id if known else ids("items", line.number)
    elif line.kind is LineKind.ACCOUNT:
        body["accountId"] = ids("accounts", line.number)
    if line.kind is not LineKind.COMMENT:
        if unit := line.fields.get("unit_of_measure"):
            body["unitOfMeasureId"] = ids("unitsOfMeasure", unit)
        price = price_of(line, include_tax=draft.prices_include_tax, places=places)
        body["quantity"] = line.quantity
        body["unitPrice"] = price.unit
        if price.discount:
            body["discountAmount"] = price.discount
        if code := line.fields.get("tax_code"):
            body["taxCode"] = code
    body["description"] = line.description[:50].rstrip()
    return body


def not_here(name: str, value: str) -> Rejected:
    return Rejected(
        f"the API has no {name}",
        hold="mapping",
        reason=f"The mapping fills {name.replace('_', ' ')} with “{value}”, which NAV's API does "
        "not take.",
        advice="Empty this mapping, or choose the page services as the connection's interface.",
        code="field_absent",
    )


def from_json(
    raw: Json, kind: DocumentKind, entity: Entity, *, unposted: DocumentStatus, expected: int
) -> ErpDocument:
    """A document with its lines. ``expected`` is how many lines we meant to send, 0 if it is not
    known. Raises UnexpectedShape."""
    read = Reader(raw, entity.path)
    lines = tuple(_line(line) for line in read.items(entity.lines))
    status = _status(kind, decoded(read.text("status", "")).strip(), unposted, entity)
    waits = status in (DocumentStatus.DRAFT, DocumentStatus.OPEN)
    return ErpDocument(
        kind=kind,
        external_id=read.text("id"),
        number=read.text("number", ""),
        reference=read.text(entity.reference, "") if entity.reference else "",
        status=status,
        customer_number=read.text("customerNumber", ""),
        customer_name=read.text("customerName", ""),
        currency=read.text("currencyCode", ""),
        document_date=day_of(read.text(entity.date, ""), f"{entity.path}.{entity.date}"),
        posting_date=None,
        prices_include_tax=read.flag("pricesIncludeTax"),
        total_ex_tax=read.decimal("totalAmountExcludingTax"),
        total_tax=read.decimal("totalTaxAmount"),
        total_inc_tax=read.decimal("totalAmountIncludingTax"),
        lines=lines,
        is_complete=not waits or len(lines) >= max(expected, 1),
    )


def _status(
    kind: DocumentKind, status: str, unposted: DocumentStatus, entity: Entity
) -> DocumentStatus:
    if status == "In Review":
        return DocumentStatus.IN_REVIEW
    if kind is DocumentKind.SALES_ORDER:
        return DocumentStatus.OPEN
    match status:
        case "Draft":
            return unposted
        case "Open" | "Paid":
            return DocumentStatus.POSTED
        case "Canceled" | "Corrective":
            return DocumentStatus.CANCELED
    # A word that we do not know is never taken for a draft: drafts are posted and deleted.
    raise UnexpectedShape(f"{entity.path}.status", f"is “{status}”")


def _line(read: Reader) -> ErpDocumentLine:
    details = read.object("lineDetails")
    return ErpDocumentLine(
        number=details.text("number", "") if details else "",
        description=read.text("description", ""),
        kind=_KINDS.get(decoded(read.text("lineType", "")), LineKind.COMMENT),
        quantity=read.decimal("quantity", ZERO),
        unit_price=read.decimal("unitPrice", ZERO),
        discount=read.decimal("discountAmount", ZERO),
        amount_ex_tax=read.decimal("netAmount", ZERO),
        tax=read.decimal("netTaxAmount", ZERO),
        amount_inc_tax=read.decimal("netAmountIncludingTax", ZERO),
    )
