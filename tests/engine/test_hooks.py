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
