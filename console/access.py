"""Who may open a page: a signed-in member with the role that it needs."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from tenants.roles import Role, allows

View = Callable[..., HttpResponse]


def needs(role: Role) -> Callable[[View], View]:
    """The view for members with at least ``role``; others are asked to sign in, or refused."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            if not allows(getattr(request, "role", None), role):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def person(request: HttpRequest) -> str:
    """The signed-in person's name in the trail."""
    return str(request.user.get_username())
