"""Orders, refunds and payments of a BigCommerce store into F&O, through the whole product."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from tests.connectors.finance_operations.conftest import VALUES
from tests.support import flow as flow_support

TENT = {"sku": "TENT-2P-GRN", "quantity": 1}
LOOKUPS = {
    "charges": {
        "shipping": "item:FREIGHT",
        "handling": "item:HANDLING",
        "wrapping": "item:GIFT-WRAP",
        "fee": "item:SERVICE-FEE",
        "discount": "item:DISCOUNT",
        "gift_certificate": "item:GIFT-CARD",
        "tax": "item:STORE-TAX",
        "rounding": "item:ROUNDING",
        "adjustment": "item:ROUNDING",
    },
    "tax_codes": {"no_tax": "EXEMPT"},
    "payment_accounts": {"*": "CARD-CLR"},
    "payment_methods": {"*": "CARD"},
}
SPECS = (
    {"lines": [TENT, {"sku": "BAG-DOWN-M", "quantity": 3}]},
    {"lines": [TENT, {"sku": "SOCK-MER-M", "quantity": 2}]},
    {"lines": [TENT], "order_discount": "7.77"},
    {"lines": [{"sku": "MAT-FOAM", "quantity": 7}], "coupon": {"code": "TEN", "percent": 10}},
    {"lines": [TENT], "handling": "3.33", "fees": [{"name": "Green fee", "amount": "1.99"}]},
    {"lines": [TENT], "tax_inclusive": False},
    {"lines": [TENT], "store_credit_amount": "5.00"},
    {},
    {},
)


@pytest.fixture
def make_shop(tenant, simulators, fo, settings, fo_tls):
    def make(values=None, **route_values):
        from connectors import services
        from sync import mapping_rules, route_settings

        settings.OUTBOUND_CA_FILE = _joined(simulators.ca_file, fo_tls.ca)
        store = services.create_connection(
            kind="bigcommerce",
            name="Acme store",
            slug="store",
            values=flow_support.store_values(simulators),
        )
        erp = services.create_connection(
            kind="finance_operations",
            name="Acme F&O",
            slug="fo",
            values={**VALUES, "environment_url": fo.api, "authority": fo.api, **(values or {})},
        )
        route = route_settings.create_route(
            name="Web orders",
            slug="web",
            store=store,
            erp=erp,
            prefix="BC1-",
            settings={"time_zone": "Europe/London", **route_values},
            start_at=timezone.now() - timedelta(days=30),
        )
        for table, rows in LOOKUPS.items():
            for key, value in rows.items():
                mapping_rules.save_lookup(route, table=table, key=key, value=value, by="test")
        services.ping(erp)
        erp.refresh_from_db()
        assert erp.state == "healthy", erp.checks
        return flow_support.Flow(store, erp, route, simulators.store, fo)

    return make


def _joined(*files):
    import tempfile
    from pathlib import Path

    text = "".join(Path(name).read_text() for name in files)
    with tempfile.NamedTemporaryFile("w", suffix=".pem", delete=False) as file:
        file.write(text)
    return file.name


def test_an_order_is_accepted_and_later_gets_its_invoice_number(make_shop, fo):
    from sync.pipelines import awaited

    shop = make_shop()
    order, transfer = shop.carry(lines=[TENT, {"sku": "SOCK-MER-L", "quantity": 2}])
    assert transfer.state == "posted", (transfer.reason, transfer.vendor_words)
    assert "is accepted, awaiting posting in F&O" in transfer.reason
    (row,) = fo.get("state")["orders"]
    assert row["CustomersOrderReference"] == f"BC1-{order['id']}"
    assert row["line_total"] == Decimal(order["total_inc_tax"])
    document = transfer.documents.get()
    awaited.look(document.pk)
    document.refresh_from_db()
    assert document.status == "accepted"
    fo.post("batch")
    awaited.look(document.pk)
    document.refresh_from_db()
    assert (document.status, document.invoice_number) == ("posted", "CIV-000001")


@pytest.mark.parametrize(("setting", "state"), [("show", "posted"), ("hold", "changed")])
def test_the_environments_own_tax_is_compared_when_it_can_be_read(make_shop, fo, setting, state):
    """Sales tax is worked out when the batch job invoices; until then nothing can be said."""
    from sync import mapping_rules
    from sync.pipelines import awaited

    shop = make_shop(late_difference=setting)
    mapping_rules.save_lookup(  # an item without tax for postage that the store taxed
        shop.route, table="charges", key="shipping", value="item:STORE-TAX", by="test"
    )
    order, transfer = shop.carry(lines=[TENT], shipping="6.00")
    assert (transfer.state, transfer.comparison) == ("posted", None), transfer.reason
    fo.post("batch")
    document = transfer.documents.get()
    awaited.look(document.pk)
    transfer.refresh_from_db()
    document.refresh_from_db()
    charged, tax = Decimal(order["total_inc_tax"]), Decimal(order["total_tax"])
    assert document.invoice_number in transfer.reason
    assert f"worked out {charged:.2f} with {tax - 1:.2f} tax" in transfer.reason
    assert f"charged {charged:.2f} with {tax:.2f}" in transfer.reason
    assert abs(Decimal(transfer.comparison["tax"]["difference"])) == 1
    assert transfer.state == state
    assert bool(transfer.advice) is (state == "changed")


def test_orders_of_every_kind_add_up(make_shop, fo):
    shop = make_shop()
    orders = {}
    for spec in SPECS:
        order, transfer = shop.carry(**spec)
        assert transfer.state == "posted", (spec, transfer.reason, transfer.vendor_words)
        orders[f"BC1-{order['id']}"] = Decimal(order["total_inc_tax"])
    result = fo.post("batch")
    state = fo.get("state")
    invoices = {
        row["CustomersOrderReference"]: row["TotalInvoiceAmount"] for row in state["invoices"]
    }
    assert invoices == orders, result
    assert state["ledger_balance"] == 0
    assert state["duplicates"] == {}


@pytest.mark.parametrize("path", ["SalesOrderHeadersV4", "SalesOrderLinesV3"])
@pytest.mark.parametrize("action", ["lose_reply", "drop"])
def test_a_lost_answer_is_found_again_and_nothing_is_doubled(make_shop, fo, path, action):
    shop = make_shop({"request_timeout_seconds": "1"})
    fo.fault(action, method="POST", path=path)
    order, transfer = shop.carry(lines=[TENT, {"sku": "BAG-DOWN-M", "quantity": 3}])
    assert transfer.state == "waiting"
    if action == "lose_reply":
        assert shop.work(order["id"], tries=3).state == "posted"
    else:
        from django.core.cache import cache

        cache.clear()
        transfer.documents.update(sent_at=timezone.now() - timedelta(hours=1))
        assert shop.work(order["id"], tries=3).state == "posted"
    state = fo.get("state")
    assert [row["lines"] for row in state["orders"]] == [2]
    assert state["duplicates"] == {}


def test_throttled_at_a_line_goes_on_with_the_same_order(make_shop, fo):
    from connectors import services

    shop = make_shop()
    fo.fault("throttle", method="POST", path="SalesOrderLinesV3", skip=1)
    order, transfer = shop.carry(lines=[TENT, {"sku": "BAG-DOWN-M", "quantity": 3}])
    assert transfer.state == "waiting"
    services._adapters.clear()
    _forget_budgets()
    transfer = shop.work(order["id"], tries=3)
    assert transfer.state == "posted", (transfer.reason, transfer.vendor_words)
    assert [row["lines"] for row in fo.get("state")["orders"]] == [2]


def _forget_budgets():
    from connectors.transport import redis_client

    client = redis_client()
    for key in client.scan_iter("budget:*"):
        client.delete(key)


def test_an_unknown_item_holds_and_a_refused_code_leaves_nothing(make_shop, fo):
    shop = make_shop()
    fo.post("items", number="TENT-2P-GRN", blocked=True)
    order, transfer = shop.carry(lines=[{"sku": "BAG-DOWN-M", "quantity": 1}, TENT])
    assert (transfer.state, transfer.hold) == ("held", "item_blocked")
    assert fo.get("state")["orders"] == []
    fo.post("items", number="TENT-2P-GRN", blocked=False)
    from sync.models import Transfer

    Transfer.objects.filter(pk=transfer.pk).update(state="waiting", due_at=timezone.now())
    assert shop.work(order["id"]).state == "posted"


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


@pytest.mark.parametrize("document", ["free_text", "return_order"])
def test_a_refund_becomes_a_credit(make_shop, fo, document):
    shop = make_shop({"refund_document": document}, payment_kind="nothing")
    order, _ = shop.carry(lines=[{"sku": "TENT-2P-GRN", "quantity": 2}])
    fo.post("batch")
    made, transfer = refund(shop, order, lines=[{"id": order["products"][0]["id"], "quantity": 1}])
    assert transfer.state == "posted", (transfer.reason, transfer.vendor_words)
    result = fo.post("batch")
    state = fo.get("state")
    assert state["ledger_balance"] == 0
    booked = Decimal(str(made["total_amount"]))
    (owed,) = [amount for amount in state["balances"].values() if amount]
    assert owed == Decimal(order["total_inc_tax"]) - booked, result


def test_payments_go_into_journals_after_their_order(make_shop, fo):
    from sync.models import Transfer
    from sync.pipelines import related, work

    shop = make_shop()
    order, _ = shop.carry(lines=[TENT])
    related.look(f"{shop.route.pk}:{order['id']}")
    for row in Transfer.objects.filter(order_key=str(order["id"]), flow="payments"):
        Transfer.objects.filter(pk=row.pk).update(due_at=None)
        work.work(row.pk)
        row.refresh_from_db()
        assert row.state == "posted", (row.reason, row.vendor_words)
    fo.post("batch")
    state = fo.get("state")
    assert len(state["payments"]) == 1
    assert state["payments"][0]["PaymentReference"] == state["orders"][0]["SalesOrderNumber"]
    assert state["ledger_balance"] == 0
    assert not [amount for amount in state["balances"].values() if amount]


def test_gift_certificate_store_credit_and_card_pay_the_whole_order(make_shop, fo):
    """Each part of a split payment is a line, so that nothing of the customer's account is open."""
    from sync.models import Transfer
    from sync.pipelines import work

    shop = make_shop()
    order, transfer = shop.carry(
        lines=[TENT], gift_certificate_amount="20.00", store_credit_amount="5.00"
    )
    rows = Transfer.objects.filter(order_key=str(order["id"]), flow="payments")
    for row in rows:
        work.work(row.pk)
    assert {row.state for row in rows.all()} == {"posted"}, [row.reason for row in rows.all()]
    assert sum(row.amount for row in rows.all()) == transfer.amount
    booked = fo.get("state")["payments"]
    assert sum(Decimal(str(row["CreditAmount"])) for row in booked) == transfer.amount
    assert len(booked) == 3


def test_calls_of_an_order_a_refund_and_a_payment(make_shop, fo):
    from sync.models import Transfer
    from sync.pipelines import related, work

    def calls(act):
        before = fo.counts()
        act()
        return {
            path.replace("/data/", ""): number - before.get(path, 0)
            for path, number in fo.counts().items()
            if "/data/" in path and number > before.get(path, 0)
        }

    shop = make_shop()
    first = shop.carry(lines=[TENT, {"sku": "BAG-DOWN-M", "quantity": 3}])[0]
    again = {"lines": [TENT, {"sku": "BAG-DOWN-M", "quantity": 3}]}
    again["customer_id"] = first["customer_id"]
    order = {}
    made = calls(lambda: order.update(shop.carry(**again)[0]))
    assert Transfer.objects.filter(flow="orders", state="posted").count() == 2
    same_customer = {key: n for key, n in made.items() if "CustomersV3" not in key}
    assert same_customer == {
        "GET SalesOrderHeadersV4": 2, "POST SalesOrderHeadersV4": 1,
        "POST SalesOrderLinesV3": 2, "GET SalesOrderLinesV3": 1,
    }  # fmt: skip

    def pay():
        related.look(f"{shop.route.pk}:{order['id']}")
        (row,) = Transfer.objects.filter(order_key=str(order["id"]), flow="payments")
        Transfer.objects.filter(pk=row.pk).update(due_at=None)
        work.work(row.pk)

    paid = calls(pay)
    assert paid.pop("GET DimensionParameters", 1) == 1
    assert sum(paid.values()) == 6, paid
    goods = [{"id": order["products"][0]["id"], "quantity": 1}]
    credited = calls(lambda: refund(shop, order, lines=goods))
    credits = {key: n for key, n in credited.items() if "Journal" not in key}
    assert sum(credits.values()) == 6, credited


def test_an_order_cancelled_after_it_was_invoiced_is_credited_by_one_click(make_shop, fo):
    from sync import actions
    from sync.models import Transfer
    from sync.pipelines import work

    shop = make_shop(payment_kind="nothing")
    order, sold = shop.carry(lines=[TENT], shipping="6.00")
    fo.post("batch")
    shop.store_simulator.post(f"orders/{order['id']}/cancel")
    work.check_posted(sold.pk)
    sold.refresh_from_db()
    assert (sold.state, sold.comparison["can_correct"]) == ("changed", True), sold.reason
    assert actions.post_correction(sold.pk, by="anna@acme.example") == 1
    (row,) = Transfer.objects.filter(flow="corrections", order_key=str(order["id"]))
    work.work(row.pk)
    row.refresh_from_db()
    assert row.state == "posted", (row.reason, row.vendor_words)
    fo.post("batch")
    state = fo.get("state")
    assert state["ledger_balance"] == 0
    assert not [amount for amount in state["balances"].values() if amount]
