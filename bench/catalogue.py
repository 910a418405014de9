"""A large catalogue from Business Central to BigCommerce: the first reading, and one of what
changed."""

from __future__ import annotations

import os
import time
from functools import partial
from typing import Any

from bench.joined import Joined
from bench.rig import Rig, table, wait_until
from config.demo.companies import ACME

ITEMS = int(os.environ.get("BENCH_ITEMS", "100000"))
PRO_PLAN_CALLS_A_MINUTE = 900
THREADS = 8
LONGEST_SECONDS = 240.0
# As a route is set up: names first, so that the others find what they need.
FLOWS = {"items_flow": "update", "prices_flow": "write", "stock_flow": "write"}


def catalogue(rig: Rig) -> str:
    """Without latency and limits: what our own side takes. Calls say what the vendors' would."""
    joined = Joined(
        rig,
        ACME,
        store=("--products", str(ITEMS), "--quota", "0"),
        erp=("--items", str(ITEMS), "--rate", "0"),
    )
    _pause_all(joined)
    rig.worker(THREADS)
    assert wait_until(joined.is_quiet, seconds=60), "the first checks of a connection hang"
    rows = [_run(joined, flow, "first") for flow in ("items", "prices", "stock")]
    joined.erp_simulator.post("items/change", share="1")
    rows += [_run(joined, flow, "1% changed") for flow in ("items", "prices", "stock")]
    peak = rig.peak_memory("worker")
    return (
        table(
            f"{ITEMS:,} items from Business Central to BigCommerce, one worker of {THREADS} threads",
            [
                "reading",
                "flow",
                "rows read",
                "written",
                "seconds",
                "rows a second",
                "calls, ERP + store",
                "minutes at the Pro plan's limit",
            ],
            rows,
        )
        + f"\nPeak memory of the worker: {peak:.0f} MB.\n"
    )


def _pause_all(joined: Joined) -> None:
    from sync import route_settings, schedules
    from sync.models import FlowSchedule

    joined.store_simulator.post("traffic", per_minute=0)
    route_settings.save(joined.route, FLOWS)
    schedules.ensure(joined.route)
    for row in FlowSchedule.objects.filter(route=joined.route):
        schedules.set_paused(row, True)


def _run(joined: Joined, flow: str, words: str) -> list[Any]:
    from sync import schedules
    from sync.models import FlowSchedule

    row = FlowSchedule.objects.get(route=joined.route, flow=flow)
    before, mark = row.finished_at, joined.mark()
    schedules.save(row, every_minutes=10_080, at_times=())
    began = time.perf_counter()
    row.is_paused = False
    row.save(update_fields=["is_paused"])
    schedules.run_now(row)
    done = wait_until(partial(_has_finished, row, before), seconds=LONGEST_SECONDS, every=0.1)
    seconds = time.perf_counter() - began
    row.refresh_from_db()
    assert not row.rows_refused, row.words
    schedules.set_paused(row, True)
    store, erp = joined.calls_since(mark)
    return [
        words,
        flow if done else f"{flow} (stopped)",
        f"{row.rows_seen:,}",
        f"{row.rows_written:,}",
        f"{seconds:.1f}",
        f"{row.rows_seen / seconds:,.0f}",
        f"{erp} + {store}",
        f"{store / PRO_PLAN_CALLS_A_MINUTE:.1f}",
    ]


def _has_finished(row: Any, before: Any) -> bool:
    row.refresh_from_db()
    return bool(row.finished_at != before)
