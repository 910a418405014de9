"""Dynamics NAV for the contract suite: page services with a Windows sign-in, and the later API."""

from __future__ import annotations

from decimal import Decimal

from tests.support.rigs import Booked, ErpRig
from tests.support.simulators import CLIENT_ID, TENANT_ID

COMPANY = "Acme Outdoor Ltd."


class _Nav(ErpRig):
    kind = "nav"
    module = "sandbox.nav"
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
        "tax_areas": {"GB": "DOMESTIC", "DE": "EU", "FR": "EU", "IE": "EU", "US": "EXPORT"},
    }
    closes = "post"
    route_settings = {"document_kind": "posted_invoice", "refund_kind": "posted_credit_memo"}

    def reset(self) -> None:
        super().reset()
        self.simulator.post("settings", template_prices_include_tax=True)

    def booked(self) -> list[Booked]:
        state = self.simulator.get("state")
        drafts = state["drafts"]
        invoices = [row for row in drafts if row["kind"] != "Credit Memo"] + state["invoices"]
        credits = [row for row in drafts if row["kind"] == "Credit Memo"] + state["credit_memos"]
        return [
            Booked(
                kind=kind,
                reference=row["externalDocumentNumber"] or row["yourReference"],
                total=Decimal(str(row["totalAmountIncludingTax"])),
                currency=row["currencyCode"] or "GBP",
            )
            for kind, rows in (("invoice", invoices), ("credit", credits))
            for row in rows
        ]

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
        self.simulator.post("items", number=number, blocked=True)

    def post_all(self) -> None:
        refused = self.simulator.post("documents/post")["refused"]
        assert not refused, refused


class NavPages(_Nav):
    name = "nav-pages"
    arguments = ("--credential-type", "windows", "--posting", "codeunit")
    wrong_values = {
        "password": "wrong-password",
        "user": r"CONTOSO\svc-nobody",
        "company": "Acme Outdoor Ltd",
        "service_invoice": "NoSuchService",
    }
    create = ("POST", r"/SalesInvoice$")

    def values(self) -> dict[str, str]:
        return {
            "interface": "odata",
            "base_url": f"{self.simulator.api}/DynamicsNAV110",
            "soap_url": f"{self.simulator.api}/DynamicsNAV110",
            "company": COMPANY,
            "sign_in": "windows",
            "user": r"CONTOSO\svc-connector",
            "password": "Sandbox-Password-1",
            "posting": "codeunit",
            "prices_include_tax": "yes",
            "request_timeout_seconds": "3",
            "server_seconds": "1",
        }


class NavApi(_Nav):
    name = "nav-api"
    arguments = ("--flavour", "bc_v1")
    wrong_values = {
        "client_secret": "wrong-secret",
        "client_id": "2b7c1d94-8f5e-4e0b-a6a1-3c9d5e7f8a11",
        "entra_tenant_id": "7d0f9c1e-4a53-4c0e-9e35-0d6c4a6f1b21",
        "company": "Acme Outdoor Ltd",
    }
    create = ("POST", r"/salesInvoices$")

    def values(self) -> dict[str, str]:
        return {
            "interface": "api_v1",
            "base_url": f"{self.simulator.api}/BC",
            "company": COMPANY,
            "sign_in": "entra",
            "entra_tenant_id": TENANT_ID,
            "client_id": CLIENT_ID,
            "client_secret": "sandbox-entra-client-secret",
            "entra_authority": self.simulator.api,
            "posting": "action",
            "prices_include_tax": "yes",
            "request_timeout_seconds": "3",
            "server_seconds": "1",
        }
