"""A sale as a shopper makes it: from a short wish to the order that Commerce would write."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sandbox.adobe_commerce import columns, goods, places, special_prices
from sandbox.adobe_commerce.places import StoreView
from sandbox.adobe_commerce.rows import (
    add_to_parent,
    address,
    header_amounts,
    item_amounts,
    unit_of_parent,
)
from sandbox.adobe_commerce.totals import ZERO, Amounts, Goods, allot, cents, discountable, priced
from sandbox.adobe_commerce.wire import Refused, stamp
from sandbox.common.catalogue import PRODUCTS, STORE_ONLY
from sandbox.common.people import Person, make_person

_PLAIN = tuple(
    p.sku for p in PRODUCTS if p.sku not in goods.PARENT_OF and p.sku not in goods.VIRTUAL
)
STANDARD = Decimal("0.20")


@dataclass
class Line:
    """One order row. Rows that carry money have ``base`` and ``order`` in the two currencies."""

    product: dict[str, Any]
    quantity: Decimal
    sku: str
    rate: Decimal
    base: Goods | None = None
    order: Goods | None = None
    children: list[Line] = field(default_factory=list)
    dynamic: bool = False
    option: dict[str, Any] | None = None
    decimal_quantity: bool = False
    base_amounts: Amounts = field(default_factory=Amounts)
    order_amounts: Amounts = field(default_factory=Amounts)

    def money_rows(self) -> Iterator[Line]:
        if self.dynamic:
            yield from self.children
        else:
            yield self


class Sale:
    """One order in the making."""

    def __init__(self, store: Any, spec: dict[str, Any]) -> None:
        self.store, self.spec = store, spec
        self.chance: random.Random = store.chance
        self.view = self._view()
        self.person, self.customer = self._shopper()
        self.abroad = self.person.country_code != self.view.website.home
        self.lines = [self._line(row) for row in self._wanted()]

    def _view(self) -> StoreView:
        wanted = str(self.spec.get("store", ""))
        if not wanted:
            return places.BY_CODE["de" if self.spec.get("country") in ("DE", "FR") else "default"]
        if wanted not in places.BY_CODE:
            raise Refused(400, f"There is no store view {wanted!r}.")
        return places.BY_CODE[wanted]

    def _shopper(self) -> tuple[Person, dict[str, Any] | None]:
        who = dict(self.spec.get("customer") or {})
        guest = bool(
            self.spec.get("guest") or who.get("guest", not who and self.chance.random() < 0.2)
        )
        if who.get("id"):
            known = self.store.customers.get(int(who["id"]))
            if known is None:
                raise Refused(400, f"There is no customer {who['id']}.")
            who["email"] = known["email"]
        american = self.view.website.home == "US"
        country = str(self.spec.get("country", ""))
        if not country and (american or who.get("email")):
            country = "GB"
        person = make_person(self.chance, country, str(who.get("email", "")))
        if american and not self.spec.get("country"):
            person = dataclasses.replace(
                person,
                city="Portland",
                state="Oregon",
                postal_code="97201",
                country_code="US",
                phone=f"+1 503 555 {self.chance.randint(1000, 9999)}",
            )
        for key in ("first_name", "last_name", "company"):
            if key in who:
                person = dataclasses.replace(person, **{key: str(who[key])})
        return person, None if guest else self.store.customer_for(person, self.view)

    def _wanted(self) -> list[dict[str, Any]]:
        rows = self.spec.get("lines")
        if not rows:
            rows = self._rows_of_kind(str(self.spec.get("kind", "")))
        if self.spec.get("unknown_sku"):
            sku = self.chance.choice(STORE_ONLY).sku
            rows = [*rows, {"sku": sku, "quantity": 1}]
        return [dict(row) for row in rows]

    def _rows_of_kind(self, kind: str) -> list[dict[str, Any]]:
        few = self.chance.choice((1, 1, 2))
        match kind:
            case "configurable":
                return [{"sku": self.chance.choice(list(goods.PARENT_OF)), "quantity": few}]
            case "bundle" | "bundle_dynamic":
                return [{"sku": self.chance.choice(list(goods.DYNAMIC_BUNDLES)), "quantity": few}]
            case "bundle_fixed":
                return [{"sku": self.chance.choice(list(goods.FIXED_BUNDLES)), "quantity": few}]
            case "virtual":
                return [{"sku": self.chance.choice(sorted(goods.VIRTUAL)), "quantity": few}]
            case "simple":
                pool: tuple[str, ...] = _PLAIN
            case "":
                pool = tuple(p.sku for p in PRODUCTS)
            case _:
                raise Refused(400, f"There is no kind of order {kind!r}.")
        skus = self.chance.sample(pool, self.chance.choice((1, 1, 2, 2, 3, 4)))
        return [{"sku": sku, "quantity": self.chance.choice((1, 1, 1, 2, 3))} for sku in skus]

    def _rates(self, product: dict[str, Any]) -> tuple[Decimal, Decimal]:
        """(the buyer's rate, the rate that the catalogue's price contains)."""
        taxed = self.store.tax_class(product) != goods.ZERO_RATED
        home = (STANDARD if taxed else ZERO) if self.view.website.inclusive else ZERO
        if "tax_rate" in self.spec:
            return Decimal(str(self.spec["tax_rate"])), home
        if not self.view.website.inclusive:
            return (places.US_RATE if taxed and not self.abroad else ZERO), home
        return (ZERO if self.abroad else home), home

    def _priced(self, line: Line, unit: Decimal, row: dict[str, Any]) -> Line:
        rate, home = self._rates(line.product)
        taken = Decimal(str(row.get("discount", 0)))
        line.rate = rate
        line.base = Goods(unit, line.quantity, rate, home, taken)
        line.order = Goods(
            cents(unit * self.view.rate), line.quantity, rate, home, cents(taken * self.view.rate)
        )
        return line

    def _line(self, row: dict[str, Any]) -> Line:
        sku = str(row.get("sku", ""))
        product = self.store.find_product(sku)
        if product is None:
            raise Refused(400, f"There is no product with the SKU {sku!r}.")
        sku = product["sku"]
        quantity = Decimal(str(row.get("quantity", 1)))
        if quantity <= 0:
            raise Refused(400, "The quantity of a line must be greater than zero.")
        price = row.get("price", special_prices.sale_price(self.store, product, self.view))
        unit = Decimal(str(price))
        line = Line(product, quantity, sku, ZERO)
        line.decimal_quantity = quantity != quantity.to_integral_value()
        if sku in goods.DYNAMIC_BUNDLES or sku in goods.FIXED_BUNDLES:
            return self._bundle(line, unit, row)
        if sku in goods.PARENT_OF and not row.get("plain"):
            parent = self.store.products[goods.PARENT_OF[sku]]
            _, option, values = goods.CONFIGURABLES[parent["sku"]]
            line.product = parent
            chosen = {"option_id": option, "option_value": values[sku]}
            line.option = {"configurable_item_options": [chosen]}
            line.children = [Line(product, quantity, sku, ZERO)]
            # Tax follows the chosen simple's class.
            self._priced(line, unit, row)
            line.rate = self._rates(product)[0]
            return line
        return self._priced(line, unit, row)

    def _bundle(self, line: Line, unit: Decimal, row: dict[str, Any]) -> Line:
        dynamic = line.sku in goods.DYNAMIC_BUNDLES
        parts = goods.DYNAMIC_BUNDLES[line.sku][1] if dynamic else goods.FIXED_BUNDLES[line.sku]
        line.dynamic = dynamic
        options = []
        for number, (sku, count) in enumerate(parts.items(), 1):
            product = self.store.products[sku]
            child = Line(product, line.quantity * count, sku, ZERO)
            if dynamic:
                each = special_prices.sale_price(self.store, product, self.view)
                self._priced(child, each, {})
            line.children.append(child)
            options.append(
                {"option_id": number, "option_qty": count, "option_selections": [number]}
            )
        line.option = {"bundle_options": options}
        return line if dynamic else self._priced(line, unit, row)

    def order(self) -> dict[str, Any]:
        """The finished order, without the ids that the database gives."""
        rows = [row for line in self.lines for row in line.money_rows()]
        self._take_coupon(rows)
        site, spec = self.view.website, self.spec
        virtual = all(line.product["type_id"] == "virtual" for line in self.lines)
        shipping = ZERO if virtual else self._shipping(rows)
        rate, home = self._shipping_rates()
        off = min(Decimal(str(spec.get("shipping_discount", 0))), shipping)
        freight: list[Amounts] = []
        for factor, name in ((Decimal(1), "base"), (self.view.rate, "order")):
            amounts = priced([getattr(row, name) for row in rows], inclusive=site.inclusive)
            for row, found in zip(rows, amounts, strict=True):
                setattr(row, f"{name}_amounts", found)
            one = Goods(cents(shipping * factor), Decimal(1), rate, home, cents(off * factor))
            freight += priced([one], inclusive=site.inclusive)
        now = self.store.clock.now()
        order: dict[str, Any] = dict.fromkeys(columns.ORDER)
        order |= self._header(virtual) | {
            "created_at": str(spec.get("created_at") or stamp(now)),
            "updated_at": stamp(now),
        }
        for prefix, name, ship in (("base_", "base", freight[0]), ("", "order", freight[1])):
            amounts = [getattr(row, f"{name}_amounts") for row in rows]
            order |= header_amounts(prefix, amounts, ship)
        order["items"] = [row for line in self.lines for row in self._items(line, order)]
        order["weight"] = sum((i.get("row_weight") or ZERO for i in order["items"]), ZERO)
        order["_rate_of_shipping"] = rate * 100
        order["_shipping_method"] = None if virtual else "flatrate_flatrate"
        order["_address"] = address(self.person)
        order["extension_attributes"] = {}
        return order

    def _take_coupon(self, rows: list[Line]) -> None:
        coupon = self.spec.get("coupon")
        if coupon is None and not self.spec.get("lines") and self.chance.random() < 0.12:
            coupon = {"code": "WELCOME10", "percent": 10}
        self.coupon = {"code": "SAVE", **coupon} if coupon else None
        if self.coupon is None:
            return
        inclusive = self.view.website.inclusive
        for factor, name in ((Decimal(1), "base"), (self.view.rate, "order")):
            goods_of = [getattr(row, name) for row in rows]
            weights = [discountable(one, inclusive=inclusive) for one in goods_of]
            if "amount" in self.coupon:
                whole = cents(Decimal(str(self.coupon["amount"])) * factor)
                shares = allot(min(whole, sum(weights, ZERO)), weights)
            else:
                percent = Decimal(str(self.coupon["percent"]))
                shares = [cents(weight * percent / 100) for weight in weights]
            for one, taken, weight in zip(goods_of, shares, weights, strict=True):
                one.discount = min(one.discount + taken, weight)

    def _shipping(self, rows: list[Line]) -> Decimal:
        if "shipping" in self.spec:
            return Decimal(str(self.spec["shipping"]))
        value = sum((row.base.unit * row.quantity for row in rows if row.base), ZERO)
        return ZERO if value > 150 else Decimal(self.chance.choice(("3.95", "4.95", "6.50")))

    def _shipping_rates(self) -> tuple[Decimal, Decimal]:
        home = STANDARD if self.view.website.inclusive else ZERO
        if "shipping_tax_rate" in self.spec:
            return Decimal(str(self.spec["shipping_tax_rate"])), home
        if "tax_rate" in self.spec:
            return Decimal(str(self.spec["tax_rate"])), home
        return (ZERO if self.abroad else home), home

    def _header(self, virtual: bool) -> dict[str, Any]:
        view, site, person = self.view, self.view.website, self.person
        quantity = sum((line.quantity for line in self.lines), ZERO)
        return {
            "store_id": view.id,
            "store_name": view.label,
            "base_currency_code": site.base_currency,
            "order_currency_code": view.currency,
            "store_currency_code": view.currency,
            "global_currency_code": places.GLOBAL_CURRENCY,
            "base_to_order_rate": view.rate,
            "base_to_global_rate": site.to_global,
            "store_to_base_rate": 0,
            "store_to_order_rate": 0,
            "customer_email": person.email,
            "customer_firstname": person.first_name,
            "customer_lastname": person.last_name,
            "customer_group_id": self.customer["group_id"] if self.customer else 0,
            "customer_id": self.customer["id"] if self.customer else None,
            "customer_is_guest": 0 if self.customer else 1,
            "customer_note_notify": 1,
            "customer_taxvat": self.spec.get("vat_id"),
            "is_virtual": int(virtual),
            "total_qty_ordered": quantity,
            "base_total_qty_ordered": quantity,
            "total_item_count": len(self.lines),
            "coupon_code": self.coupon["code"] if self.coupon else None,
            "discount_description": self.coupon["code"] if self.coupon else None,
            "applied_rule_ids": "1" if self.coupon else None,
            "shipping_description": None if virtual else "Flat Rate - Fixed",
            "email_sent": 1,
            "remote_ip": "192.0.2.10",
            "protect_code": f"{self.chance.getrandbits(128):032x}",
        }

    def _items(self, line: Line, order: dict[str, Any]) -> list[dict[str, Any]]:
        parent = self._item(line, order)
        rows = [parent]
        for child in line.children:
            row = self._item(child, order)
            row["_child"] = True
            rows.append(row)
            if line.dynamic:
                add_to_parent(parent, row, tax=self.store.switches["bundle_tax"] == "both")
            elif self.store.switches["child_price"] == "full" and line.option:
                for name in ("price", "base_price", "row_total", "base_row_total"):
                    row[name] = parent[name]
        if line.dynamic:
            parent["_dummy"] = True
            unit_of_parent(parent)
        elif line.children:
            for row in rows[1:]:
                row["_dummy"] = True
        return rows

    def _item(self, line: Line, order: dict[str, Any]) -> dict[str, Any]:
        product, quantity = line.product, line.quantity
        weight = product.get("weight")
        item: dict[str, Any] = {
            "product_id": product["id"],
            "product_type": product["type_id"],
            "sku": line.sku,
            "name": product["name"],
            "store_id": self.view.id,
            "is_virtual": int(product["type_id"] == "virtual"),
            "is_qty_decimal": int(line.decimal_quantity),
            "free_shipping": 0,
            "no_discount": 0,
            "qty_ordered": quantity,
            "qty_invoiced": ZERO,
            "qty_shipped": ZERO,
            "qty_refunded": ZERO,
            "qty_canceled": ZERO,
            "weight": weight,
            "row_weight": weight * quantity if weight else None,
            "tax_percent": line.rate * 100,
            "created_at": order["created_at"],
            "updated_at": order["updated_at"],
            "applied_rule_ids": order["applied_rule_ids"],
        }
        for prefix, amounts in (("", line.order_amounts), ("base_", line.base_amounts)):
            item |= item_amounts(prefix, amounts)
        if line.option:
            item["product_option"] = {"extension_attributes": line.option}
        return item
