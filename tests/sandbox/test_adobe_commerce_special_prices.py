"""Special prices in Adobe Commerce's simulator, with content staging and without, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.sandbox.adobe_commerce.calls import Caller, parse, signed
from tests.support.adobe_commerce import start
from tests.support.simulators import Simulator

PATH = "V1/products/special-price"
SKU, OTHER = "TARP-3X3", "TENT-2P-GRN"


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    simulator = start()
    yield simulator
    simulator.stop()


@pytest.fixture
def shop(running: Simulator) -> Simulator:
    running.post("reset")
    return running


@pytest.fixture
def call(shop: Simulator) -> Caller:
    return lambda method, path, query=None, **more: signed(shop, method, path, query, **more)


def at(minutes: float) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y-%m-%d %H:%M:%S")


def row(sku: str = SKU, price: Any = 40, begin: str = "", end: str = "", **more: Any) -> Any:
    dates = {"price_from": begin or at(5), "price_to": end or at(60)}
    return {"sku": sku, "price": price, "store_id": 0, **dates, **more}


def write(call: Caller, *rows: Any, path: str = PATH) -> Any:
    answer = call("POST", path, body={"prices": list(rows)})
    assert answer.status_code == 200, answer.text
    return parse(answer)


def held(call: Caller, *skus: str) -> Any:
    return parse(call("POST", f"{PATH}-information", body={"skus": list(skus)}))


def shown(call: Caller, sku: str = SKU) -> Any:
    custom = parse(call("GET", f"all/V1/products/{sku}"))["custom_attributes"]
    return {one["attribute_code"]: one["value"] for one in custom}.get("special_price")


def test_a_scheduled_price_shows_from_its_beginning_to_its_end(shop: Simulator, call: Caller):
    assert write(call, row()) == []
    assert shown(call) is None
    shop.post("clock", advance_seconds=6 * 60)
    assert Decimal(shown(call)) == 40
    order = shop.post("orders", lines=[{"sku": SKU, "quantity": 1}])
    assert Decimal(str(order["items"][0]["base_price_incl_tax"])) == 40
    shop.post("clock", advance_seconds=60 * 60)
    assert shown(call) is None


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"begin": "2026-01-01 00:00:00"}, "can't be earlier than the current time"),
        ({"begin": "tomorrow"}, "Invalid attribute %label"),
        ({"price_from": None}, "Start Time for Future Update needs to be selected"),
        ({"end": "2026-01-01 00:00:00"}, "End Time is invalid"),
        ({"price": -1}, "Invalid attribute Price"),
        ({"store_id": 2}, "price scope is global"),
        ({"sku": "GP-404"}, "doesn't exist"),
        ({"sku": "BOOT-M"}, "doesn't exist"),
    ],
)
def test_a_bad_row_is_told_and_the_good_one_beside_it_is_kept(call: Caller, bad, words):
    (failure,) = write(call, row(**bad), row(OTHER))
    assert words in failure["message"]
    assert bad.get("sku", SKU) in failure["parameters"]
    assert [one["sku"] for one in held(call, SKU, OTHER)] == [OTHER]


def test_updates_of_a_product_may_not_overlap_and_no_two_begin_in_one_second(call: Caller):
    begin, end = at(5), at(60)
    assert write(call, row(begin=begin, end=end), row(OTHER, begin=begin, end=end)) == []
    first, second = held(call, SKU, OTHER)
    assert first["price_from"] == begin
    assert datetime.fromisoformat(second["price_from"]) == datetime.fromisoformat(
        begin
    ) + timedelta(seconds=1)
    (failure,) = write(call, row(price=30, begin=at(30), end=at(90)))
    assert "already exists in this time range" in failure["message"]
    assert write(call, row(price=30, begin=at(61), end=at(90))) == []
    assert len(held(call, SKU)) == 2


def test_an_update_is_deleted_by_its_own_dates(call: Caller):
    write(call, row())
    (kept,) = held(call, SKU)
    write(call, {**kept, "price_to": at(61)}, path=f"{PATH}-delete")
    assert held(call, SKU) == [kept]
    assert write(call, kept, path=f"{PATH}-delete") == []
    assert held(call, SKU) == []


def test_without_staging_a_product_has_one_whose_dates_stay(shop: Simulator, call: Caller):
    shop.post("settings", staging="no")
    assert "Magento_CatalogStaging" not in call("GET", "V1/modules").json()
    over = {"begin": "2026-01-01 00:00:00", "end": "2026-01-02 00:00:00"}
    assert write(call, row(**over)) == []
    assert write(call, {"sku": SKU, "price": 35, "store_id": 0}) == []
    (kept,) = held(call, SKU)
    assert (kept["price"], kept["price_to"]) == (35, "2026-01-02 00:00:00")
    assert Decimal(shown(call)) == 35, "it is kept, and over"
    order = shop.post("orders", lines=[{"sku": SKU, "quantity": 1}])
    assert Decimal(str(order["items"][0]["base_price_incl_tax"])) != 35
    assert write(call, {"sku": SKU, "price": 35, "store_id": 0}, path=f"{PATH}-delete") == []
    assert held(call, SKU) == []
