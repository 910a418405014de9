"""How long a change in the ERP takes to the store: by the flow's schedule, and by notice."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

from bench.joined import Joined
from bench.rig import Rig, percentile, table, wait_until
from config.demo.companies import COMPANIES
from sandbox.common.catalogue import PRODUCTS
from tests.support.simulators import HOOK_HOST, Simulator

SECONDS = int(os.environ.get("BENCH_SECONDS", "100"))  # in which the changes fall, by chance
CHANGES = 24
LAST_SECONDS = 75.0
THREADS = 8
# The Commerce simulator sells one of them without counting it.
GOODS = tuple(product.sku for product in PRODUCTS if product.sku != "POT-SET")[:CHANGES]
FLOWS = {
    "acme": {"stock_flow": "write", "prices_flow": "write"},
    "harbour": {"stock_flow": "write"},
    "lumen": {"stock_flow": "write"},
    "brook": {"stock_flow": "write"},
}
Change = Callable[[Simulator, str, int], Any]


def _count(simulator: Simulator, sku: str, number: int) -> Any:
    return simulator.post("items", number=sku, stock=str(500 + number))


def _count_at_site(simulator: Simulator, sku: str, number: int) -> Any:
    return simulator.post("stock", item=sku, on_hand=str(500 + number))


def _price(simulator: Simulator, sku: str, number: int) -> Any:
    """Far from every other price, and no fall that would wait for a person."""
    return simulator.post("items", number=sku, price=str(Decimal(900) + number))


@dataclass
class Series:
    """Changes of one kind at one company, and the instants at which the store had them."""

    company: str
    flow: str
    how: str
    change: Change
    made: dict[str, datetime] = field(default_factory=dict)

    def arrived(self) -> dict[str, float]:
        """Seconds from each change to the store's answer that it took the value."""
        from sync.models import SentValue

        rows = SentValue.objects.filter(flow=self.flow, key__in=self.made, is_matched=True)
        return {
            row.key: (row.sent_at - self.made[row.key]).total_seconds()
            for row in rows
            if row.sent_at > self.made[row.key]
        }


def stock(rig: Rig) -> str:
    port = rig.web()
    told = ("--deliver-to", f"{HOOK_HOST}=http://127.0.0.1:{port}")
    joined: dict[str, Joined] = {}
    for company in COMPANIES:
        if company.slug in FLOWS:
            more = told if company.erp.kind == "business_central" else ()
            joined[company.slug] = Joined(rig, company, flows=FLOWS[company.slug], erp=more)
    rig.worker(THREADS)
    for slug, one in joined.items():
        rig.enter(slug)
        assert wait_until(one.is_quiet, seconds=60), f"the first readings of {slug} hang"
        _every_minute(one)
    every_minute = "schedule, every minute"
    series = [
        Series("acme", "stock", every_minute, _count),
        Series("acme", "prices", "notice, sent 30 s after the change", _price),
        Series("harbour", "stock", every_minute, _count_at_site),
        Series("lumen", "stock", every_minute, _count_at_site),
        Series("brook", "stock", every_minute, _count),
    ]
    _change(series, joined)
    return table(
        "From a change in the ERP to the store",
        ["pair", "what", "told by", "arrived", "p50 s", "p99 s"],
        [_row(rig, joined[one.company], one) for one in series],
    )


def _every_minute(joined: Joined) -> None:
    from sync import schedules
    from sync.models import Flow, FlowSchedule

    for row in FlowSchedule.objects.filter(route=joined.route):
        # Prices are not due by themselves while this measures, so that a notice must have told.
        minutes = 1 if row.flow == Flow.STOCK else 600
        schedules.save(row, every_minutes=minutes, at_times=())


def _change(series: list[Series], joined: Mapping[str, Joined]) -> None:
    """Every good of every series once, at a moment of its own."""
    moments = sorted(
        (random.uniform(0, SECONDS), number, sku, one)
        for one in series
        for number, sku in enumerate(GOODS)
    )
    began = time.monotonic()
    for moment, number, sku, one in moments:
        time.sleep(max(0.0, moment - (time.monotonic() - began)))
        one.made[sku] = datetime.now(UTC)
        one.change(joined[one.company].erp_simulator, sku, number)


def _row(rig: Rig, joined: Joined, one: Series) -> list[Any]:
    rig.enter(one.company)
    wait_until(partial(_is_complete, one), seconds=LAST_SECONDS, every=0.5)
    times = list(one.arrived().values())
    return [
        joined.title,
        one.flow,
        one.how,
        f"{len(times)} of {len(one.made)}",
        f"{percentile(times, 0.5):.1f}" if times else "–",
        f"{percentile(times, 0.99):.1f}" if times else "–",
    ]


def _is_complete(one: Series) -> bool:
    return len(one.arrived()) == len(one.made)
