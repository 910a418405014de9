"""Customers kept in agreement with Adobe Commerce, over real HTTP."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.records import Address, Party, RowResult
from connectors.stores.adobe_commerce import parties
from connectors.stores.adobe_commerce.connector import AdobeCommerce
from tests.connectors.adobe_commerce.conftest import Commerce

QUAY = Address(street_1="12 Quay St", street_2="Unit 4", city="Cork", postal_code="T12 X",
               country_code="IE", phone="021 555 1")  # fmt: skip
ANN = Party(external_id="", number="C1", name="Ann Lee", email="ann@example.test",
            first_name="Ann", last_name="Lee", phone="021 555 1", addresses=(QUAY,))  # fmt: skip
ACME = Party(
    external_id="", number="C2", name="Acme Ltd", email="acme@example.test", company="Acme Ltd",
    addresses=(replace(QUAY, state="WA", country_code="US", phone=""),),
)  # fmt: skip


def written(store: AdobeCommerce, party: Party) -> Party:
    (result,) = store.write_parties([party])
    assert result.is_taken, result
    found = store.find_party(party.email)
    assert found is not None
    assert found.external_id == result.external_id
    assert store.fetch_party(found.external_id) == found
    return found


def test_a_new_customer_reads_back_as_it_was_meant(commerce: Commerce):
    store = commerce.adapter()
    ann = written(store, ANN)
    assert (ann.name, ann.phone, ann.company) == ("Ann Lee", "021 555 1", "")
    assert replace(ann.addresses[0], first_name="", last_name="") == QUAY
    acme = written(store, ACME)
    assert (acme.name, acme.company, acme.first_name, acme.phone) == (
        "Acme Ltd",
        "Acme Ltd",
        "",
        "",
    )
    assert acme.addresses[0].state == "Washington"
    assert acme.fields["website_id"] == "1"
    assert written(commerce.adapter(store_ids="3"), ANN).external_id != ann.external_id


def test_a_customer_that_is_gone_is_none(commerce: Commerce):
    assert commerce.adapter().fetch_party("4711") is None


def test_a_customer_that_agrees_already_is_left_alone(commerce: Commerce):
    store = commerce.adapter()
    party = written(store, ACME)
    commerce.calls.clear()
    assert store.write_parties([party])[0].is_taken
    assert [
        call.method for call in commerce.calls if "/V1/" in call.url and call.method != "GET"
    ] == []


def test_a_change_keeps_group_defaults_and_the_shoppers_other_addresses(paas: Commerce):
    order = paas.place(kind="simple")
    paas.simulator.post(f"customers/{order['customer_id']}", group_id=2)
    store = paas.adapter()
    party = store.find_party(order["customer_email"])
    assert party is not None
    home = replace(QUAY, first_name=party.first_name, last_name=party.last_name)
    second = replace(party, addresses=(*party.addresses, home))
    assert len(written(store, second).addresses) == 2
    moved = written(
        store,
        replace(
            party,
            phone="0999 1",
            company="Acme Ltd",
            addresses=(replace(party.addresses[0], city="Kendal"), home),
        ),
    )
    assert len(moved.addresses) == 2
    assert (moved.addresses[0].city, moved.addresses[1].city) == ("Kendal", "Cork")
    assert (moved.group, moved.phone, moved.company) == ("2", "0999 1", "Acme Ltd")
    raw = store.customers._read(moved.external_id)
    assert raw is not None
    assert (raw["default_billing"], raw["default_shipping"]) == (
        str(raw["addresses"][0]["id"]),
    ) * 2


@pytest.mark.parametrize(
    ("party", "words"),
    [
        (replace(ANN, email=""), "no e-mail address"),
        (replace(ANN, addresses=(replace(QUAY, city="", street_1="", street_2=""),)),
         "lacks its street and city"),
        (replace(ANN, first_name="", last_name="", name=""), "no name"),
        (replace(ANN, addresses=()), "phone number in an address"),
        (replace(ACME, name="Ann Lee", first_name="Ann", last_name="Lee", addresses=()),
         "company's name in an address"),
        (replace(ANN, external_id="4711"), "not have this customer any more"),
        (replace(ANN, email="no address"), "refused"),
    ],
)  # fmt: skip
def test_each_customer_that_cannot_go_has_its_own_words(paas: Commerce, party, words):
    bad, good = paas.adapter().write_parties([party, ACME])
    assert words in bad.error
    assert good.is_taken


def test_an_address_of_another_customer_is_refused_in_the_stores_words(paas: Commerce):
    store = paas.adapter()
    acme = written(store, ACME)
    written(store, ANN)
    (result,) = store.write_parties([replace(acme, email=ANN.email)])
    assert "same email address" in result.vendor_words


def test_everyone_and_then_those_who_changed(commerce: Commerce):
    store = commerce.adapter(page_size="4")
    for number in range(10):
        written(store, replace(ANN, email=f"ann{number}@example.test"))
    pages = list(store.changed_parties(since=None))
    assert [len(page.rows) for page in pages] == [4, 4, 2]
    again = list(store.changed_parties(since=None, resume=pages[0].resume))
    assert [page.rows for page in again] == [page.rows for page in pages[1:]]
    commerce.simulator.post("clock", advance_seconds=3_600)
    since = datetime.now(UTC) + timedelta(minutes=50)
    (seventh,) = [p for page in pages for p in page.rows if p.email == "ann7@example.test"]
    commerce.simulator.post(f"customers/{seventh.external_id}", firstname="Anna")
    found = [row for page in store.changed_parties(since=since) for row in page.rows]
    assert [row.first_name for row in found] == ["Anna"]


def test_a_page_full_of_one_second_is_read_on_and_can_be_taken_up_again(paas: Commerce):
    store = paas.adapter(page_size="3")
    for number in range(11):
        written(store, replace(ANN, email=f"ann{number}@example.test"))
    since = datetime.now(UTC) - timedelta(minutes=1)
    pages = list(store.changed_parties(since=since))
    ids = [row.external_id for page in pages for row in page.rows]
    assert len(set(ids)) == 11
    for at, page in enumerate(pages[:-1]):
        rest = store.changed_parties(since=since, resume=page.resume)
        later = {row.external_id for page in rest for row in page.rows}
        before = {row.external_id for page in pages[: at + 1] for row in page.rows}
        assert before | later == set(ids)


def test_customers_of_other_websites_are_not_ours(paas: Commerce):
    written(paas.adapter(), ANN)
    other = paas.adapter(store_ids="3")
    assert other.find_party(ANN.email) is None
    assert [row for page in other.changed_parties(since=None) for row in page.rows] == []


def test_a_lost_answer_makes_no_second_customer(paas: Commerce):
    store = paas.adapter()
    paas.simulator.fault("lose_reply", path="/V1/customers", method="POST")
    first = store.write_parties([ANN])
    paas.simulator.post("faults/clear")
    assert first == (RowResult(key=ANN.email, again=True),)
    written(store, ANN)
    assert paas.simulator.get("state")["customers"] == 1


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_a_customer_that_can_go_has_both_names(first, last, name, company):
    party = replace(ANN, first_name=first, last_name=last, name=name, company=company)
    if not parties.unfit(party, None):
        assert all(part.strip() for part in parties.names(party))
