"""What the pages show, read from the models; no rules here."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, Max, Min, Q, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from audit.models import Entry, Exchange
from connectors.models import Connection
from sync.models import Hold, State, Transfer

CHART_DAYS = 30


@dataclass(frozen=True, slots=True)
class Bar:
    """One day of the chart, in the units of its drawing (720 by 160)."""

    day: date
    posted: int
    x: float
    width: float
    y: float
    height: float


def start_of_day(zone: str, day: date | None = None) -> datetime:
    tz = ZoneInfo(zone)
    day = day or timezone.now().astimezone(tz).date()
    return datetime.combine(day, time(0), tz)


def overview(zone: str) -> dict[str, Any]:
    """Today in the company's own time zone."""
    since = start_of_day(zone)
    posted = Transfer.objects.filter(posted_at__gte=since)
    held = Transfer.objects.filter(state=State.HELD)
    labels = dict(Hold.choices)
    return {
        "posted_count": posted.count(),
        "posted_amounts": list(
            posted.values("currency").annotate(total=Sum("amount")).order_by("currency")
        ),
        "held_count": held.count(),
        "held_by_reason": [
            {"hold": row["hold"], "label": labels.get(row["hold"], row["hold"]), "n": row["n"]}
            for row in held.values("hold").annotate(n=Count("id")).order_by("-n")
        ],
        "failed_count": Transfer.objects.filter(state=State.FAILED).count(),
        "changed_count": Transfer.objects.filter(state=State.CHANGED).count(),
        "oldest_waiting": Transfer.objects.filter(
            state__in=(State.WAITING, State.WORKING)
        ).aggregate(first=Min("received_at"))["first"],
        "waiting_count": Transfer.objects.filter(state__in=(State.WAITING, State.WORKING)).count(),
        "connections": Connection.objects.all(),
        "chart": chart(zone),
        "latest": Transfer.objects.exclude(state=State.WAITING).order_by("-id")[:8],
    }


def chart(zone: str) -> dict[str, Any]:
    """Posted invoices of the last thirty days, a bar a day."""
    tz = ZoneInfo(zone)
    today = timezone.now().astimezone(tz).date()
    first = today - timedelta(days=CHART_DAYS - 1)
    counts = {
        row["day"]: row["n"]
        for row in Transfer.objects.filter(posted_at__gte=start_of_day(zone, first))
        .annotate(day=TruncDate("posted_at", tzinfo=tz))
        .values("day")
        .annotate(n=Count("id"))
    }
    most = max(counts.values(), default=0) or 1
    step = 720 / CHART_DAYS
    bars = []
    for index in range(CHART_DAYS):
        day = first + timedelta(days=index)
        posted = counts.get(day, 0)
        height = round(130 * posted / most, 1)
        bars.append(Bar(day, posted, round(index * step + 2, 1), step - 4, 140 - height, height))
    return {
        "bars": bars,
        "most": most,
        "total": sum(counts.values()),
        "first": first,
        "last": today,
    }


def version() -> str:
    """Changes whenever anything moved: lets a page ask cheaply whether it is out of date."""
    newest = Transfer.objects.aggregate(at=Max("updated_at"), n=Count("id"))
    connections = Connection.objects.aggregate(at=Max("updated_at"))["at"]
    return f"{newest['n']}-{newest['at']}-{connections}"


def search(params: dict[str, str]) -> QuerySet[Transfer]:
    """Transfers by number, customer or amount, and by filters; newest first."""
    rows = Transfer.objects.select_related("route").prefetch_related("documents").order_by("-id")
    text = params.get("q", "").strip()
    if text:
        match = (
            Q(number__iexact=text)
            | Q(party__icontains=text)
            | Q(party_email__icontains=text)
            | Q(documents__number__iexact=text)
            | Q(documents__reference__iexact=text)
        )
        with suppress(InvalidOperation):
            match |= Q(amount=Decimal(text.replace(",", "")))
        rows = rows.filter(match).distinct()
    if params.get("state"):
        rows = rows.filter(state=params["state"])
    if params.get("hold"):
        rows = rows.filter(hold=params["hold"])
    if params.get("route"):
        rows = rows.filter(route__slug=params["route"])
    for name, lookup in (("from", "received_at__date__gte"), ("to", "received_at__date__lte")):
        try:
            if params.get(name):
                rows = rows.filter(**{lookup: date.fromisoformat(params[name])})
        except ValueError:
            continue
    return rows


GOOD = {"document_posted", "document_created", "document_checked", "customer_created", "released"}
WARN = {"held", "outcome_unknown", "retry_planned", "changed_after_posting", "document_withdrawn"}
BAD = {"failed"}


def timeline(transfer: Transfer) -> list[dict[str, Any]]:
    return [
        {
            "entry": entry,
            "mark": "good"
            if entry.action in GOOD
            else "warn"
            if entry.action in WARN
            else "bad"
            if entry.action in BAD
            else "",
        }
        for entry in Entry.objects.filter(transfer_id=transfer.pk).order_by("id")
    ]


def exchanges(transfer: Transfer) -> QuerySet[Exchange]:
    return Exchange.objects.filter(transfer_id=transfer.pk).order_by("id")


def lines_beside(transfer: Transfer) -> dict[str, Any] | None:
    """The order beside the document: each line with both amounts, matched by position."""
    document = transfer.documents.order_by("-id").first()
    record = transfer.record
    if not record:
        return None
    draft = (document.draft or {}).get("lines", []) if document else []
    booked = (document.booked or {}).get("lines", []) if document else []
    by_source = {line["source"]: index for index, line in enumerate(draft)}
    rows = []
    used: set[int] = set()
    sources = [
        (
            f"line:{line['external_id']}",
            line["name"],
            line["sku"],
            line["quantity"],
            line["net_inc_tax"],
        )
        for line in record["lines"]
    ]
    for charge in record["charges"]:
        source = (
            f"{charge['kind']}:{charge['external_id']}" if charge["external_id"] else charge["kind"]
        )
        sources.append(
            (
                source,
                charge["name"] or charge["kind"].capitalize(),
                "",
                "1",
                charge["amount_inc_tax"],
            )
        )
    for source, name, sku, quantity, amount in sources:
        index = by_source.get(source)
        theirs = booked[index] if index is not None and index < len(booked) else None
        if index is not None:
            used.add(index)
        ours = Decimal(amount).quantize(Decimal("0.01"))
        rows.append(
            {
                "name": name,
                "sku": sku,
                "quantity": Decimal(quantity).normalize(),
                "store": ours,
                "number": theirs["number"]
                if theirs
                else draft[index]["number"]
                if index is not None
                else "",
                "erp": Decimal(theirs["amount_inc_tax"]) if theirs else None,
                "agrees": theirs is None or Decimal(theirs["amount_inc_tax"]) == ours,
            }
        )
    for index, line in enumerate(booked):
        if index not in used:
            rows.append(
                {
                    "name": line["description"],
                    "sku": "",
                    "quantity": Decimal(line["quantity"]).normalize(),
                    "store": None,
                    "number": line["number"],
                    "erp": Decimal(line["amount_inc_tax"]),
                    "agrees": False,
                }
            )
    total = Decimal(record["total_inc_tax"])
    erp_total = Decimal(document.booked["total_inc_tax"]) if document and document.booked else None
    erp_tax = Decimal(document.booked["total_tax"]) if document and document.booked else None
    return {
        "rows": rows,
        "document": document,
        "total": total,
        "erp_total": erp_total,
        "tax": Decimal(record["total_tax"]),
        "erp_tax": erp_tax,
        "totals_agree": erp_total is None or erp_total == total,
        "currency": record["currency"],
    }
