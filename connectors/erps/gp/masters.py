"""Items, prices, quantities and customers of GP as records. Pure.

Rows have the field names of Service Based Architecture, texts without their columns' blanks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

from connectors.erps.gp.service import Json
from connectors.kit.reader import Reader
from connectors.records import Address, CatalogItem, ItemPrice, Party, StockLevel

ZERO = Decimal(0)
# Item types with quantities: sales inventory and discontinued (taUpdateCreateItemRcd).
STOCKED_TYPES = (1, 2)


def item(row: Json) -> CatalogItem:
    """GP has no barcode, and its day of change has no time."""
    read = Reader(row, "Item")
    number = read.text("ItemNumber")
    return CatalogItem(
        external_id=number,
        number=number,
        name=read.text("Description", ""),
        item_class=read.text("ClassId", ""),
        unit_of_measure=read.text("UnitOfMeasureScheduleId", ""),
        is_blocked=read.flag("Inactive"),
        is_stocked=read.integer("ItemType", 1) in STOCKED_TYPES,
    )


def list_price(row: Json) -> ItemPrice:
    """The card's list price, in the company's own currency."""
    read = Reader(row, "Item")
    return ItemPrice(number=read.text("ItemNumber"), amount=read.decimal("ListPrice", ZERO))


def level_price(row: Json, iso_of: Callable[[str], str]) -> ItemPrice:
    """A row of an item's price list: one price level, currency, unit and quantity range."""
    read = Reader(row, "ItemPriceList")
    return ItemPrice(
        number=read.text("ItemNumber"),
        amount=read.decimal("Price", ZERO),
        currency=iso_of(read.text("CurrencyId", "")),
        price_list=read.text("PriceLevelId", ""),
        minimum_quantity=read.decimal("FromQuantity", ZERO),
        unit_of_measure=read.text("UnitOfMeasure", ""),
    )


def levels(rows: Iterable[Json]) -> Iterator[StockLevel]:
    """Quantities by site. The record without a site holds the sum of all sites: it stands only for
    an item that has no other."""
    by_item: dict[str, list[Reader]] = {}
    for row in rows:
        read = Reader(row, "ItemSite")
        by_item.setdefault(read.text("ItemNumber"), []).append(read)
    for number, records in by_item.items():
        sited = [read for read in records if read.text("SiteId", "")]
        for read in sited or records:
            yield StockLevel(
                number=number,
                on_hand=read.decimal("QuantityOnHand", ZERO),
                reserved=read.decimal("QuantityAllocated", ZERO),
                location=read.text("SiteId", ""),
            )


def party(card: Json, addresses: Sequence[Json], internet: Iterable[Json]) -> Party:
    """A customer with the address that its card names first. The e-mail is in the internet
    addresses of that address, or of another."""
    read = Reader(card, "Customer")
    number, name = read.text("CustomerId"), read.text("Name", "")
    main = read.text("AddressId", "")
    contact = read.text("ContactPerson", "")
    person = contact or name
    first, _, last = person.rpartition(" ")
    ordered = sorted(addresses, key=lambda row: not _same(row.get("AddressId"), main))
    if main and not (ordered and _same(ordered[0].get("AddressId"), main)):
        ordered.insert(0, card)
    mails = {
        str(row.get("AddressId", "")).rstrip().upper(): _email(Reader(row, "InternetAddress"))
        for row in internet
    }
    email = mails.get(main.upper()) or next((mail for mail in mails.values() if mail), "")
    return Party(
        external_id=number,
        number=number,
        name=name,
        email=email,
        first_name=first,
        last_name=last,
        company="" if _same(person, name) else name,
        phone=telephone(read.text("Phone1", "")),
        addresses=tuple(
            address
            for row in ordered
            if (address := _address(Reader(row, "CustomerAddress"), name)) is not None
        ),
        payment_terms=read.text("PaymentTermsId", ""),
        group=read.text("ClassId", ""),
        is_blocked=read.flag("Inactive") or read.flag("Hold"),
        fields={field: text for field, key in _FIELDS.items() if (text := read.text(key, ""))},
    )


_FIELDS = {
    "price_level": "PriceLevelId",
    "tax_schedule": "TaxScheduleId",
    "shipping_method": "ShippingMethodId",
    "currency_id": "CurrencyId",
    "tax_number": "TaxRegistrationNumber",
}


def telephone(text: str) -> str:
    """GP keeps fourteen digits, the last four an extension; one of zeros is none."""
    digits = re.sub(r"\D", "", text)
    if len(digits) == len(text) == 14 and digits.endswith("0000"):
        return digits[:10]
    return text.strip()


def _address(read: Reader, customer: str) -> Address | None:
    """None for an address without a place."""
    contact = read.text("ContactPerson", "")
    first, _, last = contact.rpartition(" ")
    name = read.text("ShipToName", "") or customer
    more = (read.text("Address2", ""), read.text("Address3", ""))
    address = Address(
        first_name=first,
        last_name=last,
        company="" if _same(name, contact) else name,
        street_1=read.text("Address1", ""),
        street_2=", ".join(part for part in more if part),
        city=read.text("City", ""),
        state=read.text("State", ""),
        postal_code=read.text("PostalCode", ""),
        country=read.text("Country", ""),
        country_code=read.text("CountryCode", "").upper(),
        phone=telephone(read.text("Phone1", "")),
    )
    return address if address.street_1 or address.city or address.postal_code else None


def _email(read: Reader) -> str:
    for field in ("EmailToAddress", "InternetField1"):
        for part in re.split(r"[;,]", read.text(field, "")):
            if "@" in part:
                return part.strip()
    return ""


def _same(one: object, other: object) -> bool:
    return str(one or "").strip().casefold() == str(other or "").strip().casefold()


def rows_of(groups: Mapping[str, list[Json]], customer: Json) -> list[Json]:
    return groups.get(str(customer.get("CustomerId", "")).rstrip().upper(), [])
