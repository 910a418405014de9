"""What administrators do with a whole route: make one, name it, pause it, take it up again."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from audit import services as audit
from audit.actions import Action
from connectors.models import Connection
from connectors.registry import SYSTEMS
from console import route_form
from console.access import needs
from sync import dispatch
from sync.models import Route
from tenants.roles import Role

FIELDS = ("name", "prefix", "start", "time_zone", *route_form.CHOSEN)


@needs(Role.ADMIN)
def new(request: HttpRequest) -> HttpResponse:
    """First the pair, then everything that this pair can do."""
    asked = request.POST if request.method == "POST" else request.GET
    store, erp = route_form.pair(asked.get("store", ""), asked.get("erp", ""))
    if store is None or erp is None:
        return _page(request, store, erp, {}, {})
    suggested = route_form.suggested(store, erp, request.tenant.time_zone)  # type: ignore[attr-defined]
    if request.method != "POST":
        return _page(request, store, erp, suggested, {})
    given = {name: request.POST[name].strip() for name in FIELDS if name in request.POST}
    try:
        row = route_form.make(store, erp, given)
    except ValidationError as error:
        errors = {name: words[0] for name, words in error.message_dict.items()}
        return _page(request, store, erp, {**suggested, **given}, errors)
    messages.success(request, f"The route “{row.name}” is there. See below what it still lacks.")
    return redirect("console:route", slug=row.slug, tab="settings")


def _page(
    request: HttpRequest,
    store: Connection | None,
    erp: Connection | None,
    values: dict[str, str],
    errors: dict[str, str],
) -> HttpResponse:
    fields: list[dict[str, Any]] = []
    if store is not None and erp is not None:
        fields = [
            {
                "setting": setting,
                "value": values.get(setting.name, setting.default),
                "choices": setting.choices,
                "error": errors.get(setting.name, ""),
            }
            for setting in route_form.settings_of(store, erp)
        ]
    known = {*FIELDS, "erp"}
    context = {
        "stores": Connection.objects.filter(role="store"),
        "erps": Connection.objects.filter(role="erp"),
        "store": store,
        "erp": erp,
        "store_title": SYSTEMS[store.kind].title if store else "",
        "erp_title": SYSTEMS[erp.kind].title if erp else "",
        "values": values,
        "errors": errors,
        "joined": Route.objects.filter(store=store, erp=erp).first() if store and erp else None,
        "others": [words for name, words in errors.items() if name not in known],
        "fields": fields,
        "zones": sorted(available_timezones()),
    }
    return render(request, "console/route_new.html", context, status=400 if errors else 200)


@needs(Role.ADMIN)
@require_POST
def pause(request: HttpRequest, slug: str) -> HttpResponse:
    """Pause, or take the pause off. What is on its way goes on; nothing new is taken meanwhile."""
    with transaction.atomic():
        row = get_object_or_404(Route.objects.select_for_update(), slug=slug)
        row.is_active = request.POST.get("act") == "resume"
        row.save(update_fields=["is_active", "updated_at"])
        if row.is_active:
            dispatch.wake(dispatch.POLL_ORDERS, row.pk)
        audit.record(
            Action.ROUTE_SAVED,
            f"The route “{row.name}” was {'resumed' if row.is_active else 'paused'}.",
            route_id=row.pk,
            data={"is_active": row.is_active},
        )
    if row.is_active:
        messages.success(
            request, f"{row.name} is in use again; what changed in the store meanwhile is read now."
        )
    else:
        messages.warning(
            request, f"{row.name} is paused: nothing new is taken. What is on its way goes on."
        )
    return redirect("console:route", slug=slug, tab="settings")


@needs(Role.ADMIN)
@require_POST
def rename(request: HttpRequest, slug: str) -> HttpResponse:
    """Another name, or another first day, for a route. Its prefix stays: references that are in
    the ERP would not be found again under another."""
    name, start = request.POST.get("name", "").strip(), request.POST.get("start", "").strip()
    try:
        changed = route_form.rename(slug, name=name, start=start)
    except Route.DoesNotExist:
        return redirect("console:routes")
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, "Saved." if changed else "Nothing was changed.")
    return redirect("console:route", slug=slug, tab="settings")
