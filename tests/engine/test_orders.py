"""What the product promises about an order on its way from the store into the ledger."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from audit.models import Entry, Exchange
from connectors import deliveries, hook_care, services
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


def test_a_customer_whose_prices_exclude_tax_gets_its_draft_made_again_in_that_mode(flow):
    flow.erp_simulator.post("settings", template_prices_include_tax=False)
    _, transfer = flow.carry(lines=[{"sku": "PACK-28", "quantity": 2}])
    assert transfer.state == "posted", (transfer.reason, transfer.comparison)
    booked = flow.booked()
    assert (booked["posted"], booked["drafts"], booked["duplicates"]) == (1, 0, {})
    assert Crosswalk.objects.get(kind="customer").attributes["prices_include_tax"] is False


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
        hook_care.ensure_hooks(flow.store, ["orders"])
    secrets = (
        deliveries.hook_secret_header(flow.store)[1],
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
