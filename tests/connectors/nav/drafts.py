"""Drafts as the mapping makes them, for tests."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from connectors.records import CustomerDraft, DocumentDraft, DocumentKind, DraftLine, LineKind

D = Decimal
TODAY = datetime.now(UTC).date()


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(D("0.01"), rounding=ROUND_HALF_UP)


def goods(
    sku: str = "TENT-2P-GRN",
    quantity: str = "1",
    inc: str = "120.00",
    discount: str = "0",
    rate: str = "0.20",
    **more: Any,
) -> DraftLine:
    factor = 1 + D(rate)
    fields = more.pop("fields", {})
    return DraftLine(
        kind=LineKind.ITEM,
        number=sku,
        description=f"{sku} from the store",
        quantity=D(quantity),
        unit_price_ex_tax=D(inc) / factor,
        unit_price_inc_tax=D(inc),
        discount_ex_tax=D(discount) / factor,
        discount_inc_tax=D(discount),
        source=f"line:{sku}",
        fields=fields,
        **more,
    )


def charge(
    source: str = "shipping", inc: str = "6.00", account: str = "6610", rate: str = "0.20"
) -> DraftLine:
    amount = D(inc)
    return DraftLine(
        kind=LineKind.ACCOUNT,
        number=account,
        description=source,
        quantity=D(-1) if amount < 0 else D(1),
        unit_price_ex_tax=abs(amount) / (1 + D(rate)),
        unit_price_inc_tax=abs(amount),
        source=source,
    )


def draft(
    *lines: DraftLine,
    reference: str = "WEB-100045",
    kind: DocumentKind = DocumentKind.SALES_INVOICE,
    customer: str = "C00001",
    customer_id: str = "",
    currency: str = "GBP",
    with_tax: bool = True,
    day: date = TODAY,
    **more: Any,
) -> DocumentDraft:
    """Totals follow the lines, each rounded to the cent."""
    lines = lines or (goods(), charge())
    inc = sum((cents(line.amount_inc_tax) for line in lines), D(0))
    ex = sum((cents(line.amount_ex_tax) for line in lines), D(0))
    return DocumentDraft(
        kind=kind,
        reference=reference,
        customer_id=customer_id or customer,
        customer_number=customer,
        document_date=day,
        posting_date=more.pop("posting_date", day),
        currency=currency,
        prices_include_tax=with_tax,
        lines=tuple(lines),
        total_inc_tax=inc,
        total_tax=inc - ex,
        fields={
            "your_reference": "100045",
            "ship_to_name": "Zoë O'Neil",
            "ship_to_address": "12 Harbour Way",
            "ship_to_city": "Cork",
            "ship_to_post_code": "T12 X",
            "ship_to_country": "IE",
            **more.pop("fields", {}),
        },
        order_number="100045",
        **more,
    )


def customer(**more: Any) -> CustomerDraft:
    name = more.pop("display_name", "Zoë O'Neil")
    email = more.pop("email", "zoe.o'neil@example.com")
    return CustomerDraft(
        email=email,
        display_name=name,
        fields={
            "display_name": name,
            "email": email,
            "phone": "+44 20 7946 0000",
            "address": "1 High Street",
            "address_2": "Flat 2",
            "city": "Leeds",
            "post_code": "LS1 4AP",
            "country": "GB",
            **more.pop("fields", {}),
        },
        store_key="id:42",
        **more,
    )
