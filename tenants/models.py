"""The public schema: tenants, their domains and people, hook and agent addresses, the agenda."""

from __future__ import annotations

import re
import secrets
from typing import Any, ClassVar
from zoneinfo import available_timezones

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django_tenants.models import DomainMixin, TenantMixin

from tenants.roles import Role

_HOST = re.compile(
    r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
)


def check_time_zone(value: str) -> None:
    if value not in available_timezones():
        raise ValidationError(f"“{value}” is not an IANA time zone such as Europe/London.")


def check_host(value: str) -> None:
    """A host name alone, in small letters; the public host stays with the operators' admin."""
    if not _HOST.fullmatch(value):
        raise ValidationError(
            f"“{value}” is not a host name such as acme.connector.example, without scheme and port."
        )
    if value == settings.PUBLIC_HOST.lower():
        raise ValidationError(f"“{value}” is the host of the operators' admin.")


class UserManager(BaseUserManager["User"]):
    """People are known by their e-mail address, compared without case."""

    use_in_migrations = True

    def create_user(self, email: str, password: str | None = None, **more: Any) -> User:
        user = self.model(email=self.normalize_email(email).lower(), **more)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **more: Any) -> User:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **more)

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person: a member of tenants by ``Membership``, an operator if ``is_staff``."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField("operator", default=False)
    date_joined = models.DateTimeField(default=timezone.now)

    USERNAME_FIELD = "email"
    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        ordering = ["email"]
        verbose_name = "person"
        verbose_name_plural = "people"

    def __str__(self) -> str:
        return self.name or self.email

    def clean(self) -> None:
        super().clean()
        self.email = self.email.lower()  # signing in compares without case

    def get_full_name(self) -> str:
        return self.name or self.email

    def get_short_name(self) -> str:
        return (self.name or self.email).split()[0]


class Tenant(TenantMixin):  # type: ignore[misc]
    """One customer company of ours, with its own PostgreSQL schema."""

    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=40, unique=True)
    time_zone = models.CharField(
        max_length=60, default="UTC", validators=[check_time_zone], help_text="Of its ledger."
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    auto_create_schema = False  # tenants.provision makes schemas, with progress
    auto_drop_schema = False

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return str(self.name)


class Domain(DomainMixin):  # type: ignore[misc]
    """A host name under which a tenant's console is reached."""

    class Meta:
        ordering = ["domain"]

    def clean(self) -> None:
        super().clean()
        host: str = self.domain.lower()  # type: ignore[has-type]
        self.domain = host
        try:
            check_host(host)
        except ValidationError as error:
            raise ValidationError({"domain": error.messages}) from error


class Membership(models.Model):
    """A person's role in one tenant."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=12, choices=Role, default=Role.VIEWER)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["tenant", "user"]
        constraints = [
            models.UniqueConstraint(fields=["user", "tenant"], name="one_role_per_tenant")
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.tenant}: {self.get_role_display()}"


def new_hook_key() -> str:
    return secrets.token_urlsafe(30)


class HookAddress(models.Model):
    """An unguessable address that systems call; it names tenant and connection.

    Rows outlive their connection, disabled: a system that still calls is answered kindly, so that
    its delivery rules do not turn on our other tenants.
    """

    key = models.CharField(max_length=60, unique=True, default=new_hook_key)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="hook_addresses")
    connection_id = models.BigIntegerField()
    is_enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["tenant", "connection_id"]
        verbose_name_plural = "hook addresses"

    def __str__(self) -> str:
        return f"{self.tenant}, connection {self.connection_id}, …{self.key[-4:]}"


class AgentAddress(models.Model):
    """Which tenant and site a relay agent works for, by the id that its requests are signed with.

    ``is_enrolled``: it has a key and was not revoked.
    """

    key = models.CharField(max_length=20, unique=True)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="agent_addresses")
    agent_id = models.BigIntegerField()
    site_id = models.BigIntegerField()
    is_enrolled = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["tenant", "agent_id"]
        verbose_name_plural = "agent addresses"

    def __str__(self) -> str:
        return f"{self.tenant}, agent {self.agent_id}, …{self.key[-4:]}"


class AgendaItem(models.Model):
    """Something that is due at some time for a tenant. Written with the change that causes it."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="agenda")
    kind = models.CharField(max_length=30)
    key = models.CharField(max_length=80)
    priority = models.SmallIntegerField(default=50)
    due_at = models.DateTimeField(db_index=True)
    dispatches = models.PositiveIntegerField(default=0)
    dispatched_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["due_at"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "kind", "key"], name="one_agenda_row_a_key")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key} of {self.tenant}"
