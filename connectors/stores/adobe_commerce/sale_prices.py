"""Special prices into the store, as sale prices of the ERP.

With content staging (Adobe Commerce, and the Cloud Service) a special price is a scheduled update
of the product: it must begin in the future and have an end, two of them must not overlap, and it is
deleted by its own dates. Without it (Open Source) a product has one a store view, and its dates are
days of the shop. Sources: Adobe, "Manage special prices"; core SpecialPriceStorage; magento2 issues
20347 (an update without an end), 34103 (its beginning is moved by seconds) and 39169 (the last
day); commerce-webapi pull request 106 (updates that overlap).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from connectors.errors import UnexpectedShape
from connectors.kit.reader import Reader
from connectors.records import PriceChange, RowResult
from connectors.stores.adobe_commerce import goods
from connectors.stores.adobe_commerce.amounts import tidy, to_instant
from connectors.stores.adobe_commerce.batches import send
from connectors.stores.adobe_commerce.client import Client
from connectors.stores.adobe_commerce.failures import failed, failures_of

REFUSED = "Adobe Commerce refused the sale price of this product."
OVERLAPS = (
    "The product has another special price, or a scheduled update, in this time: the merchant must "
    "end it first."
)
SHARE = "The special price of a bundle is a percentage in Adobe Commerce, and the merchant's own."
PATH = "products/special-price"
# Staging keeps instants that end in January 2038.
NEVER = datetime(2037, 12, 31, 23, 59, 59, tzinfo=UTC)
# "Later than the current time" of the store's clock, when the whole batch has arrived there.
AHEAD = timedelta(minutes=2)
# The store moves dates by seconds, so that no two updates begin at once.
NEARLY = timedelta(hours=1)
_STAMP = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True, slots=True)
class Period:
    """One special price as the store keeps it."""

    sku: str
    price: Decimal
    store_id: int
    begins_at: datetime | None
    ends_at: datetime | None
    raw: Mapping[str, Any]

    def ends_after(self, now: datetime) -> bool:
        return self.ends_at is None or self.ends_at > now


@dataclass(frozen=True, slots=True)
class _Row:
    change: PriceChange
    ends: tuple[Period, ...]  # of ours, to be deleted
    begins: Mapping[str, Any] | None  # to be written

    @property
    def sku(self) -> str:
        return self.change.product.sku


def unfit(change: PriceChange) -> str:
    """Why a sale price cannot be sent at all, in words; empty if it can."""
    if not change.sale_price:
        return ""
    if change.sale_price < 0:
        return "A sale price cannot be negative."
    # What has a price and no stock of its own is a bundle.
    return "" if change.product.tracks_stock else SHARE


def write(
    client: Client,
    changes: Sequence[PriceChange],
    *,
    store_id: int,
    staging: bool,
    now: datetime,
    has_begun: bool = False,
) -> tuple[RowResult, ...]:
    """One result a change, in their order; each has a ``sale_price``. ``now`` is aware."""

    def post(batch: Sequence[PriceChange]) -> Mapping[int, RowResult]:
        held = _held(client, [change.product.sku for change in batch])
        rows = [
            _row(change, held.get(goods.sku_key(change.product.sku), ()), store_id, staging, now)
            for change in batch
        ]
        results = _delete(client, rows)
        results |= _begin(client, rows, left_out=results)
        return results

    return send(
        client, changes, key=lambda change: change.product.sku, write=post, has_begun=has_begun
    )


def _row(
    change: PriceChange, held: Sequence[Period], store_id: int, staging: bool, now: datetime
) -> _Row:
    price = tidy(change.sale_price or Decimal(0))
    here = [one for one in held if one.store_id == store_id]
    written = change.sale_written
    if written is None and not price:
        written = change.product.sale_price
    ours = [one for one in here if written is not None and one.price == tidy(written)]
    if not price:
        return _Row(change, tuple(one for one in ours if one.ends_after(now)), None)
    ends_at = min(change.sale_ends_at or NEVER, NEVER)
    row = _body(change, price, ends_at, store_id, staging, now)
    if not staging:
        dates = (to_instant(row["price_from"]), to_instant(row["price_to"]))
        shown = any(
            one.price == price
            and one.ends_at == dates[1]
            and one.begins_at is not None
            and one.begins_at <= dates[0]
            for one in here
        )
        return _Row(change, (), None if shown else row)
    running = [one for one in here if one.price == price and _is_running(one, ends_at, now)]
    if running:
        return _Row(change, tuple(one for one in ours if one not in running), None)
    return _Row(change, tuple(one for one in ours if one.ends_after(now)), row)


def _is_running(one: Period, ends_at: datetime, now: datetime) -> bool:
    begun = one.begins_at is None or one.begins_at <= now + NEARLY
    return begun and abs(min(one.ends_at or NEVER, NEVER) - ends_at) <= NEARLY


def _body(
    change: PriceChange,
    price: Decimal,
    ends_at: datetime,
    store_id: int,
    staging: bool,
    now: datetime,
) -> dict[str, Any]:
    """A row of the call. Without staging yesterday has begun in every zone, and the last day lasts
    to its end; both dates are sent, because one that is left out stays what it was."""
    if staging:
        begin, end = now + AHEAD, ends_at.astimezone(UTC)
    else:
        last = ends_at - timedelta(seconds=1)
        begin = datetime.combine(
            now.astimezone(UTC).date() - timedelta(days=1), datetime.min.time()
        )
        end = datetime.combine(last.date(), datetime.min.time())
    return {
        "price": price,
        "store_id": store_id,
        "sku": change.product.sku,
        "price_from": (begin.astimezone(UTC) if begin.tzinfo else begin).strftime(_STAMP),
        "price_to": end.strftime(_STAMP),
    }


def _held(client: Client, skus: Sequence[str]) -> dict[str, tuple[Period, ...]]:
    reply = client.request(
        "POST",
        f"{PATH}-information",
        body={"skus": list(dict.fromkeys(skus))},
        purpose="read the sale prices",
    )
    rows = reply.json()
    if not isinstance(rows, list) or not all(isinstance(one, Mapping) for one in rows):
        raise UnexpectedShape(reply.where, "is not a list of special prices")
    found: dict[str, tuple[Period, ...]] = {}
    for raw in rows:
        row = Reader(raw, "special prices[]")
        period = Period(
            sku=row.text("sku"),
            price=tidy(row.decimal("price")),
            store_id=row.integer("store_id"),
            begins_at=row.convert("price_from", to_instant) if raw.get("price_from") else None,
            ends_at=row.convert("price_to", to_instant) if raw.get("price_to") else None,
            raw=raw,
        )
        key = goods.sku_key(period.sku)
        found[key] = (*found.get(key, ()), period)
    return found


def _delete(client: Client, rows: Sequence[_Row]) -> dict[int, RowResult]:
    """Those that could not be deleted, by place. The rows are sent as they were read."""
    sent = [(place, period) for place, row in enumerate(rows) for period in row.ends]
    if not sent:
        return {}
    names = ("price", "store_id", "sku", "price_from", "price_to")
    body = [
        {name: period.raw[name] for name in names if period.raw.get(name) is not None}
        for _, period in sent
    ]
    found = _call(client, f"{PATH}-delete", body, purpose="end sale prices")
    return {
        sent[at][0]: RowResult(
            key=rows[sent[at][0]].sku, error=REFUSED, vendor_words=result.vendor_words
        )
        for at, result in found.items()
    }


def _begin(
    client: Client, rows: Sequence[_Row], *, left_out: Mapping[int, RowResult]
) -> dict[int, RowResult]:
    """Those that were refused, by place."""
    begun = [
        (place, row.begins)
        for place, row in enumerate(rows)
        if row.begins is not None and place not in left_out
    ]
    if not begun:
        return {}
    found = _call(client, PATH, [body for _, body in begun], purpose="write sale prices")
    return {
        begun[at][0]: RowResult(
            key=rows[begun[at][0]].sku,
            error=OVERLAPS if "already exists in this time" in result.vendor_words else REFUSED,
            vendor_words=result.vendor_words,
        )
        for at, result in found.items()
    }


def _call(
    client: Client, path: str, body: Sequence[Mapping[str, Any]], *, purpose: str
) -> dict[int, RowResult]:
    reply = client.request("POST", path, body={"prices": list(body)}, purpose=purpose)
    return failed([str(row["sku"]) for row in body], failures_of(reply), reason=REFUSED, what=path)
