"""Seals: hashing what is new and chaining it, beside the writers and never in their way.

An entry's id is given when it is inserted and becomes visible when its transaction commits, so
ids do not become visible in order. Membership (``SealedEntry``), not a watermark, therefore
decides what is sealed: an entry that commits late is found by the next seal.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, Max, OuterRef

from audit.models import Entry, Seal, SealedEntry

GENESIS = "0" * 64
BATCH = 5_000
# Transactions that write entries are short; none spans this many entries of one tenant.
WINDOW = 50_000
_LOCK = 0x6D6C_5EA1

COLUMNS = (
    "id",
    "at",
    "actor_kind",
    "actor",
    "action",
    "words",
    "data",
    "digests",
    "transfer_id",
    "document_id",
    "connection_id",
    "route_id",
)


def as_record(entry: Entry) -> dict[str, Any]:
    """Every column of an entry as JSON values: what is hashed and what is exported."""
    record = {name: getattr(entry, name) for name in COLUMNS}
    record["at"] = _instant(entry.at)
    return record


def _instant(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds")


def digest_of(record: dict[str, Any]) -> str:
    """SHA-256 over the canonical JSON of an entry's record."""
    text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def chain(previous: str, digests: Iterable[str]) -> str:
    """The next link: SHA-256 over the previous hash and the batch's digests, in order."""
    link = hashlib.sha256(previous.encode())
    for digest in digests:
        link.update(digest.encode())
    return link.hexdigest()


def seal_new() -> Seal | None:
    """Seal what is committed and not sealed yet; None if there is nothing, or another sealer."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_try_advisory_xact_lock(%s, hashtext(current_schema()))", [_LOCK]
            )
            if not cursor.fetchone()[0]:
                return None
        newest = SealedEntry.objects.aggregate(newest=Max("entry_id"))["newest"] or 0
        sealed = SealedEntry.objects.filter(entry_id=OuterRef("pk"))
        entries = list(
            Entry.objects.filter(~Exists(sealed), pk__gt=newest - WINDOW).order_by("pk")[:BATCH]
        )
        if not entries:
            return None
        last = Seal.objects.order_by("-number").first()
        previous = last.chain_hash if last else GENESIS
        digests = [digest_of(as_record(entry)) for entry in entries]
        seal = Seal.objects.create(
            number=(last.number if last else 0) + 1,
            count=len(entries),
            first_entry_id=entries[0].pk,
            last_entry_id=entries[-1].pk,
            previous_hash=previous,
            chain_hash=chain(previous, digests),
        )
        SealedEntry.objects.bulk_create(
            SealedEntry(entry_id=entry.pk, seal=seal, position=position, digest=digest)
            for position, (entry, digest) in enumerate(zip(entries, digests, strict=True))
        )
    return seal
