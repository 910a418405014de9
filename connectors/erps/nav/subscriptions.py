"""Change subscriptions of API v1.0: made, renewed, made again if lost; what a notification says.

Source: "Working with webhooks in Dynamics 365 Business Central"; the server setting
ApiSubscriptionsEnabled switches them on. A subscription lives three days unless the server says
otherwise, and our address is asked for a token while it is made or renewed. A notification carries
no signature: ``clientState`` is its only secret. Any answer to one but 2xx, 408, 429 and 5xx ends
the subscription.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.contract import ChangeSubscription, DeliveryRefused, HookAnswer, Notice
from connectors.erps.nav.api_company import ApiCompany
from connectors.erps.nav.client import Client, Json
from connectors.erps.nav.errors import NOT_FOUND, NOT_OFFERED
from connectors.erps.nav.feeds import server_time
from connectors.errors import NeedsAttention, Rejected
from connectors.kit import odata
from connectors.kit.reader import Reader

RENEW_BEFORE = timedelta(hours=36)  # half of its life
STATE_LENGTH = 200  # 250 at most
RECORDS = {"items": "item", "customers": "customer"}
COLLECTION = "*"
_TOKEN = re.compile(r"[\x20-\x7e]{1,500}")
_RESOURCE = re.compile(r"companies\(([0-9a-f-]{36})\)/(\w+)(?:\(([0-9a-f-]{36})\))?", re.IGNORECASE)


def subscribe(
    client: Client,
    company: ApiCompany,
    *,
    destination: str,
    client_state: str,
    known: Sequence[str],
) -> tuple[ChangeSubscription, ...]:
    """One for each collection that we follow, at ``destination``; () where the server has none.
    Ours at another address (``known``) are removed. Raises Rejected if the server could not reach
    the address."""
    if len(client_state) > STATE_LENGTH:
        raise ValueError(f"clientState is longer than {STATE_LENGTH} characters")
    kept: list[ChangeSubscription] = []
    keeper = _Keeper(client, f"{company.root}/subscriptions", destination, client_state)
    if not keeper.look():
        return ()
    for entity in RECORDS:
        kept.append(keeper.ensure(company.path(entity)))
    ids = {one.external_id for one in kept}
    keeper.remove(
        row
        for row in keeper.held
        if row.id in known and row.id not in ids and row.url != destination
    )
    return tuple(kept)


class _Keeper:
    """The server's subscriptions, as far as they lead to one address of ours."""

    def __init__(self, client: Client, path: str, destination: str, client_state: str) -> None:
        self.client, self.path = client, path
        self.destination, self.client_state = destination, client_state
        self.held: list[_Held] = []
        self._now = datetime.now(UTC)

    def look(self) -> bool:
        """False where the server has no subscriptions."""
        try:
            reply = self.client.request("GET", self.path, purpose="list change subscriptions")
        except Rejected as error:
            if error.code in (NOT_FOUND, NOT_OFFERED):
                return False
            raise
        except NeedsAttention as error:
            if error.code == "settings":  # switched off on this server
                return False
            raise
        self._now = server_time(reply)
        self.held = [_Held(row) for row in odata.rows(reply)]
        return True

    def ensure(self, resource: str) -> ChangeSubscription:
        own = [row for row in self.held if row.leads_to(self.destination, resource)]
        self.remove(own[1:])
        body = {
            "notificationUrl": self.destination,
            "resource": resource,
            "clientState": self.client_state,
        }
        if not own:
            return self._made(body)
        first = own[0]
        is_ours = hmac.compare_digest(first.state.encode(), self.client_state.encode())
        if is_ours and first.expires_at - self._now > RENEW_BEFORE:
            return first.subscription()
        try:
            reply = self.client.request(
                "PATCH",
                self._address(first.id),
                body=body,
                headers={"If-Match": first.etag or "*"},
                purpose="renew the change subscription",
            )
        except Rejected as error:
            if error.code != NOT_FOUND:
                raise _unreached(error) from error
            return self._made(body)  # it ended while we looked
        return _Held(reply.json()).subscription()

    def _made(self, body: Mapping[str, str]) -> ChangeSubscription:
        try:
            reply = self.client.request(
                "POST", self.path, body=body, purpose="subscribe to changes"
            )
        except Rejected as error:
            raise _unreached(error) from error
        return _Held(reply.json()).subscription()

    def remove(self, rows: Iterable[_Held]) -> None:
        for row in rows:
            try:
                self.client.request(
                    "DELETE",
                    self._address(row.id),
                    headers={"If-Match": row.etag or "*"},
                    purpose="remove a change subscription",
                )
            except Rejected as error:
                if error.code != NOT_FOUND:
                    raise

    def _address(self, subscription_id: str) -> str:
        return f"{self.path}({odata.literal(subscription_id)})"


class ChangeNotices:
    """What arrives at our address."""

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
    """A subscription as the server lists it."""

    def __init__(self, row: Json) -> None:
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


def _unreached(error: Rejected) -> Rejected:
    return Rejected(
        error.detail,
        reason="The server did not make the change subscription.",
        advice="It must be able to reach our address from the company's network and to read its "
        "answer within five seconds. Until then changes are found by the schedule.",
        vendor_words=error.vendor_words,
        code="subscription",
    )


def _is_ours(row: Mapping[str, Any], client_state: str) -> bool:
    given = str(row.get("clientState") or "")
    return bool(client_state) and hmac.compare_digest(given.encode(), client_state.encode())


def _notice(row: Mapping[str, Any]) -> Notice | None:
    """None for a collection that we do not follow."""
    resource, change = str(row.get("resource") or ""), str(row.get("changeType") or "")
    match = _RESOURCE.search(resource)
    if match is None or match.group(2) not in RECORDS:
        return None
    entity, record_id = match.group(2), match.group(3)
    # Older samples spell it the other way round.
    at = str(row.get("lastModifiedDateTime") or row.get("lastDateTimeModified") or "")
    try:
        occurred_at = _instant(at) if at else None
    except ValueError:
        occurred_at = None
    whole = change == "collection" or not record_id
    return Notice(
        record=COLLECTION if whole else RECORDS[entity],
        external_id=entity if whole else record_id.lower(),
        delivery_id=f"{row.get('subscriptionId', '')}:{resource}:{at}",
        event=change,
        occurred_at=occurred_at,
    )
