"""Change subscriptions: validation handshake, three days of life, notifications, deletion rules."""

from __future__ import annotations

import asyncio
import json
import uuid
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

from sandbox.business_central.odata import BadRequest, instant
from sandbox.common.clock import Clock
from sandbox.common.journal import Journal

LIFE = timedelta(days=3)
DELAY = 30  # seconds after the first change; later ones to the same record are merged
HANDSHAKE_SECONDS = 5
MOST = 200
RETRIES = (60, 60, 60, 600, 6_000, 60_000)
MOST_NOTICES = 1_000  # changed records of one subscription; more are told as a collection
MARGIN = timedelta(milliseconds=50)
# Line items and item ledger entries are not among them.
RESOURCES = (
    "accounts", "companyInformation", "countriesRegions", "currencies", "customerPaymentJournals",
    "customers", "dimensions", "employees", "generalLedgerEntries", "itemCategories", "items",
    "journals", "paymentMethods", "paymentTerms", "purchaseInvoices", "salesCreditMemos",
    "salesInvoices", "salesOrders", "salesQuotes", "shipmentMethods", "unitsOfMeasure", "vendors",
)  # fmt: skip


class Subscriptions:
    """The subscriptions of an environment. ``routes`` stands for DNS and the receiver's proxy."""

    def __init__(self, journal: Journal, clock: Clock, routes: dict[str, str]) -> None:
        self.journal, self.clock, self.routes = journal, clock, routes
        self.rows: dict[str, dict[str, Any]] = journal.load("subscription")
        self.pending: dict[tuple[str, str], dict[str, Any]] = {}
        self.log: list[dict[str, Any]] = []
        self.delay: float = DELAY
        self.most_notices = MOST_NOTICES

    async def create(self, body: dict[str, Any]) -> dict[str, Any]:
        """Raises BadRequest if the receiver does not answer the handshake."""
        for name in ("notificationUrl", "resource"):
            if not body.get(name):
                raise BadRequest("BadRequest_RequiredParamNotProvided", f"'{name}' is required.")
        if urlsplit(body["notificationUrl"]).scheme != "https":
            raise BadRequest("BadRequest", "The notificationUrl must be https.")
        if len(body.get("clientState", "")) > 250:
            raise BadRequest("Application_StringExceededLength", "clientState is too long.")
        if body["resource"].rstrip("/").rsplit("/", 1)[-1] not in RESOURCES:
            raise BadRequest("BadRequest", f"The resource '{body['resource']}' is not supported.")
        if len(self.rows) >= MOST:
            raise BadRequest("BadRequest", "The limit of 200 subscriptions is reached.")
        await self._handshake(body["notificationUrl"])
        row = {
            "subscriptionId": uuid.uuid4().hex,
            "notificationUrl": body["notificationUrl"],
            "resource": body["resource"],
            "clientState": body.get("clientState", ""),
            "userId": str(uuid.uuid4()),
            "timestamp": 0,
            "lastModifiedDateTime": instant(self.clock.now()),
            "expirationDateTime": instant(self.clock.now() + LIFE),
            "_tries": 0,
        }
        self._keep(row)
        return row

    async def renew(self, key: str, body: dict[str, Any]) -> dict[str, Any]:
        row = self.get(key)
        await self._handshake(body.get("notificationUrl", row["notificationUrl"]))
        row["notificationUrl"] = body.get("notificationUrl", row["notificationUrl"])
        row["clientState"] = body.get("clientState", row["clientState"])
        row["_etag"] = int(row.get("_etag", 1)) + 1
        row["expirationDateTime"] = instant(self.clock.now() + LIFE)
        self._keep(row)
        return row

    def get(self, key: str) -> dict[str, Any]:
        row = self.rows.get(key)
        if row is None:
            raise BadRequest("BadRequest_NotFound", f"Subscription '{key}' does not exist.", 404)
        return row

    def delete(self, key: str) -> None:
        self.get(key)
        del self.rows[key]
        self.journal.drop("subscription", key)
        self.pending = {k: v for k, v in self.pending.items() if k[0] != key}

    def _keep(self, row: dict[str, Any]) -> None:
        self.rows[row["subscriptionId"]] = row
        self.journal.put("subscription", row["subscriptionId"], row)

    def changed(self, company_id: str, entity: str, record_id: str, change: str) -> None:
        """A record changed: told after the delay, changes to one record merged."""
        path = f"companies({company_id})/{entity}"
        for row in self.rows.values():
            if not row["resource"].strip("/").endswith(path):
                continue
            key = (row["subscriptionId"], record_id)
            told = self.pending.get(key)
            if told is None:
                self.pending[key] = {
                    "due": self.clock.time() + self.delay,
                    "changeType": change,
                    "resource": f"api/v2.0/{path}({record_id})",
                    "lastModifiedDateTime": instant(self.clock.now()),
                }
            elif change == "deleted":
                told["changeType"] = change

    async def work(self) -> None:
        """Runs beside the server: expiry and delivery."""
        while True:
            await asyncio.sleep(0.2)
            now = self.clock.now()
            for row in list(self.rows.values()):
                if datetime.fromisoformat(row["expirationDateTime"]) <= now:
                    self.delete(row["subscriptionId"])
            due: dict[str, list[tuple[str, str]]] = {}
            for key, item in self.pending.items():
                if item["due"] <= now.timestamp() and key[0] in self.rows:
                    due.setdefault(self.rows[key[0]]["notificationUrl"], []).append(key)
            for url, keys in due.items():
                await self._deliver(url, keys)

    async def _deliver(self, url: str, keys: list[tuple[str, str]]) -> None:
        """Everything that is due at one address in one body, whatever subscription it is of."""
        by_row: dict[str, list[tuple[str, str]]] = {}
        for key in keys:
            by_row.setdefault(key[0], []).append(key)
        value: list[dict[str, Any]] = []
        for row_id, own in by_row.items():
            value += self._notices(self.rows[row_id], [self.pending[key] for key in own])
        status, _ = await self._post(url, json.dumps({"value": value}).encode(), 30)
        for row_id, own in by_row.items():
            self.log.append({"subscription": row_id, "status": status, "count": len(own)})
            if row_id in self.rows:
                self._settle(self.rows[row_id], own, status)
        del self.log[:-500]

    def _notices(self, row: dict[str, Any], items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """A notice a record; above the limit one for the collection, which names the changes since
        the first one, or nothing narrower once a record was deleted."""
        common = {
            "subscriptionId": row["subscriptionId"],
            "clientState": row["clientState"],
            "expirationDateTime": row["expirationDateTime"],
        }
        if len(items) <= self.most_notices:
            return [common | {k: v for k, v in item.items() if k != "due"} for item in items]
        first = min(item["lastModifiedDateTime"] for item in items)
        resource = items[0]["resource"].rpartition("(")[0]
        if all(item["changeType"] != "deleted" for item in items):
            since = instant(datetime.fromisoformat(first) - MARGIN)
            resource += f"?$filter=lastModifiedDateTime%20gt%20{since}"
        return [
            common
            | {
                "changeType": "collection",
                "resource": resource,
                "lastModifiedDateTime": max(item["lastModifiedDateTime"] for item in items),
            }
        ]

    def _settle(self, row: dict[str, Any], keys: list[tuple[str, str]], status: int | None) -> None:
        if status is not None and 200 <= status < 300:
            row["_tries"] = 0
            for key in keys:
                self.pending.pop(key, None)
            return
        passing = status is None or status in (408, 429) or status >= 500
        row["_tries"] += 1
        if not passing or row["_tries"] > len(RETRIES) - 1:
            self.delete(row["subscriptionId"])  # any other answer ends it at once
            return
        for key in keys:
            if key in self.pending:
                self.pending[key]["due"] = self.clock.time() + RETRIES[row["_tries"] - 1]

    async def _handshake(self, url: str) -> None:
        token = uuid.uuid4().hex
        status, body = await self._post(
            f"{url}{'&' if '?' in url else '?'}validationToken={quote(token)}",
            b"",
            HANDSHAKE_SECONDS,
        )
        if status != 200 or body.decode(errors="replace").strip() != token:
            raise BadRequest(
                "BadRequest", "The notification address did not return the validation token."
            )

    async def _post(self, url: str, body: bytes, seconds: float) -> tuple[int | None, bytes]:
        parts = urlsplit(url)
        to = urlsplit(self.routes.get(parts.hostname or "", ""))
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {parts.hostname}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        try:
            async with asyncio.timeout(seconds):
                if not to.hostname:
                    return None, b""
                reader, writer = await asyncio.open_connection(to.hostname, to.port)
                writer.write(head.encode() + body)
                answer = await reader.read()
                writer.close()
        except (OSError, TimeoutError):
            return None, b""
        top, _, rest = answer.partition(b"\r\n\r\n")
        try:
            return int(top.split()[1]), rest
        except (IndexError, ValueError):
            return None, b""
