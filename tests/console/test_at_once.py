"""What looks after itself by the hour can be done at once from the console."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from connectors import services
from sync import completeness, dispatch, hooks, inbox, route_settings
from sync.models import Flow, FlowSchedule, InboxEvent, Route, Transfer
from sync.pipelines import polling
from tenants.models import AgendaItem
from tenants.roles import Role
from tests.console.support import Browser
from tests.support.door import open_door
from tests.support.flow import TENT
from tests.support.simulators import HOOK_HOST

HOUR = 3_600


@pytest.fixture
def followed(flow):
    """An ERP whose changes are told by subscriptions that lead to the product's real address."""
    route_settings.save(flow.route, {"prices_flow": "write", "stock_flow": "write"})
    with open_door() as address:
        flow.erp_simulator.post("deliver-to", host=HOOK_HOST, url=address)
        hooks.subscribe(flow.erp.pk)
        yield flow


def text(answer) -> str:
    return " ".join(answer.content.decode().split())


def said(browser, path: str, page: str) -> str:
    """What the page tells after a button was pressed."""
    assert browser("post", path).status_code == 302
    return text(browser("get", page))


def later(kind: str, key: int) -> None:
    AgendaItem.objects.filter(kind=kind, key=str(key)).update(
        due_at=timezone.now() + timedelta(minutes=50)
    )


def due(kind: str, key: int) -> timedelta:
    return AgendaItem.objects.get(kind=kind, key=str(key)).due_at - timezone.now()


def test_hooks_that_the_store_switched_off_are_on_at_once_and_the_gap_is_fetched(browser, flow):
    hooks.register(flow.store)
    page = "/connections/store/"
    assert "Checked: 4 webhooks active." in said(browser, "/connections/store/hooks/", page)
    later(dispatch.POLL_ORDERS, flow.route.pk)
    flow.store_simulator.post("hooks/deactivate")
    flow.place(lines=[TENT])
    answer = said(browser, "/connections/store/hooks/", page)
    assert "4 webhooks had been switched off or deleted: on again" in answer
    assert all(row["is_active"] for row in flow.store_simulator.get("state")["hooks"])
    assert due(dispatch.POLL_ORDERS, flow.route.pk) < timedelta(minutes=1)


def test_exactly_the_orders_that_no_hook_told_of_are_fetched_once_each(browser, flow):
    hooks.register(flow.store)
    with open_door() as address:
        flow.store_simulator.post("deliver-to", host=HOOK_HOST, url=address)
        before = [told(flow, flow.place(lines=[TENT])) for _ in range(2)]
        polling.poll(flow.route.pk)  # the regular check has seen these
        later(dispatch.POLL_ORDERS, flow.route.pk)

        flow.store_simulator.post("hooks/deactivate")
        lost = [str(flow.place(lines=[TENT])["id"]) for _ in range(3)]
        time.sleep(2)  # as long as a delivery could still be under way
        assert not InboxEvent.objects.filter(external_id__in=lost).exists()
        browser("post", "/connections/store/hooks/")
        assert due(dispatch.POLL_ORDERS, flow.route.pk) < timedelta(minutes=1)
        after = told(flow, flow.place(lines=[TENT]))  # the hooks tell again
        polling.poll(flow.route.pk)  # what is due now, long before its regular time

    came_by = {key: first_source(key) for key in [*before, *lost, after]}
    assert came_by == dict.fromkeys([*before, after], "webhook") | dict.fromkeys(lost, "poll")
    assert not InboxEvent.objects.filter(external_id__in=lost, source="webhook").exists()
    for event in InboxEvent.objects.filter(processed_at=None).order_by("pk"):
        inbox.process(event.pk)
    keys = Transfer.objects.filter(flow=Flow.ORDERS).values_list("source_key", flat=True)
    assert sorted(keys) == sorted(came_by)
    for key in came_by:
        assert flow.work(key, tries=3).state == "posted"
    assert (flow.booked()["posted"], flow.booked()["duplicates"]) == (len(came_by), {})


def told(flow, order: dict) -> str:
    """The order's number, when the store's webhook has told of it and it is booked."""
    key = str(order["id"])
    end = time.monotonic() + 20
    while not InboxEvent.objects.filter(external_id=key, source="webhook").exists():
        assert time.monotonic() < end, "no webhook came"
        time.sleep(0.1)
    for event in InboxEvent.objects.filter(external_id=key, processed_at=None):
        inbox.process(event.pk)
    flow.work(key, tries=3)
    return key


def first_source(key: str) -> str:
    return InboxEvent.objects.filter(record="order", external_id=key).earliest("pk").source


def test_the_page_says_when_hooks_are_looked_after_by_themselves(browser, flow):
    hooks.register(flow.store)
    hooks.look_after(flow.store.pk)
    at = timezone.localtime(
        AgendaItem.objects.get(kind=dispatch.HOOK_HEALTH, key=str(flow.store.pk)).due_at
    )
    assert f"next at {at:%H:%M}" in text(browser("get", "/connections/store/"))


def test_a_subscription_that_ends_soon_is_renewed_at_once(browser, followed):
    page, path = "/connections/ledger/", "/connections/ledger/subscriptions/"
    assert "Checked: all are there" in said(browser, path, page)
    ends = {row.scope: row.expires_at for row in followed.erp.subscriptions.all()}
    followed.erp_simulator.post("clock", advance_seconds=48 * HOUR)
    assert "Renewed: customers, items." in said(browser, path, page)
    assert all(row.expires_at > ends[row.scope] for row in followed.erp.subscriptions.all())


def test_a_subscription_that_was_deleted_is_made_again_and_its_changes_are_read(browser, followed):
    first = followed.erp_simulator.get("state")["subscriptions"][0]
    followed.erp_simulator.post("subscriptions", act="lose", id=first["subscriptionId"])
    assert len(followed.erp_simulator.get("state")["subscriptions"]) == 1
    row = FlowSchedule.objects.get(route=followed.route, flow=Flow.STOCK)
    later(dispatch.FLOW, row.pk)
    answer = said(browser, "/connections/ledger/subscriptions/", "/connections/ledger/")
    assert f"Lost, and made again: {first['resource'].rpartition('/')[2]}." in answer
    assert len(followed.erp_simulator.get("state")["subscriptions"]) == 2
    assert due(dispatch.FLOW, row.pk) < timedelta(minutes=1)


def test_an_erp_that_cannot_be_asked_says_why(browser, followed):
    followed.erp_simulator.fault("status", status=503, path="subscriptions", times=20)
    before = followed.erp.subscriptions.count()
    answer = said(browser, "/connections/ledger/subscriptions/", "/connections/ledger/")
    assert "alert-danger" in answer
    assert followed.erp.subscriptions.count() == before


def test_a_store_is_counted_at_once_and_the_overview_shows_it(browser, flow, monkeypatch):
    monkeypatch.setattr(completeness, "GRACE", timedelta(0))
    later(dispatch.COMPLETENESS, flow.route.pk)
    first = text(browser("get", "/"))
    assert "not counted yet, first at " in first
    version = first.split('"v": "')[1].split('"')[0]
    answer = said(browser, "/mappings/web/count/", "/")
    assert "are being counted" in answer
    assert due(dispatch.COMPLETENESS, flow.route.pk) < timedelta(minutes=1)
    flow.place(lines=[TENT])
    completeness.check(flow.route.pk)
    moved = browser("get", f"/?v={version}", hx_request="true")
    assert "1 missing of 1" in text(moved)
    Route.objects.update(is_active=False)
    assert "resume it first" in said(browser, "/mappings/web/count/", "/")


def test_who_may_have_it_done_at_once(people, flow):
    services.ping(flow.erp)
    for role, hooks_answer, count_answer in (
        (Role.VIEWER, 403, 403),
        (Role.ACCOUNTANT, 403, 302),
        (Role.ADMIN, 302, 302),
    ):
        browser = Browser(people[role])
        assert browser("post", "/connections/store/hooks/").status_code == hooks_answer, role
        assert browser("post", "/mappings/web/count/").status_code == count_answer, role
        for path in ("/connections/store/subscriptions/", "/connections/ledger/hooks/"):
            assert browser("post", path).status_code == (404 if role == Role.ADMIN else 403)
