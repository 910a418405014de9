"""Items, prices and stock from the ERP into the store: read page by page, only differences are
written, a refused row never stops the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q, Sum
from django.utils import timezone

from audit.actions import Action
from connectors.contract import Page, Store
from connectors.records import (
    CatalogItem,
    ItemPrice,
    PriceChange,
    ProductDraft,
    RowResult,
    StockChange,
    StockLevel,
    StoreProduct,
)
from sync import catalog_rules, outcomes, row_transfers, sent, transfers
from sync.catalog_rules import PriceRules, StockRules
from sync.lookups import STOCK_BUFFERS, normal_key
from sync.models import Document, Flow, Hold, Route, SentValue, SoldLine, State
from sync.pipelines.desk import Desk, Tally, Work
from sync.pipelines.parties import Parties
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
        known = sent.known(desk.route, self.flow, items)
        changed = [n for n, value in digests.items() if _is_new(known.get(n), value)]
        if not changed:
            return Tally(seen=len(rows))
        products = desk.products(self.flow, changed)
        if desk.settings["items_by_barcode"] == "yes":
            products |= self._by_barcode([items[n] for n in changed if n not in products])
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
        desk.missing(
            self.flow, [n for n in changed if n not in products and n not in drafts], digests
        )
        results = desk.store.write_products(list(drafts.values())) if drafts else ()
        # A product that was found by its barcode is known to the store by another SKU.
        skus = {n: draft.sku for n, draft in drafts.items()}
        tally = desk.settle(
            self.flow,
            _by_number(results, skus),
            {n: Sent(n, digests[n], items[n].name) for n in drafts},
        )
        tally.seen = len(rows)
        return tally

    def _by_barcode(self, items: Sequence[CatalogItem]) -> dict[str, StoreProduct]:
        codes = {item.gtin: item.number for item in items if item.gtin}
        found = self.desk.store.find_products_by_gtin(codes) if codes else {}
        return {codes[code]: rows[0] for code, rows in found.items() if len(rows) == 1}


@dataclass(slots=True)
class Prices:
    """The ERP's prices shown in the store; a price that falls too far waits for a person."""

    desk: Desk
    flow: Flow = Flow.PRICES

    def reading(self, marker: str, resume: str) -> Iterator[Page]:
        price_list = self.desk.settings.get("price_list", "")
        return self.desk.erp.prices(since=marker, resume=resume, price_list=price_list)

    def page(self, rows: Sequence[ItemPrice]) -> Tally:
        desk, rules = self.desk, price_rules(self.desk.settings)
        today = timezone.now().astimezone(ZoneInfo(desk.settings["time_zone"])).date()
        by_number: dict[str, list[ItemPrice]] = defaultdict(list)
        for row in rows:
            by_number[row.number].append(row)
        wanted: dict[str, Decimal] = {}
        for number, prices in by_number.items():
            best = catalog_rules.best_price(prices, rules, today)
            if best is not None:
                wanted[number] = catalog_rules.shown_price(best, rules)
        digests = {n: catalog_rules.digest(f"{price:f}") for n, price in wanted.items()}
        known = sent.known(desk.route, self.flow, wanted)
        changed = [n for n, value in digests.items() if _is_new(known.get(n), value)]
        if not changed:
            return Tally(seen=len(rows))
        products = desk.products(self.flow, changed)
        changes, values, quiet = [], {}, []
        for number in (n for n in changed if n in products):
            product, price = products[number], wanted[number]
            values[number] = Sent(number, digests[number], f"{price:f}")
            if product.price == price:
                quiet.append(values[number])
            elif catalog_rules.falls_too_far(product.price, price, rules):
                self._hold(number, product, price)
            else:
                changes.append(PriceChange(product=product, price=price))
        desk.missing(self.flow, [n for n in changed if n not in products], digests)
        sent.remember(desk.route, self.flow, quiet)
        row_transfers.settle_taken(desk.route, self.flow, [row.key for row in quiet])
        results = desk.store.write_prices(changes) if changes else ()
        tally = desk.settle(
            self.flow, _by_number(results, {n: products[n].sku for n in values}), values
        )
        tally.seen = len(rows)
        return tally

    def _hold(self, number: str, product: StoreProduct, price: Decimal) -> None:
        row_transfers.tell(
            self.desk.route,
            self.flow,
            number,
            Settlement(
                state=State.HELD,
                hold=Hold.PRICE_DROP,
                reason=f"The price of {number} would fall from {product.price} to {price}.",
                advice="If that is right, release it; otherwise correct the price in the ERP. The "
                "store still shows the old price.",
                action=Action.HELD,
            ),
            name=product.name,
            record={"value": f"{price:f}", "before": f"{product.price}"},
        )


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
        classes = _classes(desk, by_number) if rules.buffers else {}
        wanted = {
            number: catalog_rules.available(
                levels, rules, item_class=classes.get(number, ""), sold=sold.get(number, ZERO)
            )
            for number, levels in by_number.items()
        }
        digests = {n: catalog_rules.digest(f"{q:f}") for n, q in wanted.items()}
        known = sent.known(desk.route, self.flow, wanted)
        changed = [n for n, value in digests.items() if _is_new(known.get(n), value)]
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
        sent.remember(desk.route, self.flow, [values[n] for n in untracked])
        desk.missing(self.flow, [n for n in changed if n not in products], digests)
        results = desk.store.write_stock(changes) if changes else ()
        tally = desk.settle(
            self.flow, _by_number(results, {n: products[n].sku for n in values}), values
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
        raise outcomes.Skipped("The next run of its flow takes it up.")
    price = Decimal(value)
    (result,) = desk.store.write_prices([PriceChange(product=product, price=price)])
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
        [Sent(transfer.source_key, catalog_rules.digest(f"{price:f}"), f"{price:f}")],
    )
    transfers.settle(
        lease,
        Settlement(
            state=State.POSTED,
            reason=f"The price {price} is shown in the store.",
            action=Action.ROW_TAKEN,
        ),
    )


def one_sided(route: Route, store: Store) -> dict[str, Any]:
    """What is on one side only, after a whole reading of the items."""
    unmatched = SentValue.objects.filter(route=route, flow=Flow.ITEMS, is_matched=False)
    only_store: list[str] = []
    count = 0
    for page in store.products():
        skus = [product.sku for product in page.rows if product.sku]
        here = set(
            SentValue.objects.filter(
                route=route, flow=Flow.ITEMS, key__in=skus, is_matched=True
            ).values_list("key", flat=True)
        )
        alone = [sku for sku in skus if sku not in here]
        count += len(alone)
        only_store += alone[: max(0, MOST_REPORTED - len(only_store))]
    return {
        "erp_only": unmatched.count(),
        "erp_only_numbers": list(
            unmatched.order_by("key").values_list("key", flat=True)[:MOST_REPORTED]
        ),
        "store_only": count,
        "store_only_skus": only_store,
        "matched": SentValue.objects.filter(route=route, flow=Flow.ITEMS, is_matched=True).count(),
    }


MOST_REPORTED = 500


def price_rules(settings: dict[str, str]) -> PriceRules:
    return PriceRules(
        currency=settings.get("price_currency", ""),
        tax=settings["price_tax"],
        tax_rate=Decimal(settings["price_tax_rate"]),
        ending=Decimal(settings["price_ending"]),
        drop_limit=Decimal(settings["price_drop_limit"]),
    )


def stock_rules(desk: Desk) -> StockRules:
    locations = desk.settings.get("stock_locations", "")
    rows = desk.route.lookup_rows.filter(table=STOCK_BUFFERS).values_list("key", "value")
    return StockRules(
        locations=frozenset(part.strip() for part in locations.split(",") if part.strip()),
        buffers={normal_key(key): Decimal(value) for key, value in rows},
    )


def sold_and_not_relieved(desk: Desk, numbers: Iterable[str]) -> dict[str, Decimal]:
    """What the store has sold and the ERP still counts as there: orders that are not booked yet,
    documents that are not posted, and, where booking does not lower the ERP's stock, the sales of
    the last days."""
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
    rows = SoldLine.objects.filter(pk__in=ids).values("number").annotate(total=Sum("quantity"))
    return {row["number"]: max(row["total"], ZERO) for row in rows}


def _classes(desk: Desk, numbers: Iterable[str]) -> dict[str, str]:
    found = desk.erp.find_items(numbers)
    return {number: item.item_class for number, item in found.items()}


def _is_new(known: SentValue | None, digest: str) -> bool:
    return known is None or known.digest != digest


def _by_number(results: Sequence[RowResult], skus: dict[str, str]) -> list[RowResult]:
    """Results come by the store's SKU; ours are known by the ERP's number."""
    numbers = {sku.casefold(): number for number, sku in skus.items()}
    return [
        RowResult(
            key=numbers.get(row.key.casefold(), row.key),
            error=row.error,
            vendor_words=row.vendor_words,
            again=row.again,
            external_id=row.external_id,
        )
        for row in results
    ]


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
