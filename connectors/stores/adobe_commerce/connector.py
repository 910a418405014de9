"""Adobe Commerce as a store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from connectors.contract import Hook, HookAnswer, Notice, Page, Ping, Store
from connectors.errors import Rejected, TryLater, UnexpectedShape
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
    StoreInvoice,
    StoreProduct,
)
from connectors.stores.adobe_commerce import (
    checks,
    documents,
    hooks,
    orders,
    payments,
    prices,
    products,
    remainder,
    stock,
    webhooks,
)
from connectors.stores.adobe_commerce.amounts import to_instant, to_text
from connectors.stores.adobe_commerce.bulk import Bulk
from connectors.stores.adobe_commerce.catalog import CatalogReader
from connectors.stores.adobe_commerce.client import Client, Json
from connectors.stores.adobe_commerce.customers import CustomerDesk
from connectors.stores.adobe_commerce.settings import (
    DEAD,
    PAYABLE,
    REFUNDED,
    SETTINGS,
    STATUSES,
    UNPAID,
)
from connectors.stores.adobe_commerce.structure import Structure

# A webhook comes before its order is saved, which takes a checkout's length.
NOT_YET = timedelta(seconds=5)
_LISTED = "entity_id,store_id,updated_at"


class AdobeCommerce(Store):
    """Adobe Commerce or Magento Open Source 2.4, or Commerce as a Cloud Service, through REST."""

    kind = "adobe_commerce"
    title = "Adobe Commerce"
    settings = SETTINGS
    statuses = STATUSES
    payable_statuses = PAYABLE
    unpaid_statuses = UNPAID
    dead_statuses = DEAD
    refunded_statuses = REFUNDED
    makes_invoices = True
    makes_refunds = True
    takes = frozenset({"items", "prices", "stock", "customers"})
    locations = True
    sale_prices = True
    sale_dates = True
    party_fields = frozenset({"name", "email", "phone", "address"})

    def __init__(self, client: Client, values: Mapping[str, str], kit: Kit) -> None:
        self.client = client
        self.structure = Structure(client, values)
        self.catalog = CatalogReader(client, self.structure, values.get("gtin_attribute", ""))
        self.customers = CustomerDesk(client, self.structure)
        self.bulk = Bulk(
            client,
            kit.cache,
            address=values["api_url"],
            is_on=values.get("bulk") == "yes",
            wait=float(values.get("bulk_wait_seconds") or 300),
        )
        self._values = dict(values)
        self._base = values.get("currency") == "base"
        self._with_store = values.get("order_numbers") == "store_and_increment"
        self._inclusive = values.get("prices_include_tax") == "yes"

    @classmethod
    def build(cls, values: Mapping[str, str], kit: Kit) -> AdobeCommerce:
        return cls(Client(values, kit), values, kit)

    def ping(self) -> Ping:
        return checks.run(self.client, self._values)

    def fetch_order(self, external_id: str) -> Order:
        """One call; a second for the invoices of an order that was paid, or for the transactions
        of one that a gateway holds money for. Of an order whose uninvoiced rest was cancelled only
        what was invoiced is left."""
        raw = self._order(external_id)
        entity_id = str(Reader(raw, "order").integer("entity_id"))
        invoices = (
            self._of_order("invoices", entity_id, "read the order's invoices")
            if payments.needs_invoices(raw)
            else ()
        )
        order = orders.to_order(
            raw,
            base=self._base,
            prices_include_tax=self._inclusive,
            with_store=self._with_store,
            invoices=invoices,
            transactions=self.client.find(
                "transactions",
                [("order_id", "eq", entity_id)],
                sort=("transaction_id",),
                purpose="read the order's transactions",
            )
            if payments.needs_transactions(raw)
            else (),
        )
        if remainder.is_canceled_in_part(raw):
            return remainder.of_invoices(order, self._invoices(invoices, order))
        return order

    def fetch_invoices(self, order: Order) -> tuple[StoreInvoice, ...]:
        rows = self._of_order("invoices", self._entity_id(order), "read the order's invoices")
        return self._invoices(rows, order)

    def _invoices(self, rows: Iterable[Json], order: Order) -> tuple[StoreInvoice, ...]:
        return tuple(
            documents.to_invoice(row, order, base=self._base, with_store=self._with_store)
            for row in rows
        )

    def fetch_refunds(self, order: Order) -> tuple[Refund, ...]:
        rows = self._of_order("creditmemos", self._entity_id(order), "read the credit memos")
        return tuple(
            documents.to_refund(row, order, base=self._base, with_store=self._with_store)
            for row in rows
        )

    def changed_orders(self, *, since: datetime, after: str = "") -> Iterator[Sequence[Notice]]:
        pages = self.client.changed(
            "orders",
            to_text(since),
            fields=f"{_LISTED},created_at,increment_id",
            purpose="look for changed orders",
        )
        for page in pages:
            yield [_polled("order", row, _key(row)) for row in page]

    def changed_invoices(self, *, since: datetime) -> Iterator[Sequence[Notice]]:
        return self._changed_documents("invoice", "invoices", since)

    def changed_refunds(self, *, since: datetime) -> Iterator[Sequence[Notice]]:
        return self._changed_documents("refund", "creditmemos", since)

    def products(self, *, resume: str = "") -> Iterator[Page]:
        return self.catalog.pages(resume)

    def find_products(self, skus: Iterable[str]) -> dict[str, tuple[StoreProduct, ...]]:
        return self.catalog.find(skus)

    def find_products_by_gtin(self, gtins: Iterable[str]) -> dict[str, tuple[StoreProduct, ...]]:
        return self.catalog.find_by_gtin(gtins)

    def write_prices(self, changes: Sequence[PriceChange]) -> tuple[RowResult, ...]:
        return prices.write(self.client, self.structure, changes, now=datetime.now(UTC))

    def write_stock(self, changes: Sequence[StockChange]) -> tuple[RowResult, ...]:
        return stock.write(self.client, self.catalog, self.bulk, changes)

    def write_products(self, drafts: Sequence[ProductDraft]) -> tuple[RowResult, ...]:
        return products.write(self.client, self.catalog, self.bulk, drafts)

    def changed_parties(self, *, since: datetime | None, resume: str = "") -> Iterator[Page]:
        return self.customers.changed(since, resume)

    def find_party(self, email: str) -> Party | None:
        return self.customers.find(email)

    def fetch_party(self, external_id: str) -> Party | None:
        return self.customers.fetch(external_id)

    def write_parties(self, parties: Sequence[Party]) -> tuple[RowResult, ...]:
        return self.customers.write(parties)

    @classmethod
    def number_length(cls, values: Mapping[str, str]) -> int:
        return orders.number_length(with_store=values.get("order_numbers") == "store_and_increment")

    @classmethod
    def order_key(cls, text: str) -> str:
        return orders.key_from(text)

    def ensure_hooks(
        self, *, destination: str, records: Iterable[str], secret_header: tuple[str, str]
    ) -> tuple[Hook, ...]:
        return hooks.ensure(
            self.client, destination=destination, records=records, secret_header=secret_header
        )

    def remove_hooks(self, *, destination: str) -> int:
        return hooks.remove(self.client, destination=destination)

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
        return webhooks.read(values=values, headers=headers, body=body, secret_header=secret_header)

    @classmethod
    def handshake(
        cls,
        *,
        values: Mapping[str, str],
        method: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
    ) -> HookAnswer | None:
        return webhooks.handshake(method=method, query=query, headers=headers, body=body)

    @classmethod
    def acknowledgement(cls) -> HookAnswer | None:
        """A Commerce webhook must read an operation; I/O Events take any 2xx."""
        return HookAnswer(body=b'{"op":"success"}', content_type="application/json")

    def _order(self, external_id: str) -> Json:
        """The order of a key. Raises TryLater while the store does not know it, Rejected for one
        of a store view that is not ours."""
        try:
            store_id, increment_id = orders.split_key(external_id)
        except ValueError as error:
            raise UnexpectedShape("order key", str(error)) from error
        if self.client.store_ids and int(store_id) not in self.client.store_ids:
            raise Rejected(
                f"store view {store_id} is not carried",
                reason=f"The order is of store view {store_id}, which this connection does not "
                "carry.",
                advice="Add the store view in the connection's settings if its orders belong into "
                "this ledger.",
                code="store_view",
            )
        rows = self.client.find(
            "orders",
            [("store_id", "eq", store_id), ("increment_id", "eq", increment_id)],
            purpose="read the order",
        )
        rows = [row for row in rows if _key(row) == external_id]
        if not rows:
            raise TryLater(
                f"no order {increment_id} in store view {store_id}",
                reason="The store does not know this order yet.",
                retry_after=NOT_YET,
                code="not_found",
            )
        return rows[-1]

    def _entity_id(self, order: Order) -> str:
        known = order.extra.get("entity_id")
        return known or str(Reader(self._order(order.external_id), "order").integer("entity_id"))

    def _of_order(self, resource: str, entity_id: str, purpose: str) -> list[Json]:
        rows = self.client.find(resource, [("order_id", "eq", entity_id)], purpose=purpose)
        return [row for row in rows if str(row.get("order_id")) == entity_id]

    def _changed_documents(
        self, record: str, resource: str, since: datetime
    ) -> Iterator[Sequence[Notice]]:
        """Invoices and credit memos name their order by its entity id alone."""
        pages = self.client.changed(
            resource,
            to_text(since),
            fields=f"{_LISTED},order_id",
            purpose=f"look for changed {resource}",
        )
        for page in pages:
            ids = sorted({str(Reader(row, record).integer("order_id")) for row in page})
            found = self.client.find(
                "orders",
                [("entity_id", "in", ",".join(ids))],
                fields="entity_id,store_id,increment_id",
                purpose=f"look for the orders of {resource}",
            )
            keys = {str(row["entity_id"]): _key(row) for row in found}
            yield [
                _polled(record, row, keys[str(row["order_id"])])
                for row in page
                if str(row["order_id"]) in keys
            ]


def _key(row: Json) -> str:
    read = Reader(row, "orders[]")
    return orders.key_of(read.integer("store_id"), read.text("increment_id"))


def _polled(record: str, raw: Json, order_key: str) -> Notice:
    """A changed record from a list: its id and instant of change name the notice."""
    row = Reader(raw, f"{record}[]")
    modified = row.convert("updated_at", to_instant)
    return Notice(
        record=record,
        external_id=order_key,
        delivery_id=f"poll:{record}:{row.integer('entity_id')}:{modified.isoformat()}",
        event="found by the regular check",
        occurred_at=modified,
        placed_at=row.convert("created_at", to_instant) if record == "order" else None,
    )
