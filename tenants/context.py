"""Entering a tenant: which schema the database connection of this thread speaks to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django_tenants.utils import get_public_schema_name

from tenants.database import database
from tenants.models import Tenant


def current_schema() -> str:
    return str(database.schema_name)


@contextmanager
def in_tenant(schema: str) -> Iterator[Tenant]:
    """Run a block in a tenant's schema. Raises Tenant.DoesNotExist for an unknown or closed one.

    The schema is never guessed: a tenant that was deleted must not leave work running in the
    public schema.
    """
    with in_public():
        tenant = Tenant.objects.get(schema_name=schema, is_active=True)
    before = database.tenant
    database.set_tenant(tenant)
    try:
        yield tenant
    finally:
        database.set_tenant(before)


@contextmanager
def in_public() -> Iterator[None]:
    """Run a block in the public schema."""
    before = database.tenant
    database.set_schema_to_public()
    try:
        yield
    finally:
        database.set_tenant(before)


def each_tenant() -> Iterator[Tenant]:
    """Enter every active tenant in turn."""
    with in_public():
        schemas = list(
            Tenant.objects.filter(is_active=True)
            .exclude(schema_name=get_public_schema_name())
            .values_list("schema_name", flat=True)
        )
    for schema in schemas:
        with in_tenant(schema) as tenant:
            yield tenant
