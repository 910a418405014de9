"""The regular check of a store: nothing lost between two of them, whatever breaks one off."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from django.utils import timezone

from connectors.stores.bigcommerce import client as store_client
from connectors.stores.bigcommerce.connector import BigCommerce
from sync import dispatch, inbox
from sync.models import Cursor, Flow, InboxEvent
from sync.pipelines import polling
from tenants.models import AgendaItem
from tests.support.flow import TENT, forget_processes_memory


def cursor(flow, name: Flow) -> Cursor:
    return Cursor.objects.get(route=flow.route, flow=name)


def told(record: str) -> set[str]:
    return set(InboxEvent.objects.filter(record=record).values_list("external_id", flat=True))


def refunded(flow) -> str:
    order = flow.place(lines=[TENT])
    flow.store_simulator.post(f"orders/{order['id']}/refund", amount="5.00")
    return str(order["id"])


def test_orders_that_cannot_be_listed_do_not_stop_the_check_of_refunds(flow):
    order = refunded(flow)
    flow.store_simulator.fault("status", status=422, method="GET", path="v2/orders", times=None)
    polling.poll(flow.route.pk)
    assert told("order") == set()
    assert told("refund") == {order}


def test_a_list_in_no_order_that_breaks_off_moves_no_cursor(flow, monkeypatch):
    monkeypatch.setattr(store_client, "PAGE", 1)
    orders = {refunded(flow) for _ in range(3)}
    flow.store_simulator.fault(
        "status", status=422, method="GET", path="payment_actions/refunds", skip=1, times=None
    )
    polling.poll(flow.route.pk)
    assert len(told("refund")) == 1
    assert cursor(flow, Flow.REFUNDS).position == flow.route.start_at
    flow.store_simulator.post("faults/clear")
    polling.poll(flow.route.pk)
    assert told("refund") == orders
    assert cursor(flow, Flow.REFUNDS).position > flow.route.start_at


def test_a_row_that_is_dated_in_the_future_does_not_take_the_cursor_with_it(flow, monkeypatch):
    flow.place(lines=[TENT])
    honest = BigCommerce.changed_orders

    def with_one_wrong_date(self, *, since, after=""):
        for page in honest(self, since=since, after=after):
            yield [replace(n, occurred_at=timezone.now() + timedelta(days=400)) for n in page]

    with monkeypatch.context() as patched:
        patched.setattr(BigCommerce, "changed_orders", with_one_wrong_date)
        polling.poll(flow.route.pk)
    assert cursor(flow, Flow.ORDERS).position <= timezone.now()
    later = flow.place(lines=[TENT])
    polling.poll(flow.route.pk)
    assert str(later["id"]) in told("order")


def test_a_cursor_that_stands_in_the_future_is_brought_back(flow):
    Cursor.objects.create(
        route=flow.route, flow=Flow.ORDERS, position=timezone.now() + timedelta(days=3)
    )
    order = flow.place(lines=[TENT])
    polling.poll(flow.route.pk)
    assert told("order") == {str(order["id"])}
    assert cursor(flow, Flow.ORDERS).position <= timezone.now()


def test_a_second_change_within_the_second_of_the_check_is_looked_at(flow, monkeypatch):
    _, transfer = flow.carry(lines=[TENT])
    polling.poll(flow.route.pk)
    for event in InboxEvent.objects.filter(processed_at__isnull=True):
        inbox.process(event.pk)
    dispatch.forget(dispatch.CHECK_POSTED, transfer.pk)
    # The store writes its order once more in the second that we have read.
    monkeypatch.setattr(polling, "SAME_SECOND", timedelta(0))
    polling.poll(flow.route.pk)
    for event in InboxEvent.objects.filter(processed_at__isnull=True):
        inbox.process(event.pk)
    assert AgendaItem.objects.filter(kind=dispatch.CHECK_POSTED, key=str(transfer.pk)).exists()
    InboxEvent.objects.all().update(processed_at=timezone.now())
    assert polling.poll(flow.route.pk) == 0


def test_a_check_that_finds_more_than_the_limit_allows_goes_on_soon(flow, monkeypatch):
    monkeypatch.setattr(store_client, "PAGE", 1)
    orders = {str(flow.place(lines=[TENT])["id"]) for _ in range(3)}
    flow.store_simulator.fault("throttle", method="GET", path="v2/orders", skip=1, times=1)
    polling.poll(flow.route.pk)
    assert len(told("order")) < 3
    due = AgendaItem.objects.get(kind=dispatch.POLL_ORDERS, key=str(flow.route.pk)).due_at
    assert due < timezone.now() + timedelta(minutes=1)
    forget_processes_memory()
    polling.poll(flow.route.pk)
    assert told("order") == orders
