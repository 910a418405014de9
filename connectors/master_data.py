"""Items, prices, stock and customers: what an ERP gives and what a store takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from connectors.errors import NotOffered
from connectors.notices import DeliveryRefused, HookAnswer, Notice
from connectors.records import (
    Party,
    PriceChange,
    ProductDraft,
    RowResult,
    StockChange,
    StoreProduct,
)

PARTY_FIELDS = frozenset({"name", "email", "phone", "address", "payment_terms"})


class Feed(StrEnum):
    """How a system tells what of its master data changed."""

    NONE = "none"  # it has no such data, or cannot give it
    SINCE = "since"  # it can be asked for what changed since an instant
    SWEEP = "sweep"  # everything must be read, and is compared by digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a long reading. ``resume`` is what the next page is asked with, whatever happens
    to this process in between; empty after the last. ``marker`` is where the next reading begins
    (``since``), once this one is done."""

    rows: tuple[Any, ...]
    resume: str = ""
    marker: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSubscription:
    """A registration for change notices at an ERP, as the ERP reports it."""

    external_id: str
    resource: str
    destination: str
    expires_at: datetime


class Catalog:
    """The part of a store that takes items, prices, stock and customers. A store that cannot do
    one of these says so in ``takes``, and refuses it as NotOffered.

    Writers take any number of rows, send them in batches of the vendor's size, and answer one
    ``RowResult`` a row: a refused row never stops the others, a batch that the vendor refuses
    whole is split. They raise ConnectorError only before anything was sent, or for what concerns
    the connection as a whole; rows that were not reached come back with ``again``. Writing a row
    twice is harmless: all of them set values.
    """

    title: ClassVar[str]
    takes: ClassVar[frozenset[str]] = frozenset()  # items | prices | stock | customers
    locations: ClassVar[bool] = False  # stock is kept by location or source
    sale_prices: ClassVar[bool] = False  # a lower price beside the regular one
    sale_dates: ClassVar[bool] = False  # it begins and ends by itself, so what shows is no proof
    party_fields: ClassVar[frozenset[str]] = PARTY_FIELDS  # what of a customer it has a place for

    def products(self, *, resume: str = "") -> Iterator[Page]:
        """Everything that is sold, a page of ``StoreProduct`` at a time."""
        raise NotOffered(self.title, "lists no products")

    def find_products(self, skus: Iterable[str]) -> dict[str, tuple[StoreProduct, ...]]:
        """Products by SKU, compared without case; a SKU that several products share gives them
        all, one that nothing has is left out. Keys are the SKUs as asked for."""
        raise NotOffered(self.title, "finds no products")

    def find_products_by_gtin(self, gtins: Iterable[str]) -> dict[str, tuple[StoreProduct, ...]]:
        return {}

    def write_prices(self, changes: Sequence[PriceChange]) -> tuple[RowResult, ...]:
        raise NotOffered(self.title, "takes no prices")

    def write_stock(self, changes: Sequence[StockChange]) -> tuple[RowResult, ...]:
        raise NotOffered(self.title, "takes no stock")

    def write_products(self, drafts: Sequence[ProductDraft]) -> tuple[RowResult, ...]:
        """Create products, or bring name and texts of existing ones into agreement."""
        raise NotOffered(self.title, "takes no items")

    def changed_parties(self, *, since: datetime | None, resume: str = "") -> Iterator[Page]:
        """Customers as ``Party`` that changed since; all of them for None."""
        raise NotOffered(self.title, "lists no customers")

    def find_party(self, email: str) -> Party | None:
        raise NotOffered(self.title, "finds no customers")

    def fetch_party(self, external_id: str) -> Party | None:
        """A customer by the store's own id; None for one that is gone."""
        raise NotOffered(self.title, "gives no customers")

    def write_parties(self, parties: Sequence[Party]) -> tuple[RowResult, ...]:
        """Create customers (``external_id`` empty) or bring them into agreement. Address lists are
        complete: what is missing from them is gone afterwards where the vendor works so."""
        raise NotOffered(self.title, "takes no customers")


class MasterData:
    """The part of an ERP that gives items, prices, stock and customers.

    A reading is a sequence of pages. Each page can be the last that this process reads: the next
    goes on with ``resume``. ``since`` is the ``marker`` of the last complete reading; the adapter
    adds the overlap that its system needs.

    The feeds of the class are the most that this kind of system can do; what is beyond them is
    refused as NotOffered. Those of an instance tell what its interface offers; a reading that it
    lacks raises NeedsAttention.
    """

    title: ClassVar[str]
    item_feed: Feed = Feed.NONE
    price_feed: Feed = Feed.NONE
    stock_feed: Feed = Feed.NONE
    customer_feed: Feed = Feed.NONE
    gives_texts: ClassVar[bool] = True  # names and texts that a shopper may read
    relieves_stock: ClassVar[bool] = True  # booking a sale lowers the ERP's own stock
    party_fields: ClassVar[frozenset[str]] = PARTY_FIELDS  # what of a customer it has a place for

    def items(self, *, since: str = "", resume: str = "") -> Iterator[Page]:
        """Pages of ``CatalogItem``."""
        raise NotOffered(self.title, "gives no items")

    def prices(self, *, since: str = "", resume: str = "", price_list: str = "") -> Iterator[Page]:
        """Pages of ``ItemPrice``. ``price_list`` empty means the items' own prices."""
        raise NotOffered(self.title, "gives no prices")

    def stock(self, *, since: str = "", resume: str = "") -> Iterator[Page]:
        """Pages of ``StockLevel``: all locations of an item are in one page."""
        raise NotOffered(self.title, "gives no stock")

    def changed_parties(self, *, since: str = "", resume: str = "") -> Iterator[Page]:
        """Pages of ``Party``."""
        raise NotOffered(self.title, "gives no customers")

    def find_party(self, number: str) -> Party | None:
        raise NotOffered(self.title, "gives no customers")

    def write_party(self, party: Party) -> RowResult:
        """Bring one customer of the ERP into agreement (``external_id`` is the ERP's)."""
        raise NotOffered(self.title, "takes no customers")

    def price_lists(self) -> tuple[tuple[str, str], ...]:
        """(code, title) of the price lists that can be asked for."""
        return ()

    def subscribe(
        self, *, destination: str, client_state: str, known: Sequence[str] = ()
    ) -> tuple[ChangeSubscription, ...]:
        """Make or renew the change subscriptions of this connection; () where there are none.
        ``known`` are ids of those that we made before. Safe to repeat."""
        return ()

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
        """The answer to the question whether an address is ours; None if it is a notice."""
        return None

    @classmethod
    def read_notices(
        cls, *, headers: Mapping[str, str], body: bytes, client_state: str
    ) -> tuple[Notice, ...]:
        """What an ERP's change notification says (record ``item``, ``customer`` or ``*`` for "look
        at everything since"). Raises DeliveryRefused."""
        raise DeliveryRefused("unreadable", "This system sends no change notices.")
