"""Adobe I/O Events: Commerce tells Adobe, Adobe delivers to the registered webhooks.

Commerce creates an event for a subscribed name with the subscribed fields, never one beyond
64 KB. Adobe wraps it in a CloudEvent, signs the raw body with two keys, and retries 429 and 5xx
(not 505) after 1, 2, 4, 8 and then every 15 minutes for 24 hours; any other failure drops the
event. Too many failures make a registration unstable and then disabled.
"""

from __future__ import annotations

import asyncio
import secrets
import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from sandbox.adobe_commerce.calls import Call, Route, check_names
from sandbox.adobe_commerce.hooks import pick
from sandbox.adobe_commerce.keys import SigningKey
from sandbox.adobe_commerce.outbound import Outbound
from sandbox.adobe_commerce.sales_api import order_answer
from sandbox.adobe_commerce.store import CommerceStore, Record
from sandbox.adobe_commerce.wire import Refused, dumps, required, shown
from sandbox.common import jsonio

PREFIX = "com.adobe.commerce."
SUPPORTED = (
    "observer.sales_order_save_after",
    "observer.sales_order_save_commit_after",
    "observer.sales_order_invoice_save_after",
    "observer.sales_order_invoice_save_commit_after",
    "observer.sales_order_creditmemo_save_after",
    "observer.sales_order_creditmemo_save_commit_after",
    "observer.customer_save_commit_after",
    "observer.catalog_product_save_after",
)
MOST_BYTES = 64 * 1024
WAITS = (60, 120, 240, 480, 900)
DAY = 24 * 3600
TIMEOUT_SECONDS = 10
VALID_SECONDS = 300
WORKERS = 8
_ACL = "Magento_AdobeIoEventsClient::configuration"
_FIELDS = [
    "name",
    "parent",
    "fields",
    "rules",
    "destination",
    "priority",
    "hipaa_audit_required",
    "provider_id",
]


@dataclass
class Delivery:
    """One event on its way to one registration."""

    registration: str
    event_id: str
    body: bytes
    created: float
    due: float
    tries: int = 0
    results: list[int | None] = field(default_factory=list)


class Events:
    def __init__(
        self, store: CommerceStore, outbound: Outbound, keys: list[SigningKey], *, saas: bool
    ) -> None:
        self.store, self.outbound, self.keys, self.saas = store, outbound, keys, saas
        self.signing, self.wrapped, self.delay_seconds = "on", False, 0.0
        self.queue: asyncio.Queue[Delivery] = asyncio.Queue()
        self.waiting: list[Delivery] = []
        self.log: deque[Record] = deque(maxlen=5_000)
        self.sent: dict[str, Delivery] = {}
        self._asked: dict[str, tuple[str, float]] = {}
        self._results: dict[str, deque[tuple[float, bool]]] = {}
        self.load()
        store.observers.append(self.announce)

    def load(self) -> None:
        self.subscriptions: dict[str, Record] = self.store.journal.load("subscription")
        self.registrations: dict[str, Record] = self.store.journal.load("registration")

    def reset(self) -> None:
        self.subscriptions, self.registrations = {}, {}
        self.signing, self.wrapped, self.delay_seconds = "on", False, 0.0
        self.waiting, self.sent = [], {}
        self.queue = asyncio.Queue()
        self._results.clear()
        self.log.clear()

    # Commerce's side

    def routes(self) -> list[Route]:
        found = [
            Route("GET", "eventing/getEventSubscriptions", _ACL, self.list_subscriptions),
            Route("POST", "eventing/eventSubscribe", _ACL, self.subscribe),
            Route("PUT", "eventing/eventSubscribe/{name}", _ACL, self.subscribe),
            Route("POST", "eventing/eventUnsubscribe/{name}", _ACL, self.unsubscribe),
        ]
        if self.saas:
            found.append(Route("GET", "eventing/supportedList", _ACL, self.supported_list))
        return found

    def supported_list(self, call: Call) -> Any:
        return [{"name": name} for name in SUPPORTED]

    def list_subscriptions(self, call: Call) -> Any:
        return list(self.subscriptions.values())

    def subscribe(self, call: Call) -> Any:
        self.add_subscription({**call.need("event"), **call.params})
        return []

    def add_subscription(self, given: Record) -> None:
        interface = "Magento\\AdobeCommerceEventsClient\\Api\\Data\\EventDataInterface"
        check_names(given, _FIELDS, interface)
        for name in ("name", "fields"):
            if not given.get(name):
                raise required(name)
        if given["name"] not in SUPPORTED:
            raise Refused(400, 'The event "%1" is not supported.', [given["name"]])
        row = {"parent": "", "rules": [], "destination": "default", "priority": False, **given}
        row = {"hipaa_audit_required": False, "provider_id": "default", **row}
        self.subscriptions[given["name"]] = row
        self.store.keep("subscription", given["name"], row)

    def unsubscribe(self, call: Call) -> Any:
        if self.subscriptions.pop(call.params["name"], None) is None:
            raise Refused(400, 'The event "%1" is not subscribed.', [call.params["name"]])
        self.store.journal.drop("subscription", call.params["name"])
        return []

    def announce(self, event: str, record: Record) -> None:
        name = f"observer.{event}"
        subscription = self.subscriptions.get(name)
        if subscription is None:
            return
        shape = order_answer(record) if "status_histories" in record else record
        value: Record = {}
        whole = shown(shape)
        for row in subscription["fields"]:
            wanted = str(row["name"] if isinstance(row, dict) else row)
            if wanted == "*":
                value |= whole
            else:
                _put(value, wanted.replace("[]", "").split("."), pick(whole, wanted.split(".")))
        data: Record = {
            "value": value,
            "_metadata": {
                "commerceEdition": "Adobe Commerce",
                "storeId": str(record.get("store_id", 0)),
                "websiteId": str(record.get("website_id", 1)),
            },
            "source": "acme.production",
        }
        if len(dumps(data).encode()) > MOST_BYTES:
            self._note("", "too large, never created", None, name, 0)
            return
        for key, registration in self.registrations.items():
            wanted_types = registration["events"]
            if registration["state"] != "disabled" and (not wanted_types or name in wanted_types):
                self._queue(key, registration, name, data)

    def _queue(self, key: str, registration: Record, name: str, data: Record) -> None:
        now = self.store.clock.time()
        event_id = str(uuid.uuid4())
        envelope: Record = {
            "specversion": "1.0",
            "type": PREFIX + name,
            "id": event_id,
            "source": "urn:uuid:5a3c2f0e-7b6d-4d1f-9a51-0c3e8f2d7b11",
            "time": self.store.clock.now().isoformat(timespec="milliseconds"),
            "datacontenttype": "application/json",
            "eventid": event_id,
            "event_id": event_id,
            "recipientclientid": registration["client_id"],
            "data": data,
        }
        body = dumps({"event": envelope} if self.wrapped else envelope).encode()
        delivery = Delivery(key, event_id, body, now, now + self.delay_seconds)
        self.sent[event_id] = delivery
        self.waiting.append(delivery)

    # Adobe's side

    async def register(self, given: Record) -> Record:
        """Register a webhook and make the handshake: a GET with a challenge, else a POST with a
        validation address that is good for five minutes."""
        key = uuid.uuid4().hex[:12]
        registration: Record = {
            "id": key,
            "url": str(given["url"]),
            "client_id": str(given.get("client_id", "acme-events-client")),
            "events": list(given.get("events") or ()),
            "state": "unverified",
            "validation_base": str(given.get("validation_base", "https://csm.adobe.io")),
        }
        challenge = secrets.token_urlsafe(12)
        joint = "&" if "?" in registration["url"] else "?"
        if given.get("handshake", "challenge") == "challenge":
            try:
                answer = await self.outbound.send(
                    "GET",
                    f"{registration['url']}{joint}challenge={challenge}",
                    headers={"accept": "*/*"},
                    timeout_seconds=TIMEOUT_SECONDS,
                )
            except (OSError, TimeoutError):
                answer = None
            if answer is not None and answer.status == 200 and _echoes(answer.body, challenge):
                registration["state"] = "active"
        if registration["state"] != "active":
            await self._ask_to_validate(registration)
        self.registrations[key] = registration
        self.store.keep("registration", key, registration)
        return registration

    async def _ask_to_validate(self, registration: Record) -> None:
        token = secrets.token_urlsafe(16)
        self._asked[token] = (registration["id"], self.store.clock.time() + VALID_SECONDS)
        url = f"{registration['validation_base']}/csm/validate?id={token}"
        try:
            await self.outbound.send(
                "POST",
                registration["url"],
                headers={"content-type": "application/json"},
                body=jsonio.dumps({"validationUrl": url}).encode(),
                timeout_seconds=TIMEOUT_SECONDS,
            )
        except (OSError, TimeoutError):
            self._note(registration["id"], "handshake failed", None, "", 0)

    async def validated(self, request: Request) -> Response:
        """The receiver opens its validation address."""
        token = request.query_params.get("id", "")
        key, until = self._asked.get(token, ("", 0.0))
        registration = self.registrations.get(key)
        if registration is None or until < self.store.clock.time():
            return JSONResponse({"message": "unknown or expired"}, 404)
        registration["state"] = "active"
        self.store.keep("registration", key, registration)
        return JSONResponse({"message": "validated"})

    async def public_key(self, request: Request) -> Response:
        """What static.adobeioevents.com serves."""
        name = request.url.path.rpartition("/")[2]
        for key in self.keys:
            if name == f"pub-key-{key.id}.pem":
                return PlainTextResponse(key.public_pem())
        return PlainTextResponse("not found", 404)

    async def work(self) -> None:
        """Runs beside the server: senders, and the clockwork of the retries."""
        senders = [asyncio.create_task(self._sender()) for _ in range(WORKERS)]
        try:
            while True:
                await asyncio.sleep(0.02)
                now = self.store.clock.time()
                due = [d for d in self.waiting if d.due <= now]
                if due:
                    self.waiting = [d for d in self.waiting if d.due > now]
                    for delivery in due:
                        self.queue.put_nowait(delivery)
        finally:
            for sender in senders:
                sender.cancel()

    async def _sender(self) -> None:
        while True:
            try:
                delivery = await asyncio.wait_for(self.queue.get(), 0.5)
            except TimeoutError:
                continue  # a reset puts another queue in place
            registration = self.registrations.get(delivery.registration)
            if registration is None or registration["state"] == "disabled":
                continue
            if registration["state"] == "unverified":
                delivery.due = self.store.clock.time() + 1
                self.waiting.append(delivery)
                continue
            try:
                answer = await self.outbound.send(
                    "POST",
                    registration["url"],
                    headers=self._headers(delivery),
                    body=delivery.body,
                    timeout_seconds=TIMEOUT_SECONDS,
                )
                status: int | None = answer.status
            except (OSError, TimeoutError):
                status = None
            self._settle(delivery, registration, status)

    def _headers(self, delivery: Delivery) -> dict[str, str]:
        headers = {
            "content-type": "application/cloudevents+json; charset=UTF-8",
            "x-adobe-event-id": delivery.event_id,
            "x-adobe-delivery-id": str(uuid.uuid4()),
        }
        if delivery.tries:
            headers["x-adobe-retry-count"] = str(delivery.tries)
        if self.signing != "off":
            signed = delivery.body + (b" " if self.signing == "wrong" else b"")
            for number, key in enumerate(self.keys, 1):
                headers[f"x-adobe-digital-signature-{number}"] = key.sign(signed)
                headers[f"x-adobe-public-key{number}-path"] = f"/prod/keys/pub-key-{key.id}.pem"
        return headers

    def _settle(self, delivery: Delivery, registration: Record, status: int | None) -> None:
        now = self.store.clock.time()
        delivery.tries += 1
        good = status is not None and 200 <= status < 300
        again = status is None or status == 429 or (status >= 500 and status != 505)
        self._note(
            registration["id"],
            "delivered" if good else "to be retried" if again else "dropped",
            status,
            delivery.event_id,
            delivery.tries,
        )
        self._judge(registration, now, good=good)
        if good or not again:
            return
        delivery.due = now + WAITS[min(delivery.tries, len(WAITS)) - 1]
        if delivery.due <= delivery.created + DAY:
            self.waiting.append(delivery)

    def _judge(self, registration: Record, now: float, *, good: bool) -> None:
        """Unstable at ten attempts with four fifths failed in a day, disabled when it goes on."""
        results = self._results.setdefault(registration["id"], deque())
        results.append((now, good))
        while results and results[0][0] < now - DAY:
            results.popleft()
        failed = sum(1 for _, ok in results if not ok)
        bad = len(results) >= 10 and failed / len(results) >= 0.8
        state = registration["state"]
        if bad and state == "active":
            registration["state"], registration["since"] = "unstable", now
        elif bad and state == "unstable" and now - float(registration["since"]) >= DAY:
            registration["state"] = "disabled"
        elif not bad and state == "unstable":
            registration["state"] = "active"
        if registration["state"] != state:
            self.store.keep("registration", registration["id"], registration)

    def enable(self) -> None:
        """Switch every registration on again, as its owner does by hand."""
        self._results.clear()
        for key, registration in self.registrations.items():
            registration["state"] = "active"
            self.store.keep("registration", key, registration)

    def redeliver(self, event_id: str) -> bool:
        """Send an event once more, as Adobe may."""
        delivery = self.sent.get(event_id)
        if delivery is None:
            return False
        self.queue.put_nowait(delivery)
        return True

    def _note(
        self, registration: str, result: str, status: int | None, event: str, tries: int
    ) -> None:
        self.log.append(
            {
                "at": self.store.clock.now().isoformat(),
                "registration": registration,
                "event": event,
                "result": result,
                "status": status,
                "try": tries,
            }
        )


def _echoes(body: bytes, challenge: str) -> bool:
    text = body.decode(errors="replace").strip()
    if text == challenge:
        return True
    try:
        found = jsonio.loads(text)
    except ValueError:
        return False
    return isinstance(found, dict) and found.get("challenge") == challenge


def _put(out: Record, path: list[str], value: Any) -> None:
    for part in path[:-1]:
        out = out.setdefault(part, {})
    out[path[-1]] = value
