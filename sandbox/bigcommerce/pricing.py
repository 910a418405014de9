"""A store's arithmetic: every order adds up to the cent."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Any

ZERO = Decimal(0)
CENT = Decimal("0.01")
FOUR = Decimal("0.0001")


def cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, rounding=ROUND_HALF_UP)


def money(value: Decimal) -> str:
    """Money on the V2 wire: text with four decimals."""
    return str(value.quantize(FOUR, rounding=ROUND_HALF_UP))


def allot(amount: Decimal, weights: list[Decimal]) -> list[Decimal]:
    """Shares of ``amount`` in whole cents, adding up exactly."""
    total = sum(weights, ZERO)
    if not total:
        return [ZERO] * len(weights)
    exact = [amount * weight / total for weight in weights]
    shares = [value.quantize(CENT, rounding=ROUND_DOWN) for value in exact]
    rest = int((amount - sum(shares, ZERO)) / CENT)
    for index in sorted(range(len(shares)), key=lambda i: exact[i] - shares[i], reverse=True)[
        :rest
    ]:
        shares[index] += CENT
    return shares


def both(amount: Decimal, rate: Decimal, inclusive: bool) -> tuple[Decimal, Decimal]:
    """(without tax, with tax) of an amount in the store's pricing mode; the side that is worked
    out has four decimals, as the store keeps them."""
    if inclusive:
        return (amount / (1 + rate)).quantize(FOUR, rounding=ROUND_HALF_UP), amount
    return amount, amount + cents(amount * rate)


class Line:
    """One line of goods with its discounts; amounts in the pricing mode unless named otherwise."""

    def __init__(
        self, *, price: Decimal, quantity: int, rate: Decimal, inclusive: bool, wrapping: Decimal
    ) -> None:
        self.quantity, self.rate, self.inclusive = quantity, rate, inclusive
        self.price, self.wrapping = price, wrapping
        self.gross = price * quantity
        self.discounts: list[dict[str, Any]] = []

    @property
    def taken(self) -> Decimal:
        return sum((Decimal(d["amount"]) for d in self.discounts), ZERO)

    @property
    def net(self) -> Decimal:
        return self.gross - self.taken

    def totals(self) -> tuple[Decimal, Decimal, Decimal]:
        """(net without tax, tax, net with tax), tax rounded once for the line."""
        if self.inclusive:
            tax = cents(self.net - self.net / (1 + self.rate))
            return self.net - tax, tax, self.net
        tax = cents(self.net * self.rate)
        return self.net, tax, self.net + tax
