"""Webhooks are registered by themselves, as soon as a route needs them and the store can be asked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from connectors import hook_care, services
from connectors.models import Connection
from sync import dispatch, hooks
from tenants.context import in_tenant
from tenants.models import AgendaItem


def promised(flow):
    return AgendaItem.objects.filter(kind=dispatch.HOOKS, key=str(flow.store.pk))


def test_a_new_route_gets_the_hooks_of_its_store(flow):
    assert promised(flow).exists()
    hooks.register_for_routes(flow.store.pk)
    assert not promised(flow).exists()
    assert flow.store.subscriptions.filter(is_active=True).count() == 4
    before = flow.store.subscriptions.count()
    hooks.register_for_routes(flow.store.pk)
    assert flow.store.subscriptions.count() == before


def test_a_connection_that_is_resumed_has_its_hooks_looked_after(flow):
    hooks.register_for_routes(flow.store.pk)
    services.pause(flow.store, "")
    services.resume(flow.store)
    assert promised(flow).exists()


def test_a_paused_connection_is_left_alone_until_it_is_resumed(flow):
    services.pause(flow.store, "")
    hooks.register_for_routes(flow.store.pk)
    assert not promised(flow).exists()
    assert not flow.store.subscriptions.exists()


def test_a_store_that_is_down_is_asked_again(flow):
    flow.store_simulator.fault("status", status=503, path="hooks", times=20)
    hooks.register_for_routes(flow.store.pk)
    assert promised(flow).get().due_at > timezone.now()


def test_a_route_that_is_not_active_needs_none(flow):
    type(flow.route).objects.update(is_active=False)
    hooks.register_for_routes(flow.store.pk)
    assert not flow.store.subscriptions.exists()


def test_two_registrations_at_once_make_each_hook_once(flow):
    def register(_):
        try:
            with in_tenant("t_acme"):
                return len(hooks.register(Connection.objects.get(pk=flow.store.pk)))
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(register, range(2))) == [4, 4]
    made = flow.store_simulator.get("state")["hooks"]
    assert len({(row["scope"], row["destination"]) for row in made}) == len(made) == 4


def test_hooks_that_the_store_switched_off_are_on_again_and_the_gap_is_fetched(flow):
    from audit.models import Entry
    from sync.models import InboxEvent
    from sync.pipelines import polling
    from tests.support.flow import TENT

    polling.poll(flow.route.pk)
    hooks.register(flow.store)
    client = services.open_store(flow.store).client
    for row in client.hooks():
        client.update_hook(str(row["id"]), {"is_active": False})
    lost = flow.place(lines=[TENT])
    hooks.look_after(flow.store.pk)
    assert all(hook.is_active for hook in hook_care.hook_health(flow.store))
    assert Entry.objects.filter(action="hooks_healed").count() == 1
    assert AgendaItem.objects.filter(kind=dispatch.POLL_ORDERS, key=str(flow.route.pk)).exists()
    polling.poll(flow.route.pk)
    assert InboxEvent.objects.filter(record="order").values_list("external_id", flat=True)[0] == (
        str(lost["id"])
    )
    hooks.look_after(flow.store.pk)
    assert Entry.objects.filter(action="hooks_healed").count() == 1


def test_hooks_that_the_store_deleted_altogether_are_made_again_and_the_gap_is_fetched(flow):
    from audit.models import Entry

    hooks.register(flow.store)
    AgendaItem.objects.filter(kind=dispatch.POLL_ORDERS).update(
        due_at=timezone.now() + timedelta(hours=1)
    )
    client = services.open_store(flow.store).client
    for row in client.hooks():
        client.delete_hook(str(row["id"]))
    hooks.look_after(flow.store.pk)
    assert all(hook.is_active for hook in hook_care.hook_health(flow.store))
    assert len(Entry.objects.get(action="hooks_healed").data["scopes"]) == 4
    due = AgendaItem.objects.get(kind=dispatch.POLL_ORDERS, key=str(flow.route.pk)).due_at
    assert due < timezone.now() + timedelta(minutes=1)


def test_hooks_that_were_lost_while_the_connection_was_paused_are_told_too(flow):
    from audit.models import Entry

    hooks.register(flow.store)
    client = services.open_store(flow.store).client
    services.pause(flow.store, "")
    for row in client.hooks():
        client.update_hook(str(row["id"]), {"is_active": False})
    services.resume(flow.store)
    hooks.register_for_routes(flow.store.pk)
    assert Entry.objects.filter(action="hooks_healed").count() == 1


def test_an_erp_that_works_again_has_its_subscriptions_looked_after_at_once(flow):
    dispatch.forget(dispatch.SUBSCRIBE, flow.erp.pk)
    services.pause(flow.erp, "")
    services.resume(flow.erp)
    due = AgendaItem.objects.get(kind=dispatch.SUBSCRIBE, key=str(flow.erp.pk)).due_at
    assert due < timezone.now() + timedelta(minutes=1)


def test_long_silence_is_told_before_the_store_switches_hooks_off(flow):
    services.ping(flow.store)
    hooks.register(flow.store)
    Connection.objects.filter(pk=flow.store.pk).update(
        created_at=timezone.now() - timedelta(days=80)
    )
    hooks.look_after(flow.store.pk)
    flow.store.refresh_from_db()
    assert (flow.store.state, flow.store.state_code) == ("degraded", "hooks_silent")
    assert "80 days" in flow.store.state_reason


def tell(flow, count: int, source: str, start: int = 1) -> None:
    from sync.models import InboxEvent

    for number in range(start, start + count):
        InboxEvent.objects.create(
            connection=flow.store, delivery_id=f"{source}:{number}", source=source, record="order",
            external_id=str(number),
        )  # fmt: skip


def test_orders_that_come_without_a_webhook_are_told_and_taken_back_when_they_come_again(
    flow, monkeypatch
):
    from sync import arrivals

    monkeypatch.setattr(arrivals, "SETTLING", timedelta(0))
    services.ping(flow.store)
    hooks.register(flow.store)
    tell(flow, 9, "poll")
    hooks.look_after(flow.store.pk)
    flow.store.refresh_from_db()
    assert flow.store.state == "healthy"
    tell(flow, 6, "poll", start=10)
    tell(flow, 15, "webhook", start=100)
    tell(flow, 15, "poll", start=100)  # the check finds again what a webhook told
    hooks.look_after(flow.store.pk)
    flow.store.refresh_from_db()
    assert (flow.store.state, flow.store.state_code) == ("degraded", "hooks_missing")
    assert "Of 30 orders that changed lately, 15 came" in flow.store.state_reason
    tell(flow, 20, "webhook", start=200)
    hooks.look_after(flow.store.pk)
    flow.store.refresh_from_db()
    assert flow.store.state == "healthy"


def test_what_the_first_check_finds_is_no_missing_webhook(flow):
    services.ping(flow.store)
    hooks.register(flow.store)
    tell(flow, 40, "poll")
    hooks.look_after(flow.store.pk)
    flow.store.refresh_from_db()
    assert flow.store.state == "healthy"


def test_flows_whose_time_came_while_a_connection_was_down_run_when_it_works_again(flow):
    from sync import route_settings, schedules
    from sync.models import FlowSchedule

    route_settings.save(flow.route, {"stock_flow": "write", "prices_flow": "write"})
    flow.route.refresh_from_db()
    schedules.ensure(flow.route)
    now = timezone.now()
    missed, done = FlowSchedule.objects.filter(route=flow.route).order_by("flow")
    for row, started in ((missed, now - timedelta(days=2)), (done, now)):
        schedules.save(row, every_minutes=None, at_times=["06:30"])
        FlowSchedule.objects.filter(pk=row.pk).update(started_at=started)
    services.pause(flow.erp, "")
    services.resume(flow.erp)
    due = {int(item.key): item.due_at for item in AgendaItem.objects.filter(kind=dispatch.FLOW)}
    assert due[missed.pk] < now + timedelta(minutes=1)
    assert due[done.pk] == FlowSchedule.objects.get(pk=done.pk).next_at
