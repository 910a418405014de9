"""What follows an order in a store: captured invoices and refunds.

Both say what to book as a ``sale``: an ``Order`` with only the lines, charges and totals that this
record bills or gives back, all positive, so that one mapping serves every document.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from connectors.records.orders import Order


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreInvoice:
    """An invoice that the store made for an order or a part of it.

    ``is_captured`` is False until the money is there, ``is_canceled`` says that it never will be;
    ``state_label`` is the store's word. ``number`` is unique over the store connection.
    """

    external_id: str
    number: str
    order_id: str
    created_at: datetime
    is_captured: bool
    state_label: str
    sale: Order
    is_canceled: bool = False


class RefundStatus(StrEnum):
    PENDING = "pending"  # the money has not moved yet
    SETTLED = "settled"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundPayment:
    """How a part of the money went back. ``method`` is the store's word, as in ``Payment``."""

    external_id: str
    method: str
    amount: Decimal
    is_offline: bool = False
    is_declined: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Money given back on an order, wholly or in part.

    An amount that belongs to no line is a ``Charge`` of kind ``adjustment`` in ``sale``, a
    correction of tax alone one of kind ``tax``. ``number`` is unique over the store connection.
    ``invoice_id`` is the store invoice that it corrects, where the store knows one.
    """

    external_id: str
    number: str
    order_id: str
    created_at: datetime
    status: RefundStatus
    sale: Order
    payments: tuple[RefundPayment, ...] = ()
    reason: str = ""
    invoice_id: str = ""
