"""What the pages show, read from the models; no rules here."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, Exists, Max, Min, OuterRef, Prefetch, Q, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from audit.models import Entry, Exchange
from connectors.models import Connection
from connectors.records import DocumentKind
from console.money import rounded
from sync.models import Document, Flow, Hold, State, Transfer

CHART_DAYS = 30
NEWEST_ENTRIES = 500
MOST_SEARCHED = 200
_DECIMAL_DIGITS = re.compile(r"-?\d{1,12}(\.\d{1,4})?", re.ASCII)


BOOKS = {"invoice": "Invoices", "credit": "Credits", "payment": "Payments"}
# What the overview counts as one.
STATE_GROUPS = {"open": (State.WAITING, State.WORKING)}


@dataclass(frozen=True, slots=True)
class Bar:
    """One day of the chart, in the units of its drawing (720 by 160)."""

    day: date
    invoices: int
    credits: int
    x: float
    width: float
    y: float
    height: float
    credits_y: float
    credits_height: float


def start_of_day(zone: str, day: date | None = None) -> datetime:
    tz = ZoneInfo(zone)
    day = day or timezone.now().astimezone(tz).date()
    return datetime.combine(day, time(0), tz)


def of_books(books: str) -> Q:
    """Transfers that book an invoice (or order), a ``credit`` or a ``payment``. What a correction
    is, its document says."""
    if books == "payment":
        return Q(flow=Flow.PAYMENTS)
    memos = Document.objects.filter(
        transfer=OuterRef("pk"), kind=DocumentKind.CREDIT_MEMO.value
    ).exclude(status=Document.Status.DISCARDED)
    credited = Q(Exists(memos))
    if books == "credit":
        return Q(flow=Flow.REFUNDS) | (Q(flow=Flow.CORRECTIONS) & credited)
    return Q(flow__in=(Flow.ORDERS, Flow.INVOICES)) | (Q(flow=Flow.CORRECTIONS) & ~credited)


def overview(zone: str) -> dict[str, Any]:
    """Today in the company's own time zone."""
    since = start_of_day(zone)
    held = Transfer.objects.filter(state=State.HELD)
    labels = dict(Hold.choices)
    tiles = [("invoice", "Invoices posted today"), ("credit", "Credits posted today")]
    if Transfer.objects.filter(flow=Flow.PAYMENTS).exists():
        tiles.append(("payment", "Payments booked today"))
    return {
        "posted": [_posted_since(since, books, label) for books, label in tiles],
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
        "latest": Transfer.objects.exclude(state=State.WAITING)
        .defer("record", "comparison", "change")
        .order_by("-id")[:8],
        "today": since.date(),
    }


def _posted_since(since: datetime, books: str, label: str) -> dict[str, Any]:
    """What a tile counts: transfers and their amounts, a sum a currency."""
    rows = Transfer.objects.filter(of_books(books), posted_at__gte=since)
    return {
        "books": books,
        "label": label,
        "count": rows.count(),
        "amounts": list(rows.values("currency").annotate(total=Sum("amount")).order_by("currency")),
    }


def chart(zone: str) -> dict[str, Any]:
    """Posted invoices and credits of the last thirty days, a bar a day."""
    tz = ZoneInfo(zone)
    today = timezone.now().astimezone(tz).date()
    first = today - timedelta(days=CHART_DAYS - 1)
    invoices = _posted_by_day(zone, first, "invoice")
    credits = _posted_by_day(zone, first, "credit")
    most = max((invoices[day] + credits[day] for day in {*invoices, *credits}), default=0)
    step = 720 / CHART_DAYS
    bars = []
    for index in range(CHART_DAYS):
        day = first + timedelta(days=index)
        height = round(130 * invoices[day] / (most or 1), 1)
        above = round(130 * credits[day] / (most or 1), 1)
        bars.append(
            Bar(
                day=day,
                invoices=invoices[day],
                credits=credits[day],
                x=round(index * step + 2, 1),
                width=step - 4,
                y=140 - height,
                height=height,
                credits_y=140 - height - above,
                credits_height=above,
            )
        )
    return {
        "bars": bars,
        "most": most,
        "invoices": sum(invoices.values()),
        "credits": sum(credits.values()),
        "first": first,
        "last": today,
    }


def _posted_by_day(zone: str, first: date, books: str) -> Counter[date]:
    rows = (
        Transfer.objects.filter(of_books(books), posted_at__gte=start_of_day(zone, first))
        .annotate(day=TruncDate("posted_at", tzinfo=ZoneInfo(zone)))
        .values("day")
        .annotate(n=Count("id"))
    )
    return Counter({row["day"]: row["n"] for row in rows})


def version() -> str:
    """Changes whenever anything moved, and every minute, because ages are shown.

    Everything that moves leaves an entry, so the newest entries tell; their number is looked at
    besides, because one with a lower id may be committed later. The cost does not grow with the
    trail or with the number of transfers.
    """
    newest = Entry.objects.aggregate(last=Max("id"))["last"] or 0
    among = Entry.objects.filter(pk__gt=newest - NEWEST_ENTRIES).count()
    return f"{newest}-{among}-{timezone.now():%H%M}"


def search(params: dict[str, str]) -> QuerySet[Transfer]:
    """Transfers by number (an order's brings what belongs to it), customer or amount, and by
    filters; newest first."""
    rows = (
        Transfer.objects.select_related("route")
        .prefetch_related(Prefetch("documents", Document.objects.defer("draft", "booked")))
        .defer("record", "comparison", "change")
        .order_by("-id")
    )
    text = params.get("q", "").strip()[:MOST_SEARCHED]
    if text:
        documents = Document.objects.filter(
            Q(number__iexact=text) | Q(invoice_number__iexact=text) | Q(reference__iexact=text)
        )
        its_order = Transfer.objects.filter(
            flow=Flow.ORDERS,
            route=OuterRef("route"),
            order_key=OuterRef("order_key"),
            number__iexact=text,
        )
        match = (
            Q(number__iexact=text)
            | Q(party__icontains=text)
            | Q(party_email__icontains=text)
            | Q(pk__in=documents.values("transfer_id"))
            | Q(Exists(its_order))
        )
        if (amount := _amount(text)) is not None:
            match |= Q(amount=amount)
        rows = rows.filter(match)
    if state := params.get("state", ""):
        rows = rows.filter(state__in=STATE_GROUPS.get(state, (state,)))
    if params.get("flow"):
        rows = rows.filter(flow=params["flow"])
    if (books := params.get("books", "")) in BOOKS:
        rows = rows.filter(of_books(books))
    if params.get("hold"):
        rows = rows.filter(hold=params["hold"])
    if params.get("route"):
        rows = rows.filter(route__slug=params["route"])
    if (first := _day(params.get("from", ""))) is not None:
        rows = rows.filter(received_at__gte=first)
    if (last := _day(params.get("to", ""))) is not None:
        rows = rows.filter(received_at__lt=last + timedelta(days=1))
    if (posted_on := _day(params.get("posted", ""))) is not None:
        rows = rows.filter(posted_at__gte=posted_on, posted_at__lt=posted_on + timedelta(days=1))
    return rows


def _amount(text: str) -> Decimal | None:
    """An amount as people type it: 1,234.50 or 1234,50. None if it is not one."""
    plain = re.sub(r",(?=\d{3}(\D|$))", "", text.replace(" ", "")).replace(",", ".")
    return Decimal(plain) if _DECIMAL_DIGITS.fullmatch(plain) else None


def _day(text: str) -> datetime | None:
    """The beginning of a day, in the present time zone; None for what is no day of our time."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    if not 2000 <= day.year < 2200:
        return None
    return datetime.combine(day, time(0), timezone.get_current_timezone())


def ledger_document(transfer: Transfer) -> Document | None:
    """The document that counts: the latest that was not withdrawn, else the latest."""
    documents = sorted(transfer.documents.all(), key=lambda document: document.pk)
    kept = [row for row in documents if row.status != Document.Status.DISCARDED]
    return (kept or documents or [None])[-1]


GOOD = {
    "document_posted", "document_created", "document_checked", "document_accepted",
    "posted_in_erp", "customer_created", "released",
}  # fmt: skip
WARN = {"held", "outcome_unknown", "retry_planned", "changed_after_posting", "document_withdrawn"}
BAD = {"failed"}
LABELS = {"transfer_created": "Announced", "order_fetched": "Read from the store"}


def timeline(transfer: Transfer) -> list[dict[str, Any]]:
    return [
        {
            "entry": entry,
            "label": LABELS.get(entry.action) or entry.get_action_display(),
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
    document = ledger_document(transfer)
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
        ours = rounded(Decimal(amount), record["currency"])
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
    erp_tax = None
    # An ERP that works tax out only when it posts has none to show before.
    if document and document.booked and document.booked.get("has_totals", True):
        erp_tax = Decimal(document.booked["total_tax"])
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
