"""Master data as the pages show it: each flow of a route, and what it told people of."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from connectors.models import Connection
from sync import dispatch, route_settings, schedules
from sync.models import Flow, FlowSchedule, Route, SentValue, State, Transfer
from tenants import agenda

TOLD = (State.HELD, State.FAILED, State.SKIPPED)
# What the report of one side keeps of the store's SKUs; the ERP's numbers are all known.
MOST_SHOWN = 200
# What stores call their own currency where they describe themselves.
OWN_CURRENCY = ("Currency", "Base currency")


@dataclass(frozen=True, slots=True)
class Status:
    """Where a flow is, as a mark: ``state`` is its colour, ``icon`` its picture."""

    state: str
    icon: str
    words: str


OFF = Status("skipped", "x", "Off")
PAUSED = Status("paused", "hand-stop", "Paused")
RUNNING = Status("working", "loader-2", "Running")
GOES_ON = Status("working", "clock", "Goes on soon")
PLANNED = Status("waiting", "clock", "Planned")


@dataclass(frozen=True, slots=True)
class FlowLine:
    """One flow of a route: its schedule (None before the settings first switched it on), whether
    the settings want it, what it waits for, and how many of its rows people were told of."""

    flow: Flow
    row: FlowSchedule | None
    is_on: bool
    status: Status
    told: Counter[str]

    @property
    def is_reading(self) -> bool:
        return self.row is not None and self.row.is_running and self.is_on

    @property
    def may_run(self) -> bool:
        return self.is_on and self.row is not None and not self.row.is_paused

    @property
    def times(self) -> str:
        return ", ".join(self.row.at_times) if self.row is not None else ""

    @property
    def when(self) -> str:
        """``every 30 minutes``, ``at 06:30 and 18:00``."""
        if self.row is None:
            return ""
        if self.row.at_times:
            *others, last = self.row.at_times
            return f"at {', '.join(others)} and {last}" if others else f"at {last}"
        return every(self.row.every_minutes)

    @property
    def told_links(self) -> list[tuple[str, str, int]]:
        """(state, in words, how many), those that people can do something about first."""
        return [(state.value, state.label.lower(), n) for state in TOLD if (n := self.told[state])]


def every(minutes: int) -> str:
    """``every 30 minutes``, ``every hour``, ``every 2 days``."""
    for size, name in ((1_440, "day"), (60, "hour"), (1, "minute")):
        if minutes % size == 0:
            count = minutes // size
            return f"every {name}" if count == 1 else f"every {count} {name}s"
    raise AssertionError("every number of minutes is a number of minutes")


def lines(route: Route) -> list[FlowLine]:
    """The flows that the pair of a route can run, in the order of the settings."""
    on = set(schedules.wanted(route))
    rows = {row.flow: row for row in FlowSchedule.objects.filter(route=route)}
    told = _told(route)
    return [
        FlowLine(
            flow=flow,
            row=rows.get(flow),
            is_on=flow in on,
            status=_status(route, rows.get(flow), flow in on),
            told=told.get(flow, Counter()),
        )
        for flow in schedules.offered(*route_settings.systems_of(route))
    ]


def version(route: Route, found: list[FlowLine]) -> str:
    """Changes whenever the page would show something else, and every minute."""
    parts = [f"{timezone.now():%d%H%M}", str(route.is_active)]
    for line in found:
        parts.append(f"{line.flow} {line.status} {line.when} {sorted(line.told.items())}")
        if line.row is not None:
            row = line.row
            parts.append(
                f"{row.rows_seen} {row.rows_written} {row.rows_refused} {row.next_at} {row.words} "
                f"{row.started_at} {row.finished_at}"
            )
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:16]


def _told(route: Route) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    counted = (
        Transfer.objects.order_by()
        .filter(route=route, flow__in=schedules.DEFAULT_MINUTES, state__in=TOLD)
        .values_list("flow", "state")
        .annotate(n=Count("id"))
    )
    for flow, state, count in counted:
        found.setdefault(flow, Counter())[state] = count
    return found


def _status(route: Route, row: FlowSchedule | None, is_on: bool) -> Status:
    if row is None or not is_on:
        return OFF
    if row.is_paused:
        return PAUSED
    if not route.is_active:
        return Status("paused", "hand-stop", "The route is paused")
    if row.lease_until is not None and row.lease_until > timezone.now():
        return RUNNING
    for connection in (route.erp, route.store):
        if not connection.is_open:
            return Status("held", "hand-stop", f"Waits for {connection.name}")
    return GOES_ON if row.is_running else PLANNED


def one_sided(route: Route) -> dict[str, Any] | None:
    """The report of the last whole reading of the items; None before there was one."""
    row = FlowSchedule.objects.filter(route=route, flow=Flow.ITEMS).first()
    if row is None or "matched" not in row.report:
        return None
    numbers = row.report.get("erp_only_numbers", [])
    skus = row.report.get("store_only_skus", [])
    return {
        "at": row.finished_at,
        "matched": row.report["matched"],
        "sides": [
            {
                "count": row.report.get("erp_only", 0),
                "name": route.erp.name,
                "lacks": route.store.name,
                "keys": numbers[:MOST_SHOWN],
            },
            {
                "count": row.report.get("store_only", 0),
                "name": route.store.name,
                "lacks": route.erp.name,
                "keys": skus[:MOST_SHOWN],
            },
        ],
        "skus": skus,
        "more_skus": max(0, row.report.get("store_only", 0) - len(skus)),
    }


def one_sided_rows(route: Route, report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(where it is, its number or SKU) for the file: all of the ERP's, and the store's as far as
    the report has them."""
    numbers = (
        SentValue.objects.filter(route=route, flow=Flow.ITEMS, is_matched=False)
        .order_by("key")
        .values_list("key", flat=True)
    )
    for number in numbers.iterator(2_000):
        yield route.erp.name, number
    for sku in report["skus"]:
        yield route.store.name, sku
    if report["more_skus"]:
        yield route.store.name, f"… and {report['more_skus']} more"


DOCUMENTS = {Flow.INVOICES.value: "orders with invoices", Flow.REFUNDS.value: "orders with refunds"}


@dataclass(frozen=True, slots=True)
class DocumentsCounted:
    """The store's orders with documents of one kind (``what``), and how many we know none of."""

    what: str
    in_store: int
    missing: int


@dataclass(frozen=True, slots=True)
class Counted:
    """How complete a route is: the last count of the store's orders and their documents, and when
    the next one is. ``trouble`` says why there is no later count; empty if the last one worked."""

    route: Route
    at: datetime | None
    since: datetime | None
    in_store: int
    missing: int
    documents: tuple[DocumentsCounted, ...]
    trouble: str
    next_at: datetime | None

    @property
    def is_any_missing(self) -> bool:
        return bool(self.missing or any(row.missing for row in self.documents))

    @property
    def is_well(self) -> bool:
        return not self.is_any_missing and not self.trouble


def counted() -> str:
    """Changes whenever a route was counted, or could not be: neither need leave an entry."""
    rows = Route.objects.filter(is_active=True).order_by("pk")
    kept = rows.values_list("pk", "completeness__at", "completeness__trouble")
    return hashlib.sha256(repr(list(kept)).encode()).hexdigest()[:16]


def completeness() -> list[Counted]:
    """The routes in use; those that were not counted yet have no ``at``."""
    found = []
    for route in Route.objects.filter(is_active=True).select_related("store"):
        kept = route.completeness
        found.append(
            Counted(
                route=route,
                at=parse_datetime(kept["at"]) if kept.get("at") else None,
                since=parse_datetime(kept["since"]) if kept.get("since") else None,
                in_store=int(kept.get("in_store", 0)),
                missing=int(kept.get("missing", 0)),
                documents=tuple(
                    DocumentsCounted(DOCUMENTS[flow], int(row["in_store"]), int(row["missing"]))
                    for flow, row in kept.get("documents", {}).items()
                    if flow in DOCUMENTS
                ),
                trouble=str(kept.get("trouble", "")),
                next_at=agenda.due_at(dispatch.COMPLETENESS, str(route.pk)),
            )
        )
    return found


def last_delivery(connection: Connection) -> dict[str, Any] | None:
    """How webhook deliveries fared lately; None before the first of them."""
    tallies = list(connection.tallies.all()[:30])
    if not tallies:
        return None
    return {
        "accepted_at": max(
            (row.last_accepted_at for row in tallies if row.last_accepted_at), default=None
        ),
        "refused_in_row": tallies[0].refused_in_row,
        "refused_since": tallies[0].refused_since,
    }


def differences(transfer: Transfer) -> dict[str, Any] | None:
    """What a held row of master data is about: the price before and after, or both sides' words
    for each field of a customer."""
    record = transfer.record or {}
    if transfer.flow == Flow.CUSTOMERS and record.get("conflict"):
        return {"fields": record["conflict"], "shown": record.get("value", "")}
    if transfer.flow == Flow.PRICES and record.get("before") and record.get("value"):
        return {
            "price": _price_change(record["before"], record["value"], _currency_of(transfer.route))
        }
    return None


def _currency_of(route: Route) -> str:
    """The currency that a route writes prices in: the store's own, where the settings name none."""
    named = route_settings.values_of(route).get("price_currency", "")
    facts = route.store.facts or {}
    return named or next((facts[name] for name in OWN_CURRENCY if facts.get(name)), "")


def _price_change(before: str, after: str, currency: str) -> dict[str, Any]:
    old, new = Decimal(before), Decimal(after)
    share = ((old - new) / old * 100).quantize(Decimal("0.1")) if old else None
    return {"before": old, "after": new, "falls_by": share, "currency": currency}
