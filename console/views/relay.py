"""Relay sites and agents: who is there, inviting, revoking, and how a connection is reached."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from connectors.models import Connection, RelayAgent, RelaySite
from connectors.relay import services
from console import relay
from console.access import needs
from tenants.roles import Role

MOST_LETTERS: int = RelaySite._meta.get_field("name").max_length  # type: ignore[assignment]


@needs(Role.VIEWER)
def agents(request: HttpRequest) -> HttpResponse:
    """Every site with its agents; asked again every few seconds, answered when something moved."""
    return _page(request)


def _page(
    request: HttpRequest,
    given: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
) -> HttpResponse:
    lines = relay.site_lines()
    version = relay.version_of(lines)
    if request.htmx:  # type: ignore[attr-defined]
        if request.GET.get("v") == version:
            return HttpResponse(status=204)
        return render(request, "console/_relay.html", {"sites": lines, "version": version})
    return render(
        request,
        "console/relay.html",
        {
            "sites": lines,
            "version": version,
            "given": given or {},
            "errors": errors or {},
            "most_letters": MOST_LETTERS,
        },
        status=400 if errors else 200,
    )


@needs(Role.ADMIN)
@require_POST
def add_site(request: HttpRequest) -> HttpResponse:
    name = request.POST.get("name", "").strip()
    try:
        site = services.create_site(name)
    except ValidationError as error:
        return _page(request, {"site_name": name}, {"site_name": _first(error)})
    messages.success(request, f"The site {site.name} is there. Invite its first agent.")
    return redirect("console:relay")


@needs(Role.ADMIN)
def site(request: HttpRequest, slug: str) -> HttpResponse:
    """A site's name, what uses it, and its end."""
    row = get_object_or_404(RelaySite, slug=slug)
    name, problem = row.name, ""
    if request.method == "POST":
        name = request.POST.get("name", "").strip()
        try:
            services.rename_site(row, name)
        except ValidationError as error:
            problem = _first(error)
            row.refresh_from_db()
        else:
            messages.success(request, f"The site is called {name} now.")
            return redirect("console:relay")
    view = next(view for view in services.site_views() if view.id == row.pk)
    return render(
        request,
        "console/relay_site.html",
        {
            "site": view,
            "name": name,
            "problem": problem,
            "working": [
                agent for agent in view.agents if agent.enrolled_at and not agent.revoked_at
            ],
            "most_letters": MOST_LETTERS,
        },
        status=400 if problem else 200,
    )


@needs(Role.ADMIN)
@require_POST
def delete_site(request: HttpRequest, slug: str) -> HttpResponse:
    row = get_object_or_404(RelaySite, slug=slug)
    try:
        services.delete_site(row)
    except ValidationError as error:
        messages.error(request, _first(error))
        return redirect("console:relay_site", slug=slug)
    messages.success(request, f"The site {row.name} is deleted.")
    return redirect("console:relay")


@needs(Role.ADMIN)
@require_POST
def invite(request: HttpRequest) -> HttpResponse:
    """Make an agent's one-time token and show it: the one time that it can be seen."""
    given = {name: request.POST.get(name, "").strip() for name in ("site", "name")}
    row = RelaySite.objects.filter(slug=given["site"]).first()
    if row is None:
        return _page(request, given, {"site": "Choose the site that the agent is for."})
    try:
        agent, token = services.invite(row, given["name"])
    except ValidationError as error:
        return _page(request, given, {"name": _first(error)})
    return _token(request, agent, token)


@needs(Role.ADMIN)
@require_POST
def act(request: HttpRequest, key: str) -> HttpResponse:
    """What an administrator does with one agent."""
    agent = get_object_or_404(RelayAgent.objects.select_related("site"), key=key)
    try:
        match request.POST.get("act"):
            case "invite":
                return _token(request, agent, services.invite_again(agent))
            case "new_key":
                services.ask_for_new_key(agent)
                messages.success(
                    request, f"{agent.name} is asked for a new key; it makes one within a minute."
                )
            case "revoke":
                services.revoke(agent)
                messages.warning(request, f"{agent.name} is revoked: it is given nothing any more.")
            case "remove":
                services.remove(agent)
                messages.success(request, f"{agent.name} is removed from this list.")
    except ValidationError as error:
        messages.error(request, _first(error))
    return redirect("console:relay")


def _token(request: HttpRequest, agent: RelayAgent, token: str) -> HttpResponse:
    answer = render(
        request,
        "console/relay_token.html",
        {
            "agent": agent,
            "token": token,
            "address": relay.address_for_agents(),
            "hours": int(services.TOKEN_GOOD_FOR.total_seconds() // 3600),
            "linux": relay.ON_LINUX.format(token=token),
            "windows": relay.ON_WINDOWS.format(token=token),
        },
    )
    answer["Cache-Control"] = "no-store"  # the browser's history would show it again
    return answer


@needs(Role.ADMIN)
@require_POST
def reach(request: HttpRequest, slug: str) -> HttpResponse:
    """Reach a connection directly or through a site; keep its account here or there."""
    row = get_object_or_404(Connection, slug=slug)
    wanted = request.POST.get("relay_site", "")
    chosen = RelaySite.objects.filter(slug=wanted).first() if wanted else None
    if wanted and chosen is None:
        messages.error(request, "This site is no longer there. Choose again.")
        return redirect("console:connection", slug=slug)
    on_site = chosen is not None and request.POST.get("sign_in_place") == "on_site"
    try:
        services.reach(row, chosen, sign_in_on_site=on_site)
    except ValidationError as error:
        messages.error(request, _first(error))
    else:
        row.refresh_from_db()
        messages.success(request, f"{_reached(row)} {row.state_advice or 'Ping it to prove it.'}")
    return redirect("console:connection", slug=slug)


def _reached(row: Connection) -> str:
    if row.relay_site is None:
        return f"{row.name} is reached directly."
    words = f"{row.name} is reached through {row.relay_site.name}."
    if row.sign_in_on_site:
        words += " Its user name and password are kept on site, and erased here."
    return words


def _first(error: ValidationError) -> str:
    return str(error.messages[0])
