"""Readings that take long, are asked for again meanwhile, or stand beside orders."""

from __future__ import annotations

import threading

import pytest
from django.utils import timezone

from audit.models import Exchange
from connectors.erps.business_central import feeds
from connectors.stores.bigcommerce import catalog as store_catalog
from sync import dispatch, route_settings, schedules, tasks
from sync.models import Flow, FlowSchedule
from sync.pipelines import flows
from tenants.models import AgendaItem
from tests.support.flow import forget_processes_memory


@pytest.fixture
def shop(flow):
    route_settings.save(
        flow.route, {"items_flow": "align", "prices_flow": "write", "stock_flow": "write"}
    )
    flow.route.refresh_from_db()
    schedules.ensure(flow.route)
    return flow


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr(feeds, "_PAGE_SIZE", {"Prefer": "odata.maxpagesize=10"})


def schedule(shop, flow_name: Flow) -> FlowSchedule:
    return FlowSchedule.objects.get(route=shop.route, flow=flow_name)


def run(shop, flow_name: Flow) -> FlowSchedule:
    row = schedule(shop, flow_name)
    for _ in range(60):
        flows.run(row.pk)
        row.refresh_from_db()
        if not row.is_running:
            return row
    raise AssertionError(row.words)


def reads(path: str) -> int:
    return Exchange.objects.filter(method="GET", path__contains=path).count()


def test_a_report_that_is_broken_off_goes_on_and_reads_nothing_again(shop, monkeypatch):
    whole = run(shop, Flow.ITEMS).report
    monkeypatch.setattr(store_catalog, "PAGE", 5)
    row = schedule(shop, Flow.ITEMS)
    schedules.run_now(row, from_the_start=True)
    shop.store_simulator.fault("throttle", method="GET", path="catalog/products", skip=3, times=1)
    Exchange.objects.all().delete()
    flows.run(row.pk)
    row.refresh_from_db()
    assert row.is_running
    assert row.lease_until is None
    seen, read = row.rows_seen, reads("/items")
    assert seen > 0
    forget_processes_memory()  # the pause that the store asked for is over
    done = run(shop, Flow.ITEMS)
    assert (done.rows_seen, reads("/items")) == (seen, read)
    assert done.report == whole
    assert done.marker


def test_a_report_makes_room_for_orders_page_by_page(shop, monkeypatch):
    whole = run(shop, Flow.ITEMS).report
    monkeypatch.setattr(store_catalog, "PAGE", 5)
    monkeypatch.setattr(flows, "SLICE_SECONDS", -1)
    row = schedule(shop, Flow.ITEMS)
    schedules.run_now(row)
    slices = 0
    while slices < 60:
        flows.run(row.pk)
        slices += 1
        row.refresh_from_db()
        if not row.is_running:
            break
    assert slices > 3
    assert row.report == whole


def test_a_whole_reading_asked_for_while_one_is_running_follows_it(shop, small_pages, monkeypatch):
    run(shop, Flow.PRICES)
    FlowSchedule.objects.filter(flow=Flow.PRICES).update(marker="", full_at=None)
    monkeypatch.setattr(flows, "SLICE_SECONDS", -1)
    row = schedule(shop, Flow.PRICES)
    flows.run(row.pk)
    row.refresh_from_db()
    assert row.is_running
    assert row.is_full
    schedules.read_all(shop.route, [Flow.PRICES])  # as saving the route's settings does
    first = run(shop, Flow.PRICES).rows_seen
    assert run(shop, Flow.PRICES).rows_seen == first > 10


def test_from_the_start_begins_a_running_reading_anew(shop, small_pages, monkeypatch):
    whole = run(shop, Flow.STOCK).rows_seen
    shop.erp_simulator.post("items/change", share=100, what="stock")
    monkeypatch.setattr(flows, "SLICE_SECONDS", -1)
    row = schedule(shop, Flow.STOCK)
    reading = flows.WORKS[Flow.STOCK].page
    asked = []

    def asked_for_meanwhile(self, rows):
        if not asked:
            asked.append(1)
            schedules.run_now(schedule(shop, Flow.STOCK), from_the_start=True)
        return reading(self, rows)

    monkeypatch.setattr(flows.WORKS[Flow.STOCK], "page", asked_for_meanwhile)
    flows.run(row.pk)
    row.refresh_from_db()
    assert (row.marker, row.resume) == ("", "")
    Exchange.objects.all().delete()
    assert run(shop, Flow.STOCK).rows_seen >= whole
    assert reads("itemLedgerEntries") == 1  # where the ledger ends, not what moved


def test_from_the_start_has_a_whole_reading_follow_the_first_page_of_one(shop, monkeypatch):
    row = schedule(shop, Flow.STOCK)
    reading = flows.WORKS[Flow.STOCK].page
    asked = []

    def asked_for_meanwhile(self, rows):
        if not asked:
            asked.append(1)
            schedules.run_now(schedule(shop, Flow.STOCK), from_the_start=True)
        return reading(self, rows)

    monkeypatch.setattr(flows.WORKS[Flow.STOCK], "page", asked_for_meanwhile)
    flows.run(row.pk)
    row.refresh_from_db()
    whole = row.rows_seen
    due = AgendaItem.objects.get(kind=dispatch.FLOW, key=str(row.pk)).due_at
    assert due <= timezone.now()
    assert run(shop, Flow.STOCK).rows_seen == whole > 10
    assert run(shop, Flow.STOCK).rows_seen < whole


def test_from_the_start_while_a_short_reading_runs_reads_everything_once(
    shop, small_pages, monkeypatch
):
    whole = run(shop, Flow.STOCK).rows_seen
    shop.erp_simulator.post("items/change", share=100, what="stock")
    monkeypatch.setattr(flows, "SLICE_SECONDS", -1)
    row = schedule(shop, Flow.STOCK)
    flows.run(row.pk)
    row.refresh_from_db()
    assert row.is_running
    assert not row.is_full
    asked_at = timezone.now()
    schedules.run_now(row, from_the_start=True)
    done = run(shop, Flow.STOCK)
    assert done.rows_seen == whole
    assert done.full_at >= asked_at
    assert done.next_at > timezone.now()  # as planned: it was not asked for twice
    assert run(shop, Flow.STOCK).full_at == done.full_at


def test_a_once_a_day_reading_is_not_put_off_by_one_that_is_short(shop):
    row = run(shop, Flow.STOCK)
    begun = row.full_at
    assert begun == row.started_at
    again = run(shop, Flow.STOCK)
    assert again.rows_seen < row.rows_seen
    assert again.full_at == begun


def test_flows_leave_half_of_a_workers_threads_to_orders(shop, monkeypatch):
    monkeypatch.setattr(tasks, "_background", threading.Semaphore(1))
    row = schedule(shop, Flow.STOCK)
    with tasks.beside_orders(dispatch.COMPLETENESS, shop.route.pk) as has_room:
        assert has_room
        tasks.run_flow("t_acme", str(row.pk))
        row.refresh_from_db()
        assert row.started_at is None
        due = AgendaItem.objects.get(kind=dispatch.FLOW, key=str(row.pk)).due_at
        assert timezone.now() < due < timezone.now() + tasks.NO_ROOM
    tasks.run_flow("t_acme", str(row.pk))
    row.refresh_from_db()
    assert row.started_at is not None


def test_a_flow_that_is_switched_off_is_forgotten(shop):
    row = schedule(shop, Flow.STOCK)
    route_settings.save(shop.route, {"stock_flow": "off"})
    dispatch.wake(dispatch.FLOW, row.pk)  # by a notice that came just before
    flows.run(row.pk)
    assert not AgendaItem.objects.filter(kind=dispatch.FLOW, key=str(row.pk)).exists()
