"""Dynamics GP for the contract suite, by both of its interfaces."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from tests.support.rigs import CERTIFICATES, Booked, ErpRig

INVOICE = 1


class GpRest(ErpRig):
    kind = "gp"
    name = "gp-rest"
    module = "sandbox.gp"
    arguments = ("--channel-binding", "require")
    wrong_values = {"password": "wrong-password", "user": "svc-nobody", "company": "NOCOMPANY"}
    lookups = {
        "charges": {
            "shipping": "account:000-4400-00",
            "handling": "account:000-4410-00",
            "wrapping": "account:000-4410-00",
            "fee": "account:000-4410-00",
            "rounding": "account:000-7010-00",
            "adjustment": "account:000-4190-00",
            "tax": "account:000-2310-00",
        },
        "tax_details": {"*": "WEBTAX"},
        "sales_accounts": {"BOOKS": "account:000-4110-02"},
    }
    foreign_lookups = {
        "currencies": {"EUR": "Z-EURO", "USD": "Z-US$"},
        "exchange_rates": {"EUR": "0.85", "USD": "1.31"},
    }
    prefix = "W-"
    create = ("POST", "Receivables/Transactions")
    closes = "create"

    def values(self) -> dict[str, str]:
        return {
            "interface": "sba",
            "company": "ACME",
            "base_url": self.simulator.api,
            "domain": "CONTOSO",
            "user": "svc-gp",
            "password": "sandbox-gp-password",
            "authority": Path(CERTIFICATES.ca_file).read_text(),
            "receivable_account": "000-1200-00",
            "sales_account": "000-4110-01",
            "discount_account": "000-4180-00",
            "tax_account": "000-2310-00",
            "tax_detail": "WEBTAX",
            "request_timeout_seconds": "3",
        }

    def booked(self) -> list[Booked]:
        return [
            Booked(
                kind="invoice" if row["type"] == INVOICE else "credit",
                reference=row["number"],
                total=row["amount"],
                currency={"Z-EURO": "EUR", "Z-US$": "USD"}.get(row["currency"], "GBP"),
            )
            for row in self.simulator.get("state")["documents"]
        ]

    def customers(self) -> int:
        return len(self.simulator.get("state")["customers"])

    def ledger_difference(self) -> Decimal:
        proof = self.simulator.get("state")["ledger"]
        return abs(Decimal(str(proof["difference"]))) + abs(
            Decimal(str(proof["receivable_difference"]))
        )

    def close_period(self) -> None:
        self.simulator.post("period", closed=True)

    def open_period(self) -> None:
        self.simulator.post("period", closed=False)

    def block_customer(self, number: str) -> None:
        self.simulator.post("customers", id=number, inactive=True)

    def block_item(self, number: str) -> None:
        self.simulator.post("items", number=number, inactive=True)

    def post_all(self) -> None:
        for batch in self.simulator.get("state")["batches"]:
            self.simulator.post("batches", act="post", id=batch["BatchId"])


class GpSoap(GpRest):
    name = "gp-soap"
    create = ("POST", "asmx$")
    create_operation = "^CreateReceivables"
    wrong_values = {"password": "wrong-password", "company": "77"}

    def values(self) -> dict[str, str]:
        return {
            **super().values(),
            "interface": "soap",
            "company": "2",
            "functional_currency": "GBP",
        }
