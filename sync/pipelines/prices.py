"""The ERP's prices shown in the store; one that falls too far waits for a person."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.utils import timezone

from audit.actions import Action
from connectors.contract import Page
from connectors.records import ItemPrice, PriceChange, StoreProduct
from sync import catalog_rules, row_transfers, sent
from sync.catalog_rules import PriceRules
from sync.lookups import PRICE_TAX_RATES
from sync.models import Flow, Hold, SentValue, State
from sync.pipelines.desk import Desk, Tally, is_new, results_by_number
from sync.sent import Sent
from sync.transfers import Settlement

ZERO = Decimal(0)
SALE, OWN = "sale", "own"
_SALE_KEY = "sale:"
_BETWEEN, _UNTIL = " / ", " until "


@dataclass(frozen=True, slots=True)
class Offer:
    """A price of the ERP, and its last day where it has one and the store has a place for it."""

    price: Decimal
    last_day: date | None = None

    @property
    def text(self) -> str:
        return f"{self.price:f}{_UNTIL}{self.last_day}" if self.last_day else f"{self.price:f}"

    @classmethod
    def read(cls, text: str) -> Offer:
        price, _, last_day = text.partition(_UNTIL)
        return cls(Decimal(price), date.fromisoformat(last_day) if last_day else None)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a shopper is to see: the price, and the sale price beside it if there is one."""

    price: Decimal
    sale: Offer | None = None

    @property
    def text(self) -> str:
        return f"{self.price:f}{_BETWEEN}{self.sale.text}" if self.sale else f"{self.price:f}"

    @property
    def digest(self) -> str:
        return catalog_rules.digest(*self.text.split(_BETWEEN))

    @classmethod
    def read(cls, text: str) -> Shown:
        price, _, sale = text.partition(_BETWEEN)
        return cls(Decimal(price), Offer.read(sale) if sale else None)

    def change(
        self, product: StoreProduct, before: SentValue | None, zone: ZoneInfo
    ) -> PriceChange:
        """A sale that we wrote and that is over is ended; the merchant's own is left alone."""
        wrote = Shown.read(before.value).sale if before and before.value else None
        last_day = self.sale.last_day if self.sale else None
        return PriceChange(
            product=product,
            price=self.price,
            sale_price=self.sale.price if self.sale else ZERO if wrote else None,
            sale_ends_at=datetime.combine(last_day + timedelta(days=1), time.min, zone)
            if last_day
            else None,
            sale_written=wrote.price if wrote else None,
        )


@dataclass(slots=True)
class Prices:
    """The rows of a page are (list, price). Where the route names a list of sale prices, that list
    is read first and kept, then the regular prices, both of them whole: a sale that is over
    changes no item, it is only not seen again."""

    desk: Desk
    flow: Flow = Flow.PRICES
    begun: datetime = field(default_factory=timezone.now)

    def reading(self, marker: str, resume: str) -> Iterator[Page]:
        desk = self.desk
        own, sale = (desk.settings.get(name, "") for name in ("price_list", "sale_price_list"))
        if not sale or not desk.store.sale_prices:
            for page in desk.erp.prices(since=marker, resume=resume, price_list=own):
                yield replace(page, rows=tuple((OWN, row) for row in page.rows))
            return
        at = json.loads(resume or "{}")
        self.begun = datetime.fromisoformat(at.get("begun", self.begun.isoformat()))
        begun, place = self.begun.isoformat(), at.get("resume", "")
        if at.get("list", SALE) == SALE:
            for page in desk.erp.prices(resume=place, price_list=sale):
                following = SALE if page.resume else OWN
                yield Page(
                    rows=tuple((SALE, row) for row in page.rows),
                    resume=json.dumps({"list": following, "begun": begun, "resume": page.resume}),
                )
            place = ""
        for page in desk.erp.prices(resume=place, price_list=own):
            again = {"list": OWN, "begun": begun, "resume": page.resume}
            yield Page(
                rows=tuple((OWN, row) for row in page.rows),
                resume=json.dumps(again) if page.resume else "",
            )

    def page(self, rows: Sequence[tuple[str, ItemPrice]]) -> Tally:
        tally = Tally()
        if sales := [row for name, row in rows if name == SALE]:
            best = self._best(sales)
            sent.remember(
                self.desk.route,
                self.flow,
                [
                    Sent(f"{_SALE_KEY}{number}", catalog_rules.digest(offer.text), offer.text)
                    for number, offer in best.items()
                ],
            )
        if regular := [row for name, row in rows if name == OWN]:
            tally = self._show({n: offer.price for n, offer in self._best(regular).items()})
        tally.seen = len(rows)
        return tally

    def _best(self, rows: Sequence[ItemPrice]) -> dict[str, Offer]:
        """What each number costs a shopper today."""
        desk = self.desk
        rules = price_rules(desk)
        today = timezone.now().astimezone(desk.zone).date()
        prices: dict[str, list[ItemPrice]] = defaultdict(list)
        for row in rows:
            prices[row.number].append(row)
        classes = desk.item_classes(prices) if rules.tax_rates and rules.tax != "as_is" else {}
        found: dict[str, Offer] = {}
        for number, offers in prices.items():
            several = catalog_rules.currencies(offers, rules, today)
            if len(several) > 1:
                self._no_currency(number, several)
                continue
            best = catalog_rules.best_price(offers, rules, today)
            if best is not None:
                price = catalog_rules.shown_price(best, rules, classes.get(number, ""))
                found[number] = Offer(price, best.valid_to if desk.store.sale_dates else None)
        return found

    def _show(self, prices: Mapping[str, Decimal]) -> Tally:
        desk, rules = self.desk, price_rules(self.desk)
        sales = self._sales(prices)
        wanted = {
            number: Shown(
                price, sale if (sale := sales.get(number)) and sale.price < price else None
            )
            for number, price in prices.items()
        }
        digests = {number: shown.digest for number, shown in wanted.items()}
        known = sent.known(desk.route, self.flow, wanted)
        changed = [n for n, value in digests.items() if is_new(known.get(n), value)]
        if not changed:
            return Tally()
        products = desk.products(self.flow, changed)
        changes, values, quiet = [], {}, []
        for number in (n for n in changed if n in products):
            product, shown = products[number], wanted[number]
            change = shown.change(product, known.get(number), desk.zone)
            values[number] = Sent(number, digests[number], shown.text)
            if _is_shown(change, dated=desk.store.sale_dates):
                quiet.append(values[number])
            elif words := _fall(change, rules):
                self._hold(number, product, shown, words)
            else:
                changes.append(change)
        desk.missing(self.flow, [n for n in changed if n not in products], digests)
        sent.remember(desk.route, self.flow, quiet)
        row_transfers.settle_taken(desk.route, self.flow, [row.key for row in quiet])
        results = desk.store.write_prices(changes) if changes else ()
        return desk.settle(
            self.flow, results_by_number(results, {n: products[n].sku for n in values}), values
        )

    def _sales(self, numbers: Mapping[str, Decimal]) -> dict[str, Offer]:
        """Sale prices that this reading has seen."""
        if not self.desk.settings.get("sale_price_list") or not self.desk.store.sale_prices:
            return {}
        rows = SentValue.objects.filter(
            route=self.desk.route,
            flow=self.flow,
            key__in=[f"{_SALE_KEY}{number}" for number in numbers],
            sent_at__gte=self.begun,
        ).values_list("key", "value")
        return {key.removeprefix(_SALE_KEY): Offer.read(value) for key, value in rows}

    def _hold(self, number: str, product: StoreProduct, shown: Shown, words: str) -> None:
        row_transfers.hold_value(
            self.desk.route,
            self.flow,
            number,
            Settlement(
                state=State.HELD,
                hold=Hold.PRICE_DROP,
                reason=f"The {words}.".replace("price", f"price of {number}", 1),
                advice="If that is right, release it; otherwise correct the price in the ERP. The "
                "store still shows the old price.",
                action=Action.HELD,
            ),
            name=product.name,
            record={"value": shown.text, "before": f"{_now_shown(product)}"},
        )

    def _no_currency(self, number: str, currencies: Sequence[str]) -> None:
        row_transfers.tell(
            self.desk.route,
            self.flow,
            number,
            Settlement(
                state=State.FAILED,
                reason=f"{number} has prices in {', '.join(currencies)}, and the route does not "
                "say which of them the store shows.",
                advice="Name the currency of the store's prices in the route's settings.",
                action=Action.ROW_REFUSED,
            ),
        )


def price_rules(desk: Desk) -> PriceRules:
    settings = desk.settings
    return PriceRules(
        currency=settings.get("price_currency", ""),
        tax=settings["price_tax"],
        tax_rate=Decimal(settings["price_tax_rate"]),
        tax_rates=desk.amounts(PRICE_TAX_RATES),
        ending=Decimal(settings["price_ending"]),
        drop_limit=Decimal(settings["price_drop_limit"]),
    )


def _now_shown(product: StoreProduct) -> Decimal | None:
    return product.inherited_price if product.price is None else product.price


def _is_shown(change: PriceChange, *, dated: bool) -> bool:
    """A sale with dates may show now and still not be the one that is wanted."""
    product = change.product
    if _now_shown(product) != change.price:
        return False
    if change.sale_price is None:
        return True
    return not dated and change.sale_price == (product.sale_price or ZERO)


def _fall(change: PriceChange, rules: PriceRules) -> str:
    """What falls too far, in words; empty if nothing does."""
    before = _now_shown(change.product)
    if catalog_rules.falls_too_far(before, change.price, rules):
        return f"price would fall from {before} to {change.price}"
    before = change.product.sale_price or before
    if change.sale_price and catalog_rules.falls_too_far(before, change.sale_price, rules):
        return f"price would fall from {before} to a sale price of {change.sale_price}"
    return ""
