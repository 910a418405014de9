"""Commerce's customers and addresses into ``records.Party`` and back: pure.

A customer has an e-mail address that is unique in its website, and both names, always; company
and phone stand in the addresses, there is no number but the id, no block, and no payment terms. A
name of one word, or a company alone, is the last name with a hyphen for the first; a hyphen is the
phone of an address without one. Source: Adobe, customer REST schema.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connectors.kit.reader import Reader
from connectors.records import Address, Party
from connectors.stores.adobe_commerce.amounts import to_instant

NOTHING = "-"
NEEDED = (("street", "street"), ("city", "city"), ("country_id", "country"))
Region = Callable[[str, str], Mapping[str, object] | None]  # (country, state) -> region
Json = Mapping[str, Any]


def to_party(raw: Json) -> Party:
    row = Reader(raw, "customer")
    external_id = str(row.integer("id"))
    first, last = _there(row.text("firstname", "")), _there(row.text("lastname", ""))
    addresses = tuple(to_address(place) for place in in_order(raw))
    main = addresses[0] if addresses else Address()
    return Party(
        external_id=external_id,
        number=external_id,
        name=f"{first} {last}".strip(),
        email=row.text("email", "").strip(),
        first_name=first,
        last_name=last,
        company=main.company,
        phone=main.phone,
        addresses=addresses,
        group=str(row.integer("group_id", 0) or ""),
        modified_at=row.convert("updated_at", to_instant) if "updated_at" in row else None,
        fields={"website_id": str(row.integer("website_id", 0))},
    )


def in_order(raw: Json) -> list[Json]:
    """The address book: the default for bills first, else that for deliveries, then by id."""
    rows: list[Json] = [place for place in raw.get("addresses") or () if isinstance(place, Mapping)]
    return sorted(
        rows,
        key=lambda place: (
            not place.get("default_billing"),
            not place.get("default_shipping"),
            int(place.get("id") or 0),
        ),
    )


def to_address(raw: Json) -> Address:
    row = Reader(raw, "customer.addresses[]")
    street = [str(line) for line in row.raw("street") or () if line]
    region = row.object("region")
    return Address(
        first_name=_there(row.text("firstname", "")),
        last_name=_there(row.text("lastname", "")),
        company=row.text("company", ""),
        street_1=street[0] if street else "",
        street_2=", ".join(street[1:]),
        city=row.text("city", ""),
        state=(region.text("region", "") or region.text("region_code", "")) if region else "",
        postal_code=row.text("postcode", ""),
        country_code=row.text("country_id", ""),
        phone=_there(row.text("telephone", "")),
    )


def unfit(party: Party, known: Json | None) -> str:
    """Why a customer cannot be sent at all, in words; empty if it can."""
    if not party.email.strip():
        return "The customer has no e-mail address, and the store knows customers by it."
    if not names(party)[1]:
        return "The customer has no name."
    for address in party.addresses:
        row = _core(address)
        missing = [label for name, label in NEEDED if not row[name]]
        if missing:
            return f"An address lacks its {' and '.join(missing)}."
    if not party.addresses and not (known and known.get("addresses")):
        if party.phone:
            return "Adobe Commerce keeps the phone number in an address, and there is none."
        if party.company and party.company != _full_name(party):
            return "Adobe Commerce keeps the company's name in an address, and there is none."
    return ""


def new_customer(party: Party, website_id: int, region: Region) -> dict[str, Any]:
    """The store gives the customer its usual group."""
    first, last = names(party)
    row: dict[str, Any] = {"email": party.email.strip(), "firstname": first, "lastname": last}
    if website_id:
        row["website_id"] = website_id
    row["addresses"] = _addresses(party, [], region)
    return row


def merged(known: Json, party: Party, region: Region) -> dict[str, Any]:
    """The whole customer as it will be: PUT replaces, and what is left out is lost."""
    first, last = names(party)
    row = {**known, "email": party.email.strip() or known.get("email")}
    row |= {"firstname": first, "lastname": last}
    if party.external_id and party.group.isdigit():
        row["group_id"] = int(party.group)
    row["addresses"] = _addresses(party, in_order(known), region)
    for kind in ("billing", "shipping"):
        chosen = next((a for a in row["addresses"] if a.get(f"default_{kind}")), None)
        if chosen is not None and "id" in chosen:
            row[f"default_{kind}"] = str(chosen["id"])
    return row


def names(party: Party) -> tuple[str, str]:
    """(first, last), neither of them empty unless nothing is known."""
    first, last = party.first_name.strip(), party.last_name.strip()
    if first and last:
        return first, last
    if first or last:
        return NOTHING, first or last
    if party.company.strip():
        return NOTHING, party.company.strip()
    head, _, tail = " ".join(party.name.split()).rpartition(" ")
    return (head, tail) if head else (NOTHING if tail else "", tail)


def _addresses(party: Party, known: Sequence[Json], region: Region) -> list[dict[str, Any]]:
    """Every address of the store's book, so that none is deleted, with the wanted ones in it.

    One that is there already stays; the others take the places of addresses that are not wanted,
    the main one that of the main one, since an address that was corrected must not stand twice.
    What is left over is the shopper's own.
    """
    wanted = [_row(party, place, region) for place in range(len(party.addresses))]
    book = [dict(row) for row in known]
    if not wanted and book:
        book[0] |= _of_party(party)
        return book
    there = {_sameness(row): at for at, row in enumerate(book)}
    taken = {there[key] for row in wanted if (key := _sameness(row)) in there}
    free = [at for at in range(len(book)) if at not in taken]
    for row in wanted:
        if _sameness(row) in there:
            continue
        if free:
            book[free.pop(0)] |= row
        else:
            book.append(row)
    for kind in ("default_billing", "default_shipping"):
        if book and not any(row.get(kind) for row in book):
            book[0][kind] = True
    return book


def _row(party: Party, place: int, region: Region) -> dict[str, Any]:
    address = party.addresses[place]
    first, last = names(party)
    row: dict[str, Any] = {
        "firstname": address.first_name or first,
        "lastname": address.last_name or last,
        **_core(address),
        "telephone": address.phone or NOTHING,
        "company": address.company,
    }
    found = region(row["country_id"], address.state)
    row["region"] = dict(found) if found else {"region_code": "", "region": "", "region_id": 0}
    row["region_id"] = row["region"]["region_id"]
    if place == 0:
        row |= _of_party(party)
    return row


def _of_party(party: Party) -> dict[str, Any]:
    """What of the customer stands in the main address. A customer that was read from the store
    says it all; one that comes from elsewhere may say it in the address only."""
    main = party.addresses[0] if party.addresses else Address()
    if party.external_id:
        return {"telephone": party.phone or NOTHING, "company": party.company}
    said = {"telephone": party.phone or main.phone, "company": party.company or main.company}
    return {name: text for name, text in said.items() if text}


def _core(address: Address) -> dict[str, Any]:
    return {
        "street": [line for line in (address.street_1.strip(), address.street_2.strip()) if line],
        "city": address.city.strip(),
        "postcode": address.postal_code.strip(),
        "country_id": address.country_code.strip().upper(),
    }


def _sameness(row: Json) -> tuple[Any, ...]:
    region = row.get("region")
    state = region.get("region") or region.get("region_code") if isinstance(region, Mapping) else ""
    return (
        tuple(str(line) for line in row.get("street") or () if line),
        *(str(row.get(name) or "") for name in ("city", "postcode", "country_id", "company")),
        *(str(row.get(name) or "") for name in ("firstname", "lastname", "telephone")),
        str(state or ""),
    )


def _full_name(party: Party) -> str:
    return " ".join(name for name in names(party) if name != NOTHING)


def _there(text: str) -> str:
    return "" if text.strip() == NOTHING else text
