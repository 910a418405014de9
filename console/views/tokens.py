"""API tokens: what the company's own programs sign in with."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from api import tokens as api_tokens
from api.models import ApiToken
from console.access import needs, person
from tenants.roles import Role

MEANINGS = {
    Role.VIEWER: "reads everything, changes nothing",
    Role.ACCOUNTANT: "also releases, replays, skips, corrects, runs flows, fetches past orders and "
    "tests connections",
    Role.ADMIN: "also pauses flows, and invites and revokes relay agents; settings and people are "
    "changed in the console",
}


@needs(Role.ADMIN)
def tokens(request: HttpRequest) -> HttpResponse:
    return _page(request, {}, {})


def _page(
    request: HttpRequest,
    given: dict[str, str],
    errors: dict[str, str],
    made: api_tokens.Made | None = None,
) -> HttpResponse:
    now = timezone.now()
    answer = render(
        request,
        "console/tokens.html",
        {
            "tokens": [
                {"row": row, "is_valid": row.is_valid_at(now)} for row in ApiToken.objects.all()
            ],
            "roles": [(role.value, role.label, words) for role, words in MEANINGS.items()],
            "days": [str(days) for days in api_tokens.DAYS],
            "given": {"role": Role.VIEWER.value, "days": "90", **given},
            "errors": errors,
            "made": made,
            "most_letters": api_tokens.MOST_LETTERS,
        },
        status=400 if errors else 200,
    )
    if made is not None:
        answer["Cache-Control"] = "no-store"  # the browser's history would show it again
    return answer


@needs(Role.ADMIN)
@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """Make a token and show it: the one time that it can be seen."""
    given = {name: request.POST.get(name, "").strip() for name in ("name", "role", "days")}
    try:
        made = api_tokens.create(**given, by=person(request))
    except ValidationError as error:
        return _page(request, given, {k: v[0] for k, v in error.message_dict.items()})
    return _page(request, {}, {}, made)


@needs(Role.ADMIN)
@require_POST
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        row = api_tokens.revoke(pk, by=person(request))
    except ApiToken.DoesNotExist:
        raise Http404 from None
    messages.success(request, f"{row.name} is revoked: its next call is refused.")
    return redirect("console:tokens")
