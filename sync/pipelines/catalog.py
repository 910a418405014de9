"""Items, prices and stock from the ERP into the store: read page by page, only differences are
written, a refused row never stops the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.db.models import Q, Sum
from django.utils import timezone

from audit.actions import Action
from connectors.contract import Page
from connectors.records import (
    CatalogItem,
    ProductDraft,
    StockChange,
    StockLevel,
    StoreProduct,
)
from sync import catalog_rules, outcomes, row_transfers, schedules, sent, transfers
from sync.catalog_rules import StockRules
from sync.lookups import STOCK_BUFFERS
from sync.models import Document, Flow, Hold, SentValue, SoldLine, State
from sync.pipelines.desk import Desk, Tally, Work, is_new, results_by_number
from sync.pipelines.parties import Parties
from sync.pipelines.prices import Prices, Shown
from sync.sent import Sent
from sync.transfers import Lease, Settlement

ZERO = Decimal(0)


@dataclass(slots=True)
class Items:
    """Items and products brought together; what is on one side only is reported at the end."""

    desk: Desk
    flow: Flow = Flow.ITEMS

    def reading(self, marker: str, resume: str) -> Iterator[Page]:
        return self.desk.erp.items(since=marker, resume=resume)

    def page(self, rows: Sequence[CatalogItem]) -> Tally:
        desk, how = self.desk, self.desk.settings["items_flow"]
        items = {row.number: row for row in rows if not row.is_blocked and row.is_stocked}
        digests = {n: catalog_rules.item_digest(item) for n, item in items.items()}
        blocked = [row.number for row in rows if row.number not in items]
        SentValue.objects.filter(route=desk.route, flow=self.flow, key__in=blocked).delete()
        known = sent.known(desk.route, self.flow, items)
        changed = [n for n, value in digests.items() if is_new(known.get(n), value)]
        if not changed:
            return Tally(seen=len(rows))
        products = desk.products(self.flow, changed)
        if desk.settings["items_by_barcode"] == "yes":
            products |= self._by_barcode([items[n] for n in changed if n not in products])
        sent.remember_skus(desk.route, {n: product.sku for n, product in products.items()})
        drafts = {
            n: _product_draft(items[n], products.get(n))
            for n in changed
            if (n in products and how in ("update", "create") and _differs(items[n], products[n]))
            or (n not in products and how == "create")
        }
        quiet = [
            Sent(n, digests[n], items[n].name) for n in changed if n in products and n not in drafts
        ]
        sent.remember(desk.route, self.flow, quiet)
        row_transfers.settle_taken(desk.route, self.flow, [row.key for row in quiet])
        self._found([row.key for row in quiet])
        desk.missing(
            self.flow, [n for n in changed if n not in products and n not in drafts], digests
        )
        results = desk.store.write_products(list(drafts.values())) if drafts else ()
        # A product that was found by its barcode is known to the store by another SKU.
        skus = {n: draft.sku for n, draft in drafts.items()}
        tally = desk.settle(
            self.flow,
            results_by_number(results, skus),
            {n: Sent(n, digests[n], items[n].name) for n in drafts},
        )
        self._found(tally.taken)
        tally.seen = len(rows)
        return tally

    def _found(self, numbers: Sequence[str]) -> None:
        """Products that the store lacked have got no price and no stock yet: these flows read
        everything once more."""
        others = (Flow.PRICES, Flow.STOCK)
        lacked = SentValue.objects.filter(
            route=self.desk.route, flow__in=others, key__in=numbers, is_matched=False
        )
        if lacked.delete()[0]:
            schedules.read_all(self.desk.route, others)

    def _by_barcode(self, items: Sequence[CatalogItem]) -> dict[str, StoreProduct]:
        codes = {item.gtin: item.number for item in items if item.gtin}
        found = self.desk.store.find_products_by_gtin(codes) if codes else {}
        return {codes[code]: rows[0] for code, rows in found.items() if len(rows) == 1}


@dataclass(slots=True)
class Stock:
    """What can be sold, shown in the store."""

    desk: Desk
    flow: Flow = Flow.STOCK

    def reading(self, marker: str, resume: str) -> Iterator[Page]:
        return self.desk.erp.stock(since=marker, resume=resume)

    def page(self, rows: Sequence[StockLevel]) -> Tally:
        desk, rules = self.desk, stock_rules(self.desk)
        by_number: dict[str, list[StockLevel]] = defaultdict(list)
        for row in rows:
            by_number[row.number].append(row)
        sold = sold_and_not_relieved(desk, by_number)
        classes = desk.item_classes(by_number) if rules.buffers else {}
        wanted = {
            number: catalog_rules.available(
                levels, rules, item_class=classes.get(number, ""), sold=sold.get(number, ZERO)
            )
            for number, levels in by_number.items()
        }
        digests = {n: catalog_rules.digest(f"{q:f}") for n, q in wanted.items()}
        known = sent.known(desk.route, self.flow, wanted)
        changed = [n for n, value in digests.items() if is_new(known.get(n), value)]
        if not changed:
            return Tally(seen=len(rows))
        products = desk.products(self.flow, changed)
        values = {n: Sent(n, digests[n], f"{wanted[n]:f}") for n in changed if n in products}
        location = desk.settings.get("store_location", "")
        changes = [
            StockChange(product=products[n], quantity=wanted[n], location=location)
            for n in values
            if products[n].tracks_stock
        ]
        untracked = [n for n in values if not products[n].tracks_stock]
        for number in untracked:
            self._untracked(number, products[number])
        # Once the store counts it, its stock is written though nothing changed in the ERP.
        left = [*untracked, *(n for n in changed if n not in products)]
        desk.missing(self.flow, left, digests)
        results = desk.store.write_stock(changes) if changes else ()
        tally = desk.settle(
            self.flow, results_by_number(results, {n: products[n].sku for n in values}), values
        )
        tally.seen = len(rows)
        return tally

    def _untracked(self, number: str, product: StoreProduct) -> None:
        row_transfers.tell(
            self.desk.route,
            self.flow,
            number,
            Settlement(
                state=State.SKIPPED,
                reason=f"The store does not count the stock of {number}: it is sold without limit.",
                advice="Switch inventory tracking on for the product in the store if its stock "
                "shall follow the ERP.",
                action=Action.ROW_REFUSED,
            ),
            name=product.name,
        )


WORKS: dict[str, Callable[[Desk], Work]] = {
    Flow.ITEMS: Items,
    Flow.PRICES: Prices,
    Flow.STOCK: Stock,
    Flow.CUSTOMERS: Parties,
}


def carry(lease: Lease) -> None:
    """A row that a person released: its value is written as it was held."""
    transfer = lease.transfer
    desk = Desk.of(transfer.route)
    value = (transfer.record or {}).get("value")
    product = desk.products(Flow(transfer.flow), [transfer.source_key]).get(transfer.source_key)
    if transfer.flow != Flow.PRICES or value is None or product is None:
        schedules.read_all(transfer.route, [Flow(transfer.flow)], now=True)
        raise outcomes.Skipped("Its flow reads everything again and takes it up.")
    shown = Shown.read(value)
    before = sent.known(transfer.route, Flow.PRICES, [transfer.source_key])
    change = shown.change(product, before.get(transfer.source_key), desk.zone)
    (result,) = desk.store.write_prices([change])
    if not result.is_taken:
        raise outcomes.Held(
            Hold.PRICE_DROP,
            result.error or "The store did not take the price just now.",
            "Release it again.",
            vendor_words=result.vendor_words,
        )
    sent.remember(
        transfer.route,
        Flow.PRICES,
        [Sent(transfer.source_key, shown.digest, shown.text)],
    )
    transfers.settle(
        lease,
        Settlement(
            state=State.POSTED,
            reason=f"The price {shown.text} is shown in the store.",
            action=Action.ROW_TAKEN,
        ),
    )


def stock_rules(desk: Desk) -> StockRules:
    locations = desk.settings.get("stock_locations", "")
    return StockRules(
        locations=frozenset(part.strip() for part in locations.split(",") if part.strip()),
        buffers=desk.amounts(STOCK_BUFFERS),
    )


def sold_and_not_relieved(desk: Desk, numbers: Iterable[str]) -> dict[str, Decimal]:
    """What the store has sold and the ERP still counts as there: orders that are not booked yet,
    documents that are not posted, and, where booking does not lower the ERP's stock, the sales of
    the last days. What came back lowers its own order's share only: goods of a sale that the ERP
    has taken off already do not make room for other orders'."""
    in_hand = Q(transfer__state__in=(State.WAITING, State.WORKING, State.HELD, State.FAILED))
    unposted = Q(transfer__documents__status=Document.Status.ACCEPTED)
    still_there = in_hand | unposted
    if not desk.erp.relieves_stock:
        since = timezone.now() - timedelta(days=int(desk.settings["stock_relief_days"]))
        still_there = in_hand | (
            Q(transfer__state__in=(State.POSTED, State.CHANGED)) & Q(sold_at__gte=since)
        )
    ids = (
        SoldLine.objects.filter(still_there, route=desk.route, number__in=list(numbers))
        .values_list("pk", flat=True)
        .distinct()
    )
    rows = (
        SoldLine.objects.filter(pk__in=ids)
        .values_list("number", "transfer__order_key")
        .annotate(Sum("quantity"))
    )
    sold: dict[str, Decimal] = defaultdict(Decimal)
    for number, _, quantity in rows:
        sold[number] += max(quantity, ZERO)
    return sold


def _product_draft(item: CatalogItem, product: StoreProduct | None) -> ProductDraft:
    return ProductDraft(
        sku=product.sku if product else item.number,
        name=item.name,
        description=item.description,
        gtin=item.gtin,
        weight=item.weight or ZERO,
        product=product,
    )


def _differs(item: CatalogItem, product: StoreProduct) -> bool:
    return item.name != product.name or bool(item.gtin and item.gtin != product.gtin)
