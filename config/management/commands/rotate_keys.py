"""``manage.py rotate_keys``: encrypt every stored value with the newest key."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand
from django.db import models, transaction

from tenants.context import each_tenant
from tenants.database import database
from tenants.encryption import EncryptedTextField, rotated

BATCH = 500


class Command(BaseCommand):
    help = "Re-encrypt every encrypted column of every tenant with the newest key. Safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        total = 0
        for tenant in each_tenant():
            done = sum(self._rotate(model) for model in _encrypted_models())
            self.stdout.write(f"{tenant.name}: {done} values")
            total += done
        self.stdout.write(f"{total} values are encrypted with the newest key.")

    def _rotate(self, model: type[models.Model]) -> int:
        """Works on the stored text itself, page by page, so that no value is read in plain."""
        columns = [
            f.column for f in model._meta.concrete_fields if isinstance(f, EncryptedTextField)
        ]
        table, done, last = model._meta.db_table, 0, 0
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
                for row in rows:
                    values = [None if v is None else rotated(v) for v in row[1:]]
                    assignments = ", ".join(f"{column} = %s" for column in columns)
                    cursor.execute(
                        f"UPDATE {table} SET {assignments} WHERE id = %s", [*values, row[0]]
                    )
                    done += sum(1 for value in values if value is not None)
                last = rows[-1][0]


def _encrypted_models() -> list[type[models.Model]]:
    return [
        model
        for label in ("audit", "connectors", "sync")
        for model in apps.get_app_config(label).get_models()
        if any(isinstance(field, EncryptedTextField) for field in model._meta.concrete_fields)
    ]
