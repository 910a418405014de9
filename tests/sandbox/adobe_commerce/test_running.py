"""The Adobe Commerce simulator's page for people, and what outlives a restart."""

from __future__ import annotations

import time
from pathlib import Path

import requests

from tests.sandbox.adobe_commerce.calls import parse, signed
from tests.support.adobe_commerce import start
from tests.support.simulators import Simulator


def test_the_panel_shows_a_person_what_there_is(shop: Simulator) -> None:
    form = {"kind": "configurable", "payment": "authorized"}
    pressed = requests.post(f"{shop.control}/__sandbox__/api/orders", data=form, timeout=10)
    assert pressed.history[0].status_code == 303
    assert "000000001" in pressed.text
    for act in ("invoice", "ship", "refund"):
        url = f"{shop.control}/__sandbox__/api/orders/1/{act}"
        assert requests.post(url, data={"x": "1"}, timeout=10).status_code == 200, act
    shop.post("traffic", per_minute=3000)
    time.sleep(0.6)
    shop.post("traffic", per_minute=0)
    assert shop.get("state")["orders"] > 3


def test_what_was_booked_outlives_a_restart(tmp_path: Path) -> None:
    data = tmp_path / "store.sqlite"
    first = start("--data", str(data))
    order = first.post("orders", lines=[{"sku": "TARP-3X3", "quantity": 2}])
    first.post("orders/1/refund", kind="partial")
    key = first.get("keys")["webhook_public_key"]
    time.sleep(0.5)
    first.stop()
    second = start("--data", str(data))
    try:
        kept = parse(signed(second, "GET", "V1/orders/1"))
        assert kept["grand_total"] == order["grand_total"]
        assert kept["total_refunded"] > 0
        assert second.get("keys")["webhook_public_key"] == key
        salable = signed(second, "GET", "V1/inventory/get-product-salable-quantity/TARP-3X3/1")
        assert salable.json() == 24
        assert second.post("orders")["increment_id"] == "000000002"
    finally:
        second.stop()
