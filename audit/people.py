"""Who was let into a tenant, as what, and who was let go: an entry for each, whoever did it.

Console, declaration and the operators' admin change memberships; none of them can forget to say
so. The entry is written in the tenant's own trail, in the transaction of the change.
"""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_delete, post_save, pre_save
from django.dispatch import receiver
from django_tenants.utils import schema_context

from audit import services
from audit.actions import Action
from tenants.models import Membership
from tenants.roles import Role


@receiver(pre_save, sender=Membership)
def remember_role(sender: type[Membership], instance: Membership, **more: Any) -> None:
    before = Membership.objects.filter(pk=instance.pk).values_list("role", flat=True).first()
    instance._role_before = before  # type: ignore[attr-defined]


@receiver(post_save, sender=Membership)
def record_saved(sender: type[Membership], instance: Membership, **more: Any) -> None:
    before, role = instance._role_before, Role(instance.role)  # type: ignore[attr-defined]
    if before == role:
        return
    email = instance.user.email
    if before is None:
        _record(instance, Action.PERSON_ADDED, f"{email} was added as {role.label.lower()}.", role)
    else:
        _record(
            instance,
            Action.ROLE_CHANGED,
            f"{email} is {role.label.lower()} now, and was {Role(before).label.lower()}.",
            role,
        )


@receiver(post_delete, sender=Membership)
def record_removed(sender: type[Membership], instance: Membership, **more: Any) -> None:
    role = Role(instance.role)
    words = f"{instance.user.email}, who was {role.label.lower()}, was removed."
    _record(instance, Action.PERSON_REMOVED, words, role)


def _record(membership: Membership, action: Action, words: str, role: Role) -> None:
    with schema_context(membership.tenant.schema_name):
        services.record(action, words, data={"email": membership.user.email, "role": role.value})
