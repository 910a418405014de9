"""What was last written to a store, by key: only differences are written again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Q
from django.utils import timezone

from sync.models import Flow, Route, SentValue

# Items that the store knows by another SKU, or by one in other letters: found by either name.
_NUMBER_OF, _SKU_OF = "sku:", "barcode:"
IS_ALIAS = Q(key__startswith=_NUMBER_OF) | Q(key__startswith=_SKU_OF)


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


def remember_skus(route: Route, skus: Mapping[str, str]) -> None:
    """Keep which SKU the store has for an item (SKU by number) where it is not the number."""
    other = {number: sku for number, sku in skus.items() if sku != number}
    rows = [Sent(f"{_NUMBER_OF}{sku.casefold()}", "", number) for number, sku in other.items()]
    rows += [Sent(f"{_SKU_OF}{number}", "", sku) for number, sku in other.items()]
    if rows:
        remember(route, Flow.ITEMS, rows)


def other_skus(route: Route, numbers: Iterable[str]) -> dict[str, str]:
    """The store's SKU by number, of items whose SKU is not their number."""
    rows = known(route, Flow.ITEMS, [f"{_SKU_OF}{number}" for number in numbers])
    return {key.removeprefix(_SKU_OF): row.value for key, row in rows.items()}


def known_skus(route: Route, skus: Sequence[str]) -> set[str]:
    """Which of these SKUs of the store an item was found for."""
    names = {sku: (sku, f"{_NUMBER_OF}{sku.casefold()}") for sku in skus}
    rows = known(route, Flow.ITEMS, [name for both in names.values() for name in both])
    found = {key for key, row in rows.items() if row.is_matched}
    return {sku for sku, both in names.items() if found.intersection(both)}
