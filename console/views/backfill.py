"""Orders of the past, fetched by days or by numbers: first what would be done, then doing it."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from connectors import services
from connectors.errors import ConnectorError, NeedsAttention
from console import flows
from console.access import needs
from console.views.routes import tabs_of
from sync import backfill, dispatch
from sync.models import Route
from tenants.roles import Role

MOST_DAYS = 31  # a page that a person waits for; the command takes any range
MOST_SHOWN = 100
FIELDS = ("by", "since", "until", "numbers")


@needs(Role.ACCOUNTANT)
def page(request: HttpRequest, slug: str) -> HttpResponse:
    """Asks the store which orders there are; fetches only on a second word."""
    route = get_object_or_404(Route.objects.select_related("store", "erp"), slug=slug)
    today = timezone.localdate()
    given = {"by": "days", "since": str(today - timedelta(days=6)), "until": str(today)}
    if request.method != "POST":
        asked = request.GET.get("by", "")
        return _show(request, route, {**given, "by": asked if asked == "numbers" else "days"})
    given |= {name: request.POST[name].strip() for name in FIELDS if name in request.POST}
    if not route.is_active:
        return _show(request, route, given, errors={"by": "The route is paused: resume it first."})
    try:
        plan = _plan(route, given)
    except ValidationError as error:
        errors = {name: " ".join(words) for name, words in error.message_dict.items()}
        return _show(request, route, given, errors=errors)
    except ConnectorError as error:
        if isinstance(error, NeedsAttention) and error.source == str(route.store.pk):
            services.report_problem(route.store, error)
        return _show(request, route, given, errors={"by": f"{error.reason} {error.advice}".strip()})
    if request.POST.get("act") != "fetch":
        return _show(request, route, given, plan=plan)
    count = backfill.carry_out(route, plan)
    if count:
        messages.success(
            request, f"{count} order{'s are' if count != 1 else ' is'} fetched from the store now."
        )
    else:
        messages.info(request, "There was nothing to fetch: every order is known.")
    return redirect("console:transfers")


@needs(Role.ACCOUNTANT)
@require_POST
def count(request: HttpRequest, slug: str) -> HttpResponse:
    """Compare the store's orders with ours now, as the hourly count does, and fetch the missing."""
    route = get_object_or_404(Route, slug=slug)
    if not route.is_active:
        messages.warning(request, "The route is paused: resume it first.")
    else:
        dispatch.wake(dispatch.COMPLETENESS, route.pk)
        messages.success(
            request,
            "The store's orders are being counted; those of the last five minutes are left for "
            "the next count.",
        )
    return redirect("console:overview")


def _plan(route: Route, given: dict[str, str]) -> backfill.Plan:
    """What would be done. Raises ValidationError by field, and ConnectorError."""
    if given["by"] == "numbers":
        numbers = [part for part in re.split(r"[\s,;]+", given.get("numbers", "")) if part]
        return backfill.plan_numbers(route, numbers)
    first, last = _day(given, "since"), _day(given, "until")
    if last < first:
        raise ValidationError({"until": ["The last day must not be before the first."]})
    if (last - first).days >= MOST_DAYS:
        raise ValidationError({"until": [f"At most {MOST_DAYS} days at a time."]})
    zone = timezone.get_current_timezone()
    return backfill.plan_range(
        route,
        datetime.combine(first, time(0), zone),
        datetime.combine(last + timedelta(days=1), time(0), zone),
    )


def _day(given: dict[str, str], name: str) -> date:
    try:
        day = date.fromisoformat(given.get(name, ""))
    except ValueError:
        day = date.min
    if not 2000 <= day.year < 2200:
        raise ValidationError({name: ["Give a day, such as 2026-01-31."]})
    return day


def _show(
    request: HttpRequest,
    route: Route,
    given: dict[str, str],
    *,
    plan: backfill.Plan | None = None,
    errors: dict[str, str] | None = None,
) -> HttpResponse:
    context: dict[str, Any] = {
        "route": route,
        "tab": "backfill",
        "tabs": tabs_of(route, may_act=True),
        "given": given,
        "plan": plan,
        "most_shown": MOST_SHOWN,
        "errors": errors or {},
        "counted": next((one for one in flows.completeness() if one.route.pk == route.pk), None),
    }
    return render(request, "console/backfill.html", context, status=400 if errors else 200)
