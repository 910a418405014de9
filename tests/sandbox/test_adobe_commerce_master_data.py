"""Adobe Commerce's catalogue, sources and customers in the simulator, over real HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.sandbox.adobe_commerce.calls import Caller, parse, searching, signed
from tests.support.adobe_commerce import start
from tests.support.simulators import Simulator


@pytest.fixture(scope="module")
def large() -> Iterator[Simulator]:
    simulator = start("--items", "100000")
    yield simulator
    simulator.stop()


@pytest.fixture
def call(large: Simulator) -> Caller:
    return lambda method, path, query=None, **more: signed(large, method, path, query, **more)


def by_id(after: int, size: int = 300) -> dict[str, Any]:
    asked = searching(("entity_id", "gt", str(after)), size=size)
    return asked | {
        "searchCriteria[sortOrders][0][field]": "entity_id",
        "searchCriteria[sortOrders][0][direction]": "ASC",
        "fields": "items[id,sku],total_count",
    }


def test_a_hundred_thousand_products_answer_at_once(large: Simulator, call: Caller) -> None:
    begin = time.monotonic()
    first = call("GET", "all/V1/products", by_id(0)).json()
    assert first["total_count"] > 100_000
    last = call("GET", "all/V1/products", by_id(first["items"][0]["id"] + 99_900)).json()
    assert last["items"][-1]["sku"] == "OUT-100000"
    one = call("GET", "all/V1/products", searching(("sku", "in", "out-050000,GHOST"))).json()
    assert [row["sku"] for row in one["items"]] == ["OUT-050000"]
    held = call("GET", "V1/inventory/source-items", searching(("sku", "eq", "OUT-050000"))).json()
    assert [row["source_code"] for row in held["items"]] == ["default"]
    changed = large.post("items/change", share=1, what="price,stock")
    assert changed["changed"] == 1_000
    assert time.monotonic() - begin < 5


def test_a_search_by_attribute_looks_at_every_product(call: Caller) -> None:
    found = call("GET", "all/V1/products", searching(("ean", "in", "5000000000001,x"))).json()
    assert found["total_count"] in (0, 1)
    wrong = call("GET", "all/V1/products", searching(("barcode", "eq", "1")))
    assert (wrong.status_code, wrong.json()["parameters"]) == (400, ["barcode"])


def test_a_product_is_changed_by_the_merchant(large: Simulator, call: Caller) -> None:
    large.post("items", sku="TARP-3X3", price="61.5", name="Tarp", stock="9", source="shop")
    row = parse(call("GET", "all/V1/products/TARP-3X3"))
    assert (row["name"], str(row["price"])) == ("Tarp", "61.5")
    assert large.get("items/tarp-3x3")["sources"]["shop"] == {"quantity": 9, "status": 1}
    assert large.post("items", sku="ODD/SKU", delete=False)["id"] > 100_100
    assert large.get("items/ODD/SKU")["sku"] == "ODD/SKU"


def test_prices_of_a_website_show_in_its_store_views(large: Simulator, call: Caller) -> None:
    large.post("settings", price_scope="website")
    rows = [{"sku": "OUT-000001", "price": 7.5, "store_id": 3}]
    assert call("POST", "V1/products/base-prices", body={"prices": rows}).json() == []
    assert parse(call("GET", "us_en/V1/products/OUT-000001"))["price"] == Decimal("7.5")
    assert parse(call("GET", "all/V1/products/OUT-000001"))["price"] != Decimal("7.5")
    large.post("settings", price_scope="global")


def test_structure_that_writers_look_up(large: Simulator, call: Caller) -> None:
    sets = call("GET", "V1/products/attribute-sets/sets/list", searching()).json()["items"]
    assert {row["attribute_set_name"]: row["attribute_set_id"] for row in sets}["Default"] == 4
    regions = call("GET", "V1/directory/countries/US").json()["available_regions"]
    assert {"id": "62", "code": "WA", "name": "Washington"} in regions
    assert "available_regions" not in call("GET", "V1/directory/countries/IE").json()
    assert call("GET", "V1/directory/countries/Mars").status_code == 404


def test_a_customer_belongs_to_the_website_of_the_call(call: Caller) -> None:
    customer = {"email": "ann@example.test", "firstname": "Ann", "lastname": "Lee"}
    made = call("POST", "us_en/V1/customers", body={"customer": customer}).json()
    assert made["website_id"] == 2
