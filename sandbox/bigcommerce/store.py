"""The store's records, in memory, kept by a journal: catalogue, customers, orders, hooks."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

from sandbox.bigcommerce import refunds
from sandbox.bigcommerce.pricing import ZERO, Line, allot, both, cents, money
from sandbox.bigcommerce.refused import Refused
from sandbox.common.catalogue import BY_SKU, PRODUCTS, STORE_ONLY
from sandbox.common.clock import Clock
from sandbox.common.journal import Journal
from sandbox.common.people import COUNTRIES, Person, make_person

STATUSES = {
    0: "Incomplete",
    1: "Pending",
    2: "Shipped",
    3: "Partially Shipped",
    4: "Refunded",
    5: "Cancelled",
    6: "Declined",
    7: "Awaiting Payment",
    8: "Awaiting Pickup",
    9: "Awaiting Shipment",
    10: "Completed",
    11: "Awaiting Fulfillment",
    12: "Manual Verification Required",
    13: "Disputed",
    14: "Partially Refunded",
}
ALL_SCOPES = ("orders", "transactions", "customers", "products", "information")
STANDARD_RATE = Decimal("0.20")
Event = tuple[str, dict[str, Any]]


class BigCommerceStore:
    """One store. ``announce(scope, data)`` is called for every event that hooks are told of."""

    def __init__(
        self, journal: Journal, clock: Clock, *, seed: int, account: dict[str, Any]
    ) -> None:
        self.journal, self.clock, self._seed, self._account = journal, clock, seed, account
        self.announce: Callable[[str, dict[str, Any]], None] = lambda scope, data: None
        self.load()

    def load(self) -> None:
        """Take up what the journal kept; a new store begins with the account and no orders."""
        self.chance = random.Random()
        self.counters = self.journal.load("counter")
        self.accounts = self.journal.load("account") or {
            self._account["token"]: {**self._account, "scopes": list(ALL_SCOPES)}
        }
        self.orders: dict[int, dict[str, Any]] = {
            int(k): v for k, v in self.journal.load("order").items()
        }
        self.customers: dict[int, dict[str, Any]] = {
            int(k): v for k, v in self.journal.load("customer").items()
        }
        self.by_email = {row["email"].lower(): key for key, row in self.customers.items()}
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

    # Customers

    def customer_for(self, person: Person) -> dict[str, Any]:
        known = self.by_email.get(person.email.lower())
        if known:
            return self.customers[known]
        customer = {
            "id": self.next_id("customer"),
            "email": person.email,
            "first_name": person.first_name,
            "last_name": person.last_name,
            "company": person.company,
            "phone": person.phone,
            "date_created": self.clock.now().isoformat(timespec="seconds"),
            "date_modified": self.clock.now().isoformat(timespec="seconds"),
            "customer_group_id": 0,
            "notes": "",
            "tax_exempt_category": "",
            "origin_channel_id": 1,
        }
        self.customers[customer["id"]] = customer
        self.by_email[person.email.lower()] = customer["id"]
        self.keep("customer", customer["id"], customer)
        self.announce("store/customer/created", {"type": "customer", "id": customer["id"]})
        return customer

    # Orders

    def place(self, spec: dict[str, Any]) -> dict[str, Any]:
        """Place an order; what ``spec`` does not say is chosen as real shoppers would.

        Raises Refused for a SKU that the catalogue does not have.
        """
        chance = self.chance
        who = dict(spec.get("customer") or {})
        guest = bool(who.get("guest", not who and chance.random() < 0.05))
        person = make_person(chance, str(spec.get("country", "")), str(who.get("email", "")))
        customer = None if guest else self.customer_for(person)
        if who.get("id"):
            customer = self.customers[int(who["id"])]
        if who.get("no_email"):
            person = make_person(chance, "GB", " ")
        abroad = person.country_code != "GB"
        inclusive = bool(spec.get("tax_inclusive", True))
        currency = str(spec.get("currency") or ("EUR" if abroad else "GBP"))
        rate_of_order = spec.get("tax_rate")
        lines = self._lines(spec, inclusive, abroad, rate_of_order)
        order_id = int(spec.get("id") or self.next_id("order", 1001))
        now = self.clock.now()
        placed = datetime.fromisoformat(spec["created_at"]) if spec.get("created_at") else now
        self._discount(lines, spec)
        order = self._assemble(order_id, spec, person, customer, lines, inclusive, currency, abroad)
        order["date_created"], order["date_modified"] = self.rfc2822(placed), self.rfc2822(now)
        order["_modified"] = now.isoformat()
        order["_created"] = placed.isoformat()
        order["transactions"] = self._payments(order, spec, placed)
        self.orders[order_id] = order
        self.keep("order", order_id, order)
        self.announce("store/order/created", {"type": "order", "id": order_id})
        self.announce("store/order/updated", {"type": "order", "id": order_id})
        if order["status_id"]:
            self._announce_status(order, 0)
        return order

    def _lines(
        self, spec: dict[str, Any], inclusive: bool, abroad: bool, rate: Any
    ) -> list[tuple[dict[str, Any], Line]]:
        wanted = spec.get("lines") or [
            {"sku": product.sku, "quantity": self.chance.choice((1, 1, 1, 2, 2, 3, 5))}
            for product in self.chance.sample(PRODUCTS, self.chance.choice((1, 1, 2, 2, 3, 4, 6)))
        ]
        if spec.get("unknown_sku"):
            wanted = [*wanted, {"sku": self.chance.choice(STORE_ONLY).sku, "quantity": 1}]
        found = []
        for row in wanted:
            product = BY_SKU.get(str(row.get("sku", "")))
            if product is None and "price_inc_tax" not in row and "price_ex_tax" not in row:
                raise Refused(422, f"There is no product with the SKU {row.get('sku')!r}.")
            base_rate = product.rate if product else STANDARD_RATE
            tax_rate = Decimal(str(rate)) if rate is not None else ZERO if abroad else base_rate
            if "price_inc_tax" in row or "price_ex_tax" in row:
                price = Decimal(str(row["price_inc_tax" if inclusive else "price_ex_tax"]))
            else:
                assert product is not None
                price = product.price_inc_tax
                if not inclusive:
                    price = cents(price / (1 + base_rate))
            line = Line(
                price=price,
                quantity=int(row.get("quantity", 1)),
                rate=tax_rate,
                inclusive=inclusive,
                wrapping=Decimal(str(row.get("wrapping", 0))),
            )
            if row.get("discount"):
                line.discounts.append(_applied("automatic-discount", row["discount"], "Offer", ""))
            info = {
                "sku": row.get("sku", ""),
                "name": row.get("name") or (product.name if product else "Custom product"),
                "upc": product.gtin if product else "",
                "product_id": 0 if row.get("custom") else abs(hash(row.get("sku"))) % 9000 + 1,
                "type": row.get("type", "physical"),
            }
            if info["product_id"] and info["sku"] in BY_SKU:
                info["product_id"] = 100 + list(BY_SKU).index(info["sku"])
            found.append((info, line))
        return found

    def _discount(self, lines: list[tuple[dict[str, Any], Line]], spec: dict[str, Any]) -> None:
        """Coupons are allotted to lines, as the store shows them in applied_discounts."""
        coupon = spec.get("coupon")
        if coupon is None and not spec.get("lines") and self.chance.random() < 0.12:
            coupon = {"code": "WELCOME10", "percent": 10}
        if not coupon:
            return
        weights = [line.net for _, line in lines]
        amount = (
            Decimal(str(coupon["amount"]))
            if "amount" in coupon
            else cents(sum(weights, ZERO) * Decimal(str(coupon["percent"])) / 100)
        )
        amount = min(amount, sum(weights, ZERO))
        for (_, line), share in zip(lines, allot(amount, weights), strict=True):
            if share:
                line.discounts.append(
                    _applied("coupon", share, f"Coupon {coupon['code']}", str(coupon["code"]))
                )
        spec["_coupon"] = {"code": str(coupon["code"]), "amount": amount}

    def _assemble(
        self,
        order_id: int,
        spec: dict[str, Any],
        person: Person,
        customer: dict[str, Any] | None,
        lines: list[tuple[dict[str, Any], Line]],
        inclusive: bool,
        currency: str,
        abroad: bool,
    ) -> dict[str, Any]:
        rate = (
            Decimal(str(spec["tax_rate"]))
            if "tax_rate" in spec
            else ZERO
            if abroad
            else STANDARD_RATE
        )
        goods = sum((line.net for _, line in lines), ZERO)
        shipping = Decimal(
            str(
                spec.get(
                    "shipping",
                    "0.00" if goods > 150 else self.chance.choice(("3.95", "4.95", "6.50")),
                )
            )
        )
        charges = {
            "shipping_cost": shipping,
            "handling_cost": Decimal(str(spec.get("handling", 0))),
            "wrapping_cost": sum((line.wrapping for _, line in lines), ZERO),
        }
        parts = [line.totals() for _, line in lines]
        header: dict[str, Any] = {}
        for name, amount in charges.items():
            ex, inc = both(amount, rate, inclusive)
            tax = cents(inc - ex)
            ex = inc - tax if inclusive else ex
            header |= {
                f"base_{name}": money(amount),
                f"{name}_ex_tax": money(ex),
                f"{name}_inc_tax": money(inc),
                f"{name}_tax": money(tax),
                f"{name}_tax_class_id": 2,
            }
            parts.append((ex, tax, inc))
        fees = []
        for number, fee in enumerate(spec.get("fees") or [], 1):
            ex, inc = both(Decimal(str(fee["amount"])), rate, inclusive)
            tax = cents(inc - ex)
            ex = inc - tax if inclusive else ex
            fees.append(
                {
                    "id": order_id * 10 + number,
                    "type": "custom_fee",
                    "name": fee.get("name", "Service fee"),
                    "display_name_customer": fee.get("name", "Service fee"),
                    "display_name_merchant": fee.get("name", "Service fee"),
                    "source": "APP",
                    "base_cost": money(Decimal(str(fee["amount"]))),
                    "cost_ex_tax": money(ex),
                    "cost_inc_tax": money(inc),
                    "cost_tax": money(tax),
                    "tax_class_id": 0,
                }
            )
            parts.append((ex, tax, inc))
        total_ex = sum((p[0] for p in parts), ZERO)
        total_tax = sum((p[1] for p in parts), ZERO)
        total_inc = sum((p[2] for p in parts), ZERO)
        manual = Decimal(str(spec.get("order_discount", 0)))
        if manual:
            # Shown in the header only: a merchant's discount on the whole order.
            shares = allot(manual, [line.net for _, line in lines])
            total_ex, total_tax, total_inc = ZERO, ZERO, ZERO
            for (_, line), share in zip(lines, shares, strict=True):
                net = line.net - share
                tax = cents(net - net / (1 + line.rate)) if inclusive else cents(net * line.rate)
                total_ex += net - tax if inclusive else net
                total_tax += tax
                total_inc += net if inclusive else net + tax
            for ex, tax, inc in parts[len(lines) :]:
                total_ex, total_tax, total_inc = total_ex + ex, total_tax + tax, total_inc + inc
        address = _address(person)
        product_rows = [
            _product(order_id, index, info, line) for index, (info, line) in enumerate(lines, 1)
        ]
        shipping_row = {
            "id": order_id,
            **address,
            "form_fields": [],
            "shipping_method": spec.get("shipping_method", "Royal Mail Tracked 48"),
            "items_total": sum(line.quantity for _, line in lines),
            "items_shipped": 0,
            "base_cost": money(shipping),
            "cost_ex_tax": header["shipping_cost_ex_tax"],
            "cost_inc_tax": header["shipping_cost_inc_tax"],
            "cost_tax": header["shipping_cost_tax"],
            "cost_tax_class_id": 2,
            "base_handling_cost": header["base_handling_cost"],
            "handling_cost_ex_tax": header["handling_cost_ex_tax"],
            "handling_cost_inc_tax": header["handling_cost_inc_tax"],
            "handling_cost_tax": header["handling_cost_tax"],
            "handling_cost_tax_class_id": 2,
            "shipping_zone_id": 1,
            "shipping_zone_name": COUNTRIES.get(person.country_code, ""),
        }
        status_id = int(spec.get("status_id", 11))
        coupon = spec.pop("_coupon", None)
        return {
            "id": order_id,
            "customer_id": customer["id"] if customer else 0,
            "status_id": status_id,
            "status": STATUSES[status_id],
            "date_shipped": "",
            "cart_id": f"{order_id:08d}-0000-4000-8000-000000000000",
            "subtotal_ex_tax": money(sum((p[0] for p in parts[: len(lines)]), ZERO)),
            "subtotal_inc_tax": money(sum((p[2] for p in parts[: len(lines)]), ZERO)),
            "subtotal_tax": money(sum((p[1] for p in parts[: len(lines)]), ZERO)),
            **header,
            "total_ex_tax": money(total_ex),
            "total_inc_tax": money(total_inc),
            "total_tax": money(total_tax),
            "items_total": sum(line.quantity for _, line in lines),
            "items_shipped": 0,
            "payment_method": spec.get("payment_method", "Credit Card"),
            "payment_provider_id": None,
            "payment_status": "captured" if status_id in (2, 3, 8, 9, 10, 11) else "",
            "refunded_amount": "0.0000",
            "order_is_digital": False,
            "store_credit_amount": money(Decimal(str(spec.get("store_credit_amount", 0)))),
            "gift_certificate_amount": money(Decimal(str(spec.get("gift_certificate_amount", 0)))),
            "ip_address": "192.0.2.17",
            "ip_address_v6": "",
            "geoip_country": COUNTRIES.get(person.country_code, ""),
            "geoip_country_iso2": person.country_code,
            "currency_id": 1,
            "currency_code": currency,
            "currency_exchange_rate": "1.0000000000",
            "default_currency_id": 1,
            "default_currency_code": currency,
            "store_default_currency_code": "GBP",
            "store_default_to_transactional_exchange_rate": "1.0000000000"
            if currency == "GBP"
            else "1.1600000000",
            "staff_notes": "",
            "customer_message": str(spec.get("message", "")),
            "discount_amount": money(manual),
            "coupon_discount": money(coupon["amount"] if coupon else ZERO),
            "shipping_address_count": 1,
            "is_deleted": False,
            "is_tax_inclusive_pricing": inclusive,
            "is_email_opt_in": False,
            "order_source": "www",
            "channel_id": 1,
            "external_source": "",
            "external_id": None,
            "external_merchant_id": None,
            "external_order_id": "",
            "ebay_order_id": "0",
            "tax_provider_id": "BasicTaxProvider",
            "customer_locale": "en",
            "credit_card_type": None,
            "billing_address": {**address, "form_fields": []},
            "products": product_rows,
            "shipping": [shipping_row],
            "fees": fees,
            "coupons": [
                {
                    "id": order_id,
                    "coupon_id": 1,
                    "order_id": order_id,
                    "code": coupon["code"],
                    "amount": money(coupon["amount"]),
                    "type": 0,
                    "discount": money(coupon["amount"]),
                }
            ]
            if coupon
            else [],
            "refunds": [],
        }

    def _payments(
        self, order: dict[str, Any], spec: dict[str, Any], placed: datetime
    ) -> list[dict[str, Any]]:
        payment = dict(spec.get("payment") or {})
        paid = order["status_id"] in (2, 3, 8, 9, 10, 11, 12, 13, 14)
        if not paid and not payment:
            return []
        amount = (
            Decimal(order["total_inc_tax"])
            - Decimal(order["store_credit_amount"])
            - Decimal(order["gift_certificate_amount"])
        )
        return [
            {
                "id": self.next_id("transaction", 1),
                "order_id": str(order["id"]),
                "event": payment.get("event", "purchase"),
                "method": payment.get("method", "credit_card"),
                "amount": cents(amount),
                "currency": order["default_currency_code"],
                "gateway": payment.get("gateway", "stripe"),
                "gateway_transaction_id": f"ch_{order['id']:012d}",
                "status": "ok",
                "test": bool(payment.get("test", False)),
                "fraud_review": False,
                "reference_transaction_id": None,
                "date_created": (placed + timedelta(seconds=5)).isoformat(timespec="seconds"),
                "avs_result": {},
                "cvv_result": {},
                "credit_card": None,
                "gift_certificate": None,
                "store_credit": None,
                "offline": None,
                "custom": None,
                "payment_instrument_token": None,
                "payment_method_id": "stripe.credit_card",
            }
        ]

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
            order["transactions"] = self._payments(order, {}, self.clock.now())
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
        lines = self._lines({"lines": wanted}, inclusive, foreign, None)
        person = _person(order)
        spec = {
            "shipping": order["base_shipping_cost"],
            "handling": order["base_handling_cost"],
            "status_id": order["status_id"],
        }
        customer = self.customers.get(order["customer_id"])
        fresh = self._assemble(
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


def _applied(kind: str, amount: Any, name: str, code: str) -> dict[str, Any]:
    return {
        "id": kind,
        "amount": money(Decimal(str(amount))),
        "name": name,
        "code": code or None,
        "target": "order" if kind == "coupon" else "product",
    }


def _product(order_id: int, index: int, info: dict[str, Any], line: Line) -> dict[str, Any]:
    unit_ex, unit_inc = both(line.price, line.rate, line.inclusive)
    gross_ex, gross_inc = both(line.gross, line.rate, line.inclusive)
    _, _, net_inc = line.totals()
    wrap_ex, wrap_inc = both(line.wrapping, line.rate, line.inclusive)
    return {
        "id": order_id * 100 + index,
        "order_id": order_id,
        "product_id": info["product_id"],
        **({"variant_id": info["product_id"] + 5000} if info["product_id"] else {}),
        "order_address_id": order_id,
        "name": info["name"],
        "name_customer": info["name"],
        "name_merchant": info["name"],
        "sku": info["sku"],
        "upc": info["upc"],
        "type": info["type"],
        "base_price": money(line.price),
        "price_ex_tax": money(unit_ex),
        "price_inc_tax": money(unit_inc),
        "price_tax": money(unit_inc - unit_ex),
        "base_total": money(line.gross),
        "total_ex_tax": money(gross_ex),
        "total_inc_tax": money(gross_inc),
        "total_tax": money(gross_inc - gross_ex),
        "quantity": line.quantity,
        "is_refunded": False,
        "quantity_refunded": 0,
        "refund_amount": "0.0000",
        "return_id": 0,
        "wrapping_name": "Gift wrap" if line.wrapping else None,
        "base_wrapping_cost": money(line.wrapping),
        "wrapping_cost_ex_tax": money(wrap_ex),
        "wrapping_cost_inc_tax": money(wrap_inc),
        "wrapping_cost_tax": money(wrap_inc - wrap_ex),
        "wrapping_message": "",
        "quantity_shipped": 0,
        "fixed_shipping_cost": "0.0000",
        "option_set_id": None,
        "parent_order_product_id": None,
        "is_bundled_product": False,
        "bin_picking_number": "",
        "applied_discounts": line.discounts,
        "product_options": [],
        "configurable_fields": [],
        "gift_certificate_id": None,
        "discounted_total_inc_tax": money(net_inc),
    }


def _address(person: Person) -> dict[str, Any]:
    return {
        "first_name": person.first_name,
        "last_name": person.last_name,
        "company": person.company,
        "street_1": person.street_1,
        "street_2": person.street_2,
        "city": person.city,
        "state": person.state,
        "zip": person.postal_code,
        "country": person.country,
        "country_iso2": person.country_code,
        "phone": person.phone,
        "email": person.email,
    }


def _person(order: dict[str, Any]) -> Person:
    row = order["billing_address"]
    return Person(
        row["first_name"],
        row["last_name"],
        row["email"],
        row["company"],
        row["phone"],
        row["street_1"],
        row["street_2"],
        row["city"],
        row["state"],
        row["zip"],
        row["country_iso2"],
    )
