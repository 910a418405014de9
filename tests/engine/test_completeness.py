"""Nothing of the store is missing, and what is asked for is fetched once."""

from __future__ import annotations

import time
from datetime import timedelta
from io import StringIO

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.utils import timezone

from connectors import services
from connectors.errors import TryLater
from connectors.stores.bigcommerce import client as store_client
from sync import backfill, completeness, dispatch
from sync.models import InboxEvent, Route, Transfer
from sync.pipelines import related
from tenants.models import AgendaItem
from tests.support.flow import TENT, forget_processes_memory


def work_inbox():
    from sync import inbox

    for event in InboxEvent.objects.filter(processed_at__isnull=True):
        inbox.process(event.pk)


def test_an_order_that_nobody_told_us_of_is_counted_and_fetched(flow, monkeypatch):
    monkeypatch.setattr(completeness, "GRACE", timedelta(0))
    flow.carry(lines=[TENT])
    lost = flow.place(lines=[TENT])
    found = completeness.check(flow.route.pk)
    assert (found.in_store, found.missing) == (2, (str(lost["id"]),))
    work_inbox()
    assert flow.work(lost["id"]).state == "posted"
    found = completeness.check(flow.route.pk)
    assert (found.in_store, found.missing) == (2, ())
    row = Route.objects.get(pk=flow.route.pk)
    assert (row.completeness["in_store"], row.completeness["missing"]) == (2, 0)
    assert AgendaItem.objects.filter(kind=dispatch.COMPLETENESS, key=str(row.pk)).exists()


def test_a_store_that_is_down_leaves_the_last_count_and_is_counted_again(flow):
    flow.store_simulator.fault("status", status=503, path="orders", times=20)
    assert completeness.check(flow.route.pk) is None
    assert "in_store" not in Route.objects.get(pk=flow.route.pk).completeness
    due = AgendaItem.objects.get(kind=dispatch.COMPLETENESS, key=str(flow.route.pk)).due_at
    assert timezone.now() < due <= timezone.now() + completeness.EVERY


def test_a_count_that_the_limit_breaks_off_goes_on_and_counts_each_order_once(flow, monkeypatch):
    monkeypatch.setattr(completeness, "GRACE", timedelta(0))
    monkeypatch.setattr(store_client, "PAGE", 1)
    orders = [str(flow.place(lines=[TENT])["id"]) for _ in range(5)]
    time.sleep(1.1)  # the store keeps whole seconds
    flow.store_simulator.fault("throttle", method="GET", path="v2/orders", skip=3, times=1)
    assert completeness.check(flow.route.pk) is None
    due = AgendaItem.objects.get(kind=dispatch.COMPLETENESS, key=str(flow.route.pk)).due_at
    assert due <= timezone.now() + timedelta(minutes=5)
    so_far = InboxEvent.objects.count()
    assert 0 < so_far < 5
    forget_processes_memory()
    found = completeness.check(flow.route.pk)
    assert found.in_store == 5
    assert sorted(found.missing) == sorted(orders)
    assert InboxEvent.objects.count() == 5
    assert "under_way" not in Route.objects.get(pk=flow.route.pk).completeness


def test_a_refund_that_nobody_told_us_of_is_counted_and_fetched(flow, monkeypatch):
    monkeypatch.setattr(completeness, "GRACE", timedelta(0))
    order, transfer = flow.carry(lines=[TENT])
    flow.store_simulator.post(f"orders/{order['id']}/refund", amount="5.00")
    time.sleep(1.1)
    found = completeness.check(flow.route.pk)
    assert found.documents == {"refunds": (1, 1)}
    assert found.missing == ()
    work_inbox()
    key = f"{flow.route.pk}:{order['id']}"
    assert AgendaItem.objects.filter(kind=dispatch.RELATED, key=key).exists()
    related.look(key)
    assert Transfer.objects.filter(flow="refunds", order_key=transfer.order_key).count() == 1
    assert completeness.check(flow.route.pk).documents == {"refunds": (1, 0)}
    kept = Route.objects.get(pk=flow.route.pk).completeness
    assert kept["documents"] == {"refunds": {"in_store": 1, "missing": 0}}


def test_a_list_that_the_store_does_not_give_is_told_beside_the_last_count(flow, monkeypatch):
    monkeypatch.setattr(completeness, "GRACE", timedelta(0))
    flow.carry(lines=[TENT])
    time.sleep(1.1)
    assert completeness.check(flow.route.pk).in_store == 1
    flow.store_simulator.fault("status", status=422, method="GET", path="v2/orders", times=None)
    assert completeness.check(flow.route.pk) is None
    kept = Route.objects.get(pk=flow.route.pk).completeness
    assert kept["in_store"] == 1
    assert kept["trouble"]
    flow.store_simulator.post("faults/clear")
    completeness.check(flow.route.pk)
    assert "trouble" not in Route.objects.get(pk=flow.route.pk).completeness


def test_a_backfill_by_days_finds_what_was_placed_then_and_changed_later(flow):
    since = timezone.now() - timedelta(seconds=2)
    order = flow.place(lines=[TENT])
    until = timezone.now() + timedelta(seconds=1)
    time.sleep(2.1)
    flow.store_simulator.post(f"orders/{order['id']}/status", status_id="2")
    changed = services.open_store(flow.store).changed_orders(since=since)
    assert [n.occurred_at >= until for page in changed for n in page] == [True]
    assert backfill.plan_range(flow.route, since, until).fresh == (str(order["id"]),)
    before = since - timedelta(minutes=5)
    assert backfill.plan_range(flow.route, before, since - timedelta(minutes=1)).fresh == ()


def test_a_dry_run_tells_which_orders_are_too_old_and_the_real_run_leaves_them_alone(flow):
    order = flow.place(lines=[TENT])
    Route.objects.update(start_at=timezone.now() + timedelta(hours=1))
    flow.route.refresh_from_db()
    since, until = timezone.now() - timedelta(days=1), timezone.now() + timedelta(days=1)
    plan = backfill.plan_range(flow.route, since, until)
    assert (plan.fresh, plan.too_old) == ((), (str(order["id"]),))
    assert "1 were placed before the route begins" in plan.words
    assert backfill.carry_out(flow.route, plan) == 0
    assert not InboxEvent.objects.exists()


def test_a_long_range_waits_for_the_limit_as_long_as_it_may(flow, monkeypatch):
    monkeypatch.setattr(store_client, "PAGE", 1)
    orders = {str(flow.place(lines=[TENT])["id"]) for _ in range(3)}
    since, until = timezone.now() - timedelta(days=1), timezone.now() + timedelta(days=1)
    flow.store_simulator.fault("throttle", method="GET", path="v2/orders", skip=1, times=1)
    with pytest.raises(TryLater):
        backfill.plan_range(flow.route, since, until, patience=timedelta(0))
    forget_processes_memory()
    flow.store_simulator.fault("throttle", method="GET", path="v2/orders", skip=1, times=1)
    plan = backfill.plan_range(flow.route, since, until, patience=timedelta(minutes=1))
    assert set(plan.fresh) == orders


def test_a_backfill_by_days_leaves_alone_what_is_known_and_books_the_rest_once(flow):
    known, _ = flow.carry(lines=[TENT])
    fresh = flow.place(lines=[TENT])
    since, until = timezone.now() - timedelta(days=1), timezone.now() + timedelta(days=1)
    plan = backfill.plan_range(flow.route, since, until)
    assert (plan.fresh, plan.known) == ((str(fresh["id"]),), (str(known["id"]),))
    assert Transfer.objects.count() == 1
    assert backfill.carry_out(flow.route, plan) == 1
    work_inbox()
    assert flow.work(fresh["id"]).state == "posted"
    assert backfill.plan_range(flow.route, since, until).fresh == ()
    assert flow.booked()["duplicates"] == {}


def test_the_command_tells_before_it_does(flow):
    order = flow.place(lines=[TENT])
    out = StringIO()
    options = {"tenant": "acme", "route": "web", "stdout": out}
    call_command("backfill", str(order["id"]), dry_run=True, **options)
    assert "1 orders would be fetched" in out.getvalue()
    from tenants.context import in_tenant

    with in_tenant("t_acme"):
        assert not Transfer.objects.exists()
    call_command("backfill", str(order["id"]), **options)
    with in_tenant("t_acme"):
        work_inbox()
        assert Transfer.objects.get().source_key == str(order["id"])


@pytest.mark.parametrize("numbers", [[], ["twelve"], ["1", "-"]])
def test_a_backfill_of_nonsense_says_what_is_wrong(flow, numbers):
    with pytest.raises(ValidationError):
        backfill.plan_numbers(flow.route, numbers)
