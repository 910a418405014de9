"""What every flow of master data works with: a route's two systems, and what became of rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from audit.actions import Action
from connectors import services
from connectors.contract import Erp, Page, Store
from connectors.records import RowResult, StoreProduct
from sync import route_settings, row_transfers, sent
from sync.models import Flow, Hold, Route, State
from sync.sent import Sent
from sync.transfers import Settlement


@dataclass(slots=True)
class Tally:
    """What became of the rows of one page."""

    seen: int = 0
    written: int = 0
    refused: int = 0
    taken: list[str] = field(default_factory=list)


class Work(Protocol):
    """One flow's way with a page of the ERP's rows."""

    flow: Flow

    def reading(self, marker: str, resume: str) -> Iterator[Page]: ...

    def page(self, rows: Sequence[Any]) -> Tally: ...


@dataclass(slots=True)
class Desk:
    """What every flow of master data works with."""

    route: Route
    settings: dict[str, str]
    store: Store
    erp: Erp

    @classmethod
    def of(cls, route: Route) -> Desk:
        return cls(
            route,
            route_settings.values_of(route),
            services.open_store(route.store),
            services.open_erp(route.erp),
        )

    def products(self, flow: Flow, numbers: Iterable[str]) -> dict[str, StoreProduct]:
        """The product of each number; a SKU that several products share is told and left out."""
        wanted = list(dict.fromkeys(numbers))
        found: dict[str, StoreProduct] = {}
        for number, products in self.store.find_products(wanted).items():
            if len(products) == 1:
                found[number] = products[0]
                continue
            names = "; ".join(product.name for product in products[:5])
            row_transfers.tell(
                self.route,
                flow,
                number,
                Settlement(
                    state=State.HELD,
                    hold=Hold.SKU_SHARED,
                    reason=f"{len(products)} products of the store have the SKU {number}: {names}.",
                    advice="Give each product a SKU of its own in the store. The next run goes on.",
                    action=Action.ROW_REFUSED,
                ),
            )
        return found

    def settle(self, flow: Flow, results: Sequence[RowResult], rows: dict[str, Sent]) -> Tally:
        """Remember what was taken, tell of what was refused; what was not reached comes again
        with the next run, because it is not remembered."""
        tally = Tally()
        taken = []
        for result in results:
            if result.is_taken:
                taken.append(rows[result.key])
                tally.taken.append(result.key)
            elif result.error:
                tally.refused += 1
                row_transfers.tell(
                    self.route,
                    flow,
                    result.key,
                    Settlement(
                        state=State.FAILED,
                        reason=result.error,
                        advice="Correct the item or the product, then let the flow run again.",
                        vendor_words=result.vendor_words,
                        action=Action.ROW_REFUSED,
                    ),
                    record={"value": rows[result.key].value},
                )
        sent.remember(self.route, flow, taken)
        row_transfers.settle_taken(self.route, flow, tally.taken)
        tally.written = len(taken)
        return tally

    def missing(self, flow: Flow, numbers: Iterable[str], digests: dict[str, str]) -> None:
        sent.remember(self.route, flow, [Sent(n, digests[n], is_matched=False) for n in numbers])
