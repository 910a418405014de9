"""Waking workers. The agenda row is the promise; the message only makes it quick.

Every wake-up is written to the agenda in the caller's transaction and sent to the broker after
the commit. If the broker forgets it, the tick finds the row.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from connectors.relay import watch
from tenants import agenda
from tenants.tasks import send_task

EVENT = "event"
TRANSFER = "transfer"
CHECK_POSTED = "check_posted"
RELATED = "related"
FOLLOW = "follow"
AWAITED = "awaited"
FLOW = "flow"
SUBSCRIBE = "subscribe"
HOOK_HEALTH = "hook_health"
COMPLETENESS = "completeness"
POLL_ORDERS = "poll_orders"
HOOKS = "hooks"
SEAL = "seal"
PURGE = "purge"
RELAY_SITE = watch.AGENDA

TASK_OF = {
    EVENT: "sync.process_event",
    TRANSFER: "sync.work_transfer",
    CHECK_POSTED: "sync.check_posted",
    RELATED: "sync.look_for_related",
    FOLLOW: "sync.follow",
    AWAITED: "sync.look_for_posting",
    FLOW: "sync.run_flow",
    SUBSCRIBE: "sync.subscribe",
    HOOK_HEALTH: "sync.look_after_hooks",
    COMPLETENESS: "sync.count_missing",
    POLL_ORDERS: "sync.poll_orders",
    HOOKS: "sync.register_hooks",
    SEAL: "sync.seal",
    PURGE: "sync.purge",
    RELAY_SITE: "sync.look_at_relay_site",
}
# Orders before housekeeping, as the architecture orders the flows.
PRIORITY = {
    EVENT: 10,
    RELAY_SITE: watch.PRIORITY,
    TRANSFER: 20,
    FOLLOW: 25,
    RELATED: 30,
    CHECK_POSTED: 40,
    POLL_ORDERS: 50,
    HOOKS: 55,
    AWAITED: 60,
    FLOW: 70,
    SUBSCRIBE: 45,
    HOOK_HEALTH: 75,
    COMPLETENESS: 78,
    SEAL: 80,
    PURGE: 90,
}

# The direct message has this long before the tick sends another.
GRACE = timedelta(seconds=5)


def wake(kind: str, key: int | str) -> None:
    """Have ``kind`` worked for ``key`` now: at once by message, in any case by the agenda."""
    agenda.put(kind, str(key), timezone.now() + GRACE, priority=PRIORITY[kind])
    transaction.on_commit(lambda: send_task(TASK_OF[kind], str(key)))


def wake_at(kind: str, key: int | str, due_at: datetime) -> None:
    """Have ``kind`` worked for ``key`` at ``due_at``."""
    agenda.put(kind, str(key), due_at, priority=PRIORITY[kind])


def forget(kind: str, key: int | str) -> None:
    """Nothing is due any more for ``key``."""
    agenda.remove(kind, str(key))


@contextmanager
def fulfilled(kind: str, key: int | str) -> Iterator[None]:
    """Work that looks at ``key`` as it is now: forgotten when it ends without an error, unless it
    was woken again meanwhile, for what it may not have seen."""
    promised = agenda.due_at(kind, str(key))
    yield
    if promised is not None:
        agenda.remove(kind, str(key), due_at=promised)
