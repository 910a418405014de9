"""Prices and discounts that Finance & Operations works out to exactly the line's amount: pure.

Reals are kept at six decimal places in the database; a line's net amount is quantity times price,
less the discount, rounded half away from zero to the currency.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal

from connectors.records import DraftLine

ZERO, ONE = Decimal(0), Decimal(1)
SIX_PLACES = Decimal("0.000001")


def round_to(amount: Decimal, places: int) -> Decimal:
    return amount.quantize(ONE.scaleb(-places), rounding=ROUND_HALF_UP)


def plain(value: Decimal) -> Decimal:
    """Without zeros at the end: 2 instead of 2.000000."""
    return value.quantize(ONE) if value == value.to_integral_value() else value.normalize()


def unit_price(line: DraftLine, include_tax: bool) -> Decimal:
    return line.unit_price_inc_tax if include_tax else line.unit_price_ex_tax


def net_of(line: DraftLine, include_tax: bool, places: int) -> Decimal:
    """What the line comes to, in the document's pricing mode."""
    return round_to(line.amount_inc_tax if include_tax else line.amount_ex_tax, places)


def price_and_discount(
    line: DraftLine, *, include_tax: bool, places: int, style: str
) -> tuple[Decimal, Decimal]:
    """(unit price, discount) for a sales order line, the discount for each unit or for the line.

    The store's own unit price is kept where a discount can absorb the rest; it is raised only where
    it alone would come to less than the line's amount, as a discount must not be negative.
    """
    quantity = line.quantity
    net = net_of(line, include_tax, places)
    price = unit_price(line, include_tax).quantize(SIX_PLACES, rounding=ROUND_HALF_UP)
    if quantity <= 0 or round_to(quantity * price, places) == net:
        return plain(price), ZERO
    if quantity * price < net:
        price = (net / quantity).quantize(SIX_PLACES, rounding=ROUND_CEILING)
        if round_to(quantity * price, places) == net:
            return plain(price), ZERO
    if style == "line":
        return plain(price), round_to(quantity * price, places) - net
    discount = (price - net / quantity).quantize(SIX_PLACES, rounding=ROUND_HALF_UP)
    return plain(price), plain(discount)


def price_for(quantity: Decimal, net: Decimal, places: int) -> Decimal | None:
    """The unit price at which the quantity comes to ``net``; None if six places do not hit it."""
    if not quantity:
        return None
    price = (net / quantity).quantize(SIX_PLACES, rounding=ROUND_HALF_UP)
    return plain(price) if round_to(quantity * price, places) == net else None
