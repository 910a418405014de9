"""Seals: hashing what is new and chaining it, beside the writers and never in their way.

An entry's id is given when it is inserted and becomes visible when its transaction commits, so
ids do not become visible in order. Membership (``SealedEntry``), not a watermark, therefore
decides what is sealed: an entry that commits late is found by the next seal.

How far back the next seal has to look is known and not guessed. Whoever inserts an entry holds a
lock on the table from before the id is given until the transaction is over. Each seal notes the
holders; once none of them is left, every id that was in sight then is settled.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, Max, OuterRef
from django.utils import timezone

from audit.models import Entry, Seal, SealedEntry

GENESIS = "0" * 64
BATCH = 5_000
# So many seals back is looked for one whose writers are gone; older ones have had their turn.
LOOK_BACK = 50
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
    record["at"] = instant(entry.at)
    return record


def instant(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds")


def digest_of(record: dict[str, Any]) -> str:
    """SHA-256 over the canonical JSON of an entry's record."""
    text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def header(
    *, number: int, at: datetime, count: int, first: int, last: int, settled_to: int | None
) -> str:
    """A seal's own figures, as they go into its hash; empty for seals that did not keep them."""
    if settled_to is None:
        return ""
    figures = [number, instant(at), count, first, last, settled_to]
    return json.dumps(figures, separators=(",", ":"))


def chain(previous: str, head: str, digests: Iterable[str]) -> str:
    """The next link: SHA-256 over the previous hash, the seal's own figures (``header``) and the
    batch's digests, in order."""
    link = hashlib.sha256(previous.encode())
    link.update(head.encode())
    for digest in digests:
        link.update(digest.encode())
    return link.hexdigest()


def seal_new() -> Seal | None:
    """Seal what is committed and not sealed yet; None if there is nothing, or another sealer."""
    with transaction.atomic():
        if not _alone():
            return None
        earlier = list(Seal.objects.order_by("-number")[:LOOK_BACK])
        last = earlier[0] if earlier else None
        settled_before = (last.settled_to if last else None) or 0
        # In this order: what is in sight, then who may still add below it, then what to seal.
        seen_to = Entry.objects.aggregate(newest=Max("pk"))["newest"] or 0
        writers = _writers()
        sealed = SealedEntry.objects.filter(entry_id=OuterRef("pk"))
        entries = list(
            Entry.objects.filter(~Exists(sealed), pk__gt=settled_before).order_by("pk")[:BATCH]
        )
        if not entries:
            return None
        settled_to = max(settled_before, _settled(seen_to, writers, earlier))
        if len(entries) == BATCH:  # there may be more, and the next seal takes them
            settled_to = max(settled_before, min(settled_to, entries[-1].pk))
        seal = Seal(
            number=(last.number if last else 0) + 1,
            at=timezone.now(),
            count=len(entries),
            first_entry_id=entries[0].pk,
            last_entry_id=entries[-1].pk,
            settled_to=settled_to,
            seen_to=seen_to,
            writers=writers,
            previous_hash=last.chain_hash if last else GENESIS,
        )
        digests = [digest_of(as_record(entry)) for entry in entries]
        seal.chain_hash = chain(seal.previous_hash, header_of(seal), digests)
        seal.save(force_insert=True)
        SealedEntry.objects.bulk_create(
            SealedEntry(entry_id=entry.pk, seal=seal, position=position, digest=digest)
            for position, (entry, digest) in enumerate(zip(entries, digests, strict=True))
        )
    return seal


def header_of(seal: Seal) -> str:
    return header(
        number=seal.number,
        at=seal.at,
        count=seal.count,
        first=seal.first_entry_id,
        last=seal.last_entry_id,
        settled_to=seal.settled_to,
    )


def _alone() -> bool:
    """Whether no other process seals this tenant; held to the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, hashtext(current_schema()))", [_LOCK])
        return bool(cursor.fetchone()[0])


def _writers() -> list[str]:
    """Other transactions that may have been given an entry's id and not committed yet."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT virtualtransaction FROM pg_locks WHERE locktype = 'relation' "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
            "AND relation = %s::regclass AND mode = 'RowExclusiveLock' AND granted "
            "AND pid IS DISTINCT FROM pg_backend_pid()",
            [Entry._meta.db_table],
        )
        return sorted(row[0] for row in cursor.fetchall())


def _settled(seen_to: int, writers: list[str], earlier: list[Seal]) -> int:
    """Up to where all ids have come to rest: what was in sight, now or at an earlier seal, when
    nobody wrote who writes still."""
    if not writers:
        return seen_to
    still = set(writers)
    return next((seal.seen_to for seal in earlier if still.isdisjoint(seal.writers)), 0)


@contextmanager
def one_snapshot() -> Iterator[None]:
    """What is read in this block is of one instant, however long the reading takes."""
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield
