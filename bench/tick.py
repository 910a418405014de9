"""The tick over the schedules of a thousand tenants: its cost, and how late it hands work out."""

from __future__ import annotations

import base64
import itertools
import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.rig import Rig, percentile, table

TENANTS = int(os.environ.get("BENCH_TENANTS", "1000"))
SECONDS = 60
THREADS = 16
HANDS = 4
Key = tuple[str, str, str]


def tick(rig: Rig) -> str:
    from sync import dispatch, schedules, tasks

    every = {
        (dispatch.FLOW, str(number)): timedelta(minutes=minutes)
        for number, minutes in enumerate(schedules.DEFAULT_MINUTES.values(), start=1)
    }
    every[(dispatch.SEAL, "all")] = tasks.SEAL_EVERY
    every[(dispatch.PURGE, "all")] = tasks.PURGE_EVERY
    hands = Hands(every)
    _make_tenants()
    hands.plan(lambda pause: pause * random.random())
    statements, ticks = _statements_of_a_tick(hands)
    rig.worker(THREADS, queues="tick")  # the hands below read the other queue
    with hands.working():
        time.sleep(8)
        rows = [hands.measured("as the schedules fall", rig, SECONDS)]
        hands.stop()
        hands.plan(lambda pause: timedelta(0), kinds={dispatch.FLOW})
        hands.go_on()
        rows.append(hands.measured(f"all {4 * TENANTS} due at the same moment", rig, SECONDS))
    return table(
        f"The tick: {TENANTS} tenants with four schedules each, and their seals",
        [
            "load",
            "handed out a second",
            "lateness p50 s",
            "lateness p99 s",
            "latest s",
            "CPU of the tick",
            "CPU of beat",
            "CPU of PostgreSQL",
        ],
        rows,
    ) + (
        f"\nA tick that finds {ticks} rows due makes {statements} statements; the tick comes once "
        "a second, and hands out at most eight times as many rows as a worker has threads "
        f"({THREADS} here).\n"
    )


class Hands:
    """What workers do with a message, without the work: note how late it came, plan the next."""

    def __init__(self, every: dict[tuple[str, str], timedelta]) -> None:
        self.every = every
        self.due: dict[Key, datetime] = {}
        self.late: list[float] = []
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self._names = self._kinds()

    @staticmethod
    def _kinds() -> dict[str, str]:
        from sync import dispatch

        return {task: kind for kind, task in dispatch.TASK_OF.items()}

    def plan(
        self,
        first: Callable[[timedelta], timedelta],
        kinds: set[str] | None = None,
    ) -> None:
        """Write the agenda anew: when each row is first due is ``first`` of its pause from now."""
        from sync import dispatch
        from tenants.models import AgendaItem, Tenant

        chosen = [name for name in self.every if kinds is None or name[0] in kinds]
        AgendaItem.objects.filter(kind__in={kind for kind, _ in chosen}).delete()
        now, rows = datetime.now(UTC), []
        for tenant in Tenant.objects.all():
            for kind, key in chosen:
                at = now + first(self.every[(kind, key)])
                self.due[(tenant.schema_name, kind, key)] = at
                rows.append(
                    AgendaItem(
                        tenant=tenant,
                        kind=kind,
                        key=key,
                        due_at=at,
                        priority=dispatch.PRIORITY[kind],
                    )
                )
        AgendaItem.objects.bulk_create(rows, batch_size=1000)

    @contextmanager
    def working(self) -> Iterator[None]:
        self.go_on()
        try:
            yield
        finally:
            self.stop()

    def go_on(self) -> None:
        self._stopped.clear()
        self._threads = [threading.Thread(target=self._work) for _ in range(HANDS)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        from django.db import connection

        from connectors.services import redis_client
        from tenants.tasks import WORK_QUEUE

        client = redis_client()
        while not self._stopped.is_set():
            message: Any = client.blpop([WORK_QUEUE], timeout=1)
            if message is None:
                continue
            self._take(json.loads(message[1]))
        connection.close()

    def _take(self, message: dict[str, Any]) -> None:
        from sync import dispatch
        from tenants import agenda
        from tenants.database import database

        now = datetime.now(UTC)
        (schema, key), *_ = json.loads(base64.b64decode(message["body"]))
        kind = self._names[message["headers"]["task"]]
        row = (schema, kind, key)
        self.late.append((now - self.due[row]).total_seconds())
        self.due[row] = now + self.every[(kind, key)]
        database.set_schema(schema)
        agenda.put(kind, key, self.due[row], priority=dispatch.PRIORITY[kind])

    def measured(self, words: str, rig: Rig, seconds: int) -> list[Any]:
        self.late.clear()
        names = ("worker", "beat")
        before = {name: rig.cpu_seconds(name) for name in names}
        postgres = rig.postgres_cpu_seconds()
        began = time.monotonic()
        time.sleep(seconds)
        spent = time.monotonic() - began
        late = list(self.late)
        cpu = {name: (rig.cpu_seconds(name) - before[name]) / spent for name in names}
        return [
            words,
            f"{len(late) / spent:.1f}",
            f"{percentile(late, 0.5):.2f}",
            f"{percentile(late, 0.99):.2f}",
            f"{max(late):.2f}",
            f"{cpu['worker']:.1%}",
            f"{cpu['beat']:.1%}",
            f"{(rig.postgres_cpu_seconds() - postgres) / spent:.1%}",
        ]


def _make_tenants() -> None:
    """Rows alone: the tick never enters a tenant's schema."""
    from tenants.database import database
    from tenants.models import Tenant

    database.set_schema_to_public()
    Tenant.objects.bulk_create(
        Tenant(name=f"Tenant {n}", slug=f"t{n}", schema_name=f"t_t{n}", time_zone="UTC")
        for n in range(TENANTS)
    )


def _statements_of_a_tick(hands: Hands) -> tuple[int, int]:
    """Statements of one tick with a full load, and how many rows it found due."""
    from django.test.utils import override_settings

    from connectors.services import redis_client
    from sync import dispatch, schedule
    from tenants.database import database

    count = itertools.count()

    def counting(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        next(count)
        return execute(sql, params, many, context)

    hands.plan(lambda pause: timedelta(0), kinds={dispatch.FLOW})
    with override_settings(WORKER_THREADS=THREADS):
        schedule.tick()  # the first of a minute also begins housekeeping
        redis_client().flushdb()
        with database.execute_wrapper(counting):
            rows = schedule.tick()
    redis_client().flushdb()
    hands.plan(lambda pause: pause * random.random())
    return next(count), rows
