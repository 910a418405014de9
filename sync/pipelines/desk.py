"""What every flow of master data works with: a route's two systems, and what became of rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from django.utils import timezone

from audit.actions import Action
from connectors import services
from connectors.contract import Erp, Page, Store
from connectors.errors import NeedsAttention, TryLater
from connectors.records import RowResult, StoreProduct
from sync import route_settings, row_transfers, sent
from sync.lookups import TABLES, normal_key
from sync.models import Flow, Hold, Route, SentValue, State
from sync.sent import Sent
from sync.transfers import Settlement

# What the store lacked is looked for again after this, though nothing changed in the ERP.
LOOK_AGAIN = timedelta(hours=1)


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

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.settings["time_zone"])

    def products(self, flow: Flow, numbers: Iterable[str]) -> dict[str, StoreProduct]:
        """The product of each number; a SKU that several products share is told and left out."""
        wanted = list(dict.fromkeys(numbers))
        found: dict[str, StoreProduct] = {}
        matches = dict(self.store.find_products(wanted))
        if flow is not Flow.ITEMS and self.settings.get("items_by_barcode") == "yes":
            skus = sent.other_skus(self.route, [n for n in wanted if n not in matches])
            others = self.store.find_products(skus.values()) if skus else {}
            matches |= {n: others[sku] for n, sku in skus.items() if sku in others}
        for number, products in matches.items():
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
                    advice="Give each product a SKU of its own in the store, then release this. The "
                    "daily reading of everything takes it up too.",
                    action=Action.ROW_REFUSED,
                ),
            )
        return found

    def item_classes(self, numbers: Iterable[str]) -> dict[str, str]:
        """The ERP's class of each item."""
        return {n: item.item_class for n, item in self.erp.find_items(numbers).items()}

    def amounts(self, table: str) -> dict[str, Decimal]:
        """A lookup table of numbers, by normal key. Raises NeedsAttention for what is none."""
        found = {}
        for key, value in self.route.lookup_rows.filter(table=table).values_list("key", "value"):
            try:
                found[normal_key(key)] = Decimal(value.strip())
            except InvalidOperation as error:
                raise NeedsAttention(
                    f"{table}: {key}",
                    reason=f"“{value}”, in the lookup table “{TABLES[table].title}” for {key}, is "
                    "no number.",
                    advice="Correct the row under Mappings.",
                    code="settings",
                ) from error
        return found

    def settle(self, flow: Flow, results: Sequence[RowResult], rows: dict[str, Sent]) -> Tally:
        """Remember what was taken, tell of what was refused. Raises TryLater if some rows were
        not reached: the page is read again then, and only they are written."""
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
                        advice="Correct the item or the product, then release this. The daily "
                        "reading of everything tries it again too.",
                        vendor_words=result.vendor_words,
                        action=Action.ROW_REFUSED,
                    ),
                    record={"value": rows[result.key].value},
                )
        sent.remember(self.route, flow, taken)
        row_transfers.settle_taken(self.route, flow, tally.taken)
        tally.written = len(taken)
        if any(result.again for result in results):
            raise TryLater(f"{flow.value}: rows of a batch were not reached")
        return tally

    def missing(self, flow: Flow, numbers: Iterable[str], digests: dict[str, str]) -> None:
        sent.remember(self.route, flow, [Sent(n, digests[n], is_matched=False) for n in numbers])


def is_new(known: SentValue | None, digest: str) -> bool:
    """Whether a value is to be looked at: it changed, or the store lacked it last time."""
    if known is None or known.digest != digest:
        return True
    return not known.is_matched and timezone.now() - known.sent_at >= LOOK_AGAIN


def results_by_number(results: Sequence[RowResult], skus: dict[str, str]) -> list[RowResult]:
    """Results come by the store's SKU; ours are known by the ERP's number."""
    numbers = {sku.casefold(): number for number, sku in skus.items()}
    return [replace(row, key=numbers.get(row.key.casefold(), row.key)) for row in results]
