"""Webhooks are registered by themselves, as soon as a route needs them and the store can be asked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from django.db import connection
from django.utils import timezone

from connectors import services
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
    assert all(hook.is_active for hook in services.hook_health(flow.store))
    assert Entry.objects.filter(action="hooks_healed").count() == 1
    assert AgendaItem.objects.filter(kind=dispatch.POLL_ORDERS, key=str(flow.route.pk)).exists()
    polling.poll(flow.route.pk)
    assert InboxEvent.objects.filter(record="order").values_list("external_id", flat=True)[0] == (
        str(lost["id"])
    )
    hooks.look_after(flow.store.pk)
    assert Entry.objects.filter(action="hooks_healed").count() == 1


def test_long_silence_is_told_before_the_store_switches_hooks_off(flow):
    from datetime import timedelta

    services.ping(flow.store)
    hooks.register(flow.store)
    Connection.objects.filter(pk=flow.store.pk).update(
        created_at=timezone.now() - timedelta(days=80)
    )
    hooks.look_after(flow.store.pk)
    flow.store.refresh_from_db()
    assert (flow.store.state, flow.store.state_code) == ("degraded", "hooks_silent")
    assert "80 days" in flow.store.state_reason
