"""Invoices in parts and credit memos over HTTP: to the cent, each amount once."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connectors.records import ChargeKind, PaymentEvent, RefundStatus
from tests.connectors.adobe_commerce.conftest import Commerce

D = Decimal
ZERO = D(0)
SALES = {
    "simple": {"kind": "simple"},
    "configurable": {"kind": "configurable"},
    "dynamic bundle": {"kind": "bundle_dynamic"},
    "fixed bundle": {"kind": "bundle_fixed"},
    "virtual": {"kind": "virtual"},
    "guest": {"guest": True},
    "coupon": {
        "lines": [{"sku": "MUG-450", "quantity": 3}, {"sku": "BOOT-M-42", "quantity": 1}],
        "coupon": {"code": "TEN", "percent": 10},
        "shipping": "4.95",
        "shipping_discount": "1.00",
    },
    "coupon on a bundle": {
        "lines": [{"sku": "CAMP-KITCHEN", "quantity": 2}, {"sku": "POT-SET", "quantity": 1}],
        "coupon": {"code": "TWENTY", "percent": 20},
    },
    "abroad": {"country": "FR", "store": "default"},
    "euro": {"store": "de", "lines": [{"sku": "BOOT-M-42", "quantity": 3}]},
    "dollars, tax on top": {"store": "us_en", "lines": [{"sku": "MUG-450", "quantity": 7}]},
    "gift card": {"gift_card": {"amount": 10}, "lines": [{"sku": "TENT-2P-GRN", "quantity": 1}]},
    "credit and points": {"store_credit": 5, "reward": {"amount": 3}},
    "all by gift card": {"gift_card": {"amount": 5000}},
    "wrapped, with a fee": {"gift_wrap": "4.00", "fees": [{"name": "Oversize", "amount": "7.50"}]},
    "tiny quantity": {"lines": [{"sku": "MUG-450", "quantity": "0.3333"}]},
}


@pytest.fixture(params=SALES)
def sale(request):
    return SALES[request.param]


@pytest.mark.parametrize(
    "switches", [{}, {"child_price": "full", "bundle_tax": "both", "float_noise": True}]
)
@pytest.mark.parametrize("currency", ["order", "base"])
def test_every_kind_of_order_adds_up_in_both_currencies(paas: Commerce, sale, switches, currency):
    paas.simulator.post("settings", **switches)
    raw = paas.place(**sale)
    order = paas.adapter(currency=currency).fetch_order(paas.key(raw))
    assert order.lines_total_inc_tax == order.total_inc_tax
    net = sum((line.net_ex_tax for line in order.lines), ZERO)
    net += sum((charge.amount_ex_tax for charge in order.charges), ZERO)
    assert net == order.total_ex_tax
    prefix = "base_" if currency == "base" else ""
    grand = D(str(raw[f"{prefix}grand_total"])).quantize(D("0.0001"))
    assert order.total_inc_tax - sum((t.amount for t in order.tenders), ZERO) == grand
    assert order.currency == raw[f"{currency}_currency_code"]
    assert "rounding" not in order.extra
    assert sum(1 for line in order.lines if line.net_inc_tax < 0) == 0


def test_an_order_invoiced_in_parts_gives_as_many_documents_that_come_to_it(paas: Commerce, sale):
    raw = paas.place(**sale, payment="authorized")
    store = paas.adapter()
    tops = [row for row in raw["items"] if not row.get("parent_item_id")]
    pieces = sum(D(str(row["qty_ordered"])) for row in tops)
    for _ in range(min(2, int(pieces) - 1)):
        paas.simulator.post(f"orders/{raw['entity_id']}/invoice", part=True)
    paas.simulator.post(f"orders/{raw['entity_id']}/invoice")
    order = store.fetch_order(paas.key(raw))
    invoices = store.fetch_invoices(order)
    assert all(invoice.is_captured for invoice in invoices)
    for invoice in invoices:
        assert invoice.sale.lines_total_inc_tax == invoice.sale.total_inc_tax
        assert invoice.order_id == order.external_id
        assert "rounding" not in invoice.sale.extra
    assert sum(i.sale.total_inc_tax for i in invoices) == order.total_inc_tax
    assert sum(i.sale.total_tax for i in invoices) == order.total_tax
    for line in order.lines:
        billed = [
            row for i in invoices for row in i.sale.lines if row.external_id == line.external_id
        ]
        assert sum(row.quantity for row in billed) == line.quantity
        assert sum(row.net_ex_tax for row in billed) == line.net_ex_tax
        assert {row.sku for row in billed} == {line.sku}
    paid = [p for p in order.payments if p.event is PaymentEvent.CAPTURE]
    tendered = sum((t.amount for t in order.tenders), ZERO)
    assert sum((p.amount for p in paid), ZERO) == order.total_inc_tax - tendered


def test_an_order_refunded_whole_gives_back_what_was_sold(paas: Commerce, sale):
    raw = paas.place(**sale)
    if not raw["grand_total"]:
        pytest.skip("Commerce refunds no order that cost no money")
    store = paas.adapter()
    paas.simulator.post(f"orders/{raw['entity_id']}/refund", kind="full")
    order = store.fetch_order(paas.key(raw))
    (refund,) = store.fetch_refunds(order)
    assert refund.sale.lines_total_inc_tax == refund.sale.total_inc_tax == order.total_inc_tax
    assert refund.sale.total_tax == order.total_tax
    assert refund.status is RefundStatus.SETTLED
    assert {line.sku for line in refund.sale.lines} == {line.sku for line in order.lines}


def test_refunds_by_line_by_amount_and_of_shipping_alone(paas: Commerce):
    raw = paas.place(lines=[{"sku": "MUG-450", "quantity": 3}], shipping="4.95")
    act = f"orders/{raw['entity_id']}/refund"
    paas.simulator.post(act, kind="partial", comment="Broken handle")
    paas.simulator.post(act, kind="adjustment", amount="2.50")
    paas.simulator.post(act, kind="shipping")
    paas.simulator.post(act, kind="partial", adjustment_negative="1.00")
    store = paas.adapter()
    order = store.fetch_order(paas.key(raw))
    by_line, amount, shipping, less_a_fee = store.fetch_refunds(order)
    for refund in (by_line, amount, shipping, less_a_fee):
        assert refund.sale.lines_total_inc_tax == refund.sale.total_inc_tax
        assert refund.payments[0].amount == refund.sale.total_inc_tax
    assert [line.quantity for line in by_line.sale.lines] == [1]
    assert by_line.sale.total_inc_tax == order.lines[0].net_inc_tax / 3
    assert not amount.sale.lines
    assert [(c.kind, c.amount_inc_tax) for c in amount.sale.charges] == [
        (ChargeKind.ADJUSTMENT, D("2.50"))
    ]
    assert [(c.kind, c.amount_inc_tax) for c in shipping.sale.charges] == [
        (ChargeKind.SHIPPING, D("4.95"))
    ]
    assert [(c.kind, c.amount_inc_tax) for c in less_a_fee.sale.charges] == [
        (ChargeKind.ADJUSTMENT, D("-1.00"))
    ]
    assert by_line.invoice_id == store.fetch_invoices(order)[0].external_id
    assert len({refund.number for refund in (by_line, amount, shipping, less_a_fee)}) == 4


def test_an_open_invoice_is_not_captured_and_a_cancelled_order_has_none(paas: Commerce):
    raw = paas.place(payment="authorized")
    invoice = paas.simulator.post(f"orders/{raw['entity_id']}/invoice", capture=False)
    store = paas.adapter()
    order = store.fetch_order(paas.key(raw))
    (found,) = store.fetch_invoices(order)
    assert (found.is_captured, found.is_canceled, found.state_label) == (False, False, "Open")
    assert not [p for p in order.payments if p.event is PaymentEvent.CAPTURE]
    paas.simulator.post(f"invoices/{invoice['entity_id']}/capture")
    (found,) = store.fetch_invoices(store.fetch_order(paas.key(raw)))
    assert found.is_captured
    other = paas.place(payment="banktransfer")
    paas.simulator.post(f"orders/{other['entity_id']}/cancel")
    order = store.fetch_order(paas.key(other))
    assert order.status in store.dead_statuses
    assert store.fetch_invoices(order) == ()


def test_money_that_a_person_noted_is_captured_too_and_offline(paas: Commerce):
    raw = paas.place(payment="banktransfer")
    store = paas.adapter()
    assert store.fetch_order(paas.key(raw)).payments == ()
    paas.simulator.post(f"orders/{raw['entity_id']}/invoice")
    order = store.fetch_order(paas.key(raw))
    (payment,) = order.payments
    assert payment.is_offline
    assert (payment.method, payment.amount) == ("banktransfer", order.total_inc_tax)
    assert order.payment_status == "paid"


def test_an_edited_order_is_another_order_and_names_the_one_before(paas: Commerce):
    raw = paas.place(payment="authorized")
    edited = paas.simulator.post(f"orders/{raw['entity_id']}/edit")
    store = paas.adapter()
    before, after = store.fetch_order(paas.key(raw)), store.fetch_order(paas.key(edited))
    assert before.status == "canceled"
    assert after.number == f"{before.number}-1"
    assert after.extra["original_number"] == before.number
    assert store.order_key(after.number) == after.external_id


def test_the_same_number_in_two_store_views_is_two_orders(paas: Commerce):
    first = paas.place(increment_id="000000900", store="default")
    second = paas.place(increment_id="000000900", store="us_en")
    store = paas.adapter(order_numbers="store_and_increment")
    orders = [store.fetch_order(paas.key(raw)) for raw in (first, second)]
    assert [order.external_id for order in orders] == ["1-000000900", "3-000000900"]
    assert [order.number for order in orders] == ["1-000000900", "3-000000900"]
    assert orders[0].currency != orders[1].currency
