"""A shop whose orders go into GP by relay, worked by the product's own processes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tests.contract.test_pairs import Route, announce
from tests.relay.onsite import REACHED_DIRECTLY, GpRestByRelay, Site
from tests.support.relay import Agent, Cable
from tests.support.rigs import CERTIFICATES, Placed, Sold


def environment() -> dict[str, str]:
    """Of the workers: they dial stores, and no ERP."""
    return {
        "ALLOWED_PRIVATE_NETWORKS": REACHED_DIRECTLY,
        "OUTBOUND_CA_FILE": CERTIFICATES.ca_file,
    }


class Business:
    """``cable`` is the network between the agents and the connector."""

    def __init__(self, site: Site, erp: GpRestByRelay) -> None:
        self.site, self.erp = site, erp
        self.cable = Cable(("127.0.0.1", site.server.port))
        self.agents: dict[str, Agent] = {
            name: site.agent(name, erp.targets(), connector=self.cable.url)
            for name in ("gp-1", "gp-2")
        }
        self.route: Route
        self.placed: list[Placed] = []

    def run(self, *names: str) -> None:
        """Exactly these agents run, and are known to."""
        for name, agent in self.agents.items():
            runs = agent.process is not None and agent.process.poll() is None
            if runs and name not in names:
                agent.stop()
            elif not runs and name in names:
                agent.start()
        assert wait_until(lambda: all(self.site.view(name).is_online for name in names), 10)

    def stop(self) -> None:
        for agent in self.agents.values():
            agent.kill()
        self.cable.cut()

    def place(self, count: int) -> list[Placed]:
        made = []
        for _ in range(count):
            quantity = len(self.placed) % 9 + 1
            made.append(self.route.store.place(Sold(lines=(("SPORK-TI", quantity),))))
            self.placed.append(made[-1])
            announce(self.route, made[-1])
        return made

    def hold_a_write(self, seconds: float = 2.0) -> Callable[[], bool]:
        """GP is slow with its next document; what is returned says whether it has it in hand."""
        method, path = self.erp.create
        self.erp.simulator.fault("delay", method=method, path=path, seconds=seconds)

        def in_hand() -> bool:
            if self.erp.simulator.get("faults"):
                return False
            time.sleep(0.3)  # it has read it whole by then, and goes on whoever hangs up
            return True

        return in_hand

    def transfers(self, placed: list[Placed] | None = None) -> list[Any]:
        from sync.models import Transfer

        keys = [order.key for order in (self.placed if placed is None else placed)]
        return list(Transfer.objects.filter(route=self.route.row, source_key__in=keys))

    def outcomes_unknown(self) -> int:
        from audit.models import Entry

        return Entry.objects.filter(action="outcome_unknown").count()

    def carriers(self, since: int) -> set[str]:
        """Who carried the exchanges with GP after number ``since``."""
        from audit.models import Exchange

        rows = Exchange.objects.filter(
            pk__gt=since, connection_id=self.route.connections[1].pk, status__isnull=False
        )
        return {row.response_headers["X-Relay-Agent"] for row in rows}

    def last_exchange(self) -> int:
        from audit.models import Exchange

        row = Exchange.objects.order_by("-pk").first()
        return row.pk if row else 0

    def each_is_booked_once(self, within: float = 150) -> None:
        """Every order so far: posted, and in GP once and to the cent; nothing else is there. A write
        that died on the way to GP is looked for, for nearly two minutes, before it is sent again."""

        def done() -> bool:
            rows = self.transfers()
            return len(rows) == len(self.placed) and all(row.state == "posted" for row in rows)

        in_time = wait_until(done, within)
        told = [
            (row.source_key, row.state, row.hold, row.reason, row.vendor_words)
            for row in self.transfers()
            if row.state != "posted"
        ]
        assert in_time, told
        totals = {order.key: order.total for order in self.placed}
        booked = {row.reference: row for row in self.erp.booked()}
        assert len(self.erp.booked()) == len(booked) == len(self.placed)
        for row in self.transfers():
            document = row.documents.get()
            assert row.amount == booked[document.reference].total == totals[row.source_key]
        assert not self.erp.duplicates()


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True
