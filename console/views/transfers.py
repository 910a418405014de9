"""Overview, the list of transfers, one transfer, and what people do with them."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from audit import services as audit
from audit.actions import Action
from audit.models import Exchange
from connectors.errors import ConnectorError
from console import flows, order_parts, relay, selectors, wording
from console.access import needs, person, whole_number
from console.cells import plain
from console.money import written
from sync import actions, mapping_rules, schedules
from sync.lookups import TABLES
from sync.models import Flow, Hold, Route, State, Transfer
from tenants.roles import Role

PAGE = 50
MOST_AT_ONCE = 1_000
FILTERS = ("q", "flow", "books", "state", "hold", "route", "from", "to", "posted")
ON_AN_ACCOUNT = ("charges", "payment_accounts")
# Of these something is expected within seconds; the others are looked at now and then.
MOVING = (State.WAITING, State.WORKING, State.HELD)


@needs(Role.VIEWER)
def overview(request: HttpRequest) -> HttpResponse:
    """Today at a glance; asked again every few seconds, answered only when something moved."""
    version = f"{selectors.version()}-{flows.counted()}"
    if request.htmx and request.GET.get("v") == version:  # type: ignore[attr-defined]
        return HttpResponse(status=204)
    zone = request.tenant.time_zone  # type: ignore[attr-defined]
    context = {**selectors.overview(zone), "version": version}
    context["order_numbers"] = wording.order_numbers(context["latest"])
    context["completeness"] = flows.completeness()
    context["cut_off"] = relay.cut_off()
    template = "console/_overview.html" if request.htmx else "console/overview.html"  # type: ignore[attr-defined]
    return render(request, template, context)


@needs(Role.VIEWER)
def transfers(request: HttpRequest) -> HttpResponse:
    """The list, by search and filter, a page at a time by key."""
    version = selectors.version()
    if request.htmx and request.GET.get("v") == version:  # type: ignore[attr-defined]
        return HttpResponse(status=204)
    params = {name: value for name, value in request.GET.items() if name != "v"}
    rows = selectors.search(params)
    before = params.get("before", "")
    if (last := whole_number(before)) is not None:
        rows = rows.filter(pk__lt=last)
    page = list(rows[: PAGE + 1])
    context = {
        "rows": page[:PAGE],
        "order_numbers": wording.order_numbers(page[:PAGE]),
        "next": page[PAGE - 1].pk if len(page) > PAGE else None,
        "params": params,
        "flows": [(flow.value, flow.label) for flow in wording.SHOWN],
        "books": list(selectors.BOOKS.items()) if params.get("books") else [],
        "states": [*State.choices, ("open", "On their way")],
        "holds": Hold.choices,
        "routes": Route.objects.all(),
        "filtered": any(params.get(name) for name in FILTERS),
        "version": version,
        "address": urlencode(params),
    }
    template = "console/_transfers.html" if request.htmx else "console/transfers.html"  # type: ignore[attr-defined]
    return render(request, template, context)


@needs(Role.ACCOUNTANT)
@require_POST
def bulk(request: HttpRequest) -> HttpResponse:
    """Release, replay or skip what was chosen."""
    given = [whole_number(value) for value in request.POST.getlist("ids")]
    ids = [number for number in given if number is not None][:MOST_AT_ONCE]
    back = request.POST.get("back", "")
    if not ids:
        messages.warning(request, "Nothing was chosen.")
    else:
        _act(request, ids)
    return redirect(f"/transfers/?{back}" if back else "/transfers/")


@needs(Role.ACCOUNTANT)
@require_POST
def act(request: HttpRequest, pk: int) -> HttpResponse:
    """One act on one transfer."""
    transfer = get_object_or_404(Transfer, pk=pk)
    match request.POST.get("act"):
        case "accept":
            _accept(request, transfer)
        case "choose":
            _choose(request, transfer)
        case "correct":
            _correct(request, transfer)
        case _:
            _act(request, [transfer.pk])
    return redirect("console:transfer", pk=pk)


def _accept(request: HttpRequest, transfer: Transfer) -> None:
    shown = (request.POST.get("total", ""), request.POST.get("tax", ""))
    if actions.accept_difference(transfer.pk, by=person(request), shown=shown):
        name = wording.words_of(transfer).name.lower()
        messages.success(request, f"The difference is accepted; the {name} goes on.")
    else:
        messages.error(
            request, "That difference is there no more. Look at the one that is, if there is one."
        )


def _choose(request: HttpRequest, transfer: Transfer) -> None:
    """Take one side of the conflict that the person saw, and of no other."""
    side, shown = request.POST.get("side", ""), request.POST.get("shown", "")
    if side in actions.SIDES and actions.choose_side(transfer.pk, side=side, shown=shown):
        messages.success(request, "The side is chosen; the other one is written now.")
    else:
        messages.error(
            request, "That conflict is there no more. Look at the one that is, if there is one."
        )


def _correct(request: HttpRequest, transfer: Transfer) -> None:
    """Have the correction booked that the person saw, and no other."""
    with transaction.atomic():
        row = Transfer.objects.select_for_update().get(pk=transfer.pk)
        offered = order_parts.proposal(row)
        if offered is None or offered["shown"] != request.POST.get("shown", ""):
            messages.error(
                request, "The order changed again meanwhile. Look at the difference that is there."
            )
            return
        count = actions.post_correction(row.pk, by=person(request))
    documents = "document is" if count == 1 else "documents are"
    messages.success(
        request, f"{count} correcting {documents} on the way; the order counts as corrected."
    )


def _act(request: HttpRequest, ids: list[int]) -> None:
    wanted = request.POST.get("act", "")
    try:
        match wanted:
            case "release":
                count = actions.release(ids)
            case "replay":
                count = actions.replay(ids)
            case "skip":
                count = actions.skip(ids, request.POST.get("reason", ""))
            case "acknowledge":
                count = actions.acknowledge(ids)
            case _:
                messages.error(request, "Choose what to do.")
                return
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return
    done = {
        "release": "released",
        "replay": "sent on their way again",
        "skip": "skipped",
        "acknowledge": "marked as dealt with",
    }[wanted]
    if count:
        messages.success(request, f"{count} transfer{'s' if count > 1 else ''} {done}.")
    else:
        messages.warning(
            request,
            "None of them could be changed: they are in another state by now"
            + (", or their document may be in the ERP already." if wanted == "skip" else "."),
        )


@needs(Role.VIEWER)
def transfer(request: HttpRequest, pk: int) -> HttpResponse:
    """One transfer: where it is and what to do, its facts, its documents, its exchanges."""
    row = get_object_or_404(Transfer.objects.select_related("route__store", "route__erp"), pk=pk)
    version = order_parts.version(row)
    if request.htmx and request.GET.get("v") == version:  # type: ignore[attr-defined]
        return HttpResponse(status=204)
    context: dict[str, Any] = {
        "transfer": row,
        "timeline": selectors.timeline(row),
        "words": wording.words_of(row),
        "about": _about(row),
        "order": _order_of(row),
        "beside": order_parts.beside(row),
        "documents": row.documents.all(),
        "parts": order_parts.parts_of(row),
        "proposal": order_parts.proposal(row),
        "differs": flows.differences(row),
        "is_master_data": row.flow in schedules.DEFAULT_MINUTES,
        "can_be_read": row.flow in schedules.wanted(row.route),
        "exchanges": selectors.exchanges(row),
        "missing": _missing(row),
        "version": version,
        "pace": "2s" if row.state in MOVING else "10s",
    }
    template = "console/_transfer.html" if request.htmx else "console/transfer.html"  # type: ignore[attr-defined]
    return render(request, template, context)


def _order_of(transfer: Transfer) -> Transfer | None:
    """The order that a refund, payment, store invoice or correction belongs to."""
    if not wording.is_part_of_an_order(transfer):
        return None
    return Transfer.objects.filter(
        route=transfer.route, flow=Flow.ORDERS, order_key=transfer.order_key
    ).first()


def _about(transfer: Transfer) -> list[tuple[str, str]]:
    """What the store says about a refund, store invoice or payment, besides its money."""
    about = (transfer.record or {}).get("about", {})
    state = str(about.get("state", ""))
    found = []
    match transfer.flow:
        case Flow.REFUNDS:
            found = [
                ("In the store", wording.REFUND_STATES.get(state, state)),
                ("Reason", str(about.get("reason", ""))),
            ]
        case Flow.INVOICES:
            found = [("In the store", state)]
        case Flow.PAYMENTS:
            found = [("Method", str(about.get("method", "")))]
    return [(label, text) for label, text in found if text]


def _missing(transfer: Transfer) -> list[dict[str, str]]:
    """What a hold asks for, ready for the form that adds it."""
    found = []
    for key in transfer.hold_keys:
        kind, _, rest = key.partition(":")
        if kind == "lookup":
            table, _, name = rest.partition(":")
            info = TABLES.get(table)
            found.append(
                {
                    "kind": "lookup",
                    "table": table,
                    "key": name,
                    "title": info.title if info else table,
                    "value_label": info.value_label if info else "Value",
                    "on_an_account": "yes" if table in ON_AN_ACCOUNT else "",
                }
            )
        elif kind == "item":
            found.append({"kind": "item", "key": rest})
        elif kind == "customer":
            found.append({"kind": "customer", "key": rest})
    return found


@needs(Role.ACCOUNTANT)
@require_POST
def mend(request: HttpRequest, pk: int) -> HttpResponse:
    """Add what the hold asks for; everything that waits for it goes at once."""
    row = get_object_or_404(Transfer.objects.select_related("route__store", "route__erp"), pk=pk)
    key, value = request.POST.get("key", ""), request.POST.get("value", "").strip()
    try:
        match request.POST.get("kind"):
            case "lookup":
                count = mapping_rules.save_lookup(
                    row.route,
                    table=request.POST.get("table", ""),
                    key=key,
                    value=value,
                    by=person(request),
                )
            case "item":
                count = mapping_rules.map_item(row.route, sku=key, number=value)
            case "customer":
                count = mapping_rules.map_customer(
                    row.route, store_key=key, email=row.party_email, number=value
                )
            case _:
                raise Http404
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    except ConnectorError as error:
        messages.error(request, f"{error.reason} {error.advice}")
    else:
        messages.success(request, f"Saved. {count} transfer{'s' if count != 1 else ''} released.")
    return redirect("console:transfer", pk=pk)


@needs(Role.VIEWER)
def exchange(request: HttpRequest, pk: int) -> HttpResponse:
    """One exchange, raw, secrets removed."""
    return render(
        request, "console/_exchange.html", {"exchange": get_object_or_404(Exchange, pk=pk)}
    )


COLUMNS = (
    "kind", "number", "order", "customer", "amount", "currency", "state", "hold", "reason",
    "document", "posted_as", "reference", "placed", "posted",
)  # fmt: skip


@needs(Role.VIEWER)
def export_csv(request: HttpRequest) -> HttpResponse:
    """The filtered list as CSV. Cells that a spreadsheet would run as a formula are defused."""
    rows = selectors.search(dict(request.GET.items()))
    # Written to disk first: streamed, the rows would be read after the tenant is left.
    file = tempfile.TemporaryFile("w+b")  # noqa: SIM115  the answer closes it
    text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
    text.write("\ufeff")  # without it Excel takes the file for another encoding
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for batch in batched(rows.iterator(500), 500):
        numbers = wording.order_numbers(batch)
        for row in batch:
            writer.writerow(plain(value) for value in _cells(row, numbers.get(row.pk)))
    text.detach()
    file.seek(0)
    audit.record(Action.EXPORTED, "The list of transfers was exported as CSV.")
    return FileResponse(
        file, as_attachment=True, filename="transfers.csv", content_type="text/csv; charset=utf-8"
    )


def batched(rows: Iterable[Transfer], size: int) -> Iterator[list[Transfer]]:
    """Lists of at most ``size``."""
    source = iter(rows)
    while batch := list(islice(source, size)):
        yield batch


def _cells(row: Transfer, order_number: str | None) -> tuple[str, ...]:
    """One row of the file, in the order of ``COLUMNS``."""
    document = selectors.ledger_document(row)
    return (
        wording.words_of(row).name,
        row.number,
        row.number if order_number is None else order_number,
        row.party,
        "" if row.amount is None else written(row.amount, row.currency, separator=""),
        row.currency,
        row.get_state_display(),
        row.get_hold_display(),
        row.reason,
        document.number if document else "",
        document.invoice_number if document else "",
        document.reference if document else "",
        _moment(row.source_at),
        _moment(row.posted_at),
    )


def _moment(at: datetime | None) -> str:
    """In the company's own time zone, with its distance from UTC."""
    return timezone.localtime(at).isoformat(" ", "seconds") if at else ""


@needs(Role.ACCOUNTANT)
@require_POST
def send_order(request: HttpRequest) -> HttpResponse:
    """Fetch one order by its number, although no notice of it came."""
    route = get_object_or_404(Route, slug=request.POST.get("route", ""))
    try:
        row = actions.send_order(route, request.POST.get("number", ""))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("console:transfers")
    return redirect("console:transfer", pk=row.pk)
