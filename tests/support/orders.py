"""Orders as any store might deliver them, for properties."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import strategies as st

from connectors.records import Address, Charge, ChargeKind, Customer, Order, OrderLine

CENT = Decimal("0.01")
RATES = (Decimal(0), Decimal("0.05"), Decimal("0.20"))


@st.composite
def lines(draw: st.DrawFn, line_id: int) -> OrderLine:
    quantity = Decimal(draw(st.integers(1, 9)))
    net = Decimal(draw(st.integers(1, 500_00))) / 100
    rate = draw(st.sampled_from(RATES))
    with_tax = (net * (1 + rate)).quantize(CENT)
    return OrderLine(
        external_id=str(line_id),
        sku=f"SKU-{line_id}",
        name=f"Thing {line_id}",
        quantity=quantity,
        unit_price_ex_tax=net / quantity,
        unit_price_inc_tax=with_tax / quantity,
        net_ex_tax=net,
        net_inc_tax=with_tax,
    )


@st.composite
def charges(draw: st.DrawFn) -> Charge:
    amount = Decimal(draw(st.integers(1, 90_00))) / 100
    return Charge(
        kind=draw(st.sampled_from([ChargeKind.SHIPPING, ChargeKind.HANDLING, ChargeKind.FEE])),
        name="",
        amount_ex_tax=amount,
        amount_inc_tax=(amount * Decimal("1.2")).quantize(CENT),
    )


@st.composite
def orders(draw: st.DrawFn) -> Order:
    """An order whose lines and charges are its total."""
    goods = tuple(draw(lines(i)) for i in draw(st.sets(st.integers(1, 6), max_size=5)))
    extra = tuple(draw(st.lists(charges(), max_size=3)))
    with_tax = sum((x.net_inc_tax for x in goods), Decimal(0))
    with_tax += sum((x.amount_inc_tax for x in extra), Decimal(0))
    without = sum((x.net_ex_tax for x in goods), Decimal(0))
    without += sum((x.amount_ex_tax for x in extra), Decimal(0))
    moment = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
    address = Address(first_name="Ada", last_name="Byron", country_code="GB", email="ada@a.example")
    return Order(
        external_id="1001",
        number="1001",
        status="11",
        status_label="Awaiting Fulfillment",
        placed_at=moment,
        modified_at=moment,
        currency="GBP",
        prices_include_tax=draw(st.booleans()),
        customer=Customer(external_id="7", email="ada@a.example"),
        billing=address,
        shipping=draw(st.sampled_from([None, address])),
        lines=goods,
        charges=extra,
        total_ex_tax=without,
        total_tax=with_tax - without,
        total_inc_tax=with_tax,
    )
