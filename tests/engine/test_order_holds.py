"""What an order waits for, in words, and what lets it go."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.utils import timezone

from audit.models import Entry
from connectors import services
from sync import actions, mapping_rules
from sync.models import Transfer
from tests.support.flow import TENT


@pytest.mark.parametrize(
    ("spec", "state", "hold"),
    [
        ({"status_id": 0}, "skipped", ""),
        ({"status_id": 6}, "skipped", ""),
        ({"status_id": 7}, "held", "not_paid"),
        ({"payment": {"test": True}}, "skipped", ""),
        ({"created_at": "2020-01-01T10:00:00+00:00"}, "skipped", ""),
        ({"customer": {"no_email": True, "guest": True}}, "held", "customer_ambiguous"),
    ],
)
def test_what_may_not_be_booked_is_skipped_or_held_with_its_reason(flow, spec, state, hold):
    _, transfer = flow.carry(**spec)
    assert (transfer.state, transfer.hold) == (state, hold), transfer.reason
    assert transfer.reason
    assert flow.booked()["invoices"] == []


def test_a_payment_releases_the_order_that_waited_for_it(flow):
    order, transfer = flow.carry(status_id=7)
    assert transfer.hold == "not_paid"
    flow.store_simulator.post(f"orders/{order['id']}/status", status_id=11)
    flow.announce(order["id"], event="store/order/statusUpdated")
    assert flow.work(order["id"]).state == "posted"


def test_an_unknown_sku_is_held_by_name_and_goes_when_it_is_mapped(flow):
    order, transfer = flow.carry(lines=[TENT, {"sku": "GIFTBOX-XMAS", "quantity": 1}])
    assert transfer.hold == "item_unknown"
    assert "GIFTBOX-XMAS" in transfer.reason
    assert mapping_rules.map_item(flow.route, sku="GIFTBOX-XMAS", number="SPARE-POLE") == 1
    assert flow.work(order["id"]).state == "posted"


def test_a_missing_lookup_row_releases_everything_that_waited_for_it(flow):
    mapping_rules.delete_lookup(flow.route, table="charges", key="shipping")
    orders = [flow.carry(lines=[TENT], shipping="4.95")[0] for _ in range(3)]
    assert {flow.transfer(o["id"]).hold for o in orders} == {"lookup_missing"}
    released = mapping_rules.save_lookup(
        flow.route, table="charges", key="Shipping", value="account:6610", by="anna"
    )
    assert released == 3
    assert {flow.work(o["id"]).state for o in orders} == {"posted"}


def test_a_closed_period_holds_and_the_order_goes_by_itself_when_it_opens(flow):
    flow.erp_simulator.post("period", to="2020-01-31")
    order, transfer = flow.carry(lines=[TENT])
    assert transfer.hold == "period_closed"
    assert "allowed posting dates" in transfer.vendor_words
    assert transfer.due_at > timezone.now()
    assert flow.booked()["posted"] == 0
    flow.erp_simulator.post("period", to=None)
    Transfer.objects.update(due_at=timezone.now())
    assert flow.work(order["id"]).state == "posted"
    assert flow.booked()["duplicates"] == {}


def test_totals_that_disagree_are_held_with_both_sides_and_nothing_is_posted(flow):
    flow.erp_simulator.post("settings", vat={"STANDARD": 19})
    order, transfer = flow.carry(lines=[TENT])
    assert transfer.hold == "totals_disagree"
    assert Decimal(transfer.comparison["tax"]["difference"]) != 0
    assert flow.booked()["posted"] == 0
    assert actions.accept_difference(transfer.pk, by="anna@acme.example")
    assert flow.work(order["id"]).state == "posted"
    assert Entry.objects.filter(action="difference_accepted").exists()


def test_a_draft_that_disagreed_is_made_anew_once_the_setup_is_right(flow):
    flow.erp_simulator.post("settings", vat={"STANDARD": 19})
    order, transfer = flow.carry(lines=[TENT])
    assert transfer.hold == "totals_disagree"
    flow.erp_simulator.post("settings", vat={"STANDARD": 20})
    assert actions.release([transfer.pk]) == 1
    assert flow.work(order["id"]).state == "posted"
    booked = flow.booked()
    assert (booked["posted"], booked["drafts"]) == (1, 0)


def test_several_customers_with_one_address_are_never_guessed(flow):
    for name in ("One", "Two"):
        flow.erp_simulator.post("customers", displayName=name, email="Shared@example.com")
    order, transfer = flow.carry(lines=[TENT], customer={"email": "shared@example.com"})
    assert transfer.hold == "customer_ambiguous"
    key = transfer.hold_keys[0].removeprefix("customer:")
    mapping_rules.map_customer(
        flow.route, store_key=key, email="shared@example.com", number="C00002"
    )
    assert flow.work(order["id"]).state == "posted"
    assert flow.booked()["invoices"][0]["customerNumber"] == "C00002"


def test_a_refused_credential_pauses_the_connection_and_a_good_ping_lets_all_go(flow):
    flow.erp_simulator.post("settings", card="not_registered")
    orders = [flow.carry(lines=[TENT])[0] for _ in range(2)]
    assert {flow.transfer(o["id"]).hold for o in orders} == {"connection_paused"}
    flow.erp.refresh_from_db()
    assert flow.erp.state == "refused"
    flow.erp_simulator.post("settings", card="enabled")
    services.ping(flow.erp)
    assert {flow.transfer(o["id"]).state for o in orders} == {"waiting"}
    flow.erp.refresh_from_db()
    assert {flow.work(o["id"]).state for o in orders} == {"posted"}


def test_a_blocked_customer_holds_the_order(flow):
    customer = flow.erp_simulator.post("customers", displayName="B", email="b@example.com")
    flow.erp_simulator.post("customers", number=customer["number"], blocked="All")
    _, transfer = flow.carry(lines=[TENT], customer={"email": "b@example.com"})
    assert transfer.hold == "customer_blocked"


def test_a_lookup_row_added_while_an_order_is_being_worked_is_not_missed(flow, monkeypatch):
    mapping_rules.delete_lookup(flow.route, table="charges", key="shipping")
    load, added = mapping_rules.load, []

    def load_and_then_somebody_adds_it(route):
        rules = load(route)
        if not added:
            added.append(True)
            mapping_rules.save_lookup(
                route, table="charges", key="shipping", value="account:6610", by="anna"
            )
        return rules

    monkeypatch.setattr(mapping_rules, "load", load_and_then_somebody_adds_it)
    order, transfer = flow.carry(lines=[TENT], shipping="4.95")
    assert transfer.state == "waiting"
    assert flow.work(order["id"]).state == "posted"


def test_a_ledger_that_is_down_for_hours_holds_its_orders_and_fails_none(flow):
    flow.erp_simulator.fault("status", status=503, times=None)
    order = flow.place(lines=[TENT])
    flow.announce(order["id"])
    Transfer.objects.update(attempts=12)
    transfer = flow.work(order["id"])
    assert (transfer.state, transfer.hold) == ("held", "connection_paused")
    assert transfer.due_at > timezone.now()
    flow.erp_simulator.post("faults/clear")
    Transfer.objects.update(due_at=timezone.now())
    assert flow.work(order["id"]).state == "posted"
