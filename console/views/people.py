"""Signing in and out."""

from __future__ import annotations

from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from audit import services as audit
from audit.actions import Action
from tenants.acting import acting_as
from tenants.roles import role_of


def sign_in(request: HttpRequest) -> HttpResponse:
    """The form, and the check of e-mail and password. Tries are throttled by django-axes."""
    wanted = request.POST.get("next") or request.GET.get("next") or "/"
    if not url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()}):
        wanted = "/"
    problem = ""
    if request.method == "POST":
        email = request.POST.get("email", "").strip().lower()
        user = authenticate(request, username=email, password=request.POST.get("password", ""))
        if user is not None:
            login(request, user)
            if role_of(user, request.tenant) is not None:  # type: ignore[attr-defined,arg-type]
                with acting_as("person", email):
                    audit.record(Action.SIGNED_IN, f"{email} signed in.")
            return redirect(wanted)
        with acting_as("person", email[:254]):
            audit.record(Action.SIGN_IN_FAILED, "A sign-in was refused.")
        locked = getattr(request, "axes_locked_out", False)
        problem = (
            "Too many tries. Wait a quarter of an hour, or ask an administrator."
            if locked
            else "E-mail address or password is not right."
        )
    status = 401 if problem else 200
    return render(
        request, "console/sign_in.html", {"next": wanted, "problem": problem}, status=status
    )


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        with acting_as("person", request.user.get_username()):
            audit.record(Action.SIGNED_OUT, f"{request.user.get_username()} signed out.")
    logout(request)
    return redirect("console:sign_in")
