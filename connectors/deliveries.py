"""Deliveries to the address of a connection: who may send them, what they say, which were refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from audit import services as audit
from audit.actions import Action
from connectors.contract import Check, DeliveryRefused, Erp, HookAnswer, Notice, Store, Verdict
from connectors.models import Connection, HookTally
from connectors.registry import SYSTEMS
from connectors.setting_values import full_values
from connectors.states import State, set_state, state_of

SECRET_HEADER = "X-Hook-Secret"  # noqa: S105  the header's name, not a secret
# So many refusals in a row say that something is set up wrongly, not that someone knocks.
REFUSALS_THAT_WARN = 5
DELIVERIES = "deliveries_refused"
SILENT = "hooks_silent"
# Between yesterday's last refusal and today's first delivery the trouble is still the same one.
DELIVERIES_COUNT_FOR = timedelta(days=2)


def hook_destination(connection: Connection) -> str:
    return f"{settings.HOOK_BASE_URL}/hooks/{connection.hook_key}/"


def hook_secret_header(connection: Connection) -> tuple[str, str]:
    return SECRET_HEADER, connection.hook_secret.get("value", "")


def read_delivery(
    connection: Connection, *, body: bytes, headers: Mapping[str, str], now: datetime
) -> tuple[Notice, ...]:
    """Verify a delivery and read its notices; a refused one is counted. Raises DeliveryRefused."""
    system = SYSTEMS[connection.kind]
    try:
        if issubclass(system, Erp):
            return system.read_notices(
                headers={name.lower(): value for name, value in headers.items()},
                body=body,
                client_state=hook_secret_header(connection)[1],
            )
        return system.read_delivery(
            values=full_values(connection),
            headers={name.lower(): value for name, value in headers.items()},
            body=body,
            now=now,
            secret_header=hook_secret_header(connection),
        )
    except DeliveryRefused as refusal:
        _count_refusal(connection, refusal, now)
        raise
    except RecursionError as error:  # JSON nested deeper than any vendor's, made to trip us
        unreadable = DeliveryRefused("unreadable", "The delivery cannot be read.")
        _count_refusal(connection, unreadable, now)
        raise unreadable from error


def answer_handshake(
    connection: Connection,
    *,
    method: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    body: bytes,
) -> HookAnswer | None:
    """The answer to a vendor's question whether this address is ours; None for a delivery."""
    system = SYSTEMS[connection.kind]
    return system.handshake(
        values=full_values(connection),
        method=method,
        query=query,
        headers={name.lower(): value for name, value in headers.items()},
        body=body,
    )


def acknowledgement(connection: Connection) -> HookAnswer | None:
    """What the vendor must read in answer to a delivery, good or refused; None if any 2xx does."""
    system = SYSTEMS[connection.kind]
    return system.acknowledgement() if issubclass(system, Store) else None


def _count_refusal(connection: Connection, refusal: DeliveryRefused, now: datetime) -> None:
    day = HookTally.count_refusal(connection, now=now, code=refusal.code, words=refusal.words)
    if day.refused == 1 or day.refused % 100 == 0:
        audit.record(
            Action.HOOK_REFUSED,
            f"A webhook delivery to “{connection.name}” was refused. {refusal.words}",
            connection_id=connection.pk,
            data={"code": refusal.code, "today": day.refused},
        )
    if day.refused_in_row >= REFUSALS_THAT_WARN and connection.state == State.HEALTHY:
        with transaction.atomic():
            row = Connection.objects.select_for_update().get(pk=connection.pk)
            if row.state == State.HEALTHY:
                set_state(row, *state_of(deliveries_check(row, now)))
                row.save()


def deliveries_check(connection: Connection, now: datetime) -> tuple[Check, ...]:
    """A warning while one webhook delivery after the other fails verification."""
    since = (now - DELIVERIES_COUNT_FOR).date()
    day = connection.tallies.filter(day__gte=since).order_by("-day").first()
    if day is None or day.refused_in_row < REFUSALS_THAT_WARN or day.refused_since is None:
        return ()
    check = Check(
        name="Webhook deliveries",
        verdict=Verdict.WARNING,
        words=f"Deliveries fail verification since {day.refused_since:%-d %B %Y, %H:%M} UTC. "
        f"{day.last_refused_words}",
        advice="Check the client secret and the signature form, then register the hooks again. "
        "Meanwhile orders come in by the regular check.",
        whose_move="you",
        code=DELIVERIES,
    )
    return (check,)


def forget_refusals(connection: Connection) -> None:
    """What was refused under other settings, or by another registration, warns no more."""
    connection.tallies.update(refused_in_row=0, refused_since=None)


def tally(connection: Connection, *, accepted: int, duplicate: int, now: datetime) -> None:
    """Count a delivery that was good; a warning of refused ones, or of silence, ends with it."""
    HookTally.count(connection, now=now, accepted=accepted, duplicate=duplicate)
    if _warns_of_deliveries(connection):
        _end_of_warning(connection)


def _warns_of_deliveries(connection: Connection) -> bool:
    return connection.state == State.DEGRADED and connection.state_code in (DELIVERIES, SILENT)


def _end_of_warning(connection: Connection) -> None:
    with transaction.atomic():
        row = Connection.objects.select_for_update().get(pk=connection.pk)
        if _warns_of_deliveries(row):
            row.checks = [check for check in row.checks if check["code"] != DELIVERIES]
            found = [
                Check(**{**check, "verdict": Verdict(check["verdict"])}) for check in row.checks
            ]
            set_state(row, *state_of(found))
            row.save()
