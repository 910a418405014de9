"""BigCommerce as a store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from connectors.contract import Hook, Notice, Page, Ping, Store
from connectors.errors import Rejected, TryLater
from connectors.kit import Kit
from connectors.kit.reader import Reader
from connectors.records import (
    Order,
    Party,
    PriceChange,
    ProductDraft,
    Refund,
    RowResult,
    StockChange,
    StoreProduct,
)
from connectors.stores.bigcommerce import (
    checks,
    orders,
    prices,
    products,
    refunds,
    stock,
    webhooks,
)
from connectors.stores.bigcommerce.catalog import CatalogReader
from connectors.stores.bigcommerce.client import NOT_YET, Client
from connectors.stores.bigcommerce.customers import CustomerDesk
from connectors.stores.bigcommerce.settings import (
    DEAD,
    PAYABLE,
    REFUNDED,
    SETTINGS,
    STATUSES,
    UNPAID,
)


class BigCommerce(Store):
    """BigCommerce through its REST API: V2 orders, V3 for everything else."""

    kind = "bigcommerce"
    title = "BigCommerce"
    settings = SETTINGS
    statuses = STATUSES
    payable_statuses = PAYABLE
    unpaid_statuses = UNPAID
    dead_statuses = DEAD
    refunded_statuses = REFUNDED
    makes_refunds = True
    sale_prices = True
    takes = frozenset({"items", "prices", "stock", "customers"})
    locations = True

    def __init__(self, client: Client, terms_attribute: str = "Payment terms") -> None:
        self.client = client
        self.catalog = CatalogReader(client)
        self.customers = CustomerDesk(client, terms_attribute)

    @classmethod
    def build(cls, values: Mapping[str, str], kit: Kit) -> BigCommerce:
        return cls(Client(values, kit), values.get("terms_attribute") or "Payment terms")

    def ping(self) -> Ping:
        return checks.run(self.client)

    def fetch_order(self, external_id: str) -> Order:
        """Two calls: the order with consignments, lines and fees; then its transactions."""
        try:
            header = self.client.order(external_id)
            transactions = self.client.transactions(external_id)
        except Rejected as error:
            if error.code != "not_found":
                raise
            raise TryLater(
                error.detail,
                reason="The store does not know this order yet.",
                vendor_words=error.vendor_words,
                retry_after=NOT_YET,
                code="not_found",
            ) from error
        return orders.to_order(header, transactions)

    def changed_orders(self, *, since: datetime, after: str = "") -> Iterator[Sequence[Notice]]:
        # Whole seconds, as the store keeps them; the earlier one, so that nothing is left out.
        begin = since.astimezone(UTC).replace(microsecond=0).isoformat()
        for page in self.client.changed_orders(begin):
            yield [_polled(row) for row in page]

    def fetch_refunds(self, order: Order) -> tuple[Refund, ...]:
        """One call: all refunds of the order with their items and payments."""
        return refunds.to_refunds(self.client.refunds(order.external_id), order)

    def changed_refunds(self, *, since: datetime) -> Iterator[Sequence[Notice]]:
        begin = since.astimezone(UTC).replace(microsecond=0).isoformat()
        for page in self.client.refunds_since(begin):
            yield [_polled_refund(row) for row in page]

    def products(self, *, resume: str = "") -> Iterator[Page]:
        return self.catalog.pages(resume)

    def find_products(self, skus: Iterable[str]) -> dict[str, tuple[StoreProduct, ...]]:
        return self.catalog.find(skus)

    def find_products_by_gtin(self, gtins: Iterable[str]) -> dict[str, tuple[StoreProduct, ...]]:
        return self.catalog.find_by_gtin(gtins)

    def write_prices(self, changes: Sequence[PriceChange]) -> tuple[RowResult, ...]:
        return prices.write(self.client, changes)

    def write_stock(self, changes: Sequence[StockChange]) -> tuple[RowResult, ...]:
        return stock.write(self.client, self.catalog, changes)

    def write_products(self, drafts: Sequence[ProductDraft]) -> tuple[RowResult, ...]:
        return products.write(self.client, self.catalog, drafts)

    def changed_parties(self, *, since: datetime | None, resume: str = "") -> Iterator[Page]:
        return self.customers.changed(since, resume)

    def find_party(self, email: str) -> Party | None:
        return self.customers.find(email)

    def fetch_party(self, external_id: str) -> Party | None:
        return self.customers.fetch(external_id)

    def write_parties(self, parties: Sequence[Party]) -> tuple[RowResult, ...]:
        return self.customers.write(parties)

    def ensure_hooks(
        self, *, destination: str, records: Iterable[str], secret_header: tuple[str, str]
    ) -> tuple[Hook, ...]:
        wanted = dict.fromkeys(
            scope for record in records for scope in webhooks.SCOPES.get(record, ())
        )
        ours = {
            str(row["scope"]): row
            for row in self.client.hooks()
            if row.get("destination") == destination
        }
        headers = {secret_header[0]: secret_header[1]}
        found = []
        for scope in wanted:
            body = {
                "scope": scope,
                "destination": destination,
                "is_active": True,
                "headers": headers,
            }
            row = ours.get(scope)
            if row is None:
                row = self.client.create_hook(body)
            elif not row.get("is_active") or not _carries(row, secret_header):
                row = self.client.update_hook(str(row["id"]), body)
            found.append(_hook(row))
        return tuple(found)

    def hook_health(self, *, destination: str) -> tuple[Hook, ...]:
        return tuple(
            _hook(row) for row in self.client.hooks() if row.get("destination") == destination
        )

    def remove_hooks(self, *, destination: str) -> int:
        ours = [row for row in self.client.hooks() if row.get("destination") == destination]
        for row in ours:
            self.client.delete_hook(str(row["id"]))
        return len(ours)

    @classmethod
    def read_delivery(
        cls,
        *,
        values: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
        now: datetime,
        secret_header: tuple[str, str],
    ) -> tuple[Notice, ...]:
        return webhooks.read(
            values=values, headers=headers, body=body, now=now, secret_header=secret_header
        )


def _polled(raw: Mapping[str, Any]) -> Notice:
    """A changed order from a list: its id and instant of change name the notice."""
    row = Reader(raw, "orders[]")
    changed = "date_modified" if row.text("date_modified", "") else "date_created"
    modified = row.convert(changed, orders.to_instant)
    order_id = str(row.integer("id"))
    return Notice(
        record="order",
        external_id=order_id,
        delivery_id=f"poll:{order_id}:{modified.isoformat()}",
        event="found by the regular check",
        occurred_at=modified,
        placed_at=row.convert("date_created", orders.to_instant),
    )


def _polled_refund(raw: Mapping[str, Any]) -> Notice:
    row = Reader(raw, "refunds[]")
    declined = sum(1 for payment in row.items("payments") if payment.flag("is_declined"))
    return Notice(
        record="refund",
        external_id=str(row.integer("order_id")),
        delivery_id=f"poll:refund:{row.integer('id')}:{declined}",
        event="found by the regular check",
        occurred_at=row.convert("created", refunds.to_instant),
    )


def _carries(row: Mapping[str, Any], header: tuple[str, str]) -> bool:
    """Whether the hook brings our header back; the case of a header's name means nothing."""
    given = {str(name).lower(): value for name, value in (row.get("headers") or {}).items()}
    return given == {header[0].lower(): header[1]}


def _hook(raw: Mapping[str, Any]) -> Hook:
    row = Reader(raw, "hook")
    changed = row.integer("updated_at", 0)
    return Hook(
        external_id=str(row.integer("id")),
        scope=row.text("scope"),
        destination=row.text("destination"),
        is_active=row.flag("is_active"),
        changed_at=datetime.fromtimestamp(changed, UTC) if changed else None,
    )
