"""Routes: settings, field mappings, lookup tables, and trying them on an order."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from console.access import needs, person, whole_number
from sync import mapping_rules, route_settings
from sync.models import Route
from sync.preview import try_on
from tenants.roles import Role

TABS = (
    ("settings", "Settings"),
    ("customer", "Customer"),
    ("invoice", "Invoice"),
    ("line", "Line"),
    ("lookups", "Lookup tables"),
    ("try", "Try on an order"),
)
MAPPED = ("customer", "invoice", "line")


@needs(Role.VIEWER)
def routes(request: HttpRequest) -> HttpResponse:
    found = list(Route.objects.select_related("store", "erp"))
    if len(found) == 1:
        return redirect("console:route", slug=found[0].slug, tab="settings")
    return render(request, "console/routes.html", {"routes": found})


@needs(Role.VIEWER)
def route(request: HttpRequest, slug: str, tab: str) -> HttpResponse:
    row = get_object_or_404(Route.objects.select_related("store", "erp"), slug=slug)
    if tab not in dict(TABS):
        raise Http404
    return _page(request, row, tab)


def _page(request: HttpRequest, row: Route, tab: str, **more: Any) -> HttpResponse:
    context: dict[str, Any] = {"route": row, "tab": tab, "tabs": TABS, **more}
    errors = more.get("errors", {})
    if tab == "settings":
        values = {**route_settings.values_of(row), **more.get("given", {})}
        context["fields"] = [
            {
                "setting": setting,
                "value": values[setting.name],
                "chosen": values[setting.name].split(","),
                "choices": setting.choices,
                "error": errors.get(setting.name, ""),
            }
            for setting in route_settings.describe(*route_settings.systems_of(row))
        ]
    elif tab == "lookups":
        context["tables"] = mapping_rules.lookup_tables(row)
    elif tab == "try":
        number = request.GET.get("number", "").strip()
        context["number"] = number
        if whole_number(number) is not None:
            context["preview"] = try_on(row, number)
        elif number:
            context["problem"] = "An order number is made of digits."
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
        return redirect("console:route", slug=slug, tab="lookups")
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
    return redirect("console:route", slug=slug, tab="lookups")
