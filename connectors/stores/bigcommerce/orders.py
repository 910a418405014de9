"""BigCommerce's order into ``records.Order``: pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import ROUND_DOWN, Decimal
from email.utils import parsedate_to_datetime
from typing import Any

from connectors.kit.reader import Reader
from connectors.records import (
    Address,
    Charge,
    ChargeKind,
    Customer,
    Discount,
    Order,
    OrderLine,
    Payment,
    PaymentEvent,
    Tender,
    TenderKind,
)

ZERO = Decimal(0)
CENT = Decimal("0.01")


def to_instant(text: str) -> datetime:
    """RFC 2822 or ISO 8601, as both occur, to aware UTC. Raises ValueError."""
    try:
        instant = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return instant.astimezone(UTC)


def to_order(raw: Mapping[str, Any], transactions: Sequence[Mapping[str, Any]] = ()) -> Order:
    """Build an Order from a V2 order with ``consignments.line_items`` and ``fees`` included.

    Amounts are in the transactional currency (``default_currency_code``), the one that the shopper
    pays in; ``currency_code`` is what was shown. Raises UnexpectedShape, naming the field.
    Source: BigCommerce REST, "Get an Order" (V2) and "Get Transactions" (V3).
    """
    read = Reader(raw, "order")
    inclusive = read.flag("is_tax_inclusive_pricing")
    billing_raw = read.object("billing_address")
    billing = _address(billing_raw) if billing_raw else Address()
    consignments = list(_consignments(read))
    shipping = next(
        (_address(consignment) for kind, consignment in consignments if kind == "shipping"), None
    )
    currency = read.text("default_currency_code", "") or read.text("currency_code")
    lines = tuple(
        _line(item, inclusive) for _, consignment in consignments for item in _goods(consignment)
    )
    charges = tuple(_charges(read, consignments))
    order = Order(
        external_id=str(read.integer("id")),
        number=str(read.integer("id")),
        status=str(read.integer("status_id")),
        status_label=read.text("status", ""),
        placed_at=read.convert("date_created", to_instant),
        modified_at=read.convert(
            "date_modified", to_instant, to_instant(read.text("date_created"))
        ),
        currency=currency,
        prices_include_tax=inclusive,
        customer=_customer(read, billing, shipping),
        billing=billing,
        shipping=shipping,
        lines=lines,
        charges=charges,
        total_ex_tax=read.decimal("total_ex_tax"),
        total_tax=read.decimal("total_tax"),
        total_inc_tax=read.decimal("total_inc_tax"),
        tenders=tuple(_tenders(read)),
        payments=tuple(to_payment(row, currency) for row in transactions),
        payment_method=read.text("payment_method", ""),
        payment_status=read.text("payment_status", ""),
        shipping_method=next(
            (c.text("shipping_method", "") for kind, c in consignments if kind == "shipping"), ""
        ),
        store_currency=read.text("store_default_currency_code", ""),
        exchange_rate=read.decimal("store_default_to_transactional_exchange_rate", Decimal(1)),
        channel=str(read.integer("channel_id", 1)),
        source=read.text("order_source", ""),
        comment=read.text("customer_message", ""),
        is_archived=read.flag("is_deleted"),
    )
    declared = read.decimal("discount_amount", ZERO) + read.decimal("coupon_discount", ZERO)
    return _share_order_discount(order, declared)


def _consignments(read: Reader) -> Iterator[tuple[str, Reader]]:
    """(kind, consignment) of every kind, from the object form or the list around it."""
    raw = read.raw("consignments")
    for group in raw if isinstance(raw, list) else [raw] if raw else []:
        groups = Reader(group, f"{read.where}.consignments")
        for kind in ("shipping", "pickups", "downloads"):
            for consignment in groups.items(kind):
                yield kind, consignment
        email = groups.object("email")
        if email is not None:
            for consignment in email.items("gift_certificates"):
                yield "email", consignment


def _goods(consignment: Reader) -> Iterator[Reader]:
    """The line items, less those that are only a part of a bundle whose price the parent has."""
    for item in consignment.items("line_items"):
        is_part = item.integer("parent_order_product_id", 0) and not item.decimal(
            "total_inc_tax", ZERO
        )
        if not is_part:
            yield item


def _line(read: Reader, inclusive: bool) -> OrderLine:
    quantity = read.decimal("quantity")
    unit_ex, unit_inc = read.decimal("price_ex_tax"), read.decimal("price_inc_tax")
    gross_ex, gross_inc = read.decimal("total_ex_tax"), read.decimal("total_inc_tax")
    discounts = tuple(
        Discount(
            amount=discount.decimal("amount"),
            name=discount.text("name", ""),
            code=discount.text("code", ""),
            kind=_discount_kind(discount.text("id", "")),
        )
        for discount in read.items("applied_discounts")
    )
    taken = sum((discount.amount for discount in discounts), ZERO)
    net_ex, net_inc = _net(
        gross_ex, gross_inc, taken, inclusive, read.decimal("discounted_total_inc_tax", ZERO)
    )
    options = ", ".join(
        f"{option.text('display_name', '')}: {option.text('display_value', '')}"
        for option in read.items("product_options")
    )
    product_id = read.integer("product_id", 0)
    return OrderLine(
        external_id=str(read.integer("id")),
        sku=read.text("sku", "").strip(),
        name=read.text("name", ""),
        quantity=quantity,
        unit_price_ex_tax=unit_ex,
        unit_price_inc_tax=unit_inc,
        net_ex_tax=net_ex,
        net_inc_tax=net_inc,
        discount_ex_tax=quantity * unit_ex - net_ex,
        discount_inc_tax=quantity * unit_inc - net_inc,
        discounts=discounts,
        gtin=read.text("upc", "").strip(),
        kind=_line_kind(read.text("type", "physical"), product_id),
        product_id=str(product_id or ""),
        variant_id=str(read.integer("variant_id", 0) or ""),
        options=options,
        tax_class=str(read.integer("tax_class_id", 0) or ""),
        quantity_refunded=read.decimal("quantity_refunded", ZERO),
    )


def _net(
    gross_ex: Decimal, gross_inc: Decimal, taken: Decimal, inclusive: bool, stated: Decimal
) -> tuple[Decimal, Decimal]:
    """A line after its discounts, without and with tax. ``taken`` is in the pricing mode;
    ``stated`` is the store's own net with tax, zero where it says nothing."""
    if not taken:
        return gross_ex, gross_inc
    if inclusive:
        net_inc = stated if stated else gross_inc - taken
        rate = gross_ex / gross_inc if gross_inc else Decimal(1)
        return net_inc * rate, net_inc
    net_ex = gross_ex - taken
    rate = gross_inc / gross_ex if gross_ex else Decimal(1)
    return net_ex, stated if stated else net_ex * rate


def _discount_kind(discount_id: str) -> str:
    if "coupon" in discount_id:
        return "coupon"
    return "manual" if "manual" in discount_id else "automatic"


def _line_kind(kind: str, product_id: int) -> str:
    if kind == "giftcertificate":
        return kind
    return kind if product_id else "custom"


def _charges(read: Reader, consignments: Iterable[tuple[str, Reader]]) -> Iterator[Charge]:
    method = next((c.text("shipping_method", "") for k, c in consignments if k == "shipping"), "")
    for kind, prefix in (
        (ChargeKind.SHIPPING, "shipping_cost"),
        (ChargeKind.HANDLING, "handling_cost"),
        (ChargeKind.WRAPPING, "wrapping_cost"),
    ):
        with_tax = read.decimal(f"{prefix}_inc_tax", ZERO)
        without = read.decimal(f"{prefix}_ex_tax", ZERO)
        if with_tax or without:
            yield Charge(
                kind=kind,
                name=method if kind is ChargeKind.SHIPPING else "",
                method=method if kind is ChargeKind.SHIPPING else "",
                amount_ex_tax=without,
                amount_inc_tax=with_tax,
                tax_class=str(read.integer(f"{prefix}_tax_class_id", 0) or ""),
            )
    if isinstance(read.raw("fees"), list):
        for fee in read.items("fees"):
            yield Charge(
                kind=ChargeKind.FEE,
                name=fee.text("display_name_customer", "") or fee.text("name", "Fee"),
                external_id=str(fee.integer("id")),
                amount_ex_tax=fee.decimal("cost_ex_tax"),
                amount_inc_tax=fee.decimal("cost_inc_tax"),
                tax_class=str(fee.integer("tax_class_id", 0) or ""),
            )


def _tenders(read: Reader) -> Iterator[Tender]:
    for kind, name in (
        (TenderKind.GIFT_CERTIFICATE, "gift_certificate_amount"),
        (TenderKind.STORE_CREDIT, "store_credit_amount"),
    ):
        amount = read.decimal(name, ZERO)
        if amount:
            yield Tender(kind=kind, amount=amount)


def _address(read: Reader) -> Address:
    return Address(
        first_name=read.text("first_name", ""),
        last_name=read.text("last_name", ""),
        company=read.text("company", ""),
        street_1=read.text("street_1", ""),
        street_2=read.text("street_2", ""),
        city=read.text("city", ""),
        state=read.text("state", ""),
        postal_code=read.text("zip", ""),
        country=read.text("country", ""),
        country_code=read.text("country_iso2", "").upper(),
        phone=read.text("phone", ""),
        email=read.text("email", "").strip(),
    )


def _customer(read: Reader, billing: Address, shipping: Address | None) -> Customer:
    return Customer(
        # A guest's customer number is 0.
        external_id=str(read.integer("customer_id", 0) or ""),
        email=billing.email,
        first_name=billing.first_name,
        last_name=billing.last_name,
        company=billing.company,
        phone=billing.phone,
        billing=billing,
        shipping=shipping,
    )


def to_payment(raw: Mapping[str, Any], currency: str) -> Payment:
    """A V3 transaction. Its amounts are JSON numbers."""
    read = Reader(raw, "transaction")
    return Payment(
        external_id=str(read.integer("id")),
        event=read.convert("event", PaymentEvent),
        method=read.text("method", ""),
        amount=read.decimal("amount"),
        currency=read.text("currency", currency),
        gateway=read.text("gateway", ""),
        gateway_transaction_id=read.text("gateway_transaction_id", ""),
        succeeded=read.text("status", "ok") == "ok",
        is_test=read.flag("test"),
        is_offline="offline" in read,
        created_at=read.convert("date_created", to_instant),
    )


def _share_order_discount(order: Order, declared: Decimal) -> Order:
    """Spread an order-level discount that the store did not allot to lines, to the cent.

    It is spread only if it explains the whole difference between lines and total; otherwise the
    difference stays visible, for a person.
    """
    allotted = sum((d.amount for line in order.lines for d in line.discounts), ZERO)
    left = declared - allotted
    missing = order.lines_total_inc_tax - order.total_inc_tax
    if left <= 0 or missing <= 0:
        return order
    with_tax = order.prices_include_tax
    weights = [line.net_inc_tax if with_tax else line.net_ex_tax for line in order.lines]
    if left > sum(weights, ZERO):
        return order  # it takes more off than the goods cost, so it is not a discount of goods
    shares = share(left, weights)
    lines = tuple(
        _discounted(line, amount, with_tax)
        for line, amount in zip(order.lines, shares, strict=True)
    )
    shared = replace(order, lines=lines)
    return shared if abs(shared.lines_total_inc_tax - order.total_inc_tax) < CENT else order


def share(amount: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """``amount`` in parts proportional to ``weights``, each whole cents, adding up exactly."""
    total = sum(weights, ZERO)
    if not total:
        return [ZERO for _ in weights]
    exact = [amount * weight / total for weight in weights]
    parts = [value.quantize(CENT, rounding=ROUND_DOWN) for value in exact]
    rest = amount - sum(parts, ZERO)
    order = sorted(range(len(parts)), key=lambda i: exact[i] - parts[i], reverse=True)
    for index in order:
        if rest <= 0:
            break
        step = min(CENT, rest)
        parts[index] += step
        rest -= step
    return parts


def _discounted(line: OrderLine, amount: Decimal, with_tax: bool) -> OrderLine:
    before = line.net_inc_tax if with_tax else line.net_ex_tax
    if not amount or not before:
        return line
    keep = (before - amount) / before
    net_ex = line.net_ex_tax * keep if with_tax else line.net_ex_tax - amount
    net_inc = line.net_inc_tax - amount if with_tax else line.net_inc_tax * keep
    return replace(
        line,
        net_ex_tax=net_ex,
        net_inc_tax=net_inc,
        discount_ex_tax=line.quantity * line.unit_price_ex_tax - net_ex,
        discount_inc_tax=line.quantity * line.unit_price_inc_tax - net_inc,
        discounts=(*line.discounts, Discount(amount=amount, name="Order discount", kind="manual")),
    )
