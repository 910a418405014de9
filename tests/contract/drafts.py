"""A sale and the drafts that the real mapping makes of it for an ERP, without a database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from connectors.records import (
    Address,
    Charge,
    ChargeKind,
    Customer,
    CustomerDraft,
    DocumentDraft,
    DocumentKind,
    ErpCustomer,
    Order,
    OrderLine,
    Payment,
    PaymentEvent,
)
from sync import mapping
from sync.lookups import normal_key
from sync.rules import Rules
from tests.support.rigs import ErpRig

CENT = Decimal("0.01")
D = Decimal
RATES = {"STANDARD": D("0.20"), "ZERO": D(0)}


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def goods(
    sku: str, quantity: int, unit: str, *, rate: str = "STANDARD", discount: str = "0"
) -> OrderLine:
    """A line at prices with tax; its tax is rounded once, as a store does."""
    net = D(unit) * quantity - D(discount)
    tax = cents(net - net / (1 + RATES[rate]))
    factor = 1 / (1 + RATES[rate])
    return OrderLine(
        external_id=sku,
        sku=sku,
        name=sku.title(),
        quantity=D(quantity),
        unit_price_inc_tax=D(unit),
        unit_price_ex_tax=(net - tax + D(discount) * factor) / quantity,
        net_inc_tax=net,
        net_ex_tax=net - tax,
        discount_inc_tax=D(discount),
        discount_ex_tax=D(discount) * factor,
        tax_class="" if rate == "STANDARD" else "Zero",
    )


def charge(kind: ChargeKind, amount: str, rate: str = "STANDARD") -> Charge:
    tax = cents(D(amount) - D(amount) / (1 + RATES[rate]))
    return Charge(
        kind=kind, name="", amount_inc_tax=D(amount), amount_ex_tax=D(amount) - tax, method="Post"
    )


def sale(
    *lines: OrderLine,
    charges: tuple[Charge, ...] = (),
    number: str = "100045",
    email: str = "zoe@example.com",
    currency: str = "GBP",
    country: str = "GB",
    inclusive: bool = True,
) -> Order:
    lines = lines or (goods("TENT-2P-GRN", 1, "249.99"),)
    now = datetime.now(UTC).replace(microsecond=0)
    address = Address(
        first_name="Zoë",
        last_name="O'Neil-Müller",
        street_1="12 High Street",
        city="Leeds" if country == "GB" else "Köln",
        state="West Yorkshire" if country == "GB" else "",
        postal_code="LS1 4AP" if country == "GB" else "50667",
        country="United Kingdom" if country == "GB" else "Germany",
        country_code=country,
        phone="+44 20 7946 0000",
        email=email,
    )
    with_tax = sum((row.net_inc_tax for row in lines), D(0))
    with_tax += sum((row.amount_inc_tax for row in charges), D(0))
    without = sum((row.net_ex_tax for row in lines), D(0))
    without += sum((row.amount_ex_tax for row in charges), D(0))
    return Order(
        external_id=number,
        number=number,
        status="11",
        status_label="Awaiting Fulfillment",
        placed_at=now,
        modified_at=now,
        currency=currency,
        prices_include_tax=inclusive,
        customer=Customer(
            external_id="42",
            email=email,
            first_name="Zoë",
            last_name="O'Neil-Müller",
            billing=address,
            shipping=address,
        ),
        billing=address,
        shipping=address,
        lines=lines,
        charges=charges,
        total_ex_tax=without,
        total_tax=with_tax - without,
        total_inc_tax=with_tax,
        payment_method="Credit Card",
        shipping_method="Royal Mail Tracked 48",
        store_currency="GBP",
    )


def rules_of(rig: ErpRig, erp: Any, more: Mapping[str, Mapping[str, str]] | None = None) -> Rules:
    lookups: dict[str, dict[str, str]] = {}
    for tables in (rig.lookups, more or {}):
        for table, rows in tables.items():
            found = lookups.setdefault(table, {})
            found.update({normal_key(key): value for key, value in rows.items()})
    return Rules(
        targets=erp.target_fields,
        lookups=lookups,
        tax=rig.route_settings.get("tax", "erp"),
        erp_taxes=erp.computes_tax,
    )


def customer_draft(order: Order, rules: Rules, sequence: int = 1) -> CustomerDraft:
    return mapping.to_customer(order, rules, store_key="id:42", sequence=sequence)


def document(
    order: Order,
    *,
    rig: ErpRig,
    erp: Any,
    customer: ErpCustomer,
    kind: DocumentKind | None = None,
    reference: str = "WEB-100045",
    day: date | None = None,
    include_tax: bool | None = None,
    **more: Any,
) -> DocumentDraft:
    """The draft of a sale, its items looked up in the ERP as the pipeline does."""
    found = erp.find_items([line.sku for line in order.lines])
    day = day or datetime.now(UTC).date()
    mode = erp.new_customers_include_tax if include_tax is None else include_tax
    kind = kind or erp.order_bookings[0].kind
    if kind is DocumentKind.SALES_ORDER:
        mode = order.prices_include_tax
    draft = mapping.to_document(
        order,
        kind=kind,
        reference=reference,
        customer=customer,
        items=found,
        document_date=day,
        posting_date=day,
        prices_include_tax=mode,
        rules=rules_of(rig, erp, rig.foreign_lookups if order.currency != "GBP" else None),
    )
    return replace(draft, **more)


def payment(
    order: Order, amount: Decimal, *, rig: ErpRig, erp: Any, customer: ErpCustomer, number: str
) -> DocumentDraft:
    paid = Payment(
        external_id=number,
        event=PaymentEvent.CAPTURE if amount > 0 else PaymentEvent.REFUND,
        method="credit_card",
        amount=amount,
        currency=order.currency,
    )
    return mapping.to_payment(
        paid,
        order,
        reference=f"WEB-P{number}",
        customer=customer,
        day=datetime.now(UTC).date(),
        applies_to_number="",
        rules=rules_of(rig, erp),
    )
