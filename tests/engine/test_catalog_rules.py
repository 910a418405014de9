"""Prices and stock that a store shows: rounded once, never below nothing, never a wild fall."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from connectors.records import ItemPrice, StockLevel
from sync import catalog_rules
from sync.catalog_rules import PriceRules, StockRules

D = Decimal
TODAY = date(2026, 11, 21)
amounts = st.decimals(min_value=0, max_value=100_000, places=4)
pieces = st.decimals(min_value=-50, max_value=5_000, places=2)


@given(amounts, st.sampled_from(["as_is", "add", "remove"]), st.booleans())
def test_a_shown_price_has_the_currency_s_places_and_is_off_by_less_than_one(amount, tax, inc):
    rules = PriceRules(tax=tax, tax_rate=D("20"))
    shown = catalog_rules.shown_price(ItemPrice(number="A", amount=amount, includes_tax=inc), rules)
    assert shown == shown.quantize(D("0.01"))
    factor = D("1.2")
    exact = amount
    if tax == "add" and not inc:
        exact = amount * factor
    if tax == "remove" and inc:
        exact = amount / factor
    assert abs(shown - exact) <= D("0.005")


@given(amounts.filter(lambda a: a >= D("0.01")), st.sampled_from(["0.99", "0.95", "0.90"]))
def test_an_ending_is_kept_and_never_lowers_the_price(amount, ending):
    plain = catalog_rules.shown_price(ItemPrice(number="A", amount=amount), PriceRules())
    shown = catalog_rules.shown_price(
        ItemPrice(number="A", amount=amount), PriceRules(ending=D(ending))
    )
    assert shown % 1 == D(ending)
    assert plain <= shown < plain + 1


def test_the_best_price_is_the_lowest_that_a_shopper_gets_today_for_one_piece():
    prices = [
        ItemPrice(number="A", amount=D("20")),
        ItemPrice(number="A", amount=D("9"), minimum_quantity=D(10)),
        ItemPrice(number="A", amount=D("8"), valid_to=TODAY - timedelta(days=1)),
        ItemPrice(number="A", amount=D("7"), valid_from=TODAY + timedelta(days=1)),
        ItemPrice(number="A", amount=D("6"), currency="EUR"),
        ItemPrice(number="A", amount=D("18"), valid_from=TODAY, valid_to=TODAY),
    ]
    best = catalog_rules.best_price(prices, PriceRules(currency="GBP"), TODAY)
    assert best is not None
    assert best.amount == D("18")


@given(amounts.filter(bool), amounts, st.decimals(min_value=1, max_value=90, places=0))
def test_only_falls_beyond_the_limit_wait_for_a_person(before, after, limit):
    held = catalog_rules.falls_too_far(before, after, PriceRules(drop_limit=limit))
    assert held == (after < before * (1 - limit / 100))


@given(st.lists(st.tuples(pieces, pieces, st.sampled_from(["", "A", "B"])), max_size=6), pieces)
def test_stock_is_whole_and_never_below_zero_nor_more_than_is_there(levels, sold):
    rows = [
        StockLevel(number="X", on_hand=on, reserved=abs(res), location=loc)
        for on, res, loc in levels
    ]
    rules = StockRules(locations=frozenset({"A"}), buffers={"*": D(2)})
    shown = catalog_rules.available(rows, rules, sold=abs(sold))
    assert shown >= 0
    assert shown == shown.to_integral_value()
    there = sum((r.on_hand - r.reserved for r in rows if r.location in ("", "A")), D(0))
    assert shown <= max(there - abs(sold) - 2, D(0))
