"""The store's records, in memory, kept by a journal: catalogue, customers, orders, hooks."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from sandbox.bigcommerce import refunds
from sandbox.bigcommerce.catalogue import Catalogue
from sandbox.bigcommerce.checkout import Checkout
from sandbox.bigcommerce.customers import Customers
from sandbox.bigcommerce.order_rows import STATUSES, person_of
from sandbox.bigcommerce.refused import Refused
from sandbox.common.clock import Clock
from sandbox.common.journal import Journal
from sandbox.common.people import make_person

ALL_SCOPES = ("orders", "transactions", "customers", "products", "inventory", "information")
Event = tuple[str, dict[str, Any]]


class BigCommerceStore:
    """One store. ``announce(scope, data)`` is called for every event that hooks are told of."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        *,
        seed: int,
        account: dict[str, Any],
        products: int = 0,
    ) -> None:
        self.journal, self.clock, self._seed, self._account = journal, clock, seed, account
        self.announce: Callable[[str, dict[str, Any]], None] = lambda scope, data: None
        self.catalogue = Catalogue(journal, clock, self._tell, products)
        self.customers = Customers(journal, clock, self._tell, self.next_id)
        self.checkout = Checkout(self)
        self._load()

    def _tell(self, scope: str, data: dict[str, Any]) -> None:
        self.announce(scope, data)

    def load(self) -> None:
        """Take up what the journal kept."""
        self.catalogue.load()
        self.customers.load()
        self._load()

    def _load(self) -> None:
        """A new store begins with the account, the start catalogue and no orders."""
        self.chance = random.Random()
        self.counters = self.journal.load("counter")
        self.accounts = self.journal.load("account") or {
            self._account["token"]: {**self._account, "scopes": list(ALL_SCOPES)}
        }
        self.orders: dict[int, dict[str, Any]] = {
            int(k): v for k, v in self.journal.load("order").items()
        }
        self.hooks: dict[int, dict[str, Any]] = {
            int(k): v for k, v in self.journal.load("hook").items()
        }
        self.store_status = "normal"

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

    def rfc2822(self, instant: datetime) -> str:
        return format_datetime(instant.replace(microsecond=0))

    # Orders

    def place(self, spec: dict[str, Any]) -> dict[str, Any]:
        """Place an order; what ``spec`` does not say is chosen as real shoppers would.

        Raises Refused for a SKU that the catalogue does not have.
        """
        chance = self.chance
        who = dict(spec.get("customer") or {})
        guest = bool(who.get("guest", not who and chance.random() < 0.05))
        person = make_person(chance, str(spec.get("country", "")), str(who.get("email", "")))
        customer = None if guest else self.customers.of_person(person)
        if who.get("id"):
            customer = self.customers.rows[int(who["id"])]
        if who.get("no_email"):
            person = make_person(chance, "GB", " ")
        abroad = person.country_code != "GB"
        inclusive = bool(spec.get("tax_inclusive", True))
        currency = str(spec.get("currency") or ("EUR" if abroad else "GBP"))
        rate_of_order = spec.get("tax_rate")
        lines = self.checkout.lines(spec, inclusive, abroad, rate_of_order)
        order_id = int(spec.get("id") or self.next_id("order", 1001))
        now = self.clock.now()
        placed = datetime.fromisoformat(spec["created_at"]) if spec.get("created_at") else now
        self.checkout.discount(lines, spec)
        order = self.checkout.assemble(
            order_id, spec, person, customer, lines, inclusive, currency, abroad
        )
        order["date_created"], order["date_modified"] = self.rfc2822(placed), self.rfc2822(now)
        order["_modified"] = now.isoformat()
        order["_created"] = placed.isoformat()
        order["transactions"] = self.checkout.payments(order, spec, placed)
        self.orders[order_id] = order
        self.keep("order", order_id, order)
        for info, line in lines:
            sold = self.catalogue.variants.get(info["variant_id"])
            if sold is not None:
                self.catalogue.sell(*sold, line.quantity)
        self.announce("store/order/created", {"type": "order", "id": order_id})
        self.announce("store/order/updated", {"type": "order", "id": order_id})
        if order["status_id"]:
            self._announce_status(order, 0)
        return order

    def touch(self, order: dict[str, Any]) -> None:
        now = self.clock.now()
        order["date_modified"], order["_modified"] = self.rfc2822(now), now.isoformat()
        self.keep("order", order["id"], order)
        self.announce("store/order/updated", {"type": "order", "id": order["id"]})

    def set_status(self, order_id: int, status_id: int) -> dict[str, Any]:
        if status_id not in STATUSES:
            raise Refused(400, "The field 'status_id' is invalid.")
        order = self.orders[order_id]
        before = order["status_id"]
        order["status_id"], order["status"] = status_id, STATUSES[status_id]
        if status_id in (2, 3, 8, 9, 10, 11) and not order["transactions"]:
            order["transactions"] = self.checkout.payments(order, {}, self.clock.now())
            order["payment_status"] = "captured"
        self.touch(order)
        self._announce_status(order, before)
        return order

    def edit_quantity(self, order_id: int, quantity: int) -> dict[str, Any]:
        """A merchant changes the first line's quantity: the order is priced anew."""
        order = self.orders[order_id]
        inclusive = order["is_tax_inclusive_pricing"]
        wanted = [
            {
                "sku": row["sku"],
                "name": row["name"],
                "quantity": quantity if index == 0 else row["quantity"],
                "price_inc_tax": row["price_inc_tax"],
                "price_ex_tax": row["price_ex_tax"],
            }
            for index, row in enumerate(order["products"])
        ]
        foreign = order["billing_address"]["country_iso2"] != "GB"
        lines = self.checkout.lines({"lines": wanted}, inclusive, foreign, None)
        person = person_of(order)
        spec = {
            "shipping": order["base_shipping_cost"],
            "handling": order["base_handling_cost"],
            "status_id": order["status_id"],
        }
        customer = self.customers.rows.get(order["customer_id"])
        fresh = self.checkout.assemble(
            order_id,
            spec,
            person,
            customer,
            lines,
            inclusive,
            order["default_currency_code"],
            foreign,
        )
        for name in ("date_created", "_created", "transactions", "refunds"):
            fresh[name] = order[name]
        self.orders[order_id] = fresh
        self.touch(fresh)
        return fresh

    def _announce_status(self, order: dict[str, Any], before: int) -> None:
        self.announce(
            "store/order/statusUpdated",
            {
                "type": "order",
                "id": order["id"],
                "status": {"previous_status_id": before, "new_status_id": order["status_id"]},
            },
        )

    def refund(self, order_id: int, spec: dict[str, Any]) -> dict[str, Any]:
        """Refund by line, charge or amount, or all that is left. Raises Refused for too much."""
        order = self.orders[order_id]
        made = refunds.make(
            order,
            spec,
            refund_id=self.next_id("refund"),
            payment_id=self.next_id("refund_payment"),
            at=self.clock.now().isoformat(timespec="seconds"),
        )
        order["refunds"].append(made)
        self.touch(order)
        self.announce(
            "store/order/refund/created",
            {"type": "order", "id": order_id, "refund": {"refund_id": made["id"]}},
        )
        self.set_status(order_id, 14 if refunds.left_of(order) else 4)
        return made

    def pay_refund(self, order_id: int, refund_id: int) -> dict[str, Any]:
        """The payment of a refund goes through, some time after the refund was recorded."""
        order = self.orders[order_id]
        made = next((row for row in order["refunds"] if row["id"] == refund_id), None)
        if made is None:
            raise Refused(404, "There is no such refund.")
        if not made["payments"]:
            made["payments"] = [
                refunds.payment(self.next_id("refund_payment"), made["total_amount"])
            ]
        self.touch(order)
        return made

    def decline_refund(self, order_id: int, refund_id: int) -> dict[str, Any]:
        """The payment provider declines after the refund was recorded, as happens."""
        order = self.orders[order_id]
        made = next((row for row in order["refunds"] if row["id"] == refund_id), None)
        if made is None:
            raise Refused(404, "There is no such refund.")
        for payment in made["payments"]:
            payment |= {"is_declined": True, "declined_message": "Declined by the provider"}
        self.touch(order)
        return made
