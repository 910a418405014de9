"""What a program does with a transfer: at most once, and never in silence.

Each act locks its transfer first, so that what it answers is about the state in which it acted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError as NotValid
from django.db import IntegrityError, transaction
from django.shortcuts import get_object_or_404
from django.utils import timezone
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from api.access import acting
from api.authentication import Caller
from api.models import DoneRequest
from api.problems import Conflict
from api.serializers.transfers import conflict_of, difference_of, is_difference, seen_of
from sync import actions
from sync.models import State, Transfer
from sync.pipelines import corrections

KEPT_FOR = timedelta(hours=24)
MOST_KEY_CHARACTERS = 100
ON_ITS_WAY = (State.WAITING, State.WORKING)


@dataclass(frozen=True, slots=True)
class Done:
    """``changed`` is false if the transfer was there already; ``corrections`` are the transfers
    that book one."""

    changed: bool
    corrections: tuple[int, ...] = ()


Act = Callable[[Transfer, Caller], Done]


def carry_out(request: Request, pk: int, name: str, act: Act, **asked: Any) -> Done:
    """Do ``act`` on a transfer under the caller's name. Under one ``Idempotency-Key`` it is done
    once, and its outcome told again. Raises Http404, Conflict and ValidationError: then nothing
    was done, and the key is free."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > MOST_KEY_CHARACTERS or not key.isprintable():
        raise ValidationError(
            {"Idempotency-Key": f"At most {MOST_KEY_CHARACTERS} printable characters."}
        )
    with acting(request) as caller:
        if not key:
            with transaction.atomic():
                return act(_locked(pk), caller)
        return _once(caller, key, _fingerprint(pk, name, asked), lambda: act(_locked(pk), caller))


def _locked(pk: int) -> Transfer:
    return get_object_or_404(Transfer.objects.select_for_update(), pk=pk)


def _fingerprint(pk: int, name: str, asked: dict[str, Any]) -> str:
    text = json.dumps([pk, name, asked], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _once(caller: Caller, key: str, fingerprint: str, act: Callable[[], Done]) -> Done:
    assert caller.token is not None
    now = timezone.now()
    requests = DoneRequest.objects.filter(token=caller.token)
    requests.filter(at__lt=now - KEPT_FOR).delete()
    try:
        with transaction.atomic():
            # A second request with the key waits here until the first is done, or has failed.
            row = DoneRequest.objects.create(
                token=caller.token, key=key, fingerprint=fingerprint, at=now
            )
            done = act()
            row.outcome = {"changed": done.changed, "corrections": list(done.corrections)}
            row.save(update_fields=["outcome"])
            return done
    except IntegrityError:
        before = requests.filter(key=key).first()
        if before is None:
            raise  # not about the key
    if before.fingerprint != fingerprint:
        raise Conflict("This Idempotency-Key was used for another request. Take a new one.")
    return Done(before.outcome["changed"], tuple(before.outcome["corrections"]))


def replay(transfer: Transfer, caller: Caller) -> Done:
    if transfer.state == State.WORKING:
        raise Conflict("It is being worked just now. Look again in a moment.")
    return Done(bool(actions.replay([transfer.pk])))


def release(transfer: Transfer, caller: Caller) -> Done:
    if transfer.state in ON_ITS_WAY:
        return Done(False)
    if not actions.release([transfer.pk]):
        raise Conflict(
            f"Only what is held or has failed can be released; this is {_state(transfer)}."
        )
    return Done(True)


def skip(reason: str) -> Act:
    def act(transfer: Transfer, caller: Caller) -> Done:
        if transfer.was_skipped_by_person:
            return Done(False)
        try:
            skipped = actions.skip([transfer.pk], reason)
        except NotValid as error:
            raise ValidationError(error.message_dict) from error
        if not skipped:
            raise Conflict(
                f"It cannot be left out: it is {_state(transfer)}"
                + (
                    ", and its document is, or may be, in the ERP."
                    if transfer.documents.filter(status__in=actions.MAY_BE_BOOKED).exists()
                    else "."
                )
            )
        return Done(True)

    return act


def accept_difference(total: Decimal, tax: Decimal) -> Act:
    def act(transfer: Transfer, caller: Caller) -> Done:
        if transfer.state != State.HELD and _was_accepted(transfer, total, tax):
            return Done(False)
        shown = _same_difference(transfer, total, tax)
        if not actions.accept_difference(
            transfer.pk, by=caller.name, shown=(shown["total"], shown["tax"])
        ):
            raise Conflict("It is not held for a difference that can be accepted.")
        return Done(True)

    return act


def choose_side(side: str, seen: str) -> Act:
    def act(transfer: Transfer, caller: Caller) -> Done:
        record = transfer.record or {}
        if transfer.state != State.HELD and (record.get("side"), seen_of(record)) == (side, seen):
            return Done(False)
        conflict = conflict_of(transfer)
        if conflict is None:
            raise Conflict("It is not held for a conflict of both sides.")
        if conflict["seen"] != seen:
            raise Conflict("The conflict is another one by now.", conflict=conflict)
        if not actions.choose_side(transfer.pk, side=side, shown=record["value"]):
            raise Conflict("It is not held for a conflict of both sides.")
        return Done(True)

    return act


def post_correction(total: Decimal, tax: Decimal) -> Act:
    def act(transfer: Transfer, caller: Caller) -> Done:
        if transfer.state != State.CHANGED:
            raise Conflict(
                f"Only an order that changed after it was booked is corrected; this is "
                f"{_state(transfer)}."
            )
        _same_difference(transfer, total, tax)
        made = corrections.accept(transfer.pk, by=caller.name)
        if not made:
            raise Conflict("There is no exact correction. Correct it in the ERP.")
        return Done(True, tuple(made))

    return act


def _same_difference(transfer: Transfer, total: Decimal, tax: Decimal) -> dict[str, str]:
    """The difference as it is kept. Raises Conflict unless it is the one that was seen."""
    shown = difference_of(transfer.comparison)
    if shown is None:
        raise Conflict("It shows no difference.")
    if not is_difference(transfer.comparison, total=total, tax=tax):
        raise Conflict("The difference is another one by now.", difference=shown)
    return shown


def _was_accepted(transfer: Transfer, total: Decimal, tax: Decimal) -> bool:
    accepted = transfer.approved_totals
    return bool(
        accepted and Decimal(accepted["total"]) == total and Decimal(accepted["tax"]) == tax
    )


def _state(transfer: Transfer) -> str:
    return str(transfer.get_state_display()).lower()
