"""BigCommerce's webhook deliveries: verify the raw bytes, read what changed. Pure.

Two signature forms. Standard Webhooks, as BigCommerce documents it today: HMAC-SHA256 with the
client secret over ``{webhook-id}.{webhook-timestamp}.{body}``, base64, within a time window. And
``X-BC-Signature``: HMAC-SHA256 of the body, in hex or base64; it carries no time, so a repeated
delivery is only recognised by its content. Beside either, our own header that the hook was
registered with must come back.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from connectors.contract import DeliveryRefused, Notice

SCOPES = {
    "orders": (
        "store/order/created",
        "store/order/updated",
        "store/order/statusUpdated",
    ),
    "refunds": ("store/order/refund/created",),
    "customers": (
        "store/customer/created",
        "store/customer/updated",
        "store/customer/address/created",
        "store/customer/address/updated",
    ),
    "products": (
        "store/product/created",
        "store/product/updated",
        "store/product/deleted",
        "store/product/inventory/updated",
        "store/sku/created",
        "store/sku/updated",
        "store/sku/deleted",
        "store/sku/inventory/updated",
    ),
}
_ID = re.compile(r"[1-9][0-9]{0,17}")
_SECONDS = re.compile(r"[0-9]{1,12}")
_RECORD_OF_TYPE = {
    "order": "order",
    "customer": "customer",
    "product": "product",
    "sku": "product",
}
# Of these events the id is a part's own; the record that it belongs to stands in an object beside.
_OWNER = {"store/customer/address/": ("address", "customer_id"), "store/sku/": ("", "product_id")}


def read(
    *,
    values: Mapping[str, str],
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
    secret_header: tuple[str, str],
) -> tuple[Notice, ...]:
    """The notices of a delivery that is proved to be BigCommerce's. Raises DeliveryRefused."""
    name, expected = secret_header
    if not expected or not _same(headers.get(name.lower(), ""), expected):
        raise DeliveryRefused(
            "secret_header_wrong",
            f"The delivery did not carry this hook's own {name} header. Register the hooks again.",
        )
    verify(values=values, headers=headers, body=body, now=now)
    try:
        event = json.loads(body)
        scope = str(event["scope"])
        data = event.get("data") or {}
        record, external_id = str(data["type"]), _owner(scope, data)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DeliveryRefused(
            "unreadable", "The delivery's body is not a webhook event."
        ) from error
    if record not in _RECORD_OF_TYPE or not _ID.fullmatch(external_id):
        return ()
    return (
        Notice(
            record="refund" if scope.startswith("store/order/refund/") else _RECORD_OF_TYPE[record],
            external_id=external_id,
            delivery_id=_delivery_id(event, scope, external_id),
            event=scope[:80],
            occurred_at=_instant(event.get("created_at")),
        ),
    )


def _owner(scope: str, data: Mapping[str, Any]) -> str:
    """The id of the order, customer or product that an event is about; empty if it names none."""
    for prefix, (name, key) in _OWNER.items():
        if not scope.startswith(prefix):
            continue
        part = data.get(name) or data.get("sku") or data.get("inventory")
        return str(part.get(key, "")) if isinstance(part, Mapping) else ""
    return str(data["id"])


def _delivery_id(event: Mapping[str, Any], scope: str, external_id: str) -> str:
    """What every delivery of one event has, in both signature forms, and no other event has.

    ``webhook-id`` would serve the standard form only. ``hash`` alone would merge different events:
    the vendor describes it as made of ``data``, which is the same for every update of an order.
    So the whole event counts, its ``created_at`` included; a redelivery repeats all of it.
    Source: BigCommerce, "Webhook Events", callback structure.
    """
    whole = json.dumps(event, sort_keys=True, separators=(",", ":"))
    return f"{scope[:80]}:{external_id}:{hashlib.sha256(whole.encode()).hexdigest()}"


def verify(
    *, values: Mapping[str, str], headers: Mapping[str, str], body: bytes, now: datetime
) -> None:
    """Prove the signature in the form that the connection asks for. Raises DeliveryRefused."""
    form = values.get("hook_signature") or "standard"
    secret = values.get("client_secret", "").encode()
    if not secret:
        raise DeliveryRefused(
            "signature_missing", "The connection has no client secret to check with."
        )
    standard = headers.get("webhook-signature", "")
    direct = headers.get("x-bc-signature", "")
    if form in ("standard", "either") and standard:
        window = int(values.get("hook_window_seconds") or 300)
        _verify_standard(secret, standard, headers, body, now, window)
        return
    if form in ("x-bc-signature", "either") and direct:
        _verify_direct(secret, direct, body)
        return
    wanted = {
        "standard": "a webhook-signature header",
        "x-bc-signature": "an X-BC-Signature header",
    }.get(form, "a signature header")
    raise DeliveryRefused(
        "signature_missing", f"The delivery carried no signature: {wanted} is expected."
    )


def _verify_standard(
    secret: bytes,
    signatures: str,
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
    window: int,
) -> None:
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    signed = f"{message_id}.{timestamp}.".encode() + body
    expected = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    given = [part.partition(",")[2] for part in signatures.split() if part.startswith("v1,")]
    if not any([_same(signature, expected) for signature in given]):
        raise DeliveryRefused(
            "signature_wrong",
            "The delivery's signature is not made with this connection's client secret.",
        )
    if not _SECONDS.fullmatch(timestamp) or abs(now.timestamp() - int(timestamp)) > window:
        raise DeliveryRefused(
            "timestamp_outside_window",
            f"The delivery's time differs from ours by more than {window} seconds.",
        )


def _verify_direct(secret: bytes, given: str, body: bytes) -> None:
    digest = hmac.new(secret, body, hashlib.sha256).digest()
    forms = (digest.hex(), base64.b64encode(digest).decode())
    text = given.strip().removeprefix("sha256=")
    if not any([_same(text.lower(), forms[0]), _same(text, forms[1])]):
        raise DeliveryRefused(
            "signature_wrong",
            "The delivery's signature is not made with this connection's client secret.",
        )


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def _instant(value: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(value), UTC)
    except (TypeError, ValueError, OverflowError):
        return None
