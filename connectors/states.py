"""The state of a connection: what its checks say of it, and each change on record."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils import timezone

from audit import services as audit
from audit.actions import Action
from connectors.contract import Check, Verdict
from connectors.models import Connection

State = Connection.State


def state_of(checks: Iterable[Check]) -> tuple[str, str, str, str]:
    """The worst of the checks decides, the first one of its kind: state, code, words, advice."""
    found = list(checks)
    for verdict, state in ((Verdict.FAILED, State.REFUSED), (Verdict.WARNING, State.DEGRADED)):
        for check in found:
            if check.verdict is verdict:
                return state, check.code, check.words, check.advice
    return State.HEALTHY, "", "", ""


def set_state(connection: Connection, state: str, code: str, reason: str, advice: str) -> None:
    """Change the state on a row that the caller saves; an entry only if it is another one."""
    if connection.state != state:
        connection.state_at = timezone.now()
        audit.record(
            Action.CONNECTION_STATE_CHANGED,
            f"“{connection.name}” is now {State(state).label.lower()}. {reason}".strip(),
            connection_id=connection.pk,
            data={"from": connection.state, "to": state, "code": code},
        )
    connection.state, connection.state_code = state, code[:40]
    connection.state_reason, connection.state_advice = reason, advice
