"""The trail as JSON Lines: what is exported, entries in order, then the seals that cover them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime

from django.utils import timezone

from audit.models import Entry, Seal, SealedEntry
from audit.seals import as_record, instant, one_snapshot
from tenants.context import current_schema


def lines(*, since: datetime | None = None, transfer_id: int | None = None) -> Iterator[str]:
    """One JSON object a line, of one instant; ``kind`` is trail, entry or seal.

    A part (``since``, ``transfer_id``) brings the seals of its entries, whole as they are: it
    proves that its entries are as they were sealed, not that none is left out.
    """
    entries = Entry.objects.order_by("pk")
    if since is not None:
        entries = entries.filter(at__gte=since)
    if transfer_id is not None:
        entries = entries.filter(transfer_id=transfer_id)
    is_whole = since is None and transfer_id is None
    with one_snapshot():
        yield _line(
            {
                "kind": "trail",
                "schema": current_schema(),
                "at": instant(timezone.now()),
                "is_whole": is_whole,
                "since": instant(since) if since else None,
                "transfer_id": transfer_id,
            }
        )
        for entry in entries.iterator(2_000):
            yield _line({"kind": "entry", **as_record(entry)})
        seals = Seal.objects.order_by("number")
        if not is_whole:
            covered = SealedEntry.objects.filter(entry_id__in=entries.order_by().values("pk"))
            seals = seals.filter(pk__in=covered.values("seal"))
        for seal in seals:
            members = SealedEntry.objects.filter(seal=seal).order_by("position")
            yield _line(
                {
                    "kind": "seal",
                    "number": seal.number,
                    "at": instant(seal.at),
                    "count": seal.count,
                    "first": seal.first_entry_id,
                    "last": seal.last_entry_id,
                    "settled_to": seal.settled_to,
                    "previous_hash": seal.previous_hash,
                    "chain_hash": seal.chain_hash,
                    "members": [list(row) for row in members.values_list("entry_id", "digest")],
                }
            )


def _line(row: dict[str, object]) -> str:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n"
