"""The shared table of what is due when, for every tenant.

Rows are written in the transaction of the change that causes them. The tick claims what is due
across all tenants; its cost grows with what is due, not with the number of tenants.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from tenants.database import database

_TABLE = "public.tenants_agendaitem"


@dataclass(frozen=True, slots=True)
class Due:
    """One claimed row, and the schema in which it is to be worked."""

    schema: str
    kind: str
    key: str
    priority: int


def put(kind: str, key: str, due_at: datetime, *, priority: int = 50) -> None:
    """Have ``kind`` worked for ``key`` of the current tenant at ``due_at``; replaces an older date.

    Raises LookupError outside a tenant.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {_TABLE} (tenant_id, kind, key, priority, due_at, dispatches)"
            " SELECT id, %s, %s, %s, %s, 0 FROM public.tenants_tenant WHERE schema_name = %s"
            " ON CONFLICT (tenant_id, kind, key) DO UPDATE SET"
            " due_at = EXCLUDED.due_at, priority = EXCLUDED.priority",
            [kind, key, priority, due_at, database.schema_name],
        )
        if not cursor.rowcount:
            raise LookupError(f"{database.schema_name} is not a tenant's schema")


def put_for_every_tenant(kind: str, key: str, due_at: datetime, *, priority: int = 50) -> int:
    """Have ``kind`` begin for every active tenant that has no such row yet. Returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {_TABLE} (tenant_id, kind, key, priority, due_at, dispatches)"
            " SELECT id, %s, %s, %s, %s, 0 FROM public.tenants_tenant WHERE is_active"
            " ON CONFLICT (tenant_id, kind, key) DO NOTHING",
            [kind, key, priority, due_at],
        )
        return int(cursor.rowcount)


def remove(kind: str, key: str, *, due_at: datetime | None = None) -> None:
    """Nothing is due any more for ``key`` of the current tenant; with ``due_at`` only if the row
    still has this date, so that what was put meanwhile stays."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {_TABLE} a USING public.tenants_tenant t"
            " WHERE a.tenant_id = t.id AND t.schema_name = %s AND a.kind = %s AND a.key = %s"
            " AND a.due_at = COALESCE(%s, a.due_at)",
            [database.schema_name, kind, key, due_at],
        )


def due_at(kind: str, key: str) -> datetime | None:
    """When ``key`` of the current tenant is due; None if it is not."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT a.due_at FROM {_TABLE} a JOIN public.tenants_tenant t ON t.id = a.tenant_id"
            " WHERE t.schema_name = %s AND a.kind = %s AND a.key = %s",
            [database.schema_name, kind, key],
        )
        row = cursor.fetchone()
    return row[0] if row else None


def claim_due(*, limit: int, again_after: timedelta, now: datetime | None = None) -> list[Due]:
    """Take what is due, most urgent and then longest due first, and move it on by ``again_after``.

    A row stays until its work removes or moves it, so that a message lost on the way is followed
    by another. Concurrent ticks never take the same row.
    """
    now = now or timezone.now()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"WITH due AS (SELECT a.id, a.due_at FROM {_TABLE} a"
            " JOIN public.tenants_tenant t ON t.id = a.tenant_id AND t.is_active"
            " WHERE a.due_at <= %s ORDER BY a.priority, a.due_at LIMIT %s"
            " FOR UPDATE OF a SKIP LOCKED)"
            f" UPDATE {_TABLE} a SET due_at = %s, dispatched_at = %s, dispatches = a.dispatches + 1"
            " FROM due, public.tenants_tenant t WHERE a.id = due.id AND t.id = a.tenant_id"
            " RETURNING due.due_at, t.schema_name, a.kind, a.key, a.priority",
            [now, limit, now + again_after, now],
        )
        # PostgreSQL returns updated rows in no order of its own.
        rows = [(due_at, Due(*rest)) for due_at, *rest in cursor.fetchall()]
    rows.sort(key=lambda row: (row[1].priority, row[0]))
    return [due for _, due in rows]


def oldest_due() -> datetime | None:
    """The instant of the row that is overdue for longest, for health checks."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT min(due_at) FROM {_TABLE} WHERE due_at <= %s", [timezone.now()])
        row = cursor.fetchone()
    return row[0] if row else None
