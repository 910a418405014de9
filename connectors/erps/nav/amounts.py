"""Unit prices and line discounts that NAV's own rounding turns into the store's amounts. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal

from connectors.records import DraftLine

ZERO = Decimal(0)
UNIT = Decimal("0.00001")  # the usual Unit-Amount Rounding Precision


@dataclass(frozen=True, slots=True)
class Price:
    """What is entered into a line: price of one unit, and discount of the whole line."""

    unit: Decimal
    discount: Decimal


def rounded(amount: Decimal, places: int) -> Decimal:
    """Half away from zero, as NAV rounds."""
    return amount.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def price_of(line: DraftLine, *, include_tax: bool, places: int) -> Price:
    """The price and discount with which the line comes to the store's amount to the cent.

    NAV keeps five places of a unit price and rounds quantity times price before it takes the
    discount off. Where the rounded price gives too little, the next higher one is taken and the
    discount makes up for it. A discount is never negative, and a line that takes something back
    has a quantity of minus one at its exact price.
    """
    unit = line.unit_price_inc_tax if include_tax else line.unit_price_ex_tax
    wanted = rounded(line.amount_inc_tax if include_tax else line.amount_ex_tax, places)
    price = unit.quantize(UNIT, rounding=ROUND_HALF_UP)
    if line.quantity <= 0:
        return Price(price, ZERO)
    if rounded(line.quantity * price, places) < wanted:
        price = (wanted / line.quantity).quantize(UNIT, rounding=ROUND_CEILING)
    return Price(price, rounded(line.quantity * price, places) - wanted)


def shared_out(tax: Decimal, amounts: Sequence[Decimal], places: int) -> list[Decimal]:
    """A document's tax over its lines by their amounts, each rounded, adding up to the whole."""
    total = sum(amounts, ZERO)
    if not total:
        return [ZERO for _ in amounts]
    shares: list[Decimal] = []
    seen = given = ZERO
    for amount in amounts:
        seen += tax * amount / total
        share = rounded(seen, places) - given
        given += share
        shares.append(share)
    return shares
