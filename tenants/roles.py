"""What a person may do in a tenant's console."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    from tenants.models import Tenant, User


class Role(models.TextChoices):
    """In rising order: each role may do what the one before it may."""

    VIEWER = "viewer", "Viewer"
    ACCOUNTANT = "accountant", "Accountant"
    ADMIN = "admin", "Administrator"


_RANK = {Role.VIEWER: 1, Role.ACCOUNTANT: 2, Role.ADMIN: 3}


def allows(role: str | None, needed: Role) -> bool:
    return role is not None and _RANK[Role(role)] >= _RANK[needed]


def role_of(user: User, tenant: Tenant) -> Role | None:
    """The person's role in a tenant, or None."""
    from tenants.models import Membership

    value = (
        Membership.objects.filter(user=user, tenant=tenant).values_list("role", flat=True).first()
    )
    return Role(value) if value else None
