"""What an error means for a transfer: when it is tried again, who must move, and what is said."""

from __future__ import annotations

import logging
import random
from dataclasses import replace
from datetime import datetime, timedelta

from django.utils import timezone

from audit.actions import Action
from connectors.errors import (
    ConnectorError,
    NeedsAttention,
    OutcomeUnknown,
    Rejected,
    TryLater,
    UnexpectedShape,
)
from connectors.models import Connection
from connectors.relay.words import OFFLINE
from sync.mapping_values import MappingHold
from sync.models import Document, Hold, State, Transfer
from sync.transfers import RECHECKED_HOLDS, Settlement

log = logging.getLogger("ml_connector.outcomes")

MAX_ATTEMPTS = 12
NOT_FOUND_ATTEMPTS = 9
FIRST_DELAY = timedelta(seconds=2)
LONGEST_DELAY = timedelta(minutes=15)
UNKNOWN_DELAY = timedelta(seconds=3)


class Held(Exception):
    """A pipeline's own reason to hold a transfer. One that ``asks_again`` is asked on the route's
    schedule, since nothing may tell that its reason is over."""

    def __init__(
        self,
        hold: Hold,
        reason: str,
        advice: str,
        *,
        keys: tuple[str, ...] = (),
        vendor_words: str = "",
        comparison: dict[str, object] | None = None,
        asks_again: bool = False,
    ) -> None:
        super().__init__(reason)
        self.asks_again = asks_again
        self.settlement = Settlement(
            state=State.HELD,
            hold=hold.value,
            hold_keys=keys,
            reason=reason,
            advice=advice,
            vendor_words=vendor_words,
            comparison=comparison,
            action=Action.HELD,
        )


class Skipped(Exception):
    """A record that has nothing to book, and why. ``keys`` are what would change that, as for a
    hold."""

    def __init__(self, reason: str, *, keys: tuple[str, ...] = ()) -> None:
        super().__init__(reason)
        self.keys = keys


def delay(attempts: int, asked: timedelta | None) -> timedelta:
    """How long to wait: what the system asked for, or twice as long each time, with jitter."""
    if asked is not None:
        return asked + timedelta(milliseconds=random.randint(50, 500))  # noqa: S311
    grown = FIRST_DELAY * 2 ** min(attempts, 12)
    return min(grown, LONGEST_DELAY) * random.uniform(0.8, 1.2)  # noqa: S311


def recheck_at(transfer: Transfer) -> datetime:
    """When a hold that time may cure is asked again, as the route says (minutes)."""
    minutes = int(transfer.route.settings.get("recheck_minutes") or 30)
    return timezone.now() + timedelta(minutes=minutes)


def of(error: Exception, transfer: Transfer) -> Settlement:
    """The settlement for an error raised while ``transfer`` was worked. Never loses a record:
    whatever is not understood ends as failed, with its words, for a person to look at. What is in
    the ledger is not held any more: a person is told instead."""
    settlement = _of(error, transfer)
    is_held = settlement.state == State.HELD and settlement.hold != Hold.CONNECTION_PAUSED
    if transfer.posted_at is None or not is_held:
        return settlement
    return replace(
        settlement,
        state=State.CHANGED,
        hold="",
        hold_keys=(),
        due_at=None,
        reason=f"{settlement.reason} Its document was booked before.",
        advice="The ledger was not touched. Correct it in the ERP if that is right, then mark "
        "this as dealt with.",
        action=Action.CHANGED_AFTER_POSTING,
    )


def _of(error: Exception, transfer: Transfer) -> Settlement:
    match error:
        case Held(asks_again=True):
            return replace(error.settlement, due_at=recheck_at(transfer))
        case Held():
            return _with_recheck(error.settlement, transfer)
        case Skipped() if transfer.posted_at is not None:
            return Settlement(
                state=State.CHANGED,
                reason=f"{error} Its document is in the ledger.",
                advice="The ledger was not touched. Correct it in the ERP if that is right, then "
                "mark this as dealt with.",
                action=Action.CHANGED_AFTER_POSTING,
            )
        case Skipped() if (document := _left_in_erp(transfer)) is not None:
            return Settlement(
                state=State.FAILED,
                reason=f"{error} But {document} was sent to the ERP before and may be there.",
                advice=f"Look for {document.reference} in the ERP: delete a draft, correct a posted "
                "document by a credit memo. Then skip this transfer.",
                action=Action.FAILED,
            )
        case Skipped():
            return Settlement(
                state=State.SKIPPED,
                hold_keys=error.keys,
                reason=str(error),
                action=Action.ORDER_SKIPPED,
            )
        case MappingHold():
            return _with_recheck(
                Settlement(
                    state=State.HELD,
                    hold=error.hold,
                    hold_keys=error.keys,
                    reason=error.reason,
                    advice=error.advice,
                    action=Action.HELD,
                ),
                transfer,
            )
        case NeedsAttention():
            return Settlement(
                state=State.HELD,
                hold=Hold.CONNECTION_PAUSED,
                reason=error.reason,
                advice=error.advice,
                vendor_words=error.vendor_words,
                action=Action.HELD,
                data={"code": error.code, "detail": error.detail},
            )
        case OutcomeUnknown() if transfer.attempts >= MAX_ATTEMPTS:
            return _failed(error)
        case OutcomeUnknown():
            return Settlement(
                state=State.WAITING,
                due_at=timezone.now() + (error.retry_after or UNKNOWN_DELAY),
                reason=error.reason,
                advice=error.advice,
                vendor_words=error.vendor_words,
                action=Action.OUTCOME_UNKNOWN,
                data={"detail": error.detail},
            )
        case TryLater():
            return _later(error, transfer)
        case Rejected() if error.hold in Hold.values:
            return _with_recheck(
                Settlement(
                    state=State.HELD,
                    hold=error.hold,
                    hold_keys=error.keys,
                    reason=error.reason,
                    advice=error.advice,
                    vendor_words=error.vendor_words,
                    action=Action.HELD,
                    data={"code": error.code, "detail": error.detail},
                ),
                transfer,
            )
        case UnexpectedShape() | Rejected() | ConnectorError():
            return _failed(error)
    log.exception("transfer %s failed", transfer.job_id, exc_info=error)
    return Settlement(
        state=State.FAILED,
        reason="Something went wrong on our side.",
        advice="Nothing was lost. Replay it; if it fails again, contact support with this page.",
        vendor_words=f"{type(error).__name__}: {error}"[:500],
        action=Action.FAILED,
    )


def _left_in_erp(transfer: Transfer) -> Document | None:
    """A document of this transfer that was sent and neither settled nor known not to exist."""
    unsettled = (Document.Status.SENT, Document.Status.CREATED, Document.Status.POSTING)
    return transfer.documents.filter(status__in=unsettled).order_by("-id").first()


def _with_recheck(settlement: Settlement, transfer: Transfer) -> Settlement:
    if settlement.hold not in RECHECKED_HOLDS:
        return settlement
    return replace(settlement, due_at=recheck_at(transfer))


def _later(error: TryLater, transfer: Transfer) -> Settlement:
    if error.code == "not_found" and transfer.attempts >= NOT_FOUND_ATTEMPTS:
        return _never_there(error)
    if error.code == OFFLINE and _waits_for_agent(transfer):
        return replace(_down(error, transfer), advice=error.advice)
    if error.counts and transfer.attempts >= MAX_ATTEMPTS:
        return _down(error, transfer) if error.source else _failed(error)
    wait = delay(transfer.attempts, error.retry_after)
    return Settlement(
        state=State.WAITING,
        due_at=timezone.now() + wait,
        reason=error.reason,
        advice=error.advice,
        vendor_words=error.vendor_words,
        counts=error.counts,
        action=Action.RETRY_PLANNED if error.counts else None,
        data={"seconds": round(wait.total_seconds(), 1), "detail": error.detail},
    )


def _waits_for_agent(transfer: Transfer) -> bool:
    """Whether one of its connections says that no relay agent is there: it tells us when one is."""
    route = transfer.route
    return Connection.objects.filter(
        pk__in=(route.store_id, route.erp_id), state_code=OFFLINE
    ).exists()


def _never_there(error: TryLater) -> Settlement:
    """A store may announce an order before it saves it, and the checkout may then be broken off."""
    return Settlement(
        state=State.SKIPPED,
        reason="The store announced this record and does not have it: a checkout that was not "
        "finished, perhaps.",
        advice="If it appears later, the store's next notice or the regular check brings it back.",
        vendor_words=error.vendor_words,
        action=Action.ORDER_SKIPPED,
        data={"code": error.code, "detail": error.detail},
    )


def _down(error: TryLater, transfer: Transfer) -> Settlement:
    """A system that has been away for an hour: its transfers wait for it, and none is lost."""
    return Settlement(
        state=State.HELD,
        hold=Hold.CONNECTION_PAUSED,
        reason=error.reason,
        advice="It is asked again on a schedule. Once the system is back, a release lets it go at "
        "once.",
        vendor_words=error.vendor_words,
        due_at=recheck_at(transfer),
        action=Action.HELD,
        data={"code": error.code, "detail": error.detail},
    )


def _failed(error: ConnectorError) -> Settlement:
    return Settlement(
        state=State.FAILED,
        reason=error.reason,
        advice=error.advice,
        vendor_words=error.vendor_words or error.detail,
        action=Action.FAILED,
        data={"code": error.code, "detail": error.detail},
    )
