"""V3 customers, their addresses and attributes: at most ten rows a write."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox.bigcommerce.customers import MOST_ATTRIBUTES
from sandbox.bigcommerce.refused import Refused
from sandbox.bigcommerce.store import BigCommerceStore
from sandbox.bigcommerce.wire import (
    MOST_ROWS,
    instant_of,
    listed,
    meta_of,
    numbers,
    only_known,
    paged,
    rows_of,
)
from sandbox.common.jsonio import Json

BATCH = 10
FILTERS = {
    "email:in", "id:in", "customer_group_id:in", "company:in", "name:in", "phone:in",
    "date_modified:min", "date_modified:max", "date_created:min", "date_created:max", "page",
    "limit", "include", "sort", "after", "before",
}  # fmt: skip
INCLUDES = {
    "addresses", "storecredit", "attributes", "formfields", "shopper_profile_id", "segment_ids",
}  # fmt: skip
SORTS = {"date_created", "date_modified", "last_name"}
Key = tuple[str, int]


class CustomersApi:
    def __init__(self, store: BigCommerceStore) -> None:
        self.customers = store.customers

    def table(self) -> list[tuple[str, str, Callable[..., Any]]]:
        return [
            ("GET", "/v3/customers", self.list_customers),
            ("POST", "/v3/customers", self.create),
            ("PUT", "/v3/customers", self.change),
            ("GET", "/v3/customers/addresses", self.list_addresses),
            ("POST", "/v3/customers/addresses", self.add_addresses),
            ("PUT", "/v3/customers/addresses", self.change_addresses),
            ("DELETE", "/v3/customers/addresses", self.drop_addresses),
            ("GET", "/v3/customers/attributes", self.list_attributes),
            ("POST", "/v3/customers/attributes", self.add_attributes),
            ("GET", "/v3/customers/attribute-values", self.list_values),
            ("PUT", "/v3/customers/attribute-values", self.put_values),
        ]

    async def list_customers(self, request: Request) -> Response:
        only_known(request, FILTERS)
        query = request.query_params
        include = set(listed(request, "include"))
        if include - INCLUDES:
            raise Refused(422, "Invalid include", {"include": "is not supported"})
        field, _, direction = query.get("sort", "").partition(":")
        if field and (field not in SORTS or direction not in ("asc", "desc")):
            raise Refused(422, "Invalid sort", {"sort": "is not supported"})

        def key(row: dict[str, Any]) -> Key:
            return (str(row[field]) if field else "", row["id"])

        rows = sorted(self._matching(request), key=key, reverse=direction == "desc")
        if "after" in query or "before" in query:
            return Json(self._by_cursor(request, rows, key, include, direction == "desc"))
        answer = paged(request, rows)
        if int(query.get("page", 1)) == 1:
            answer["meta"]["cursor_pagination"] = _cursors(answer["data"], key, len(answer["data"]))
        answer["data"] = [self.customers.shown(row, include) for row in answer["data"]]
        return Json(answer)

    def _matching(self, request: Request) -> list[dict[str, Any]]:
        rows = list(self.customers.rows.values())
        query = request.query_params
        if "email:in" in query:
            emails = {text.lower() for text in listed(request, "email:in")}
            found = [self.customers.by_email.get(email) for email in emails]
            rows = [self.customers.rows[key] for key in found if key is not None]
        if "id:in" in query:
            ids = numbers(request, "id:in")
            rows = [row for row in rows if row["id"] in ids]
        if "customer_group_id:in" in query:
            groups = numbers(request, "customer_group_id:in")
            rows = [row for row in rows if row["customer_group_id"] in groups]
        for name in ("company", "phone"):
            if f"{name}:in" in query:
                wanted = set(listed(request, f"{name}:in"))
                rows = [row for row in rows if row[name] in wanted]
        if "name:in" in query:
            names = {text.casefold() for text in listed(request, "name:in")}
            rows = [
                row for row in rows if f"{row['first_name']} {row['last_name']}".casefold() in names
            ]
        for name in ("date_modified", "date_created"):
            since, until = query.get(f"{name}:min"), query.get(f"{name}:max")
            if since:
                rows = [row for row in rows if _instant(row[name]) >= instant_of(since)]
            if until:
                rows = [row for row in rows if _instant(row[name]) <= instant_of(until)]
        return rows

    def _by_cursor(
        self,
        request: Request,
        rows: list[dict[str, Any]],
        key: Callable[[dict[str, Any]], Key],
        include: set[str],
        backwards: bool,
    ) -> dict[str, Any]:
        query = request.query_params
        limit = min(int(query.get("limit", 50)), MOST_ROWS)
        if "after" in query and "before" in query:
            raise Refused(422, "Invalid filter", {"before": "cannot be combined with after"})
        at = _read_cursor(query.get("after") or query["before"])
        if "after" in query:
            part = [row for row in rows if (key(row) > at) is not backwards and key(row) != at]
            part = part[:limit]
        else:
            part = [row for row in rows if (key(row) < at) is not backwards and key(row) != at]
            part = part[-limit:]
        return {
            "data": [self.customers.shown(row, include) for row in part],
            "meta": {
                "pagination": meta_of(len(rows), len(part), limit)["pagination"],
                "cursor_pagination": _cursors(part, key, limit),
            },
        }

    async def create(self, request: Request) -> Response:
        rows = await rows_of(request, BATCH)
        errors: dict[str, str] = {}
        emails: set[str] = set()
        for place, row in enumerate(rows):
            faults = self.customers.faults(row)
            email = str(row.get("email") or "").lower()
            if email in emails:
                faults["email"] = f"Error: email {email} already in use"
            emails.add(email)
            errors |= {f"{place}.{name}": words for name, words in faults.items()}
        _refuse(errors, "Create customers failed")
        made = [self.customers.create(row) for row in rows]
        shown = [self.customers.shown(row, {"addresses", "attributes"}) for row in made]
        return Json({"data": shown, "meta": {}})

    async def change(self, request: Request) -> Response:
        rows = await rows_of(request, BATCH)
        errors: dict[str, str] = {}
        for place, row in enumerate(rows):
            customer_id = row.get("id")
            if customer_id not in self.customers.rows:
                errors[f"{place}.id"] = f"Customer with id {customer_id} was not found"
                continue
            faults = self.customers.faults(row, customer_id)
            errors |= {f"{place}.{name}": words for name, words in faults.items()}
        _refuse(errors, "Update customers failed")
        changed = [self.customers.change(row["id"], row) for row in rows]
        return Json({"data": [self.customers.shown(row, set()) for row in changed], "meta": {}})

    # Addresses

    async def list_addresses(self, request: Request) -> Response:
        only_known(
            request,
            {"customer_id:in", "id:in", "company:in", "name:in", "page", "limit", "include"},
        )
        rows = list(self.customers.addresses.values())
        if "customer_id:in" in request.query_params:
            rows = [
                row
                for key in sorted(numbers(request, "customer_id:in"))
                for row in self.customers.addresses_of(key)
            ]
        if "id:in" in request.query_params:
            ids = numbers(request, "id:in")
            rows = [row for row in rows if row["id"] in ids]
        return Json(paged(request, rows))

    async def add_addresses(self, request: Request) -> Response:
        rows = await rows_of(request, BATCH)
        errors: dict[str, str] = {}
        for place, row in enumerate(rows):
            faults = self.customers.address_faults(row)
            if row.get("customer_id") not in self.customers.rows:
                faults["customer_id"] = f"Customer with id {row.get('customer_id')} was not found"
            for name in ("state_or_province", "postal_code"):
                if name not in row:
                    faults[name] = f"{name} is required"
            errors |= {f"{place}.{name}": words for name, words in faults.items()}
        _refuse(errors, "Create addresses failed")
        made = [self.customers.add_address(row) for row in rows]
        return Json({"data": [row for row in made if row], "meta": {}})

    async def change_addresses(self, request: Request) -> Response:
        rows = await rows_of(request, BATCH)
        errors: dict[str, str] = {}
        for place, row in enumerate(rows):
            faults = self.customers.address_faults(row, needed=False)
            if row.get("id") not in self.customers.addresses:
                faults["id"] = f"Address with id {row.get('id')} was not found"
            errors |= {f"{place}.{name}": words for name, words in faults.items()}
        _refuse(errors, "Update addresses failed")
        changed = [self.customers.change_address(row["id"], row) for row in rows]
        return Json({"data": [row for row in changed if row], "meta": {}})

    async def drop_addresses(self, request: Request) -> Response:
        for address_id in numbers(request, "id:in"):
            self.customers.drop_address(address_id)
        return Response(status_code=204)

    # Attributes

    async def list_attributes(self, request: Request) -> Response:
        only_known(request, {"name", "name:like", "type", "page", "limit"})
        rows = list(self.customers.attributes.values())
        if "name" in request.query_params:
            rows = [row for row in rows if row["name"] == request.query_params["name"]]
        return Json(paged(request, rows))

    async def add_attributes(self, request: Request) -> Response:
        rows = await rows_of(request, BATCH)
        names = {row["name"].casefold() for row in self.customers.attributes.values()}
        errors: dict[str, str] = {}
        for place, row in enumerate(rows):
            name = str(row.get("name") or "")
            if not name or len(name) > 255 or name.casefold() in names:
                errors[f"{place}.name"] = "must be a new name of at most 255 characters"
            if row.get("type") not in ("string", "number", "date"):
                errors[f"{place}.type"] = "must be one of string, number, date"
        if len(names) + len(rows) > MOST_ATTRIBUTES:
            errors["0.name"] = f"A store cannot have more than {MOST_ATTRIBUTES} attributes"
        _refuse(errors, "Create customer attributes failed")
        made = [self.customers.add_attribute(row["name"], row["type"]) for row in rows]
        return Json({"data": made, "meta": {}})

    async def list_values(self, request: Request) -> Response:
        only_known(request, {"customer_id:in", "attribute_id:in", "name", "page", "limit"})
        rows = list(self.customers.values.values())
        if "customer_id:in" in request.query_params:
            rows = [
                row
                for key in sorted(numbers(request, "customer_id:in"))
                for row in self.customers.values_of(key)
            ]
        if "attribute_id:in" in request.query_params:
            ids = numbers(request, "attribute_id:in")
            rows = [row for row in rows if row["attribute_id"] in ids]
        return Json(paged(request, rows))

    async def put_values(self, request: Request) -> Response:
        rows = await rows_of(request, BATCH)
        errors: dict[str, str] = {}
        for place, row in enumerate(rows):
            if row.get("customer_id") not in self.customers.rows:
                errors[f"{place}.customer_id"] = "Customer was not found"
            if row.get("attribute_id") not in self.customers.attributes:
                errors[f"{place}.attribute_id"] = "Attribute was not found"
            value = row.get("value")
            if not isinstance(value, str) or len(value) > 255:
                errors[f"{place}.value"] = "must be a text of at most 255 characters"
        _refuse(errors, "Upsert customer attribute values failed")
        put = [
            self.customers.put_value(row["customer_id"], row["attribute_id"], row["value"])
            for row in rows
        ]
        for customer_id in {row["customer_id"] for row in rows}:
            self.customers.touch(customer_id)
        return Json({"data": put, "meta": {}})


def _refuse(errors: dict[str, str], title: str) -> None:
    if errors:
        raise Refused(422, title, errors)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _cursor(key: Key) -> str:
    return base64.urlsafe_b64encode(f"{key[0]}|{key[1]}".encode()).decode()


def _read_cursor(text: str) -> Key:
    try:
        first, _, last = base64.urlsafe_b64decode(text).decode().rpartition("|")
        return first, int(last)
    except (ValueError, binascii.Error) as error:
        raise Refused(422, "Invalid filter", {"after": "is not a cursor"}) from error


def _cursors(
    rows: list[dict[str, Any]], key: Callable[[dict[str, Any]], Key], limit: int
) -> dict[str, Any]:
    return {
        "count": len(rows),
        "per_page": limit,
        "start_cursor": _cursor(key(rows[0])) if rows else None,
        "end_cursor": _cursor(key(rows[-1])) if rows else None,
        "links": {},
    }
