"""The Adobe Commerce simulator's products, prices, stock and customers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import requests

from tests.sandbox.adobe_commerce.calls import Caller, parse, searching
from tests.support.simulators import Simulator


def test_products_are_upserted_and_scoped_to_a_view_unless_all(call: Caller) -> None:
    product = {"sku": "NEW-1", "name": "New thing", "price": 10, "attribute_set_id": 4}
    made = parse(call("POST", "all/V1/products", body={"product": product}))
    assert (made["price"], made["extension_attributes"]["website_ids"]) == (10, [1, 2])
    call("PUT", "default/V1/products/NEW-1", body={"product": {"name": "Only here"}})
    assert call("GET", "default/V1/products/NEW-1").json()["name"] == "Only here"
    assert call("GET", "all/V1/products/NEW-1").json()["name"] == "New thing"
    query = searching(("sku", "in", "NEW-1,TENT-2P-GRN"))
    assert call("GET", "V1/products", query).json()["total_count"] == 2
    assert call("GET", "V1/products/NOPE").status_code == 404
    wrong = {"sku": "N" * 65, "name": "n", "price": 1}
    assert call("POST", "all/V1/products", body={"product": wrong}).status_code == 400
    unnamed = call("POST", "all/V1/products", body={"product": {"sku": "NEW-2", "price": 1}})
    assert "Product Name" in unnamed.json()["message"]
    assert call("DELETE", "V1/products/NEW-1").json() is True


def test_base_prices_apply_good_rows_and_list_bad_ones_with_200(call: Caller) -> None:
    rows = [
        {"sku": "TENT-2P-GRN", "price": 200.5, "store_id": 0},
        {"sku": "GP-404", "price": 1, "store_id": 0},
        {"sku": "TARP-3X3", "price": -1, "store_id": 0},
        {"sku": "BOOT-M", "price": 1, "store_id": 0},
        {"sku": "TARP-3X3", "price": 1, "store_id": 9},
    ]
    answer = call("POST", "V1/products/base-prices", body={"prices": rows})
    assert answer.status_code == 200
    assert [row["parameters"] for row in answer.json()] == [
        ["SKU", "GP-404"],
        ["Price", "-1"],
        ["SKU", "BOOT-M"],
        ["TARP-3X3", "9"],
    ]
    assert parse(call("GET", "V1/products/TENT-2P-GRN"))["price"] == Decimal("200.5")
    assert call("POST", "V1/products/base-prices", body={"prices": rows[:1]}).json() == []


def test_stock_is_absolute_and_one_bad_row_fails_all(shop: Simulator, call: Caller) -> None:
    def put(*rows: dict[str, Any]) -> requests.Response:
        body = {"sourceItems": [{"source_code": "default", "status": 1, **row} for row in rows]}
        return call("POST", "V1/inventory/source-items", body=body)

    assert put({"sku": "TARP-3X3", "quantity": 41}).json() == []
    blank = put({"sku": "TARP-3X3", "quantity": 7}, {"sku": "BIVY-1P ", "quantity": 1})
    assert blank.status_code == 400
    assert "leading or trailing spaces" in blank.json()["message"]
    found = parse(call("GET", "V1/inventory/source-items", searching(("sku", "eq", "TARP-3X3"))))
    assert found["items"][0]["quantity"] == 41
    assert put({"sku": "GHOST", "quantity": 1}).json() == []
    assert shop.get("state")["orphan_source_items"] == ["GHOST"]
    shop.post("settings", unknown_stock_sku="refuse")
    assert put({"sku": "GHOST-2", "quantity": 1}).status_code == 400
    empty = call("POST", "V1/inventory/source-items", body={"sourceItems": []})
    assert empty.json()["message"] == "Input data is empty"
    order = shop.post("orders", lines=[{"sku": "TARP-3X3", "quantity": 2}])
    salable = "V1/inventory/get-product-salable-quantity/TARP-3X3/1"
    assert call("GET", salable).json() == 39
    shop.post(f"orders/{order['entity_id']}/ship")
    assert call("GET", salable).json() == 39
    found = parse(call("GET", "V1/inventory/source-items", searching(("sku", "eq", "TARP-3X3"))))
    assert found["items"][0]["quantity"] == 39


def test_a_customer_put_replaces_and_e_mail_is_unique_in_a_website(call: Caller) -> None:
    address = {
        "firstname": "Ann", "lastname": "Lee", "street": ["12 Quay St"], "city": "Cork",
        "telephone": "0", "country_id": "IE", "postcode": "T12", "default_billing": True,
        "region": {"region": "Cork", "region_code": "CO", "region_id": 5},
    }  # fmt: skip
    customer = {
        "email": "ann@example.test", "firstname": "Ann", "lastname": "Lee",
        "website_id": 1, "group_id": 2, "addresses": [address, {**address, "city": "Galway"}],
    }  # fmt: skip
    made = call("POST", "V1/customers", body={"customer": customer}).json()
    again = call("POST", "V1/customers", body={"customer": customer})
    assert again.status_code == 400
    assert "same email address already exists" in again.json()["message"]
    elsewhere = {**customer, "website_id": 2}
    assert call("POST", "V1/customers", body={"customer": elsewhere}).status_code == 200
    path = f"V1/customers/{made['id']}"
    small = {k: customer[k] for k in ("email", "firstname", "lastname", "website_id")}
    replaced = call("PUT", path, body={"customer": {**small, "addresses": made["addresses"][:1]}})
    assert len(replaced.json()["addresses"]) == 1
    assert replaced.json()["group_id"] == 1
    nameless = call("PUT", path, body={"customer": {**small, "lastname": ""}})
    assert nameless.status_code == 400
    found = call("GET", "V1/customers/search", searching(("email", "eq", "ANN@example.test")))
    assert found.json()["total_count"] == 2
