"""Magento's arithmetic for one currency: tax in or on the price, discounts, rounding.

A quote is worked out twice, once in the base currency and once in the order's, each with its own
rounding, so that neither follows from the other by the rate. Tax is rounded on the total (the
product's default): each line is rounded with the remainder that the lines before it left, kept
apart by rate. Where prices include tax, a discount moves some tax back into the net amount; that
part is the "discount tax compensation", so that
grand total = subtotal + discount + compensation + shipping + tax.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

ZERO = Decimal(0)
CENT = Decimal("0.01")
# The product adds this to the first line so that halves do not depend on binary fractions.
_NUDGE = Decimal("0.000001")


def cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, rounding=ROUND_HALF_UP)


def allot(amount: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """Shares of ``amount`` in whole cents, adding up exactly."""
    total = sum(weights, ZERO)
    if not total:
        return [ZERO] * len(weights)
    exact = [amount * weight / total for weight in weights]
    shares = [value.quantize(CENT, rounding=ROUND_DOWN) for value in exact]
    rest = int((amount - sum(shares, ZERO)) / CENT)
    order = sorted(range(len(shares)), key=lambda i: exact[i] - shares[i], reverse=True)
    for index in order[:rest]:
        shares[index] += CENT
    return shares


class Carry:
    """Rounding that hands each remainder on to the next amount of the same kind."""

    def __init__(self) -> None:
        self._left: dict[tuple[str, Decimal], Decimal] = {}

    def round(self, kind: str, rate: Decimal, amount: Decimal) -> Decimal:
        if not amount:
            return ZERO
        amount += self._left.get((kind, rate), _NUDGE)
        rounded = cents(amount)
        self._left[kind, rate] = amount - rounded
        return rounded


@dataclass(slots=True)
class Goods:
    """One priced row. ``unit`` is the catalogue's price, with the home country's tax in it where
    prices include tax; ``discount`` is for the whole row, taken from the same side."""

    unit: Decimal
    quantity: Decimal
    rate: Decimal
    home_rate: Decimal
    discount: Decimal = ZERO


@dataclass(slots=True)
class Amounts:
    price: Decimal = ZERO
    price_incl_tax: Decimal = ZERO
    row_total: Decimal = ZERO
    row_total_incl_tax: Decimal = ZERO
    tax: Decimal = ZERO
    tax_before_discount: Decimal = ZERO
    discount: Decimal = ZERO
    compensation: Decimal = ZERO


def tax_of(amount: Decimal, rate: Decimal, *, inclusive: bool) -> Decimal:
    """Unrounded tax in, or on, an amount."""
    return amount * rate / (1 + rate) if inclusive else amount * rate


def gross_unit(goods: Goods) -> Decimal:
    """The price with the buyer's tax; a buyer abroad pays the net price with their own rate."""
    unit = cents(goods.unit)
    if goods.rate == goods.home_rate:
        return unit
    net = unit - cents(tax_of(unit, goods.home_rate, inclusive=True))
    return net + cents(tax_of(net, goods.rate, inclusive=False))


def discountable(goods: Goods, *, inclusive: bool) -> Decimal:
    """The row's amount that a discount is reckoned from."""
    unit = gross_unit(goods) if inclusive else cents(goods.unit)
    return cents(unit * goods.quantity)


def priced(rows: Sequence[Goods], *, inclusive: bool) -> list[Amounts]:
    carry = Carry()
    work = _with_tax_in_price if inclusive else _with_tax_on_price
    return [work(row, carry) for row in rows]


def _with_tax_in_price(goods: Goods, carry: Carry) -> Amounts:
    unit = gross_unit(goods)
    gross = cents(unit * goods.quantity)
    before = carry.round("before", goods.rate, tax_of(gross, goods.rate, inclusive=True))
    net = gross - before
    taxable = max(gross - goods.discount, ZERO)
    tax = carry.round("after", goods.rate, tax_of(taxable, goods.rate, inclusive=True))
    return Amounts(
        price=cents(net / goods.quantity),
        price_incl_tax=unit,
        row_total=net,
        row_total_incl_tax=gross,
        tax=tax,
        tax_before_discount=before,
        discount=goods.discount,
        compensation=before - tax,
    )


def _with_tax_on_price(goods: Goods, carry: Carry) -> Amounts:
    unit = cents(goods.unit)
    net = cents(unit * goods.quantity)
    before = carry.round("before", goods.rate, tax_of(net, goods.rate, inclusive=False))
    taxable = max(net - goods.discount, ZERO)
    tax = carry.round("after", goods.rate, tax_of(taxable, goods.rate, inclusive=False))
    return Amounts(
        price=unit,
        price_incl_tax=cents((net + before) / goods.quantity),
        row_total=net,
        row_total_incl_tax=net + before,
        tax=tax,
        tax_before_discount=before,
        discount=goods.discount,
    )


def share(whole: Decimal, done: Decimal, quantity: Decimal, of: Decimal, *, last: bool) -> Decimal:
    """The part of a row's amount that falls to ``quantity`` of ``of``; the last part takes what
    is left, so that the parts add up."""
    return whole - done if last else cents(whole * quantity / of)
