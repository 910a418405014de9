"""New customers for GP: their number by rule, and their text within columns and code page. Pure."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.erps.gp.fields import CUSTOMER_PROPERTIES, SHIP_TO_PROPERTIES
from connectors.erps.gp.text import UNKNOWN, fit
from connectors.errors import Rejected
from connectors.records import CustomerDraft

NUMBER_LENGTH = 15
NAME_LENGTH = 64
_PLACE = ("address_1", "address_2", "city", "state", "postal_code", "country_code")


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbering:
    """The connection's rule for customer numbers: ``sequence``, ``store`` or ``email``."""

    rule: str = "sequence"
    prefix: str = "WEB"
    digits: int = 7

    def number(self, draft: CustomerDraft) -> str:
        """The same for the same shopper every time. Raises Rejected if it would not fit."""
        kind, _, key = draft.store_key.partition(":")
        if self.rule == "email":
            return email_number(draft.email)
        if self.rule == "store" and kind == "id":
            text = f"{self.prefix}{key}"
        else:
            guest = "G" if self.rule == "store" else ""
            text = f"{self.prefix}{guest}{draft.sequence:0{self.digits}d}"
        text = text.upper()
        if len(text) > NUMBER_LENGTH or not re.fullmatch(r"[A-Z0-9-]+", text):
            raise Rejected(
                f"customer number {text}",
                hold="mapping",
                reason=f"The customer number {text} does not fit GP: at most {NUMBER_LENGTH} "
                "letters, digits and hyphens.",
                advice="Shorten the prefix of customer numbers in the connection's settings.",
            )
        return text


def email_number(email: str) -> str:
    """What can be read of the address, and a hash of all of it: JANEDOE-4F2KQ7."""
    address = email.strip().casefold()
    digest = hashlib.sha256(address.encode()).digest()
    mark = base64.b32encode(digest).decode()[:6]
    local, _ = fit(address.partition("@")[0], "ascii", 60)
    readable = re.sub(r"[^A-Z0-9]", "", local.upper())[: NUMBER_LENGTH - 7] or "WEB"
    return f"{readable}-{mark}"


@dataclass(frozen=True, slots=True)
class NewCustomer:
    """The objects that make one customer; ``notes`` says in words what was transliterated."""

    card: dict[str, Any]
    ship_to: dict[str, Any] | None
    internet: dict[str, Any] | None
    notes: tuple[str, ...]


def new_customer(draft: CustomerDraft, *, numbering: Numbering, page: str) -> NewCustomer:
    """Raises Rejected for a number that does not fit."""
    number = numbering.number(draft)
    notes: list[str] = []

    def written(label: str, text: str, length: int) -> str:
        fitted, replaced = fit(text, page, length)
        if replaced and fitted != text:
            notes.append(f"{label} is written as “{fitted}”.")
        return fitted

    name = written("The name", draft.display_name, NAME_LENGTH)
    if not name.strip(f"{UNKNOWN} .-,"):
        name = written("The name", draft.email, NAME_LENGTH)
        notes.append(f"No letter of the name fits the server's code page: “{name}” stands for it.")
    card: dict[str, Any] = {"CustomerId": number, "Name": name}
    card |= _properties(draft.fields, CUSTOMER_PROPERTIES, written)
    card["AddressId"] = str(card.get("AddressId") or "PRIMARY").upper()
    internet = _internet(draft, card)
    if internet is None and draft.fields.get("email", draft.email).strip():
        notes.append(
            "The e-mail address cannot be kept in GP (no plain letters, or longer than "
            "200): it is left out."
        )
    return NewCustomer(card, _ship_to(draft, number, written), internet, tuple(notes))


def _properties(
    fields: Mapping[str, str], names: Mapping[str, Any], written: Any
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, (key, length) in names.items():
        text = fields.get(name, "")
        if name == "phone":
            text = phone(text)
        if text := written(name.replace("_", " ").capitalize(), text, length):
            found[key] = text
    return found


def _ship_to(draft: CustomerDraft, number: str, written: Any) -> dict[str, Any] | None:
    """The shipping address, if it is another one than the customer's own."""
    fields = draft.fields
    address = fields.get("ship_to_address_id", "").upper()
    shipping = tuple(fields.get(f"ship_to_{name}", "").casefold() for name in _PLACE)
    billing = tuple(fields.get(name, "").casefold() for name in _PLACE)
    if not address or shipping == billing or not shipping[0]:
        return None
    place = _properties(fields, SHIP_TO_PROPERTIES, written)
    return {"CustomerId": number, "AddressId": address, **place}


def _internet(draft: CustomerDraft, card: Mapping[str, Any]) -> dict[str, Any] | None:
    """E-mail is no field of the customer: GP keeps it in the Internet Addresses of an address."""
    email = draft.fields.get("email", draft.email).strip()
    if not email or len(email) > 200 or not email.isascii():
        return None
    return {
        "CustomerId": card["CustomerId"],
        "AddressId": card["AddressId"],
        "InternetField1": email,
        "EmailToAddress": email,
    }


def phone(text: str) -> str:
    """A phone number without letters and signs that GP's field has no place for."""
    return re.sub(r"[^0-9+()/\-. ]", "", text).strip()[:21]
