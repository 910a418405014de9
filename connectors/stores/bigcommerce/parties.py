"""BigCommerce's customers and addresses into ``records.Party`` and back: pure.

A customer has a first and a last name, and an e-mail address that no other customer has; there is
no number but the id, no block, and no payment terms: these are kept in a customer attribute.
Source: Customers V3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.kit.reader import Reader
from connectors.records import Address, Party
from connectors.stores.bigcommerce.goods import to_instant

# What makes an address one of its own; the vendor drops a second like it without a word.
_FIELDS = (
    ("first_name", "first_name"),
    ("last_name", "last_name"),
    ("company", "company"),
    ("address1", "street_1"),
    ("address2", "street_2"),
    ("city", "city"),
    ("state_or_province", "state"),
    ("postal_code", "postal_code"),
    ("country_code", "country_code"),
    ("phone", "phone"),
)
NEEDED = (
    ("address1", "street"),
    ("city", "city"),
    ("country_code", "country"),
)


def to_party(
    raw: Mapping[str, Any], addresses: Sequence[Mapping[str, Any]], terms_id: str
) -> Party:
    """``terms_id`` is the id of the attribute that keeps payment terms, empty if there is none."""
    row = Reader(raw, "customer")
    first, last = row.text("first_name", ""), row.text("last_name", "")
    company = row.text("company", "")
    group = row.integer("customer_group_id", 0)
    external_id = str(row.integer("id"))
    terms = ""
    for value in row.items("attributes"):
        if terms_id and str(value.integer("attribute_id")) == terms_id:
            terms = value.text("attribute_value", "")
    return Party(
        external_id=external_id,
        number=external_id,
        name=f"{first} {last}".strip() or company,
        email=row.text("email", "").strip(),
        first_name=first,
        last_name=last,
        company=company,
        phone=row.text("phone", ""),
        addresses=tuple(to_address(address) for address in addresses),
        payment_terms=terms,
        group=str(group) if group else "",
        modified_at=row.convert("date_modified", to_instant),
    )


def to_address(raw: Mapping[str, Any]) -> Address:
    row = Reader(raw, "customer.addresses[]")
    texts = {ours: row.text(theirs, "") for theirs, ours in _FIELDS}
    return Address(**texts, country=row.text("country", ""))


def new_customer(party: Party) -> dict[str, Any]:
    """Both names are needed: a name of one word stands as the last name."""
    first, last = _names(party)
    row = {**customer(party), "first_name": first, "last_name": last}
    return {**row, "email": party.email}


def customer(party: Party) -> dict[str, Any]:
    """The customer's own fields. An empty name or e-mail is not a change."""
    row: dict[str, Any] = {"company": party.company, "phone": party.phone}
    if party.email:
        row["email"] = party.email
    if party.first_name and party.last_name:
        row |= {"first_name": party.first_name, "last_name": party.last_name}
    elif party.name:
        first, last = _names(party)
        row |= {"first_name": first, "last_name": last}
    if party.group.isdigit():
        row["customer_group_id"] = int(party.group)
    return row


def _names(party: Party) -> tuple[str, str]:
    if party.first_name and party.last_name:
        return party.first_name, party.last_name
    known = f"{party.first_name} {party.last_name}".strip()
    first, _, last = (known or party.name or party.company).strip().partition(" ")
    return (first, last.strip()) if last.strip() else ("-", first)


def address(wanted: Address, party: Party) -> dict[str, str]:
    """An address as the API takes it, every field named; without names those of the customer."""
    row = {theirs: str(getattr(wanted, ours) or "") for theirs, ours in _FIELDS}
    first, last = _names(party)
    row["first_name"] = row["first_name"] or first
    row["last_name"] = row["last_name"] or last
    row["country_code"] = row["country_code"].upper()
    return row


def address_lacks(wanted: Address) -> str:
    """Why an address cannot be sent, in words; empty if it can."""
    row = {theirs: str(getattr(wanted, ours) or "").strip() for theirs, ours in _FIELDS}
    missing = [label for theirs, label in NEEDED if not row[theirs]]
    return f"An address lacks its {' and '.join(missing)}." if missing else ""


def address_moves(
    known: Sequence[Mapping[str, Any]], wanted: Sequence[Mapping[str, str]]
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """What is to be changed (with ids) and what to be added, so that every wanted address is there.

    Each that is there already stays; the others take the places of addresses that are not wanted,
    oldest first, because an address that was corrected must not stand twice. What is left over
    stays: it is the shopper's own address book.
    """
    there = {_core(row): at for at, row in enumerate(known)}
    taken: set[int] = set()
    fresh: dict[tuple[str, ...], dict[str, str]] = {}
    for row in wanted:
        core = _core(row)
        if core in there:
            taken.add(there[core])
        else:
            fresh.setdefault(core, dict(row))
    new = list(fresh.values())
    free = [row["id"] for at, row in enumerate(known) if at not in taken]
    changed = [{"id": key, **row} for key, row in zip(free, new, strict=False)]
    return changed, new[len(changed) :]


def _core(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(row.get(theirs) or "").strip() for theirs, _ in _FIELDS)
