"""Items, prices, stock and customers of NAV over HTTP: pages, markers, resuming, writing back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Feed
from connectors.erps.nav import customer_cards
from connectors.erps.nav.connector import DynamicsNAV
from connectors.erps.nav.feeds import OVERLAP, Position, first_day
from connectors.erps.nav.metadata import Property, Service
from connectors.errors import NeedsAttention, TryLater, UnexpectedShape
from connectors.records import Address, Party
from tests.connectors.nav.conftest import BASIC, ENTRA, Workshop
from tests.support import nav as support
from tests.support.simulators import Simulator

ITEMS = 2_500  # more than two pages of the adapter
DAY = 86_400


@pytest.fixture(scope="session")
def running_large(tls: Path) -> Iterator[Simulator]:
    started = support.start("--items", str(ITEMS), tls=tls)
    yield started
    started.stop()


@pytest.fixture(scope="session")
def running_large_later(tls: Path) -> Iterator[Simulator]:
    started = support.start("--flavour", "bc_v1", "--items", str(ITEMS), tls=tls)
    yield started
    started.stop()


@pytest.fixture
def pages(running_large: Simulator, tls: Path) -> Workshop:
    running_large.post("reset")
    return Workshop(running_large, tls, BASIC)


@pytest.fixture
def by_beta(pages: Workshop) -> Workshop:
    pages.set(api_services=True)
    return Workshop(pages.simulator, pages.tls, {**BASIC, "interface": "api_beta"})


@pytest.fixture
def by_v1(running_large_later: Simulator, tls: Path) -> Workshop:
    running_large_later.post("reset")
    return Workshop(running_large_later, tls, ENTRA)


@pytest.fixture(params=["pages", "by_beta", "by_v1"])
def any_way(request: pytest.FixtureRequest) -> Workshop:
    return request.getfixturevalue(request.param)


def everything(reading):
    """(all rows, the marker for the next reading, the number of pages)."""
    pages = list(reading)
    assert [page.resume != "" for page in pages] == [True] * (len(pages) - 1) + [False]
    assert all(not page.marker for page in pages[:-1])
    return [row for page in pages for row in page.rows], pages[-1].marker, len(pages)


def wait_a_day(way: Workshop) -> None:
    """Past the overlap: the server then sees what changed before as old."""
    way.simulator.post("clock", advance_seconds=3 * DAY)
    if way.way is ENTRA:
        way.simulator.post("tokens/expire")
        way.cache.values.clear()


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


# Stock


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


# Price lists


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


# Servers that differ, bad moments


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


# Customers

JANE = {
    "displayName": "Jane van Dyke",
    "email": "Jane@example.com;billing@example.com",
    "phoneNumber": "+44 20 7946 0000",
    "addressLine1": "1 Main St",
    "addressLine2": "Flat 2",
    "city": "Cork",
    "country": "IE",
    "postalCode": "T12 X",
}


@pytest.fixture
def jane(any_way) -> Party:
    number = any_way.simulator.post("customers", **JANE)["number"]
    return any_way.build().find_party(number)


def test_a_customer_as_a_party(any_way, jane):
    assert (jane.name, jane.first_name, jane.last_name, jane.company) == (
        "Jane van Dyke", "Jane van", "Dyke", "",
    )  # fmt: skip
    assert (jane.email, jane.phone) == ("Jane@example.com", "+44 20 7946 0000")
    (address,) = jane.addresses
    assert (address.street_1, address.street_2, address.city) == ("1 Main St", "Flat 2", "Cork")
    assert (address.country_code, address.postal_code) == ("IE", "T12 X")
    erp = any_way.build()
    assert erp.find_party("no-such") is None
    assert erp.find_party("X" * 21) is None
    any_way.simulator.post("customers", number=jane.number, blocked="All")
    assert erp.find_party(jane.number).is_blocked


def test_changed_customers(any_way, jane):
    wait_a_day(any_way)
    erp = any_way.build()
    rows, marker, _ = everything(erp.changed_parties())
    assert jane.number in {row.number for row in rows}
    assert len(rows) == len(any_way.state()["customers"])
    assert everything(erp.changed_parties(since=marker))[0] == []
    any_way.simulator.post("customers", number=jane.number, paymentTermsCode="COD")
    (changed,) = everything(erp.changed_parties(since=marker))[0]
    assert (changed.number, changed.payment_terms) == (jane.number, "COD")


def test_only_what_differs_is_written(any_way, jane):
    erp = any_way.build()
    assert erp.write_party(jane).is_taken
    assert not [r for r in any_way.records if r.method == "PATCH"]
    moved = replace(
        jane,
        name="Jane Doe",
        email="jane.doe@example.com",
        payment_terms="PREPAID",
        phone="+353 1 (ext. 5)",
        addresses=(replace(jane.addresses[0], city="Galway"), Address(street_1="ignored")),
    )
    result = erp.write_party(moved)
    assert (result.key, result.external_id, result.error) == (jane.number, jane.external_id, "")
    (patch,) = [r for r in any_way.records if r.method == "PATCH"]
    assert any(name.lower() == "if-match" for name in patch.request_headers)
    found = erp.find_party(jane.number)
    assert (found.name, found.email, found.payment_terms, found.phone) == (
        "Jane Doe", "jane.doe@example.com", "PREPAID", "+353 1 (. 5)",
    )  # fmt: skip
    assert found.addresses[0] == replace(
        moved.addresses[0], first_name="Jane", last_name="Doe", phone=found.phone
    )
    assert erp.find_customers("billing@example.com")  # the second address of the field is kept


def test_a_record_that_somebody_changed_meanwhile_is_read_again(any_way, jane):
    erp = any_way.build()
    body = (
        '{"error":{"code":"Request_EntityChanged","message":"Another user has already changed."}}'
    )
    any_way.simulator.fault("status", method="PATCH", status=409, body=body, times=1)
    assert erp.write_party(replace(jane, name="Jane Two")).is_taken
    assert erp.find_party(jane.number).name == "Jane Two"
    any_way.simulator.fault("status", method="PATCH", status=412, body=body, times=2)
    assert erp.write_party(replace(jane, name="Jane Three")).again


def test_what_is_refused_is_told_and_what_is_not_known_comes_again(any_way, jane):
    erp, simulator = any_way.build(), any_way.simulator
    away = replace(jane.addresses[0], country_code="ZZ")
    refused = erp.write_party(replace(jane, addresses=(away,)))
    assert "Country/Region" in refused.vendor_words
    assert erp.write_party(replace(jane, payment_terms="NO-SUCH")).error
    assert erp.write_party(replace(jane, email="x" * 80 + "@example.com")).error
    simulator.fault("lose_reply", method="PATCH", times=1)
    assert erp.write_party(replace(jane, name="Jane Lost")).again
    simulator.post("customers", number=jane.number, delete=True)
    assert "no longer" in erp.write_party(jane).error


def test_a_field_that_the_page_lacks_is_told_when_it_is_to_be_written(pages):
    number = pages.simulator.post("customers", **JANE)["number"]
    pages.simulator.post("pages", service="Customer", hide="Payment_Terms_Code")
    erp = pages.build()
    jane = erp.find_party(number)
    assert jane.payment_terms == ""
    assert erp.write_party(replace(jane, name="Jane Doe")).is_taken
    refused = erp.write_party(replace(jane, payment_terms="COD"))
    assert "Payment_Terms_Code" in refused.error


def page(**lengths: int) -> Service:
    names = dict.fromkeys(customer_cards.PAGE_FIELDS, 30) | lengths
    return Service("Customer", {n: Property(n, "Edm.String", size) for n, size in names.items()})


@given(text=st.text(max_size=150), phone=st.text(max_size=60))
def test_what_is_sent_always_fits(text, phone):
    party = Party(
        external_id="1",
        number="C1",
        name=text,
        email="",
        phone=phone,
        addresses=(Address(street_1=text, street_2=text, city=text, postal_code=text),),
    )
    body, absent = customer_cards.page_changes(party, {}, page())
    assert not absent
    assert all(len(value) <= 30 for value in body.values())
    assert list(body) == [n for n in customer_cards._wanted(party, "") if n in body]
    sent = customer_cards.api_changes(party, {}, str, name_length=50)
    assert len(sent.get("displayName", "")) <= 50
    assert len(sent.get("phoneNumber", "")) <= 30


def test_a_post_code_is_entered_with_its_city_after_it():
    place = Address(street_1="1 Main St", city="Cork", postal_code="T12", country_code="IE")
    party = Party(external_id="1", number="1", name="J", email="", addresses=(place,))
    current = {"Name": "J", "Address": "1 Main St", "City": "Cork", "Country_Region_Code": "IE"}
    body, _ = customer_cards.page_changes(party, current, page())
    assert list(body) == ["Country_Region_Code", "Post_Code", "City", "County"]
