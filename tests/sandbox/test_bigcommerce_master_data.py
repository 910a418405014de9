"""The BigCommerce simulator's catalogue, inventory and customers: the vendor's shapes, limits,
refusals and events."""

from __future__ import annotations

import json
import os
import threading
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from sandbox.bigcommerce.catalogue import Catalogue
from sandbox.bigcommerce.goods import Product
from sandbox.common import jsonio
from sandbox.common.assortment import ean13, made
from sandbox.common.clock import Clock
from sandbox.common.journal import Journal
from tests.sandbox.test_simulators import Receiver, needs_contracts

TOKEN = {"X-Auth-Token": "sandbox-store-access-token", "Accept": "application/json"}
SIZES = [
    {"sku": f"TEE-{size}", "option_values": [{"option_display_name": "Size", "label": size}]}
    for size in "SML"
]


@pytest.fixture
def store(simulators):
    session = requests.Session()
    session.trust_env = False
    session.verify = simulators.ca_file
    session.headers.update(TOKEN)
    base = f"{simulators.store.api}/stores/acme0utd00r/v3"

    def call(method: str, path: str, **more: Any) -> requests.Response:
        return session.request(method, base + path, timeout=10, **more)

    return call


@pytest.fixture
def told(simulators, store):
    """What hooks of the given scopes were told, as (scope, data)."""
    running = Receiver()
    simulators.store.post("deliver-to", host="receiver.example", url=running.url)

    def listen(*scopes: str):
        for scope in scopes:
            body = {"scope": scope, "destination": "https://receiver.example/hook"}
            assert store("POST", "/hooks", json=body).status_code == 200
        return running

    yield listen
    running.server.shutdown()


def events(receiver: Receiver, count: int) -> list[tuple[str, dict[str, Any]]]:
    receiver.wait(count)
    bodies = [json.loads(body) for _, body in receiver.got]
    return sorted(((body["scope"], body["data"]) for body in bodies), key=lambda row: row[0])


def product_of(store, sku: str) -> dict[str, Any]:
    (row,) = store("GET", f"/catalog/products?sku={sku}&include=variants").json()["data"]
    return row


@needs_contracts
@pytest.mark.parametrize(
    ("path", "file", "address"),
    [
        ("/catalog/products", "products_catalog.v3.yml", "/catalog/products"),
        ("/catalog/variants", "product-variants_catalog.v3.yml", "/catalog/variants"),
        ("/inventory/items", "inventory.v3.yml", "/inventory/items"),
        ("/customers?include=addresses,attributes", "customers.v3.yml", "/customers"),
        ("/customers/addresses", "customers.v3.yml", "/customers/addresses"),
        ("/hooks", "webhooks.v3.yml", "/hooks"),
    ],
)
def test_rows_have_the_fields_and_types_of_the_vendors_contract(
    simulators, store, path, file, address
):
    document = yaml.safe_load(Path(os.environ["CONTRACTS_DIR"], "bigcommerce", file).read_text())

    def resolved(schema: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in schema:
            found: Any = document
            for part in schema["$ref"][2:].split("/"):
                found = found[part]
            schema = found
        return schema

    def properties(schema: dict[str, Any]) -> dict[str, Any]:
        schema = resolved(schema)
        found = dict(schema.get("properties", {}))
        for part in ("allOf", "oneOf", "anyOf"):
            for each in schema.get(part, []):
                found |= properties(each)
        return found

    types = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict}
    types["number"] = (int, float, str)

    def check(value: dict[str, Any], schema: dict[str, Any], where: str) -> None:
        known = properties(schema)
        for name, item in value.items():
            assert name in known, f"{where}.{name}"
            kind = resolved(known[name]).get("type", "")
            if item is not None and kind in types:
                assert isinstance(item, types[kind]), f"{where}.{name}: {item!r}"
            if kind == "object" and item and properties(known[name]):
                check(item, known[name], f"{where}.{name}")
            if kind == "array" and item and isinstance(item[0], dict):
                check(item[0], resolved(known[name])["items"], f"{where}.{name}")

    simulators.store.post("products/create", sku="TEE", name="Tee", variants=SIZES)
    simulators.store.post("orders", country="GB")
    store("POST", "/hooks", json={"scope": "store/product/*", "destination": "https://a.example/h"})
    answer = document["paths"][address]["get"]["responses"]["200"]
    schema = next(iter(resolved(answer)["content"].values()))["schema"]
    body = store("GET", path).json()
    assert body["data"]
    rows = resolved(properties(schema)["data"])["items"]
    for row in body["data"]:
        shown = {k: v for k, v in row.items() if k != "events_history_enabled"}
        check(shown, rows, path)


def test_lists_refuse_unknown_filters_and_go_by_id_without_losing_a_row(simulators, store):
    assert store("GET", "/catalog/products?colour=red").status_code == 422
    assert store("GET", "/catalog/variants?sku:in=A").status_code == 422
    assert store("GET", "/customers?colour=red").status_code == 422
    first = store("GET", "/catalog/products?limit=20&sort=id&id:greater=0").json()["data"]
    simulators.store.post("products/delete", sku=first[0]["sku"])
    rest = store("GET", f"/catalog/products?limit=250&id:greater={first[-1]['id']}").json()
    ids = [row["id"] for row in first + rest["data"]]
    assert len(ids) == len(set(ids)) == rest["meta"]["pagination"]["total"] + 20
    narrow = store("GET", "/catalog/products?limit=1&include_fields=sku").json()["data"][0]
    assert set(narrow) == {"id", "sku"}
    by_sku = store("GET", "/catalog/products?sku:in=spork-ti,MUG-450,NO").json()["data"]
    assert {row["sku"] for row in by_sku} == {"SPORK-TI", "MUG-450"}


def test_batches_are_limited_and_taken_whole_or_not_at_all(store):
    ids = [row["id"] for row in store("GET", "/catalog/products?limit=60").json()["data"]]
    many = [{"id": key, "price": 1} for key in ids]
    assert store("PUT", "/catalog/products", json=many[:11]).status_code == 413
    assert store("PUT", "/catalog/variants", json=[{"id": 1}] * 51).status_code == 413
    assert store("POST", "/customers", json=[{}] * 11).status_code == 413
    bad = [*many[:3], {"id": 99_999_999, "price": 1}, {"id": ids[4], "price": -1}]
    answer = store("PUT", "/catalog/products", json=bad)
    assert answer.status_code == 422
    assert set(answer.json()["errors"]) == {"3.id", "4.price"}
    assert store("GET", f"/catalog/products/{ids[0]}").json()["data"]["price"] != 1
    twin = {
        "id": ids[0],
        "name": store("GET", f"/catalog/products/{ids[1]}").json()["data"]["name"],
    }
    assert store("PUT", "/catalog/products", json=[twin]).status_code == 409
    refused = store("PUT", "/catalog/variants", json=[{"id": 5100, "price": -1}])
    assert refused.status_code == 422
    assert refused.json()["batch_errors"][0]["errors"]
    assert store("PUT", "/catalog/products", data="{").status_code == 415
    json_type = {"Content-Type": "application/json"}
    assert store("PUT", "/catalog/products", data="{", headers=json_type).status_code == 400


def test_a_variant_without_a_price_costs_what_its_product_costs(simulators, store):
    made_one = {"name": "Tee", "type": "physical", "weight": 1, "price": 20, "variants": SIZES}
    assert store("POST", "/catalog/products", json={**made_one, "type": "gas"}).status_code == 422
    body = store("POST", "/catalog/products", json=made_one).json()["data"]
    assert body["base_variant_id"] is None
    small = body["variants"][0]
    assert (small["price"], small["calculated_price"]) == (None, 20)
    (own,) = store("PUT", "/catalog/variants", json=[{"id": small["id"], "price": 22.5}]).json()[
        "data"
    ]
    assert own["calculated_price"] == 22.5
    (inherits,) = store(
        "PUT", "/catalog/variants", json=[{"id": small["id"], "price": None}]
    ).json()["data"]
    assert inherits["calculated_price"] == 20
    again = store("POST", "/catalog/products", json={**made_one, "name": "Tee two"})
    assert (again.status_code, again.json()["title"]) == (409, "The product SKU is a duplicate.")


def test_inventory_is_kept_where_the_product_is_tracked(simulators, store):
    def put(**item: Any) -> requests.Response:
        body = {"items": [{"location_id": 1, "quantity": 5, **item}]}
        return store("PUT", "/inventory/adjustments/absolute", json=body)

    spork = product_of(store, "SPORK-TI")
    base = spork["variants"][0]["id"]
    assert "tracked by product" in put(variant_id=base).json()["title"]
    assert len(put(product_id=spork["id"]).json()["transaction_id"]) == 32
    assert product_of(store, "SPORK-TI")["inventory_level"] == 5
    assert put(sku="SPORK-TI", quantity=6).status_code == 200
    assert put(sku="SPORK-TI", quantity=1.5).status_code == 422
    assert put(sku="SPORK-TI", location_id=9).status_code == 422
    assert put(sku="NO-SUCH").status_code == 422
    assert put(sku="SPORK-TI", product_id=1).status_code == 422
    simulators.store.post("products", sku="SPORK-TI", tracking="variant")
    assert "tracked by variant" in put(product_id=spork["id"]).json()["title"]
    assert put(variant_id=base, quantity=3).status_code == 200
    assert product_of(store, "SPORK-TI")["inventory_level"] == 3
    simulators.store.post("products", sku="SPORK-TI", tracking="none")
    assert put(variant_id=base, quantity=9).status_code == 200, "no effect, and no word of it"
    assert product_of(store, "SPORK-TI")["inventory_level"] == 0
    assert store("GET", "/inventory/items?sku:in=SPORK-TI").json()["data"] == []


def test_relative_adjustments_need_an_absolute_one_before(store):
    def post(**item: Any) -> requests.Response:
        body = {"items": [{"location_id": 2, "sku": "SPORK-TI", **item}]}
        return store("POST", "/inventory/adjustments/relative", json=body)

    assert "requires absolute" in post(quantity=4).json()["title"]
    body = {"items": [{"location_id": 2, "sku": "SPORK-TI", "quantity": 4}]}
    store("PUT", "/inventory/adjustments/absolute", json=body)
    assert post(quantity=-3).status_code == 200
    assert post(quantity=-3).status_code == 422
    (item,) = store("GET", "/inventory/items?sku:in=SPORK-TI&location_id:in=2").json()["data"]
    assert item["locations"][0]["available_to_sell"] == 1


def test_large_adjustments_are_carried_out_a_little_later(store):
    rows = store("GET", "/catalog/products?limit=250").json()["data"]
    item = {"location_id": 1, "product_id": rows[0]["id"]}
    body = {"items": [{**item, "quantity": number % 90} for number in range(300)]}
    assert store("PUT", "/inventory/adjustments/absolute", json=body).status_code == 200
    assert (
        store("GET", f"/catalog/products/{rows[0]['id']}").json()["data"]["inventory_level"] == 25
    )
    time.sleep(0.5)
    assert (
        store("GET", f"/catalog/products/{rows[0]['id']}").json()["data"]["inventory_level"] == 29
    )
    too_many = {"items": [{**item, "quantity": 1}] * 2_001}
    assert store("PUT", "/inventory/adjustments/absolute", json=too_many).status_code == 422


def test_changes_are_told_to_hooks_also_our_own(simulators, store, told):
    receiver = told("store/product/*", "store/sku/*")
    tee = simulators.store.post(
        "products/create", sku="TEE", name="Tee", inventory_tracking="variant", variants=SIZES
    )
    receiver.wait(1)
    receiver.got.clear()
    variant = tee["variants"][0]
    store("PUT", "/catalog/variants", json=[{"id": variant["id"], "price": 9}])
    sku = {"product_id": tee["id"], "variant_id": variant["id"]}
    assert events(receiver, 2) == [
        ("store/product/updated", {"type": "product", "id": tee["id"]}),
        ("store/sku/updated", {"type": "sku", "id": variant["sku_id"], "sku": sku}),
    ]
    receiver.got.clear()
    item = {"location_id": 1, "variant_id": variant["id"], "quantity": 7}
    store("PUT", "/inventory/adjustments/absolute", json={"items": [item]})
    level = {"product_id": tee["id"], "method": "absolute", "value": 7}
    assert events(receiver, 2) == [
        (
            "store/product/inventory/updated",
            {"type": "product", "id": tee["id"], "inventory": level},
        ),
        (
            "store/sku/inventory/updated",
            {
                "type": "sku",
                "id": variant["sku_id"],
                "inventory": {**level, "variant_id": variant["id"]},
            },
        ),
    ]


def test_an_order_takes_stock_and_says_so(simulators, store, told):
    receiver = told("store/product/inventory/order/updated")
    simulators.store.post("orders", lines=[{"sku": "SPORK-TI", "quantity": 3}])
    ((_, data),) = events(receiver, 1)
    assert data["inventory"] == {"product_id": data["id"], "method": "relative", "value": -3}
    assert product_of(store, "SPORK-TI")["inventory_level"] == 22
    simulators.store.post("products", sku="SPORK-TI", price="7.77")
    order = simulators.store.post("orders", lines=[{"sku": "SPORK-TI", "quantity": 1}])
    assert Decimal(order["products"][0]["price_inc_tax"]) == Decimal("7.77")
    assert order["products"][0]["product_id"] == data["id"]


def test_customers_are_refused_as_the_vendor_refuses_and_events_tell_of_the_rest(
    simulators, store, told
):
    receiver = told("store/customer/*")
    person = {"email": "zoe@example.com", "first_name": "Zoë", "last_name": "O'Neil"}
    answer = store("POST", "/customers", json=[person, {**person, "last_name": ""}])
    assert answer.status_code == 422
    assert set(answer.json()["errors"]) == {"1.last_name", "1.email"}
    (made_one,) = store("POST", "/customers", json=[person]).json()["data"]
    assert store("POST", "/customers", json=[person]).status_code == 422
    body = [{"id": made_one["id"], "addresses": []}]
    assert store("PUT", "/customers", json=body).status_code == 422
    home = {
        "customer_id": made_one["id"], "first_name": "Zoë", "last_name": "O'Neil",
        "address1": "1 Mill Lane", "city": "Leeds", "country_code": "GB",
        "state_or_province": "", "postal_code": "LS1 4AP",
    }  # fmt: skip
    lacking = {name: value for name, value in home.items() if name != "postal_code"}
    assert store("POST", "/customers/addresses", json=[lacking]).status_code == 422
    (kept,) = store("POST", "/customers/addresses", json=[home]).json()["data"]
    same = store("POST", "/customers/addresses", json=[home])
    assert (same.status_code, same.json()["data"]) == (200, [])
    assert events(receiver, 2) == [
        (
            "store/customer/address/created",
            {"type": "customer", "id": kept["id"], "address": {"customer_id": made_one["id"]}},
        ),
        ("store/customer/created", {"type": "customer", "id": made_one["id"]}),
    ]
    path = f"/customers/addresses?id:in={kept['id']}"
    assert store("DELETE", path).status_code == 204
    assert (
        store("GET", f"/customers/addresses?customer_id:in={made_one['id']}").json()["data"] == []
    )


def test_customers_are_paged_by_cursor(simulators, store):
    for number in range(7):
        simulators.store.post(
            "customers", email=f"s{number}@example.com", first_name="S", last_name="N"
        )
    first = store("GET", "/customers?limit=3").json()
    seen = [row["email"] for row in first["data"]]
    cursor = first["meta"]["cursor_pagination"]["end_cursor"]
    while cursor:
        page = store("GET", f"/customers?limit=3&after={cursor}").json()
        seen += [row["email"] for row in page["data"]]
        cursor = page["meta"]["cursor_pagination"]["end_cursor"]
    assert seen == [f"s{number}@example.com" for number in range(7)]


def test_a_hook_with_nothing_to_tell_for_ninety_days_is_deactivated(simulators, store, told):
    told("store/product/updated", "store/customer/created")

    def active() -> dict[str, bool]:
        rows = store("GET", "/hooks").json()["data"]
        return {row["scope"]: row["is_active"] for row in rows}

    for _ in range(3):
        simulators.store.post("clock", advance_seconds=40 * 86_400)
        simulators.store.post("products", sku="SPORK-TI", name=f"Spork {time.time()}")
        threading.Event().wait(0.4)
    assert active() == {"store/product/updated": True, "store/customer/created": False}
    rows = store("GET", "/hooks?scope=store/customer/created").json()["data"]
    store("PUT", f"/hooks/{rows[0]['id']}", json={"is_active": True})
    assert active()["store/customer/created"]
    simulators.store.post("hooks/deactivate")
    assert not any(active().values())


def test_a_hundred_thousand_products_are_held_and_some_changed_at_once(tmp_path):
    events: list[str] = []
    began = time.monotonic()
    journal = Journal(tmp_path / "shop.db")
    catalogue = Catalogue(journal, Clock(), lambda scope, _: events.append(scope), 100_000)
    assert time.monotonic() - began < 20
    assert len(catalogue.ids) == 100_000 == len({p.sku for p in catalogue.products.values()})
    began = time.monotonic()
    import random

    skus = catalogue.change_some(0.01, ["name", "price", "stock"], random.Random(1))
    assert time.monotonic() - began < 5
    assert len(skus) == 1_000
    assert len(events) == 2_000
    sku = skus[0]
    changed = catalogue.sellable(sku)
    assert changed
    journal.flush()
    again = Catalogue(Journal(tmp_path / "shop.db"), Clock(), lambda scope, _: None, 100_000)
    kept = again.sellable(sku)
    assert kept
    assert jsonio.dumps(kept[0].kept()) == jsonio.dumps(changed[0].kept())
    assert isinstance(kept[0], Product)


def test_the_long_assortment_is_the_same_everywhere_and_its_barcodes_are_valid():
    assert made(7) == made(7)
    assert made(7).sku == "OUT-000007"
    for number in (1, 99, 100_000):
        digits = [int(digit) for digit in made(number).gtin]
        assert len(digits) == 13
        assert (sum(digits[::2]) + 3 * sum(digits[1::2])) % 10 == 0
    assert ean13(400_638_133_393) == "4006381333931"
