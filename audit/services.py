"""Writing the trail."""

from __future__ import annotations

from typing import Any

from audit.actions import Action
from audit.context import current_transfer_id
from audit.models import Entry
from tenants.acting import current_actor


def record(
    action: Action,
    words: str,
    *,
    data: dict[str, Any] | None = None,
    digests: dict[str, str] | None = None,
    transfer_id: int | None = None,
    document_id: int | None = None,
    connection_id: int | None = None,
    route_id: int | None = None,
) -> Entry:
    """Append one fact in the caller's transaction. Actor and transfer come from the context."""
    actor = current_actor()
    return Entry.objects.create(
        actor_kind=actor.kind,
        actor=actor.name,
        action=action,
        words=words,
        data=data or {},
        digests=digests or {},
        transfer_id=transfer_id if transfer_id is not None else current_transfer_id(),
        document_id=document_id,
        connection_id=connection_id,
        route_id=route_id,
    )
