"""Who may open a page: a signed-in member with the role that it needs."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from tenants.roles import Role, allows

View = Callable[..., HttpResponse]


def needs(role: Role) -> Callable[[View], View]:
    """The view for members with at least ``role``; others are asked to sign in, or refused.

    Days and times in it are those of the company's own time zone.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return _ask_to_sign_in(request)
            if not allows(getattr(request, "role", None), role):
                raise PermissionDenied
            refuse_unreadable(request)
            with timezone.override(ZoneInfo(request.tenant.time_zone)):  # type: ignore[attr-defined]
                return view(request, *args, **kwargs)

        return guarded

    return decorate


def _ask_to_sign_in(request: HttpRequest) -> HttpResponse:
    """The sign-in page; for a part of a page that updates itself, in place of the whole page."""
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect_to_login(request.get_full_path())
    shown = urlsplit(request.htmx.current_url or "/")  # type: ignore[attr-defined]
    answer = HttpResponse(status=204)
    answer["HX-Redirect"] = redirect_to_login(
        f"{shown.path or '/'}{f'?{shown.query}' if shown.query else ''}"
    )["Location"]
    return answer


def refuse_unreadable(request: HttpRequest) -> None:
    """Raises BadRequest for a form with the one character that PostgreSQL cannot hold."""
    if any("\0" in value for _, given in request.POST.lists() for value in given):
        raise BadRequest("NUL character")


def person(request: HttpRequest) -> str:
    """The signed-in person's name in the trail."""
    return str(request.user.get_username())


def whole_number(text: str) -> int | None:
    """A row's number as it stands in an address or a form; None if it cannot be one."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None
