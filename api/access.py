"""Who may do what, as in the console: viewers read, accountants act."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from api.authentication import Caller
from tenants.acting import acting_as
from tenants.roles import Role, allows


def caller_of(request: Request) -> Caller:
    caller = request.user
    assert isinstance(caller, Caller)
    return caller


class ByRole(BasePermission):
    """Reading needs a viewer, acting a token with at least the role of an accountant."""

    message = "This is not allowed."

    def has_permission(self, request: Request, view: Any) -> bool:
        caller = request.user
        if not isinstance(caller, Caller):
            return False
        if request.method in SAFE_METHODS:
            return allows(caller.role, Role.VIEWER)
        if caller.kind != "token":
            self.message = "A sign-in to the console only reads here. Act in the console, or with an API token."
            return False
        if not allows(caller.role, Role.ACCOUNTANT):
            self.message = (
                f"This needs a token with the role accountant; this one is "
                f"{caller.role.label.lower()}."
            )
            return False
        return True


def only_admins(request: Request) -> None:
    """Raises PermissionDenied for a token with less than an administrator's role."""
    caller = caller_of(request)
    if not allows(caller.role, Role.ADMIN):
        raise PermissionDenied(
            f"This needs a token with the role administrator; this one is "
            f"{caller.role.label.lower()}."
        )


@contextmanager
def acting(request: Request) -> Iterator[Caller]:
    """What the block does stands in the trail under the token's name."""
    caller = caller_of(request)
    with acting_as(caller.kind, caller.name):
        yield caller
