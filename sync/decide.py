"""Whether an order goes into the ledger now: pure, no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

from connectors.records import Order, PaymentEvent


class Verdict(StrEnum):
    GO = "go"
    SKIP = "skip"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to a record, and why, in a finance person's words."""

    verdict: Verdict
    reason: str = ""
    hold: str = ""
    advice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPolicy:
    """What a route says about orders. Statuses are the store's own status ids."""

    payable: frozenset[str]
    unpaid: frozenset[str]
    dead: frozenset[str]
    start_at: datetime
    accept_test_payments: bool = False
    must_be_captured: bool = False


GO = Decision(Verdict.GO)
CENT = Decimal("0.01")


def order(record: Order, policy: OrderPolicy) -> Decision:
    """Decide about one order.

    A dead status wins over everything, then the start date; what is neither payable nor known
    to be dead waits for the store's next word rather than being dropped.
    """
    label = record.status_label or record.status
    # Stores keep whole seconds: an order of the very second of the start is not before it.
    if record.placed_at < policy.start_at.replace(microsecond=0):
        return Decision(
            Verdict.SKIP,
            f"Placed on {record.placed_at:%d %b %Y, %H:%M:%S} UTC, before this route's start on "
            f"{policy.start_at:%d %b %Y, %H:%M:%S} UTC.",
        )
    if record.status in policy.payable:
        if record.is_test and not policy.accept_test_payments:
            return Decision(Verdict.SKIP, "Paid with a test transaction: no money moved.")
        if not record.lines:
            return Decision(Verdict.SKIP, "The order has no lines.")
        return _captured(record) if policy.must_be_captured else GO
    if record.status in policy.dead:
        return Decision(Verdict.SKIP, f"The order is “{label}” in the store: nothing to book.")
    return Decision(
        Verdict.HOLD,
        f"The order is “{label}” in the store, which this route does not count as payable.",
        hold="not_paid",
        advice="It goes by itself as soon as the store reports a payable status.",
    )


def _captured(record: Order) -> Decision:
    """Whether the whole amount is captured: payments that are only authorised, captured in part
    or voided hold the order. An order that the store knows no payments of goes by its status."""
    if not record.payments:
        return GO
    money = {PaymentEvent.PURCHASE, PaymentEvent.CAPTURE, PaymentEvent.SETTLED}
    good = [payment for payment in record.payments if payment.succeeded]
    captured = sum((p.amount for p in good if p.event in money), Decimal(0))
    tendered = sum((tender.amount for tender in record.tenders), Decimal(0))
    owed = record.total_inc_tax
    # Some stores list gift certificates and store credit among the payments too.
    if captured >= owed or captured + tendered >= owed:
        return GO
    if captured:
        words = f"{captured:.2f} of {owed:.2f} {record.currency} are captured so far."
    elif any(payment.event is PaymentEvent.VOID for payment in good):
        words = "Its payment was voided."
    else:
        words = "Its payment is authorised and not captured."
    return Decision(
        Verdict.HOLD,
        words,
        hold="not_paid",
        advice="It goes by itself as soon as the store reports the capture.",
    )


def ledger_date(record: Order, *, zone: str, cut_off: time, source: str, today: date) -> date:
    """The document date: the store's local day in the ledger's time zone.

    ``source`` is ``placed``, ``paid`` (the first successful purchase or capture, else placed) or
    ``today``. An instant at or after ``cut_off`` belongs to the next day; midnight means no
    cut-off.
    """
    if source == "today":
        return today
    instant = record.placed_at
    if source == "paid":
        instant = min(
            (
                payment.created_at
                for payment in record.payments
                if payment.created_at
                and payment.succeeded
                and payment.event in (PaymentEvent.PURCHASE, PaymentEvent.CAPTURE)
            ),
            default=record.placed_at,
        )
    local = instant.astimezone(ZoneInfo(zone))
    if cut_off != time(0) and local.time() >= cut_off:
        return local.date() + timedelta(days=1)
    return local.date()
