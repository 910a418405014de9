"""Webhooks, Redis and dying workers: nothing is lost and nothing is doubled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from config.embedded import die_with_parent
from connectors import deliveries, hook_care, services
from connectors.contract import Notice
from connectors.models import HookTally
from sync import inbox
from sync.models import Document, InboxEvent, Transfer
from sync.pipelines import polling
from tests.support.flow import TENT, deliver, post_hook

ROOT = Path(__file__).resolve().parents[2]


def test_a_signed_delivery_is_stored_before_it_is_answered_and_a_second_changes_nothing(flow):
    made = int(time.time())
    first = deliver(flow, 77, content_hash="same", created_at=made)
    second = deliver(flow, 77, content_hash="same", created_at=made)
    assert (first.status_code, second.status_code) == (202, 200)
    assert InboxEvent.objects.count() == 1
    tally = HookTally.objects.get()
    assert (tally.accepted, tally.duplicate, tally.refused) == (1, 1, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"secret": "somebody else's"},
        {"headers": {"webhook-timestamp": "1600000000"}},
        {"headers": {"webhook-signature": ""}},
        {"headers": {"X-Hook-Secret": "wrong"}},
    ],
    ids=["wrong secret", "old", "no signature", "no second lock"],
)
def test_a_forged_delivery_is_refused_counted_and_answered_so_that_no_store_blocks_us(flow, change):
    answer = deliver(flow, 77, **change)
    assert answer.status_code == 200
    assert answer.json()["status"] == "refused"
    assert InboxEvent.objects.count() == 0
    assert HookTally.objects.get().refused == 1
    assert HookTally.objects.get().last_refused_words


def test_both_signature_forms_are_understood_where_the_connection_says_so(flow):
    import hashlib
    import hmac
    import json

    body = json.dumps(
        {"scope": "store/order/created", "data": {"type": "order", "id": 5}, "hash": "h"}
    ).encode()
    digest = hmac.new(b"sandbox-store-client-secret", body, hashlib.sha256).hexdigest()
    name, value = deliveries.hook_secret_header(flow.store)

    def send() -> str:
        answer = post_hook(flow.store.hook_key, body, {name: value, "X-BC-Signature": digest})
        return answer.json()["status"]

    assert send() == "refused"
    services.save_settings(flow.store, {"hook_signature": "either"})
    assert send() == "stored"


def test_an_unknown_address_is_not_found_and_a_closed_one_is_answered_kindly(flow):
    from tenants.models import HookAddress

    assert post_hook("never-was", b"{}").status_code == 404
    HookAddress.objects.update(is_enabled=False)
    assert deliver(flow, 1).status_code == 200
    assert InboxEvent.objects.count() == 0


def test_hooks_are_registered_once_and_revived_when_the_store_switched_them_off(flow):
    hook_care.ensure_hooks(flow.store, ["orders"])
    hook_care.ensure_hooks(flow.store, ["orders"])
    hooks = flow.store_simulator.get("state")["hooks"]
    assert sorted(hook["scope"] for hook in hooks) == [
        "store/order/created",
        "store/order/statusUpdated",
        "store/order/updated",
    ]
    assert all(hook["headers"] for hook in hooks)


def test_the_regular_check_finds_what_no_webhook_told(flow):
    orders = [flow.place(lines=[TENT]) for _ in range(3)]
    assert polling.poll(flow.route.pk) == 3
    assert polling.poll(flow.route.pk) == 0
    for event in InboxEvent.objects.all():
        inbox.process(event.pk)
    assert {flow.work(order["id"]).state for order in orders} == {"posted"}


def test_an_order_that_the_store_does_not_know_yet_is_asked_for_again(flow):
    flow.store_simulator.post("settings", orders_404_for_ms=60_000)
    order, transfer = flow.carry(lines=[TENT])
    assert transfer.state == "waiting"
    flow.store_simulator.post("settings", orders_404_for_ms=0)
    assert flow.work(order["id"]).state == "posted"


def test_a_throttled_store_is_left_alone_until_it_says_so(flow):
    flow.store_simulator.fault("throttle", path="/v2/orders/", times=1)
    _, transfer = flow.carry(lines=[TENT])
    assert transfer.state == "waiting"
    assert transfer.due_at > timezone.now() + timedelta(seconds=1)
    assert transfer.attempts == 0  # waiting for a limit is no failed try


class Programs:
    """The worker and the scheduler as they run in production, as processes of their own."""

    def __init__(self) -> None:
        self.processes: list[subprocess.Popen[bytes]] = []

    def worker(self, **environment: str) -> subprocess.Popen[bytes]:
        return self._start(
            environment, "worker", "--pool", "threads", "--concurrency", "4", "-Q", "work,tick",
            "--without-gossip", "--without-mingle",
        )  # fmt: skip

    def beat(self) -> subprocess.Popen[bytes]:
        return self._start({}, "beat", "--pidfile=")

    def _start(self, environment: dict[str, str], *arguments: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "config", *arguments, "--loglevel", "error"],
            cwd=ROOT,
            env={**os.environ, "PYTHONWARNINGS": "ignore", **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=die_with_parent,
        )
        self.processes.append(process)
        return process

    def stop(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()


@pytest.fixture
def programs():
    running = Programs()
    yield running
    running.stop()


def wait_until(condition, seconds: float = 30) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


def announce(flow, order_id: int) -> None:
    notice = Notice(record="order", external_id=str(order_id), delivery_id=f"t:{order_id}")
    inbox.accept(connection=flow.store, notices=[notice], source=InboxEvent.Source.WEBHOOK)


def posted() -> int:
    return Transfer.objects.filter(state="posted").count()


@pytest.mark.slow
def test_a_worker_killed_between_sent_and_recorded_neither_loses_nor_doubles_the_document(
    flow, programs
):
    flow.erp_simulator.fault("delay", method="POST", path="salesInvoices$", seconds=1.5)
    worker = programs.worker()
    programs.beat()
    order = flow.place(lines=[TENT])
    announce(flow, order["id"])
    assert wait_until(lambda: Document.objects.filter(status="sent").exists())
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    assert Document.objects.get().external_id == ""
    programs.worker()
    assert wait_until(lambda: posted() == 1, 40)
    booked = flow.booked()
    assert (booked["posted"], booked["drafts"], booked["duplicates"]) == (1, 0, {})


@pytest.mark.slow
def test_everything_completes_by_itself_within_thirty_seconds_after_redis_was_wiped(flow, programs):
    flow.erp_simulator.post("latency", ms=80)
    programs.worker()
    programs.beat()
    orders = [flow.place(lines=[TENT]) for _ in range(20)]
    for order in orders[:12]:
        announce(flow, order["id"])
    assert wait_until(lambda: posted() >= 2)
    services.redis_client().flushall()
    for order in orders[12:]:
        announce(flow, order["id"])
    services.redis_client().flushall()
    assert wait_until(lambda: posted() == 20, 30), posted()
    booked = flow.booked()
    assert (booked["posted"], booked["drafts"], booked["duplicates"]) == (20, 0, {})


@pytest.mark.slow
def test_the_trail_is_sealed_by_itself(flow, programs):
    from audit.models import Seal
    from audit.verify import verify

    flow.carry(lines=[TENT])
    programs.worker()
    programs.beat()
    assert wait_until(lambda: Seal.objects.exists())
    assert verify().is_whole
