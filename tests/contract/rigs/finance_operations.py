"""Finance & Operations for the contract suite."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tests.support.rigs import Booked, ErpRig
from tests.support.simulators import CLIENT_ID, TENANT_ID


class FinanceOperationsRig(ErpRig):
    kind = name = "finance_operations"
    module = "sandbox.finance_operations"
    wrong_values = {
        "client_secret": "wrong-secret",
        "client_id": "2b7c1d94-8f5e-4e0b-a6a1-3c9d5e7f8a11",
        "tenant_id": "7d0f9c1e-4a53-4c0e-9e35-0d6c4a6f1b21",
        "legal_entity": "nope",
    }
    lookups = {
        "charges": {
            "shipping": "item:FREIGHT",
            "handling": "item:HANDLING",
            "wrapping": "item:GIFT-WRAP",
            "fee": "item:SERVICE-FEE",
            "gift_certificate": "item:GIFT-CARD",
            "tax": "item:STORE-TAX",
            "rounding": "item:ROUNDING",
            "adjustment": "account:618900",
        },
        "tax_codes": {"no_tax": "EXEMPT"},
        "payment_accounts": {"*": "CARD-CLR"},
    }
    create = ("POST", "SalesOrderHeadersV4$")
    closes = ""

    def values(self) -> dict[str, str]:
        return {
            "environment_url": self.simulator.api,
            "authority": self.simulator.api,
            "tenant_id": TENANT_ID,
            "client_id": CLIENT_ID,
            "client_secret": "sandbox-entra-client-secret",
            "legal_entity": "acuk",
            "default_warehouse": "WEB",
            "customer_group": "WEB",
            "dimension_format": "CostCenter,Department,BusinessUnit",
            "sales_account": "401100",
            "charges_account": "401200",
            "return_reason": "REFUND",
            "return_disposition": "CREDIT",
            "payment_journal": "WEBPAY",
            "refund_journal": "REFUND",
            "request_timeout_seconds": "3",
        }

    def booked(self) -> list[Booked]:
        state = self.simulator.get("state")
        posted = {
            row["CustomersOrderReference"]: Decimal(str(row["TotalInvoiceAmount"]))
            for row in state["invoices"]
            if row["CustomersOrderReference"]
        }
        return [
            *(self._order(row, posted) for row in state["orders"]),
            *(self._free_text(row) for row in state["free_text_invoices"]),
            *(self._payment(row) for row in state["payments"]),
        ]

    @staticmethod
    def _order(row: dict[str, Any], posted: Mapping[str, Decimal]) -> Booked:
        """The total is known before the posting only where the prices include tax."""
        reference = row["CustomersOrderReference"]
        inclusive = row["ArePricesIncludingSalesTax"] == "Yes"
        total = Decimal(str(row["line_total"])) if inclusive else None
        return Booked(
            kind="invoice",
            reference=reference,
            total=posted.get(reference, total),
            currency=row["CurrencyCode"],
        )

    @staticmethod
    def _free_text(row: dict[str, Any]) -> Booked:
        return Booked(
            kind="credit" if row["amount"] < 0 else "invoice",
            reference=row["CustomerReference"],
            total=None,
            currency=row["CurrencyCode"],
        )

    @staticmethod
    def _payment(row: dict[str, Any]) -> Booked:
        return Booked(
            kind="payment",
            reference=row["PaymentId"],
            total=row["CreditAmount"] - row["DebitAmount"],
            currency=row["CurrencyCode"],
        )

    def duplicates(self) -> Mapping[str, int]:
        found: dict[str, int] = {}
        for counts in self.simulator.get("state")["duplicates_by_kind"].values():
            found |= counts
        return found

    def customers(self) -> int:
        return len(self.simulator.get("state")["customers"])

    def ledger_difference(self) -> Decimal:
        return Decimal(str(self.simulator.get("state")["ledger_balance"]))

    def close_period(self) -> None:
        self.simulator.post("period", to="2020-01-31")

    def open_period(self) -> None:
        self.simulator.post("period", to="")

    def block_customer(self, number: str) -> None:
        self.simulator.post("customers", number=number, OnHoldStatus="All")

    def block_item(self, number: str) -> None:
        self.simulator.post("items", number=number, blocked=True)

    def post_all(self) -> None:
        self.simulator.post("batch")
