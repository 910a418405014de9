"""The audit trail: entries, seals, proof and export."""

from __future__ import annotations

import tempfile

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from audit import services as audit
from audit.actions import Action
from audit.export import lines
from audit.models import Entry, Seal
from audit.verify import verify
from console.access import needs, whole_number
from tenants.roles import Role

PAGE = 100


@needs(Role.VIEWER)
def trail(request: HttpRequest) -> HttpResponse:
    rows = Entry.objects.order_by("-id")
    action, actor = request.GET.get("action", ""), request.GET.get("actor", "").strip()
    if action in Action.values:
        rows = rows.filter(action=action)
    if actor:
        rows = rows.filter(actor__icontains=actor)
    before = request.GET.get("before", "")
    if (last := whole_number(before)) is not None:
        rows = rows.filter(pk__lt=last)
    page = list(rows[: PAGE + 1])
    return render(
        request,
        "console/trail.html",
        {
            "rows": page[:PAGE],
            "next": page[PAGE - 1].pk if len(page) > PAGE else None,
            "actions": Action.choices,
            "action": action,
            "actor": actor,
            "seal": Seal.objects.order_by("-number").first(),
        },
    )


@needs(Role.VIEWER)
@require_POST
def prove(request: HttpRequest) -> HttpResponse:
    report = verify()
    if report.is_whole:
        messages.success(
            request,
            f"The trail is whole: {report.entries} entries, {report.sealed} of them in "
            f"{report.seals} seals.",
        )
    else:
        words = " ".join(finding.words for finding in report.findings[:5])
        messages.error(request, f"The trail is not whole. {words}")
    return redirect("console:trail")


@needs(Role.ACCOUNTANT)
def export(request: HttpRequest) -> HttpResponse:
    audit.record(Action.EXPORTED, "The audit trail was exported.")
    # Written to disk first: streamed, the rows would be read after the tenant is left.
    file = tempfile.TemporaryFile("w+b")  # noqa: SIM115  the answer closes it
    for line in lines():
        file.write(line.encode())
    file.seek(0)
    return FileResponse(
        file, as_attachment=True, filename="audit.jsonl", content_type="application/x-ndjson"
    )
