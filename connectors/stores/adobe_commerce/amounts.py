"""Amounts in one of the two currencies that Commerce keeps them in, and its instants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from connectors.errors import UnexpectedShape
from connectors.kit.reader import Reader

ZERO = Decimal(0)
CENT = Decimal("0.01")
# The database's scale. What lies beyond is noise of binary floats: 29.949999999999999.
_SCALE = Decimal("0.0001")
# Names whose base form is not simply "base_" and the name. Source: Adobe's REST schema.
_BASE_NAMES = {
    "shipping_discount_tax_compensation_amount": "base_shipping_discount_tax_compensation_amnt",
    "weee_tax_applied_row_amount": "base_weee_tax_applied_row_amnt",
    **{
        name: name.replace("gw_", "gw_base_", 1)
        for name in ("gw_price", "gw_tax_amount")
    },
    **{
        f"gw_{part}_{name}": f"gw_{part}_base_{name}"
        for part in ("items", "card")
        for name in ("price", "tax_amount")
    },
}  # fmt: skip


class Amounts(Reader):
    """One JSON object whose amounts are read in the order's or in the base currency."""

    def __init__(self, raw: Any, where: str, *, base: bool) -> None:
        super().__init__(raw, where)
        self._object: Mapping[str, Any] = raw
        self.base = base

    def amount(self, name: str, default: Decimal | None = ZERO) -> Decimal:
        """An amount by its unprefixed name; null amounts are left out by Commerce and count as
        zero. Raises UnexpectedShape."""
        full = _BASE_NAMES.get(name, f"base_{name}") if self.base else name
        return tidy(self.decimal(full, default))

    def has(self, name: str) -> bool:
        return (_BASE_NAMES.get(name, f"base_{name}") if self.base else name) in self

    def inner(self, name: str) -> Amounts:
        """A nested object; an empty one where there is none."""
        value = self._object.get(name)
        return Amounts(
            value if isinstance(value, Mapping) else {}, f"{self.where}.{name}", base=self.base
        )

    def each(self, name: str) -> list[Amounts]:
        value = self._object.get(name)
        if value is None or value == "":
            return []
        if isinstance(value, Mapping):  # PHP writes a list with gaps as an object
            value = list(value.values())
        if not isinstance(value, list):
            raise UnexpectedShape(f"{self.where}.{name}", "is not a list")
        return [
            Amounts(row, f"{self.where}.{name}[{number}]", base=self.base)
            for number, row in enumerate(value, 1)
        ]

    @property
    def currency(self) -> str:
        return self.text("base_currency_code" if self.base else "order_currency_code")


def tidy(value: Decimal) -> Decimal:
    """At most four decimals, and no more zeros than cents have."""
    value = value.quantize(_SCALE)
    short = value.quantize(CENT)
    return short if short == value else value


def to_instant(text: str) -> datetime:
    """``YYYY-MM-DD HH:MM:SS`` in UTC without saying so, to aware UTC. Raises ValueError."""
    instant = datetime.fromisoformat(text.strip())
    if instant.tzinfo is None:
        return instant.replace(tzinfo=UTC)
    return instant.astimezone(UTC)


def to_text(instant: datetime) -> str:
    """As filters want it: whole seconds, the earlier one, so that nothing is left out."""
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def share(amount: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """``amount`` in parts proportional to ``weights``, each whole cents, adding up exactly."""
    whole = sum(weights, ZERO)
    if not whole:
        return [amount, *(ZERO for _ in weights[1:])] if weights else []
    parts, given, weight_so_far = [], ZERO, ZERO
    for weight in weights:
        # Each part is what the running total has grown by, so that no cent is lost or made.
        weight_so_far += weight
        upto = (amount * weight_so_far / whole).quantize(CENT)
        if weight_so_far == whole:
            upto = amount
        parts.append(upto - given)
        given = upto
    return parts
