"""Items, prices, stock and customers of NAV over HTTP: pages, markers, resuming, writing back."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from connectors.contract import Feed
from connectors.erps.nav.connector import DynamicsNAV
from connectors.erps.nav.feeds import OVERLAP, Position, first_day
from connectors.errors import NeedsAttention, TryLater, UnexpectedShape
from tests.connectors.nav.conftest import ITEMS
from tests.connectors.nav.readings import everything, wait_a_day


def test_what_the_kind_can_do(pages, by_beta):
    for name in ("item", "price", "stock", "customer"):
        assert getattr(DynamicsNAV, f"{name}_feed") is Feed.SINCE
    assert DynamicsNAV.relieves_stock
    assert pages.build().stock_feed is Feed.SINCE
    assert by_beta.build().stock_feed is Feed.SWEEP
    names = {check.name: check for check in pages.build().ping().checks}
    assert names["Changes of stock"].verdict == "ok"
    assert pages.build().ping().is_healthy


def test_all_items_page_by_page_in_the_order_of_their_numbers(any_way):
    rows, marker, count = everything(any_way.build().items())
    numbers = [row.number for row in rows]
    assert count == 3
    assert len(numbers) == len(set(numbers)) == any_way.state()["items"]
    tent = next(row for row in rows if row.number == "TENT-2P-GRN")
    assert (tent.name, tent.gtin, tent.item_class, tent.unit_of_measure, tent.is_stocked) == (
        "Ridge 2 two-person tent, green", "5000123450008", "OUTDOOR", "PCS", True,
    )  # fmt: skip
    assert abs(datetime.fromisoformat(marker).timestamp() - time.time()) < 30
    assert any_way.build().find_items(["MAP-LAKES", "MUG-450"])["MUG-450"].item_class == "OUTDOOR"


def test_only_what_changed_is_read_again(any_way):
    wait_a_day(any_way)
    erp, simulator = any_way.build(), any_way.simulator
    _, marker, _ = everything(erp.items())
    assert everything(erp.items(since=marker))[0] == []
    simulator.post("items", number="TENT-2P-GRN", name="Ridge 2", price="259.99")
    simulator.post("items", number="MUG-450", blocked=True)
    simulator.post("items", number="NEW-ITEM", name="New")
    rows, later, _ = everything(erp.items(since=marker))
    assert {row.number: (row.name, row.is_blocked) for row in rows} == {
        "TENT-2P-GRN": ("Ridge 2", False),
        "MUG-450": ("Enamel mug 450 ml", True),
        "NEW-ITEM": ("New", False),
    }
    prices, _, _ = everything(erp.prices(since=marker))
    tent = next(row for row in prices if row.number == "TENT-2P-GRN")
    assert (tent.amount, tent.includes_tax, tent.currency, tent.price_list) == (
        Decimal("259.99"), True, "GBP", "",
    )  # fmt: skip
    # The whole day (or the overlap) comes again, and is dropped by its digest.
    assert len(everything(erp.items(since=later))[0]) == 3


def test_another_process_goes_on_where_one_stopped(any_way):
    first = next(any_way.build().items())
    simulator = any_way.simulator
    simulator.post("items", number="AAA-FIRST", name="Comes before everything")
    simulator.post("items", number="OUT-000001", delete=True)
    simulator.post("items", number="OUT-002000", name="Changed after it began")
    rest = list(any_way.build().items(resume=first.resume))
    numbers = [row.number for page in (first, *rest) for row in page.rows]
    assert len(numbers) == len(set(numbers))
    assert {f"OUT-{n:06d}" for n in range(2, ITEMS + 1)} <= set(numbers)
    # The marker is of the beginning: what changed meanwhile comes with the next reading.
    assert Position.read(first.resume).marker == rest[-1].marker
    late = {r.number for p in any_way.build().items(since=rest[-1].marker) for r in p.rows}
    assert {"AAA-FIRST", "OUT-002000"} <= late


def test_stock_is_followed_by_the_item_ledger_and_not_by_the_card(pages):
    erp, simulator = pages.build(), pages.simulator
    rows, marker, _ = everything(erp.stock())
    assert len(rows) == pages.state()["items"]
    assert {row.on_hand for row in rows} == {Decimal(40)}
    assert marker == str(pages.state()["stock_entries"])
    simulator.post("stock", number="OUT-000007", quantity=1)  # pushes the others out of the overlap
    simulator.post("items/change", count=120, what="stock")
    _, marker, _ = everything(erp.stock(since=marker))
    simulator.post("items", number="TENT-2P-GRN", stock=12)
    simulator.post("items", number="MUG-450", received=5)
    before = len(pages.records)
    levels, later, _ = everything(erp.stock(since=marker))
    found = {row.number: row.on_hand for row in levels}
    assert found["TENT-2P-GRN"] - 10 == 12  # ten more are at the other location
    assert found["MUG-450"] in (45, 52)
    assert int(later) == int(marker) + 2
    assert len(levels) <= 102
    assert len(pages.records) - before <= 5  # forty items a call


def test_a_posted_sale_lowers_what_is_on_hand_and_an_order_what_can_be_sold(pages):
    erp = pages.build()
    marker = everything(erp.stock())[1]
    line = {"lineType": "Item", "objectNumber": "BIVY-1P", "quantity": 3, "unitPrice": 9}
    common = {"customerNumber": "C00001", "lines": [line]}
    pages.simulator.post("documents", kind="Invoice", post=True, **common)
    pages.simulator.post("documents", kind="Order", **common)
    levels, _, _ = everything(erp.stock(since=marker))
    (bivy,) = [row for row in levels if row.number == "BIVY-1P"]
    assert (bivy.on_hand, bivy.reserved, bivy.location) == (Decimal(37), Decimal(3), "")


def test_stock_by_location(pages):
    erp = pages.build(stock_locations="main, WEB")
    rows, marker, _ = everything(erp.stock())
    tent = {row.location: row.on_hand for row in rows if row.number == "TENT-2P-GRN"}
    assert tent == {"MAIN": Decimal(30), "WEB": Decimal(10)}
    pages.simulator.post("items", number="TENT-2P-GRN", stock=7, location="WEB")
    levels, _, _ = everything(erp.stock(since=marker))
    tent = {row.location: row.on_hand for row in levels if row.number == "TENT-2P-GRN"}
    assert tent == {"MAIN": Decimal(30), "WEB": Decimal(7)}
    pages.simulator.post("pages", service="Item", hide="Location_Filter")
    erp = pages.build(stock_locations="WEB")
    with pytest.raises(NeedsAttention):
        next(erp.stock())
    assert "Changes of stock" in {check.name for check in erp.ping().failures}


def test_a_ledger_that_is_shorter_than_it_was_is_read_whole(pages):
    erp = pages.build()
    rows, marker, _ = everything(erp.stock(since="99999999"))
    assert len(rows) == pages.state()["items"]
    assert marker == str(pages.state()["stock_entries"])


def test_without_ledger_entries_every_reading_takes_all_items(pages):
    pages.simulator.post("pages", service="ItemLedgerEntries", withdraw=True)
    erp = pages.build()
    rows, marker, _ = everything(erp.stock())
    assert marker == ""
    assert len(everything(erp.stock(since="5"))[0]) == len(rows)
    check = next(c for c in erp.ping().checks if c.name == "Changes of stock")
    assert check.verdict == "skipped"
    assert erp.ping().is_healthy


def test_a_stock_reading_is_taken_up_with_its_own_marker(pages):
    first = next(pages.build().stock())
    pages.simulator.post("items", number="OUT-002400", received=1)
    rest = list(pages.build().stock(resume=first.resume))
    again, _, _ = everything(pages.build().stock(since=rest[-1].marker))
    assert "OUT-002400" in {row.number for row in again}


def test_movements_in_several_pages_keep_the_last_number(pages):
    marker = everything(pages.build().stock())[1]
    for count in (1_000, 600):
        pages.simulator.post("items/change", count=count, what="stock")
    first = next(pages.build().stock(since=marker))
    assert first.resume
    rest = list(pages.build().stock(since=marker, resume=first.resume))
    assert int(rest[-1].marker) == int(marker) + 1_600


@pytest.mark.parametrize("name", ["by_beta", "by_v1"])
def test_the_api_reads_all_stock_every_time(request, name):
    way = request.getfixturevalue(name)
    way.simulator.post("items", number="MUG-450", received=5)
    rows, marker, _ = everything(way.build().stock(since="anything"))
    assert marker == ""
    assert len(rows) == way.state()["items"]
    assert next(row.on_hand for row in rows if row.number == "MUG-450") == 45


def test_a_price_group_has_its_prices_those_of_everybody_and_the_cards(pages):
    post, erp = pages.simulator.post, pages.build()
    assert [code for code, _ in erp.price_lists()] == ["*"]
    post("sales-prices", number="MUG-450", price="9.90", group="WEB")
    post("sales-prices", number="MUG-450", price="10.90")
    post("sales-prices", number="MUG-450", price="1.00", group="TRADE")
    post("sales-prices", number="MUG-450", price="2.00", customer="C00001")
    post("sales-prices", number="MUG-450", price="3.00", group="WEB", variant="BLUE")
    post("sales-prices", number="MUG-450", price="50.00", group="WEB", unit="SET")
    post("sales-prices", number="SPORK-TI", price="5.00", group="WEB", to="2020-01-31")
    post("sales-prices", number="TARP-3X3", price="60.00", group="WEB", currency="EUR")
    assert [code for code, _ in erp.price_lists()] == ["*", "TRADE", "WEB"]
    rows, _, count = everything(erp.prices(price_list="WEB", since="ignored"))
    assert count > 10
    assert {row.number for row in rows} == {row.number for row in everything(erp.items())[0]}
    of = {
        number: sorted(
            (row.price_list, row.amount, row.currency) for row in rows if row.number == number
        )
        for number in ("MUG-450", "SPORK-TI", "TARP-3X3", "BIVY-1P")
    }
    assert of["MUG-450"] == [("*", Decimal("10.9"), "GBP"), ("WEB", Decimal("9.9"), "GBP")]
    assert [row[0] for row in of["SPORK-TI"]] == ["", "WEB"]  # the list's own is over
    assert [(row[0], row[2]) for row in of["TARP-3X3"]] == [("", "GBP"), ("WEB", "EUR")]
    assert [row[0] for row in of["BIVY-1P"]] == [""]
    everybody, _, _ = everything(erp.prices(price_list="*"))
    assert {r.price_list for r in everybody if r.number == "MUG-450"} == {"*"}


def test_a_price_list_that_cannot_be_read_is_told(pages, by_beta):
    pages.simulator.post("pages", service="SalesPrices", withdraw=True)
    assert pages.build().price_lists() == ()
    for way in (pages, by_beta):
        with pytest.raises(NeedsAttention) as caught:
            list(way.build().prices(price_list="WEB"))
        assert caught.value.code == "settings"


def test_a_page_without_the_day_of_change_is_read_whole(pages):
    pages.simulator.post("pages", service="Item", hide="Last_Date_Modified")
    for hidden in ("Qty_on_Sales_Order", "Item_Category_Code"):
        pages.simulator.post("pages", service="Item", hide=hidden)
    wait_a_day(pages)
    erp = pages.build()
    rows, marker, _ = everything(erp.items())
    assert len(everything(erp.items(since=marker))[0]) == len(rows)
    assert {row.reserved for row in everything(erp.stock())[0]} == {Decimal(0)}


def test_a_server_with_smaller_pages_is_read_all_the_same(pages):
    pages.set(max_page_size=700)
    rows, _, count = everything(pages.build().items())
    assert (len({row.number for row in rows}), count) == (pages.state()["items"], 4)


def test_a_tenant_is_named_on_every_page(pages):
    pages.set(tenant="acme")
    assert everything(pages.build(tenant="acme").items())[2] == 3


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"action": "status", "status": 503, "times": 9}, TryLater),
        ({"action": "throttle", "times": 9}, TryLater),
        ({"action": "html", "times": 9}, TryLater),
        ({"action": "drop", "times": 9}, TryLater),
        ({"action": "status", "status": 200, "body": '{"value": 1}', "times": 9}, UnexpectedShape),
    ],
)
def test_a_bad_moment_in_the_middle_leaves_the_position(pages, fault, error):
    erp = pages.build()
    reading = erp.items()
    first = next(reading)
    pages.simulator.fault(fault.pop("action"), path="/Item$", **fault)
    with pytest.raises(error):
        next(reading)
    pages.simulator.post("faults/clear")
    rest = [row for page in erp.items(resume=first.resume) for row in page.rows]
    assert len(first.rows) + len(rest) == pages.state()["items"]


def test_a_page_that_repeats_itself_ends_the_reading(pages):
    body = '{"value": [{"No": "A", "Description": "A"}], "@odata.nextLink": "https://x/Item"}'
    pages.simulator.fault("status", status=200, body=body, path="/Item$", times=9)
    with pytest.raises(UnexpectedShape):
        list(pages.build().items())
    with pytest.raises(UnexpectedShape):
        list(pages.build().items(resume="nonsense"))


def test_a_service_that_is_withdrawn_while_we_read_is_told(pages):
    erp = pages.build()
    reading = erp.items()
    next(reading)
    pages.simulator.post("pages", service="Item", withdraw=True)
    with pytest.raises(NeedsAttention) as caught:
        next(reading)
    assert "not published" in caught.value.reason


@pytest.mark.parametrize("zone", [-12, 0, 14])
def test_the_day_of_a_change_is_covered_in_every_time_zone(zone):
    marker = datetime.fromisoformat("2026-11-21T00:05:00+00:00")
    seen_late = marker - OVERLAP + timedelta(seconds=1)
    local_day = (seen_late + timedelta(hours=zone)).date()
    assert first_day(marker.isoformat()) <= local_day
