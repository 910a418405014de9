"""What a basket costs: lines, discounts, charges, tax and payments of an order."""

from __future__ import annotations

import zlib
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sandbox.bigcommerce.catalogue import Sellable
from sandbox.bigcommerce.order_rows import STATUSES, address_of, applied, product_row
from sandbox.bigcommerce.pricing import ZERO, Line, allot, both, cents, money
from sandbox.bigcommerce.refused import Refused
from sandbox.common.catalogue import BY_SKU, PRODUCTS, STORE_ONLY
from sandbox.common.people import COUNTRIES, Person

if TYPE_CHECKING:
    from sandbox.bigcommerce.store import BigCommerceStore

STANDARD_RATE = Decimal("0.20")


class Checkout:
    def __init__(self, store: BigCommerceStore) -> None:
        self.store = store

    def lines(
        self, spec: dict[str, Any], inclusive: bool, abroad: bool, rate: Any
    ) -> list[tuple[dict[str, Any], Line]]:
        wanted = spec.get("lines") or [
            {"sku": product.sku, "quantity": self.store.chance.choice((1, 1, 1, 2, 2, 3, 5))}
            for product in self.store.chance.sample(
                PRODUCTS, self.store.chance.choice((1, 1, 2, 2, 3, 4, 6))
            )
        ]
        if spec.get("unknown_sku"):
            wanted = [*wanted, {"sku": self.store.chance.choice(STORE_ONLY).sku, "quantity": 1}]
        rows = []
        for row in wanted:
            found = self.store.catalogue.sellable(str(row.get("sku", "")))
            known = BY_SKU.get(str(row.get("sku", "")))
            own_price = "price_inc_tax" in row or "price_ex_tax" in row
            if found is None and known is None and not own_price:
                raise Refused(422, f"There is no product with the SKU {row.get('sku')!r}.")
            base_rate = known.rate if known else STANDARD_RATE
            tax_rate = Decimal(str(rate)) if rate is not None else ZERO if abroad else base_rate
            if own_price:
                price = Decimal(str(row["price_inc_tax" if inclusive else "price_ex_tax"]))
            else:
                price = found[0].price_of(found[1]) if found else known.price_inc_tax
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
                line.discounts.append(applied("automatic-discount", row["discount"], "Offer", ""))
            rows.append((self._info(row, found, known), line))
        return rows

    def _info(self, row: dict[str, Any], found: Sellable | None, known: Any) -> dict[str, Any]:
        """What the row says beside its figures. A custom product has no id."""
        sku = str(row.get("sku", ""))
        product_id = variant_id = 0
        if found and not row.get("custom"):
            product_id, variant_id = found[0].id, found[1].id
        elif not row.get("custom"):
            product_id = zlib.crc32(sku.encode()) % 9_000 + 20_000_000
            variant_id = product_id + 5_000
        name = found[0].name if found else known.name if known else "Custom product"
        return {
            "sku": sku,
            "name": row.get("name") or name,
            "upc": (found[1].upc or found[0].upc) if found else known.gtin if known else "",
            "product_id": product_id,
            "variant_id": variant_id,
            "type": row.get("type", "physical"),
        }

    def discount(self, lines: list[tuple[dict[str, Any], Line]], spec: dict[str, Any]) -> None:
        """Coupons are allotted to lines, as the store shows them in applied_discounts."""
        coupon = spec.get("coupon")
        if coupon is None and not spec.get("lines") and self.store.chance.random() < 0.12:
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
                    applied("coupon", share, f"Coupon {coupon['code']}", str(coupon["code"]))
                )
        spec["_coupon"] = {"code": str(coupon["code"]), "amount": amount}

    def assemble(
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
                    "0.00" if goods > 150 else self.store.chance.choice(("3.95", "4.95", "6.50")),
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
        address = address_of(person)
        product_rows = [
            product_row(order_id, index, info, line) for index, (info, line) in enumerate(lines, 1)
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

    def payments(
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
                "id": self.store.next_id("transaction", 1),
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
