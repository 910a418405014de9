"""Connections: health, ping, settings, webhooks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.http import require_POST

from connectors import deliveries, hook_care, services
from connectors.errors import ConnectorError, NeedsAttention
from connectors.models import Connection, RelaySite
from connectors.registry import SYSTEMS
from console import flows, relay, setting_groups
from console.access import needs
from sync import dispatch
from sync import hooks as sync_hooks
from tenants import agenda
from tenants.roles import Role

MOST_LETTERS: int = Connection._meta.get_field("name").max_length  # type: ignore[assignment]


@needs(Role.VIEWER)
def connections(request: HttpRequest) -> HttpResponse:
    return render(
        request,
        "console/connections.html",
        {
            "connections": Connection.objects.select_related("relay_site"),
            "systems": [(kind, system.title) for kind, system in SYSTEMS.items()],
            "titles": {kind: system.title for kind, system in SYSTEMS.items()},
        },
    )


@needs(Role.VIEWER)
def connection(request: HttpRequest, slug: str) -> HttpResponse:
    row = get_object_or_404(Connection, slug=slug)
    return _page(request, row, {}, {})


def _page(
    request: HttpRequest, row: Connection, given: dict[str, str], errors: dict[str, str]
) -> HttpResponse:
    system = SYSTEMS[row.kind]
    fields = []
    for setting in system.settings:
        if setting.sign_in and row.sign_in_on_site:
            continue
        choices = [tuple(pair) for pair in row.choices.get(setting.name, [])] or list(
            setting.choices
        )
        fields.append(
            {
                "setting": setting,
                "value": given.get(setting.name, row.values.get(setting.name, setting.default))
                if not setting.is_secret
                else "",
                "is_set": setting.name in row.secrets_set,
                "choices": choices,
                "error": errors.get(setting.name, ""),
            }
        )
    return render(
        request,
        "console/connection.html",
        {
            "connection": row,
            "title": system.title,
            "fields": [field for field in fields if not field["setting"].group],
            "groups": setting_groups.of(fields),
            "tallies": row.tallies.all()[:7],
            "subscriptions": row.subscriptions.all(),
            "delivered": flows.last_delivery(row),
            "now": timezone.now(),
            "next_look": _next_look(row),
            "destination": deliveries.hook_destination(row) if row.role == "store" else "",
            "errors": errors,
            "reach": relay.reach_of(row.kind, row),
        },
        status=400 if errors else 200,
    )


def _next_look(row: Connection) -> datetime | None:
    """When webhooks or change subscriptions are looked after by themselves; None: not planned."""
    kind = dispatch.HOOK_HEALTH if row.role == "store" else dispatch.SUBSCRIBE
    return agenda.due_at(kind, str(row.pk))


@needs(Role.ADMIN)
@require_POST
def save(request: HttpRequest, slug: str) -> HttpResponse:
    row = get_object_or_404(Connection, slug=slug)
    values = {
        setting.name: request.POST.get(setting.name, "").strip()
        for setting in SYSTEMS[row.kind].settings
        if setting.name in request.POST
    }
    try:
        changed = services.save_settings(row, values)
    except ValidationError as error:
        return _page(request, row, values, {k: v[0] for k, v in error.message_dict.items()})
    if changed:
        messages.success(request, "Saved. Ping the connection to prove it.")
    else:
        messages.info(request, "Nothing was changed.")
    return redirect("console:connection", slug=slug)


@needs(Role.ACCOUNTANT)
@require_POST
def ping(request: HttpRequest, slug: str) -> HttpResponse:
    row = get_object_or_404(Connection, slug=slug)
    result = services.ping(row)
    row.refresh_from_db()
    if result.failures:
        messages.error(request, f"{row.name} does not work: {result.failures[0].words}")
    elif not result.is_healthy:
        messages.warning(request, f"{row.name} works, with a warning: {row.state_reason}")
    else:
        messages.success(request, f"{row.name} works.")
    return redirect("console:connection", slug=slug)


@needs(Role.ADMIN)
@require_POST
def pause(request: HttpRequest, slug: str) -> HttpResponse:
    """Pause, or take the pause off."""
    row = get_object_or_404(Connection, slug=slug)
    if row.state == Connection.State.PAUSED:
        services.resume(row)
        messages.success(request, f"{row.name} is in use again.")
    else:
        services.pause(row, request.POST.get("reason", ""))
        messages.warning(request, f"{row.name} is paused: its orders wait.")
    return redirect("console:connection", slug=slug)


@needs(Role.ADMIN)
@require_POST
def hooks(request: HttpRequest, slug: str) -> HttpResponse:
    """Look after a store's webhooks at once, as the hourly check does."""
    row = get_object_or_404(Connection, slug=slug, role="store")
    try:
        lost = sync_hooks.revive(row)
    except ConnectorError as error:
        messages.error(request, f"{error.reason} {error.advice}")
        return redirect("console:connection", slug=slug)
    if lost:
        messages.success(
            request,
            f"{_count(len(lost), 'webhook')} had been switched off or deleted: on again. "
            "What the store did not tell meanwhile is being fetched.",
        )
    else:
        active = row.subscriptions.filter(is_active=True).count()
        messages.success(request, f"Checked: {_count(active, 'webhook')} active.")
    return redirect("console:connection", slug=slug)


@needs(Role.ADMIN)
@require_POST
def subscriptions(request: HttpRequest, slug: str) -> HttpResponse:
    """Look after an ERP's change subscriptions at once, as the hourly check does."""
    row = get_object_or_404(Connection, slug=slug, role="erp")
    try:
        found = sync_hooks.renew(row)
    except ConnectorError as error:
        messages.error(request, f"{error.reason} {error.advice}")
        return redirect("console:connection", slug=slug)
    if found.made_again:
        messages.success(
            request,
            f"Lost, and made again: {', '.join(found.made_again)}. What they did not tell "
            "meanwhile is being read.",
        )
    elif found.prolonged:
        messages.success(request, f"Renewed: {', '.join(found.prolonged)}.")
    elif found.kept:
        messages.success(request, "Checked: all are there, and none ends soon.")
    else:
        messages.info(request, f"{row.name} does not tell of changes: the flows run by schedule.")
    return redirect("console:connection", slug=slug)


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


@needs(Role.VIEWER)
def hooks_there(request: HttpRequest, slug: str) -> HttpResponse:
    """The webhooks as the store itself has them at this moment: a part of the connection's page,
    which does not wait for the store."""
    row = get_object_or_404(Connection, slug=slug, role="store")
    context: dict[str, Any] = {"connection": row}
    if not row.is_open:
        context["problem"] = "The store is not asked while the connection needs attention."
        return render(request, "console/_hooks.html", context)
    try:
        context["hooks"] = sorted(hook_care.hook_health(row), key=lambda hook: hook.scope)
    except NeedsAttention as error:
        if error.source == str(row.pk):
            services.report_problem(row, error)
        context["problem"] = error.reason
    except ConnectorError as error:
        context["problem"] = error.reason
    known = {hook.scope for hook in context.get("hooks", ())}
    context["lost"] = [
        sub.scope for sub in row.subscriptions.all() if known and sub.scope not in known
    ]
    return render(request, "console/_hooks.html", context)


@needs(Role.ADMIN)
def add(request: HttpRequest, kind: str) -> HttpResponse:
    """A new connection to a system of the registry; its form is drawn from its settings."""
    system = SYSTEMS.get(kind)
    if system is None:
        return redirect("console:connections")
    errors: dict[str, str] = {}
    name = request.POST.get("name", "").strip()
    if request.method == "POST":
        wanted = request.POST.get("relay_site", "")
        site = RelaySite.objects.filter(slug=wanted).first() if wanted else None
        on_site = site is not None and request.POST.get("sign_in_place") == "on_site"
        values = {
            s.name: request.POST.get(s.name, "").strip()
            for s in system.settings
            if not (on_site and s.sign_in)
        }
        slug = slugify(name)[:40].strip("-")
        if not slug:
            errors["name"] = "Give the connection a name with letters or digits in it."
        elif len(name) > MOST_LETTERS:
            errors["name"] = f"A name has at most {MOST_LETTERS} characters."
        elif Connection.objects.filter(slug=slug).exists():
            errors["name"] = "There is a connection with this name already."
        elif wanted and site is None:
            errors["relay_site"] = "This site is no longer there. Choose again."
        else:
            try:
                row = services.create_connection(
                    kind=kind,
                    name=name,
                    slug=slug,
                    values=values,
                    relay_site=site,
                    sign_in_on_site=on_site,
                )
            except ValidationError as error:
                errors = {k: v[0] for k, v in error.message_dict.items()}
            else:
                messages.success(request, "Added. Ping it to prove it.")
                return redirect("console:connection", slug=row.slug)
    fields = [
        {
            "setting": setting,
            "value": "" if setting.is_secret else request.POST.get(setting.name, setting.default),
            "choices": setting.choices,
            "error": errors.get(setting.name, ""),
        }
        for setting in system.settings
    ]
    return render(
        request,
        "console/connection_add.html",
        {
            "title": system.title,
            "name": name,
            "name_error": errors.get("name", ""),
            "reach": relay.reach_of(kind, given=request.POST),
            "reach_error": errors.get("relay_site", "") or errors.get("sign_in_on_site", ""),
            "fields": [field for field in fields if not field["setting"].group],
            "groups": setting_groups.of(fields),
        },
        status=400 if errors else 200,
    )
