"""Drafts as the mapping makes them, for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from connectors.records import CustomerDraft, DocumentDraft, DocumentKind, DraftLine, LineKind

D = Decimal


def goods(
    sku: str = "TENT-2P-GRN",
    quantity: str = "1",
    ex: str = "100.00",
    tax_rate: str = "0.20",
    discount: str = "0",
    **fields: str,
) -> DraftLine:
    factor = 1 + D(tax_rate)
    return DraftLine(
        kind=LineKind.ITEM,
        number=sku,
        description=sku,
        quantity=D(quantity),
        unit_price_ex_tax=D(ex),
        unit_price_inc_tax=D(ex) * factor,
        discount_ex_tax=D(discount),
        discount_inc_tax=D(discount) * factor,
        source=f"line:{sku}",
        fields={"item_class": "OUTDOOR", "tax_class": "STANDARD", **fields},
    )


def charge(
    source: str, ex: str, account: str = "000-4400-00", tax_rate: str = "0.20", **fields: str
) -> DraftLine:
    amount = D(ex)
    return DraftLine(
        kind=LineKind.ACCOUNT,
        number=account,
        description=source,
        quantity=D(-1) if amount < 0 else D(1),
        unit_price_ex_tax=abs(amount),
        unit_price_inc_tax=abs(amount) * (1 + D(tax_rate)),
        source=source,
        fields=fields,
    )


def draft(
    *lines: DraftLine,
    reference: str = "BC1-100045",
    kind: DocumentKind = DocumentKind.SALES_INVOICE,
    customer: str = "CUST00001",
    currency: str = "GBP",
    total: str = "",
    tax: str = "",
    **more: Any,
) -> DocumentDraft:
    """Totals follow the lines, rounded, unless they are given."""
    lines = lines or (goods(),)
    inc = sum((line.amount_inc_tax for line in lines), D(0))
    ex = sum((line.amount_ex_tax for line in lines), D(0))
    total_inc = D(total) if total else round(inc, 2)
    today = datetime.now(UTC).date()
    return DocumentDraft(
        kind=kind,
        reference=reference,
        customer_id=customer,
        customer_number=customer,
        document_date=more.pop("day", today),
        posting_date=more.pop("posting_date", today),
        currency=currency,
        prices_include_tax=False,
        lines=tuple(lines),
        total_inc_tax=total_inc,
        total_tax=D(tax) if tax else total_inc - round(ex, 2),
        fields={"description": "Web order 100045", "customer_po_number": "100045", **more},
        order_number="100045",
    )


def customer(sequence: int = 1, **more: Any) -> CustomerDraft:
    fields = {
        "display_name": "Zoë Müller",
        "customer_class": "WEB",
        "address_id": "PRIMARY",
        "contact": "Zoë Müller",
        "address_1": "12 High Street",
        "city": "Łódź",
        "postal_code": "N1 9GU",
        "country_code": "GB",
        "country": "United Kingdom",
        "phone": "+44 20 7946 0000 (home)",
        "email": "zoe@example.com",
        "ship_to_address_id": "SHIP-01",
        "ship_to_name": "Zoë Müller",
        "ship_to_address_1": "1 Harbour Way",
        "ship_to_city": "Bristol",
        "ship_to_postal_code": "BS1 5TY",
        "ship_to_country_code": "GB",
        **more.pop("fields", {}),
    }
    return CustomerDraft(
        email=more.pop("email", "zoe@example.com"),
        display_name=more.pop("display_name", "Zoë Müller"),
        fields=fields,
        store_key=more.pop("store_key", "id:42"),
        sequence=sequence,
        **more,
    )
