"""A customer on both sides: one change travels, two different ones are held, echoes end."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from audit.models import Entry
from connectors import services
from sync import actions, mapping_rules, route_settings, schedules
from sync.models import Flow, FlowSchedule, PartyPair, Transfer
from sync.pipelines import flows, work

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


def card(flow):
    """All that the ERP has of her."""
    return services.open_erp(flow.erp).find_party(flow.number)


def second(flow) -> str:
    """Another customer of the ERP with her e-mail address."""
    made = flow.erp_simulator.post("customers", displayName="Ada Else", type="Person", email=EMAIL)
    return made["number"]


def in_store(flow, email=EMAIL):
    found = flow.store_simulator.get(f"customers?email={email}")
    rows = found if isinstance(found, list) else found["customers"]
    (row,) = rows
    return row


def told(number) -> Transfer:
    return Transfer.objects.get(flow=Flow.CUSTOMERS, source_key=number)


def worked(transfer) -> Transfer:
    """As a worker does with what was released: no run of the flow."""
    work.work(transfer.pk)
    transfer.refresh_from_db()
    return transfer


def long_after(flow) -> None:
    """The next run finds nothing that changed: what is old is not in its overlap any more."""
    FlowSchedule.objects.filter(flow=Flow.CUSTOMERS).update(
        marker=json.dumps({"erp": ahead(), "store": ahead()}), full_at=timezone.now()
    )


def ahead() -> str:
    return (timezone.now() + timedelta(hours=1)).isoformat()


def torn(pair) -> Transfer:
    """Two different names: the conflict that people are told of."""
    pair.erp_simulator.post("customers", number=pair.number, displayName="Ada King")
    pair.store_simulator.post("customers", email=EMAIL, last_name="Noel")
    run(pair)
    return told(pair.number)


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


@pytest.mark.parametrize(("side", "last_name"), [("erp", "King"), ("store", "Noel")])
def test_the_chosen_side_of_a_conflict_is_written_at_once(pair, side, last_name):
    held = torn(pair)
    assert not actions.choose_side(held.pk, side=side, shown="another conflict")
    assert actions.choose_side(held.pk, side=side, shown=held.record["value"])
    assert worked(held).state == "posted"
    assert in_store(pair)["last_name"] == last_name
    assert in_erp(pair)["displayName"] == f"Ada {last_name}"
    before = written()
    run(pair)
    assert written() == before
    assert not actions.choose_side(held.pk, side=side, shown=held.record["value"])


def test_a_side_is_chosen_for_the_conflict_that_was_seen_and_for_no_later_one(pair):
    held = torn(pair)
    actions.choose_side(held.pk, side="store", shown=held.record["value"])
    pair.erp_simulator.post("customers", number=pair.number, displayName="Ada Milbanke")
    assert worked(held).hold == "customer_conflict"
    assert held.record["conflict"] == [{"what": "Name", "erp": "Ada Milbanke", "store": "Ada Noel"}]
    assert in_erp(pair)["displayName"] == "Ada Milbanke"
    assert in_store(pair)["last_name"] == "Noel"


def test_a_released_conflict_is_compared_at_once_and_stays_while_the_sides_differ(pair):
    held = torn(pair)
    actions.release([held.pk])
    assert worked(held).hold == "customer_conflict"
    pair.store_simulator.post("customers", email=EMAIL, last_name="King")
    actions.release([held.pk])
    assert worked(held).state == "posted"


def test_a_conflict_ends_with_the_next_run_when_one_side_takes_its_change_back(pair):
    held = torn(pair)
    pair.erp_simulator.post("customers", number=pair.number, displayName="Ada Byron")
    long_after(pair)
    run(pair)
    held.refresh_from_db()
    assert held.state == "posted"
    assert in_erp(pair)["displayName"] == "Ada Noel"


def test_a_conflict_ends_with_the_next_run_when_the_field_gets_an_owner(pair):
    held = torn(pair)
    route_settings.save(pair.route, {"customer_owner_name": "erp"})
    run(pair)
    held.refresh_from_db()
    assert held.state == "posted"
    assert in_store(pair)["last_name"] == "King"


def test_a_conflict_that_a_person_left_alone_is_not_shown_again_until_it_is_another(pair):
    held = torn(pair)
    actions.skip([held.pk], "We know.")
    schedules.read_all(pair.route, [Flow.CUSTOMERS])
    run(pair)
    held.refresh_from_db()
    assert held.was_skipped_by_person
    pair.store_simulator.post("customers", email=EMAIL, last_name="Milbanke")
    run(pair)
    held.refresh_from_db()
    assert held.state == "held"


def refused_for_its_email(pair) -> Transfer:
    """The ERP gives Ada an e-mail address that another shopper has."""
    route_settings.save(pair.route, {"customer_owner_email": "erp"})
    run(pair)
    pair.store_simulator.post(
        "customers", email="taken@harbour.example", first_name="Ann", last_name="Other"
    )
    pair.erp_simulator.post("customers", number=pair.number, email="taken@harbour.example")
    run(pair)
    found = told(pair.number)
    assert found.state == "failed"
    return found


def test_a_refused_change_is_written_by_the_next_run_once_another_row_made_way(pair):
    refused = refused_for_its_email(pair)
    pair.store_simulator.post(
        "customers", email="taken@harbour.example", new_email="ann@harbour.example"
    )
    long_after(pair)
    run(pair)
    refused.refresh_from_db()
    assert refused.state == "posted"
    assert in_store(pair, "taken@harbour.example")["last_name"] == "Byron"


def test_a_refused_change_is_written_at_once_by_its_release(pair):
    refused = refused_for_its_email(pair)
    actions.release([refused.pk])
    assert worked(refused).state == "failed"  # its cause is still there
    pair.store_simulator.post("customers", email="taken@harbour.example", delete=True)
    actions.release([refused.pk])
    assert worked(refused).state == "posted"
    assert in_store(pair, "taken@harbour.example")["last_name"] == "Byron"


def test_the_same_change_on_both_sides_is_agreement(pair):
    before = written()
    pair.erp_simulator.post("customers", number=pair.number, displayName="Ada King")
    pair.store_simulator.post("customers", email=EMAIL, last_name="King")
    run(pair)
    assert written() == before
    assert not Transfer.objects.filter(flow=Flow.CUSTOMERS).exists()
    pair.store_simulator.post("customers", email=EMAIL, last_name="Noel")  # now of one side only
    run(pair)
    assert in_erp(pair)["displayName"] == "Ada Noel"


def test_a_customer_deleted_in_the_erp_stays_in_the_store_and_is_told(pair):
    pair.erp_simulator.post("customers", number=pair.number, delete=True)
    pair.store_simulator.post("customers", email=EMAIL, last_name="King")
    run(pair)
    assert told(pair.number).state == "skipped"
    assert "does not have customer" in told(pair.number).reason
    assert in_store(pair)["last_name"] == "King"
    assert not PartyPair.objects.exists()


def test_a_customer_deleted_in_the_store_is_made_again_only_by_a_person(pair):
    route_settings.save(pair.route, {"customers_create": "yes"})
    pair.store_simulator.post("customers", email=EMAIL, delete=True)
    pair.erp_simulator.post("customers", number=pair.number, displayName="Ada King")
    run(pair)
    run(pair)
    gone = told(pair.number)
    assert gone.state == "skipped"
    assert pair.store_simulator.get(f"customers?email={EMAIL}") == []
    actions.replay([gone.pk])
    assert worked(gone).state == "posted"
    assert in_store(pair)["last_name"] == "King"


def test_a_blocked_customer_is_left_alone_on_both_sides_until_it_is_not_blocked(pair):
    pair.erp_simulator.post("customers", number=pair.number, blocked="All", displayName="Ada King")
    run(pair)
    assert in_store(pair)["last_name"] == "Byron"
    pair.store_simulator.post("customers", email=EMAIL, phone="0207 946 0000")
    run(pair)
    assert told(pair.number).state == "skipped"
    assert card(pair).phone == "01482 1"
    pair.erp_simulator.post("customers", number=pair.number, blocked=" ")
    run(pair)
    assert told(pair.number).state == "posted"
    assert in_store(pair)["last_name"] == "King"
    assert card(pair).phone == "0207 946 0000"


def test_what_the_store_changed_of_a_blocked_customer_is_carried_though_the_erp_changed_nothing(
    pair,
):
    pair.erp_simulator.post("customers", number=pair.number, blocked="All")
    pair.store_simulator.post("customers", email=EMAIL, phone="0207 946 0000")
    run(pair)
    pair.erp_simulator.post("customers", number=pair.number, blocked=" ")
    FlowSchedule.objects.update(marker=json.dumps({"erp": "", "store": ahead()}))
    run(pair)
    assert told(pair.number).state == "posted"
    assert card(pair).phone == "0207 946 0000"


def test_of_two_customers_with_one_email_a_person_says_which_the_shopper_is(pair):
    PartyPair.objects.all().delete()
    other = second(pair)
    schedules.read_all(pair.route, [Flow.CUSTOMERS])
    run(pair)
    one, two = told(pair.number), told(other)
    assert {one.hold, two.hold} == {"customer_ambiguous"}
    assert in_store(pair)["last_name"] == "Byron"
    key = two.hold_keys[0].partition(":")[2]
    freed = mapping_rules.map_customer(
        pair.route, store_key=key, email=two.party_email, number=other
    )
    assert freed == 2
    assert worked(one).state == "skipped"
    assert worked(two).hold == "customer_conflict"
    actions.choose_side(two.pk, side="erp", shown=two.record["value"])
    assert worked(two).state == "posted"
    assert in_store(pair)["last_name"] == "Else"
    run(pair)
    assert in_erp(pair)["displayName"] == "Ada Byron"


def test_a_second_customer_with_the_email_does_not_take_the_shopper_over(pair):
    other = second(pair)
    run(pair)
    assert told(other).hold == "customer_ambiguous"
    assert pair.number in told(other).reason
    run(pair)
    run(pair)
    assert in_store(pair)["last_name"] == "Byron"
    assert PartyPair.objects.get().erp_number == pair.number
    assert not Transfer.objects.filter(flow=Flow.CUSTOMERS, source_key=pair.number).exists()


def test_a_new_shopper_with_an_address_that_another_gave_up_gets_nothing_of_the_customer(pair):
    pair.store_simulator.post("customers", email=EMAIL, new_email="moved@harbour.example")
    pair.store_simulator.post("customers", email=EMAIL, first_name="Eve", last_name="New")
    run(pair)
    assert in_erp(pair)["email"] == "moved@harbour.example"
    assert in_erp(pair)["displayName"] == "Ada Byron"
    assert in_store(pair)["last_name"] == "New"
    assert in_store(pair, "moved@harbour.example")["phone"] == "01482 1"


def test_what_the_erp_shortens_does_not_come_back_as_its_change(pair):
    city = "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch"
    pair.store_simulator.post("customers", email=EMAIL, address={"city": city})
    run(pair)
    assert card(pair).addresses[0].city == city[:30]
    before = written()
    schedules.read_all(pair.route, [Flow.CUSTOMERS])
    run(pair)
    run(pair)
    assert written() == before
    assert in_store(pair)["addresses"][0]["city"] == city


def test_an_address_of_the_erp_leaves_the_rest_of_the_shoppers_address_book_as_it_is(pair):
    shopper = in_store(pair)
    for street in ("2 Lane", "3 Hill"):
        pair.store_simulator.post(
            "customers",
            email=EMAIL,
            add_address={
                "first_name": "Ada",
                "last_name": "Byron",
                "address1": street,
                "city": "Hull",
                "country_code": "GB",
            },
        )
    pair.erp_simulator.post("customers", number=pair.number, addressLine1="9 Quay")
    run(pair)
    book = in_store(pair)["addresses"]
    assert [row["address1"] for row in book] == ["9 Quay", "2 Lane", "3 Hill"]
    assert book[0]["id"] == shopper["addresses"][0]["id"]


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
