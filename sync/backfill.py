"""Orders of the past, by days or by numbers, with a dry run that says what it would do."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError

from audit import services as audit
from audit.actions import Action
from connectors import services
from connectors.contract import Notice, Store
from connectors.errors import TryLater
from sync import completeness, route_settings
from sync.models import Flow, InboxEvent, Route, Transfer

MOST_NUMBERS = 1_000
# So long a person's page waits for the store's limit; the command waits longer.
PATIENCE = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Plan:
    """``fresh`` orders have no transfer yet; ``known`` ones have one and are left alone, and so are
    those that were placed before the route begins (``too_old``)."""

    fresh: tuple[str, ...]
    known: tuple[str, ...]
    too_old: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        old = f", {len(self.too_old)} were placed before the route begins" if self.too_old else ""
        return (
            f"{len(self.fresh)} orders would be fetched; {len(self.known)} are known already{old} "
            "and are left alone."
        )


def plan_range(
    route: Route, since: datetime, until: datetime, *, patience: timedelta = PATIENCE
) -> Plan:
    """Orders that were placed or changed in the store in [since, until). Stores list orders by
    their last change, so that of a range of long ago everything since is looked through. Waits up
    to ``patience`` for the store's limit. Raises ValidationError, ConnectorError."""
    if since >= until:
        raise ValidationError({"until": "The end must be after the beginning."})
    wanted: list[Notice] = []
    for page in _changed(services.open_store(route.store), since, patience):
        wanted += [notice for notice in page if _is_in(notice, since, until)]
    old = {n.external_id for n in wanted if n.placed_at and n.placed_at < route.start_at}
    plan = _plan(route, [notice.external_id for notice in wanted])
    return Plan(
        fresh=tuple(key for key in plan.fresh if key not in old),
        known=plan.known,
        too_old=tuple(key for key in plan.fresh if key in old),
    )


def _is_in(notice: Notice, since: datetime, until: datetime) -> bool:
    """One that was changed later counts by the instant at which it was placed."""
    if notice.placed_at is not None and since <= notice.placed_at < until:
        return True
    return notice.occurred_at is None or since <= notice.occurred_at < until


def _changed(store: Store, since: datetime, patience: timedelta) -> Iterator[Sequence[Notice]]:
    """Pages of all orders that changed since; taken up where the store's limit broke it off."""
    end = time.monotonic() + patience.total_seconds()
    while True:
        try:
            for page in store.changed_orders(since=since):
                yield page
                since = max([since, *(n.occurred_at for n in page if n.occurred_at)])
            return
        except TryLater as error:
            wait = error.retry_after.total_seconds() if error.retry_after else None
            if wait is None or time.monotonic() + wait > end:
                raise
            time.sleep(wait)


def plan_numbers(route: Route, numbers: Iterable[str]) -> Plan:
    """Orders by the numbers that people know. Raises ValidationError."""
    store, _ = route_settings.systems_of(route)
    keys, wrong = [], []
    for number in numbers:
        try:
            keys.append(store.order_key(number))
        except ValueError as error:
            wrong.append(f"{number}: {error}")
    if wrong:
        raise ValidationError({"numbers": wrong})
    if not 0 < len(keys) <= MOST_NUMBERS:
        raise ValidationError({"numbers": f"Give 1 to {MOST_NUMBERS} order numbers."})
    return _plan(route, keys)


def carry_out(route: Route, plan: Plan) -> int:
    """Fetch what is new. An order from before the route's start that was asked for by its number is
    skipped, with that reason. Returns how many were taken in."""
    added = completeness.fetch(route, plan.fresh, InboxEvent.Source.BACKFILL)
    if added:
        audit.record(
            Action.BACKFILLED,
            f"{added} orders of “{route.store.name}” were asked for by a backfill.",
            route_id=route.pk,
            data={"orders": list(plan.fresh[:200])},
        )
    return added


def _plan(route: Route, keys: list[str]) -> Plan:
    wanted = list(dict.fromkeys(keys))
    known: set[str] = set()
    for start in range(0, len(wanted), 1_000):
        known |= set(
            Transfer.objects.filter(
                route=route, flow=Flow.ORDERS, source_key__in=wanted[start : start + 1_000]
            ).values_list("source_key", flat=True)
        )
    return Plan(
        fresh=tuple(key for key in wanted if key not in known),
        known=tuple(key for key in wanted if key in known),
    )
