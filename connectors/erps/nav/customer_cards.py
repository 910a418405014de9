"""Customers of NAV as ``Party``, and back into the fields that differ. Pure.

NAV's card does not say whether a customer is a person or a company: it has one name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from connectors.erps.nav.metadata import Service, plain
from connectors.erps.nav.parties import street
from connectors.kit.reader import Reader
from connectors.records import Address, Party

Json = Mapping[str, Any]
BLANK_ID = "00000000-0000-0000-0000-000000000000"
PAGE_FIELDS = (
    "No",
    "Name",
    "Address",
    "Address_2",
    "City",
    "County",
    "Post_Code",
    "Country_Region_Code",
    "Phone_No",
    "E_Mail",
    "Payment_Terms_Code",
    "Currency_Code",
    "Blocked",
)
API_FIELDS = (
    "id",
    "number",
    "displayName",
    "address",
    "phoneNumber",
    "email",
    "currencyCode",
    "paymentTermsId",
    "blocked",
    "lastModifiedDateTime",
)
# A post code that is entered fills city, county and country from NAV's own list: what belongs
# together is entered together, the post code first.
_PLACE = ("Country_Region_Code", "Post_Code", "City", "County")
_CODES = ("Country_Region_Code", "Post_Code", "Payment_Terms_Code")
_API_LENGTHS = {"city": 30, "state": 30, "countryLetterCode": 10, "postalCode": 20}
PHONE_LENGTH = 30
_BREAK = re.compile(r"\r\n|\r|\n")
_NOT_PHONE = re.compile(r"[^0-9+()/.\- ]")  # NAV refuses letters in a phone number


def from_page(row: Json) -> Party:
    """Raises UnexpectedShape."""
    read = Reader(row, "Customer")
    number = read.text("No")
    return _party(
        external_id=number,
        number=number,
        name=read.text("Name", ""),
        email=read.text("E_Mail", ""),
        phone=read.text("Phone_No", ""),
        place=(
            read.text("Address", ""),
            read.text("Address_2", ""),
            read.text("City", ""),
            read.text("County", ""),
            read.text("Post_Code", ""),
            read.text("Country_Region_Code", ""),
        ),
        payment_terms=read.text("Payment_Terms_Code", ""),
        currency=read.text("Currency_Code", ""),
        blocked=read.text("Blocked", ""),
    )


def from_api(row: Json, terms: Mapping[str, str]) -> Party:
    """``terms`` gives the code of a payment terms id. Raises UnexpectedShape."""
    read = Reader(row, "customer")
    postal = read.object("address") or Reader({}, "address")
    first, *rest = _BREAK.split(postal.text("street", ""), maxsplit=1)
    return _party(
        external_id=read.text("id"),
        number=read.text("number"),
        name=read.text("displayName", ""),
        email=read.text("email", ""),
        phone=read.text("phoneNumber", ""),
        place=(
            first,
            "".join(rest),
            postal.text("city", ""),
            postal.text("state", ""),
            postal.text("postalCode", ""),
            postal.text("countryLetterCode", ""),
        ),
        payment_terms=terms.get(read.text("paymentTermsId", ""), ""),
        currency=read.text("currencyCode", ""),
        blocked=read.text("blocked", ""),
        modified_at=changed_at(read),
    )


def changed_at(read: Reader) -> datetime | None:
    """When the API says that a record was changed; None for a blank instant."""
    text = read.text("lastModifiedDateTime", "")
    if not text or text.startswith("0001-01-01"):
        return None
    return read.convert("lastModifiedDateTime", datetime.fromisoformat)


def _party(
    *,
    external_id: str,
    number: str,
    name: str,
    email: str,
    phone: str,
    place: tuple[str, str, str, str, str, str],
    payment_terms: str,
    currency: str,
    blocked: str,
    modified_at: datetime | None = None,
) -> Party:
    first_line, second_line, city, state, postal_code, country = place
    first, _, last = name.strip().rpartition(" ")
    address = Address(
        first_name=first or last,
        last_name=last if first else "",
        street_1=first_line,
        street_2=second_line,
        city=city,
        state=state,
        postal_code=postal_code,
        country_code=country,
        phone=phone,
    )
    return Party(
        external_id=external_id,
        number=number,
        name=name,
        email=email.partition(";")[0].strip(),
        first_name=address.first_name,
        last_name=address.last_name,
        phone=phone,
        addresses=(address,) if any((first_line, second_line, city, postal_code)) else (),
        payment_terms=payment_terms,
        is_blocked=bool(plain(blocked)),
        modified_at=modified_at,
        fields={"currency": currency},
    )


def page_changes(party: Party, current: Json, service: Service) -> tuple[dict[str, str], list[str]]:
    """(fields to enter, in the order of entry; fields that differ and that the page lacks). An
    empty name, empty payment terms and a missing address mean "as it is"."""
    wanted = _wanted(party, str(current.get("E_Mail") or ""))
    differing = {
        name
        for name, value in wanted.items()
        if _cut(name, value, service) != str(current.get(name) or "")
    }
    if differing & set(_PLACE):
        differing |= set(_PLACE) & set(wanted)
    shown = {
        name: _cut(name, value, service)
        for name, value in wanted.items()
        if name in differing and name in service
    }
    absent = [name for name in wanted if name in differing and name not in service and wanted[name]]
    return shown, absent


def _wanted(party: Party, held: str) -> dict[str, str]:
    found: dict[str, str] = {}
    if party.name.strip():
        found["Name"] = party.name.strip()
    if party.addresses:
        main = party.addresses[0]
        found |= {
            "Address": main.street_1,
            "Address_2": main.street_2,
            "Country_Region_Code": main.country_code.strip(),
            "Post_Code": main.postal_code.strip(),
            "City": main.city,
            "County": main.state,
        }
    found["Phone_No"] = _phone(party.phone)
    if party.email:
        found["E_Mail"] = emails(party.email, held)
    if party.payment_terms:
        found["Payment_Terms_Code"] = party.payment_terms.strip()
    return found


def _cut(name: str, value: str, service: Service) -> str:
    """As the field can hold it; an e-mail address and a code of NAV's are never shortened."""
    text = value.upper() if name in _CODES else value
    length = service.length(name)
    if length is None or name in ("E_Mail", "Payment_Terms_Code", "Country_Region_Code"):
        return text
    return text[:length].rstrip()


def emails(wanted: str, held: str) -> str:
    """The field with ``wanted`` as its first address; further ones behind it stay."""
    known = [part.strip() for part in held.split(";") if part.strip()]
    if known and known[0].casefold() == wanted.casefold():
        return held
    return ";".join([wanted, *(k for k in known[1:] if k.casefold() != wanted.casefold())])


def _phone(text: str) -> str:
    return _NOT_PHONE.sub("", text).strip()[:PHONE_LENGTH]


def api_changes(
    party: Party, current: Json, terms_id: Callable[[str], str], *, name_length: int
) -> dict[str, Any]:
    """The properties that differ; the address is one property and goes whole."""
    body: dict[str, Any] = {}
    name = party.name.strip()[:name_length].rstrip()
    if name and name != str(current.get("displayName") or ""):
        body["displayName"] = name
    if party.addresses:
        main = party.addresses[0]
        address = {
            "street": street(
                main.street_1[:name_length].rstrip(), main.street_2[:name_length][:50].rstrip()
            ),
            "city": main.city,
            "state": main.state,
            "countryLetterCode": main.country_code.strip().upper(),
            "postalCode": main.postal_code.strip().upper(),
        }
        address = {
            key: text[: _API_LENGTHS.get(key, len(text))].rstrip() for key, text in address.items()
        }
        held = current.get("address")
        there = held if isinstance(held, Mapping) else {}
        if any(text != _one_break(str(there.get(key) or "")) for key, text in address.items()):
            body["address"] = address
    phone = _phone(party.phone)
    if phone != str(current.get("phoneNumber") or ""):
        body["phoneNumber"] = phone
    if party.email:
        text = emails(party.email, str(current.get("email") or ""))
        if text != str(current.get("email") or ""):
            body["email"] = text
    if party.payment_terms:
        wanted = terms_id(party.payment_terms)
        if wanted != str(current.get("paymentTermsId") or BLANK_ID):
            body["paymentTermsId"] = wanted
    return body


def _one_break(text: str) -> str:
    """A street with the line break that we write; which one NAV answers with is not documented."""
    return _BREAK.sub("\r\n", text)
