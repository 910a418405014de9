"""Making a tenant: rows and schema together, or nothing at all."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection, transaction

from tenants import schema_script
from tenants.database import database
from tenants.models import Domain, Tenant, check_host, check_time_zone

_SLUG = re.compile(r"^[a-z][a-z0-9-]{1,30}$")
_RESERVED = frozenset({"public", "www", "admin", "api", "hooks", "static"})


def schema_name_of(slug: str) -> str:
    return "t_" + slug.replace("-", "_")


def _schema_exists(schema: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [schema])
        return cursor.fetchone() is not None


def problems(*, name: str, slug: str, host: str, time_zone: str) -> dict[str, str]:
    """Why there can be no such new tenant: argument -> words; empty if there can."""
    errors: dict[str, str] = {}
    if not _SLUG.match(slug) or slug in _RESERVED:
        errors["slug"] = "Use 2 to 31 small letters, digits and hyphens; some words are reserved."
    elif Tenant.objects.filter(slug=slug).exists():
        errors["slug"] = f"There is a tenant “{slug}” already."
    elif _schema_exists(schema_name_of(slug)):
        errors["slug"] = f"The database has a schema “{schema_name_of(slug)}” already."
    if not name.strip():
        errors["name"] = "The name is empty."
    if Domain.objects.filter(domain=host.lower()).exists():
        errors["host"] = f"The host name “{host}” belongs to a tenant already."
    for argument, check, value in (
        ("host", check_host, host.lower()),
        ("time_zone", check_time_zone, time_zone),
    ):
        try:
            check(value)
        except ValidationError as error:
            errors.setdefault(argument, error.messages[0])
    return errors


def _migrate(schema: str) -> None:
    call_command("migrate_schemas", schema_name=schema, tenant=True, interactive=False, verbosity=0)


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
    if errors := problems(name=name, slug=slug, host=host, time_zone=time_zone):
        raise ValidationError(errors)
    schema = schema_name_of(slug)
    database.set_schema_to_public()
    try:
        # One transaction, tables included: nobody meets a tenant without tables, and a process
        # that is killed here leaves nothing either.
        with transaction.atomic():
            tenant = Tenant.objects.create(
                name=name.strip(), slug=slug, schema_name=schema, time_zone=time_zone
            )
            Domain.objects.create(domain=host.lower(), tenant=tenant, is_primary=True)
            progress(f"{name}: making the schema")
            with connection.cursor() as cursor:
                cursor.execute(f'CREATE SCHEMA "{schema}"')
            progress(f"{name}: creating its tables")
            schema_script.make_tables(schema, lambda: _migrate(schema))
    finally:
        database.set_schema_to_public()
    progress(f"{name}: ready at {host}")
    return tenant
