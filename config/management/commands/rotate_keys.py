"""``manage.py rotate_keys``: encrypt every stored value with the newest key."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import models, transaction
from django_tenants.utils import get_public_schema_name, tenant_context

from tenants.database import database
from tenants.encryption import EncryptedTextField, EncryptionKeyMissing, rotated
from tenants.models import Tenant

BATCH = 500


class Command(BaseCommand):
    help = "Re-encrypt every encrypted column of every tenant with the newest key. Safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        total = 0
        # Closed tenants too: once the old key is retired, what it encrypted is lost.
        for tenant in Tenant.objects.exclude(schema_name=get_public_schema_name()):
            with tenant_context(tenant):
                done = sum(self._rotate(tenant, model) for model in _encrypted_models())
            self.stdout.write(f"{tenant.name}: {done} values")
            total += done
        self.stdout.write(
            f"{total} values were encrypted again; every value has the newest key now."
        )

    def _rotate(self, tenant: Tenant, model: type[models.Model]) -> int:
        """Works on the stored text itself, page by page; returns how many values changed. A run
        that is interrupted goes on where it was, because values with the newest key are left."""
        table = database.ops.quote_name(model._meta.db_table)
        columns = [
            database.ops.quote_name(field.column)
            for field in model._meta.concrete_fields
            if isinstance(field, EncryptedTextField)
        ]
        assignments = ", ".join(f"{column} = %s" for column in columns)
        done, last = 0, 0
        while True:
            with transaction.atomic(), database.cursor() as cursor:
                cursor.execute(
                    f"SELECT id, {', '.join(columns)} FROM {table} WHERE id > %s ORDER BY id"
                    " LIMIT %s FOR UPDATE",
                    [last, BATCH],
                )
                rows = cursor.fetchall()
                if not rows:
                    return done
                for pk, *before in rows:
                    try:
                        after = [None if value is None else rotated(value) for value in before]
                    except EncryptionKeyMissing as error:
                        raise CommandError(
                            f"{tenant.name}: {model._meta.db_table} {pk}: {error}"
                        ) from error
                    if after != before:
                        cursor.execute(
                            f"UPDATE {table} SET {assignments} WHERE id = %s", [*after, pk]
                        )
                        done += sum(old != new for old, new in zip(before, after, strict=True))
                last = rows[-1][0]


def _encrypted_models() -> list[type[models.Model]]:
    return [
        model
        for label in settings.TENANT_APPS
        for model in apps.get_app_config(label).get_models()
        if any(isinstance(field, EncryptedTextField) for field in model._meta.concrete_fields)
    ]
