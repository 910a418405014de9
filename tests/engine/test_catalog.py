"""Items, prices and stock from the ERP into the store: only what differs, and nothing wild."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from audit.models import Exchange
from connectors.contract import Page
from connectors.erps.business_central import feeds
from connectors.erps.business_central.connector import BusinessCentral
from connectors.records import ItemPrice
from sync import actions, route_settings, schedules
from sync.models import Flow, FlowSchedule, LookupRow, SentValue, Transfer
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
        variant["sale_price"] = row["sale_price"]
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
    monkeypatch.setattr(feeds, "_PAGE_SIZE", {"Prefer": "odata.maxpagesize=10"})
    flows.run(row.pk)
    row.refresh_from_db()
    assert row.is_running
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


def lists_of(monkeypatch, **lists):
    """The ERP's price lists by name (price by number); the unnamed one is the cards'."""

    def prices(self, *, since="", resume="", price_list=""):
        rows = lists[price_list or "own"].items()
        yield Page(rows=tuple(ItemPrice(number=n, amount=D(p)) for n, p in rows))

    monkeypatch.setattr(BusinessCentral, "prices", prices)


def test_a_sale_price_is_shown_beside_the_price_and_ends_with_its_list(shop, monkeypatch):
    own = {SKU: "249.99", "MAT-FOAM": "39.00"}
    sale = {SKU: "199.00", "MAT-FOAM": "45.00"}
    lists_of(monkeypatch, own=own, SALE=sale)
    route_settings.save(shop.route, {"sale_price_list": "SALE"})
    run(shop, Flow.PRICES)
    shown = product(shop)
    assert (D(str(shown["price"])), D(str(shown["sale_price"]))) == (D("249.99"), D("199.00"))
    assert not product(shop, "MAT-FOAM")["sale_price"], "what is dearer is no sale"
    before = writes("catalog")
    assert run(shop, Flow.PRICES).rows_written == 0
    assert writes("catalog") == before
    del sale[SKU]
    assert run(shop, Flow.PRICES).rows_written == 1
    shown = product(shop)
    assert not shown["sale_price"]
    assert D(str(shown["price"])) == D("249.99")


def test_a_wild_sale_price_waits_and_is_shown_as_it_was_released(shop, monkeypatch):
    lists_of(monkeypatch, own={SKU: "249.99"}, SALE={SKU: "19.90"})
    route_settings.save(shop.route, {"sale_price_list": "SALE"})
    run(shop, Flow.PRICES)
    held = Transfer.objects.get(flow=Flow.PRICES, source_key=SKU)
    assert (held.state, held.hold) == ("held", "price_drop")
    assert "19.90" in held.reason
    assert not product(shop)["sale_price"]
    actions.release([held.pk])
    work.work(held.pk)
    shown = product(shop)
    assert (D(str(shown["price"])), D(str(shown["sale_price"]))) == (D("249.99"), D("19.90"))
    assert run(shop, Flow.PRICES).rows_written == 0


def test_a_sale_reading_that_is_broken_off_goes_on_in_its_list(shop, monkeypatch):
    lists_of(monkeypatch, own={SKU: "249.99"}, SALE={SKU: "199.00"})
    route_settings.save(shop.route, {"sale_price_list": "SALE"})
    monkeypatch.setattr(flows, "SLICE_SECONDS", -1)
    row = FlowSchedule.objects.get(route=shop.route, flow=Flow.PRICES)
    flows.run(row.pk)
    row.refresh_from_db()
    assert row.is_running
    assert not product(shop)["sale_price"]
    run(shop, Flow.PRICES)
    assert D(str(product(shop)["sale_price"])) == D("199.00")


def test_a_price_that_a_person_said_no_to_is_not_asked_again_until_it_is_another(shop):
    run(shop, Flow.PRICES)
    change(shop, price="23.90")
    run(shop, Flow.PRICES)
    held = Transfer.objects.get(flow=Flow.PRICES, source_key=SKU)
    actions.skip([held.pk], "A typing error.")
    row = FlowSchedule.objects.get(route=shop.route, flow=Flow.PRICES)
    schedules.run_now(row, from_the_start=True)
    run(shop, Flow.PRICES)
    held.refresh_from_db()
    assert held.state == "skipped"
    change(shop, price="24.90")
    run(shop, Flow.PRICES)
    held.refresh_from_db()
    assert held.state == "held"


def test_tax_is_taken_out_by_the_item_s_class(shop):
    route_settings.save(
        shop.route, {"price_tax": "remove", "price_tax_rate": "20", "price_drop_limit": "0"}
    )
    change(shop, price="120.00", category="ZERO")
    change(shop, number="MAT-FOAM", price="120.00")
    LookupRow.objects.create(route=shop.route, table="price_tax_rates", key="zero", value="0")
    run(shop, Flow.PRICES)
    assert D(str(product(shop, "MAT-FOAM")["price"])) == D("100.00")
    assert D(str(product(shop)["price"])) == D("120.00")


def test_a_product_that_comes_later_gets_the_price_and_stock_that_it_missed(shop):
    change(shop, number="LATE-1", name="Late", price="19.00", stock=6)
    run(shop, Flow.PRICES)
    run(shop, Flow.STOCK)
    assert SentValue.objects.filter(key="LATE-1", is_matched=False).count() == 2
    route_settings.save(shop.route, {"items_flow": "create"})
    run(shop, Flow.ITEMS)
    FlowSchedule.objects.filter(flow=Flow.PRICES).update(full_at=timezone.now())
    run(shop, Flow.ITEMS)
    schedules.read_all(shop.route, [Flow.PRICES, Flow.STOCK])
    run(shop, Flow.PRICES)
    run(shop, Flow.STOCK)
    assert D(str(product(shop, "LATE-1")["price"])) == D("19.00")


def test_rows_that_were_not_reached_are_written_in_the_same_reading(shop):
    run(shop, Flow.STOCK)
    row = FlowSchedule.objects.get(route=shop.route, flow=Flow.STOCK)
    change(shop, stock=8)
    shop.store_simulator.fault("drop", path="inventory", times=1)
    flows.run(row.pk)
    run(shop, Flow.STOCK)
    assert D(str(product(shop)["inventory_level"])) == 8


def test_a_barcode_s_product_gets_price_and_stock_and_is_no_stranger_in_the_report(shop):
    route_settings.save(shop.route, {"items_by_barcode": "yes"})
    gtin = "5000123459991"
    shop.store_simulator.post(
        "products/create", sku="STORE-SKU-9", name="Nine", upc=gtin, type="physical", price="10.00"
    )
    change(shop, number="ERP-9", name="Nine", gtin=gtin, price="9.00", stock=4)
    assert "STORE-SKU-9" not in run(shop, Flow.ITEMS).report["store_only_skus"]
    run(shop, Flow.PRICES)
    assert D(str(product(shop, "STORE-SKU-9")["price"])) == D("9.00")


def test_an_item_that_was_blocked_is_no_longer_counted_as_matched(shop):
    before = run(shop, Flow.ITEMS).report
    change(shop, blocked=True)
    after = run(shop, Flow.ITEMS).report
    assert after["matched"] == before["matched"] - 1
    assert SKU in after["store_only_skus"]


def test_prices_in_several_currencies_are_told_until_the_route_names_one(shop, monkeypatch):
    def prices(self, *, since="", resume="", price_list=""):
        yield Page(
            rows=(
                ItemPrice(number=SKU, amount=D("239.00"), currency="GBP"),
                ItemPrice(number=SKU, amount=D("229.00"), currency="EUR"),
            )
        )

    monkeypatch.setattr(BusinessCentral, "prices", prices)
    run(shop, Flow.PRICES)
    told = Transfer.objects.get(flow=Flow.PRICES, source_key=SKU)
    assert told.state == "failed"
    assert "EUR, GBP" in told.reason
    assert D(str(product(shop)["price"])) == D("249.99")
    route_settings.save(shop.route, {"price_currency": "GBP"})
    run(shop, Flow.PRICES)
    told.refresh_from_db()
    assert told.state == "posted"
    assert D(str(product(shop)["price"])) == D("239.00")


def test_a_variant_that_inherits_its_price_is_not_shown_a_wild_one(shop, monkeypatch):
    shop.store_simulator.post(
        "products/create",
        name="Shirt",
        type="physical",
        weight=1,
        price="50.00",
        variants=[
            {"sku": "SHIRT-S", "option_values": [{"option_display_name": "Size", "label": "S"}]}
        ],
    )
    lists_of(monkeypatch, own={"SHIRT-S": "5.00"})
    run(shop, Flow.PRICES)
    held = Transfer.objects.get(flow=Flow.PRICES, source_key="SHIRT-S")
    assert held.hold == "price_drop", held.reason


def test_notices_without_end_do_not_put_a_flow_off(shop):
    from connectors.contract import Notice
    from sync import dispatch, inbox
    from sync.models import InboxEvent
    from tenants.models import AgendaItem

    run(shop, Flow.STOCK)
    row = FlowSchedule.objects.get(route=shop.route, flow=Flow.STOCK)

    def notice(number: int):
        told = Notice(record="item", external_id="x", delivery_id=f"n{number}", event="updated")
        inbox.accept(connection=shop.erp, notices=[told], source=InboxEvent.Source.WEBHOOK)
        inbox.process(InboxEvent.objects.get(delivery_id=told.delivery_id).pk)
        return AgendaItem.objects.get(kind=dispatch.FLOW, key=str(row.pk)).due_at

    first = notice(1)
    assert first <= timezone.now() + inbox.COALESCE
    assert notice(2) == notice(3) == first
