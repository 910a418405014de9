"""Customers over REST: search, create, replace, delete."""

from __future__ import annotations

import re
from typing import Any

from sandbox.adobe_commerce import columns, places
from sandbox.adobe_commerce.calls import Call, Route, array, check_names
from sandbox.adobe_commerce.store import CommerceStore, Record
from sandbox.adobe_commerce.wire import Refused, integer, required

READ = "Magento_Customer::customer"
MANAGE = "Magento_Customer::manage"
_EMAIL = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s.]+$")
_CUSTOMER = "Magento\\Customer\\Api\\Data\\CustomerInterface"
_ADDRESS = "Magento\\Customer\\Api\\Data\\AddressInterface"
NAME_LENGTH = 255


class CustomersApi:
    def __init__(self, store: CommerceStore) -> None:
        self.store = store

    def routes(self) -> list[Route]:
        return [
            Route("GET", "customers/search", READ, self.search),
            Route("POST", "customers", MANAGE, self.create),
            Route("GET", "customers/{customerId}", READ, self.read),
            Route("PUT", "customers/{customerId}", MANAGE, self.replace),
            Route("DELETE", "customers/{customerId}", "Magento_Customer::delete", self.delete),
            Route("GET", "customerGroups/search", "Magento_Customer::group", self.groups),
            Route("GET", "customerGroups/{id}", "Magento_Customer::group", self.group),
        ]

    def search(self, call: Call) -> Any:
        rows = [{**row, "entity_id": row["id"]} for row in self.store.customers.values()]
        page = call.search(rows, columns.CUSTOMER)
        return {**page, "items": [self.store.customers[row["id"]] for row in page["items"]]}

    def _one(self, call: Call) -> Record:
        number = integer(call.params["customerId"], "customerId")
        customer = self.store.customers.get(number)
        if customer is None:
            raise Refused(
                404,
                "No such entity with %fieldName = %fieldValue",
                {"fieldName": "customerId", "fieldValue": number},
            )
        return customer

    def read(self, call: Call) -> Any:
        return self._one(call)

    def create(self, call: Call) -> Any:
        given = call.need("customer")
        if given.get("id"):
            raise Refused(400, "A customer with an ID is saved with PUT.")
        customer: Record = {"id": 0, "group_id": 1, "disable_auto_group_change": 0}
        if not given.get("website_id"):
            # That of the call's store view.
            site = call.view.website.id if call.view else 1
            given = {**given, "website_id": site}
        self._check(given, 0)
        customer["id"] = self.store.next_id("customer")
        customer |= {"created_at": self.store.now(), "created_in": "Default Store View"}
        return self._saved(customer, given)

    def replace(self, call: Call) -> Any:
        """PUT replaces: addresses that are not given are deleted, and the group, the store and
        the default addresses fall back when they are left out."""
        known = self._one(call)
        given = call.need("customer")
        for name in ("email", "firstname", "lastname", "website_id"):
            if given.get(name) in (None, ""):
                raise required(name)
        self._check(given, known["id"])
        kept = {name: known[name] for name in ("id", "created_at", "created_in")}
        if "addresses" not in given:
            kept["addresses"] = known.get("addresses", [])
        self.store.by_email.pop((known["website_id"], known["email"].lower()), None)
        return self._saved({"group_id": 1, "disable_auto_group_change": 0, **kept}, given)

    def _check(self, given: Record, number: int) -> None:
        check_names(given, columns.CUSTOMER_FIELDS, _CUSTOMER)
        for name, label in (("firstname", "First Name"), ("lastname", "Last Name")):
            if not str(given.get(name) or "").strip():
                raise Refused(400, f'"{label}" is a required value.')
            if len(str(given[name])) > NAME_LENGTH:
                raise Refused(400, f'"{label}" length must be equal or less than 255 characters.')
        email = str(given.get("email") or "")
        if not _EMAIL.match(email):
            raise Refused(
                400,
                '"%1" is not a valid email address.' if email else '"Email" is a required value.',
                [email] if email else None,
            )
        website = integer(given.get("website_id") or 1, "website_id")
        if website not in places.WEBSITE_BY_ID:
            raise Refused(
                404,
                "No such entity with %fieldName = %fieldValue",
                {"fieldName": "websiteId", "fieldValue": website},
            )
        other = self.store.by_email.get((website, email.lower()))
        if other and other != number:
            raise Refused(
                400,
                "A customer with the same email address already exists in an associated website.",
            )
        group = integer(given.get("group_id") or 1, "group_id")
        if group not in {row["id"] for row in places.GROUPS}:
            raise Refused(
                404,
                "No such entity with %fieldName = %fieldValue",
                {"fieldName": "id", "fieldValue": group},
            )
        for row in array(given.get("addresses"), "addresses"):
            check_names(row, columns.ADDRESS_FIELDS, _ADDRESS)
            for name in ("firstname", "lastname", "street", "city", "telephone", "country_id"):
                if not row.get(name):
                    raise Refused(
                        400, '"%fieldName" is required. Enter and try again.', {"fieldName": name}
                    )
            region = row.get("region")
            if region is not None and not isinstance(region, dict):
                raise Refused(400, "The region of an address must be an object.")

    def _saved(self, customer: Record, given: Record) -> Record:
        fields = {k: v for k, v in given.items() if k not in ("id", "addresses", "created_at")}
        customer |= {k: v for k, v in fields.items() if v is not None}
        customer["website_id"] = integer(customer.get("website_id") or 1, "website_id")
        customer["group_id"] = integer(customer.get("group_id") or 1, "group_id")
        customer.setdefault(
            "store_id", customer["website_id"] if customer["website_id"] == 1 else 3
        )
        customer["updated_at"] = self.store.now()
        if "addresses" in given:
            customer["addresses"] = [
                self._address(customer, row) for row in given["addresses"] or ()
            ]
        customer.setdefault("addresses", [])
        for kind in ("billing", "shipping"):
            chosen = [a["id"] for a in customer["addresses"] if a.get(f"default_{kind}")]
            if chosen:
                customer[f"default_{kind}"] = str(chosen[-1])
        customer.setdefault("extension_attributes", {"is_subscribed": False})
        self.store.save_customer(customer)
        return customer

    def _address(self, customer: Record, given: Record) -> Record:
        row = {k: v for k, v in given.items() if v is not None}
        row["id"] = int(row.get("id") or self.store.next_id("address"))
        row["customer_id"] = customer["id"]
        row.setdefault("region", {"region_code": None, "region": None, "region_id": 0})
        row["region_id"] = row["region"].get("region_id") or 0
        return row

    def delete(self, call: Call) -> Any:
        customer = self._one(call)
        del self.store.customers[customer["id"]]
        self.store.by_email.pop((customer["website_id"], customer["email"].lower()), None)
        self.store.journal.drop("customer", str(customer["id"]))
        return True

    def groups(self, call: Call) -> Any:
        return call.search(list(places.GROUPS), ("id", "code", "tax_class_id"))

    def group(self, call: Call) -> Any:
        for row in places.GROUPS:
            if row["id"] == integer(call.params["id"], "id"):
                return row
        raise Refused(
            404,
            "No such entity with %fieldName = %fieldValue",
            {"fieldName": "id", "fieldValue": call.params["id"]},
        )
