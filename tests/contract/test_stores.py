"""Every registered store over real HTTP against its simulator."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.contract import DeliveryRefused, Notice, Verdict
from connectors.errors import ConnectorError, NeedsAttention, TryLater
from connectors.records import ChargeKind, Order, RefundStatus
from connectors.records.codec import dump, load
from sandbox.common.catalogue import BY_SKU
from tests.support.adobe_commerce import Receiver
from tests.support.rigs import Placed, Sold, StoreRig

CENT = Decimal("0.01")
PLAIN = ("TENT-2P-GRN", "SPORK-TI", "MAP-BEN", "BOOK-ALPS", "TARP-3X3", "MUG-450", "TUBE-28")
HOOK = ("X-Hook-Secret", "hook-secret-of-this-connection")
HOOK_HOST = "hooks.test.example"
DESTINATION = f"https://{HOOK_HOST}/hooks/contract/"
RECORDS = ("orders", "refunds")


def an_hour_ago() -> datetime:
    return datetime.now(UTC) - timedelta(hours=1)


def adds_up(sale: Order) -> None:
    """Goods and charges are the total. Without tax each row may be half a cent off: a store keeps
    more places in its rows than in its header. A correction of tax alone has no part without."""
    assert sale.lines_total_inc_tax == sale.total_inc_tax
    without = sum((line.net_ex_tax for line in sale.lines), Decimal(0))
    without += sum(
        (row.amount_ex_tax for row in sale.charges if row.kind is not ChargeKind.TAX), Decimal(0)
    )
    if not sale.discounts:
        rows = len(sale.lines) + len(sale.charges)
        assert abs(without - sale.total_ex_tax) <= CENT / 2 * (rows + 1)
    assert abs(sale.total_ex_tax + sale.total_tax - sale.total_inc_tax) < CENT
    for line in sale.lines:
        assert line.quantity > 0
        assert line.net_inc_tax >= line.net_ex_tax >= 0
        for unit, discount, net in (
            (line.unit_price_ex_tax, line.discount_ex_tax, line.net_ex_tax),
            (line.unit_price_inc_tax, line.discount_inc_tax, line.net_inc_tax),
        ):
            # A unit price of four places times a quantity can be some hundredths of a cent off.
            assert abs(line.quantity * unit - discount - net) <= CENT * line.quantity


def told(pages) -> list[Notice]:
    return [notice for page in pages for notice in page]


def test_a_ping_proves_the_connection(store: StoreRig):
    ping = store.adapter().ping()
    assert not ping.failures, ping.failures
    assert ping.is_healthy, ping.checks
    assert ping.facts
    assert all(check.words for check in ping.checks)


def test_each_wrong_value_is_told_in_words_with_whose_move_it_is(store: StoreRig):
    for name, wrong in store.wrong_values.items():
        adapter = store.adapter(**{name: wrong})
        failures = failures_of(adapter)
        assert failures, f"a wrong {name} went unnoticed"
        first = failures[0]
        assert re.match(r"[A-Z“].+ .+\.", first.words), (name, first.words)
        assert first.advice, name
        assert first.whose_move == "you", (name, first)
        assert first.code, name
        assert wrong not in first.words or name in ("store_ids", "store_hash"), name


def failures_of(adapter):
    """A ping's failures; services show an error that ends it in the same way."""
    try:
        return adapter.ping().failures
    except NeedsAttention as error:
        from connectors.services import _failed

        return (_failed(error),)


def test_a_store_that_is_down_is_told_and_nothing_is_lost(store: StoreRig):
    placed = store.place()
    store.simulator.fault("html", times=None)
    with pytest.raises(TryLater) as caught:
        store.adapter().fetch_order(placed.key)
    assert caught.value.reason
    store.simulator.post("faults/clear")
    store.cache.values.clear()
    assert store.adapter().fetch_order(placed.key).total_inc_tax == placed.total


@pytest.mark.parametrize("body", ["{", "[]", "null", '{"id": {}}', "<html>"])
def test_what_is_not_json_or_not_an_order_is_named_and_never_guessed(store: StoreRig, body):
    placed = store.place()
    adapter = store.adapter()
    adapter.fetch_order(placed.key)
    store.simulator.fault("status", status=200, body=body, times=None, path="orders")
    with pytest.raises(ConnectorError) as caught:
        adapter.fetch_order(placed.key)
    assert caught.value.reason


def test_an_order_is_read_whole(store: StoreRig):
    placed = store.place(
        Sold(
            lines=(("TENT-2P-GRN", 2), ("BOOK-LAKES", 3)),
            shipping=Decimal("4.95"),
            discount=Decimal("7.77"),
            email="whole@example.com",
        )
    )
    order = store.adapter().fetch_order(placed.key)
    assert order.external_id == placed.key
    assert (order.total_inc_tax, order.currency) == (placed.total, placed.currency)
    assert [(line.sku, line.quantity) for line in order.lines] == [
        ("TENT-2P-GRN", 2), ("BOOK-LAKES", 3),
    ]  # fmt: skip
    assert order.customer.email == "whole@example.com"
    assert order.status in type(store.adapter()).payable_statuses
    assert order.placed_at.tzinfo is not None
    assert order.billing.country_code == "GB"
    assert order.number
    assert not set(order.number) - set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")
    assert type(store.adapter()).order_key(order.external_id) == order.external_id
    assert sum(payment.amount for payment in order.payments) == order.total_inc_tax
    assert any(line.discount_inc_tax for line in order.lines) or order.discounts
    zero = next(line for line in order.lines if line.sku == "BOOK-LAKES")
    assert zero.tax == 0
    adds_up(order)
    assert load(Order, dump(order)) == order
    assert store.adapter().fetch_order(placed.key) == order
    assert store.calls
    assert store.secrets_on_record() == []


sales = st.builds(
    Sold,
    lines=st.lists(
        st.tuples(st.sampled_from(PLAIN), st.integers(1, 9)),
        min_size=1,
        max_size=5,
        unique_by=lambda row: row[0],
    ).map(tuple),
    shipping=st.integers(0, 2000).map(lambda pence: Decimal(pence) / 100),
    discount=st.sampled_from((Decimal(0), Decimal("0.01"), Decimal("3.33"), Decimal("5.55"))),
    country=st.sampled_from(("GB", "GB", "DE")),
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(sold=sales)
def test_lines_and_charges_are_the_total_of_every_order(store: StoreRig, sold: Sold):
    placed = store.place(sold)
    order = store.adapter().fetch_order(placed.key)
    assert (order.total_inc_tax, order.currency) == (placed.total, placed.currency)
    assert {line.sku: line.quantity for line in order.lines} == dict(sold.lines)
    assert sum((line.discount_inc_tax for line in order.lines), Decimal(0)) or not sold.discount
    adds_up(order)


def test_an_order_that_is_not_there_yet_is_asked_for_again(store: StoreRig):
    with pytest.raises(TryLater) as caught:
        store.adapter().fetch_order(store.unknown_key)
    assert caught.value.retry_after is not None
    assert caught.value.reason


def test_an_unpaid_order_has_a_status_that_waits(store: StoreRig):
    placed = store.place(Sold(paid=False))
    order = store.adapter().fetch_order(placed.key)
    assert order.status in type(store.adapter()).unpaid_statuses
    assert not [payment for payment in order.payments if payment.succeeded]


def test_what_changed_is_told_page_by_page_oldest_first(store: StoreRig):
    placed = [store.place(Sold(lines=(("SPORK-TI", 1),))) for _ in range(4)]
    adapter = store.adapter()
    notices = told(adapter.changed_orders(since=an_hour_ago()))
    assert [n.external_id for n in notices if n.record == "order"] == [p.key for p in placed]
    assert all(n.occurred_at and n.occurred_at.tzinfo for n in notices)
    assert [n.occurred_at for n in notices] == sorted(n.occurred_at for n in notices)
    again = told(adapter.changed_orders(since=an_hour_ago()))
    assert {n.delivery_id for n in again} == {n.delivery_id for n in notices}
    later = datetime.now(UTC) + timedelta(hours=1)
    assert told(adapter.changed_orders(since=later)) == []


@pytest.mark.parametrize("how", ["line", "amount", "shipping", "tax", "rest"])
def test_a_refund_says_exactly_what_was_given_back(store: StoreRig, how: str):
    if how not in store.refunds:
        pytest.skip(f"{store.kind} makes no such refund")
    placed = store.place(Sold(lines=(("SPORK-TI", 3), ("BOOK-LAKES", 2)), shipping=Decimal("6.00")))
    adapter = store.adapter()
    assert adapter.fetch_refunds(adapter.fetch_order(placed.key)) == ()
    given_back = store.refund(placed, how)
    order = adapter.fetch_order(placed.key)
    (refund,) = adapter.fetch_refunds(order)
    assert refund.sale.total_inc_tax == given_back
    assert refund.order_id == placed.key
    assert refund.status is RefundStatus.SETTLED
    assert refund.number
    assert refund.created_at.tzinfo is not None
    assert refund.sale.currency == order.currency
    assert sum((back.amount for back in refund.payments), Decimal(0)) == given_back
    adds_up(refund.sale)
    if how == "line":
        (line,) = refund.sale.lines
        assert (line.sku, line.quantity) == ("SPORK-TI", 1)
    if how == "rest":
        assert given_back == placed.total
        assert order.status in type(adapter).refunded_statuses
    notices = told(adapter.changed_refunds(since=an_hour_ago()))
    assert (("refund", placed.key)) in [(n.record, n.external_id) for n in notices]


def test_refunds_of_one_order_come_in_their_order_with_numbers_of_their_own(store: StoreRig):
    placed = store.place(Sold(lines=(("SPORK-TI", 5),), shipping=Decimal("0")))
    amounts = [store.refund(placed, "line"), store.refund(placed, "amount")]
    amounts.append(store.refund(placed, "line"))
    adapter = store.adapter()
    refunds = adapter.fetch_refunds(adapter.fetch_order(placed.key))
    assert [refund.sale.total_inc_tax for refund in refunds] == amounts
    assert len({refund.number for refund in refunds}) == 3
    assert len({refund.external_id for refund in refunds}) == 3


def test_a_cancelled_order_is_dead(store: StoreRig):
    placed = store.place(Sold(paid=False))
    store.cancel(placed)
    order = store.adapter().fetch_order(placed.key)
    assert order.status in type(store.adapter()).dead_statuses


def test_invoices_in_parts_are_the_order(store: StoreRig):
    adapter = store.adapter()
    if not adapter.makes_invoices:
        placed = store.place()
        assert adapter.fetch_invoices(adapter.fetch_order(placed.key)) == ()
        assert told(adapter.changed_invoices(since=an_hour_ago())) == []
        return
    placed = store.authorize(Sold(lines=(("SPORK-TI", 2), ("MAP-BEN", 1))))
    assert adapter.fetch_order(placed.key).payments
    parts = [store.invoice(placed, part=True), store.invoice(placed)]
    order = adapter.fetch_order(placed.key)
    invoices = adapter.fetch_invoices(order)
    assert [invoice.sale.total_inc_tax for invoice in invoices] == parts
    assert sum(parts) == placed.total
    assert len({invoice.number for invoice in invoices}) == 2
    assert all(invoice.is_captured and not invoice.is_canceled for invoice in invoices)
    for invoice in invoices:
        assert invoice.order_id == placed.key
        adds_up(invoice.sale)
    notices = told(adapter.changed_invoices(since=an_hour_ago()))
    assert {(n.record, n.external_id) for n in notices} >= {("invoice", placed.key)}


def test_hooks_are_registered_once_and_a_delivery_is_believed_only_as_it_was_sent(
    store: StoreRig,
):
    adapter = store.adapter()
    known = {"destination": DESTINATION, "records": RECORDS, "secret_header": HOOK}
    with Receiver() as receiver:
        receiver.answer = lambda got: (200, {"op": "success"})
        store.simulator.post("deliver-to", host=HOOK_HOST, url=receiver.url)
        hooks = adapter.ensure_hooks(**known)
        assert hooks
        assert all(hook.is_active and hook.destination == DESTINATION for hook in hooks)
        assert [h.external_id for h in adapter.ensure_hooks(**known)] == [
            h.external_id for h in hooks
        ]
        assert adapter.remove_hooks(destination="https://elsewhere.example/") == 0
        placed = store.place()
        got = receiver.wait_for(1)[0]
    values = store.hook_values()
    (notice,) = read(store, values, got.headers, got.body)
    assert (notice.record, notice.external_id) == ("order", placed.key)
    assert read(store, values, got.headers, got.body) == (notice,)
    forged = got.body.replace(b"{", b'{"extra":1,', 1)
    bare = {name: value for name, value in got.headers.items() if name in ("host", "content-type")}
    for headers, body in ((got.headers, forged), (bare, got.body), (bare, b""), (bare, b"\xff")):
        with pytest.raises(DeliveryRefused) as refused:
            read(store, values, headers, body)
        assert refused.value.code
        assert refused.value.words
    assert adapter.remove_hooks(destination=DESTINATION) == len(hooks)


def read(store: StoreRig, values, headers, body) -> tuple[Notice, ...]:
    return type(store.adapter()).read_delivery(
        values=values, headers=headers, body=body, now=datetime.now(UTC), secret_header=HOOK
    )


def test_a_handshake_is_answered_and_a_delivery_is_none(store: StoreRig):
    system = type(store.adapter())
    question = {"values": store.hook_values(), "method": "GET", "headers": {}, "body": b""}
    answer = system.handshake(query={"challenge": "8ec8d794-e0ab"}, **question)
    if answer is not None:
        assert answer.status == 200
        assert b"8ec8d794-e0ab" in answer.body
    delivery = {**question, "method": "POST", "body": b'{"data": {"type": "order", "id": 1}}'}
    assert system.handshake(query={}, **delivery) is None
    reply = system.acknowledgement()
    assert reply is None or 200 <= reply.status < 300


def test_every_check_of_a_ping_has_a_verdict_of_its_own(store: StoreRig):
    checks = store.adapter().ping().checks
    assert len({check.name for check in checks}) == len(checks)
    assert {check.verdict for check in checks} <= set(Verdict)


def test_the_catalogue_of_the_simulators_is_what_the_suite_assumes(store: StoreRig):
    placed: Placed = store.place(Sold(lines=(("SPORK-TI", 2),), shipping=Decimal(0)))
    assert placed.total == 2 * BY_SKU["SPORK-TI"].price_inc_tax
