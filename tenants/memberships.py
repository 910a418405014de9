"""Who may enter a tenant, and as what: adding people, changing their role, removing them."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from tenants.models import Membership, Tenant, User
from tenants.roles import Role

LAST_ADMIN = "Somebody must stay administrator: make another person one first."


@dataclass(frozen=True, slots=True)
class Added:
    """A new membership. ``can_sign_in`` is false until an operator has set a first password."""

    membership: Membership
    can_sign_in: bool


def add(tenant: Tenant, *, email: str, name: str = "", role: str) -> Added:
    """Make a person a member, known by e-mail address in small letters. A person whom nobody knew
    yet is added without a password. Raises ValidationError by field."""
    email, name = email.strip().lower(), " ".join(name.split())
    errors: dict[str, str] = {}
    try:
        validate_email(email)
        if len(email) > 254:
            raise ValidationError("too long")
    except ValidationError:
        errors["email"] = "This is not an e-mail address."
    if len(name) > 120:
        errors["name"] = "At most 120 characters."
    if role not in Role.values:
        errors["role"] = "Choose a role."
    if errors:
        raise ValidationError(errors)
    with transaction.atomic():
        user, _ = User.objects.get_or_create(
            email=email, defaults={"name": name, "password": make_password(None)}
        )
        membership, made = Membership.objects.get_or_create(
            user=user, tenant=tenant, defaults={"role": role}
        )
        if not made:
            raise ValidationError({"email": f"{email} is a member already."})
    return Added(membership, user.has_usable_password() and user.is_active)


def change_role(tenant: Tenant, *, membership_id: int, role: str) -> Membership:
    """Raises ValidationError for the last administrator, and Membership.DoesNotExist for a
    membership of another tenant."""
    if role not in Role.values:
        raise ValidationError({"role": "Choose a role."})
    with transaction.atomic():
        membership = _locked(tenant, membership_id)
        if membership.role == Role.ADMIN and role != Role.ADMIN:
            _another_admin(tenant, membership)
        membership.role = role
        membership.save(update_fields=["role"])
    return membership


def remove(tenant: Tenant, *, membership_id: int) -> Membership:
    """Take a person out of the tenant. Raises ValidationError for the last administrator, and
    Membership.DoesNotExist for a membership of another tenant."""
    with transaction.atomic():
        membership = _locked(tenant, membership_id)
        if membership.role == Role.ADMIN:
            _another_admin(tenant, membership)
        membership.delete()
    return membership


def _locked(tenant: Tenant, membership_id: int) -> Membership:
    """The membership, with the tenant's memberships ours alone until the end of the transaction:
    two administrators who remove each other at the same moment must not both succeed."""
    Tenant.objects.select_for_update().get(pk=tenant.pk)
    return Membership.objects.select_related("user").get(pk=membership_id, tenant=tenant)


def _another_admin(tenant: Tenant, membership: Membership) -> None:
    """Raises ValidationError unless somebody else is administrator and can sign in."""
    others = Membership.objects.filter(tenant=tenant, role=Role.ADMIN, user__is_active=True)
    usable = [
        other
        for other in others.exclude(pk=membership.pk).select_related("user")
        if other.user.has_usable_password()
    ]
    if not usable:
        raise ValidationError({"role": LAST_ADMIN})
