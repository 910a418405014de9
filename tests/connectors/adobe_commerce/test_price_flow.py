"""Prices and sale prices of a ledger in an Adobe Commerce store, through the engine."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from connectors.contract import Page
from connectors.erps.business_central.connector import BusinessCentral
from connectors.records import ItemPrice
from sync import actions, route_settings, schedules
from sync.models import Flow, FlowSchedule, Transfer
from sync.pipelines import flows, work
from tests.connectors.adobe_commerce.test_flow import make_route  # noqa: F401
from tests.connectors.adobe_commerce.test_master_data import item, sent

D = Decimal
SKU, OTHER = "TARP-3X3", "TENT-2P-GRN"
SPECIAL, BASE = "products/special-price", "products/base-prices"


@pytest.fixture
def ledger(monkeypatch):
    """What the ERP's price lists hold, by list and item: an amount, or an amount and a last day."""
    lists: dict[str, dict[str, tuple[str, date | None]]] = {
        "": {SKU: ("59.00", None), OTHER: ("249.99", None)},
        "SALE": {SKU: ("49.90", None)},
    }

    def prices(self, *, since="", resume="", price_list=""):
        rows = lists[price_list].items()
        yield Page(
            rows=tuple(ItemPrice(number=n, amount=D(p), valid_to=day) for n, (p, day) in rows)
        )

    monkeypatch.setattr(BusinessCentral, "prices", prices)
    return lists


@pytest.fixture
def shop(make_route, ledger, paas):  # noqa: F811
    for sku, price in ((SKU, "59.00"), (OTHER, "249.99")):
        paas.simulator.post("items", sku=sku, price=price)
    route = make_route()
    route_settings.save(
        route, {"prices_flow": "write", "sale_price_list": "SALE", "price_currency": "GBP"}
    )
    route.refresh_from_db()
    schedules.ensure(route)
    return route


def run(route) -> FlowSchedule:
    row = FlowSchedule.objects.get(route=route, flow=Flow.PRICES)
    for _ in range(20):
        flows.run(row.pk)
        row.refresh_from_db()
        if not row.is_running:
            return row
    raise AssertionError(row.words)


def specials(paas, sku=SKU) -> list[tuple[Decimal, str]]:
    return [(D(str(row["price"])), row["price_to"]) for row in item(paas, sku)["special"]]


def written(paas) -> int:
    calls = paas.simulator.counts()
    return sum(n for call, n in calls.items() if call.endswith(("/special-price", "-delete", BASE)))


def test_a_sale_price_begins_is_left_alone_changes_and_ends(shop, ledger, paas):
    row = run(shop)
    assert (row.rows_written, row.rows_refused) == (1, 0), row.words
    assert specials(paas) == [(D("49.90"), "2037-12-31 23:59:59")]
    assert specials(paas, OTHER) == []
    before = written(paas)
    assert before == 1
    assert run(shop).rows_written == 0
    assert written(paas) == before
    ledger["SALE"][SKU] = ("47.50", None)
    assert run(shop).rows_written == 1
    assert [price for price, _ in specials(paas)] == [D("47.50")]
    del ledger["SALE"][SKU]
    assert run(shop).rows_written == 1
    assert specials(paas) == []
    assert item(paas, SKU)["price"] == 59


def test_the_last_day_of_the_erps_list_is_the_sale_prices(shop, ledger, paas):
    zone = ZoneInfo("Europe/London")
    last = datetime.now(zone).date() + timedelta(days=3)
    ledger["SALE"][SKU] = ("49.90", last)
    run(shop)
    midnight = datetime.combine(last + timedelta(days=1), datetime.min.time(), zone)
    ends = midnight.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    assert specials(paas) == [(D("49.90"), ends)]
    assert run(shop).rows_written == 0
    ledger["SALE"][SKU] = ("49.90", last + timedelta(days=1))
    assert run(shop).rows_written == 1
    assert [price for price, _ in specials(paas)] == [D("49.90")]
    assert specials(paas)[0][1] > ends


def test_a_refused_sale_price_is_a_row_of_its_own_and_stops_no_other(shop, ledger, paas):
    theirs = {"price": "30", "price_from": "2026-01-01 00:00:00", "price_to": None}
    paas.simulator.post("items", sku=SKU, special=[theirs])
    ledger["SALE"] |= {SKU: ("55.00", None), OTHER: ("229.00", None)}
    row = run(shop)
    assert (row.rows_written, row.rows_refused) == (1, 1), row.words
    refused = Transfer.objects.get(flow=Flow.PRICES, source_key=SKU)
    assert refused.state == "failed"
    assert "another special price" in refused.reason
    assert [price for price, _ in specials(paas)] == [30]
    assert [price for price, _ in specials(paas, OTHER)] == [229]
    paas.simulator.post("items", sku=SKU, special=[])
    schedules.run_now(row, from_the_start=True)
    run(shop)
    refused.refresh_from_db()
    assert refused.state == "posted"
    assert [price for price, _ in specials(paas)] == [55]


def test_a_wild_sale_price_waits_and_keeps_its_last_day(shop, ledger, paas):
    last = date(2031, 5, 31)
    ledger["SALE"][SKU] = ("4.90", last)
    run(shop)
    held = Transfer.objects.get(flow=Flow.PRICES, source_key=SKU)
    assert (held.state, held.hold) == ("held", "price_drop")
    assert specials(paas) == []
    assert sent(paas, SPECIAL) == []
    actions.release([held.pk])
    work.work(held.pk)
    assert specials(paas) == [(D("4.90"), "2031-05-31 23:00:00")]
    assert run(shop).rows_written == 0
