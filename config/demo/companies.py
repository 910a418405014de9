"""The demo's companies: one for each pair of systems that the product joins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from config.demo.simulators import Simulator

Values = Callable[[Simulator, str], dict[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """A relay site and the account that its agent signs in with, which stays on site."""

    site: str
    user: str
    password: str
    page: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One connection of a company: the simulator that it leads to, and its settings; through a
    relay site, if it has one."""

    kind: str
    name: str
    slug: str
    simulator: str
    values: Values
    relay: Relay | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """A tenant of the demo. ``lookups`` is table -> key -> value."""

    slug: str
    name: str
    domain: str
    store: Side
    erp: Side
    prefix: str
    time_zone: str = "Europe/London"
    settings: Mapping[str, str] = field(default_factory=dict)
    lookups: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    first_orders: tuple[Mapping[str, Any], ...] = ()

    @property
    def host(self) -> str:
        return f"{self.slug}.localhost"


def shop(kind: str, name: str, simulator: str, values: Values) -> Side:
    return Side(kind=kind, name=name, slug="shop", simulator=simulator, values=values)


def ledger(
    kind: str, name: str, simulator: str, values: Values, relay: Relay | None = None
) -> Side:
    return Side(
        kind=kind, name=name, slug="ledger", simulator=simulator, values=values, relay=relay
    )


def bigcommerce(store_hash: str) -> Values:
    def values(simulator: Simulator, name: str) -> dict[str, str]:
        return {
            "store_hash": store_hash,
            "access_token": f"sandbox-{name}-access-token",
            "client_id": f"sandbox-{name}-client-id",
            "client_secret": f"sandbox-{name}-client-secret",
            "api_url": simulator.url,
            "quota": "450",
        }

    return values


ENTRA = {
    "tenant_id": "7d0f9c1e-4a53-4c0e-9e35-0d6c4a6f1b20",
    "client_id": "2b7c1d94-8f5e-4e0b-a6a1-3c9d5e7f8a10",
    "client_secret": "sandbox-entra-client-secret",
}


def business_central(simulator: Simulator, name: str) -> dict[str, str]:
    return {
        **ENTRA,
        "environment": "Production",
        "company_id": str(simulator.get("state")["company_id"]),
        "api_url": simulator.url,
        "authority": simulator.url,
        "prices_include_tax": "yes",
        "request_timeout_seconds": "20",
        "web_client": "",
    }


def adobe_commerce(simulator: Simulator, name: str) -> dict[str, str]:
    return {
        "edition": "paas",
        "api_url": simulator.url,
        "consumer_key": "sandboxconsumerkey00000000000001",
        "consumer_secret": "sandboxconsumersecret00000000001",
        "access_token": "sandboxaccesstoken00000000000001",
        "access_token_secret": "sandboxaccesstokensecret00000001",
        "prices_include_tax": "yes",
    }


GP_ACCOUNT = {"domain": "CONTOSO", "user": "svc-gp", "password": "sandbox-gp-password"}


def gp(prefix: str, account: Mapping[str, str] = GP_ACCOUNT) -> Values:
    def values(simulator: Simulator, name: str) -> dict[str, str]:
        return {
            **account,
            "interface": "sba",
            "base_url": simulator.url,
            "tenant": "DefaultTenant",
            "company": "ACME",
            "batch_prefix": prefix,
            "rate_source": "lookup",
            "receivable_account": "000-1200-00",
            "sales_account": "000-4110-01",
            "discount_account": "000-4180-00",
            "tax_account": "000-2310-00",
            "tax_detail": "WEBTAX",
            "customer_prefix": prefix,
        }

    return values


def finance_operations(simulator: Simulator, name: str) -> dict[str, str]:
    return {
        "environment_url": simulator.url,
        "authority": simulator.url,
        **ENTRA,
        "legal_entity": "acuk",
        "default_warehouse": "WEB",
        "customer_group": "WEB",
        "dimension_format": "CostCenter,Department,BusinessUnit",
        "sales_account": "401100",
        "charges_account": "401200",
        "prices_include_tax": "yes",
        "return_reason": "REFUND",
        "return_disposition": "CREDIT",
        "payment_journal": "WEBPAY",
        "refund_journal": "REFUND",
    }


def nav(simulator: Simulator, name: str) -> dict[str, str]:
    return {
        "interface": "odata",
        "base_url": f"{simulator.url}/DynamicsNAV110",
        "company": "Acme Outdoor Ltd.",
        "sign_in": "access_key",
        "user": "CONNECTOR",
        "password": "Q2xvdWRiZXJyeS1Nb29yLVdhbGstU2FuZGJveC1LZXk=",
        "local_currency": "GBP",
        "prices_include_tax": "yes",
        "posting": "action",
        "post_action": "Post",
    }


GP_LOOKUPS = {
    "price_tax_rates": {"BOOKS": "0"},
    "charges": {
        "shipping": "account:000-4400-00",
        "handling": "account:000-4410-00",
        "wrapping": "account:000-4410-00",
        "fee": "account:000-4410-00",
        "adjustment": "account:000-4190-00",
        "tax": "account:000-2310-00",
        "gift_certificate": "account:000-4410-00",
        "rounding": "account:000-4410-00",
    },
    "customer_classes": {"*": "WEB"},
    "currencies": {"GBP": "-", "EUR": "Z-EURO", "USD": "Z-US$"},
    "exchange_rates": {"EUR": "0.8612", "USD": "0.7904"},
    "sales_accounts": {"*": "000-4110-01"},
    "tax_details": {"*": "WEBTAX"},
}

GOODS = {"items_flow": "align", "prices_flow": "write", "stock_flow": "write"}
GOODS_WITH_TAX = {**GOODS, "price_tax": "add", "price_tax_rate": "20"}

ACME = Company(
    slug="acme",
    name="Acme Outdoor",
    domain="acme-outdoor.example",
    store=shop("bigcommerce", "Acme web shop", "acme-shop", bigcommerce("acme0utd00r")),
    erp=ledger("business_central", "Acme ledger", "acme-bc", business_central),
    prefix="WEB-",
    settings=GOODS,
    lookups={
        "charges": {
            "shipping": "account:6610",
            "handling": "account:6620",
            "wrapping": "account:6630",
            "gift_certificate": "account:6650",
            "rounding": "account:6690",
            "adjustment": "account:6690",
        },
        "tax_areas": {"IE": "EU", "DE": "EU", "FR": "EU"},
        "tax_codes": {"no_tax": "NOVAT"},
    },
    first_orders=(
        {},
        {"country": "DE"},
        {"coupon": {"code": "AUTUMN", "percent": 15}},
        {},
        {"unknown_sku": True},
        {"customer": {"guest": True}},
        {
            "lines": [
                {"sku": "TENT-2P-GRN", "quantity": 1},
                {"sku": "BOOK-LAKES", "quantity": 2},
            ]
        },
        {"status_id": 7},
        {"fees": [{"name": "Eco packaging", "amount": "1.50"}]},
        {"gift_certificate_amount": "20.00"},
        {},
        {"status_id": 6},
    ),
)

HARBOUR = Company(
    slug="harbour",
    name="Harbour Supplies",
    domain="harbour-supplies.example",
    store=shop("bigcommerce", "Harbour web shop", "harbour-shop", bigcommerce("harb0ursupply")),
    erp=ledger(
        "gp",
        "Harbour GP",
        "gp",
        gp("HB", account={}),
        relay=Relay(
            site="Harbour head office",
            user=r"CONTOSO\svc-gp",
            password=GP_ACCOUNT["password"],
            page="/GPService/Tenants(DefaultTenant)/help",
        ),
    ),
    prefix="HB-",
    settings=GOODS_WITH_TAX,
    lookups=GP_LOOKUPS,
    first_orders=({}, {"country": "DE"}, {"unknown_sku": True}, {}, {"status_id": 7}, {}),
)

LUMEN = Company(
    slug="lumen",
    name="Lumen Home",
    domain="lumen-home.example",
    store=shop("adobe_commerce", "Lumen Commerce", "lumen-shop", adobe_commerce),
    erp=ledger("gp", "Lumen GP", "gp", gp("LU")),
    prefix="LU-",
    settings={
        **GOODS_WITH_TAX,
        "customers_flow": "to_store",
        "customers_create": "yes",
    },
    lookups=GP_LOOKUPS,
    first_orders=(
        {},
        {"kind": "configurable"},
        {"kind": "bundle_fixed"},
        {"payment": "authorized"},
        {"store": "de"},
        {"coupon": {"code": "AUTUMN", "percent": 10}},
    ),
)

ALDER = Company(
    slug="alder",
    name="Alder Sports",
    domain="alder-sports.example",
    store=shop("bigcommerce", "Alder web shop", "alder-shop", bigcommerce("a1dersp0rts")),
    erp=ledger("finance_operations", "Alder F&O", "alder-fo", finance_operations),
    prefix="AS-",
    settings={"items_flow": "align"},
    lookups={
        "charges": {
            "shipping": "item:FREIGHT",
            "handling": "item:HANDLING",
            "wrapping": "item:GIFT-WRAP",
            "fee": "item:SERVICE-FEE",
            "discount": "item:DISCOUNT",
            "gift_certificate": "item:GIFT-CARD",
            "tax": "item:STORE-TAX",
            "rounding": "item:ROUNDING",
            "adjustment": "item:ROUNDING",
        },
        "tax_codes": {"no_tax": "EXEMPT"},
        "payment_accounts": {"*": "CARD-CLR"},
        "payment_methods": {"*": "CARD"},
    },
    first_orders=({}, {"handling": "3.33"}, {"unknown_sku": True}, {}, {}),
)

BROOK = Company(
    slug="brook",
    name="Brook Cycles",
    domain="brook-cycles.example",
    store=shop("bigcommerce", "Brook web shop", "brook-shop", bigcommerce("br00kcycles")),
    erp=ledger("nav", "Brook NAV", "brook-nav", nav),
    prefix="BR-",
    settings={
        "document_kind": "posted_invoice",
        "refund_kind": "posted_credit_memo",
        **GOODS,
        "customers_flow": "both",
    },
    lookups={"charges": ACME.lookups["charges"], "tax_codes": {"no_tax": "NOVAT"}},
    first_orders=({}, {"country": "GB"}, {"unknown_sku": True}, {}, {"status_id": 7}),
)

COMPANIES = (ACME, HARBOUR, LUMEN, ALDER, BROOK)
