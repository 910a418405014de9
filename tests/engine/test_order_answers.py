"""Answers of the ledger that were lost, came late or never: no order is booked twice."""

from __future__ import annotations

import time
from datetime import timedelta

from django.utils import timezone

from audit.models import Entry
from connectors import services
from sync import actions, mapping_rules, route_settings
from sync.models import Document
from tests.support.flow import TENT


def test_a_lost_reply_to_the_create_is_found_and_not_sent_again(flow):
    flow.erp_simulator.fault("lose_reply", method="POST", path="salesInvoices$")
    order, transfer = flow.carry(lines=[TENT])
    assert transfer.state == "waiting"
    assert Entry.objects.filter(action="outcome_unknown").exists()
    assert flow.work(order["id"]).state == "posted"
    booked = flow.booked()
    assert (booked["posted"], booked["drafts"], booked["duplicates"]) == (1, 0, {})
    assert Document.objects.get().sends == 1


def test_a_lost_reply_to_the_posting_is_seen_as_posted(flow):
    flow.erp_simulator.fault("lose_reply", method="POST", path=r"NAV\.post$")
    order, transfer = flow.carry(lines=[TENT])
    assert transfer.state == "waiting"
    assert flow.work(order["id"]).state == "posted"
    assert flow.booked()["posted"] == 1


def test_a_create_that_never_arrived_is_sent_again_only_after_its_time_is_over(flow):
    flow.erp_simulator.fault("drop", method="POST", path="salesInvoices$")
    order, transfer = flow.carry(lines=[TENT])
    assert transfer.state == "waiting"
    transfer = flow.work(order["id"])
    assert transfer.state == "waiting"  # it looks, finds nothing, and still waits
    assert flow.booked()["invoices"] == []
    Document.objects.update(sent_at=timezone.now() - timedelta(minutes=5))
    assert flow.work(order["id"]).state == "posted"
    assert flow.booked()["duplicates"] == {}


def test_an_erp_that_never_answers_ends_with_a_person_and_a_replay_begins_afresh(flow):
    flow.erp_simulator.fault("drop", method="POST", path="salesInvoices$", times=None)
    order = flow.place(lines=[TENT])
    flow.announce(order["id"])
    for _ in range(14):
        Document.objects.update(sent_at=timezone.now() - timedelta(minutes=5))
        transfer = flow.work(order["id"])
    assert transfer.state == "failed"
    assert transfer.reason
    flow.erp_simulator.post("faults/clear")
    actions.replay([transfer.pk])
    Document.objects.update(sent_at=timezone.now() - timedelta(minutes=5))
    assert flow.work(order["id"]).state == "posted"
    assert flow.booked()["duplicates"] == {}


def test_a_document_that_somebody_keyed_by_hand_is_taken_on_if_equal_and_held_if_not(flow):
    order = flow.place(lines=[TENT], customer={"email": "hand@example.com"}, shipping="0")
    customer = flow.erp_simulator.post("customers", displayName="Hand", email="hand@example.com")
    flow.erp_simulator.post(
        "documents",
        customerId=customer["id"],
        externalDocumentNumber=f"web-{order['id']}",
        salesInvoiceLines=[
            {"lineType": "Item", "lineObjectNumber": "MAT-FOAM", "quantity": 1, "unitPrice": 1}
        ],
    )
    flow.announce(order["id"])
    transfer = flow.work(order["id"])
    assert transfer.hold == "duplicate_reference"
    assert len(flow.booked()["invoices"]) == 1


def test_replaying_a_posted_order_books_nothing_new(flow):
    order, transfer = flow.carry(lines=[TENT])
    assert actions.replay([transfer.pk]) == 1
    assert flow.work(order["id"]).state == "posted"
    assert len(flow.booked()["invoices"]) == 1


def test_an_expired_token_is_thrown_away_once_and_the_order_goes_on(flow):
    flow.carry(lines=[TENT])
    flow.erp_simulator.post("tokens/expire")
    _, transfer = flow.carry(lines=[TENT])
    assert transfer.state == "posted"


def test_a_route_that_books_in_another_way_by_now_does_not_book_an_order_twice(flow):
    order, transfer = flow.carry(lines=[TENT])
    assert transfer.state == "posted"
    route_settings.save(flow.route, {"document_kind": "sales_order"})
    flow.route.refresh_from_db()
    actions.replay([transfer.pk])
    transfer = flow.work(order["id"])
    assert transfer.state == "changed"
    assert "sales invoice" in transfer.reason
    assert Document.objects.count() == 1
    route_settings.save(flow.route, {"document_kind": "posted_invoice"})
    actions.replay([transfer.pk])
    assert flow.work(order["id"]).state == "posted"


def test_a_create_whose_turn_comes_after_its_claim_may_be_over_is_not_sent(flow, monkeypatch):
    from connectors.erps.business_central import connector

    flow.carry(lines=[TENT], customer={"email": "slow@example.com"})
    services._adapters.clear()  # so that the currencies are read again, before the create
    monkeypatch.setattr(connector, "BEGIN_SECONDS", 0.5)
    flow.erp_simulator.fault("delay", path="currencies", seconds=1)
    order, transfer = flow.carry(lines=[TENT], customer={"email": "slow@example.com"})
    assert transfer.state == "waiting"
    assert len(flow.booked()["invoices"]) == 1
    assert flow.work(order["id"]).state == "posted"
    assert flow.booked()["duplicates"] == {}


def test_a_create_that_the_erp_works_on_after_we_gave_up_is_not_sent_again(flow):
    """The service goes on with a request whose client has left: minutes, not our own timeout."""
    erp = flow.erp
    services.save_settings(erp, {**erp.values, "server_seconds": "600"})
    order = flow.place(lines=[TENT])
    flow.announce(order["id"])
    flow.erp_simulator.fault("delay", method="POST", path="salesInvoices$", seconds=4.5)
    assert flow.work(order["id"]).state == "waiting"
    # Longer ago than our own patience with one request, and not longer than the service's.
    Document.objects.update(sent_at=timezone.now() - timedelta(seconds=60))
    assert flow.work(order["id"]).state == "waiting"
    assert Document.objects.get().sends == 1
    deadline = time.monotonic() + 10
    while not flow.booked()["invoices"] and time.monotonic() < deadline:
        time.sleep(0.2)
    assert flow.work(order["id"], tries=3).state == "posted"
    (invoice,) = flow.booked()["invoices"]
    assert invoice["externalDocumentNumber"] == f"WEB-{order['id']}"


def test_a_draft_that_was_handed_over_is_never_taken_back(flow):
    """An accountant may be working on it: a replay shows it, whatever the mapping says by now."""
    route_settings.save(flow.route, {"document_kind": "draft_invoice"})
    order, transfer = flow.carry(lines=[TENT])
    (before,) = flow.booked()["invoices"]
    mapping_rules.save_lookup(
        flow.route, table="charges", key="shipping", value="account:6640", by="test"
    )
    route_settings.save(flow.route, {"ledger_date": "today"})
    actions.replay([transfer.pk])
    assert flow.work(order["id"]).state == "posted"
    (after,) = flow.booked()["invoices"]
    assert after["id"] == before["id"]
