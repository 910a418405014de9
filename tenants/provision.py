"""Making a tenant: rows and schema together, or nothing at all."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection, transaction

from tenants.database import database
from tenants.models import Domain, Tenant, check_time_zone

_SLUG = re.compile(r"^[a-z][a-z0-9-]{1,30}$")
_RESERVED = frozenset({"public", "www", "admin", "api", "hooks", "static"})


def schema_name_of(slug: str) -> str:
    return "t_" + slug.replace("-", "_")


def create_tenant(
    *,
    name: str,
    slug: str,
    host: str,
    time_zone: str,
    progress: Callable[[str], None] = lambda words: None,
) -> Tenant:
    """A new tenant with its own migrated schema. Raises ValidationError; a failure on the way
    leaves neither row nor schema behind."""
    errors: dict[str, str] = {}
    if not _SLUG.match(slug) or slug in _RESERVED:
        errors["slug"] = "Use 2 to 31 small letters, digits and hyphens; some words are reserved."
    elif Tenant.objects.filter(slug=slug).exists():
        errors["slug"] = f"There is a tenant “{slug}” already."
    if not name.strip():
        errors["name"] = "The name is empty."
    if Domain.objects.filter(domain=host.lower()).exists():
        errors["host"] = f"The host name “{host}” belongs to a tenant already."
    try:
        check_time_zone(time_zone)
    except ValidationError as error:
        errors["time_zone"] = error.messages[0]
    if errors:
        raise ValidationError(errors)
    schema = schema_name_of(slug)
    database.set_schema_to_public()
    made_schema = False
    tenant: Tenant | None = None
    try:
        with transaction.atomic():
            tenant = Tenant.objects.create(
                name=name.strip(), slug=slug, schema_name=schema, time_zone=time_zone
            )
            Domain.objects.create(domain=host.lower(), tenant=tenant, is_primary=True)
        progress(f"{name}: making the schema")
        with connection.cursor() as cursor:
            cursor.execute(f'CREATE SCHEMA "{schema}"')
        made_schema = True
        progress(f"{name}: creating its tables")
        call_command(
            "migrate_schemas", schema_name=schema, tenant=True, interactive=False, verbosity=0
        )
    except BaseException:
        database.set_schema_to_public()
        if made_schema:
            with connection.cursor() as cursor:
                cursor.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')
        if tenant is not None and tenant.pk:
            Tenant.objects.filter(pk=tenant.pk).delete()
        raise
    finally:
        database.set_schema_to_public()
    progress(f"{name}: ready at {host}")
    return tenant
