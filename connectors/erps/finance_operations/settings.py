"""What a person fills in to connect a Finance & Operations environment, and what it comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from connectors.contract import Setting
from connectors.errors import NeedsAttention

_GUID = r"^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$"
YES_NO = (("yes", "Yes"), ("no", "No"))
_SALES, _CREDITS, _MONEY = "Sales documents", "Refunds", "Payments"
_CUSTOMERS, _ADVANCED = "New customers", "Advanced"

SETTINGS = (
    Setting(
        name="environment_url",
        label="Environment address",
        kind="url",
        help="The whole address as people open it, https://contoso.operations.dynamics.com for "
        "instance.",
    ),
    Setting(
        name="tenant_id",
        label="Entra tenant ID",
        help="The directory ID of the company's Microsoft Entra tenant.",
        pattern=_GUID,
    ),
    Setting(
        name="client_id",
        label="Application (client) ID",
        help="Of the Entra app registration. It must also be registered in the environment under "
        "System administration, Setup, Microsoft Entra ID applications.",
        pattern=_GUID,
    ),
    Setting(
        name="client_secret",
        label="Client secret",
        kind="secret",
        help="The secret's value. Entra shows it once.",
    ),
    Setting(
        name="legal_entity",
        label="Legal entity",
        required=False,
        help="The company, up to four characters as in usmf. Ping the connection once without it, "
        "then choose from the list.",
        pattern=r"^[A-Za-z0-9_]{1,4}$",
    ),
    Setting(
        name="default_warehouse",
        label="Warehouse",
        required=False,
        help="Ships what no row of Warehouses by shipping method says otherwise. An order needs a "
        "site, which comes from its warehouse.",
        group=_SALES,
        max_length=10,
    ),
    Setting(
        name="default_site",
        label="Site",
        required=False,
        help="Only for orders without a warehouse.",
        group=_SALES,
        max_length=10,
    ),
    Setting(
        name="discount_style",
        label="Line discounts are",
        kind="choice",
        choices=(("unit", "an amount for each unit"), ("line", "an amount for the whole line")),
        default="unit",
        help="How the environment takes the amount of a line discount. If the first order with a "
        "discount and a quantity above one does not agree, it is the other one.",
        group=_SALES,
    ),
    Setting(
        name="sales_tax",
        label="The sales tax group comes from",
        kind="choice",
        choices=(
            ("address", "Finance & Operations: customer or delivery address"),
            ("customer", "Tax areas by country, on new customers"),
            ("document", "Tax areas by country, on each document"),
        ),
        default="address",
        help="A group on a customer overrides one that is found by delivery address.",
        group=_SALES,
    ),
    Setting(
        name="prices_include_tax",
        label="Customers' prices include sales tax",
        kind="choice",
        choices=YES_NO,
        default="no",
        help="For free text documents, return orders and new customers: as the store's prices are. "
        "Sales orders follow the store by themselves.",
        group=_SALES,
    ),
    Setting(
        name="dimension_format",
        label="Financial dimensions in order",
        required=False,
        help="The segments of the active default dimension format for data entities, separated by "
        "commas: CostCenter,Department. The format belongs to the whole environment.",
        group=_SALES,
        pattern=r"^[A-Za-z0-9_ ]+(,[A-Za-z0-9_ ]+){0,9}$",
    ),
    Setting(
        name="sales_account",
        label="Main account for goods on free text documents",
        required=False,
        help="Where no row of Sales accounts by item class says otherwise.",
        group=_SALES,
        max_length=20,
    ),
    Setting(
        name="charges_account",
        label="Main account for charges on free text documents",
        required=False,
        help="For charges whose row in Charges and special lines names an item.",
        group=_SALES,
        max_length=20,
    ),
    Setting(
        name="refund_document",
        label="Refunds become",
        kind="choice",
        choices=(
            ("free_text", "Free text credit notes"),
            ("return_order", "Return orders"),
        ),
        default="free_text",
        group=_CREDITS,
    ),
    Setting(
        name="credit_sign",
        label="What is negative on a credit note",
        kind="choice",
        choices=(("quantity", "The quantity"), ("price", "The unit price")),
        default="quantity",
        group=_CREDITS,
    ),
    Setting(
        name="return_reason",
        label="Return reason code",
        required=False,
        help="For return orders.",
        group=_CREDITS,
        max_length=10,
    ),
    Setting(
        name="return_disposition",
        label="Disposition code",
        required=False,
        help="For return orders. One of the action “Credit only” needs no arrival of goods.",
        group=_CREDITS,
        max_length=10,
    ),
    Setting(
        name="payment_journal",
        label="Journal name for payments",
        required=False,
        help="A customer payment journal. Needed where the route books payments.",
        group=_MONEY,
        max_length=10,
    ),
    Setting(
        name="refund_journal",
        label="Journal name for money given back",
        required=False,
        help="Empty: the same as for payments.",
        group=_MONEY,
        max_length=10,
    ),
    Setting(
        name="journal_for",
        label="One journal for each",
        kind="choice",
        choices=(("order", "payment"), ("day", "ledger day")),
        default="order",
        group=_MONEY,
    ),
    Setting(
        name="customer_numbers",
        label="Customer accounts",
        kind="choice",
        choices=(
            ("automatic", "are given by Finance & Operations"),
            ("manual", "are given by us"),
        ),
        default="automatic",
        help="As the number sequence for customer accounts says: Manual “Yes” means by us.",
        group=_CUSTOMERS,
    ),
    Setting(
        name="customer_prefix",
        label="Our customer accounts begin with",
        default="WEB",
        required=False,
        group=_CUSTOMERS,
        pattern=r"^[A-Za-z0-9\-]{0,8}$",
    ),
    Setting(
        name="customer_group",
        label="Customer group",
        help="Where no row of Customer classes by customer group says otherwise.",
        group=_CUSTOMERS,
        required=False,
        max_length=10,
    ),
    Setting(
        name="language",
        label="Language",
        required=False,
        help="Of new customers, as in en-us. Empty: the environment's choice.",
        group=_CUSTOMERS,
        max_length=7,
    ),
    Setting(
        name="order_entity",
        label="Sales order entity",
        kind="choice",
        choices=(
            ("auto", "The newest that the environment has"),
            ("V4", "SalesOrderHeadersV4"),
            ("V3", "SalesOrderHeadersV3"),
            ("V2", "SalesOrderHeadersV2"),
        ),
        default="auto",
        group=_ADVANCED,
    ),
    Setting(
        name="lines_written",
        label="Lines are written",
        kind="choice",
        choices=(
            ("single", "one by one, resumed where they broke off"),
            ("together", "all in one transaction ($batch)"),
        ),
        default="single",
        help="Together is faster for orders of many lines, and no batch job ever sees a part of an "
        "order.",
        group=_ADVANCED,
    ),
    Setting(
        name="request_timeout_seconds",
        label="Longest wait for an answer (seconds)",
        kind="integer",
        default="120",
        help="The first call after a restart of the environment can be very slow.",
        group=_ADVANCED,
        pattern=r"^\d{1,3}$",
    ),
    Setting(
        name="requests_in_flight",
        label="Requests at the same time",
        kind="integer",
        default="4",
        group=_ADVANCED,
        pattern=r"^[1-9]\d?$",
    ),
    Setting(
        name="authority",
        label="Sign-in address",
        kind="url",
        default="https://login.microsoftonline.com",
        group=_ADVANCED,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """The settings that shape documents, as values."""

    warehouse: str
    site: str
    discount_style: str
    sales_tax: str
    include_tax: bool
    lines_together: bool
    sales_account: str
    charges_account: str
    refund_document: str
    credit_sign: str
    return_reason: str
    return_disposition: str
    payment_journal: str
    refund_journal: str
    journal_for: str
    customer_numbers: str
    customer_prefix: str
    customer_group: str
    language: str

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Choices:
        def text(name: str, default: str = "") -> str:
            return values.get(name, "").strip() or default

        return cls(
            warehouse=text("default_warehouse"),
            site=text("default_site"),
            discount_style=text("discount_style", "unit"),
            sales_tax=text("sales_tax", "address"),
            include_tax=text("prices_include_tax") == "yes",
            lines_together=text("lines_written") == "together",
            sales_account=text("sales_account"),
            charges_account=text("charges_account"),
            refund_document=text("refund_document", "free_text"),
            credit_sign=text("credit_sign", "quantity"),
            return_reason=text("return_reason"),
            return_disposition=text("return_disposition"),
            payment_journal=text("payment_journal"),
            refund_journal=text("refund_journal") or text("payment_journal"),
            journal_for=text("journal_for", "order"),
            customer_numbers=text("customer_numbers", "automatic"),
            customer_prefix=text("customer_prefix"),
            customer_group=text("customer_group"),
            language=text("language"),
        )


def environment_of(text: str) -> str:
    """The environment's address in the one spelling that tokens are made for: lower case, no path
    and no slash at its end (Microsoft, "Troubleshoot service authentication")."""
    parts = urlsplit(text.strip())
    if not parts.scheme or not parts.netloc:
        raise NeedsAttention(
            f"environment address {text!r}",
            reason="The environment's address is not an address.",
            advice="Enter it as people open it: https://contoso.operations.dynamics.com.",
            code="settings",
        )
    return f"{parts.scheme}://{parts.netloc}".lower()
