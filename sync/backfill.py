"""Orders of the past, by days or by numbers, with a dry run that says what it would do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError

from audit import services as audit
from audit.actions import Action
from connectors import services
from sync import completeness, route_settings
from sync.models import Flow, InboxEvent, Route, Transfer

MOST_NUMBERS = 1_000


@dataclass(frozen=True, slots=True)
class Plan:
    """``fresh`` orders have no transfer yet; ``known`` ones have one and are left alone."""

    fresh: tuple[str, ...]
    known: tuple[str, ...]

    @property
    def words(self) -> str:
        return (
            f"{len(self.fresh)} orders would be fetched; {len(self.known)} are known already and "
            "are left alone."
        )


def plan_range(route: Route, since: datetime, until: datetime) -> Plan:
    """Orders that changed in the store in [since, until). Raises ValidationError, ConnectorError."""
    if since >= until:
        raise ValidationError({"until": "The end must be after the beginning."})
    store = services.open_store(route.store)
    keys: list[str] = []
    for page in store.changed_orders(since=since):
        inside = [n for n in page if n.occurred_at is None or n.occurred_at < until]
        keys += [notice.external_id for notice in inside]
        if not inside:
            break
    return _plan(route, keys)


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
    """Fetch what is new. An order from before the route's start is skipped, with that reason.
    Returns how many were taken in."""
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
