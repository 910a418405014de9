"""The spine: receipts of webhooks, orders to posted invoices, and how long one order takes."""

from __future__ import annotations

import http.client
import json
import threading
import time
import uuid

from bench.rig import Rig, percentile, table

TENT = {"sku": "TENT-2P-GRN", "quantity": 1}


def receipts(rig: Rig) -> str:
    """Signed deliveries, each answered after its commit, by eight senders on kept connections."""
    from connectors import deliveries
    from tests.support.flow import signed

    flow = rig.flow
    port = rig.web(rig.simulators.store)
    name, value = deliveries.hook_secret_header(flow.store)
    path = f"/hooks/{flow.store.hook_key}/"
    each, senders = 150, 8
    times: list[float] = []

    def send() -> None:
        link = http.client.HTTPConnection("127.0.0.1", port)
        for _ in range(each):
            body = json.dumps(
                {
                    "scope": "store/order/created",
                    "data": {"type": "order", "id": 1},
                    "hash": uuid.uuid4().hex,
                }
            ).encode()
            headers = signed(body, "sandbox-store-client-secret")
            headers |= {
                name: value,
                "Content-Type": "application/json",
                "Host": "hooks.test.example",
            }
            began = time.perf_counter()
            link.request("POST", path, body, headers)
            answer = link.getresponse()
            answer.read()
            times.append(time.perf_counter() - began)
            assert answer.status == 202, answer.status
        link.close()

    began = time.perf_counter()
    threads = [threading.Thread(target=send) for _ in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    rig.end("web")
    _forget_events()
    return table(
        "Webhook receipts to the committed answer",
        ["deliveries", "per second", "p50 ms", "p99 ms"],
        [
            [
                len(times),
                f"{len(times) / seconds:.0f}",
                f"{percentile(times, 0.5) * 1000:.1f}",
                f"{percentile(times, 0.99) * 1000:.1f}",
            ]
        ],
    )


def orders(rig: Rig) -> str:
    """Orders from webhook to posted invoice, by worker threads and by the systems' latency."""
    from connectors import hook_care
    from connectors.services import redis_client

    hook_care.ensure_hooks(rig.flow.store, ["orders"])
    rows = []
    for store_ms, erp_ms, count, threads in (
        (0, 0, 150, 4),
        (0, 0, 150, 16),
        (80, 300, 30, 4),
        (80, 300, 60, 16),
        (80, 300, 60, 32),
    ):
        redis_client().flushdb()
        rig.web(rig.simulators.store)
        rig.simulators.store.post("latency", ms=store_ms)
        rig.simulators.erp.post("latency", ms=erp_ms)
        _erp_in_flight(rig, threads)
        rig.worker(threads)
        time.sleep(4)
        rig.simulators.store.post("requests/clear")
        rig.simulators.erp.post("requests/clear")
        before = rig.flow.booked()["posted"]
        began = time.perf_counter()
        rig.simulators.store.post("orders", count=count, country="GB", lines=[TENT])
        while rig.flow.booked()["posted"] - before < count and time.perf_counter() - began < 120:
            time.sleep(0.1)
        seconds = time.perf_counter() - began
        done = rig.flow.booked()["posted"] - before
        calls = (
            sum(rig.simulators.store.counts().values()),
            sum(rig.simulators.erp.counts().values()),
        )
        memory = rig.memory()
        rows.append(
            [
                f"{store_ms} / {erp_ms}",
                threads,
                f"{done} of {count}",
                f"{done / seconds:.1f}",
                f"{calls[0] / max(done, 1):.1f} + {calls[1] / max(done, 1):.1f}",
                f"{memory['web']:.0f} / {memory['worker']:.0f} / {memory['beat']:.0f}",
            ]
        )
        assert not rig.flow.booked()["duplicates"]
        rig.end()
    rig.simulators.store.post("latency", ms=0)
    rig.simulators.erp.post("latency", ms=0)
    return table(
        "Orders from webhook to posted invoice, every shopper new",
        [
            "store / ERP latency ms",
            "threads",
            "posted",
            "orders per second",
            "calls per order, store + ERP",
            "MB web / worker / beat",
        ],
        rows,
    )


def latency(rig: Rig) -> str:
    """One order a second: from placed to posted."""
    from connectors import hook_care
    from sync.models import Transfer

    hook_care.ensure_hooks(rig.flow.store, ["orders"])
    rig.web(rig.simulators.store)
    rig.worker(8)
    time.sleep(4)
    placed: dict[str, float] = {}
    for _ in range(40):
        began = time.time()
        order = rig.simulators.store.post("orders", country="GB", lines=[TENT])
        placed[str(order["id"])] = began
        time.sleep(max(1 - (time.time() - began), 0))
    time.sleep(5)
    times = [
        row.posted_at.timestamp() - placed[row.source_key]
        for row in Transfer.objects.filter(source_key__in=placed, posted_at__isnull=False)
    ]
    rig.end()
    return table(
        "Time from placed to posted at one order a second",
        ["orders", "p50 ms", "p99 ms"],
        [
            [
                f"{len(times)} of {len(placed)}",
                f"{percentile(times, 0.5) * 1000:.0f}",
                f"{percentile(times, 0.99) * 1000:.0f}",
            ]
        ],
    )


def _erp_in_flight(rig: Rig, threads: int) -> None:
    from connectors import services

    services.save_settings(rig.flow.erp, {"requests_in_flight": str(min(threads, 5))})


def _forget_events() -> None:
    """The deliveries of the receipts bench name an order that is not there."""
    from sync.models import InboxEvent
    from tenants.models import AgendaItem

    AgendaItem.objects.all().delete()
    InboxEvent.objects.all().delete()
    from connectors.services import redis_client

    redis_client().flushdb()
