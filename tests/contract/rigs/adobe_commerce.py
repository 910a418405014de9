"""Adobe Commerce in both editions for the contract suite."""

from __future__ import annotations

from decimal import Decimal
from itertools import cycle
from typing import Any

from tests.support.rigs import Placed, Sold, StoreRig

TENANT = "Qx7Rk2Lw9Tn4Vb1C"


class _Commerce(StoreRig):
    kind = "adobe_commerce"
    module = "sandbox.adobe_commerce"
    refunds = ("line", "amount", "shipping", "rest")
    unknown_key = "1-000990099"
    route_settings = {"bill_on": "order"}
    _kinds = cycle(("simple", "configurable", "bundle_dynamic", "", "virtual"))

    def place(self, sold: Sold | None = None) -> Placed:
        sold = sold or Sold()
        spec: dict[str, Any] = {
            "lines": [
                {"sku": sku, "quantity": quantity, "plain": True} for sku, quantity in sold.lines
            ],
            "country": sold.country,
            "payment": "captured" if sold.paid else "pending_payment",
        }
        if sold.shipping is not None:
            spec["shipping"] = sold.shipping
        if sold.discount:
            spec["coupon"] = {"code": "AUTUMN", "amount": sold.discount}
        if sold.email:
            spec["customer"] = {"email": sold.email}
        return self._placed(self.simulator.post("orders", **spec))

    def place_anything(self) -> Placed:
        """Kinds of products in turn; fixed bundles are left out, since no ERP here has their SKU."""
        return self._placed(self.simulator.post("orders", kind=next(self._kinds)))

    def _placed(self, raw: dict[str, Any]) -> Placed:
        return Placed(
            key=f"{raw['store_id']}-{raw['increment_id']}",
            total=Decimal(str(raw["grand_total"])),
            currency=raw["order_currency_code"],
            raw=raw,
        )

    def refund(self, placed: Placed, how: str) -> Decimal:
        spec: dict[str, Any] = {
            "line": {"kind": "partial"},
            "amount": {"kind": "adjustment", "amount": "3.00"},
            "shipping": {"kind": "shipping"},
            "rest": {"kind": "full"},
        }[how]
        made = self.simulator.post(f"orders/{placed.raw['entity_id']}/refund", **spec)
        return Decimal(str(made["grand_total"]))

    def cancel(self, placed: Placed) -> None:
        self.simulator.post(f"orders/{placed.raw['entity_id']}/cancel")

    def authorize(self, sold: Sold) -> Placed:
        """An order whose money is held and not taken yet: it is invoiced later."""
        lines = [{"sku": sku, "quantity": quantity, "plain": True} for sku, quantity in sold.lines]
        raw = self.simulator.post("orders", lines=lines, payment="authorized", country="GB")
        return self._placed(raw)

    def invoice(self, placed: Placed, *, part: bool = False) -> Decimal:
        spec = {"part": True} if part else {}
        made = self.simulator.post(f"orders/{placed.raw['entity_id']}/invoice", **spec)
        return Decimal(str(made["grand_total"]))

    def hook_values(self) -> dict[str, str]:
        key = self.simulator.get("keys")["webhook_public_key"]
        return {**self.values(), "webhook_public_key": key}


class CommercePaas(_Commerce):
    name = "adobe_commerce-paas"
    arguments = ("--edition", "paas")
    wrong_values = {
        "consumer_key": "x" * 32,
        "consumer_secret": "x" * 32,
        "access_token": "x" * 32,
        "access_token_secret": "x" * 32,
        "store_ids": "77",
    }

    def values(self) -> dict[str, str]:
        return {
            "edition": "paas",
            "consumer_key": "sandboxconsumerkey00000000000001",
            "consumer_secret": "sandboxconsumersecret00000000001",
            "access_token": "sandboxaccesstoken00000000000001",
            "access_token_secret": "sandboxaccesstokensecret00000001",
            "api_url": self.simulator.api,
            "prices_include_tax": "yes",
            "requests_per_minute": "99999",
        }


class CommerceSaas(_Commerce):
    name = "adobe_commerce-saas"
    arguments = ("--edition", "saas")
    wrong_values = {
        "ims_client_id": "no-such-client",
        "ims_client_secret": "no-such-secret",
    }

    def values(self) -> dict[str, str]:
        return {
            "edition": "saas",
            "ims_client_id": "sandbox-ims-client-id",
            "ims_client_secret": "sandbox-ims-client-secret",
            "ims_org_id": "6A1B2C3D4E5F60718293A4B5@AdobeOrg",
            "ims_url": self.simulator.api,
            "api_url": f"{self.simulator.api}/{TENANT}",
            "prices_include_tax": "yes",
            "requests_per_minute": "99999",
        }
