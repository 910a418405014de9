"""The Celery app. PostgreSQL holds the truth; this only wakes workers."""

from __future__ import annotations

import os
import time
from typing import Any

from celery import Celery
from celery.signals import beat_init
from kombu import Exchange, Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("ml_connector")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.task_queues = [Queue(name, Exchange(name), routing_key=name) for name in ("work", "tick")]
app.autodiscover_tasks(["sync"])

TICK_SECONDS = 1
BEAT_LOCK = 0x6D6C_BEA7


def ensure_schedule() -> None:
    """The one periodic task of our own; operators may add others in the admin."""
    from django_celery_beat.models import IntervalSchedule, PeriodicTask

    every, _ = IntervalSchedule.objects.get_or_create(
        every=TICK_SECONDS, period=IntervalSchedule.SECONDS
    )
    PeriodicTask.objects.update_or_create(
        name="Agenda tick",
        defaults={
            "task": "sync.tick",
            "interval": every,
            "queue": "tick",
            "expire_seconds": 5,
            "description": "Hands out what is due. Without it retries and schedules stand still.",
        },
    )


def __getattr__(name: str) -> Any:
    """``SingleBeatScheduler``, made when beat asks for it, because it needs Django's models."""
    if name != "SingleBeatScheduler":
        raise AttributeError(name)
    from django_celery_beat.schedulers import DatabaseScheduler

    from tenants.database import database as connection

    class SingleBeatScheduler(DatabaseScheduler):  # type: ignore[misc]
        """The database scheduler behind a PostgreSQL advisory lock: a second beat waits."""

        def setup_schedule(self) -> None:
            connection.set_schema_to_public()
            while not self._only_one():
                time.sleep(0.4)
            ensure_schedule()
            super().setup_schedule()

        def _only_one(self) -> bool:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_lock(%s)", [BEAT_LOCK])
                return bool(cursor.fetchone()[0])

    globals()[name] = SingleBeatScheduler
    return SingleBeatScheduler


@beat_init.connect
def _into_public(**more: object) -> None:
    from tenants.database import database

    database.set_schema_to_public()
