"""Routes: settings, field mappings, lookup tables, and trying them on an order."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote
from zoneinfo import available_timezones

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from connectors.contract import Target
from connectors.models import Connection
from connectors.registry import SYSTEMS
from console import flows, lookup_tables, readiness, route_form, setting_groups
from console.access import needs, person
from sync import mapping_rules, route_settings, schedules
from sync.models import Route
from sync.preview import try_on
from tenants.roles import Role, allows

MAPPED = {
    Target.CUSTOMER: "Customer",
    Target.INVOICE: "Invoice",
    Target.LINE: "Line",
    Target.PAYMENT: "Payment",
}
LONGEST_ORDER_NUMBER = 64


def tabs_of(row: Route, *, may_act: bool) -> tuple[tuple[str, str], ...]:
    """The parts of a route's page: what its ERP can be told is among them, and what both can
    exchange; fetching orders of the past is for people who may act."""
    store, erp = route_settings.systems_of(row)
    mapped = [
        (target.value, label) for target, label in MAPPED.items() if erp.target_fields.get(target)
    ]
    return (
        ("settings", "Settings"),
        *((("flows", "Master data"),) if schedules.offered(store, erp) else ()),
        *mapped,
        ("lookups", "Lookup tables"),
        ("try", "Try on an order"),
        *((("backfill", "Past orders"),) if may_act else ()),
    )


def _tabs(request: HttpRequest, row: Route) -> tuple[tuple[str, str], ...]:
    return tabs_of(row, may_act=allows(getattr(request, "role", None), Role.ACCOUNTANT))


@needs(Role.VIEWER)
def routes(request: HttpRequest) -> HttpResponse:
    """All routes; where there is only one, straight to it, but for who asks for all of them."""
    found = list(Route.objects.select_related("store", "erp"))
    if len(found) == 1 and "all" not in request.GET:
        return redirect("console:route", slug=found[0].slug, tab="settings")
    return render(
        request,
        "console/routes.html",
        {
            "routes": found,
            "titles": {kind: system.title for kind, system in SYSTEMS.items()},
            "lacks": Connection.objects.values("role").distinct().count() < 2,
        },
    )


@needs(Role.VIEWER)
def route(request: HttpRequest, slug: str, tab: str) -> HttpResponse:
    row = get_object_or_404(Route.objects.select_related("store", "erp"), slug=slug)
    if tab not in dict(_tabs(request, row)):
        raise Http404
    if tab == "flows":
        return _flows(request, row)
    return _page(request, row, tab)


def _flows(request: HttpRequest, row: Route) -> HttpResponse:
    """Master data as it runs; asked again every few seconds, answered only when it moved."""
    found = flows.lines(row)
    version = flows.version(row, found)
    is_part = bool(request.htmx)  # type: ignore[attr-defined]
    if is_part and request.GET.get("v") == version:
        return HttpResponse(status=204)
    context = {
        "route": row,
        "tab": "flows",
        "tabs": _tabs(request, row),
        "lines": found,
        "version": version,
        "is_live": any(line.is_on for line in found),
        "report": flows.one_sided(row),
    }
    return render(request, "console/_flows.html" if is_part else "console/route.html", context)


def _page(request: HttpRequest, row: Route, tab: str, **more: Any) -> HttpResponse:
    context: dict[str, Any] = {"route": row, "tab": tab, "tabs": _tabs(request, row), **more}
    errors = more.get("errors", {})
    if tab == "settings":
        values = {**route_settings.values_of(row), **more.get("given", {})}
        points = readiness.points_of(row)
        context["points"] = points
        context["open_points"] = sum(point.is_open for point in points)
        context["first_day"] = route_form.first_day(row)
        context["zones"] = sorted(available_timezones())
        fields = [
            {
                "setting": setting,
                "value": values[setting.name],
                "chosen": values[setting.name].split(","),
                "choices": setting.choices,
                "error": errors.get(setting.name, ""),
            }
            for setting in route_settings.describe(*route_settings.systems_of(row))
        ]
        context["fields"] = [field for field in fields if not field["setting"].group]
        context["groups"] = setting_groups.of(fields, values)
    elif tab == "lookups":
        context["tables"] = lookup_tables.tables_of(row)
    elif tab == "try":
        number = request.GET.get("number", "").strip()
        context["number"] = number
        if 0 < len(number) <= LONGEST_ORDER_NUMBER and number.isprintable():
            context["preview"] = try_on(row, number)
        elif number:
            context["problem"] = "This is no order number."
    else:
        context["rows"] = [r for r in mapping_rules.rows(row) if r.target == tab]
        context["tables"] = mapping_rules.lookup_tables(row)
    return render(request, "console/route.html", context, status=400 if errors else 200)


@needs(Role.ACCOUNTANT)
@require_POST
def save_settings(request: HttpRequest, slug: str) -> HttpResponse:
    row = get_object_or_404(Route.objects.select_related("store", "erp"), slug=slug)
    values: dict[str, str] = {}
    for setting in route_settings.describe(*route_settings.systems_of(row)):
        if setting.kind == "choices":
            values[setting.name] = ",".join(request.POST.getlist(setting.name))
        elif setting.name in request.POST:
            values[setting.name] = request.POST[setting.name].strip()
    try:
        changed = route_settings.save(row, values)
    except ValidationError as error:
        errors = {k: v[0] for k, v in error.message_dict.items()}
        return _page(request, row, "settings", errors=errors, given=values)
    messages.success(request, "Saved." if changed else "Nothing was changed.")
    return redirect("console:route", slug=slug, tab="settings")


@needs(Role.ACCOUNTANT)
@require_POST
def save_mapping(request: HttpRequest, slug: str) -> HttpResponse:
    """Save one field's rule, or go back to the built-in one."""
    row = get_object_or_404(Route.objects.select_related("store", "erp"), slug=slug)
    target, field = request.POST.get("target", ""), request.POST.get("field", "")
    if target not in MAPPED:
        raise Http404
    if request.POST.get("act") == "reset":
        if mapping_rules.reset(row, target=target, field=field):
            messages.success(request, "The built-in rule is back.")
        else:
            messages.info(request, "It was the built-in rule already.")
        return redirect("console:route", slug=slug, tab=target)
    try:
        mapping_rules.save(
            row,
            target=target,
            field=field,
            source=request.POST.get("source", ""),
            expression=request.POST.get("expression", ""),
            lookup=request.POST.get("lookup", ""),
            default=request.POST.get("default", ""),
            by=person(request),
        )
    except ValidationError as error:
        return _page(
            request,
            row,
            target,
            errors={k: v[0] for k, v in error.message_dict.items()},
            wrong_field=field,
            given=request.POST,
        )
    messages.success(request, "Saved.")
    return redirect("console:route", slug=slug, tab=target)


@needs(Role.ACCOUNTANT)
@require_POST
def save_lookup(request: HttpRequest, slug: str) -> HttpResponse:
    row = get_object_or_404(Route, slug=slug)
    table, key = request.POST.get("table", ""), request.POST.get("key", "")
    if request.POST.get("act") == "delete":
        if mapping_rules.delete_lookup(row, table=table, key=key):
            messages.success(request, f"The row “{key}” is gone.")
        else:
            messages.info(request, f"There is no row “{key}” any more.")
        return _to_table(slug, table)
    try:
        count = mapping_rules.save_lookup(
            row,
            table=table,
            key=key,
            value=request.POST.get("value", ""),
            note=request.POST.get("note", ""),
            by=person(request),
        )
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(
            request,
            "Saved."
            + (f" {count} held transfer{'s' if count > 1 else ''} released." if count else ""),
        )
    return _to_table(slug, table)


def _to_table(slug: str, table: str) -> HttpResponse:
    """Back to the table that was changed."""
    address = reverse("console:route", kwargs={"slug": slug, "tab": "lookups"})
    return redirect(f"{address}#table-{quote(table)}")
