"""BigCommerce over HTTP: paths, headers, paging, limits and how its refusals are to be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from connectors.errors import ConnectorError, UnexpectedShape
from connectors.kit import Kit
from connectors.kit.http import Http, Reply, Timeouts
from connectors.kit.throttle import Limits
from connectors.stores.bigcommerce import errors

WINDOW_SECONDS = 30.0
# BigCommerce knows an order a little later than its webhook says: worth asking again soon.
NOT_YET = timedelta(seconds=2)
NONE = frozenset({204})
PAGE = 250
READ_AGAIN = 3


class Client:
    """Raw JSON in, raw JSON out, for one store."""

    def __init__(self, values: Mapping[str, str], kit: Kit) -> None:
        quota = int(values.get("quota") or 150)
        self._budget = kit.budget(Limits(calls=quota, seconds=WINDOW_SECONDS, in_flight=12))
        self.http = Http(
            base_url=f"{values['api_url'].rstrip('/')}/stores/{values['store_hash']}",
            kit=kit,
            budget=self._budget,
            read_error=self.read_error,
            read_limits=self._read_limits,
            headers={"X-Auth-Token": values["access_token"], "Accept": "application/json"},
            timeouts=Timeouts(5, 30),
            secrets=(values["access_token"], values.get("client_secret", "")),
        )

    def order(self, order_id: str) -> Mapping[str, Any]:
        """Header, consignments with their line items, and fees, in one call."""
        reply = self.http.request(
            "GET",
            f"/v2/orders/{order_id}",
            params={
                "include": "consignments.line_items,fees",
                "consignment_structure": "object",
            },
            purpose="read the order",
        )
        return _object(reply)

    def transactions(self, order_id: str) -> list[Mapping[str, Any]]:
        reply = self.http.request(
            "GET",
            f"/v3/orders/{order_id}/transactions",
            purpose="read the order's payments",
            accept=NONE,
        )
        return [] if reply.status == 204 else _rows(reply, _object(reply).get("data", []))

    def changed_orders(self, since: str) -> Iterator[list[Mapping[str, Any]]]:
        """Pages of orders modified at or after ``since``, oldest first, each order once.

        A page number shifts while orders change, so each page begins at the last instant seen. Only
        where a whole page changed in one instant (a bulk change of statuses) the next number of
        the same beginning is asked for.
        """
        seen: set[tuple[str, str]] = set()
        number = 1
        while True:
            reply = self.http.request(
                "GET",
                "/v2/orders",
                params={
                    "min_date_modified": since,
                    "sort": "date_modified:asc",
                    "page": str(number),
                    "limit": str(PAGE),
                },
                purpose="look for changed orders",
                accept=NONE,
            )
            page = [] if reply.status == 204 else _rows(reply, reply.json())
            fresh = [row for row in page if _version(row) not in seen]
            if fresh:
                yield fresh
            if len(page) < PAGE or (number > 1 and not fresh):
                return
            seen = {_version(row) for row in page} | (seen if number > 1 else set())
            last = str(page[-1].get("date_modified") or "")
            if not last or last == since:
                number += 1
            else:
                since, number = last, 1

    def refunds(self, order_id: str) -> list[Mapping[str, Any]]:
        reply = self.http.request(
            "GET",
            f"/v3/orders/{order_id}/payment_actions/refunds",
            purpose="read the order's refunds",
            accept=NONE,
        )
        return [] if reply.status == 204 else _rows(reply, _object(reply).get("data", []))

    def refunds_since(self, since: str) -> Iterator[list[Mapping[str, Any]]]:
        """Pages of refunds of all orders made at or after ``since``. A page that brings nothing new
        (a cache in front of the store) ends the reading."""
        page, seen = 1, set[Any]()
        while True:
            reply = self.http.request(
                "GET",
                "/v3/orders/payment_actions/refunds",
                params={"created:min": since, "page": str(page), "limit": str(PAGE)},
                purpose="look for refunds",
                accept=NONE,
            )
            rows = [] if reply.status == 204 else _rows(reply, _object(reply).get("data", []))
            fresh = [row for row in rows if row.get("id") not in seen]
            if fresh:
                yield fresh
            if len(rows) < PAGE or not fresh:
                return
            seen |= {row.get("id") for row in fresh}
            page += 1

    def hooks(self) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        page = 1
        while True:
            reply = self.http.request(
                "GET", "/v3/hooks", params={"page": str(page), "limit": "250"}, purpose="list hooks"
            )
            body = _object(reply)
            found += _rows(reply, body.get("data", []))
            pagination = (body.get("meta") or {}).get("pagination") or {}
            if page >= int(pagination.get("total_pages") or 1):
                return found
            page += 1

    def create_hook(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        reply = self.http.request("POST", "/v3/hooks", body=body, purpose="register a hook")
        return _data(reply)

    def update_hook(self, hook_id: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        reply = self.http.request("PUT", f"/v3/hooks/{hook_id}", body=body, purpose="revive a hook")
        return _data(reply)

    def delete_hook(self, hook_id: str) -> None:
        self.http.request("DELETE", f"/v3/hooks/{hook_id}", purpose="remove a hook")

    def get(self, path: str, purpose: str, **params: str) -> Reply:
        return self.http.request("GET", path, params=params, purpose=purpose, accept=NONE)

    def page(
        self, path: str, params: Mapping[str, str], purpose: str
    ) -> tuple[list[Mapping[str, Any]], int]:
        """One page of a V3 list, and how many rows the whole list has."""
        reply = self.http.request("GET", path, params=params, purpose=purpose, accept=NONE)
        if reply.status == 204:
            return [], 0
        body = _object(reply)
        rows = _rows(reply, body.get("data", []))
        pagination = (body.get("meta") or {}).get("pagination") or {}
        total = pagination.get("total")
        return rows, total if isinstance(total, int) else len(rows)

    def every(self, path: str, params: Mapping[str, str], purpose: str) -> list[Mapping[str, Any]]:
        """All pages of a short list, each row once. One that changed meanwhile is read again."""
        for _ in range(READ_AGAIN):
            found: dict[Any, Mapping[str, Any]] = {}
            number, total = 1, 0
            while True:
                asked = {**params, "page": str(number), "limit": str(PAGE)}
                rows, total = self.page(path, asked, purpose)
                known = len(found)
                found |= {row.get("id"): row for row in rows}
                if len(rows) < PAGE or len(found) == known:
                    break
                number += 1
            if len(found) >= total:
                break
        return list(found.values())

    def write(
        self, method: str, path: str, body: Any, purpose: str, **params: str
    ) -> list[Mapping[str, Any]]:
        """Send rows; the rows that the answer shows, as far as it shows any."""
        reply = self.http.request(method, path, body=body, params=params, purpose=purpose)
        if reply.status == 207:
            raise errors.in_part(method, path, reply)
        if reply.status == 204 or not reply.content:
            return []
        data = _object(reply).get("data", [])
        return _rows(reply, data if isinstance(data, list) else [data])

    def _read_limits(self, reply: Reply) -> None:
        left = reply.headers.get("x-rate-limit-requests-left", "")
        reset = reply.headers.get("x-rate-limit-time-reset-ms", "")
        if left.lstrip("-").isdigit() and reset.isdigit():
            quota = reply.headers.get("x-rate-limit-requests-quota", "")
            self._budget.told(
                left=int(left),
                reset_seconds=int(reset) / 1000,
                quota=int(quota) if quota.isdigit() else 0,
            )

    def read_error(self, method: str, path: str, reply: Reply) -> ConnectorError:
        """The refusal in our words. Without the headers of the quota a 429 tells that the platform
        is loaded."""
        pause = 0.0
        if reply.status == 429:
            reset = reply.headers.get("x-rate-limit-time-reset-ms", "")
            pause = self._budget.refused(int(reset) / 1000 if reset.isdigit() else 10.0)
        return errors.read(method, path, reply, pause)


def _object(reply: Reply) -> Mapping[str, Any]:
    body = reply.json()
    if not isinstance(body, Mapping):
        raise UnexpectedShape(reply.where, "is not an object")
    return body


def _rows(reply: Reply, rows: Any) -> list[Mapping[str, Any]]:
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise UnexpectedShape(reply.where, "is not a list of objects")
    return rows


def _data(reply: Reply) -> Mapping[str, Any]:
    data = _object(reply).get("data")
    if not isinstance(data, Mapping):
        raise UnexpectedShape(f"{reply.where}: data", "is not an object")
    return data


def _version(row: Mapping[str, Any]) -> tuple[str, str]:
    """An order at one instant: changed again while the pages are read, it is told again."""
    return str(row.get("id")), str(row.get("date_modified"))
