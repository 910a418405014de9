"""BigCommerce for the contract suite."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.support.rigs import Placed, Sold, StoreRig


class BigCommerceRig(StoreRig):
    kind = name = "bigcommerce"
    module = "sandbox.bigcommerce"
    arguments = ("--quota", "0")
    wrong_values = {"access_token": "no-such-token", "store_hash": "n0such"}
    refunds = ("line", "amount", "shipping", "tax", "rest")
    unknown_key = "990099"

    def values(self) -> dict[str, str]:
        return {
            "store_hash": "acme0utd00r",
            "access_token": "sandbox-store-access-token",
            "client_id": "sandbox-store-client-id",
            "client_secret": "sandbox-store-client-secret",
            "api_url": self.simulator.api,
            "quota": "100000",
        }

    def reset(self) -> None:
        super().reset()
        self.simulator.post("signing", form="standard")
        self.simulator.post("settings", orders_404_for_ms=0, quota=0, status="normal")
        self.simulator.post("traffic", per_minute=0)

    def place(self, sold: Sold | None = None) -> Placed:
        sold = sold or Sold()
        spec: dict[str, Any] = {
            "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in sold.lines],
            "country": sold.country,
            "status_id": 11 if sold.paid else 7,
        }
        if sold.shipping is not None:
            spec["shipping"] = sold.shipping
        if sold.discount:
            spec["coupon"] = {"code": "AUTUMN", "amount": sold.discount}
        if sold.email:
            spec["customer"] = {"email": sold.email}
        return self._placed(self.simulator.post("orders", **spec))

    def place_anything(self) -> Placed:
        return self._placed(self.simulator.post("orders"))

    def _placed(self, raw: dict[str, Any]) -> Placed:
        return Placed(
            key=str(raw["id"]),
            total=Decimal(raw["total_inc_tax"]),
            currency=raw["default_currency_code"],
            raw=raw,
        )

    def refund(self, placed: Placed, how: str) -> Decimal:
        spec: dict[str, Any] = {
            "line": {"lines": [{"id": placed.raw["products"][0]["id"], "quantity": 1}]},
            "amount": {"amount": "3.00"},
            "shipping": {"shipping": placed.raw["shipping_cost_inc_tax"]},
            "tax": {"tax": "1.20"},
            "rest": {"full": "1"},
        }[how]
        made = self.simulator.post(f"orders/{placed.key}/refund", **spec)
        return Decimal(str(made["total_amount"]))

    def cancel(self, placed: Placed) -> None:
        self.simulator.post(f"orders/{placed.key}/cancel")
