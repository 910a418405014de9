"""What systems tell us without being asked, and how such a delivery is answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """ "Record ``external_id`` of ``record`` changed." ``delivery_id`` is stable over redeliveries."""

    record: str  # order | invoice | refund | customer | product | ...
    external_id: str  # of the order, for orders, invoices and refunds alike
    delivery_id: str
    event: str = ""  # the system's own word for what happened
    occurred_at: datetime | None = None
    placed_at: datetime | None = None  # of an order, where a list of the store tells it


class DeliveryRefused(Exception):
    """A webhook delivery that we do not believe. ``code``: signature_missing | signature_wrong |
    timestamp_outside_window | secret_header_wrong | unreadable."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code
        self.words = words


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A webhook registration at the store, as the store reports it. ``changed_at`` is its last
    change, None where the store does not tell."""

    external_id: str
    scope: str
    destination: str
    is_active: bool
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HookAnswer:
    """What a vendor's handshake or delivery is answered with."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
