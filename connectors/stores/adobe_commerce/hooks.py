"""Registrations of Commerce's own webhooks: what we ask for, and what is there.

Source: Adobe, "REST endpoints for webhooks" and "Configure hook contents". A hook must never hold
up a checkout: it is not required, it has a short timeout, and the answer is given before any work.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from connectors.contract import Hook
from connectors.errors import NeedsAttention, Rejected
from connectors.kit.reader import Reader
from connectors.stores.adobe_commerce.client import Client
from connectors.stores.adobe_commerce.settings import SAAS

BATCH = "ml_connector"
TIMEOUT_MS = 2000
# Candidates by record, the best first; the Cloud Service offers a list of its own to choose from.
METHODS = {
    "orders": ("observer.sales_order_place_after", "observer.sales_order_save_after"),
}
_FIELDS = ("increment_id", "store_id")


def ensure(
    client: Client, *, destination: str, records: Iterable[str], secret_header: tuple[str, str]
) -> tuple[Hook, ...]:
    """Register what is missing and renew what is different. An empty answer says that the store
    offers no registration: a person sets the hooks up by hand."""
    try:
        ours = {
            (row["webhook_method"], row["hook_name"]): row
            for row in client.rows("webhooks/list", purpose="list hooks")
            if row.get("url") == destination
        }
        offered = _offered(client)
    except (NeedsAttention, Rejected) as error:
        if error.code == "no_route":
            return ()
        if error.code != "missing_permission":
            raise
        raise _by_hand(error) from error
    found = []
    for record in dict.fromkeys(records):
        method = next((m for m in METHODS.get(record, ()) if offered is None or m in offered), None)
        if method is None:
            continue
        wanted = _wanted(method, record, destination, secret_header)
        row = ours.get((method, wanted["hook_name"]))
        if row is None or not _agrees(row, wanted):
            try:
                if row is not None:
                    _unsubscribe(client, row)
                client.request(
                    "POST",
                    "webhooks/subscribe",
                    body={"webhook": wanted},
                    purpose="register a hook",
                )
            except Rejected as error:
                if error.code == "no_route":
                    return ()
                raise
            row = wanted
        found.append(_hook(row))
    return tuple(found)


def remove(client: Client, *, destination: str) -> int:
    try:
        rows = client.rows("webhooks/list", purpose="list hooks")
    except Rejected as error:
        if error.code == "no_route":
            return 0
        raise
    ours = [row for row in rows if row.get("url") == destination]
    for row in ours:
        _unsubscribe(client, row)
    return len(ours)


def _offered(client: Client) -> frozenset[str] | None:
    """The Cloud Service's catalogue of hooks; None where every event can be had."""
    if client.edition != SAAS:
        return None
    rows = client.rows("webhooks/supportedList", purpose="list the hooks on offer")
    return frozenset(str(row.get("name") or "") for row in rows)


def _wanted(
    method: str, record: str, destination: str, secret_header: tuple[str, str]
) -> dict[str, Any]:
    return {
        "webhook_method": method,
        "webhook_type": "after",
        "batch_name": BATCH,
        "batch_order": 100,
        "hook_name": record,
        "url": destination,
        "priority": 100,
        "required": False,
        "soft_timeout": 0,
        "timeout": TIMEOUT_MS,
        "method": "POST",
        "fallback_error_message": "",
        "ttl": 0,
        "fields": [{"name": f"order.{name}", "source": f"data.order.{name}"} for name in _FIELDS],
        "rules": [],
        "headers": [{"name": secret_header[0], "value": secret_header[1]}],
    }


def _agrees(row: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    read = Reader(row, "hook")
    headers = {
        (header.text("name", "").lower(), header.text("value", ""))
        for header in read.items("headers")
    }
    expected = {(header["name"].lower(), header["value"]) for header in wanted["headers"]}
    return (
        not read.flag("required", True)
        and 0 < read.integer("timeout", 0) <= TIMEOUT_MS
        and read.integer("ttl", 0) == 0
        and headers == expected
    )


def _unsubscribe(client: Client, row: Mapping[str, Any]) -> None:
    names = ("webhook_method", "webhook_type", "batch_name", "hook_name")
    # The schema of the Cloud Service asks for the whole object.
    body = {**row, **{name: row[name] for name in names}}
    client.request("POST", "webhooks/unsubscribe", body={"webhook": body}, purpose="remove a hook")


def _by_hand(error: NeedsAttention | Rejected) -> Rejected:
    """Hooks are a convenience: the store without them still works by the regular check."""
    return Rejected(
        error.detail,
        reason=f"The hooks could not be looked at. {error.reason}",
        advice="Give the integration the resource “Webhooks”, or set the hook up in the store by "
        "hand as the documentation says. Meanwhile orders come in by the regular check.",
        vendor_words=error.vendor_words,
        code=error.code,
        retry_after=timedelta(days=1),
    )


def _hook(raw: Mapping[str, Any]) -> Hook:
    row = Reader(raw, "hook")
    return Hook(
        external_id=f"{row.text('webhook_method')}:{row.text('batch_name')}:{row.text('hook_name')}",
        scope=row.text("webhook_method"),
        destination=row.text("url"),
        is_active=True,
    )
