"""What was last written to a store, by key: only differences are written again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.utils import timezone

from sync.models import Flow, Route, SentValue


@dataclass(frozen=True, slots=True)
class Sent:
    """One value that the store took, or (``is_matched`` False) a key that it does not have."""

    key: str
    digest: str
    value: str = ""
    is_matched: bool = True


def known(route: Route, flow: Flow, keys: Iterable[str]) -> dict[str, SentValue]:
    return {
        row.key: row for row in SentValue.objects.filter(route=route, flow=flow, key__in=list(keys))
    }


def remember(route: Route, flow: Flow, rows: Sequence[Sent]) -> None:
    """Keep them all in one statement; the last one of a key counts."""
    now = timezone.now()
    latest = {row.key: row for row in rows}
    SentValue.objects.bulk_create(
        [
            SentValue(
                route=route,
                flow=flow,
                key=row.key[:100],
                digest=row.digest,
                value=row.value[:100],
                is_matched=row.is_matched,
                sent_at=now,
            )
            for row in latest.values()
        ],
        update_conflicts=True,
        unique_fields=["route", "flow", "key"],
        update_fields=["digest", "value", "is_matched", "sent_at"],
        batch_size=1_000,
    )
