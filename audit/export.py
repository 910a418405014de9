"""The trail as JSON Lines: entries in order, then the seals that cover them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime

from audit.models import Entry, Seal, SealedEntry
from audit.seals import as_record


def lines(*, since: datetime | None = None, transfer_id: int | None = None) -> Iterator[str]:
    """One JSON object a line, ``kind`` entry or seal. Seals are left out of a partial export,
    because a part cannot prove the whole."""
    entries = Entry.objects.order_by("pk")
    if since is not None:
        entries = entries.filter(at__gte=since)
    if transfer_id is not None:
        entries = entries.filter(transfer_id=transfer_id)
    for entry in entries.iterator(2_000):
        yield _line({"kind": "entry", **as_record(entry)})
    if since is not None or transfer_id is not None:
        return
    for seal in Seal.objects.order_by("number"):
        members = SealedEntry.objects.filter(seal=seal).order_by("position")
        yield _line(
            {
                "kind": "seal",
                "number": seal.number,
                "at": seal.at.isoformat(),
                "previous_hash": seal.previous_hash,
                "chain_hash": seal.chain_hash,
                "members": [list(row) for row in members.values_list("entry_id", "digest")],
            }
        )


def _line(row: dict[str, object]) -> str:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n"
