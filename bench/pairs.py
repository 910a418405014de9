"""The five pairs of the product: calls an order and a refund cost, and orders a minute."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.db.models import Max, Q
from django.utils import timezone

from bench.joined import TITLES, Joined
from bench.rig import Rig, table, wait_until
from config.demo.companies import COMPANIES, Company

GOODS = ("TENT-2P-GRN", "SPORK-TI")
WORKERS, THREADS = 2, 8
LONGEST_SECONDS = 45.0


@dataclass(frozen=True, kw_only=True)
class Vendor:
    """How a vendor is played. ``calls_a_minute`` and ``at_once`` are what bounds a client of this
    vendor (0 = nothing does); ``bound`` says where that is written, or that it is our own."""

    latency_ms: int
    calls_a_minute: float = 0
    at_once: int = 0
    published: bool
    bound: str

    @property
    def most_calls(self) -> float:
        """Calls a minute with this latency."""
        gate = self.at_once * 60_000 / self.latency_ms if self.at_once else float("inf")
        return min(self.calls_a_minute or float("inf"), gate)


# No vendor publishes how long its answers take: these are our assumptions, of one call for one
# record. A hosted store answers fastest, Commerce starts its framework for each call, Business
# Central and F&O run the rules of the document, a server on site is behind a tunnel, and Dynamics
# GP hands each call to a process of its desktop client.
VENDORS = {
    "bigcommerce": Vendor(
        latency_ms=80,
        calls_a_minute=900,
        published=True,
        bound="Pro plan: 450 calls in 30 s (developer documentation, API rate limits)",
    ),
    "adobe_commerce": Vendor(
        latency_ms=250,
        calls_a_minute=300,
        at_once=4,
        published=False,
        bound="none published for PaaS; our defaults, 300 calls a minute and 4 at once",
    ),
    "business_central": Vendor(
        latency_ms=300,
        calls_a_minute=1200,
        at_once=5,
        published=True,
        bound="6,000 calls in 5 minutes and 5 at once for each user (operational limits online)",
    ),
    "finance_operations": Vendor(
        latency_ms=400,
        calls_a_minute=1200,
        at_once=4,
        published=True,
        bound="6,000 calls and 1,200 s of execution (4 at once) in 5 minutes for each user and web "
        "server: the user-based limits, optional until 10.0.35 and gone since 10.0.36, when only "
        "the server's own load counts",
    ),
    "gp": Vendor(
        latency_ms=600,
        at_once=2,
        published=False,
        bound="none published; our default, 2 at once, because each call is a desktop process",
    ),
    "nav": Vendor(
        latency_ms=150,
        at_once=2,
        published=False,
        bound="none published, a server's own settings; our default, 2 at once",
    ),
}
# Orders of the run at full load, so that each pair takes about a quarter of a minute.
LOAD = {"acme": 32, "harbour": 8, "lumen": 8, "alder": 12, "brook": 16}


def pairs(rig: Rig, *only: str) -> str:
    counted, driven = [], []
    for company in COMPANIES:
        if only and company.slug not in only:
            continue
        pair = Pair(rig, company)
        try:
            counted.append(pair.count())
            driven.append(pair.drive(LOAD[company.slug]))
        finally:
            pair.stop()
    return "\n".join(
        (
            table(
                "Calls of each pair, store + ERP",
                [
                    "pair",
                    "order, known shopper and goods",
                    "order, new shopper",
                    "refund of one piece",
                ],
                counted,
            ),
            table(
                f"Orders a minute, {WORKERS} workers of {THREADS} threads, every second shopper new",
                [
                    "pair",
                    "store / ERP latency ms",
                    "settled",
                    "orders a minute",
                    "calls per order, store + ERP",
                    "the limits allow",
                    "share",
                    "bounded by",
                ],
                driven,
            ),
            "Limits:\n\n"
            + "\n".join(f"- {TITLES[kind]}: {vendor.bound}." for kind, vendor in VENDORS.items())
            + "\n",
        )
    )


class Pair(Joined):
    """A demo company with workers."""

    def __init__(self, rig: Rig, company: Company) -> None:
        from connectors.services import redis_client

        redis_client().flushdb()
        super().__init__(rig, company)
        rig.worker(THREADS)
        assert wait_until(self.is_quiet, seconds=40), "the first checks of a connection hang"

    def stop(self) -> None:
        self.rig.end()
        super().stop()

    def count(self) -> list[str]:
        """Calls of one order and of one refund, counted from the exchanges that were kept. The
        one worker has read by then what it remembers of the systems' setup."""
        self._calls(self._sell("first@shopper.example"))
        known = self._sell("first@shopper.example")
        of_known = self._calls(known)
        of_new = self._calls(self._sell("second@shopper.example"))
        refund = self._calls(known, refund=True)
        return [self.title, of_known, of_new, refund]

    def drive(self, orders: int) -> list[Any]:
        """As many orders as the workers settle, with latencies."""
        from sync.models import Transfer

        store, erp = VENDORS[self.company.store.kind], VENDORS[self.company.erp.kind]
        for number in range(1, WORKERS):
            self.rig.worker(THREADS, f"worker-{number + 1}")
        time.sleep(5)
        sold = [
            self._sell("first@shopper.example" if n % 2 else f"new-{n}@shopper.example")
            for n in range(orders)
        ]
        self.store_simulator.post("latency", ms=store.latency_ms)
        self.erp_simulator.post("latency", ms=erp.latency_ms)
        mark, before = self.mark(), Transfer.objects.count()
        began = timezone.now()
        self._announce(sold)
        # Calls are counted to the end, the later looks at what is booked included.
        self._settles(LONGEST_SECONDS, at_least=before + orders)
        done = self._booked(sold)
        seconds = (self._last_booked() - began).total_seconds()
        calls = self.calls_since(mark)
        rate = done * 60 / seconds
        each = [count / max(done, 1) for count in calls]
        allowed, bound = min(
            (store.most_calls / each[0], self.company.store.kind),
            (erp.most_calls / each[1], self.company.erp.kind),
        )
        limit = "published" if VENDORS[bound].published else "our own"
        return [
            self.title,
            f"{store.latency_ms} / {erp.latency_ms}",
            f"{done} of {orders} in {seconds:.0f} s",
            f"{rate:.0f}",
            f"{each[0]:.1f} + {each[1]:.1f}",
            f"{allowed:.0f}",
            f"{rate / allowed:.0%}",
            f"{TITLES[bound]} ({limit})",
        ]

    def _sell(self, email: str) -> Mapping[str, Any]:
        lines = [{"sku": sku, "quantity": 1, "plain": True} for sku in GOODS]
        raw: Mapping[str, Any] = self.store_simulator.post(
            "orders", country="GB", lines=lines, customer={"email": email}
        )
        return raw

    def _key(self, order: Mapping[str, Any]) -> str:
        if self.company.store.kind == "adobe_commerce":
            return f"{order['store_id']}-{order['increment_id']}"
        return str(order["id"])

    def _refund(self, order: Mapping[str, Any]) -> None:
        if self.company.store.kind == "adobe_commerce":
            self.store_simulator.post(f"orders/{order['entity_id']}/refund", kind="partial")
            return
        line = {"id": order["products"][0]["id"], "quantity": 1}
        self.store_simulator.post(f"orders/{order['id']}/refund", lines=[line])

    def _announce(self, orders: Iterable[Mapping[str, Any]], record: str = "order") -> None:
        """What the store's webhooks do."""
        from connectors.contract import Notice
        from sync import inbox
        from sync.models import InboxEvent

        notices = [
            Notice(
                record=record,
                external_id=self._key(order),
                delivery_id=f"{record}:{self._key(order)}:{uuid.uuid4().hex}",
            )
            for order in orders
        ]
        inbox.accept(connection=self.store, notices=notices, source=InboxEvent.Source.WEBHOOK)

    def _calls(self, order: Mapping[str, Any], *, refund: bool = False) -> str:
        from sync.models import Transfer

        mark, before = self.mark(), Transfer.objects.count()
        if refund:
            self._refund(order)
        self._announce([order], "refund" if refund else "order")
        assert self._settles(30, at_least=before + 1), self._told()
        store, erp = self.calls_since(mark)
        return f"{store} + {erp}"

    def _settles(self, seconds: float, *, at_least: int) -> bool:
        """Whether every transfer ends in time, and nothing more is to be done at once."""
        return wait_until(partial(self._is_settled, at_least), seconds=seconds)

    @staticmethod
    def _is_settled(at_least: int) -> bool:
        from sync import dispatch
        from sync.models import State, Transfer
        from tenants.database import database
        from tenants.models import AgendaItem

        ended = (State.POSTED, State.SKIPPED)
        at_once = (dispatch.EVENT, dispatch.TRANSFER, dispatch.RELATED, dispatch.CHECK_POSTED)
        due = AgendaItem.objects.filter(
            Q(kind__in=at_once) | Q(due_at__lte=timezone.now()),
            tenant__schema_name=database.schema_name,
        )
        waiting = Transfer.objects.exclude(state__in=ended).exists()
        return not waiting and Transfer.objects.count() >= at_least and not due.exists()

    def _booked(self, orders: Iterable[Mapping[str, Any]]) -> int:
        """How many of the orders are in the ERP's books with all that belongs to them."""
        from sync.models import State, Transfer

        rows = Transfer.objects.filter(order_key__in=[self._key(order) for order in orders])
        posted, open_ = set(), set()
        for key, state in rows.values_list("order_key", "state"):
            if state == State.POSTED:
                posted.add(key)
            elif state != State.SKIPPED:
                open_.add(key)
        return len(posted - open_)

    @staticmethod
    def _last_booked() -> datetime:
        from sync.models import Transfer

        last: datetime = Transfer.objects.aggregate(at=Max("posted_at"))["at"]
        return last

    @staticmethod
    def _told() -> str:
        from sync.models import Transfer

        rows = Transfer.objects.values_list("flow", "state", "hold", "reason", "vendor_words")
        return str(list(rows))
