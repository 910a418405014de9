"""Orders and refunds of a BigCommerce store as unposted receivables documents in GP, through the
whole product."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from tests.connectors.gp.conftest import PASSWORD
from tests.support import flow as flow_support

CHARGES = {
    "shipping": "account:000-4400-00",
    "handling": "account:000-4410-00",
    "wrapping": "account:000-4410-00",
    "fee": "account:000-4410-00",
    "gift_certificate": "account:000-4110-01",
    "adjustment": "account:000-4410-00",
    "tax": "account:000-2310-00",
    "rounding": "account:000-7010-00",
}


TENT = {"sku": "TENT-2P-GRN", "quantity": 1}
SPECS = (
    {"lines": [TENT, {"sku": "BAG-DOWN-M", "quantity": 3}]},
    {"lines": [TENT], "order_discount": "7.77"},
    {"lines": [{"sku": "MAT-FOAM", "quantity": 7}], "coupon": {"code": "TEN", "percent": 10}},
    {"lines": [TENT], "handling": "3.33", "fees": [{"name": "Green fee", "amount": "1.99"}]},
    {"lines": [TENT], "tax_inclusive": False},
    {"lines": [TENT], "country": "IE", "currency": "GBP"},
    {"lines": [TENT], "store_credit_amount": "5.00"},
    {},
    {},
)


@pytest.fixture
def shop(tenant, simulators, gp):
    from connectors import services
    from sync import mapping_rules, route_settings

    store = services.create_connection(
        kind="bigcommerce",
        name="Acme store",
        slug="store",
        values=flow_support.store_values(simulators),
    )
    erp = services.create_connection(
        kind="gp",
        name="Acme GP",
        slug="gp",
        values={
            "base_url": gp.simulator.api,
            "company": "ACME",
            "domain": "CONTOSO",
            "user": "svc-gp",
            "password": PASSWORD,
            "authority": gp.ca_pem,
            "receivable_account": "000-1200-00",
            "sales_account": "000-4110-01",
            "discount_account": "000-4180-00",
            "tax_account": "000-2310-00",
            "tax_detail": "WEBTAX",
            "request_timeout_seconds": "5",
        },
    )
    route = route_settings.create_route(
        name="Web orders",
        slug="web",
        store=store,
        erp=erp,
        prefix="BC1-",
        settings={"time_zone": "Europe/London"},
        start_at=timezone.now() - timedelta(days=30),
    )
    rows = {
        "charges": CHARGES,
        "sales_accounts": {"BOOKS": "000-4110-02"},
        "customer_classes": {"*": "WEB"},
    }
    for table, values in rows.items():
        for key, value in values.items():
            mapping_rules.save_lookup(route, table=table, key=key, value=value, by="test")
    services.ping(erp)
    erp.refresh_from_db()
    assert erp.state == "healthy", erp.checks
    return flow_support.Flow(store, erp, route, simulators.store, gp.simulator)


def test_an_order_arrives_unposted_with_its_customer(shop, gp):
    order, transfer = shop.carry(lines=[flow_support.TENT])
    assert transfer.state == "posted", (transfer.reason, transfer.vendor_words)
    assert "waits in its batch for posting in GP" in transfer.reason
    (row,) = gp.state()["documents"]
    assert row["number"] == f"BC1-{order['id']}"
    assert row["amount"] == Decimal(order["total_inc_tax"])
    assert row["state"] == "Work"
    assert row["customer"] == "WEB0000001"
    card = next(r for r in gp.state()["customers"] if r["CustomerId"] == "WEB0000001")
    assert card["ClassId"] == "WEB"


def test_a_closed_period_holds_and_releases_by_itself(shop, gp):
    from sync.models import Transfer

    gp.simulator.post("period", closed=True)
    order, transfer = shop.carry(lines=[flow_support.TENT])
    assert (transfer.state, transfer.hold) == ("held", "period_closed")
    gp.simulator.post("period", closed=False)
    Transfer.objects.filter(pk=transfer.pk).update(due_at=timezone.now())
    assert shop.work(order["id"]).state == "posted"
    assert len(gp.state()["documents"]) == 1


def test_a_lost_answer_is_found_again_and_nothing_is_doubled(shop, gp):
    gp.simulator.fault("lose_reply", method="POST", path="Transactions")
    order, transfer = shop.carry(lines=[flow_support.TENT])
    assert transfer.state == "waiting"
    assert shop.work(order["id"], tries=3).state == "posted"
    assert len(gp.state()["documents"]) == 1


def test_a_wrong_password_stops_the_connection_and_not_the_account(shop, gp):
    from connectors import services

    gp.simulator.post("users", name="CONTOSO\\svc-gp", password="changed-at-the-company")
    services._adapters.clear()
    _, transfer = shop.carry(lines=[flow_support.TENT])
    shop.carry(lines=[flow_support.TENT])
    shop.erp.refresh_from_db()
    assert (transfer.state, transfer.hold) == ("held", "connection_paused")
    assert (shop.erp.state, shop.erp.state_code) == ("refused", "wrong_secret")
    bad = {row["name"]: row["bad_passwords"] for row in gp.state()["users"]}
    assert bad["CONTOSO\\svc-gp"] == 1


def refund(shop, order, **spec):
    """Refund in the store, have it looked for, and work what is due until nothing moves."""
    from sync.models import Transfer
    from sync.pipelines import related, work

    made = shop.store_simulator.post(f"orders/{order['id']}/refund", **spec)
    related.look(f"{shop.route.pk}:{order['id']}")
    for _ in range(4):
        for row in Transfer.objects.filter(order_key=str(order["id"]), state="waiting"):
            Transfer.objects.filter(pk=row.pk).update(due_at=None)
            work.work(row.pk)
    return made, Transfer.objects.get(flow="refunds", source_key=str(made["id"]))


def test_a_refund_becomes_a_credit_memo_after_its_invoice(shop, gp):
    order, _ = shop.carry(lines=[{"sku": "TENT-2P-GRN", "quantity": 2}])
    made, transfer = refund(shop, order, lines=[{"id": order["products"][0]["id"], "quantity": 1}])
    assert transfer.state == "posted", (transfer.reason, transfer.vendor_words)
    (credit,) = gp.state()["credits"]
    assert (credit["type"], credit["number"]) == (7, f"BC1-R{made['id']}")
    assert credit["amount"] == Decimal(str(made["total_amount"]))
    _, second = refund(shop, order, amount="3.00")
    assert second.state == "posted", (second.reason, second.vendor_words)
    for batch in {row["batch"] for row in gp.state()["documents"]}:
        gp.simulator.post("batches", act="post", id=batch)
    proof = gp.state()["ledger"]
    assert proof["difference"] == proof["receivable_difference"] == proof["stuck_lines"] == 0


def test_orders_of_every_kind_add_up_in_gp(shop, gp):
    orders = []
    for spec in SPECS:
        order, transfer = shop.carry(**spec)
        assert transfer.state == "posted", (spec, transfer.reason, transfer.vendor_words)
        orders.append(order)
    amounts = {row["number"]: row["amount"] for row in gp.state()["invoices"]}
    assert amounts == {f"BC1-{o['id']}": Decimal(o["total_inc_tax"]) for o in orders}
    for batch in {row["batch"] for row in gp.state()["documents"]}:
        gp.simulator.post("batches", act="post", id=batch)
    proof = gp.state()["ledger"]
    assert proof["difference"] == proof["receivable_difference"] == 0
    assert proof["open_documents"] == sum(amounts.values())


def test_a_foreign_order_is_held_until_both_rows_are_there(shop, gp):
    from sync import mapping_rules

    order, transfer = shop.carry(lines=[TENT], country="DE", currency="EUR")
    assert (transfer.state, transfer.hold) == ("held", "lookup_missing")
    assert set(transfer.hold_keys) == {"lookup:currencies:EUR", "lookup:exchange_rates:EUR"}
    for table, value in (("currencies", "Z-EURO"), ("exchange_rates", "0.86")):
        mapping_rules.save_lookup(shop.route, table=table, key="EUR", value=value, by="test")
    assert shop.transfer(order["id"]).state == "waiting"
    assert shop.work(order["id"]).state == "posted"
    (row,) = gp.state()["documents"]
    assert (row["currency"], row["exchange_rate"]) == ("Z-EURO", Decimal("0.86"))
    assert row["amount"] == Decimal(order["total_inc_tax"])


@pytest.mark.parametrize("act", ["cancel", "edit"])
def test_a_change_after_posting_is_corrected_by_one_click(shop, gp, act):
    """A credit memo for what became less, an invoice for what became more, by what GP has."""
    from sync import actions
    from sync.models import Transfer
    from sync.pipelines import work

    order, sold = shop.carry(lines=[flow_support.TENT])
    spec = {"quantity": 3} if act == "edit" else {}
    shop.store_simulator.post(f"orders/{order['id']}/{act}", **spec)
    work.check_posted(sold.pk)
    sold.refresh_from_db()
    assert (sold.state, sold.comparison["can_correct"]) == ("changed", True), sold.reason
    assert actions.post_correction(sold.pk, by="anna@acme.example") == 1
    (row,) = Transfer.objects.filter(flow="corrections", order_key=str(order["id"]))
    work.work(row.pk)
    row.refresh_from_db()
    assert row.state == "posted", (row.reason, row.vendor_words)
    now = Decimal(shop.store_simulator.get(f"orders/{order['id']}")["total_inc_tax"])
    wanted = now if act == "edit" else Decimal(0)
    booked = [(r["type"], r["amount"]) for r in gp.state()["documents"]]
    assert sum(-amount if kind in (7, 8) else amount for kind, amount in booked) == wanted
    assert len(booked) == 2
    assert all(len(r["number"]) <= 17 for r in gp.state()["documents"])
