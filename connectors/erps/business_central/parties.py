"""Customers of Business Central as ``Party``, and back into the properties that differ. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from connectors.erps.business_central.documents import phone
from connectors.kit.odata import decoded
from connectors.kit.reader import Reader
from connectors.records import Address, Party

Json = Mapping[str, Any]
BLANK_ID = "00000000-0000-0000-0000-000000000000"
SELECT = (
    "id,number,displayName,type,addressLine1,addressLine2,city,state,country,postalCode,"
    "phoneNumber,email,currencyCode,paymentTermsId,blocked,lastModifiedDateTime"
)
EMAIL_LENGTH = 80
# Property -> usable length (table Customer). The e-mail address is never shortened.
LENGTHS = {
    "displayName": 100,
    "addressLine1": 100,
    "addressLine2": 50,
    "city": 30,
    "state": 30,
    "postalCode": 20,
    "country": 10,
}


def from_row(row: Json, terms: Mapping[str, str]) -> Party:
    """``terms`` gives the code of a payment terms id. Raises UnexpectedShape."""
    read = Reader(row, "customer")
    name = read.text("displayName", "")
    is_company = decoded(read.text("type", "Company")) != "Person"
    first, _, last = name.strip().rpartition(" ")
    number = read.text("number")
    telephone = read.text("phoneNumber", "")
    address = Address(
        first_name="" if is_company else first,
        last_name="" if is_company else last,
        company=name if is_company else "",
        street_1=read.text("addressLine1", ""),
        street_2=read.text("addressLine2", ""),
        city=read.text("city", ""),
        state=read.text("state", ""),
        postal_code=read.text("postalCode", ""),
        country_code=read.text("country", ""),
        phone=telephone,
    )
    placed = any((address.street_1, address.street_2, address.city, address.postal_code))
    return Party(
        external_id=read.text("id"),
        number=number,
        name=name,
        email=read.text("email", "").partition(";")[0].strip(),
        first_name=address.first_name,
        last_name=address.last_name,
        company=address.company,
        phone=telephone,
        addresses=(address,) if placed else (),
        payment_terms=terms.get(read.text("paymentTermsId", ""), ""),
        is_blocked=bool(decoded(read.text("blocked", "")).strip()),
        modified_at=modified_at(read),
        fields={"currency": read.text("currencyCode", "")},
    )


def modified_at(read: Reader) -> datetime | None:
    """None for a blank instant."""
    text = read.text("lastModifiedDateTime", "")
    if not text or text.startswith("0001-01-01"):
        return None
    return read.convert("lastModifiedDateTime", datetime.fromisoformat)


def changes(party: Party, current: Json, terms_id: Callable[[str], str]) -> dict[str, Any]:
    """The properties to send so that ``current`` agrees with ``party``; only those that differ. An
    empty name, empty payment terms and a missing address mean "as it is"."""
    wanted: dict[str, str] = {"phoneNumber": phone(party.phone)}
    if party.name.strip():
        wanted["displayName"] = party.name.strip()
    if party.addresses:
        main = party.addresses[0]
        wanted |= {
            "addressLine1": main.street_1,
            "addressLine2": main.street_2,
            "city": main.city,
            "state": main.state,
            "postalCode": main.postal_code.upper(),
            "country": main.country_code.upper(),
        }
    body: dict[str, Any] = {}
    for name, value in wanted.items():
        cut = value[: LENGTHS.get(name, len(value))].rstrip()
        if cut != str(current.get(name) or ""):
            body[name] = cut
    held = [part.strip() for part in str(current.get("email") or "").split(";") if part.strip()]
    if party.email and party.email.casefold() not in (part.casefold() for part in held[:1]):
        body["email"] = ";".join([party.email, *held[1:]])
    if party.payment_terms:
        wanted_id = terms_id(party.payment_terms)
        if wanted_id != str(current.get("paymentTermsId") or BLANK_ID):
            body["paymentTermsId"] = wanted_id
    return body
