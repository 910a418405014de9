"""NAV's customers: read as parties, followed, and brought into agreement."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.erps.nav import customer_cards
from connectors.erps.nav.metadata import Property, Service
from connectors.records import Address, Party
from tests.connectors.nav.readings import everything, wait_a_day

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
