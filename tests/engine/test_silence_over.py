"""A warning that no webhook arrives is over when one does."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.models import Entry
from connectors import hook_care, services
from connectors.models import Connection, HookTally
from sync import hooks
from tests.support.flow import deliver


@pytest.fixture
def silent(flow):
    services.ping(flow.store)
    hooks.register(flow.store)
    Connection.objects.filter(pk=flow.store.pk).update(
        created_at=timezone.now() - timedelta(days=80)
    )
    flow.store.refresh_from_db()
    hook_care.warn_of_silence(flow.store, timedelta(days=75))
    flow.store.refresh_from_db()
    assert (flow.store.state, flow.store.state_code) == ("degraded", "hooks_silent")
    return flow


def test_a_good_delivery_ends_it(silent):
    assert deliver(silent, 77).status_code == 202
    silent.store.refresh_from_db()
    assert (silent.store.state, silent.store.state_code) == ("healthy", "")
    assert silent.store.state_reason == silent.store.state_advice == ""
    last = Entry.objects.filter(action="connection_state_changed").latest("id")
    assert last.data["to"] == "healthy"
    hook_care.warn_of_silence(silent.store, timedelta(days=75))
    silent.store.refresh_from_db()
    assert silent.store.state == "healthy"


def test_a_delivery_that_is_refused_does_not(silent):
    deliver(silent, 77, secret="somebody else's")
    silent.store.refresh_from_db()
    assert HookTally.objects.get().refused == 1
    assert (silent.store.state, silent.store.state_code) == ("degraded", "hooks_silent")


def test_what_the_last_ping_warned_of_is_shown_again(silent):
    warning = {
        "name": "Rate limit", "verdict": "warning", "words": "The plan is small.",
        "advice": "", "whose_move": "you", "code": "plan",
    }  # fmt: skip
    Connection.objects.filter(pk=silent.store.pk).update(checks=[warning])
    deliver(silent, 77)
    silent.store.refresh_from_db()
    assert (silent.store.state, silent.store.state_code) == ("degraded", "plan")
