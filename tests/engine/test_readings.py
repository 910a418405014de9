"""Whose next reading takes everything after a change of lookups or settings."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.utils import timezone

from connectors.erps.business_central import feeds
from sync import mapping_rules, readings, route_settings, schedules
from sync.models import Flow, FlowSchedule
from sync.pipelines import flows

SKU = "TENT-2P-GRN"


@pytest.fixture
def settled(flow):
    """Every flow of master data, with everything read a moment ago."""
    route_settings.save(
        flow.route,
        {
            "items_flow": "align",
            "prices_flow": "write",
            "stock_flow": "write",
            "customers_flow": "both",
            "price_drop_limit": "0",
        },
    )
    flow.route.refresh_from_db()
    schedules.ensure(flow.route)
    FlowSchedule.objects.update(full_at=timezone.now())
    return flow


def to_be_read_whole() -> set[str]:
    return set(FlowSchedule.objects.filter(full_at=None).values_list("flow", flat=True))


@pytest.mark.parametrize(
    ("table", "expected"),
    [("price_tax_rates", {Flow.PRICES}), ("stock_buffers", {Flow.STOCK}), ("charges", set())],
)
def test_a_changed_lookup_row_has_only_the_flows_that_read_it_read_everything(
    settled, table, expected
):
    value = "account:6610" if table == "charges" else "5"
    row = {"table": table, "key": "*", "value": value, "by": "test"}
    mapping_rules.save_lookup(settled.route, **row)
    assert to_be_read_whole() == expected
    FlowSchedule.objects.update(full_at=timezone.now())
    mapping_rules.save_lookup(settled.route, **row)
    assert not to_be_read_whole()
    mapping_rules.delete_lookup(settled.route, table=table, key="*")
    assert to_be_read_whole() == expected


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("items_flow", "create", {Flow.ITEMS}),
        ("items_by_barcode", "yes", {Flow.ITEMS, Flow.PRICES, Flow.STOCK}),
        ("price_tax_rate", "20", {Flow.PRICES}),
        ("price_ending", "0.99", {Flow.PRICES}),
        ("stock_locations", "MAIN", {Flow.STOCK}),
        ("store_location", "2", {Flow.STOCK}),
        ("customer_owner_name", "erp", {Flow.CUSTOMERS}),
        ("time_zone", "Europe/Berlin", {Flow.PRICES}),
        ("rounding_limit", "0.02", set()),
    ],
)
def test_a_changed_setting_has_only_the_flows_that_it_concerns_read_everything(
    settled, setting, value, expected
):
    assert route_settings.save(settled.route, {setting: value}) == [setting]
    assert to_be_read_whole() == expected


def test_every_setting_of_master_data_belongs_to_a_flow(settled):
    described = route_settings.describe(*route_settings.systems_of(settled.route))
    groups = {"Items", "Prices", "Stock", "Customers"}
    names = [setting.name for setting in described if setting.group in groups]
    assert names
    assert [name for name in names if not readings.of_settings([name])] == []


def run(flow: Flow) -> FlowSchedule:
    row = FlowSchedule.objects.get(flow=flow)
    for _ in range(20):
        flows.run(row.pk)
        row.refresh_from_db()
        if not row.is_running:
            return row
    raise AssertionError(row.words)


def by_small_pages(monkeypatch):
    """One page a task, of a reading that has several."""
    monkeypatch.setattr(flows, "SLICE_SECONDS", -1)
    monkeypatch.setattr(feeds, "_PAGE_SIZE", {"Prefer": "odata.maxpagesize=10"})


def level(flow) -> Decimal:
    (product,) = flow.store_simulator.get(f"products?sku={SKU}")
    (variant,) = [row for row in product["variants"] if row["sku"] == SKU]
    return Decimal(str(variant["inventory_level"]))


def test_a_changed_buffer_reaches_an_item_that_did_not_change(settled):
    run(Flow.STOCK)
    before = level(settled)
    mapping_rules.save_lookup(settled.route, table="stock_buffers", key="*", value="3", by="test")
    whole = run(Flow.STOCK)
    assert level(settled) == before - 3
    again = run(Flow.STOCK)
    assert again.rows_written == 0
    assert again.rows_seen < whole.rows_seen  # only what was moved, again


def test_a_change_during_a_whole_reading_has_another_one_follow(settled, monkeypatch):
    by_small_pages(monkeypatch)
    FlowSchedule.objects.update(full_at=None)
    row = FlowSchedule.objects.get(flow=Flow.STOCK)
    flows.run(row.pk)
    row.refresh_from_db()
    assert row.is_running
    assert row.is_full
    mapping_rules.save_lookup(settled.route, table="stock_buffers", key="*", value="3", by="test")
    assert run(Flow.STOCK).full_at is None
    assert run(Flow.STOCK).full_at is not None


def test_a_flow_that_is_asked_to_run_while_it_runs_goes_again_at_once(settled, monkeypatch):
    by_small_pages(monkeypatch)
    row = FlowSchedule.objects.get(flow=Flow.STOCK)
    flows.run(row.pk)
    readings.read_all(settled.route, [Flow.STOCK], now=True)
    assert run(Flow.STOCK).next_at <= timezone.now()
