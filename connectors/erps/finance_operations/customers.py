"""Customers: drafts into request bodies, rows into records. Pure."""

from __future__ import annotations

from typing import Any

from connectors.erps.finance_operations.client import Json
from connectors.erps.finance_operations.countries import country_id
from connectors.erps.finance_operations.settings import Choices
from connectors.errors import NeedsAttention
from connectors.kit.reader import Reader
from connectors.records import CustomerDraft, ErpCustomer

ENTITY = "CustomersV3"
ACCOUNT_LENGTH = 20
SELECT = (
    "CustomerAccount",
    "OrganizationName",
    "PrimaryContactEmail",
    "SalesCurrencyCode",
    "OnHoldStatus",
)
_PROPERTIES = {
    "currency": "SalesCurrencyCode",
    "email": "PrimaryContactEmail",
    "phone": "PrimaryContactPhone",
    "payment_terms": "PaymentTerms",
    "city": "AddressCity",
    "state": "AddressState",
    "postal_code": "AddressZipCode",
}
# CustVendorBlocked -> what is stopped for us; the other members stop nothing that we do.
_STOPPED = {"All": "all", "Invoice": "invoice"}


def street_of(fields: dict[str, str], prefix: str = "") -> str:
    """Street lines in one text, as the address book keeps them."""
    lines = (fields.get(f"{prefix}street_1", ""), fields.get(f"{prefix}street_2", ""))
    return "\n".join(line for line in lines if line)


def account_number(draft: CustomerDraft, choices: Choices) -> str:
    """The account that we give under a manual number sequence: the same for the same shopper."""
    return f"{choices.customer_prefix}{draft.sequence:06d}"


def to_body(draft: CustomerDraft, choices: Choices, dimension: str) -> dict[str, Any]:
    """The body of the create, without the company."""
    fields = draft.fields
    group = fields.get("customer_group") or choices.customer_group
    if not group:
        raise NeedsAttention(
            "no customer group",
            reason="No customer group is chosen for new customers.",
            advice="Enter the customer group in the connection's settings.",
            code="settings",
        )
    body: dict[str, Any] = {"CustomerGroupId": group}
    if choices.customer_numbers == "manual":
        body["CustomerAccount"] = account_number(draft, choices)
    body |= _name(draft)
    if language := fields.get("language") or choices.language:
        body["LanguageId"] = language
    for name, field in _PROPERTIES.items():
        if value := fields.get(name, ""):
            body[field] = value
    if street := street_of(fields):
        body["AddressStreet"] = street
    if country := country_id(fields.get("country", ""), fields.get("country_iso", "")):
        body["AddressCountryRegionId"] = country
        body["AddressDescription"] = draft.display_name[:60]
    # Return orders take their pricing mode from here.
    body["IsSalesTaxIncludedInPrices"] = "Yes" if choices.include_tax else "No"
    if choices.sales_tax == "customer" and (tax_group := fields.get("sales_tax_group")):
        body["SalesTaxGroup"] = tax_group
    if dimension:
        body["DefaultDimensionDisplayValue"] = dimension
    return body


def _name(draft: CustomerDraft) -> dict[str, str]:
    """A person needs a first name; what has none is an organization."""
    first = draft.fields.get("first_name", "")
    if draft.fields.get("party_type") == "Person" and first:
        names = {"PartyType": "Person", "PersonFirstName": first}
        if last := draft.fields.get("last_name", ""):
            names["PersonLastName"] = last
        return names
    return {"PartyType": "Organization", "OrganizationName": draft.display_name[:100]}


def from_row(row: Json) -> ErpCustomer:
    read = Reader(row, ENTITY)
    number = read.text("CustomerAccount")
    return ErpCustomer(
        external_id=number,
        number=number,
        name=read.text("OrganizationName", ""),
        email=read.text("PrimaryContactEmail", ""),
        currency=read.text("SalesCurrencyCode", ""),
        blocked=_STOPPED.get(read.text("OnHoldStatus", "No"), ""),
    )
