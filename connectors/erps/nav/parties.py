"""Customers and items as both interfaces show them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.erps.nav.metadata import plain
from connectors.kit.reader import Reader
from connectors.records import ErpCustomer, ErpItem

Json = Mapping[str, Any]


def has_email(row: Json, field: str, email: str) -> bool:
    """Whether one of the addresses in a field, separated by semicolons, is exactly this one."""
    known = str(row.get(field, "")).split(";")
    return email.casefold() in (part.strip().casefold() for part in known)


def page_customer(row: Json) -> ErpCustomer:
    read = Reader(row, "Customer")
    number = read.text("No")
    return ErpCustomer(
        external_id=number,
        number=number,
        name=read.text("Name", ""),
        email=read.text("E_Mail", ""),
        currency=read.text("Currency_Code", ""),
        blocked=plain(read.text("Blocked", "")),
    )


def page_item(row: Json) -> ErpItem:
    read = Reader(row, "Item")
    number = read.text("No")
    return ErpItem(
        external_id=number,
        number=number,
        name=read.text("Description", ""),
        gtin=read.text("GTIN", ""),
        blocked=read.flag("Blocked"),
        unit_of_measure=read.text("Base_Unit_of_Measure", ""),
        item_class=read.text("Item_Category_Code", ""),
    )


def api_customer(row: Json) -> ErpCustomer:
    read = Reader(row, "customer")
    return ErpCustomer(
        external_id=read.text("id"),
        number=read.text("number"),
        name=read.text("displayName", ""),
        email=read.text("email", ""),
        currency=read.text("currencyCode", ""),
        blocked=plain(read.text("blocked", "")),
    )


def api_item(row: Json) -> ErpItem:
    read = Reader(row, "item")
    unit = read.object("baseUnitOfMeasure")
    return ErpItem(
        external_id=read.text("id"),
        number=read.text("number"),
        name=read.text("displayName", ""),
        gtin=read.text("gtin", ""),
        blocked=read.flag("blocked"),
        unit_of_measure=unit.text("code", "") if unit else "",
        item_class=item_category(read),
    )


def item_category(read: Reader) -> str:
    """Of an item of the API: v1.0 gives its code, beta an object."""
    category = (
        read.object("itemCategory") if isinstance(read.raw("itemCategory"), Mapping) else None
    )
    if category is not None:
        return category.text("categoryId", "")
    return read.text("itemCategoryCode", "")


def street(first: str, second: str) -> str:
    """Both lines of an address in the one property that the API has for them."""
    return f"{first}\r\n{second}" if second else first


# The API's property <- our field, where a plain text is sent.
_TEXTS = (("phoneNumber", "phone"), ("email", "email"), ("currencyCode", "currency"))
_ADDRESS = (
    ("city", "city"),
    ("state", "county"),
    ("countryLetterCode", "country"),
    ("postalCode", "post_code"),
)


def api_customer_body(name: str, fields: Mapping[str, str]) -> dict[str, Any]:
    """A new customer as far as no ids are needed."""
    body: dict[str, Any] = {"displayName": name}
    body |= {place: fields[field] for place, field in _TEXTS if fields.get(field)}
    address = {"street": street(fields.get("address", ""), fields.get("address_2", ""))}
    address |= {place: fields.get(field, "") for place, field in _ADDRESS}
    if any(address.values()):
        body["address"] = {place: text for place, text in address.items() if text}
    return body
