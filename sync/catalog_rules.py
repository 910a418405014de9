"""Which price and how much stock a store is to show: pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

from connectors.records import CatalogItem, ItemPrice, StockLevel
from sync.lookups import normal_key

ZERO = Decimal(0)
ONE = Decimal(1)
HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRules:
    """How an ERP price becomes the store's. ``tax`` is ``as_is``, ``add`` or ``remove``, by the
    rate (percent) of the item's class in ``tax_rates``, else of its class ``*``, else by
    ``tax_rate``. ``ending`` is what the cents are rounded up to (0.99, 0.95), zero for
    plain rounding to ``places``. ``drop_limit`` is the share (percent) that a price may fall by
    without a person; zero means any."""

    currency: str = ""
    tax: str = "as_is"
    tax_rate: Decimal = ZERO
    tax_rates: Mapping[str, Decimal] | None = None
    places: int = 2
    ending: Decimal = ZERO
    drop_limit: Decimal = Decimal(30)

    def rate(self, item_class: str) -> Decimal:
        rows = self.tax_rates or {}
        return rows.get(normal_key(item_class), rows.get("*", self.tax_rate))


@dataclass(frozen=True, slots=True, kw_only=True)
class StockRules:
    """What can be sold of what is there. ``locations`` empty means all of them. ``buffers`` is the
    quantity kept back, by item class; the class ``*`` stands for every other."""

    locations: frozenset[str] = frozenset()
    buffers: Mapping[str, Decimal] | None = None

    def buffer(self, item_class: str) -> Decimal:
        rows = self.buffers or {}
        return rows.get(normal_key(item_class), rows.get("*", ZERO))


def best_price(prices: Iterable[ItemPrice], rules: PriceRules, today: date) -> ItemPrice | None:
    """The lowest price that a shopper gets for one piece today, in the wanted currency."""
    return min(_good(prices, rules, today), key=lambda price: price.amount, default=None)


def currencies(prices: Iterable[ItemPrice], rules: PriceRules, today: date) -> list[str]:
    """Those among which there is no lowest price: which of them the store has must be said."""
    return sorted({price.currency for price in _good(prices, rules, today) if price.currency})


def _good(prices: Iterable[ItemPrice], rules: PriceRules, today: date) -> list[ItemPrice]:
    return [
        price
        for price in prices
        if price.minimum_quantity <= ONE
        and (not price.currency or not rules.currency or price.currency == rules.currency)
        and (price.valid_from is None or price.valid_from <= today)
        and (price.valid_to is None or price.valid_to >= today)
    ]


def shown_price(price: ItemPrice, rules: PriceRules, item_class: str = "") -> Decimal:
    """The amount in the store's pricing mode, rounded once."""
    factor = ONE + rules.rate(item_class) / HUNDRED
    amount = price.amount
    if rules.tax == "add" and not price.includes_tax:
        amount *= factor
    elif rules.tax == "remove" and price.includes_tax:
        amount /= factor
    unit = ONE.scaleb(-rules.places)
    amount = amount.quantize(unit, rounding=ROUND_HALF_UP)
    if rules.ending and amount > 0:
        whole = amount.to_integral_value(rounding=ROUND_FLOOR)
        candidate = whole + rules.ending
        amount = candidate if candidate >= amount else candidate + ONE
    return amount


def falls_too_far(before: Decimal | None, after: Decimal, rules: PriceRules) -> bool:
    """Whether a person must look before this price is shown."""
    if not before or not rules.drop_limit or after >= before:
        return False
    return (before - after) / before * HUNDRED > rules.drop_limit


def available(
    levels: Iterable[StockLevel], rules: StockRules, *, item_class: str = "", sold: Decimal = ZERO
) -> Decimal:
    """Whole pieces that can be sold: on hand less reserved at the chosen locations, less what was
    sold online and is not taken off in the ERP yet, less the buffer; never below zero."""
    there = sum(
        (
            level.on_hand - level.reserved
            for level in levels
            if not rules.locations or not level.location or level.location in rules.locations
        ),
        ZERO,
    )
    left = there - sold - rules.buffer(item_class)
    return max(left, ZERO).to_integral_value(rounding=ROUND_FLOOR)


def digest(*parts: object) -> str:
    """What a row is recognised by: equal for equal contents, whatever the order of reading."""
    text = "\x1f".join("" if part is None else str(part) for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()


def item_digest(item: CatalogItem) -> str:
    return digest(item.name, item.description, item.gtin, item.is_blocked, item.weight)
