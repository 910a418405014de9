"""Items, prices, stock and customers over HTTP: pages, markers, resuming, writing back."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Feed
from connectors.erps.business_central import parties
from connectors.erps.business_central.connector import BusinessCentral
from connectors.erps.business_central.feeds import Position
from connectors.errors import NeedsAttention, TryLater, UnexpectedShape
from connectors.records import Address, Party
from tests.connectors.business_central.conftest import ITEMS

WHOLE = ITEMS + 64


def everything(reading):
    """(all rows, the marker for the next reading, the number of pages)."""
    pages = list(reading)
    assert [page.resume != "" for page in pages] == [True] * (len(pages) - 1) + [False]
    return [row for page in pages for row in page.rows], pages[-1].marker, len(pages)


def test_what_the_kind_can_do():
    for name in ("item", "price", "stock", "customer"):
        assert getattr(BusinessCentral, f"{name}_feed") is Feed.SINCE
    assert BusinessCentral.relieves_stock
    assert BusinessCentral.price_lists(object()) == ()


def test_all_items_page_by_page(erp, workshop):
    rows, marker, pages = everything(erp.items())
    assert (len(rows), pages) == (WHOLE, 3)
    assert len({row.number for row in rows}) == WHOLE
    tent = next(row for row in rows if row.number == "TENT-2P-GRN")
    assert (tent.name, tent.gtin, tent.item_class, tent.unit_of_measure) == (
        "Ridge 2 two-person tent, green", "5000123450008", "OUTDOOR", "PCS",
    )  # fmt: skip
    assert tent.is_stocked
    assert tent.modified_at.tzinfo is not None
    assert not next(row for row in rows if row.number == "SERVICE-WAX").is_stocked
    assert abs(datetime.fromisoformat(marker).timestamp() - time.time()) < 30
    assert workshop.calls("items") == 3


def test_only_what_changed_is_read_again(erp, environment):
    _, marker, _ = everything(erp.items())
    assert everything(erp.items(since=marker))[0] == []
    environment.post("items", number="TENT-2P-GRN", name="Ridge 2", price="259.99")
    environment.post("items", number="MUG-450", blocked=True)
    environment.post("items", number="NEW-ITEM", name="New")
    rows, later, _ = everything(erp.items(since=marker))
    assert {row.number: (row.name, row.is_blocked) for row in rows} == {
        "TENT-2P-GRN": ("Ridge 2", False),
        "MUG-450": ("Enamel mug 450 ml", True),
        "NEW-ITEM": ("New", False),
    }
    prices, _, _ = everything(erp.prices(since=marker))
    tent = next(row for row in prices if row.number == "TENT-2P-GRN")
    assert (tent.amount, tent.includes_tax, tent.currency) == (Decimal("259.99"), True, "")
    assert later >= marker
    # The overlap: what was read just now comes again, and is dropped by its digest.
    assert len(everything(erp.items(since=later))[0]) == 3


def test_a_change_of_stock_is_found_by_the_item_ledger_and_not_by_the_card(
    erp, environment, workshop
):
    rows, marker, _ = everything(erp.stock())
    assert len(rows) == WHOLE - 1  # not the service
    assert {row.on_hand for row in rows} == {Decimal(400)}
    assert marker == "0"
    _, changed, _ = everything(erp.items())
    environment.post("items", number="TENT-2P-GRN", stock=12)
    environment.post("items", number="MUG-450", received=5)
    assert everything(erp.items(since=changed))[0] == []
    levels, marker, _ = everything(erp.stock(since=marker))
    assert {row.number: row.on_hand for row in levels} == {"TENT-2P-GRN": 12, "MUG-450": 405}
    marker = _ten_minutes_on(erp, environment, marker)
    assert marker == "2"
    before = workshop.calls("items")
    environment.post("items/change", count=120, what="stock")
    levels, marker, _ = everything(erp.stock(since=marker))
    assert len(levels) >= 120
    assert workshop.calls("items") - before <= 4  # forty items a call
    assert _ten_minutes_on(erp, environment, marker) == "122"


def _ten_minutes_on(erp, environment, since: str) -> str:
    """The marker once the movements are so old that none before them can appear any more."""
    environment.post("clock", advance_seconds=601)
    return everything(erp.stock(since=since))[1]


def test_a_movement_is_read_again_until_none_before_it_can_appear(erp, environment):
    """Posted at the same time, it got its number first and was seen last."""
    environment.post("items/change", count=60, what="stock")
    environment.post("clock", advance_seconds=601)
    _, marker, _ = everything(erp.stock())
    assert marker == "60"
    environment.post("items/change", count=100, what="stock")
    for _ in range(2):  # ten minutes have not passed: as many as there are, not the last fifty
        levels, marker, _ = everything(erp.stock(since=marker))
        assert len(levels) >= 100
        assert marker == "60"
    environment.post("clock", advance_seconds=590)
    environment.post("items", number="MUG-450", received=5)
    environment.post("clock", advance_seconds=20)
    levels, marker, _ = everything(erp.stock(since=marker))
    assert marker == "160"
    levels, marker, _ = everything(erp.stock(since=marker))
    assert [row.number for row in levels] == ["MUG-450"]


def test_a_posted_sale_lowers_the_stock_and_a_credit_memo_raises_it(erp, environment):
    number = environment.post("customers", displayName="Jane", email="j@example.com")["number"]
    environment.post(
        "documents",
        customerNumber=number,
        post=True,
        salesInvoiceLines=[
            {"lineType": "Item", "lineObjectNumber": "BIVY-1P", "quantity": 3, "unitPrice": 9}
        ],
    )
    levels, marker, _ = everything(erp.stock(since="0"))
    assert [(row.number, row.on_hand) for row in levels] == [("BIVY-1P", Decimal(397))]
    assert _ten_minutes_on(erp, environment, marker) == "1"


def test_another_process_goes_on_where_one_stopped(workshop, environment):
    first = next(workshop.build().items())
    environment.post("items", number="AAA-FIRST", name="Comes before everything")
    environment.post("items", number="OUT-000001", delete=True)
    environment.post("items", number="OUT-002000", name="Changed after it began")
    pages = list(workshop.build().items(resume=first.resume))
    rows = [row for page in (first, *pages) for row in page.rows]
    numbers = [row.number for row in rows]
    assert len(numbers) == len(set(numbers)) == WHOLE
    assert {f"OUT-{n:06d}" for n in range(1, ITEMS + 1)} <= set(numbers)
    # The marker is of the beginning: what changed meanwhile comes with the next reading.
    assert Position.read(first.resume).marker == pages[-1].marker
    late = {
        row.number for page in workshop.build().items(since=pages[-1].marker) for row in page.rows
    }
    assert {"AAA-FIRST", "OUT-002000"} <= late


def test_a_stock_reading_is_taken_up_with_its_own_marker(workshop, environment):
    environment.post("items/change", count=10, what="stock")
    first = next(workshop.build().stock())
    environment.post("items", number="OUT-002400", received=1)
    environment.post("clock", advance_seconds=601)
    pages = list(workshop.build().stock(resume=first.resume))
    # The marker is of the beginning: what moved meanwhile comes with the next reading.
    assert pages[-1].marker == "0"
    again, marker, _ = everything(workshop.build().stock(since="0"))
    assert "OUT-002400" in {row.number for row in again}
    assert marker == "11"


def test_movements_in_several_pages_keep_the_last_number(workshop, environment):
    environment.post("items/change", count=1_000, what="stock")
    environment.post("items/change", count=600, what="stock")
    environment.post("clock", advance_seconds=601)
    erp = workshop.build()
    first = next(erp.stock(since="0"))
    assert first.resume
    assert not first.marker
    pages = list(workshop.build().stock(since="0", resume=first.resume))
    assert pages[-1].marker == "1600"
    # Where the link has ended, only what was not read is read.
    environment.fault("status", status=400, path="itemLedgerEntries$", times=1)
    pages = list(workshop.build().stock(since="0", resume=first.resume))
    assert pages[-1].marker == "1600"
    assert sum(len(page.rows) for page in pages) <= 600


def test_a_link_that_ended_begins_the_reading_anew(erp, environment):
    first = next(erp.items())
    environment.fault("status", status=400, path="/items$", times=1)
    rows, _, pages = everything(erp.items(resume=first.resume))
    assert (len(rows), pages) == (WHOLE, 3)
    with pytest.raises(UnexpectedShape):
        list(erp.items(resume="nonsense"))


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
def test_a_bad_moment_in_the_middle_leaves_the_position(erp, environment, fault, error):
    reading = erp.items()
    first = next(reading)
    environment.fault(fault.pop("action"), path="/items$", **fault)
    with pytest.raises(error):
        next(reading)
    environment.post("faults/clear")
    rest = [row for page in erp.items(resume=first.resume) for row in page.rows]
    assert len(first.rows) + len(rest) == WHOLE


def test_there_are_no_price_lists(erp):
    with pytest.raises(NeedsAttention) as caught:
        list(erp.prices(price_list="RETAIL"))
    assert not caught.value.source  # the connection itself is well


def test_a_ping_tells_if_stock_cannot_be_followed(erp, environment):
    assert "Read item ledger entries" in {c.name for c in erp.ping().checks}
    body = '{"error":{"code":"Authorization_RequestDenied","message":"No permission."}}'
    environment.fault("status", status=403, body=body, path="itemLedgerEntries", times=1)
    (check,) = [c for c in erp.ping().checks if c.name == "Read item ledger entries"]
    assert (check.verdict, check.code) == ("warning", "missing_permission")


def test_the_reading_is_dated_by_the_servers_clock(erp, environment):
    environment.post("clock", advance_seconds=86_400)
    _, marker, _ = everything(erp.items())
    assert datetime.fromisoformat(marker).timestamp() - time.time() > 86_000


# Customers

JANE = {
    "displayName": "Jane van Dyke",
    "type": "Person",
    "email": "Jane@example.com;billing@example.com",
    "phoneNumber": "+44 20 7946 0000",
    "addressLine1": "1 Main St",
    "city": "Cork",
    "country": "IE",
    "postalCode": "t12",
}


@pytest.fixture
def jane(erp, environment) -> Party:
    return erp.find_party(environment.post("customers", **JANE)["number"])


def test_a_customer_as_a_party(erp, environment, jane):
    assert (jane.first_name, jane.last_name, jane.company) == ("Jane van", "Dyke", "")
    assert (jane.email, jane.phone) == ("Jane@example.com", "+44 20 7946 0000")
    (address,) = jane.addresses
    assert (address.street_1, address.country_code, address.postal_code) == (
        "1 Main St",
        "IE",
        "T12",
    )
    assert not jane.is_blocked
    company = environment.post("customers", displayName="Fell & Co", type="Company", blocked="All")
    rows, marker, _ = everything(erp.changed_parties())
    fell = next(row for row in rows if row.number == company["number"])
    assert (fell.company, fell.is_blocked, fell.addresses) == ("Fell & Co", True, ())
    assert {row.number for row in rows} == {jane.number, fell.number}
    assert {row.number for row, in zip(everything(erp.changed_parties(since=marker))[0])} == {
        jane.number, fell.number,
    }  # fmt: skip
    assert erp.find_party("no-such") is None
    assert erp.find_party("X" * 21) is None


def test_only_what_differs_is_written(erp, workshop, jane):
    assert erp.write_party(jane).is_taken
    assert not [r for r in workshop.records if r.method == "PATCH"]
    moved = replace(
        jane,
        name="Jane Doe",
        email="jane.doe@example.com",
        payment_terms="PREPAID",
        addresses=(replace(jane.addresses[0], street_1="2 High St"), Address(street_1="ignored")),
    )
    result = erp.write_party(moved)
    assert (result.key, result.external_id, result.error) == (jane.number, jane.external_id, "")
    (patch,) = [r for r in workshop.records if r.method == "PATCH"]
    assert b'"city"' not in patch.request_body
    found = erp.find_party(jane.number)
    assert (found.name, found.email, found.payment_terms) == (
        "Jane Doe", "jane.doe@example.com", "PREPAID",
    )  # fmt: skip
    assert found.addresses[0].street_1 == "2 High St"
    assert erp.find_customers("billing@example.com")  # the second address of the field is kept


def test_a_record_that_somebody_changed_meanwhile_is_read_again(erp, environment, jane):
    body = (
        '{"error":{"code":"Request_EntityChanged","message":"Another user has already changed."}}'
    )
    environment.fault("status", method="PATCH", status=409, body=body, times=1)
    assert erp.write_party(replace(jane, name="Jane Two")).is_taken
    assert erp.find_party(jane.number).name == "Jane Two"
    environment.fault("status", method="PATCH", status=412, body=body, times=2)
    assert erp.write_party(replace(jane, name="Jane Three")).again


def test_what_is_refused_is_told_and_what_is_not_known_comes_again(erp, environment, jane):
    refused = erp.write_party(
        replace(jane, addresses=(replace(jane.addresses[0], country_code="ZZ"),))
    )
    assert "Country/Region" in refused.vendor_words
    assert erp.write_party(replace(jane, payment_terms="NO-SUCH")).error
    assert erp.write_party(replace(jane, email="x" * 80 + "@example.com")).error
    environment.fault("lose_reply", method="PATCH", times=1)
    assert erp.write_party(replace(jane, name="Jane Lost")).again
    environment.post("customers", number=jane.number, delete=True)
    assert "no longer" in erp.write_party(jane).error


@given(
    name=st.text(max_size=150),
    street=st.text(max_size=150),
    phone=st.text(max_size=60),
)
def test_what_is_sent_always_fits(name, street, phone):
    party = Party(
        external_id="1",
        number="C1",
        name=name,
        email="",
        phone=phone,
        addresses=(Address(street_1=street, city=street, postal_code=street),),
    )
    body = parties.changes(party, {}, lambda code: code)
    for key, value in body.items():
        assert len(value) <= parties.LENGTHS.get(key, 30)
    assert body.get("displayName", "x").strip()


def test_the_overlap_covers_a_long_transaction():
    from connectors.erps.business_central.feeds import OVERLAP

    assert timedelta(minutes=8) < OVERLAP < timedelta(minutes=30)
