"""What Commerce and Adobe I/O tell by themselves: verify the raw bytes, read which order. Pure.

Two doors. Commerce's own webhooks come while the shopper waits and before the order is saved; their
signature is RSA with SHA-256 over the base64 text of the body, and it covers no time, so a captured
delivery can be repeated: a notice is only ever a hint to read the order. I/O Events come after the
save, signed over the body itself by keys that Adobe publishes for all its customers, so the client
ID in the body must be ours too. Source: Adobe, "Webhooks signature verification" and "I/O Events
webhooks".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from connectors.contract import DeliveryRefused, HookAnswer, Notice
from connectors.stores.adobe_commerce.amounts import to_instant
from connectors.stores.adobe_commerce.orders import INCREMENT, key_of, split_key
from connectors.stores.adobe_commerce.settings import store_ids

SIGNATURE = "x-adobe-commerce-webhook-signature"
REQUEST_ID = "x-adobe-commerce-request-id"
# One page of Adobe's documentation writes the names without the last hyphen.
EVENT_SIGNATURES = tuple(
    f"x-adobe-digital-signature{hyphen}{number}" for number in (1, 2) for hyphen in ("-", "")
)
KEY_PATHS = ("x-adobe-public-key1-path", "x-adobe-public-key2-path")
DEEPEST = 5
_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----(.+?)-----END PUBLIC KEY-----", re.DOTALL)
_INCREMENT = re.compile(INCREMENT)
_CHALLENGE = re.compile(r"[A-Za-z0-9_.~-]{1,200}")
_KEY_PATH = re.compile(r"/[A-Za-z0-9/_.-]{1,120}\.pem")


def read(
    *,
    values: Mapping[str, str],
    headers: Mapping[str, str],
    body: bytes,
    secret_header: tuple[str, str],
) -> tuple[Notice, ...]:
    """The notices of a delivery that is proved to be this store's. Raises DeliveryRefused."""
    if any(name in headers for name in EVENT_SIGNATURES):
        _verify_event(values, headers, body)
        return _carried(_of_events(_json(body), values), values)
    _verify_hook(values, headers, body, secret_header)
    payload = _json(body)
    name = str(payload.get("eventName") or "") if isinstance(payload, Mapping) else ""
    digest = hashlib.sha256(body).hexdigest()[:32]
    # A repeated delivery of the same request is one; another save of the same order is not.
    delivery_id = f"{headers.get(REQUEST_ID, '')[:64]}:{digest}"
    return _carried(_notices(name, payload, delivery_id, None), values)


def _carried(notices: Iterable[Notice], values: Mapping[str, str]) -> tuple[Notice, ...]:
    """Those of the store views that the connection is for."""
    wanted = store_ids(values)
    return tuple(
        notice
        for notice in notices
        if not wanted or int(split_key(notice.external_id)[0]) in wanted
    )


def handshake(
    *, method: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
) -> HookAnswer | None:
    """I/O's question whether this address wants events. The way through ``validationUrl`` is
    acknowledged too; a person must then open that address within five minutes."""
    if method.upper() == "GET":
        challenge = query.get("challenge", "")
        return HookAnswer(body=challenge.encode()) if _CHALLENGE.fullmatch(challenge) else None
    if SIGNATURE in headers or any(name in headers for name in EVENT_SIGNATURES):
        return None
    try:
        asked = json.loads(body)
    except ValueError:
        return None
    return HookAnswer() if isinstance(asked, dict) and "validationUrl" in asked else None


def keys_of(text: str) -> tuple[RSAPublicKey, ...]:
    """Every public key in a PEM text, however its line breaks came through. Raises ValueError."""
    found = []
    for inner in _PEM.findall(text.replace("\\n", "\n")):
        try:
            key = load_der_public_key(base64.b64decode("".join(inner.split()), validate=True))
        except (binascii.Error, ValueError) as error:
            raise ValueError("is not a readable public key") from error
        if not isinstance(key, RSAPublicKey):
            raise ValueError("is not an RSA public key")
        found.append(key)
    if text.strip() and not found:
        raise ValueError("holds no “BEGIN PUBLIC KEY” block")
    return tuple(found)


def _verify_hook(
    values: Mapping[str, str],
    headers: Mapping[str, str],
    body: bytes,
    secret_header: tuple[str, str],
) -> None:
    keys = _stored(values, "webhook_public_key", "webhook_public_key_previous")
    if keys:
        given = headers.get(SIGNATURE, "")
        if not given:
            raise DeliveryRefused(
                "signature_missing",
                "The delivery carried no signature, though this connection has a public key. "
                "Switch signatures on in the store under Adobe Services, Webhooks.",
            )
        if not _signed(keys, given, base64.b64encode(body)):
            raise DeliveryRefused(
                "signature_wrong",
                "The delivery's signature is not made with the store's key that is saved here. "
                "If the key pair was made anew, copy the new public key.",
            )
        return
    name, expected = secret_header
    if not expected or not hmac.compare_digest(
        headers.get(name.lower(), "").encode(), expected.encode()
    ):
        raise DeliveryRefused(
            "secret_header_wrong",
            f"The delivery did not carry this hook's own {name} header, and no public key is "
            "saved to check a signature with. Register the hooks again.",
        )


def _verify_event(values: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> None:
    keys = _stored(values, "events_public_keys")
    paths = [headers.get(name, "") for name in KEY_PATHS]
    known = " and ".join(path for path in paths if _KEY_PATH.fullmatch(path))
    where = f" Save the keys {known} of static.adobeioevents.com here." if known else ""
    if not keys:
        raise DeliveryRefused(
            "signature_missing", f"No public key of I/O Events is saved to check with.{where}"
        )
    signatures = [headers[name] for name in EVENT_SIGNATURES if headers.get(name)]
    if not any([_signed(keys, given, body) for given in signatures]):
        raise DeliveryRefused(
            "signature_wrong",
            f"The event's signature is not made with a key that is saved here.{where}",
        )


def _stored(values: Mapping[str, str], *names: str) -> list[RSAPublicKey]:
    try:
        return [key for name in names for key in keys_of(values.get(name, ""))]
    except ValueError as error:
        raise DeliveryRefused(
            "signature_wrong", f"The public key in this connection's settings {error}."
        ) from error


def _signed(keys: list[RSAPublicKey], given: str, message: bytes) -> bool:
    try:
        signature = base64.b64decode(given.strip(), validate=True)
    except (binascii.Error, ValueError):
        return False
    for key in keys:
        try:
            key.verify(signature, message, PKCS1v15(), SHA256())
        except InvalidSignature:
            continue
        return True
    return False


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise DeliveryRefused("unreadable", "The delivery's body is not JSON.") from error


def _of_events(body: Any, values: Mapping[str, str]) -> Iterator[Notice]:
    """One CloudEvent, or a batch of them, each bare or inside ``event``."""
    for raw in body if isinstance(body, list) else [body]:
        event = raw.get("event", raw) if isinstance(raw, Mapping) else None
        if not isinstance(event, Mapping):
            raise DeliveryRefused("unreadable", "The delivery's body is not an event.")
        client_id = event.get("recipientclientid") or raw.get("recipientclientid")
        ours = values.get("events_client_id") or values.get("ims_client_id")
        if not ours or client_id != ours:
            raise DeliveryRefused(
                "signature_wrong",
                "The event is for another Adobe project: its recipientclientid is not the client "
                "ID of this connection.",
            )
        event_id = str(event.get("eventid") or event.get("event_id") or event.get("id") or "")
        if not event_id:
            raise DeliveryRefused("unreadable", "The event has no id.")
        name = str(event.get("type") or "").removeprefix("com.adobe.commerce.")
        yield from _notices(name, event.get("data"), f"io:{event_id[:80]}", event.get("time"))


def _notices(name: str, payload: Any, delivery_id: str, at: Any) -> Iterator[Notice]:
    found = dict(_sales(payload, 0))
    record = _record(name) or _shape(found)
    if record not in ("order", "invoice", "refund"):
        return
    key = found.get("order") if record == "order" else _order_of(found, record)
    if key is None and record == "order":
        raise DeliveryRefused(
            "unreadable",
            "The delivery names no order: its fields must hold the order's increment_id and "
            "store_id.",
        )
    if key is None:
        return  # it names its order by an internal number; the regular check finds it
    yield Notice(
        record=record,
        external_id=key,
        delivery_id=f"{delivery_id}:{record}",
        event=(name or f"webhook: {record}")[:80],
        occurred_at=_instant(at),
    )


def _record(name: str) -> str:
    if "creditmemo" in name:
        return "refund"
    if "invoice" in name:
        return "invoice"
    return "order" if "order" in name else "other" if name else ""


def _shape(found: Mapping[str, str]) -> str:
    """What a payload without an event's name is about, by what is in it."""
    if "order" in found or not found:
        return "order"
    return next(iter(found)).removeprefix("order of ")


def _order_of(found: Mapping[str, str], record: str) -> str | None:
    return found.get(f"order of {record}") or found.get("order")


def _sales(payload: Any, depth: int, name: str = "order") -> Iterator[tuple[str, str]]:
    """(what it is, key of its order) for every object that carries an order's numbers.

    The shape is the merchant's: a hook's fields can be chosen and renamed.
    """
    if depth > DEEPEST:
        return
    if isinstance(payload, list):
        for item in payload[:50]:
            yield from _sales(item, depth + 1, name)
    if not isinstance(payload, Mapping):
        return
    kind = {"invoice": "invoice", "creditmemo": "refund", "order": "order"}.get(name.lower(), name)
    named = payload.get("order_increment_id")
    if named is not None and (key := _key(payload.get("store_id"), named)):
        yield f"order of {kind}", key
    elif kind not in ("invoice", "refund") and "order_id" not in payload:
        key = _key(payload.get("store_id"), payload.get("increment_id"))
        if key:
            yield "order", key
    for inner, value in payload.items():
        yield from _sales(value, depth + 1, str(inner))


def _key(store_id: Any, increment_id: Any) -> str | None:
    store, increment = str(store_id), str(increment_id)
    if not re.fullmatch(r"[0-9]{1,5}", store) or not _INCREMENT.fullmatch(increment):
        return None
    return key_of(int(store), increment) if increment_id is not None else None


def _instant(value: Any) -> datetime | None:
    try:
        return to_instant(str(value)) if value else None
    except ValueError:
        return None
