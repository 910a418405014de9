"""What the product promises about an order on its way from the store into the ledger."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from audit.models import Entry, Exchange
from connectors import services
from sync import actions, mapping_rules, route_settings
from sync.models import Crosswalk, Document, Transfer
from tests.support.flow import TENT


def test_a_paid_order_becomes_one_posted_invoice_over_the_same_total(flow):
    order, transfer = flow.carry()
    assert transfer.state == "posted", (transfer.hold, transfer.reason, transfer.vendor_words)
    booked = flow.booked()
    assert booked["posted"] == 1
    invoice = booked["invoices"][0]
    assert invoice["externalDocumentNumber"] == f"WEB-{order['id']}"
    assert invoice["totalAmountIncludingTax"] == Decimal(order["total_inc_tax"])
    assert booked["ledger_balance"] == 0
    assert transfer.documents.get().number == invoice["number"]


@pytest.mark.parametrize(
    "spec",
    [
        {"lines": [{"sku": "SPORK-TI", "quantity": 3}, {"sku": "BOOK-LAKES", "quantity": 7}]},
        {"tax_inclusive": False, "lines": [{"sku": "SPORK-TI", "quantity": 3}, TENT]},
        {"country": "DE", "lines": [TENT]},
        {
            "coupon": {"code": "C", "amount": "7.77"},
            "lines": [TENT, {"sku": "MAP-BEN", "quantity": 3}],
        },
        {"order_discount": "10.01", "lines": [TENT, {"sku": "SPORK-TI", "quantity": 3}]},
        {"handling": "2.35", "fees": [{"name": "Eco fee", "amount": "1.10"}], "lines": [TENT]},
        {"lines": [{**TENT, "wrapping": "3.50", "discount": "24.99"}]},
        {"gift_certificate_amount": "20.00", "store_credit_amount": "5.00", "lines": [TENT]},
    ],
    ids=[
        "rates",
        "net prices",
        "euro",
        "coupon",
        "order discount",
        "charges",
        "wrapping",
        "tenders",
    ],
)
def test_totals_agree_to_the_cent(flow, spec):
    order, transfer = flow.carry(**spec)
    assert transfer.state == "posted", (transfer.reason, transfer.comparison)
    invoice = flow.booked()["invoices"][0]
    assert invoice["totalAmountIncludingTax"] == Decimal(order["total_inc_tax"])
    assert invoice["currencyCode"] == order["default_currency_code"]


def test_an_order_takes_two_calls_to_the_store_and_five_to_the_ledger_once_all_is_known(flow):
    who = {"email": "regular@example.com"}
    flow.carry(customer=who, lines=[TENT])
    flow.store_simulator.post("requests/clear")
    flow.erp_simulator.post("requests/clear")
    _, transfer = flow.carry(customer=who, lines=[TENT])
    assert transfer.state == "posted"
    assert sum(flow.store_simulator.counts().values()) == 2
    assert sum(flow.erp_simulator.counts().values()) == 5


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


def test_an_order_without_email_goes_to_the_customer_that_the_route_names(flow):
    customer = flow.erp_simulator.post("customers", displayName="Counter sales")
    route_settings.save(flow.route, {"default_customer": "NOBODY"})
    who = {"no_email": True, "guest": True}
    order, transfer = flow.carry(lines=[TENT], customer=who)
    assert transfer.hold == "customer_ambiguous"
    route_settings.save(flow.route, {"default_customer": customer["number"].lower()})
    actions.release([transfer.pk])
    assert flow.work(order["id"]).state == "posted"
    assert flow.booked()["invoices"][0]["customerNumber"] == customer["number"]


def test_an_item_is_found_by_its_barcode_where_the_route_says_so(flow):
    flow.erp_simulator.post("items", number="SPARE-POLE", gtin="5000099000017")
    order, transfer = flow.carry(lines=[{"sku": "GIFTBOX-XMAS", "quantity": 1}])
    assert transfer.hold == "item_unknown"
    route_settings.save(flow.route, {"match_barcode": "yes"})
    actions.release([transfer.pk])
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


def test_a_customer_whose_prices_exclude_tax_gets_its_draft_made_again_in_that_mode(flow):
    flow.erp_simulator.post("settings", template_prices_include_tax=False)
    _, transfer = flow.carry(lines=[{"sku": "PACK-28", "quantity": 2}])
    assert transfer.state == "posted", (transfer.reason, transfer.comparison)
    booked = flow.booked()
    assert (booked["posted"], booked["drafts"], booked["duplicates"]) == (1, 0, {})
    assert Crosswalk.objects.get(kind="customer").attributes["prices_include_tax"] is False


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


@pytest.mark.parametrize("email", ["O'Neil+web@example.com", "MiXed.Case@Example.org"])
def test_a_customer_is_found_whatever_its_address_is_made_of(flow, email):
    flow.erp_simulator.post("customers", displayName="Known", email=email.lower())
    _, transfer = flow.carry(lines=[TENT], customer={"email": email})
    assert transfer.state == "posted"
    assert len(flow.booked()["customers"]) == 1


def test_two_orders_of_one_new_shopper_at_the_same_moment_create_one_customer(flow):
    orders = [flow.place(lines=[TENT], customer={"email": "twin@example.com"}) for _ in range(2)]
    for order in orders:
        flow.announce(order["id"])
    flow.erp_simulator.post("latency", ms=60)

    def work(order_id):
        from tenants.context import in_tenant

        try:
            with in_tenant("t_acme"):
                return flow.work(order_id, tries=20).state
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        states = list(pool.map(work, [order["id"] for order in orders]))
    for order in orders:
        states.append(flow.work(order["id"], tries=5).state)
    booked = flow.booked()
    assert len(booked["customers"]) == 1
    assert (booked["posted"], booked["duplicates"]) == (2, {})


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


def test_an_expired_token_is_thrown_away_once_and_the_order_goes_on(flow):
    flow.carry(lines=[TENT])
    flow.erp_simulator.post("tokens/expire")
    _, transfer = flow.carry(lines=[TENT])
    assert transfer.state == "posted"


def test_a_blocked_customer_holds_the_order(flow):
    customer = flow.erp_simulator.post("customers", displayName="B", email="b@example.com")
    flow.erp_simulator.post("customers", number=customer["number"], blocked="All")
    _, transfer = flow.carry(lines=[TENT], customer={"email": "b@example.com"})
    assert transfer.hold == "customer_blocked"


def test_an_order_changed_in_the_store_after_posting_is_shown_and_the_ledger_not_touched(flow):
    from sync.pipelines import work as pipeline

    order, transfer = flow.carry(lines=[TENT])
    flow.store_simulator.post(f"orders/{order['id']}/edit", quantity=3)
    pipeline.check_posted(transfer.pk)
    transfer.refresh_from_db()
    assert transfer.state == "changed"
    assert len(flow.booked()["invoices"]) == 1


@pytest.mark.parametrize("kind", ["sales_order", "draft_invoice"])
def test_a_route_may_leave_the_document_for_people_to_post(flow, kind):
    route_settings.save(flow.route, {"document_kind": kind})
    _, transfer = flow.carry(lines=[TENT])
    assert transfer.state == "posted", (transfer.hold, transfer.reason, transfer.vendor_words)
    assert flow.booked()["posted"] == 0
    assert Document.objects.get().status == "accepted"


def test_the_stores_own_tax_can_be_a_line_of_its_own(flow):
    route_settings.save(flow.route, {"tax": "line"})
    mapping_rules.save_lookup(flow.route, table="tax_codes", key="no_tax", value="NOVAT", by="t")
    flow.erp_simulator.post("settings", template_prices_include_tax=False)
    order, transfer = flow.carry(
        lines=[TENT], tax_inclusive=False, tax_rate="0.0825", shipping="4.95"
    )
    assert transfer.state == "posted", (transfer.reason, transfer.comparison)
    assert flow.booked()["invoices"][0]["totalAmountIncludingTax"] == Decimal(
        order["total_inc_tax"]
    )


def test_no_secret_ever_reaches_the_trail(flow):
    flow.carry(lines=[TENT])
    services.ping(flow.erp)
    for _ in range(2):  # the second time the store's answer lists the hook's own secret
        services.ensure_hooks(flow.store, ["orders"])
    secrets = (
        services.hook_secret_header(flow.store)[1],
        "sandbox-store-access-token",
        "sandbox-store-client-secret",
        "sandbox-entra-client-secret",
    )
    for exchange in Exchange.objects.all():
        text = " ".join(
            str(part)
            for part in (
                exchange.url,
                exchange.request_headers,
                exchange.response_headers,
                exchange.request_body,
                exchange.response_body,
            )
        )
        assert not any(secret in text for secret in secrets), exchange.purpose
        assert "eyJ0eXAi" not in text


def test_nothing_of_one_tenant_is_seen_in_another(flow):
    from tenants.context import in_tenant

    flow.carry(lines=[TENT])
    with in_tenant("t_other"):
        assert not Transfer.objects.exists()
        assert not Exchange.objects.exists()
        assert not Entry.objects.exists()
        assert not Document.objects.exists()


def test_an_order_cancelled_while_its_document_may_be_in_the_erp_is_shown_to_a_person(flow):
    flow.erp_simulator.fault("lose_reply", method="POST", path=r"NAV\.post$")
    order, transfer = flow.carry(lines=[TENT])
    assert transfer.state == "waiting"
    flow.store_simulator.post(f"orders/{order['id']}/status", status_id=5)
    transfer = flow.work(order["id"])
    assert transfer.state == "failed"
    assert f"WEB-{order['id']}" in transfer.advice
    assert flow.booked()["posted"] == 1  # and the trail does not say that there is nothing


def test_what_a_person_left_out_of_the_ledger_stays_out_whatever_the_store_reports(flow):
    order, transfer = flow.carry(status_id=7)
    assert actions.skip([transfer.pk], "Paid and booked in the shop") == 1
    flow.store_simulator.post(f"orders/{order['id']}/status", status_id=11)
    flow.announce(order["id"], event="store/order/statusUpdated")
    assert flow.work(order["id"]).state == "skipped"
    assert flow.booked()["invoices"] == []
    assert actions.replay([transfer.pk]) == 1
    assert flow.work(order["id"]).state == "posted"


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


def test_the_stores_tax_line_is_not_taxed_twice_for_a_customer_whose_prices_include_tax(flow):
    route_settings.save(flow.route, {"tax": "line"})
    mapping_rules.save_lookup(flow.route, table="tax_codes", key="no_tax", value="NOVAT", by="t")
    order, transfer = flow.carry(
        lines=[TENT], tax_inclusive=False, tax_rate="0.0825", shipping="4.95"
    )
    assert transfer.state == "posted", (transfer.reason, transfer.comparison)
    invoice = flow.booked()["invoices"][0]
    assert invoice["pricesIncludeTax"]
    assert invoice["totalAmountIncludingTax"] == Decimal(order["total_inc_tax"])


def test_a_change_reported_while_a_booked_order_is_looked_at_is_looked_at_too(flow):
    from sync import dispatch
    from tenants import agenda

    now = timezone.now()
    dispatch.wake_at(dispatch.CHECK_POSTED, 1, now)
    with dispatch.fulfilled(dispatch.CHECK_POSTED, 1):
        dispatch.wake_at(dispatch.CHECK_POSTED, 1, now + timedelta(seconds=10))
    assert agenda.due_at(dispatch.CHECK_POSTED, "1") == now + timedelta(seconds=10)
    with dispatch.fulfilled(dispatch.CHECK_POSTED, 1):
        pass
    assert agenda.due_at(dispatch.CHECK_POSTED, "1") is None


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
