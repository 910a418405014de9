"""Keeping a customer in agreement on both sides: a three-way comparison, pure.

What both sides last agreed on is kept; a side that differs from it has changed. Who may change
what is said for each field: the ERP, the store, or whoever changed last. Two changes of one field
that do not agree are never settled in silence, unless the field has an owner.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from connectors.records import Address, Party

FIELDS = ("name", "email", "phone", "address", "payment_terms")
LABELS = {
    "name": "Name",
    "email": "E-mail",
    "phone": "Phone",
    "address": "Address",
    "payment_terms": "Payment terms",
}
ERP, STORE, LAST = "erp", "store", "last"
SEPARATOR = " · "


@dataclass(frozen=True, slots=True)
class Merge:
    """Fields that go to either side, and those that both changed differently (erp, store)."""

    to_erp: frozenset[str] = frozenset()
    to_store: frozenset[str] = frozenset()
    conflicts: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def is_agreed(self) -> bool:
        return not (self.to_erp or self.to_store or self.conflicts)


def facts(party: Party) -> dict[str, str]:
    """What is compared, as text, without differences that mean nothing."""
    person = f"{party.first_name} {party.last_name}"
    return {
        "name": _blank(party.company or party.name or person),
        "email": party.email.strip().casefold(),
        "phone": re.sub(r"[^0-9+]", "", party.phone),
        "address": address_line(party.addresses[0]) if party.addresses else "",
        "payment_terms": party.payment_terms.strip().upper(),
    }


def address_line(address: Address) -> str:
    parts = (
        address.street_1,
        address.street_2,
        address.city,
        address.state,
        address.postal_code.upper(),
        address.country_code.upper(),
    )
    return SEPARATOR.join(_blank(part) for part in parts if part.strip())


def merge(
    base: Mapping[str, str] | None,
    erp: Mapping[str, str],
    store: Mapping[str, str],
    *,
    owners: Mapping[str, str],
) -> Merge:
    """``base`` is what both last agreed on, None if they never did: then a difference is a change
    of both. A side that cannot hold a field (it is always empty there) takes no part in it."""
    to_erp, to_store, conflicts = set(), set(), {}
    for name in FIELDS:
        here, there = erp.get(name, ""), store.get(name, "")
        if here == there:
            continue
        before = base.get(name) if base is not None else None
        erp_changed, store_changed = here != before, there != before
        owner = owners.get(name, ERP)
        if owner == LAST:
            if erp_changed and not store_changed:
                owner = ERP
            elif store_changed and not erp_changed:
                owner = STORE
            elif base is None and (not here or not there):
                owner = STORE if not here else ERP  # one side is only missing it
            else:
                conflicts[name] = (here, there)
                continue
        if owner == ERP:
            to_store.add(name)
        else:
            to_erp.add(name)
    return Merge(frozenset(to_erp), frozenset(to_store), conflicts)


def taking(target: Party, source: Party, names: frozenset[str]) -> Party:
    """``target`` with these fields of ``source``; everything else of it stays as it is."""
    changed = target
    if "name" in names:
        changed = _named(changed, source)
    if "email" in names:
        changed = replace(changed, email=source.email.strip())
    if "phone" in names:
        changed = replace(changed, phone=source.phone)
    if "payment_terms" in names:
        changed = replace(changed, payment_terms=source.payment_terms)
    if "address" in names and source.addresses:
        main = source.addresses[0]
        rest = changed.addresses[1:]
        changed = replace(changed, addresses=(_on(changed, main), *rest))
    return changed


def _named(target: Party, source: Party) -> Party:
    name = _blank(source.company or source.name or f"{source.first_name} {source.last_name}")
    if target.company or source.company:
        return replace(target, company=name, name=name)
    first, _, last = name.rpartition(" ")
    return replace(target, name=name, first_name=first or name, last_name=last if first else "")


def _on(target: Party, address: Address) -> Address:
    """The other side's address with the names that this side writes above its own."""
    mine = target.addresses[0] if target.addresses else None
    if mine is None:
        return address
    return replace(
        address,
        first_name=address.first_name or mine.first_name,
        last_name=address.last_name or mine.last_name,
        company=address.company or mine.company,
        phone=address.phone or mine.phone,
        email=address.email or mine.email,
    )


def _blank(text: str) -> str:
    return " ".join(text.split())
