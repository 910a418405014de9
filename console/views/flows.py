"""Master data of a route: run a flow, pause it, say when it runs, and what is on one side only."""

from __future__ import annotations

import csv
import io
import tempfile

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from audit import services as audit
from audit.actions import Action
from console import flows
from console.access import needs, whole_number
from console.cells import plain
from sync import schedules
from sync.models import FlowSchedule, Route
from tenants.roles import Role, allows

SCHEDULING = ("pause", "resume")


def _schedule(slug: str, flow: str) -> FlowSchedule:
    """The schedule of a flow that the route's settings switch on. Raises Http404."""
    row = get_object_or_404(
        FlowSchedule.objects.select_related("route__store", "route__erp"),
        route__slug=slug,
        flow=flow,
    )
    if flow not in schedules.wanted(row.route):
        raise Http404
    return row


@needs(Role.ACCOUNTANT)
@require_POST
def act(request: HttpRequest, slug: str, flow: str) -> HttpResponse:
    """Run a flow now, or from the start; administrators also pause it and take the pause off."""
    wanted = request.POST.get("act", "")
    if wanted in SCHEDULING and not allows(getattr(request, "role", None), Role.ADMIN):
        raise PermissionDenied
    row = _schedule(slug, flow)
    name = row.get_flow_display()
    match wanted:
        case "run" | "restart" if row.is_paused:
            messages.warning(request, f"{name}: paused. Take the pause off first.")
        case "restart" if row.lease_until is not None and row.lease_until > timezone.now():
            messages.warning(request, f"{name}: a run is under way. Let it finish first.")
        case "run" | "restart":
            schedules.run_now(row, from_the_start=wanted == "restart")
            messages.success(
                request,
                f"{name}: a run from the start begins now."
                if wanted == "restart"
                else f"{name}: a run begins now.",
            )
        case "pause":
            schedules.set_paused(row, True)
            messages.warning(request, f"{name}: paused. Nothing is written to the store.")
        case "resume":
            schedules.set_paused(row, False)
            messages.success(request, f"{name}: the runs go on.")
        case _:
            messages.error(request, "Choose what to do.")
    return redirect("console:route", slug=slug, tab="flows")


@needs(Role.ADMIN)
@require_POST
def save_schedule(request: HttpRequest, slug: str, flow: str) -> HttpResponse:
    """When a flow runs: every so many minutes, or at times of day in the company's zone."""
    row = _schedule(slug, flow)
    times = request.POST.get("at_times", "").split(",")
    minutes = whole_number(request.POST.get("every_minutes", "").strip())
    if any(text.strip() for text in times):
        minutes = None  # the times of day count
    try:
        schedules.save(row, every_minutes=minutes, at_times=times)
    except ValidationError as error:
        messages.error(request, f"{row.get_flow_display()}: {' '.join(error.messages)}")
    else:
        messages.success(request, f"{row.get_flow_display()}: saved.")
    return redirect("console:route", slug=slug, tab="flows")


@needs(Role.VIEWER)
def one_sided(request: HttpRequest, slug: str) -> HttpResponse:
    """Items and products that the other side lacks, after the last whole reading."""
    route = get_object_or_404(Route.objects.select_related("store", "erp"), slug=slug)
    return render(
        request, "console/one_sided.html", {"route": route, "report": flows.one_sided(route)}
    )


@needs(Role.VIEWER)
def one_sided_csv(request: HttpRequest, slug: str) -> HttpResponse:
    """The same as a file, cells that a spreadsheet would run as a formula defused."""
    route = get_object_or_404(Route.objects.select_related("store", "erp"), slug=slug)
    report = flows.one_sided(route)
    if report is None:
        raise Http404
    # Written to disk first: streamed, the rows would be read after the tenant is left.
    file = tempfile.TemporaryFile("w+b")  # noqa: SIM115  the answer closes it
    text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
    text.write("\ufeff")  # without it Excel takes the file for another encoding
    writer = csv.writer(text)
    writer.writerow(("only_in", "number"))
    for row in flows.one_sided_rows(route, report):
        writer.writerow(plain(value) for value in row)
    text.detach()
    file.seek(0)
    audit.record(
        Action.EXPORTED,
        f"What is on one side only of “{route.name}” was exported as CSV.",
        route_id=route.pk,
    )
    return FileResponse(
        file, as_attachment=True, filename="one-sided.csv", content_type="text/csv; charset=utf-8"
    )
