"""Change subscriptions as Business Central's and NAV's APIs have them: made, renewed, made again if
lost; what a notification says.

Source: "Working with webhooks in Dynamics 365 Business Central" and the application's code for
API webhooks. A subscription lives three days, and the service asks our address for a token while
it is made or renewed. A notification carries no signature: ``clientState`` is its only secret.
Any answer to one but 2xx, 408, 429 and 5xx ends the subscription.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.errors import ConnectorError, Rejected
from connectors.kit import odata
from connectors.kit.http import Reply
from connectors.kit.reader import Reader
from connectors.master_data import ChangeSubscription
from connectors.notices import DeliveryRefused, HookAnswer, Notice

RENEW_BEFORE = timedelta(hours=36)  # half of its life
STATE_LENGTH = 200  # an actual service description says 250
RECORDS = {"items": "item", "customers": "customer"}
COLLECTION = "*"
_TOKEN = re.compile(r"[\x20-\x7e]{1,500}")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_RESOURCE = re.compile(r"companies\(([0-9a-f-]{36})\)/(\w+)(?:\(([0-9a-f-]{36})\))?", re.IGNORECASE)


class Keeper:
    """The service's subscriptions, as far as they lead to one address of ours.

    ``request`` is the client's; ``path`` is where the subscriptions are; ``advice`` says what to do
    when the service does not make one (``system`` is its name). ``has_none`` tells the refusal of a
    service that has no subscriptions from other trouble.
    """

    def __init__(
        self,
        request: Callable[..., Reply],
        path: str,
        *,
        destination: str,
        client_state: str,
        system: str,
        advice: str,
        has_none: Callable[[ConnectorError], bool] = lambda error: False,
    ) -> None:
        if len(client_state) > STATE_LENGTH:
            raise ValueError(f"clientState is longer than {STATE_LENGTH} characters")
        self._request, self._path = request, path
        self._destination, self._client_state = destination, client_state
        self._system, self._advice, self._has_none = system, advice, has_none

    def keep(
        self, resources: Iterable[str], *, known: Sequence[str]
    ) -> tuple[ChangeSubscription, ...]:
        """One for each resource that the service takes; () where it has no subscriptions. Ours
        (``known``) at another address are removed. Raises Rejected if it takes none: it could not
        reach the address."""
        try:
            reply = self._request("GET", self._path, purpose="list change subscriptions")
        except ConnectorError as error:
            if self._has_none(error):
                return ()
            raise
        now = reply.server_time()
        held = [_Held(row) for row in odata.rows(reply)]
        kept: list[ChangeSubscription] = []
        refusal: Rejected | None = None
        for resource in resources:
            own = [one for one in held if one.leads_to(self._destination, resource)]
            try:
                kept.append(self._ensure(own, resource, now))
            except Rejected as error:
                refusal = error  # the others must not run out for it
                continue
            self._remove(own[1:])
        if refusal is not None and not kept:
            raise refusal
        ids = {one.external_id for one in kept}
        self._remove(
            one
            for one in held
            if one.id in known and one.id not in ids and one.url != self._destination
        )
        return tuple(kept)

    def _ensure(self, own: Sequence[_Held], resource: str, now: datetime) -> ChangeSubscription:
        body = {
            "notificationUrl": self._destination,
            "resource": resource,
            "clientState": self._client_state,
        }
        if not own:
            return self._made(body)
        first = own[0]
        is_ours = hmac.compare_digest(first.state.encode(), self._client_state.encode())
        if is_ours and first.expires_at - now > RENEW_BEFORE:
            return first.subscription()
        try:
            reply = self._request(
                "PATCH",
                self._address(first.id),
                body=body,
                headers={"If-Match": first.etag or "*"},
                purpose="renew the change subscription",
            )
        except Rejected as error:
            if error.code != "not_found":
                raise self._unreached(error) from error
            return self._made(body)  # it ended while we looked
        return _Held(reply.json()).subscription()

    def _made(self, body: Mapping[str, str]) -> ChangeSubscription:
        try:
            reply = self._request("POST", self._path, body=body, purpose="subscribe to changes")
        except Rejected as error:
            raise self._unreached(error) from error
        return _Held(reply.json()).subscription()

    def _remove(self, rows: Iterable[_Held]) -> None:
        for row in rows:
            try:
                self._request(
                    "DELETE",
                    self._address(row.id),
                    headers={"If-Match": row.etag or "*"},
                    purpose="remove a change subscription",
                )
            except Rejected as error:
                if error.code != "not_found":
                    raise

    def _address(self, subscription_id: str) -> str:
        return f"{self._path}({odata.literal(subscription_id)})"

    def _unreached(self, error: Rejected) -> Rejected:
        return Rejected(
            error.detail,
            reason=f"{self._system} did not make the change subscription.",
            advice=self._advice,
            vendor_words=error.vendor_words,
            code="subscription",
        )


class ChangeNotices:
    """What arrives at our address: the part of an adapter that reads it."""

    @classmethod
    def handshake(
        cls,
        *,
        values: Mapping[str, str],
        method: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
    ) -> HookAnswer | None:
        """The token that came in the address, as plain text, within five seconds."""
        token = query.get("validationToken", "")
        return HookAnswer(body=token.encode()) if _TOKEN.fullmatch(token) else None

    @classmethod
    def read_notices(
        cls, *, headers: Mapping[str, str], body: bytes, client_state: str
    ) -> tuple[Notice, ...]:
        """The notices that carry our ``clientState``; others are dropped, and a delivery of nothing
        but others is refused. A notice of a whole collection means looking at everything since: its
        record is ``*`` and its id the collection's name."""
        try:
            rows = [dict(row) for row in json.loads(body.decode("utf-8-sig"))["value"]]
        except (ValueError, TypeError, KeyError) as error:
            raise DeliveryRefused("unreadable", "The notification cannot be read.") from error
        ours = [row for row in rows if _is_ours(row, client_state)]
        if rows and not ours:
            raise DeliveryRefused(
                "secret_header_wrong", "The notification does not carry our clientState."
            )
        return tuple(notice for row in ours if (notice := _notice(row)) is not None)


class _Held:
    """A subscription as the service lists it."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        read = Reader(row, "subscription")
        self.id = read.text("subscriptionId")
        self.url = read.text("notificationUrl", "")
        self.resource = read.text("resource", "")
        self.state = read.text("clientState", "")
        self.etag = read.text("@odata.etag", "")
        self.expires_at = read.convert("expirationDateTime", _instant)

    def leads_to(self, destination: str, resource: str) -> bool:
        """The resource comes back with or without what stands before the company."""
        collection = resource[resource.index("companies(") :].lower()
        return self.url == destination and self.resource.rstrip("/").lower().endswith(collection)

    def subscription(self) -> ChangeSubscription:
        match = _RESOURCE.search(self.resource)
        return ChangeSubscription(
            external_id=self.id,
            resource=match.group(2) if match else self.resource,
            destination=self.url,
            expires_at=self.expires_at,
        )


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _is_ours(row: Mapping[str, Any], client_state: str) -> bool:
    given = _plain(row.get("clientState"))
    return bool(client_state) and hmac.compare_digest(given.encode(), client_state.encode())


def _plain(value: Any) -> str:
    """The text without what neither UTF-8 nor a database can hold."""
    return _UNSTORABLE.sub("?", str(value or ""))


def _notice(row: Mapping[str, Any]) -> Notice | None:
    """None for a collection that we do not follow."""
    resource, change = _plain(row.get("resource")), _plain(row.get("changeType"))
    match = _RESOURCE.search(resource)
    if match is None or match.group(2) not in RECORDS:
        return None
    entity, record_id = match.group(2), match.group(3)
    # Older samples spell it the other way round.
    at = _plain(row.get("lastModifiedDateTime") or row.get("lastDateTimeModified"))
    try:
        occurred_at = _instant(at) if at else None
    except ValueError:
        occurred_at = None
    whole = change == "collection" or not record_id
    return Notice(
        record=COLLECTION if whole else RECORDS[entity],
        external_id=entity if whole else record_id.lower(),
        delivery_id=_delivery_id(_plain(row.get("subscriptionId")), resource, change, at),
        event=change[:80],
        occurred_at=occurred_at,
    )


def _delivery_id(*parts: str) -> str:
    """The same for the same notice; subscription ids and resources can be long."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
