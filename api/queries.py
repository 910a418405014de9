"""The filters of the lists, and what they find."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, Prefetch, Q, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from api.fields import FIRST_YEAR, LAST_YEAR, Moment, Several
from audit.actions import Action
from audit.models import Entry
from sync.models import Document, Flow, Hold, LookupRow, Route, State, Transfer

PAGE_PARAMETERS = frozenset({"cursor", "page_size"})
BOOKED = (Document.Status.POSTED, Document.Status.ACCEPTED)
MOST_DAYS = 92
USUAL_DAYS = 30
MOST_CHARACTERS = 300


class Query(serializers.Serializer[Any]):
    """The filters of a list. A name that is none of them is refused: with a misspelt filter a
    program would act on everything."""

    def to_internal_value(self, data: Any) -> Any:
        known = set(self.fields) | PAGE_PARAMETERS
        if unknown := sorted(set(data) - known):
            raise ValidationError(
                {
                    name: f"There is no such filter. There are: {', '.join(self.fields)}."
                    for name in unknown
                }
            )
        return super().to_internal_value(data)


class Text(serializers.CharField):
    def __init__(self, **more: Any) -> None:
        super().__init__(required=False, max_length=MOST_CHARACTERS, **more)


class Key(serializers.IntegerField):
    def __init__(self, **more: Any) -> None:
        super().__init__(required=False, min_value=0, max_value=2**63 - 1, **more)


class Day(serializers.DateField):
    def to_internal_value(self, value: Any) -> date:
        day = super().to_internal_value(value)
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise ValidationError("That is not a day of our time.")
        return day


def read(form: type[Query], request: Request) -> dict[str, Any]:
    """The filters that a request gives. Raises ValidationError by name."""
    query = form(data=request.query_params.dict(), context={"zone": zone_of(request)})
    query.is_valid(raise_exception=True)
    return dict(query.validated_data)


def zone_of(request: Request) -> ZoneInfo:
    return ZoneInfo(request._request.tenant.time_zone)  # type: ignore[attr-defined]


class Within(Query):
    """Filters by ``from`` and ``to``."""

    FROM, TO = "From this day or instant.", "To the end of this day, or before this instant."

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        fields["from"] = Moment(help_text=self.FROM)
        fields["to"] = Moment(is_end=True, help_text=self.TO)
        return fields


class TransferQuery(Within):
    FROM = "Came in on this day of the company's time zone or later, or at this instant or later."
    TO = "Came in on this day or earlier, or before this instant."

    state = Several(State.choices, help_text="In one of these states, separated by commas.")
    hold = Several(Hold.choices, help_text="Held for one of these reasons, separated by commas.")
    flow = Several(Flow.choices, help_text="Of one of these flows, separated by commas.")
    route = Text(help_text="Slug of their route.")
    number = Text(help_text="The store's number, in full.")
    reference = Text(help_text="Our reference in one of their documents, in full.")
    job_id = Text(help_text="The job id, in full.")
    updated_since = Moment(
        help_text="Changed at this instant or later. The list then begins with the change that is "
        "longest ago. To follow all changes, ask again from the last updated_at that you saw, "
        "less a minute, and expect to see some transfers twice."
    )


def _filtered(rows: QuerySet[Any], asked: dict[str, Any], **lookups: str) -> QuerySet[Any]:
    """``rows`` by those of the filters that were asked for: filter -> look-up of the model."""
    wanted = {lookup: asked[name] for name, lookup in lookups.items() if name in asked}
    return rows.filter(**wanted) if wanted else rows


def _within(rows: QuerySet[Any], asked: dict[str, Any], column: str) -> QuerySet[Any]:
    return _filtered(rows, asked, **{"from": f"{column}__gte", "to": f"{column}__lt"})


def transfers(asked: dict[str, Any]) -> QuerySet[Transfer]:
    rows = _filtered(
        Transfer.objects.select_related("route")
        .prefetch_related(Prefetch("documents", Document.objects.defer("draft", "booked")))
        .defer("record", "change", "comparison"),
        asked,
        state="state__in",
        hold="hold__in",
        flow="flow__in",
        route="route__slug",
        number="number",
        job_id="job_id",
        updated_since="updated_at__gte",
    )
    if "reference" in asked:
        documents = Document.objects.filter(reference=asked["reference"])
        rows = rows.filter(pk__in=documents.values("transfer_id"))
    return _within(rows, asked, "received_at")


class DocumentQuery(Query):
    reference = Text(help_text="Our reference in the document, in full.")
    number = Text(help_text="The ERP's number, of the document or of its invoice, in full.")
    kind = Text(help_text="Kind of document, such as sales_invoice.")
    status = Several(Document.Status.choices, help_text="One of these, separated by commas.")
    transfer = Key(help_text="Id of their transfer.")
    route = Text(help_text="Slug of their route.")


def documents(asked: dict[str, Any]) -> QuerySet[Document]:
    rows = Document.objects.defer("draft", "booked")
    if "number" in asked:
        rows = rows.filter(Q(number=asked["number"]) | Q(invoice_number=asked["number"]))
    return _filtered(
        rows,
        asked,
        reference="reference",
        kind="kind",
        status="status__in",
        transfer="transfer_id",
        route="transfer__route__slug",
    )


class EntryQuery(Within):
    FROM = "On this day of the company's time zone or later, or at this instant or later."

    action = Several(Action.choices, help_text="One of these, separated by commas.")
    actor = Text(help_text="The person's e-mail address or the token's name, in full.")
    transfer = Key(help_text="Id of the transfer that they belong to.")


def entries(asked: dict[str, Any]) -> QuerySet[Entry]:
    rows = _filtered(
        Entry.objects.all(), asked, action="action__in", actor="actor", transfer="transfer_id"
    )
    return _within(rows, asked, "at")


class LookupQuery(Query):
    table = Text(help_text="Name of the lookup table.")
    key = Text(help_text="The store's word, without regard to case.")


def lookup_rows(route: Route, asked: dict[str, Any]) -> QuerySet[LookupRow]:
    return _filtered(route.lookup_rows.all(), asked, table="table", key="key__iexact")


class ReconciliationQuery(Query):
    first_day = Day(
        required=False, help_text=f"First day; {USUAL_DAYS} days with today if none is given."
    )
    last_day = Day(required=False, help_text="Last day; today if none is given.")
    route = Text(help_text="Slug of one route.")
    flow = Several(Flow.choices, help_text="One of these flows, separated by commas.")


def reconciliation(asked: dict[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    """Transfers by the day on which they came in, with what of them is booked.

    Raises ValidationError for more than ``MOST_DAYS`` days.
    """
    last = asked.get("last_day") or timezone.now().astimezone(zone).date()
    first = asked.get("first_day") or last - timedelta(days=USUAL_DAYS - 1)
    if not 0 <= (last - first).days < MOST_DAYS:
        raise ValidationError({"first_day": f"Ask for 1 to {MOST_DAYS} days, in their order."})
    rows = Transfer.objects.order_by().filter(
        received_at__gte=_beginning(first, zone),
        received_at__lt=_beginning(last + timedelta(days=1), zone),
    )
    if "route" in asked:
        rows = rows.filter(route__slug=asked["route"])
    if "flow" in asked:
        rows = rows.filter(flow__in=asked["flow"])
    keys = ("day", "flow", "state", "currency")
    counted = (
        rows.annotate(day=TruncDate("received_at", tzinfo=zone))
        .values(*keys)
        .annotate(transfers=Count("pk"), store_total=Sum("amount"))
        .order_by("-day", "flow", "state", "currency")
    )
    booked = {
        tuple(row[key] for key in keys): row
        for row in rows.annotate(day=TruncDate("received_at", tzinfo=zone))
        .filter(documents__status__in=BOOKED)
        .values(*keys)
        .annotate(
            booked=Count("documents"),
            with_total=Count("documents__total_inc_tax"),
            erp_total=Sum("documents__total_inc_tax"),
        )
    }
    days: list[SimpleNamespace] = []
    states: dict[tuple[str, str], int] = {}
    for row in counted:
        beside = booked.get(tuple(row[key] for key in keys), {})
        count = beside.get("booked", 0)
        days.append(
            SimpleNamespace(
                **row,
                documents=count,
                documents_without_total=count - beside.get("with_total", 0),
                erp_total=beside.get("erp_total"),
            )
        )
        key = (row["flow"], row["state"])
        states[key] = states.get(key, 0) + row["transfers"]
    return {
        "first_day": first,
        "last_day": last,
        "time_zone": zone.key,
        "states": [
            {"flow": flow, "state": state, "transfers": count}
            for (flow, state), count in sorted(states.items())
        ],
        "days": days,
    }


def _beginning(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(0), zone)
