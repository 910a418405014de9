"""A customer on both sides: one change travels, two different ones are held, echoes end."""

from __future__ import annotations

import pytest

from audit.models import Entry
from sync import route_settings, schedules
from sync.models import Flow, FlowSchedule, PartyPair, Transfer
from sync.pipelines import flows

EMAIL = "ada@harbour.example"
STREET = {"street_1": "1 Quay", "city": "Hull", "zip": "HU1 1AA", "country": "GB"}


@pytest.fixture
def pair(flow):
    """Ada, known to both sides alike, and agreed on once."""
    route_settings.save(flow.route, {"customers_flow": "both"})
    flow.route.refresh_from_db()
    schedules.ensure(flow.route)
    made = flow.erp_simulator.post(
        "customers",
        displayName="Ada Byron",
        type="Person",
        email=EMAIL,
        phoneNumber="01482 1",
        addressLine1="1 Quay",
        city="Hull",
        postalCode="HU1 1AA",
        country="GB",
    )
    flow.number = made["number"]
    flow.store_simulator.post(
        "customers",
        email=EMAIL,
        first_name="Ada",
        last_name="Byron",
        phone="01482 1",
        address={
            "first_name": "Ada",
            "last_name": "Byron",
            "address1": "1 Quay",
            "city": "Hull",
            "postal_code": "HU1 1AA",
            "country_code": "GB",
            "state_or_province": "",
        },
    )
    run(flow)
    return flow


def run(flow) -> FlowSchedule:
    row = FlowSchedule.objects.get(route=flow.route, flow=Flow.CUSTOMERS)
    for _ in range(20):
        flows.run(row.pk)
        row.refresh_from_db()
        if not row.is_running:
            return row
    raise AssertionError(row.words)


def in_erp(flow):
    rows = flow.erp_simulator.get("state")["customers"]
    return next(row for row in rows if row["number"] == flow.number)


def in_store(flow):
    found = flow.store_simulator.get(f"customers?email={EMAIL}")
    rows = found if isinstance(found, list) else found["customers"]
    (row,) = rows
    return row


def written() -> int:
    return Entry.objects.filter(action="customer_agreed").count()


def test_a_change_of_one_side_reaches_the_other_and_its_echo_ends(pair):
    assert PartyPair.objects.filter(erp_number=pair.number).exists()
    pair.erp_simulator.post("customers", number=pair.number, displayName="Ada Lovelace")
    run(pair)
    shopper = in_store(pair)
    assert (shopper["first_name"], shopper["last_name"]) == ("Ada", "Lovelace")
    before = written()
    run(pair)
    run(pair)
    assert written() == before
    pair.store_simulator.post("customers", email=EMAIL, phone="0207 946 0000")
    run(pair)
    assert written() == before + 1
    run(pair)
    assert written() == before + 1
    assert not Transfer.objects.filter(flow=Flow.CUSTOMERS, state="failed").exists()


def test_two_different_changes_are_held_with_both_sides_and_settle_when_they_agree(pair):
    pair.erp_simulator.post("customers", number=pair.number, displayName="Ada King")
    pair.store_simulator.post("customers", email=EMAIL, last_name="Noel")
    run(pair)
    held = Transfer.objects.get(flow=Flow.CUSTOMERS, source_key=pair.number)
    assert (held.state, held.hold) == ("held", "customer_conflict")
    assert held.record["conflict"] == [{"what": "Name", "erp": "Ada King", "store": "Ada Noel"}]
    assert in_erp(pair)["displayName"] == "Ada King"
    assert in_store(pair)["last_name"] == "Noel"
    pair.store_simulator.post("customers", email=EMAIL, last_name="King")
    run(pair)
    held.refresh_from_db()
    assert held.state == "posted"


def test_a_field_with_an_owner_goes_back_to_its_owner(pair):
    route_settings.save(pair.route, {"customer_owner_name": "erp"})
    pair.store_simulator.post("customers", email=EMAIL, last_name="Wrong")
    run(pair)
    assert in_store(pair)["last_name"] == "Byron"
    assert in_erp(pair)["displayName"] == "Ada Byron"


def test_a_refused_change_is_told_and_the_others_go_on(pair):
    pair.store_simulator.fault("status", status=422, method="PUT", path="customers", times=5)
    pair.erp_simulator.post("customers", number=pair.number, displayName="Ada Lovelace")
    run(pair)
    told = Transfer.objects.get(flow=Flow.CUSTOMERS, source_key=pair.number)
    assert told.state == "failed"
    pair.erp_simulator.post("customers", number=pair.number, displayName="Ada Lovelace-King")
    for _ in range(6):
        run(pair)
        pair.erp_simulator.post("customers", number=pair.number, displayName="Ada Lovelace-King")
    told.refresh_from_db()
    assert told.state == "posted"
    assert in_store(pair)["last_name"] == "Lovelace-King"
