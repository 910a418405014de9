"""Keeping a customer in agreement on both sides: a three-way comparison, pure.

What each side held when both last agreed is kept; a side that differs from it has changed. Who may
change what is said for each field: the ERP, the store, or whoever changed last. Two changes of one
field that do not agree are never settled in silence, unless the field has an owner.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

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
# Emptied on one side, these stay on the other: the systems take an empty one as "as it is".
KEPT = frozenset({"name", "email", "address", "payment_terms"})


@dataclass(frozen=True, slots=True)
class Agreed:
    """What each side held when both last agreed. They are not always equal: a system shortens what
    is too long for it, and that must not come back as a change."""

    erp: Mapping[str, str]
    store: Mapping[str, str]

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Agreed:
        """From what ``dump`` gave, or from one set of facts that held for both."""
        if "erp" in kept and isinstance(kept["erp"], Mapping):
            return cls(kept["erp"], kept["store"])
        return cls(kept, kept)

    def dump(self) -> dict[str, dict[str, str]]:
        return {ERP: dict(self.erp), STORE: dict(self.store)}


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
    base: Agreed | None,
    erp: Mapping[str, str],
    store: Mapping[str, str],
    *,
    owners: Mapping[str, str],
) -> Merge:
    """``base`` is None if both never agreed: then a difference is a change of both. A side that
    only lacks a field gets it, and what a side emptied (``KEPT``) stays on the other. The same
    change on both sides is agreement."""
    to_erp: set[str] = set()
    to_store: set[str] = set()
    conflicts: dict[str, tuple[str, str]] = {}
    for name in FIELDS:
        here, there = erp.get(name, ""), store.get(name, "")
        erp_changed = base is None or here != base.erp.get(name, "")
        store_changed = base is None or there != base.store.get(name, "")
        if here == there or not (erp_changed or store_changed):
            continue
        source = owners.get(name, ERP)
        if source == LAST:
            if erp_changed != store_changed:
                source = ERP if erp_changed else STORE
            elif (base is None or name in KEPT) and not (here and there):
                source = ERP if here else STORE
            else:
                conflicts[name] = (here, there)
                continue
        if name in KEPT and not (here if source == ERP else there):
            continue
        (to_store if source == ERP else to_erp).add(name)
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
