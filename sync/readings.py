"""When a flow of master data must read everything, and not only what changed in the ERP."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils import timezone

from sync import dispatch
from sync.lookups import PRICE_TAX_RATES, STOCK_BUFFERS
from sync.models import Flow, FlowSchedule, Route

_OF_TABLE = {PRICE_TAX_RATES: (Flow.PRICES,), STOCK_BUFFERS: (Flow.STOCK,)}
_OF_SETTING = {
    "items_by_barcode": (Flow.ITEMS, Flow.PRICES, Flow.STOCK),
    "time_zone": (Flow.PRICES,),  # a price begins and ends with the route's day
}
# The others by how their names begin.
_BY_BEGINNING = {
    "items_": Flow.ITEMS,
    "price": Flow.PRICES,
    "sale_price": Flow.PRICES,
    "stock_": Flow.STOCK,
    "store_location": Flow.STOCK,
    "customers_": Flow.CUSTOMERS,
    "customer_owner_": Flow.CUSTOMERS,
}


def of_table(table: str) -> tuple[Flow, ...]:
    """The flows that read a lookup table."""
    return _OF_TABLE.get(table, ())


def of_settings(names: Iterable[str]) -> tuple[Flow, ...]:
    """The flows that read any of these settings of a route."""
    found: dict[Flow, None] = {}
    for name in names:
        flows = _OF_SETTING.get(name) or tuple(
            flow for beginning, flow in _BY_BEGINNING.items() if name.startswith(beginning)
        )
        found |= dict.fromkeys(flows)
    return tuple(found)


def read_all(route: Route, flows: Iterable[Flow], *, now: bool = False) -> None:
    """Have the next reading of these flows take everything; ``now`` has them run at once, or as
    soon as the reading under way is over, which may have passed what is to be seen."""
    rows = FlowSchedule.objects.filter(route=route, flow__in=list(flows))
    rows.update(full_at=None)
    if now:
        rows.filter(is_paused=False).update(next_at=timezone.now())
        for row in rows.filter(is_paused=False):
            dispatch.wake(dispatch.FLOW, row.pk)
