"""What changed between an order as it was booked and as the store has it now: pure.

The difference is worked out line by line and becomes what a correcting document books: a credit
for what became less, an invoice for what became more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from connectors.records import Charge, ChargeKind, Order, OrderLine
from sync.comparison import Comparison, Row

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Difference:
    """Both sides, and what a correction would book; a sale is None where there is nothing of its
    direction. Amounts in the sales are positive."""

    comparison: Comparison
    credit: Order | None
    invoice: Order | None


def nothing_of(order: Order) -> Order:
    """A cancelled order: nothing of it is sold any more."""
    return replace(
        order,
        lines=(),
        charges=(),
        discounts=(),
        tenders=(),
        total_ex_tax=ZERO,
        total_tax=ZERO,
        total_inc_tax=ZERO,
    )


def between(booked: Order, now: Order) -> Difference:
    rows: list[Row] = []
    less: list[OrderLine | Charge] = []
    more: list[OrderLine | Charge] = []
    for name, before, after in _pairs(_keyed(booked), _keyed(now)):
        old, new = _net(before), _net(after)
        rows.append(
            Row(name, None if after is None else new[1], None if before is None else old[1])
        )
        by_inc, by_ex = new[1] - old[1], new[0] - old[0]
        if by_inc < 0:
            less.append(_part(before, after, -by_ex, -by_inc))
        elif by_inc > 0:
            more.append(_part(after, before, by_ex, by_inc))
    return Difference(
        comparison=Comparison(
            total=Row("Total", now.total_inc_tax, booked.total_inc_tax),
            tax=Row("Tax", now.total_tax, booked.total_tax),
            rows=tuple(rows),
        ),
        credit=_sale(booked, less),
        invoice=_sale(now, more),
    )


def explains(difference: Difference, booked: Order, now: Order) -> bool:
    """Whether the two sales bring what is booked to what the store has, to the cent. An order-level
    discount or a tax that stands in no line is for a person."""
    given_back = difference.credit.total_inc_tax if difference.credit else ZERO
    added = difference.invoice.total_inc_tax if difference.invoice else ZERO
    return booked.total_inc_tax - given_back + added == now.total_inc_tax


def _keyed(order: Order) -> dict[str, tuple[str, OrderLine | Charge]]:
    found: dict[str, tuple[str, OrderLine | Charge]] = {}
    for line in order.lines:
        found[f"line:{line.external_id}:{line.sku}"] = (line.name or line.sku, line)
    for charge in order.charges:
        key = f"{charge.kind.value}:{charge.external_id}"
        while key in found:
            key += "+"
        found[key] = (charge.name or charge.kind.value.capitalize(), charge)
    return found


def _pairs(
    before: dict[str, tuple[str, OrderLine | Charge]],
    after: dict[str, tuple[str, OrderLine | Charge]],
) -> Iterable[tuple[str, OrderLine | Charge | None, OrderLine | Charge | None]]:
    for key in dict.fromkeys((*before, *after)):
        name, old = before.get(key, ("", None))
        new_name, new = after.get(key, ("", None))
        yield new_name or name, old, new


def _net(part: OrderLine | Charge | None) -> tuple[Decimal, Decimal]:
    """(without tax, with tax)."""
    if part is None:
        return ZERO, ZERO
    if isinstance(part, OrderLine):
        return part.net_ex_tax, part.net_inc_tax
    return part.amount_ex_tax, part.amount_inc_tax


def _part(
    of: OrderLine | Charge | None, other: OrderLine | Charge | None, ex: Decimal, inc: Decimal
) -> OrderLine | Charge:
    """The part of a line or charge that one side has more of than the other."""
    assert of is not None
    if isinstance(of, Charge):
        return replace(of, amount_ex_tax=ex, amount_inc_tax=inc)
    quantity = of.quantity - (other.quantity if isinstance(other, OrderLine) else ZERO)
    if quantity <= 0:
        # The price changed and no goods move: a line of the item would move them in the ERP.
        return Charge(
            kind=ChargeKind.FEE,
            name=f"Price of {of.name or of.sku}",
            amount_ex_tax=ex,
            amount_inc_tax=inc,
            tax_class=of.tax_class,
            external_id=of.external_id,
        )
    return replace(
        of,
        quantity=quantity,
        unit_price_ex_tax=ex / quantity,
        unit_price_inc_tax=inc / quantity,
        discount_ex_tax=ZERO,
        discount_inc_tax=ZERO,
        discounts=(),
        net_ex_tax=ex,
        net_inc_tax=inc,
    )


def _sale(order: Order, parts: list[OrderLine | Charge]) -> Order | None:
    if not parts:
        return None
    ex = sum((_net(part)[0] for part in parts), ZERO)
    inc = sum((_net(part)[1] for part in parts), ZERO)
    return replace(
        order,
        lines=tuple(part for part in parts if isinstance(part, OrderLine)),
        charges=tuple(part for part in parts if isinstance(part, Charge)),
        discounts=(),
        tenders=(),
        payments=(),
        total_ex_tax=ex,
        total_inc_tax=inc,
        total_tax=inc - ex,
    )
