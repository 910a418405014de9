"""Nothing of the store is missing, and what is asked for is fetched once."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.utils import timezone

from sync import backfill, completeness, dispatch
from sync.models import InboxEvent, Route, Transfer
from tenants.models import AgendaItem
from tests.support.flow import TENT


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
    assert Route.objects.get(pk=flow.route.pk).completeness == {}


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
