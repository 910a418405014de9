"""Customers both ways over real HTTP: read by change, written ten at a time, address books kept."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.records import Address, Party
from connectors.stores.bigcommerce.parties import address, address_moves
from tests.connectors.bigcommerce.conftest import Shop

HOME = Address(
    first_name="Zoë", last_name="O'Neil", street_1="1 Mill Lane", city="Leeds",
    state="West Yorkshire", postal_code="LS1 4AP", country_code="GB", phone="+44 1632 960001",
)  # fmt: skip
HOME_ROW = {
    "first_name": "S", "last_name": "N", "address1": "1 Mill Lane", "city": "Leeds",
    "country_code": "GB",
}  # fmt: skip
WORK = replace(HOME, company="O'Neil & Co. Ltd", street_1="9 Station Road", city="Bristol")


def party(email: str = "zoe+shop@example.com", **more: Any) -> Party:
    values: dict[str, Any] = {
        "external_id": "",
        "number": "C00010",
        "name": "Zoë O'Neil",
        "email": email,
        "addresses": (HOME,),
    }
    return Party(**{**values, **more})


def changed(shop: Shop, **how: Any) -> list[Party]:
    return [row for page in shop.adapter().changed_parties(**how) for row in page.rows]


def test_a_customer_is_created_with_everything_and_read_back_the_same(shop: Shop):
    given = party(phone="+44 1632 960001", payment_terms="30 DAYS", addresses=(HOME, WORK))
    (result,) = shop.adapter().write_parties([given])
    assert result.is_taken, result
    assert result.key == "zoe+shop@example.com"
    read = shop.adapter().find_party("ZOE+shop@example.com")
    assert read is not None
    assert read.external_id == result.external_id
    assert (read.name, read.first_name, read.last_name) == ("Zoë O'Neil", "Zoë", "O'Neil")
    assert (read.payment_terms, read.phone) == ("30 DAYS", "+44 1632 960001")
    assert [replace(row, country="") for row in read.addresses] == [HOME, WORK]
    assert read.modified_at
    assert read.modified_at.tzinfo
    assert shop.adapter().fetch_party(result.external_id) == read
    assert shop.adapter().fetch_party("999999") is None
    assert shop.adapter().find_party("nobody@example.com") is None


def test_writing_again_changes_what_differs_and_adds_nothing_twice(shop: Shop):
    adapter = shop.adapter()
    adapter.write_parties([party(payment_terms="30 DAYS", addresses=(HOME, WORK))])
    read = adapter.find_party("zoe+shop@example.com")
    assert read is not None
    moved = replace(HOME, street_1="2 New Street")
    wanted = replace(
        read, last_name="Brontë", name="Zoë Brontë", payment_terms="COD", addresses=(moved, WORK)
    )
    for _ in range(2):
        (result,) = adapter.write_parties([wanted])
        assert result.is_taken, result
    kept = shop.customer("zoe+shop@example.com")
    assert (kept["last_name"], len(kept["addresses"])) == ("Brontë", 2)
    assert [row["address1"] for row in kept["addresses"]] == ["2 New Street", "9 Station Road"]
    again = adapter.find_party("zoe+shop@example.com")
    assert again is not None
    assert again.payment_terms == "COD"


def test_a_shoppers_own_addresses_stay_when_the_list_lacks_them(shop: Shop):
    adapter = shop.adapter()
    adapter.write_parties([party(addresses=(HOME, WORK))])
    read = adapter.find_party("zoe+shop@example.com")
    assert read is not None
    adapter.write_parties([replace(read, addresses=(WORK,))])
    adapter.write_parties([replace(read, addresses=())])
    assert len(shop.customer("zoe+shop@example.com")["addresses"]) == 2


def test_an_address_book_longer_than_the_answer_shows_is_read_whole(shop: Shop):
    many = tuple(replace(HOME, street_1=f"{number} Mill Lane") for number in range(1, 14))
    (result,) = shop.adapter().write_parties([party(addresses=many)])
    assert result.is_taken, result
    read = shop.adapter().find_party("zoe+shop@example.com")
    assert read is not None
    assert [replace(row, country="") for row in read.addresses] == list(many)


def test_a_bad_customer_or_address_stops_no_other(shop: Shop):
    rows = [party(f"shopper{number}@example.com") for number in range(13)]
    rows[3] = replace(rows[3], email="not an address")
    rows[5] = replace(rows[5], phone="1" * 51)
    rows[7] = replace(rows[7], addresses=(replace(HOME, city=""),))
    rows[9] = replace(rows[9], addresses=(replace(HOME, postal_code="9" * 31),))
    rows[11] = replace(rows[11], name="Acme", company="Acme", addresses=())
    results = shop.adapter().write_parties(rows)
    assert [at for at, result in enumerate(results) if result.error] == [3, 5, 7, 9]
    assert "invalid" in results[3].vendor_words
    assert "50 characters" in results[5].vendor_words
    assert results[7].error == "An address lacks its city."
    assert "30 characters" in results[9].vendor_words
    assert (shop.customer("shopper11@example.com")["first_name"]) == "-"
    assert len(shop.sent("POST", "/v3/customers")) >= 2


def test_a_new_customer_whose_email_is_there_already_is_that_customer(shop: Shop):
    shop.simulator.post(
        "customers", email="Zoe+Shop@example.com", first_name="Zoe", last_name="Old"
    )
    shop.simulator.fault("lose_reply", method="PUT", path="/v3/customers$")
    (result,) = shop.adapter().write_parties([party()])
    assert result.again
    (result,) = shop.adapter().write_parties([party()])
    assert result.is_taken
    assert shop.customer("zoe+shop@example.com")["last_name"] == "O'Neil"
    assert len(shop.simulator.get("customers")) == 1


def test_changed_customers_come_by_page_and_a_reading_goes_on_elsewhere(shop: Shop):
    for number in range(260):
        shop.simulator.post(
            "customers", email=f"s{number}@example.com", first_name="S", last_name=f"N{number}"
        )
        if number in (100, 200):
            shop.simulator.post("clock", advance_seconds=600)
    pages = shop.adapter().changed_parties(since=None)
    first = next(pages)
    assert first.resume
    shop.simulator.post("customers", email="s3@example.com", last_name="Changed")
    rest = [
        row
        for page in shop.adapter().changed_parties(since=None, resume=first.resume)
        for row in page.rows
    ]
    rows = [*first.rows, *rest]
    assert {row.email for row in rows} == {f"s{number}@example.com" for number in range(260)}
    assert [row.last_name for row in rest if row.email == "s3@example.com"] == ["Changed"]


def test_the_marker_is_the_last_change_and_nothing_after_it_is_missed(shop: Shop):
    shop.simulator.post("customers", email="a@example.com", first_name="A", last_name="A")
    (page,) = shop.adapter().changed_parties(since=None)
    assert not page.resume
    since = datetime.fromisoformat(page.marker)
    shop.simulator.post("clock", advance_seconds=3_600)
    (quiet,) = shop.adapter().changed_parties(since=since + timedelta(hours=1))
    assert (quiet.rows, quiet.marker) == ((), (since + timedelta(hours=1)).isoformat())
    shop.simulator.post(
        "customers", email="a@example.com", address={"address1": "3 Hill", "city": "York",
        "first_name": "A", "last_name": "A", "country_code": "GB"},
    )  # fmt: skip
    (row,) = changed(shop, since=since + timedelta(minutes=30))
    assert row.addresses[0].city == "York"
    assert changed(shop, since=datetime.now(UTC) + timedelta(hours=2)) == []


def test_an_import_in_one_second_is_read_whole(shop: Shop):
    """More customers than a page holds bear the same second."""
    shop.simulator.post(
        "customers", email="s0@example.com", first_name="S", last_name="N", address=HOME_ROW
    )
    (model,) = shop.simulator.get("customers")
    rows = [
        {
            **model,
            "id": number,
            "email": f"s{number}@example.com",
            "addresses": [],
            "address_count": 0,
        }
        for number in range(1, 281)
    ]

    def answer_with(part: list[dict[str, Any]]) -> None:
        body = json.dumps({"data": part, "meta": {"pagination": {"total": 280}}}, default=str)
        shop.simulator.fault("status", status=200, path="/v3/customers$", body=body)

    answer_with(rows[:250])
    pages = shop.adapter().changed_parties(since=None)
    first = next(pages)
    assert len(first.rows) == 250
    answer_with(rows[:250])
    answer_with(rows[250:])
    assert sum(len(page.rows) for page in pages) == 30
    asked = [call.url for call in shop.sent("GET", "/v3/customers?")]
    assert ["page=1" in url for url in asked] == [True, True, False]


texts = st.sampled_from(["1 Mill Lane", "2 High Street", "3 Park View", "4 The Crescent"])
books = st.lists(texts, max_size=4, unique=True)


@given(known=books, wanted=st.lists(texts, max_size=4))
def test_moves_make_every_wanted_address_be_there_once(known, wanted):
    def row(street: str) -> dict[str, Any]:
        return {**address(replace(HOME, street_1=street), party())}

    book = [{"id": number, **row(street)} for number, street in enumerate(known, 1)]
    moves, new = address_moves(book, [row(street) for street in wanted])
    after = {entry["id"]: entry["address1"] for entry in book}
    after |= {entry["id"]: entry["address1"] for entry in moves}
    streets = [*after.values(), *(entry["address1"] for entry in new)]
    assert set(wanted) <= set(streets)
    assert len(streets) == len(set(streets))
    assert len(after) == len(known), "nothing is deleted"


@pytest.mark.parametrize("name", ["Zoë", "Zoë O'Neil", "Zoë van den Berg"])
def test_a_name_in_one_text_becomes_two(shop: Shop, name: str):
    (result,) = shop.adapter().write_parties([party(name=name, addresses=())])
    assert result.is_taken
    kept = shop.customer("zoe+shop@example.com")
    assert f"{kept['first_name']} {kept['last_name']}".removeprefix("- ") == name
