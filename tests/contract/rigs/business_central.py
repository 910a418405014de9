"""Business Central for the contract suite."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from tests.support.rigs import Booked, ErpRig
from tests.support.simulators import CLIENT_ID, TENANT_ID


class BusinessCentralRig(ErpRig):
    kind = name = "business_central"
    module = "sandbox.business_central"
    arguments = ("--rate", "0")
    wrong_values = {
        "client_secret": "wrong-secret",
        "client_id": "2b7c1d94-8f5e-4e0b-a6a1-3c9d5e7f8a11",
        "tenant_id": "7d0f9c1e-4a53-4c0e-9e35-0d6c4a6f1b21",
        "environment": "Prodution",
        "company_id": "00000000-0000-4000-8000-000000000001",
    }
    lookups = {
        "charges": {
            "shipping": "account:6610",
            "handling": "account:6620",
            "wrapping": "account:6630",
            "fee": "account:6640",
            "gift_certificate": "account:6650",
            "tax": "account:6670",
            "rounding": "account:6690",
            "adjustment": "account:6690",
        },
        "tax_codes": {"no_tax": "NOVAT"},
        "tax_areas": {"IE": "EU", "DE": "EU", "FR": "EU", "US": "EXPORT"},
    }
    create = ("POST", "salesInvoices$")
    closes = "post"

    def values(self) -> dict[str, str]:
        return {
            "tenant_id": TENANT_ID,
            "client_id": CLIENT_ID,
            "client_secret": "sandbox-entra-client-secret",
            "environment": "Production",
            "company_id": self.simulator.get("state")["company_id"],
            "api_url": self.simulator.api,
            "authority": self.simulator.api,
            "prices_include_tax": "yes",
            "request_timeout_seconds": "3",
            "server_seconds": "1",
        }

    def reset(self) -> None:
        super().reset()
        secret = "sandbox-entra-client-secret"
        self.simulator.post("settings", client_secret=secret, vat={"STANDARD": 20})
        self.simulator.post("tokens/expire")

    def booked(self) -> list[Booked]:
        state = self.simulator.get("state")
        kinds = (("invoice", "orders"), ("invoice", "invoices"), ("credit", "credit_memos"))
        return [
            Booked(
                kind=kind,
                reference=row["externalDocumentNumber"],
                total=Decimal(str(row["totalAmountIncludingTax"])),
                currency=row["currencyCode"],
            )
            for kind, name in kinds
            for row in state[name]
        ]

    def duplicates(self) -> Mapping[str, int]:
        return self.simulator.get("state")["duplicates"]

    def customers(self) -> int:
        return len(self.simulator.get("state")["customers"])

    def ledger_difference(self) -> Decimal:
        return Decimal(str(self.simulator.get("state")["ledger_balance"]))

    def close_period(self) -> None:
        self.simulator.post("period", to="2020-01-31")

    def open_period(self) -> None:
        self.simulator.post("period", to=None)

    def block_customer(self, number: str) -> None:
        self.simulator.post("customers", number=number, blocked="All")

    def block_item(self, number: str) -> None:
        self.simulator.post("items", number=number, blocked="1")
