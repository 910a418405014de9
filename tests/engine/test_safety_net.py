"""Change subscriptions, notices and long readings when something goes wrong: nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import OperationalError
from django.utils import timezone

from audit.models import Entry, Exchange
from config.embedded import die_with_parent
from connectors import deliveries, services
from connectors.erps.business_central import feeds
from connectors.models import HookTally
from sync import dispatch, hooks, inbox, route_settings, schedules
from sync.models import Flow, FlowSchedule, InboxEvent
from sync.pipelines import flows, polling
from tenants.models import AgendaItem, HookAddress
from tests.support.door import open_door
from tests.support.flow import TENT, forget_processes_memory
from tests.support.simulators import HOOK_HOST

ROOT = Path(__file__).resolve().parents[2]
HOUR = 3600
SKU = "TENT-2P-GRN"


@pytest.fixture
def shop(flow):
    route_settings.save(
        flow.route, {"items_flow": "align", "prices_flow": "write", "stock_flow": "write"}
    )
    flow.route.refresh_from_db()
    schedules.ensure(flow.route)
    return flow


@pytest.fixture
def door(shop) -> Iterator[str]:
    """The product's own web application over HTTP, and both systems told where it is."""
    with open_door() as address:
        for simulator in (shop.store_simulator, shop.erp_simulator):
            simulator.post("deliver-to", host=HOOK_HOST, url=address)
        shop.erp_simulator.post("settings", notice_seconds=0.1)
        yield address


def knock(door: str, key: str, body: bytes, query: str = "") -> tuple[int, bytes]:
    request = urllib.request.Request(
        f"{door}/hooks/{key}/{query}",
        data=body,
        headers={"Host": HOOK_HOST, "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def notices(shop, *, state: str | None = None, count: int = 1) -> bytes:
    """A notification of so many changes of one item."""
    company = shop.erp_simulator.get("state")["company_id"]
    item = shop.erp_simulator.get(f"items/{SKU}")
    secret = deliveries.hook_secret_header(shop.erp)[1]
    return json.dumps(
        {
            "value": [
                {
                    "subscriptionId": "s1",
                    "clientState": secret if state is None else state,
                    "resource": f"api/v2.0/companies({company})/items({item['id']})",
                    "changeType": "updated",
                    "lastModifiedDateTime": f"2026-11-20T10:{at // 60:02}:{at % 60:02}Z",
                }
                for at in range(count)
            ]
        }
    ).encode()


def subscriptions(shop) -> dict[str, str]:
    """Expiry by id, as the ERP has them."""
    rows = shop.erp_simulator.get("state")["subscriptions"]
    return {row["subscriptionId"]: row["expirationDateTime"] for row in rows}


def wait_until(condition, seconds: float = 15) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


def change(shop, **what) -> None:
    shop.erp_simulator.post("items", **{"number": SKU, **what})


def schedule(shop, flow_name: Flow) -> FlowSchedule:
    return FlowSchedule.objects.get(route=shop.route, flow=flow_name)


def run(shop, flow_name: Flow) -> FlowSchedule:
    row = schedule(shop, flow_name)
    for _ in range(40):
        flows.run(row.pk)
        row.refresh_from_db()
        if not row.is_running:
            return row
    raise AssertionError(row.words)


def shared(shop) -> list[str]:
    """The numbers of the items that both sides have and the store counts."""
    client = services.open_store(shop.store)
    skus = [p.sku for page in client.products() for p in page.rows if p.tracks_stock and p.sku]
    return list(services.open_erp(shop.erp).find_items(skus))


def stock(shop, sku: str) -> Decimal:
    found = shop.store_simulator.get(f"products?sku={sku}")
    rows = found if isinstance(found, list) else found["products"]
    variant = next(v for row in rows for v in row["variants"] if v["sku"] == sku)
    return Decimal(str(variant["inventory_level"]))


def test_subscriptions_are_made_through_the_real_door_and_renewed_before_they_end(shop, door):
    hooks.subscribe(shop.erp.pk)
    made = subscriptions(shop)
    assert len(made) == 2
    assert shop.erp.subscriptions.filter(is_active=True).count() == 2
    for _ in range(4):  # four looks in eight days; a subscription lives three
        shop.erp_simulator.post("clock", advance_seconds=48 * HOUR)
        hooks.subscribe(shop.erp.pk)
        renewed = subscriptions(shop)
        assert renewed.keys() == made.keys()
        assert all(renewed[key] > made[key] for key in made)
        made = renewed
    due = AgendaItem.objects.get(kind=dispatch.SUBSCRIBE, key=str(shop.erp.pk)).due_at
    assert due <= timezone.now() + hooks.LOOK_AT_LEAST


def test_lost_subscriptions_are_made_again_and_what_they_did_not_tell_is_read(shop, door):
    hooks.subscribe(shop.erp.pk)
    run(shop, Flow.STOCK)
    before = subscriptions(shop)
    shop.erp_simulator.post("subscriptions", act="lose")
    change(shop, stock=4)
    hooks.subscribe(shop.erp.pk)
    after = subscriptions(shop)
    assert len(after) == 2
    assert not after.keys() & before.keys()
    woken = AgendaItem.objects.get(kind=dispatch.FLOW, key=str(schedule(shop, Flow.STOCK).pk))
    assert woken.due_at <= timezone.now() + dispatch.GRACE
    assert run(shop, Flow.STOCK).rows_written == 1
    assert stock(shop, SKU) == 4


def test_a_change_in_the_erp_reaches_the_store_by_its_notice(shop, door):
    run(shop, Flow.STOCK)
    hooks.subscribe(shop.erp.pk)
    change(shop, stock=21, price="260.00")
    assert wait_until(lambda: InboxEvent.objects.filter(record="item").exists())
    for event in InboxEvent.objects.all():
        inbox.process(event.pk)
    run(shop, Flow.STOCK)
    assert stock(shop, SKU) == 21
    assert {row["status"] for row in shop.erp_simulator.get("state")["notices"]} == {202}


def test_the_door_answers_the_vendors_question_at_once(shop, door):
    token = uuid.uuid4().hex
    assert knock(door, shop.erp.hook_key, b"", f"?validationToken={token}") == (
        200,
        token.encode(),
    )


def test_a_wrong_client_state_is_dropped_and_answered_so_that_nothing_is_deleted(shop, door):
    status, body = knock(door, shop.erp.hook_key, notices(shop, state="guessed"))
    assert (status, json.loads(body)["status"]) == (200, "refused")
    assert InboxEvent.objects.count() == 0
    assert HookTally.objects.get().refused == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"\xff",
        b"[" * 5_000,
        b"x" * 3_000_000,
        b'{"value": [{"clientState": "\\ud800"}]}',
        b'{"value": [{"clientState": "\\u0000"}]}',
    ],
)
def test_whatever_arrives_is_never_answered_so_that_the_vendor_gives_up(shop, door, body):
    status, _ = knock(door, shop.erp.hook_key, body)
    assert status == 200
    assert InboxEvent.objects.count() == 0


def test_a_notice_in_words_that_cannot_be_kept_is_stored_all_the_same(shop, door):
    body = json.loads(notices(shop))
    body["value"][0]["changeType"] = "up\ud800dated\x00" + "!" * 300
    assert knock(door, shop.erp.hook_key, json.dumps(body).encode())[0] == 202
    assert InboxEvent.objects.get().event.startswith("up?dated?!!")


def test_one_collection_that_the_service_refuses_does_not_let_the_other_run_out(shop, door):
    hooks.subscribe(shop.erp.pk)
    made = subscriptions(shop)
    shop.erp_simulator.post("clock", advance_seconds=48 * HOUR)
    shop.erp_simulator.fault("status", status=400, method="PATCH", path="subscriptions", times=1)
    hooks.subscribe(shop.erp.pk)
    renewed = subscriptions(shop)
    assert sum(renewed[key] > made[key] for key in made) == 1
    hooks.subscribe(shop.erp.pk)
    assert all(subscriptions(shop)[key] > made[key] for key in made)


def test_while_the_database_refuses_the_vendor_is_told_to_come_again(shop, door, monkeypatch):
    hooks.subscribe(shop.erp.pk)
    kept = subscriptions(shop)

    def refuse(*args: object, **more: object) -> None:
        raise OperationalError("the database system is shutting down")

    with monkeypatch.context() as patched:
        patched.setattr(HookAddress.objects, "select_related", refuse)
        assert knock(door, shop.erp.hook_key, notices(shop))[0] >= 500
        change(shop, price="261.00")
        assert wait_until(lambda: shop.erp_simulator.get("state")["notices"])
    told = shop.erp_simulator.get("state")["notices"]
    assert all(row["status"] >= 500 for row in told)
    assert subscriptions(shop) == kept
    shop.erp_simulator.post("clock", advance_seconds=61)
    assert wait_until(lambda: InboxEvent.objects.filter(record="item").exists())


def test_a_hundred_notices_of_one_item_are_one_run_of_each_flow(shop, door):
    for flow_name in (Flow.ITEMS, Flow.PRICES, Flow.STOCK):
        run(shop, flow_name)
    change(shop, stock=8)
    assert knock(door, shop.erp.hook_key, notices(shop, count=100))[0] == 202
    assert knock(door, shop.erp.hook_key, notices(shop, count=100))[0] == 200  # the same again
    events = list(InboxEvent.objects.all())
    assert len(events) == 100
    for event in events:
        inbox.process(event.pk)
    rows = FlowSchedule.objects.filter(route=shop.route)
    due = AgendaItem.objects.filter(kind=dispatch.FLOW)
    assert {item.key for item in due} == {str(row.pk) for row in rows}
    assert all(item.due_at <= timezone.now() + inbox.COALESCE for item in due)
    assert run(shop, Flow.STOCK).rows_written == 1
    assert stock(shop, SKU) == 8


def test_a_notice_of_the_whole_collection_means_reading_everything_since(shop, door):
    run(shop, Flow.STOCK)
    hooks.subscribe(shop.erp.pk)
    shop.erp_simulator.post("settings", most_notices=2)
    changed = shop.erp_simulator.post("items/change", count=6, what="name,stock")["first"]
    assert wait_until(lambda: InboxEvent.objects.filter(record="*").exists())
    for event in InboxEvent.objects.all():
        inbox.process(event.pk)
    woken = set(AgendaItem.objects.filter(kind=dispatch.FLOW).values_list("key", flat=True))
    assert {str(row.pk) for row in FlowSchedule.objects.filter(route=shop.route)} == woken
    assert run(shop, Flow.STOCK).rows_written == len(changed)


def test_a_store_that_switched_its_hooks_off_is_healed_and_tells_again(shop, door):
    polling.poll(shop.route.pk)
    hooks.register(shop.store)
    for row in shop.store_simulator.get("state")["hooks"]:
        shop.store_simulator.post("hooks/deactivate", id=row["id"])
    lost = shop.place(lines=[TENT])
    hooks.look_after(shop.store.pk)
    assert Entry.objects.filter(action="hooks_healed").count() == 1
    polling.poll(shop.route.pk)
    told = shop.place(lines=[TENT])

    def sources() -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for key, source in InboxEvent.objects.values_list("external_id", "source"):
            found.setdefault(key, set()).add(source)
        return found

    assert wait_until(lambda: "webhook" in sources().get(str(told["id"]), set()))
    assert sources()[str(lost["id"])] == {"poll"}


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr(feeds, "_PAGE_SIZE", {"Prefer": "odata.maxpagesize=10"})


KILLED = """
import sys
import django
django.setup()
from connectors.erps.business_central import feeds
from sync.pipelines import flows
from tenants.context import in_tenant
feeds._PAGE_SIZE = {"Prefer": "odata.maxpagesize=10"}
with in_tenant("t_acme"):
    flows.run(int(sys.argv[1]))
"""


@pytest.mark.slow
def test_a_reading_whose_process_is_killed_between_pages_goes_on_where_it_was(shop, small_pages):
    row = schedule(shop, Flow.STOCK)
    shop.store_simulator.fault("delay", method="PUT", path="inventory", seconds=1.5, times=None)
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(row.pk)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"},
        preexec_fn=die_with_parent,
    )
    assert wait_until(lambda: schedule(shop, Flow.STOCK).rows_seen >= 10, 30)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    time.sleep(2)  # the store still carries out what it was sent, long before the lease ends
    shop.store_simulator.post("faults/clear")
    row.refresh_from_db()
    seen = row.rows_seen
    assert row.is_running
    assert row.resume
    assert row.lease_until > timezone.now()
    flows.run(row.pk)  # while its lease holds nobody else takes it
    row.refresh_from_db()
    assert row.rows_seen == seen
    promised = AgendaItem.objects.get(kind=dispatch.FLOW, key=str(row.pk))
    assert promised.due_at <= row.lease_until
    FlowSchedule.objects.filter(pk=row.pk).update(lease_until=timezone.now())
    Exchange.objects.all().delete()
    done = run(shop, Flow.STOCK)
    whole = done.rows_seen
    written = done.rows_written
    assert done.rows_refused == 0
    pages = Exchange.objects.filter(method="GET", path__contains="/items").count()
    assert pages == (whole - seen + 9) // 10  # none of what was done is read again
    row.refresh_from_db()
    FlowSchedule.objects.filter(pk=row.pk).update(marker="", full_at=None)
    again = run(shop, Flow.STOCK)
    assert (again.rows_seen, again.rows_written) == (whole, 0)
    assert 0 < written <= whole


def test_rows_that_change_while_pages_are_read_are_not_lost(shop, small_pages, monkeypatch):
    monkeypatch.setattr(flows, "SLICE_SECONDS", -1)
    numbers = shared(shop)
    assert len(numbers) > 20
    row = schedule(shop, Flow.STOCK)
    flows.run(row.pk)
    row.refresh_from_db()
    assert row.is_running
    assert row.resume
    for at, sku in enumerate(numbers):
        change(shop, number=sku, stock=100 + at)
    change(shop, number="AAA-NEW", name="Comes before all the others", stock=3)
    run(shop, Flow.STOCK)
    run(shop, Flow.STOCK)
    assert {sku: stock(shop, sku) for sku in numbers} == {
        sku: 100 + at for at, sku in enumerate(numbers)
    }


@pytest.mark.parametrize("trouble", [{"action": "throttle"}, {"action": "status", "status": 503}])
@pytest.mark.parametrize("reached", [0, 1, 2])
def test_a_batch_that_is_broken_off_loses_no_row(shop, small_pages, trouble, reached):
    run(shop, Flow.STOCK)
    changed = shop.erp_simulator.post("items/change", share=100, what="stock")["changed"]
    shop.store_simulator.fault(**trouble, path="inventory", skip=reached, times=4)
    row = schedule(shop, Flow.STOCK)
    for _ in range(10):
        forget_processes_memory()  # the pause that the store asked for is over
        flows.run(row.pk)
        row.refresh_from_db()
        if not row.is_running:
            break
    assert not row.is_running, row.words
    written = row.rows_written
    assert 0 < written <= changed
    FlowSchedule.objects.filter(pk=row.pk).update(marker="", full_at=None)
    assert run(shop, Flow.STOCK).rows_written == 0
    for sku in shared(shop):
        assert stock(shop, sku) == shop.erp_simulator.get(f"items/{sku}")["inventory"], sku
