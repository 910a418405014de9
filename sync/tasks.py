"""Celery tasks: thin doors. Each enters its tenant, calls one service, and may run twice."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from audit import exchanges, seals
from connectors.errors import ConnectorError
from connectors.relay import watch
from sync import completeness, dispatch, hooks, inbox
from sync.models import Transfer
from sync.pipelines import awaited, flows, polling, related, work
from tenants.acting import acting_as
from tenants.tasks import tenant_task

SEAL_EVERY = timedelta(minutes=5)
PURGE_EVERY = timedelta(hours=6)
CHECK_AGAIN = timedelta(minutes=1)
# Long readings take half of a process's threads at most, so that no order stands behind them.
_background = threading.Semaphore(max(1, settings.WORKER_THREADS // 2))
NO_ROOM = timedelta(seconds=4)


@contextmanager
def beside_orders(kind: str, key: int | str) -> Iterator[bool]:
    """Room for work that is long and can wait; False, and it is put off a moment, if there is
    none."""
    if not _background.acquire(blocking=False):
        soon = NO_ROOM * random.uniform(0.25, 1)  # noqa: S311
        dispatch.wake_at(kind, key, timezone.now() + soon)
        yield False
        return
    try:
        yield True
    finally:
        _background.release()


@tenant_task(name=dispatch.TASK_OF[dispatch.EVENT])
def process_event(key: str) -> None:
    """Turn one inbox event into transfers and work them."""
    with acting_as("worker"):
        for transfer_id in inbox.process(int(key)):
            work.work(transfer_id)


@tenant_task(name=dispatch.TASK_OF[dispatch.TRANSFER])
def work_transfer(key: str) -> None:
    """Work one transfer that is due."""
    with acting_as("worker"):
        work.work(int(key))


@tenant_task(name=dispatch.TASK_OF[dispatch.CHECK_POSTED])
def check_posted(key: str) -> None:
    """Look at a booked order that the store reported as changed."""
    with acting_as("worker"):
        try:
            with dispatch.fulfilled(dispatch.CHECK_POSTED, key):
                work.check_posted(int(key))
        except ConnectorError as error:
            if Transfer.objects.filter(pk=int(key)).exists():
                wait = max(error.retry_after or CHECK_AGAIN, CHECK_AGAIN)
                dispatch.wake_at(dispatch.CHECK_POSTED, key, timezone.now() + wait)


@tenant_task(name=dispatch.TASK_OF[dispatch.RELATED])
def look_for_related(key: str) -> None:
    """Find the invoices, refunds and payments of one order."""
    with acting_as("worker"):
        try:
            with dispatch.fulfilled(dispatch.RELATED, key):
                related.look(key)
        except ConnectorError as error:
            wait = error.retry_after or CHECK_AGAIN
            dispatch.wake_at(dispatch.RELATED, key, timezone.now() + wait)


@tenant_task(name=dispatch.TASK_OF[dispatch.FOLLOW])
def follow(key: str) -> None:
    """Let go what waited for a transfer that settled, where its worker did not get so far."""
    with acting_as("worker"):
        related.follow(int(key))


@tenant_task(name=dispatch.TASK_OF[dispatch.AWAITED])
def look_for_posting(key: str) -> None:
    """Ask the ERP whether it has posted a document that it had accepted."""
    with acting_as("worker"):
        awaited.look(int(key))


@tenant_task(name=dispatch.TASK_OF[dispatch.POLL_ORDERS])
def poll_orders(key: str) -> None:
    """Ask the store for what no webhook told us about."""
    with acting_as("worker"):
        polling.poll(int(key))


@tenant_task(name=dispatch.TASK_OF[dispatch.HOOKS])
def register_hooks(key: str) -> None:
    """Register the webhooks that the routes of a store need."""
    with acting_as("worker"):
        hooks.register_for_routes(int(key))


@tenant_task(name=dispatch.TASK_OF[dispatch.FLOW])
def run_flow(key: str) -> None:
    """Carry one flow of master data on for a while."""
    with acting_as("worker"), beside_orders(dispatch.FLOW, key) as has_room:
        if has_room:
            flows.run(int(key))


@tenant_task(name=dispatch.TASK_OF[dispatch.SUBSCRIBE])
def subscribe(key: str) -> None:
    """Keep an ERP's change subscriptions alive."""
    with acting_as("worker"):
        hooks.subscribe(int(key))


@tenant_task(name=dispatch.TASK_OF[dispatch.HOOK_HEALTH])
def look_after_hooks(key: str) -> None:
    """Revive a store's hooks."""
    with acting_as("worker"):
        hooks.look_after(int(key))


@tenant_task(name=dispatch.TASK_OF[dispatch.COMPLETENESS])
def count_missing(key: str) -> None:
    """Compare the store's orders with ours."""
    with acting_as("worker"), beside_orders(dispatch.COMPLETENESS, key) as has_room:
        if has_room:
            completeness.check(int(key))


@tenant_task(name=dispatch.TASK_OF[dispatch.SEAL])
def seal(key: str) -> None:
    """Seal the new audit entries."""
    dispatch.wake_at(dispatch.SEAL, key, timezone.now() + SEAL_EVERY)
    while seals.seal_new() is not None:
        continue


@tenant_task(name=dispatch.TASK_OF[dispatch.PURGE])
def purge(key: str) -> None:
    """Erase the contents of exchanges past their retention."""
    dispatch.wake_at(dispatch.PURGE, key, timezone.now() + PURGE_EVERY)
    with acting_as("system"):
        exchanges.purge_expired()


@tenant_task(name=dispatch.TASK_OF[dispatch.RELAY_SITE])
def look_at_relay_site(key: str) -> None:
    """See whether a relay site's agents are there, and say so on its connections."""
    # Put before the look: what a server process sees meanwhile makes it due at once again.
    dispatch.wake_at(dispatch.RELAY_SITE, key, timezone.now() + watch.LOOK_EVERY)
    with acting_as("system"):
        again_after = watch.look(int(key))
    if again_after is None:
        dispatch.forget(dispatch.RELAY_SITE, key)
    elif again_after < watch.LOOK_EVERY:
        dispatch.wake_at(dispatch.RELAY_SITE, key, timezone.now() + again_after)
