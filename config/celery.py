"""The Celery app. PostgreSQL holds the truth; this only wakes workers."""

from __future__ import annotations

import logging
import os
import time
from typing import Any

from celery import Celery
from celery.signals import beat_init, worker_init
from kombu import Exchange, Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("ml_connector")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.task_queues = [Queue(name, Exchange(name), routing_key=name) for name in ("work", "tick")]
app.autodiscover_tasks(["sync"])

log = logging.getLogger("ml_connector.beat")

TICK_SECONDS = 1
WAIT_SECONDS = 0.4
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
    from django.db import DatabaseError, InterfaceError
    from django_celery_beat.schedulers import DatabaseScheduler

    from tenants.database import database as connection

    class SingleBeatScheduler(DatabaseScheduler):  # type: ignore[misc]
        """The database scheduler behind a PostgreSQL advisory lock: a second beat waits.

        The lock belongs to a database session, so it is taken anew after every reconnect.
        """

        _locked_session: object = None

        def setup_schedule(self) -> None:
            connection.set_schema_to_public()
            while not self._is_the_one():
                time.sleep(WAIT_SECONDS)
            ensure_schedule()
            super().setup_schedule()

        def tick(self, *args: Any, **kwargs: Any) -> float:
            try:
                if not self._is_the_one():
                    return WAIT_SECONDS
                return float(super().tick(*args, **kwargs))
            except (DatabaseError, InterfaceError) as error:
                log.warning("The schedule waits for the database: %s", error)
                connection.close()
                return WAIT_SECONDS

        def _is_the_one(self) -> bool:
            try:
                with connection.cursor() as cursor:
                    session = connection.connection
                    if session is self._locked_session:
                        cursor.execute("SELECT true")
                    else:
                        cursor.execute("SELECT pg_try_advisory_lock(%s)", [BEAT_LOCK])
                    is_ours = bool(cursor.fetchone()[0])
            except (DatabaseError, InterfaceError) as error:
                log.warning("The schedule waits for the database: %s", error)
                connection.close()
                is_ours = False
            self._locked_session = session if is_ours else None
            return is_ours

    globals()[name] = SingleBeatScheduler
    return SingleBeatScheduler


@beat_init.connect
def _into_public(**more: object) -> None:
    from tenants.database import database

    database.set_schema_to_public()


@worker_init.connect
@beat_init.connect
def _refuse_shared_backends(**more: object) -> None:
    from config.pooling import SharedBackendsError, refuse_shared_backends

    try:
        refuse_shared_backends()
    except SharedBackendsError as error:
        # Celery only logs what a signal's receiver raises, unless it ends the process.
        raise SystemExit(str(error)) from error
