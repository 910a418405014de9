"""The overview's card on completeness: orders, their documents, and a count that did not work."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from sync import completeness
from sync.models import Route
from tests.support.flow import TENT


def text(answer) -> str:
    return " ".join(answer.content.decode().split())


@pytest.fixture
def counted(flow, monkeypatch):
    """A shop with a booked order that has a refund which we were not told of."""
    monkeypatch.setattr(completeness, "GRACE", timedelta(0))
    order, _ = flow.carry(lines=[TENT])
    flow.store_simulator.post(f"orders/{order['id']}/refund", amount="5.00")
    time.sleep(1.1)  # the store keeps whole seconds
    completeness.check(flow.route.pk)
    return flow


def card(page: str) -> str:
    return page.split("Is anything missing?")[1].split("Posted in the last")[0]


def test_missing_documents_are_told_beside_the_orders(browser, counted):
    shown = card(text(browser("get", "/")))
    assert "0 missing of 1<" in shown
    assert "1 missing of 1 orders with refunds" in shown
    assert "They are fetched." in shown
    assert 'class="differs"' in shown
    route = Route.objects.get(pk=counted.route.pk)
    route.completeness["documents"]["refunds"]["missing"] = 0
    route.save()
    shown = card(text(browser("get", "/")))
    assert "0 missing of 1 orders with refunds" in shown
    assert 'class="agrees"' in shown
    assert 'class="differs"' not in shown


def test_a_count_that_did_not_work_says_why_and_is_shown_at_once(browser, counted):
    first = text(browser("get", "/"))
    assert "The last count did not work" not in first
    version = first.split('"v": "')[1].split('"')[0]
    faults = {"status": 422, "method": "GET", "path": "v2/orders", "times": None}
    counted.store_simulator.fault("status", **faults)
    assert completeness.check(counted.route.pk) is None
    moved = browser("get", f"/?v={version}", hx_request="true")
    assert moved.status_code == 200
    shown = card(text(moved))
    trouble = Route.objects.get(pk=counted.route.pk).completeness["trouble"]
    assert trouble
    assert "The last count did not work: " in shown
    assert "It is repeated at " in shown
    assert "0 missing of 1<" in shown  # the last count that worked, and how old it is
    assert 'class="differs"' in shown


def test_a_first_count_that_did_not_work_is_not_taken_for_one_to_come(browser, flow):
    flow.store_simulator.fault("status", status=422, method="GET", path="v2/orders", times=None)
    assert completeness.check(flow.route.pk) is None
    shown = card(text(browser("get", "/")))
    assert "The last count did not work: " in shown
    assert "not counted yet" in shown
    assert "first at" not in shown
