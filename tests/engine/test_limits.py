"""The vendors' limits: used nearly to the full, never run into, and orders before everything."""

from __future__ import annotations

import heapq
import queue
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import count

import pytest
from celery import current_app
from django.conf import settings
from django.db import connection

from connectors import services
from connectors.errors import TryLater
from connectors.kit import throttle
from connectors.kit.throttle import Budget, Limits, yielding
from sync import dispatch, route_settings, schedules
from sync.models import Flow, FlowSchedule, Transfer
from tenants import agenda
from tests.support.flow import TENT, make_flow
from tests.support.rigs import CERTIFICATES
from tests.support.simulators import Simulator, Simulators, _start


class WorldClock:
    """The time as the budget sees it, moved by hand."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing sleeps here")


@pytest.fixture
def world(tenant, monkeypatch):
    """A budget whose clock is moved by hand; nobody waits in it for a turn."""
    clock = WorldClock()
    monkeypatch.setattr(throttle, "time", clock)
    monkeypatch.setattr(Budget, "GATE_PATIENCE", -1)
    return clock


class Sliding:
    """A vendor who counts the requests of the last ``seconds``, as Business Central does."""

    def __init__(self, calls: int, seconds: float) -> None:
        self.calls, self.seconds = calls, seconds
        self.seen: deque[float] = deque()
        self.most = self.refused = self.taken = 0

    def take(self, now: float) -> None:
        while self.seen and self.seen[0] < now - self.seconds:
            self.seen.popleft()
        if len(self.seen) >= self.calls:
            self.refused += 1
            return
        self.seen.append(now)
        self.taken += 1
        self.most = max(self.most, len(self.seen))


class ByWindow:
    """A vendor who counts from the first request of a window, and tells, as BigCommerce does."""

    def __init__(self, calls: int, seconds: float) -> None:
        self.calls, self.seconds = calls, seconds
        self.begun, self.used = 0.0, 0
        self.refused = 0
        self.windows: list[int] = []

    def take(self, now: float) -> tuple[int, float]:
        """What it tells: calls left, and the instant of the next window."""
        if not 0 <= now - self.begun < self.seconds:
            self.windows.append(self.used)
            self.begun, self.used = now, 0
        if self.used >= self.calls:
            self.refused += 1
        else:
            self.used += 1
        return self.calls - self.used, self.begun + self.seconds


def test_a_sliding_window_is_never_overrun_and_nearly_full(world):
    limits = Limits(calls=590, seconds=300, burst=30, in_flight=5)
    budget, vendor = Budget(services.redis_client(), "sliding", limits), Sliding(600, 300)
    until = world.now + 1_500
    while world.now < until:
        try:
            with budget.call():
                vendor.take(world.now + random.Random(vendor.taken).uniform(0, 0.2))
        except TryLater as later:
            world.now += min(later.retry_after.total_seconds(), 1)
        else:
            world.now += 0.02
    assert vendor.refused == 0
    assert vendor.most > 0.9 * 600
    assert vendor.taken > 0.9 * 600 * 5


@pytest.mark.parametrize("workers", [1, 4, 12])
def test_windows_that_the_vendor_tells_of_are_used_to_the_full_by_many_calls_at_once(
    world, workers
):
    """Answers take up to 0.4 s and overtake each other: no call too many is made."""
    chance = random.Random(workers)
    budget = Budget(services.redis_client(), "told", Limits(calls=150, seconds=30, in_flight=12))
    vendor, end = ByWindow(150, 30), world.now + 300
    order = count()
    events: list[tuple[float, int, str, object]] = []

    def later(seconds: float, what: str, *more: object) -> None:
        heapq.heappush(events, (world.now + seconds, next(order), what, more))

    for worker in range(workers):
        later(worker * 0.01, "ask")
    while events:
        at, _, what, more = heapq.heappop(events)
        world.now = max(world.now, at)
        if what == "ask" and world.now < end:
            call = budget.call()
            try:
                call.__enter__()
            except TryLater as wait:
                later(min(wait.retry_after.total_seconds(), 5) + 0.01, "ask")
                continue
            later(chance.uniform(0.005, 0.1), "arrive", call, budget._mine.call)
        elif what == "arrive":
            later(chance.uniform(0.02, 0.3), "answer", *more, vendor.take(world.now))
        elif what == "answer":
            call, mine, (left, reset) = more
            budget._mine.call = mine
            budget.told(left=left, reset_seconds=max(reset - world.now, 0), quota=150)
            call.__exit__(None, None, None)
            later(0, "ask")
    assert vendor.refused == 0
    full = vendor.windows[1:]
    assert sum(full) / len(full) > 0.9 * 150, full


def test_yielding_work_leaves_calls_and_a_place_to_orders(world):
    limits = Limits(calls=80, seconds=60, in_flight=3)
    budget = Budget(services.redis_client(), "kept", limits)

    def all_there_are() -> int:
        for taken in count():
            try:
                with budget.call():
                    pass
            except TryLater:
                return taken
        raise AssertionError

    with yielding():
        assert all_there_are() == 70
    assert all_there_are() == 10
    budget.told(left=10, reset_seconds=20, quota=80)
    world.now += 15
    with yielding(), pytest.raises(TryLater) as caught, budget.call():
        pass
    assert caught.value.retry_after.total_seconds() == 5
    with budget.call(), budget.call():
        with yielding(), pytest.raises(TryLater), budget.call():
            pass
        with budget.call():
            pass


THREADS = 4


class Engine:
    """Worker threads, a tick and a queue: the product's own tasks as its workers run them, with a
    queue of this process in the broker's place."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._tasks: queue.Queue[tuple[str, str, str]] = queue.Queue()
        self._over = threading.Event()
        self.troubles: list[BaseException] = []
        monkeypatch.setattr(dispatch, "send_task", self._send)

    def _send(self, name: str, key: str) -> bool:
        self._tasks.put((name, "t_acme", key))
        return True

    def _tick(self) -> None:
        while not self._over.wait(1):
            for due in agenda.claim_due(limit=50, again_after=timedelta(seconds=30)):
                self._tasks.put((dispatch.TASK_OF[due.kind], due.schema, due.key))

    def _work(self) -> None:
        while not self._over.is_set():
            try:
                name, schema, key = self._tasks.get(timeout=0.1)
            except queue.Empty:
                continue
            try:
                current_app.tasks[name](schema, key)
            except Exception as error:
                self.troubles.append(error)

    @contextmanager
    def running(self) -> Iterator[None]:
        def closing(run: Callable[[], None]) -> None:
            try:
                run()
            finally:
                connection.close()

        doings = [self._tick, *[self._work] * THREADS]
        threads = [threading.Thread(target=closing, args=[doing]) for doing in doings]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join(40)


@contextmanager
def strict(products: int, *, quota: int, rate: int) -> Iterator[Simulators]:
    """A store and an ERP with their limiters on."""
    settings.OUTBOUND_CA_FILE, before = CERTIFICATES.ca_file, settings.OUTBOUND_CA_FILE
    started: list[Simulator] = []
    try:
        for module, *more in (
            ("sandbox.bigcommerce", "--quota", str(quota), "--products", str(products)),
            ("sandbox.business_central", "--rate", str(rate), "--items", str(products)),
        ):
            started.append(_start(module, [*CERTIFICATES.arguments, *more]))
        yield Simulators(started[0], started[1], CERTIFICATES.ca_file)
    finally:
        settings.OUTBOUND_CA_FILE = before
        for simulator in started:
            simulator.stop()


def log(simulator: Simulator) -> list[tuple[datetime, int]]:
    rows = simulator.get("requests?limit=2000")["requests"]
    return sorted((datetime.fromisoformat(row["at"]), row["status"]) for row in rows)


def orders_meanwhile(flow, seconds: float, every: float) -> list[float]:
    """Place and announce orders for a while; how long each took until it was booked, in seconds."""
    placed: dict[str, float] = {}
    took: dict[str, float] = {}
    begun = time.monotonic()
    following = begun + 4  # the flows have the window to themselves first
    while (now := time.monotonic()) < begun + seconds:
        if now >= following and now < begun + seconds - 8:
            following += every
            order = flow.place(lines=[TENT])
            placed[str(order["id"])] = time.monotonic()
            announce(flow, order["id"])
        for key in Transfer.objects.filter(
            flow=Flow.ORDERS, state="posted", source_key__in=placed.keys() - took.keys()
        ).values_list("source_key", flat=True):
            took[key] = time.monotonic() - placed[key]
        time.sleep(0.2)
    assert took.keys() == placed.keys(), list(
        Transfer.objects.filter(flow=Flow.ORDERS).values_list("state", "reason")
    )
    return list(took.values())


def announce(flow, order_id: int) -> None:
    from connectors.contract import Notice
    from sync import inbox

    notice = Notice(
        record="order",
        external_id=str(order_id),
        delivery_id=f"placed:{order_id}",
        event="store/order/created",
    )
    inbox.accept(connection=flow.store, notices=[notice], source="webhook")


@pytest.mark.proof
def test_a_catalogue_and_orders_share_the_window_of_the_standard_plan(tenant, monkeypatch):
    with strict(6_000, quota=150, rate=0) as simulators:
        flow = make_flow(simulators)
        flow.store.values["quota"] = "150"
        flow.store.save()
        route_settings.save(
            flow.route,
            {"items_flow": "update", "prices_flow": "write", "stock_flow": "write"},
        )
        schedules.ensure(flow.route)
        simulators.store.post("settings", quota=150)
        simulators.store.post("requests/clear")
        engine = Engine(monkeypatch)
        for row in FlowSchedule.objects.filter(route=flow.route):
            dispatch.wake(dispatch.FLOW, row.pk)
        with engine.running():
            took = orders_meanwhile(flow, 36, 5)
        assert not engine.troubles, engine.troubles
        rows = log(simulators.store)
        refused = sum(status == 429 for _, status in rows)
        first = rows[0][0]
        used = sum(at < first + timedelta(seconds=30) for at, _ in rows)
        written = [
            (row.flow, row.rows_seen, row.rows_written, row.words)
            for row in FlowSchedule.objects.all()
        ]
        print(f"store: {used} of 150 in the window, {refused} refused, orders {took}, {written}")
        assert refused == 0
        assert used > 0.85 * 150
        assert max(took) < 12, took  # the processor is shared as well
        assert sorted(took)[len(took) // 2] < 6, took
