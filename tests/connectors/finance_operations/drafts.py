"""Drafts as the mapping makes them, for tests."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from connectors.records import CustomerDraft, DocumentDraft, DocumentKind, DraftLine, LineKind

D = Decimal
DAY = date(2026, 3, 2)
ORDER, INVOICE = DocumentKind.SALES_ORDER, DocumentKind.SALES_INVOICE
CREDIT, PAYMENT = DocumentKind.CREDIT_MEMO, DocumentKind.PAYMENT


def goods(
    sku: str = "TENT-2P-GRN",
    quantity: str = "1",
    ex: str = "100.00",
    discount: str = "0",
    rate: str = "0.20",
    attributes: dict[str, str] | None = None,
    **fields: str,
) -> DraftLine:
    factor = 1 + D(rate)
    return DraftLine(
        kind=LineKind.ITEM,
        number=sku,
        description=f"{sku} as sold",
        quantity=D(quantity),
        unit_price_ex_tax=D(ex),
        unit_price_inc_tax=D(ex) * factor,
        discount_ex_tax=D(discount),
        discount_inc_tax=D(discount) * factor,
        source=f"line:{sku}",
        fields=fields,
        item_attributes=attributes or {},
    )


def charge(
    source: str = "shipping",
    ex: str = "6.00",
    number: str = "FREIGHT",
    kind: LineKind = LineKind.ITEM,
    rate: str = "0.20",
    **fields: str,
) -> DraftLine:
    amount = D(ex)
    return DraftLine(
        kind=kind,
        number=number,
        description=source,
        quantity=D(-1) if amount < 0 else D(1),
        unit_price_ex_tax=abs(amount),
        unit_price_inc_tax=abs(amount) * (1 + D(rate)),
        source=source,
        fields=fields,
    )


def draft(
    *lines: DraftLine,
    kind: DocumentKind = ORDER,
    reference: str = "BC1-100045",
    customer: str = "WEB-GUEST",
    currency: str = "GBP",
    include_tax: bool = False,
    day: date = DAY,
    fields: dict[str, str] | None = None,
    **more: Any,
) -> DocumentDraft:
    lines = lines or (goods(),)
    inc = sum((line.amount_inc_tax for line in lines), D(0))
    ex = sum((line.amount_ex_tax for line in lines), D(0))
    return DocumentDraft(
        kind=kind,
        reference=reference,
        customer_id=customer,
        customer_number=customer,
        document_date=day,
        posting_date=day,
        currency=currency,
        prices_include_tax=include_tax,
        lines=tuple(lines),
        total_inc_tax=round(inc, 2),
        total_tax=round(inc - ex, 2),
        fields={
            "customer_reference": "100045",
            "order_name": "Zoë O'Neil",
            "ship_to_name": "Zoë O'Neil",
            "ship_to_street_1": "12 Mill Lane",
            "ship_to_street_2": "Flat 2",
            "ship_to_city": "Leeds",
            "ship_to_postal_code": "LS1 4AP",
            "ship_to_country_iso": "GB",
            "email": "zoe@example.test",
            **(fields or {}),
        },
        order_number="100045",
        **more,
    )


def payment(
    amount: str = "120.00",
    reference: str = "BC1-P77",
    account: str = "CARD-CLR",
    customer: str = "WEB-GUEST",
    **more: Any,
) -> DocumentDraft:
    money = D(amount)
    line = DraftLine(
        kind=LineKind.ACCOUNT,
        number=account,
        description="card 100045",
        quantity=D(1),
        unit_price_ex_tax=money,
        unit_price_inc_tax=money,
        source="payment:77",
    )
    return DocumentDraft(
        kind=PAYMENT,
        reference=reference,
        customer_id=customer,
        customer_number=customer,
        document_date=more.pop("day", DAY),
        posting_date=DAY,
        currency=more.pop("currency", "GBP"),
        prices_include_tax=False,
        lines=(line,),
        total_inc_tax=money,
        total_tax=D(0),
        fields={
            "payment_method": "CARD",
            "payment_reference": "000001",
            "text": "card 100045",
            "offset_type": "Bank",
            **more.pop("fields", {}),
        },
        order_number="100045",
    )


def customer(sequence: int = 7, **fields: str) -> CustomerDraft:
    return CustomerDraft(
        email=fields.get("email", "zoe@example.test"),
        display_name="Zoë O'Neil",
        fields={
            "party_type": "Person",
            "first_name": "Zoë",
            "last_name": "O'Neil",
            "email": "zoe@example.test",
            "phone": "+44 113 496 0000",
            "street_1": "12 Mill Lane",
            "street_2": "Flat 2",
            "city": "Leeds",
            "postal_code": "LS1 4AP",
            "country_iso": "GB",
            "currency": "GBP",
            "sales_tax_group": "GB-DOM",
            **fields,
        },
        store_key="id:42",
        sequence=sequence,
    )
