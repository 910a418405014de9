"""From host name to tenant, and from person to role."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django_tenants.middleware.main import TenantMainMiddleware
from django_tenants.utils import get_public_schema_name

from tenants.acting import acting_as
from tenants.roles import role_of

OPEN_PATHS = ("/hooks/", "/static/", "/healthz", "/readyz", "/sign-in/", "/sign-out/")


class TenantMiddleware(TenantMainMiddleware):  # type: ignore[misc]
    """Picks the tenant by host name; an unknown host, or a closed tenant's, is the public one."""

    @staticmethod
    def hostname_from_request(request: HttpRequest) -> str:
        return request.get_host().split(":")[0].lower()

    def get_tenant(self, domain_model: type, hostname: str) -> object:
        tenant = super().get_tenant(domain_model, hostname)
        if not tenant.is_active:
            raise domain_model.DoesNotExist  # type: ignore[attr-defined]
        return tenant


class ReadableMiddleware:
    """Refuses the one character that PostgreSQL cannot hold, in query strings and cookies."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        query = (part for name, values in request.GET.lists() for part in (name, *values))
        if any("\0" in text for text in (*query, *request.COOKIES.values())):
            raise BadRequest("NUL character")
        return self.get_response(request)


class MembershipMiddleware:
    """Puts the person's role on the request; a person without one gets no further than a page
    that says so. Everything done in the request is audited under the person's name."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.role = None  # type: ignore[attr-defined]
        tenant = getattr(request, "tenant", None)
        is_public = tenant is None or tenant.schema_name == get_public_schema_name()
        if is_public and request.path.startswith("/admin/") and request.user.is_authenticated:
            with acting_as("person", request.user.get_username()):
                return self.get_response(request)
        if is_public or request.path.startswith(OPEN_PATHS):
            return self.get_response(request)
        if not request.user.is_authenticated:
            return self.get_response(request)
        role = role_of(request.user, request.tenant)  # type: ignore[attr-defined,arg-type]
        if role is None:
            return render(request, "no_membership.html", status=403)
        request.role = role  # type: ignore[attr-defined]
        with acting_as("person", request.user.get_username()):
            return self.get_response(request)


class AdminContentPolicy:
    """The operators' admin brings inline styles and scripts of its theme; the console never may."""

    LOOSER = (
        "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        tenant = getattr(request, "tenant", None)
        is_public = tenant is None or tenant.schema_name == get_public_schema_name()
        if is_public and request.path.startswith("/admin/"):
            response["Content-Security-Policy"] = self.LOOSER
        return response
