"""Customers with their addresses and attributes, and what the store refuses of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.common.clock import Clock
from sandbox.common.journal import Journal
from sandbox.common.people import COUNTRIES, Person

MOST_ADDRESSES_SHOWN = 10
MOST_ATTRIBUTES = 50
LENGTHS = {"email": 255, "first_name": 100, "last_name": 100, "company": 255, "phone": 50}
FIELDS = {
    *LENGTHS, "notes", "tax_exempt_category", "customer_group_id", "channel_ids",
    "origin_channel_id", "registration_ip_address", "authentication", "store_credit_amounts",
    "accepts_product_review_abandoned_cart_emails", "form_fields",
}  # fmt: skip
ADDRESS_LENGTHS = {
    "first_name": 255, "last_name": 255, "company": 255, "address1": 0, "address2": 0,
    "city": 100, "state_or_province": 100, "postal_code": 30, "country_code": 2, "phone": 50,
    "address_type": 0,
}  # fmt: skip
ADDRESS_NEEDED = ("first_name", "last_name", "address1", "city", "country_code")
Errors = dict[str, str]


class Customers:
    """``rows`` by id as the API shows them; ``addresses`` and ``values`` hang on them."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        announce: Callable[[str, dict[str, Any]], None],
        next_id: Callable[[str, int], int],
    ) -> None:
        self.journal, self.clock, self.announce, self.next_id = journal, clock, announce, next_id
        self.load()

    def load(self) -> None:
        self.rows = self._kept("customer")
        self.addresses = self._kept("address")
        self.attributes = self._kept("attribute")
        self.values = self._kept("attribute_value")
        self.by_email = {row["email"].lower(): key for key, row in self.rows.items()}
        self._addresses_of: dict[int, list[int]] = {}
        for key, row in self.addresses.items():
            self._addresses_of.setdefault(row["customer_id"], []).append(key)
        self._values_of: dict[int, dict[int, int]] = {}
        for key, row in self.values.items():
            self._values_of.setdefault(row["customer_id"], {})[row["attribute_id"]] = key

    def _kept(self, kind: str) -> dict[int, dict[str, Any]]:
        return {int(key): row for key, row in self.journal.load(kind).items()}

    def now(self) -> str:
        return self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def of_person(self, person: Person) -> dict[str, Any]:
        """The shopper's account; made with the address if there is none yet."""
        known = self.by_email.get(person.email.lower())
        if known:
            return self.rows[known]
        given = {name: getattr(person, name) for name in LENGTHS}
        address = {
            "first_name": person.first_name,
            "last_name": person.last_name,
            "company": person.company,
            "address1": person.street_1,
            "address2": person.street_2,
            "city": person.city,
            "state_or_province": person.state,
            "postal_code": person.postal_code,
            "country_code": person.country_code,
            "phone": person.phone,
        }
        return self.create({**given, "addresses": [address]})

    # What is refused

    def faults(self, row: dict[str, Any], customer_id: int = 0) -> Errors:
        """What is wrong with a customer to be created, or (with an id) to be changed."""
        found: Errors = {}
        for name in row:
            if name not in FIELDS | {"id", "addresses", "attributes", "date_modified"}:
                found[name] = "is not a field of a customer"
        for name, length in LENGTHS.items():
            value = row.get(name)
            if value is not None and (not isinstance(value, str) or len(value) > length):
                found[name] = f"must be a text of at most {length} characters"
        needed = ("email", "first_name", "last_name")
        if customer_id:
            if "addresses" in row or "attributes" in row:
                found["addresses"] = "sub-resources cannot be updated here"
            needed = tuple(name for name in needed if name in row)
        for name in needed:
            if not str(row.get(name) or "").strip():
                found[name] = f"{name} is required"
        email = str(row.get("email") or "")
        owner = self.by_email.get(email.lower())
        if email and owner not in (None, customer_id):
            found["email"] = f"Error: email {email} already in use"
        elif email and ("@" not in email or " " in email):
            found["email"] = "The email address is invalid"
        for place, address in enumerate(row.get("addresses") or []):
            for name, words in self.address_faults(address).items():
                found[f"addresses.{place}.{name}"] = words
        return found

    def address_faults(self, row: dict[str, Any], needed: bool = True) -> Errors:
        found: Errors = {}
        for name in row:
            if name not in {*ADDRESS_LENGTHS, "id", "customer_id", "form_fields", "country"}:
                found[name] = "is not a field of an address"
        for name, length in ADDRESS_LENGTHS.items():
            value = row.get(name)
            if value is None:
                continue
            if not isinstance(value, str) or (length and len(value) > length):
                found[name] = f"must be a text of at most {length or 255} characters"
        for name in ADDRESS_NEEDED:
            if (needed or name in row) and not str(row.get(name) or "").strip():
                found[name] = f"{name} is required"
        return found

    # Changes

    def create(self, given: dict[str, Any]) -> dict[str, Any]:
        row = {
            "id": self.next_id("customer", 1),
            "email": given["email"],
            "first_name": given["first_name"],
            "last_name": given["last_name"],
            "company": given.get("company") or "",
            "phone": given.get("phone") or "",
            "date_created": self.now(),
            "date_modified": self.now(),
            "customer_group_id": int(given.get("customer_group_id") or 0),
            "notes": given.get("notes") or "",
            "tax_exempt_category": given.get("tax_exempt_category") or "",
            "registration_ip_address": "",
            "accepts_product_review_abandoned_cart_emails": False,
            "origin_channel_id": 1,
            "channel_ids": None,
        }
        self.rows[row["id"]] = row
        self.by_email[row["email"].lower()] = row["id"]
        for address in given.get("addresses") or []:
            self.add_address({**address, "customer_id": row["id"]}, announce=False)
        for value in given.get("attributes") or []:
            self.put_value(row["id"], int(value["attribute_id"]), str(value["attribute_value"]))
        self._keep("customer", row)
        self.announce("store/customer/created", {"type": "customer", "id": row["id"]})
        return row

    def change(self, customer_id: int, given: dict[str, Any]) -> dict[str, Any]:
        row = self.rows[customer_id]
        if "email" in given:
            self.by_email.pop(row["email"].lower(), None)
            self.by_email[given["email"].lower()] = customer_id
        row.update({name: value for name, value in given.items() if name in FIELDS})
        self.touch(customer_id)
        return row

    def drop(self, customer_id: int) -> None:
        """A customer is gone with its addresses and attribute values."""
        row = self.rows.pop(customer_id)
        self.by_email.pop(row["email"].lower(), None)
        for key in self._addresses_of.pop(customer_id, []):
            self.addresses.pop(key)
            self.journal.drop("address", str(key))
        for key in self._values_of.pop(customer_id, {}).values():
            self.values.pop(key)
            self.journal.drop("attribute_value", str(key))
        self.journal.drop("customer", str(customer_id))
        self.announce("store/customer/deleted", {"type": "customer", "id": customer_id})

    def touch(self, customer_id: int) -> None:
        self._changed(customer_id)
        self.announce("store/customer/updated", {"type": "customer", "id": customer_id})

    def _changed(self, customer_id: int) -> None:
        row = self.rows[customer_id]
        row["date_modified"] = self.now()
        self._keep("customer", row)

    def _tell_address(self, what: str, row: dict[str, Any]) -> None:
        """The event's id is the address's; the customer's stands beside it."""
        self._changed(row["customer_id"])
        self.announce(
            f"store/customer/address/{what}",
            {
                "type": "customer",
                "id": row["id"],
                "address": {"customer_id": row["customer_id"]},
            },
        )

    def add_address(self, given: dict[str, Any], announce: bool = True) -> dict[str, Any] | None:
        """None for one that the customer has already: dropped without a word, as the vendor does."""
        row = {name: given.get(name) or "" for name in ADDRESS_LENGTHS}
        row["address_type"] = row["address_type"] or "residential"
        row["customer_id"] = int(given["customer_id"])
        if any(_same(row, other) for other in self.addresses_of(row["customer_id"])):
            return None
        row["id"] = self.next_id("address", 1)
        row["country"] = COUNTRIES.get(row["country_code"], "")
        self.addresses[row["id"]] = row
        self._addresses_of.setdefault(row["customer_id"], []).append(row["id"])
        self._keep("address", row)
        if announce:
            self._tell_address("created", row)
        return row

    def change_address(self, address_id: int, given: dict[str, Any]) -> dict[str, Any] | None:
        row = self.addresses[address_id]
        wanted = {**row, **{name: given[name] for name in ADDRESS_LENGTHS if name in given}}
        others = [r for r in self.addresses_of(row["customer_id"]) if r["id"] != address_id]
        if any(_same(wanted, other) for other in others):
            return None
        row.update(wanted)
        row["country"] = COUNTRIES.get(row["country_code"], "")
        self._keep("address", row)
        self._tell_address("updated", row)
        return row

    def drop_address(self, address_id: int) -> None:
        row = self.addresses.pop(address_id, None)
        if row is None:
            return
        self._addresses_of[row["customer_id"]].remove(address_id)
        self.journal.drop("address", str(address_id))
        self._tell_address("deleted", row)

    def addresses_of(self, customer_id: int) -> list[dict[str, Any]]:
        return [self.addresses[key] for key in self._addresses_of.get(customer_id, [])]

    def values_of(self, customer_id: int) -> list[dict[str, Any]]:
        return [self.values[key] for key in self._values_of.get(customer_id, {}).values()]

    def add_attribute(self, name: str, kind: str) -> dict[str, Any]:
        row = {
            "id": self.next_id("attribute", 1),
            "name": name,
            "type": kind,
            "date_created": self.now(),
            "date_modified": self.now(),
        }
        self.attributes[row["id"]] = row
        self._keep("attribute", row)
        return row

    def put_value(self, customer_id: int, attribute_id: int, value: str) -> dict[str, Any]:
        known = self._values_of.setdefault(customer_id, {}).get(attribute_id)
        row = self.values.get(known or 0) or {
            "id": self.next_id("attribute_value", 1),
            "customer_id": customer_id,
            "attribute_id": attribute_id,
            "date_created": self.now(),
        }
        row |= {"attribute_value": value, "date_modified": self.now()}
        self.values[row["id"]] = row
        self._values_of[customer_id][attribute_id] = row["id"]
        self._keep("attribute_value", row)
        return row

    def shown(self, row: dict[str, Any], include: set[str]) -> dict[str, Any]:
        """A customer as the list shows it. At most ten addresses come with it."""
        addresses = self.addresses_of(row["id"])
        values = self.values_of(row["id"])
        shown = {
            **row,
            "address_count": len(addresses),
            "attribute_count": len(values),
            "authentication": {"force_password_reset": False},
        }
        if "addresses" in include:
            shown["addresses"] = addresses[:MOST_ADDRESSES_SHOWN]
        if "attributes" in include:
            shown["attributes"] = values[:MOST_ADDRESSES_SHOWN]
        if "storecredit" in include:
            shown["store_credit_amounts"] = [{"amount": 0}]
        if "formfields" in include:
            shown["form_fields"] = []
        return shown

    def _keep(self, kind: str, row: dict[str, Any]) -> None:
        self.journal.put(kind, str(row["id"]), row)


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(one[name] == other[name] for name in ADDRESS_LENGTHS)
