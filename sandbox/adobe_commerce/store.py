"""The merchant's data: catalogue, stock, customers, orders and their documents, sequences."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

from sandbox.adobe_commerce import extras, goods, places
from sandbox.adobe_commerce.listing import Index
from sandbox.adobe_commerce.places import StoreView
from sandbox.adobe_commerce.totals import ZERO
from sandbox.adobe_commerce.wire import stamp
from sandbox.common.clock import Clock
from sandbox.common.journal import Journal
from sandbox.common.people import Person

Record = dict[str, Any]
# What a merchant, or a version, may have different.
SWITCHES: dict[str, str] = {
    # Price on a configurable's child row: "zero" or "full".
    "child_price": "zero",
    # Tax of a dynamic bundle: on its "children" only, or on "both".
    "bundle_tax": "children",
    # Status labels; the states stay.
    "status_new": "pending",
    "status_processing": "processing",
    "status_complete": "complete",
    "status_closed": "closed",
    "status_canceled": "canceled",
    "status_holded": "holded",
    "status_pending_payment": "pending_payment",
    "status_payment_review": "payment_review",
    # A source item with a SKU that no product has: "accept" leaves an orphan, "refuse" answers 400.
    "unknown_stock_sku": "accept",
    # Failure rows of base-prices name their values in a "list" or in an "object".
    "price_parameters": "list",
    # "global" or "website" prices.
    "price_scope": "global",
    # Content staging: Adobe Commerce has it, Open Source has not.
    "staging": "yes",
}
_KINDS = ("order", "invoice", "creditmemo", "transaction", "customer")


class CommerceStore:
    """One instance. ``observers`` hear of every committed save; ``gate`` is asked before an
    order is committed and may refuse it (the synchronous webhooks)."""

    def __init__(self, journal: Journal, clock: Clock, *, seed: int, more_items: int = 0) -> None:
        self.journal, self.clock, self._seed = journal, clock, seed
        self._more_items = more_items
        self.observers: list[Callable[[str, Record], None]] = []
        self.gate: Callable[[str, Record], Awaitable[None]] | None = None
        self.load()

    def load(self) -> None:
        """Take up what the journal kept; a new store has the start catalogue and no orders."""
        self.chance = random.Random()
        self.counters: dict[str, int] = self.journal.load("counter")
        tables = {kind: self._table(kind) for kind in _KINDS}
        self.orders, self.invoices = tables["order"], tables["invoice"]
        self.creditmemos, self.transactions = tables["creditmemo"], tables["transaction"]
        self.customers = tables["customer"]
        self.by_number = {(o["store_id"], o["increment_id"]): key for key, o in self.orders.items()}
        self.by_email = {
            (c["website_id"], c["email"].lower()): key for key, c in self.customers.items()
        }
        self.switches = {**SWITCHES, **self.journal.load("switches").get("now", {})}
        self._load_catalogue()

    def _table(self, kind: str) -> dict[int, Record]:
        return {int(key): record for key, record in self.journal.load(kind).items()}

    def _load_catalogue(self) -> None:
        created = "2026-01-05 09:00:00"
        self.products = goods.start_products(created, self._more_items) | self.journal.load(
            "product"
        )
        for sku, state in self.journal.load("product_gone").items():
            if state:
                self.products.pop(sku, None)
        self.index = Index(self.products)
        self.counters.setdefault("product", max(self.index.ids, default=goods.FIRST_ID - 1))
        self.source_items: dict[tuple[str, str], Record] = {
            (sku, "default"): {
                "sku": sku,
                "source_code": "default",
                "quantity": goods.START_QUANTITY,
                "status": 1,
            }
            for sku, row in self.products.items()
            if row["type_id"] in ("simple", "virtual")
        }
        for row in self.journal.load("source_item").values():
            self.source_items[row["sku"], row["source_code"]] = row
        # Prices of a website, where the price scope is the website.
        self.website_prices: dict[str, Decimal] = {
            key: Decimal(value) for key, value in self.journal.load("website_price").items()
        }
        # Special prices of each SKU, all periods and store views.
        self.specials: dict[str, list[Record]] = {
            sku: [{**row, "price": Decimal(str(row["price"]))} for row in rows]
            for sku, rows in self.journal.load("special_price").items()
        }
        # Attribute values that a store view overrides.
        self.overrides: dict[str, Record] = self.journal.load("override")
        self.reserved: dict[str, Decimal] = {}
        for order in self.orders.values():
            for item in order["items"]:
                self._reserve(item, outstanding(item))

    def reset(self, seed: int | None = None) -> None:
        self.journal.clear()
        self.load()
        self.chance = random.Random(self._seed if seed is None else seed)

    def next_id(self, kind: str, first: int = 1) -> int:
        number = int(self.counters.get(kind, first - 1)) + 1
        self.counters[kind] = number
        self.journal.put("counter", kind, number)
        return number

    def keep(self, kind: str, key: int | str, record: Any) -> None:
        self.journal.put(kind, str(key), record)

    def now(self) -> str:
        return stamp(self.clock.now())

    def increment(self, kind: str, view: StoreView) -> str:
        """The next number of the view's own sequence for this kind of document."""
        return view.number(self.next_id(f"sequence_{kind}_{view.id}"))

    def announce(self, event: str, record: Record) -> None:
        for observer in self.observers:
            observer(event, record)

    def set_switches(self, values: dict[str, str]) -> None:
        self.switches |= {k: str(v) for k, v in values.items() if k in SWITCHES}
        self.keep("switches", "now", self.switches)

    # Catalogue

    def find_product(self, sku: str) -> Record | None:
        """By SKU; the database's collation does not tell capitals."""
        return self.index.find(sku)

    def save_product(self, product: Record) -> None:
        sku = product["sku"]
        if sku not in self.products:
            self.index.add(product)
            self.keep("product_gone", sku, 0)
        self.keep("product", sku, product)
        self.announce("catalog_product_save_after", product)

    def delete_product(self, product: Record) -> None:
        sku = product["sku"]
        self.index.remove(product)
        self.journal.drop("product", sku)
        self.keep("product_gone", sku, 1)

    def save_specials(self, sku: str, rows: list[Record]) -> None:
        self.specials[sku] = rows
        self.keep("special_price", sku, rows)

    def price(self, product: Record, view: StoreView) -> Decimal:
        own = self.website_prices.get(f"{product['sku']}|{view.website.id}")
        return own if own is not None else Decimal(product["price"])

    def tax_class(self, product: Record) -> int:
        for row in product["custom_attributes"]:
            if row["attribute_code"] == "tax_class_id":
                return int(row["value"])
        return goods.STANDARD

    def _reserve(self, item: Record, quantity: Decimal) -> None:
        if item["product_type"] in ("simple", "virtual") and quantity:
            self.reserved[item["sku"]] = self.reserved.get(item["sku"], ZERO) + quantity

    def reserving(self, order: Record, before: dict[int, Decimal]) -> None:
        """Follow an order's rows in the reservations; ``before`` is ``outstanding_of`` earlier."""
        for item in order["items"]:
            self._reserve(item, outstanding(item) - before.get(item["item_id"], ZERO))

    def salable(self, sku: str) -> Decimal:
        rows = (self.source_items.get((sku, source)) for source in places.SOURCES)
        on_hand = sum((Decimal(row["quantity"]) for row in rows if row and row["status"]), ZERO)
        return on_hand - self.reserved.get(sku, ZERO)

    # Customers

    def customer_for(self, person: Person, view: StoreView) -> Record:
        known = self.by_email.get((view.website.id, person.email.lower()))
        if known:
            return self.customers[known]
        number = self.next_id("customer")
        place: Record = {
            "id": self.next_id("address"),
            "customer_id": number,
            "region": {
                "region_code": person.state or None,
                "region": person.state or None,
                "region_id": 0,
            },
            "region_id": 0,
            "country_id": person.country_code,
            "street": [line for line in (person.street_1, person.street_2) if line],
            "company": person.company or None,
            "telephone": person.phone,
            "postcode": person.postal_code,
            "city": person.city,
            "firstname": person.first_name,
            "lastname": person.last_name,
            "default_shipping": True,
            "default_billing": True,
        }
        customer: Record = {
            "id": number,
            "group_id": 1,
            "default_billing": str(place["id"]),
            "default_shipping": str(place["id"]),
            "created_at": self.now(),
            "updated_at": self.now(),
            "created_in": view.name,
            "email": person.email,
            "firstname": person.first_name,
            "lastname": person.last_name,
            "store_id": view.id,
            "website_id": view.website.id,
            "addresses": [place],
            "disable_auto_group_change": 0,
            "extension_attributes": {"is_subscribed": False},
        }
        self.save_customer(customer)
        return customer

    def save_customer(self, customer: Record) -> None:
        self.customers[customer["id"]] = customer
        self.by_email[customer["website_id"], customer["email"].lower()] = customer["id"]
        self.keep("customer", customer["id"], customer)
        self.announce("customer_save_commit_after", customer)

    # Orders

    def view_of(self, record: Record) -> StoreView:
        return places.BY_ID[record["store_id"]]

    def set_state(self, order: Record, state: str) -> None:
        order["state"] = state
        order["status"] = self.switches.get(f"status_{state}", state)

    def settle_state(self, order: Record) -> None:
        """Where an order stands after something happened to it, by the product's own rules."""
        if order["state"] in ("canceled", "holded", "payment_review", "pending_payment"):
            return
        items = [item for item in order["items"] if not item.get("_dummy")]
        open_invoice = any(
            i["qty_ordered"] - i["qty_invoiced"] - i["qty_canceled"] > 0 for i in items
        )
        to_ship = any(shippable(item) > 0 for item in order["items"])
        paid, refunded = order["total_paid"] or ZERO, order["total_refunded"] or ZERO
        back = refunded or any(item["qty_refunded"] for item in items)
        all_back = refunded >= paid and not extras.unrefunded(order, "base_")
        if back and all_back and not open_invoice:
            self.set_state(order, "closed")
        elif not open_invoice and not to_ship:
            self.set_state(order, "complete")
        elif order["state"] == "new" and any(i["qty_invoiced"] or i["qty_shipped"] for i in items):
            self.set_state(order, "processing")

    def save_order(self, order: Record) -> None:
        order["updated_at"] = self.now()
        self.orders[order["entity_id"]] = order
        self.by_number[order["store_id"], order["increment_id"]] = order["entity_id"]
        self.keep("order", order["entity_id"], order)
        self.announce("sales_order_save_after", order)
        self.announce("sales_order_save_commit_after", order)

    def save_document(self, kind: str, document: Record) -> None:
        table = {"invoice": self.invoices, "creditmemo": self.creditmemos}[kind]
        document["updated_at"] = self.now()
        table[document["entity_id"]] = document
        self.keep(kind, document["entity_id"], document)
        self.announce(f"sales_order_{kind}_save_after", document)
        self.announce(f"sales_order_{kind}_save_commit_after", document)

    def number_document(self, kind: str, document: Record) -> None:
        """Give a new invoice or credit memo its ids, its number and its date."""
        document["entity_id"] = self.next_id(kind)
        document["increment_id"] = self.increment(kind, self.view_of(document))
        document["created_at"] = document["updated_at"] = self.now()
        for row in document["items"]:
            row["entity_id"] = self.next_id(f"{kind}_item")
            row["parent_id"] = document["entity_id"]

    def add_transaction(
        self, order: Record, kind: str, *, parent: Record | None = None, closed: bool = False
    ) -> Record:
        number = self.next_id("transaction")
        row: Record = {
            "transaction_id": number,
            "parent_id": parent["transaction_id"] if parent else None,
            "order_id": order["entity_id"],
            "payment_id": order["payment"]["entity_id"],
            "txn_id": f"PSP-{order['entity_id']:06d}-{number}",
            "parent_txn_id": parent["txn_id"] if parent else None,
            "txn_type": kind,
            "is_closed": int(closed),
            "additional_information": [],
            "created_at": self.now(),
            "child_transactions": [],
        }
        self.transactions[number] = row
        self.keep("transaction", number, row)
        order["payment"]["last_trans_id"] = row["txn_id"]
        return row

    def transactions_of(self, order: Record, kind: str) -> list[Record]:
        wanted = order["entity_id"]
        return [
            t
            for t in self.transactions.values()
            if t["order_id"] == wanted and t["txn_type"] == kind
        ]


def outstanding(item: Record) -> Decimal:
    """What a row still holds in reservations: ordered and neither shipped, canceled nor
    refunded before shipping."""
    kept = max(item["qty_shipped"], item["qty_refunded"])
    return Decimal(max(item["qty_ordered"] - item["qty_canceled"] - kept, 0))


def outstanding_of(order: Record) -> dict[int, Decimal]:
    return {item["item_id"]: outstanding(item) for item in order["items"]}


def shippable(item: Record) -> Decimal:
    if item["is_virtual"] or item.get("_child"):
        return ZERO
    done = max(item["qty_shipped"], ZERO) + item["qty_canceled"]
    return Decimal(max(item["qty_ordered"] - done - _refunded_unshipped(item), 0))


def _refunded_unshipped(item: Record) -> Decimal:
    return Decimal(max(item["qty_refunded"] - item["qty_shipped"], 0))
