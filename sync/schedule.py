"""The tick: what is due, for every tenant, is handed to workers."""

from __future__ import annotations

import time
from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.db import close_old_connections
from django.utils import timezone
from redis.exceptions import RedisError

from connectors.services import redis_client
from sync import dispatch
from tenants import agenda
from tenants.tasks import WORK_QUEUE, send_task

MOST_A_TICK = 500
# A row whose message was lost is handed out again after this long.
AGAIN_AFTER = timedelta(seconds=10)
HOUSEKEEPING_SECONDS = 60
_housekeeping_at = 0.0


@shared_task(name="sync.tick", ignore_result=True)
def tick() -> int:
    """Hand out what is due; returns how many. Never more than workers can take soon, so that a
    backlog stays in the database, where it is ordered, and not in the broker."""
    close_old_connections()
    _begin_housekeeping()
    room = min(MOST_A_TICK, settings.WORKER_THREADS * 8 - queue_length())
    if room <= 0:
        return 0
    due = agenda.claim_due(limit=room, again_after=AGAIN_AFTER)
    for row in due:
        task = dispatch.TASK_OF.get(row.kind)
        if task is not None:
            send_task(task, row.key, schema=row.schema)
    return len(due)


def _begin_housekeeping() -> None:
    """Sealing and purging for every tenant, new ones too; asked for once a minute."""
    global _housekeeping_at
    if time.monotonic() < _housekeeping_at:
        return
    _housekeeping_at = time.monotonic() + HOUSEKEEPING_SECONDS
    for kind in (dispatch.SEAL, dispatch.PURGE):
        agenda.put_for_every_tenant(kind, "all", timezone.now(), priority=dispatch.PRIORITY[kind])


def queue_length() -> int:
    try:
        return int(redis_client().llen(WORK_QUEUE))  # type: ignore[arg-type]
    except RedisError:
        return 0
