"""Sale prices of an ERP as Adobe Commerce's special prices, over real HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connectors.records import PriceChange, RowResult
from connectors.stores.adobe_commerce import sale_prices
from connectors.stores.adobe_commerce.connector import AdobeCommerce
from tests.connectors.adobe_commerce.conftest import Commerce
from tests.connectors.adobe_commerce.test_master_data import PRICES, item, products_of, sent

SPECIAL = "products/special-price"
SKU = "TARP-3X3"
LONDON = ZoneInfo("Europe/London")
DAYS_AHEAD = datetime.combine(datetime.now(LONDON).date() + timedelta(days=9), datetime.min.time())


def change(store: AdobeCommerce, sku: str = SKU, **more: Any) -> PriceChange:
    (product,) = products_of(store, sku)
    assert product.price is not None
    return PriceChange(product=product, **{"price": product.price, **more})


def write(store: AdobeCommerce, *changes: PriceChange) -> tuple[RowResult, ...]:
    return store.write_prices(changes)


def specials(commerce: Commerce, sku: str = SKU) -> list[dict[str, Any]]:
    return item(commerce, sku)["special"]


def dated(*when: datetime) -> list[str]:
    return [one.strftime("%Y-%m-%d %H:%M:%S") for one in when]


def test_a_sale_price_begins_in_a_moment_and_shows(commerce: Commerce):
    store = commerce.adapter()
    (result,) = write(store, change(store, sale_price=Decimal("49.90")))
    assert result.is_taken
    (row,) = specials(commerce)
    assert (row["price"], row["price_to"]) == (Decimal("49.90"), "2037-12-31 23:59:59")
    assert sent(commerce, PRICES) == [], "the price above it was right"
    commerce.simulator.post("clock", advance_seconds=150)
    assert products_of(store, SKU)[0].sale_price == Decimal("49.90")


def test_what_is_on_sale_as_wanted_is_not_written_again(commerce: Commerce):
    store = commerce.adapter()
    on_sale = change(store, sale_price=Decimal("49.90"), sale_written=Decimal("49.90"))
    write(store, on_sale)
    before = specials(commerce)
    assert write(store, on_sale)[0].is_taken
    assert specials(commerce) == before
    assert len([c for c in sent(commerce, SPECIAL) if not c.url.endswith("information")]) == 1


def test_another_sale_price_takes_the_place_of_ours(commerce: Commerce):
    store = commerce.adapter()
    write(store, change(store, sale_price=Decimal("49.90")))
    commerce.simulator.post("clock", advance_seconds=100)
    again = change(store, sale_price=Decimal("45"), sale_written=Decimal("49.90"))
    assert write(store, again)[0].is_taken
    assert [row["price"] for row in specials(commerce)] == [45]


def test_a_sale_that_is_over_is_taken_away_and_the_merchants_own_stays(commerce: Commerce):
    store = commerce.adapter()
    theirs = {"price": "30", "price_from": "2030-01-01 00:00:00", "price_to": "2030-02-01 00:00:00"}
    commerce.simulator.post("items", sku=SKU, special=[theirs])
    ends = datetime(2027, 1, 1, tzinfo=LONDON)
    write(store, change(store, sale_price=Decimal("49.90"), sale_ends_at=ends))
    assert len(specials(commerce)) == 2
    ending = change(store, sale_price=Decimal(0), sale_written=Decimal("49.90"))
    assert write(store, ending)[0].is_taken
    assert [row["price"] for row in specials(commerce)] == [30]
    assert write(store, ending)[0].is_taken, "a second time is harmless"


def test_a_last_day_lasts_to_the_shops_midnight(commerce: Commerce):
    store = commerce.adapter()
    berlin = DAYS_AHEAD.replace(tzinfo=ZoneInfo("Europe/Berlin"))
    write(store, change(store, sale_price=Decimal(50), sale_ends_at=berlin))
    (row,) = specials(commerce)
    assert [row["price_to"]] == dated(berlin.astimezone(UTC))


def test_open_source_takes_days_and_begins_at_once(commerce: Commerce):
    commerce.simulator.post("settings", staging="no")
    old = {"price": "12", "price_from": "2026-01-01 00:00:00", "price_to": "2026-01-09 00:00:00"}
    commerce.simulator.post("items", sku=SKU, special=[old])
    store = commerce.adapter()
    assert products_of(store, SKU)[0].sale_price is None, "it was over long ago"
    if commerce.values["edition"] == "saas":
        return  # the Cloud Service always schedules
    ends = DAYS_AHEAD.replace(tzinfo=LONDON)
    on_sale = change(store, sale_price=Decimal(50), sale_ends_at=ends)
    write(store, on_sale)
    (row,) = specials(commerce)
    last_day = DAYS_AHEAD - timedelta(days=1)
    yesterday = datetime.combine(datetime.now(UTC).date() - timedelta(days=1), datetime.min.time())
    assert [row["price_from"], row["price_to"]] == dated(yesterday, last_day)
    assert products_of(store, SKU)[0].sale_price == 50
    write(store, on_sale)
    assert len([c for c in sent(commerce, SPECIAL) if not c.url.endswith("information")]) == 1
    write(store, change(store, sale_price=Decimal(0), sale_written=Decimal(50)))
    assert specials(commerce) == []


@pytest.mark.parametrize("parameters", ["list", "object"])
def test_refused_rows_are_told_one_by_one(commerce: Commerce, parameters):
    commerce.simulator.post("settings", price_parameters=parameters)
    theirs = {"price": "30", "price_from": "2026-01-01 00:00:00", "price_to": None}
    commerce.simulator.post("items", sku="TENT-2P-GRN", special=[theirs])
    store = commerce.adapter()
    rows = [change(store, sku, sale_price=Decimal(3)) for sku in (SKU, "TENT-2P-GRN", "MUG-450")]
    rows.append(change(store, "POT-SET", sale_price=Decimal(3)))
    commerce.simulator.post("items", sku="MUG-450", delete=True)
    results = write(store, *rows)
    assert [row.error for row in results] == [
        "", sale_prices.OVERLAPS, sale_prices.REFUSED, sale_prices.SHARE
    ]  # fmt: skip
    assert "MUG-450" in results[2].vendor_words
    assert [row["price"] for row in specials(commerce)] == [3]
    assert [row["price"] for row in specials(commerce, "TENT-2P-GRN")] == [30]


def test_a_refused_price_brings_no_sale_price(paas: Commerce):
    store = paas.adapter()
    row = change(store, "MUG-450", price=Decimal(7), sale_price=Decimal(3))
    paas.simulator.post("items", sku="MUG-450", delete=True)
    assert not write(store, row)[0].is_taken
    assert sent(paas, SPECIAL) == []


def test_sale_prices_go_in_batches_of_what_the_store_allows(paas: Commerce):
    store = paas.adapter()
    skus = [row.sku for page in store.products() for row in page.rows if row.tracks_stock][:20]
    rows = [change(store, sku, sale_price=Decimal("0.5")) for sku in skus]
    paas.simulator.post("settings", input_limits=True, limit_array=7)
    results = write(store, *rows)
    assert all(row.is_taken for row in results)
    assert all(len(specials(paas, sku)) == 1 for sku in skus)


def test_a_lost_answer_leaves_one_sale_price_in_the_end(paas: Commerce):
    store = paas.adapter()
    row = change(store, sale_price=Decimal(50))
    paas.simulator.fault("lose_reply", path=r"special-price$")
    assert write(store, row)[0].again
    assert write(store, row)[0].is_taken
    assert len(specials(paas)) == 1


def test_prices_by_website_have_their_sale_price_in_the_same_store_view(paas: Commerce):
    paas.simulator.post("settings", price_scope="website")
    store = paas.adapter(price_store_id="3")
    write(store, change(store, price=Decimal("77.7"), sale_price=Decimal(50)))
    assert [row["store_id"] for row in specials(paas)] == [3]
    paas.simulator.post("clock", advance_seconds=150)
    assert products_of(store, SKU)[0].sale_price == 50
    assert products_of(paas.adapter(), SKU)[0].sale_price is None
