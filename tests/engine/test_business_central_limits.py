"""Business Central's window of five minutes in a live run: used to the full, never run into."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection
from django_tenants.utils import schema_context

from connectors.erps.business_central import feeds
from sync import route_settings, schedules
from sync.models import Flow, FlowSchedule
from tests.engine.test_limits import Engine, orders_meanwhile, strict
from tests.support.flow import make_flow

ALLOWED = 6_000  # requests in any five minutes, for one user
CATALOGUE = (Flow.PRICES, Flow.STOCK)
SECONDS = 325  # a whole window, and what slides out of it


def settled(route, seconds: float) -> None:
    end = time.monotonic() + seconds
    while FlowSchedule.objects.filter(
        route=route, flow__in=CATALOGUE, finished_at__isnull=True
    ).exists():
        assert time.monotonic() < end, list(FlowSchedule.objects.values_list("flow", "words"))
        time.sleep(0.2)


@contextmanager
def read_again_and_again(route) -> Iterator[None]:
    """Somebody has the whole catalogue read from the start whenever it was read."""
    over = threading.Event()

    def ask() -> None:
        with schema_context("t_acme"):
            while not over.wait(0.2):
                for row in FlowSchedule.objects.filter(
                    route=route, flow__in=CATALOGUE, is_running=False
                ):
                    schedules.run_now(row, from_the_start=True)
        connection.close()

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(10)


@pytest.mark.proof
def test_a_catalogue_and_orders_share_the_five_minutes_of_an_app(tenant, monkeypatch):
    """More is asked for than the window holds: pages of ten rows, read without an end."""
    with strict(2_000, quota=0, rate=ALLOWED) as simulators:
        flow = make_flow(simulators)
        route_settings.save(flow.route, {"prices_flow": "write", "stock_flow": "write"})
        schedules.ensure(flow.route)
        engine = Engine(monkeypatch)
        schedules.read_all(flow.route, CATALOGUE, now=True)
        with engine.running():
            settled(flow.route, 60)  # both sides agree: from here on only Business Central is read
            monkeypatch.setattr(feeds, "_PAGE_SIZE", {"Prefer": "odata.maxpagesize=10"})
            simulators.erp.post("settings", rate=ALLOWED)
            with read_again_and_again(flow.route):
                took = sorted(orders_meanwhile(flow, SECONDS, 5))
            limits = simulators.erp.get("state")["limits"]
        assert not engine.troubles, engine.troubles
        half, slowest = took[len(took) // 2], took[-1]
        print(
            f"{limits}; {len(took)} orders, p50 {half:.1f} s, slowest {slowest:.1f} s, "
            f"{list(FlowSchedule.objects.values_list('flow', 'words'))}"
        )
        assert limits["refused"] == 0
        assert limits["most_in_window"] > 0.95 * ALLOWED
        assert limits["most_open"] <= 4, "a place is left to people's own work"
        assert slowest < 12, took
        assert half < 6, took
