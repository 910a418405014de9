"""A connection whose settings were changed: it was tested, but not as it is now."""

from __future__ import annotations

from connectors import services
from console import readiness

CHANGED = "Its settings were changed, and it was not tested since."


def text(answer) -> str:
    return " ".join(answer.content.decode().split())


def said_of(flow, connection) -> str:
    (point,) = [one for one in readiness.points_of(flow.route) if one.name == connection.name]
    return point.words


def test_the_pages_say_that_settings_were_changed_and_not_that_it_was_never_tested(browser, flow):
    services.ping(flow.store)
    assert CHANGED not in text(browser("get", "/connections/store/"))
    flow.store.refresh_from_db()
    services.save_settings(flow.store, {"hook_window_seconds": "600"})
    page = text(browser("get", "/connections/store/"))
    assert CHANGED in page
    assert ", before the change" in page  # when it was tested
    flow.route.refresh_from_db()
    assert said_of(flow, flow.store) == f"{CHANGED} Ping it."
    services.ping(flow.store)
    page = text(browser("get", "/connections/store/"))
    assert CHANGED not in page
    assert ", before the change" not in page


def test_one_that_was_never_tested_says_so(flow):
    flow.store.state, flow.store.state_reason = "untested", ""
    flow.store.save()
    flow.route.refresh_from_db()
    assert said_of(flow, flow.store) == "It was never tested. Ping it."
