"""Signing in and out, and the people of the company with their roles."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import authenticate, login, logout
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from audit import services as audit
from audit.actions import Action
from console.access import needs, refuse_unreadable
from tenants import memberships
from tenants.acting import acting_as
from tenants.models import Membership
from tenants.roles import Role, role_of

MEANINGS = {
    Role.VIEWER: "sees everything, changes nothing",
    Role.ACCOUNTANT: "also releases, replays, skips and maps",
    Role.ADMIN: "also changes connections and people",
}


def sign_in(request: HttpRequest) -> HttpResponse:
    """The form, and the check of e-mail and password. Tries are throttled by django-axes."""
    refuse_unreadable(request)
    wanted = request.POST.get("next") or request.GET.get("next") or "/"
    if not url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()}):
        wanted = "/"
    problem = ""
    if request.method == "POST":
        email = request.POST.get("email", "").strip().lower()[:254]
        user = authenticate(request, username=email, password=request.POST.get("password", ""))
        if user is not None:
            login(request, user)
            if role_of(user, request.tenant) is not None:  # type: ignore[attr-defined,arg-type]
                with acting_as("person", email):
                    audit.record(Action.SIGNED_IN, f"{email} signed in.")
            return redirect(wanted)
        # A try while the person is locked out was not looked at, and is no fact.
        if getattr(request, "axes_failures_since_start", None) is not None:
            _record_refusal(request, email)
        problem = "E-mail address or password is not right."
    status = 401 if problem else 200
    return render(
        request, "console/sign_in.html", {"next": wanted, "problem": problem}, status=status
    )


def _record_refusal(request: HttpRequest, email: str) -> None:
    """Under the name of the member whose address was given; what else was typed is not kept: it
    may be a password in the wrong field, and the trail keeps it for ever."""
    tenant = request.tenant  # type: ignore[attr-defined]
    member = Membership.objects.filter(tenant=tenant, user__email=email).exists()
    with acting_as("person", email if member else ""):
        audit.record(
            Action.SIGN_IN_FAILED,
            "A sign-in was refused."
            if member
            else "A sign-in with the address of nobody here was refused.",
        )


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    user = request.user
    if user.is_authenticated and role_of(user, request.tenant) is not None:  # type: ignore[attr-defined,arg-type]
        with acting_as("person", user.get_username()):
            audit.record(Action.SIGNED_OUT, f"{user.get_username()} signed out.")
    logout(request)
    return redirect("console:sign_in")


@needs(Role.ADMIN)
def people(request: HttpRequest) -> HttpResponse:
    return _page(request, {}, {})


def _page(request: HttpRequest, given: dict[str, str], errors: dict[str, str]) -> HttpResponse:
    return render(
        request,
        "console/people.html",
        {
            "members": Membership.objects.filter(tenant=request.tenant)  # type: ignore[attr-defined]
            .select_related("user")
            .order_by("user__email"),
            "roles": [(role.value, role.label, words) for role, words in MEANINGS.items()],
            "given": {"role": Role.VIEWER.value, **given},
            "errors": errors,
        },
        status=400 if errors else 200,
    )


@needs(Role.ADMIN)
@require_POST
def add(request: HttpRequest) -> HttpResponse:
    given = {name: request.POST.get(name, "").strip() for name in ("email", "name", "role")}
    try:
        added = memberships.add(request.tenant, **given)  # type: ignore[attr-defined]
    except ValidationError as error:
        return _page(request, given, {k: v[0] for k, v in error.message_dict.items()})
    words = _now(added.membership)
    if added.can_sign_in:
        messages.success(request, f"{words}.")
    else:
        messages.warning(
            request,
            f"{words}, and cannot sign in yet: ask the operator of this service to set a first "
            "password.",
        )
    return redirect("console:people")


@needs(Role.ADMIN)
@require_POST
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Another role for a member, or none any more."""
    tenant = request.tenant  # type: ignore[attr-defined]
    try:
        if request.POST.get("act") == "remove":
            gone = memberships.remove(tenant, membership_id=pk)
            words = f"{gone.user.email} was removed"
        else:
            words = _now(
                memberships.change_role(tenant, membership_id=pk, role=request.POST.get("role", ""))
            )
    except Membership.DoesNotExist:
        raise Http404 from None
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, f"{words}.")
    return redirect("console:people")


def _now(membership: Membership) -> str:
    return f"{membership.user.email} is {membership.get_role_display().lower()} now"
