"""Items, prices and stock from the ERP into the store: only what differs, and nothing wild."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from audit.models import Exchange
from sync import actions, route_settings, schedules
from sync.models import Flow, FlowSchedule, SentValue, Transfer
from sync.pipelines import flows, work

D = Decimal
SKU = "TENT-2P-GRN"


@pytest.fixture
def shop(flow):
    """Prices and stock switched on; both sides hold the demo's catalogue."""
    route_settings.save(
        flow.route,
        {"items_flow": "align", "prices_flow": "write", "stock_flow": "write"},
    )
    flow.route.refresh_from_db()
    schedules.ensure(flow.route)
    return flow


def run(shop, flow_name: Flow) -> FlowSchedule:
    row = FlowSchedule.objects.get(route=shop.route, flow=flow_name)
    for _ in range(20):
        flows.run(row.pk)
        row.refresh_from_db()
        if not row.is_running:
            return row
    raise AssertionError(row.words)


def product(shop, sku=SKU):
    found = shop.store_simulator.get(f"products?sku={sku}")
    rows = found if isinstance(found, list) else found["products"]
    (row,) = rows
    variant = next(v for v in row["variants"] if v["sku"] == sku)
    if variant["price"] is None:  # it inherits the product's
        variant["price"] = row["price"]
    return variant


def change(shop, **what):
    shop.erp_simulator.post("items", **{"number": SKU, **what})


def writes(path: str) -> int:
    return Exchange.objects.filter(method__in=("PUT", "POST"), path__contains=path).count()


def test_stock_follows_the_erp_and_only_what_differs_is_written(shop):
    change(shop, stock=37)
    first = run(shop, Flow.STOCK)
    assert first.rows_refused == 0, first.words
    assert D(str(product(shop)["inventory_level"])) == 37
    before = writes("inventory")
    again = run(shop, Flow.STOCK)
    assert again.rows_written == 0
    assert writes("inventory") == before
    change(shop, stock=12)
    assert run(shop, Flow.STOCK).rows_written == 1
    assert D(str(product(shop)["inventory_level"])) == 12


def test_a_price_is_written_and_a_wild_fall_waits_for_a_person(shop):
    run(shop, Flow.PRICES)
    change(shop, price="239.00")
    run(shop, Flow.PRICES)
    assert D(str(product(shop)["price"])) == D("239.00")
    change(shop, price="23.90")
    run(shop, Flow.PRICES)
    held = Transfer.objects.get(flow=Flow.PRICES, source_key=SKU)
    assert (held.state, held.hold) == ("held", "price_drop")
    assert D(str(product(shop)["price"])) == D("239.00")
    assert actions.release([held.pk]) == 1
    work.work(held.pk)
    held.refresh_from_db()
    assert held.state == "posted", held.reason
    assert D(str(product(shop)["price"])) == D("23.90")
    assert run(shop, Flow.PRICES).rows_written == 0


def test_a_held_price_that_is_corrected_in_the_erp_settles_by_itself(shop):
    run(shop, Flow.PRICES)
    change(shop, price="2.49")
    run(shop, Flow.PRICES)
    assert Transfer.objects.get(flow=Flow.PRICES, source_key=SKU).state == "held"
    change(shop, price="248.00")
    run(shop, Flow.PRICES)
    assert Transfer.objects.get(flow=Flow.PRICES, source_key=SKU).state == "posted"
    assert D(str(product(shop)["price"])) == D("248.00")


def test_what_is_on_one_side_only_is_reported(shop):
    row = run(shop, Flow.ITEMS)
    assert row.report["matched"] > 20
    assert row.report["erp_only"] == SentValue.objects.filter(is_matched=False).count() > 0
    assert row.report["store_only"] == len(row.report["store_only_skus"]) > 0


def test_a_missing_product_is_created_hidden_where_the_route_says_so(shop):
    route_settings.save(shop.route, {"items_flow": "create"})
    change(shop, number="NEW-LAMP", name="New lamp", price="19.99")
    run(shop, Flow.ITEMS)
    found = shop.store_simulator.get("products?sku=NEW-LAMP")
    rows = found if isinstance(found, list) else found["products"]
    assert [row["name"] for row in rows] == ["New lamp"]
    assert rows[0]["is_visible"] is False
    assert run(shop, Flow.ITEMS).rows_written == 0


def test_a_refused_row_does_not_stop_the_others(shop):
    shop.store_simulator.post("products", sku="MAT-FOAM", tracking="none")
    change(shop, stock=5)
    change(shop, number="MAT-FOAM", stock=9)
    run(shop, Flow.STOCK)
    told = Transfer.objects.get(flow=Flow.STOCK, source_key="MAT-FOAM")
    assert told.state == "skipped"
    assert "without limit" in told.reason
    assert D(str(product(shop)["inventory_level"])) == 5


def test_a_reading_that_is_broken_off_goes_on_where_it_was(shop, monkeypatch):
    monkeypatch.setattr(flows, "SLICE_SECONDS", -1)
    row = FlowSchedule.objects.get(route=shop.route, flow=Flow.STOCK)
    shop.erp_simulator.post("settings", page_size=10)
    flows.run(row.pk)
    row.refresh_from_db()
    if row.is_running:
        assert row.resume
        seen = row.rows_seen
        flows.run(row.pk)
        row.refresh_from_db()
        assert row.rows_seen > seen
    assert run(shop, Flow.STOCK).finished_at is not None


def test_a_system_that_is_down_is_asked_again_and_nothing_is_lost(shop):
    change(shop, stock=3)
    shop.store_simulator.fault("status", status=503, path="inventory", times=30)
    row = FlowSchedule.objects.get(route=shop.route, flow=Flow.STOCK)
    flows.run(row.pk)
    shop.store_simulator.post("faults/clear")
    run(shop, Flow.STOCK)
    assert D(str(product(shop)["inventory_level"])) == 3


def test_schedules_run_at_their_times_and_can_be_paused(shop):
    row = FlowSchedule.objects.get(route=shop.route, flow=Flow.STOCK)
    schedules.save(row, every_minutes=None, at_times=["06:30", "18:00"])
    row.refresh_from_db()
    assert row.next_at > timezone.now()
    assert row.next_at <= timezone.now() + timedelta(days=1)
    schedules.set_paused(row, True)
    row.refresh_from_db()
    assert row.next_at is None
    flows.run(row.pk)
    row.refresh_from_db()
    assert row.started_at is None


def test_an_item_that_is_found_by_its_barcode_is_followed_under_its_own_number(shop):
    route_settings.save(shop.route, {"items_flow": "update", "items_by_barcode": "yes"})
    gtin = "5000123459991"
    shop.store_simulator.post(
        "products/create", sku="STORE-SKU-9", name="Old name", upc=gtin, type="physical"
    )
    change(shop, number="ERP-9", name="Name of the ERP", gtin=gtin, price="10.00")
    row = run(shop, Flow.ITEMS)
    assert row.rows_refused == 0, list(Transfer.objects.values_list("reason", flat=True))
    found = shop.store_simulator.get("products?sku=STORE-SKU-9")
    rows = found if isinstance(found, list) else found["products"]
    assert [one["name"] for one in rows] == ["Name of the ERP"]
    assert SentValue.objects.get(flow=Flow.ITEMS, key="ERP-9").is_matched


def test_what_is_sold_and_not_booked_yet_is_not_offered_again(shop):
    change(shop, stock=20)
    order = shop.place(lines=[{"sku": SKU, "quantity": 3}], unknown_sku=True)
    shop.announce(order["id"])
    assert shop.work(order["id"]).state == "held"
    run(shop, Flow.STOCK)
    assert D(str(product(shop)["inventory_level"])) == 17
    actions.skip([shop.transfer(order["id"]).pk], "Keyed by hand.")
    change(shop, stock=19)
    run(shop, Flow.STOCK)
    assert D(str(product(shop)["inventory_level"])) == 19
