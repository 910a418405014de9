"""What the way through a relay agent costs, how much one carries, and what waiting agents hold."""

from __future__ import annotations

import asyncio
import os
import resource
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import repeat
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from agent import wire
from bench.rig import Rig, percentile, table
from connectors.kit import Kit, Relay
from connectors.kit.guard import AddressGuard
from connectors.kit.http import Http, Timeouts
from connectors.kit.throttle import Budget
from connectors.kit.windows_auth import WindowsSignIn
from tests.support.relay import Agent, RelayServer, Target
from tests.support.rigs import CERTIFICATES, Memory
from tests.support.simulators import Simulator

PAGE = "/GPService/Tenants(DefaultTenant)/help"
CALLS = 300
SLOTS = (1, 4, 8, 16)
WAITING = 1000


def relay(rig: Rig) -> str:
    """Three tables: added latency, calls a second, a thousand agents that wait."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    rig.enter("bench")
    gp = rig.simulator("sandbox.gp", "--channel-binding", "require")
    server = RelayServer().start()
    assert server.process is not None
    rig.processes["relay"] = server.process
    return "\n".join(
        (_latency(rig, gp, server), _throughput(rig, gp, server), _waiting(rig, gp, server))
    )


def _latency(rig: Rig, gp: Simulator, server: RelayServer) -> str:
    rows = []
    with _site(rig, gp, server, slots=4) as carried:
        direct = _http(gp, None)
        for words, method in (("read", "GET"), ("write, with its begin", "POST")):
            ways = [_times(_http(gp, carried), method), _times(direct, method)]
            by_relay, directly = ways
            rows.append(
                [
                    words,
                    *(f"{percentile(directly, share) * 1000:.1f}" for share in (0.5, 0.99)),
                    *(f"{percentile(by_relay, share) * 1000:.1f}" for share in (0.5, 0.99)),
                    *(
                        f"{(percentile(by_relay, share) - percentile(directly, share)) * 1000:.1f}"
                        for share in (0.5, 0.99)
                    ),
                ]
            )
    heads = ["call", "direct p50 ms", "p99", "by the agent p50 ms", "p99", "added p50 ms", "p99"]
    return table(f"Latency of a call, one at a time, {CALLS} of each", heads, rows)


def _throughput(rig: Rig, gp: Simulator, server: RelayServer) -> str:
    rows = []
    for slots in SLOTS:
        with _site(rig, gp, server, slots=slots) as carried, ThreadPoolExecutor(slots) as threads:
            http = _http(gp, carried)
            list(threads.map(_read, repeat(http, slots * 4)))  # every connection is signed in
            began = time.monotonic()
            list(threads.map(_read, repeat(http, CALLS)))
            seconds = time.monotonic() - began
        rows.append([slots, f"{CALLS / seconds:.0f}"])
    return table("Reads through one agent", ["at the same time", "calls per second"], rows)


def _waiting(rig: Rig, gp: Simulator, server: RelayServer) -> str:
    key = Ed25519PrivateKey.generate()
    agents = _many_agents(key)
    with _site(rig, gp, server, slots=4) as carried:
        http = _http(gp, carried)
        before = [*_held(rig), _backends(), _redis_clients()]
        alone = _times(http, "GET")
        with _polls(server, key, agents) as count:
            time.sleep(3)
            after = [*_held(rig), _backends(), _redis_clients()]
            idle = rig.cpu_seconds("relay")
            time.sleep(10)
            idle = (rig.cpu_seconds("relay") - idle) / 10
            crowded = _times(http, "GET")
            waiting = count()
    heads = ["agents that wait", "server MB", "threads", "PostgreSQL backends", "Redis clients",
             "call by an agent p50 ms", "p99"]  # fmt: skip
    rows = [
        [number, *figures, *(f"{percentile(times, share) * 1000:.1f}" for share in (0.5, 0.99))]
        for number, figures, times in ((0, before, alone), (waiting, after, crowded))
    ]
    return table(f"{WAITING} agents that wait", heads, rows) + (
        f"\nWaiting costs {idle * 100:.0f}% of a core. Backends and clients are of the whole "
        "installation, the bench's own included.\n"
    )


@contextmanager
def _site(rig: Rig, gp: Simulator, server: RelayServer, *, slots: int) -> Iterator[Relay]:
    """A site with one agent that runs; the way through it."""
    from connectors.relay import services
    from connectors.relay.adapter import SiteRelay
    from tenants.database import database

    name = f"Site {secrets.token_hex(4)}"
    site = services.create_site(name)
    row, token = services.invite(site, "Server room")
    agent = Agent(
        rig.data / row.key,
        connector=server.url,
        targets=[Target(url=f"{gp.api}/")],
        slots=slots,
        ca_file=CERTIFICATES.ca_file,
    )
    agent.enroll(token).start()
    try:
        yield SiteRelay(str(database.schema_name), site.pk, on_site=False, name=name)
    finally:
        agent.stop()


def _http(gp: Simulator, way: Relay | None) -> Http:
    kit = Kit(
        name="bench",
        record=lambda exchange: None,
        guard=AddressGuard(["127.0.0.0/8"]),
        budget=lambda limits: Budget(None, "bench", limits),
        cache=Memory(),
        ca_file=CERTIFICATES.ca_file,
        relay=way,
    )
    account = WindowsSignIn(
        user="svc-gp", password="sandbox-gp-password", domain="CONTOSO", path=PAGE
    )
    return Http(
        base_url=gp.api,
        kit=kit,
        budget=Budget(None, "bench", _unlimited()),
        read_error=lambda method, path, reply: AssertionError(f"{method} {path}: {reply.status}"),  # type: ignore[return-value,arg-type]
        timeouts=Timeouts(read=30),
        windows=account,
    )


def _unlimited() -> Any:
    from connectors.kit.throttle import Limits

    return Limits(in_flight=64)


def _read(http: Http) -> None:
    http.request("GET", PAGE, purpose="bench")


def _times(http: Http, method: str) -> list[float]:
    """Seconds of each call. GP refuses to write to this page, after the whole way there."""

    def call() -> None:
        http.request(method, PAGE, purpose="bench", accept=frozenset({404, 405, 415}))

    call()
    return [_timed(call) for _ in range(CALLS)]


def _timed(call: Callable[[], None]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _many_agents(key: Ed25519PrivateKey) -> list[str]:
    """A thousand agents that are enrolled, with one key for all of them; their ids."""
    from django.utils import timezone

    from connectors.models import RelayAgent
    from connectors.relay import services
    from tenants.models import AgentAddress

    public = wire.base64_of(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
    site = services.create_site("A thousand")
    ids = []
    for number in range(WAITING):
        row, _ = services.invite(site, f"Agent {number}")
        ids.append(row.key)
    RelayAgent.objects.filter(key__in=ids).update(
        public_key=public, enrolled_at=timezone.now(), token_hash=""
    )
    AgentAddress.objects.filter(key__in=ids).update(is_enrolled=True)
    return ids


@contextmanager
def _polls(
    server: RelayServer, key: Ed25519PrivateKey, agents: list[str]
) -> Iterator[Callable[[], int]]:
    """Every agent polls, again as soon as it is answered; how many wait."""
    waiting: set[str] = set()

    async def poll(agent: str) -> None:
        boot = secrets.token_hex(4)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        try:
            while True:
                state = wire.State(version="1.0", boot=boot, clock=time.time(), free=4).to_json()
                signed = wire.Signed(int(time.time()), secrets.token_urlsafe(18), agent)
                stamp = key.sign(signed.base("POST", wire.POLL, state))
                head = "".join(f"{k}: {v}\r\n" for k, v in signed.headers(stamp, state).items())
                writer.write(
                    f"POST {wire.POLL} HTTP/1.1\r\nHost: localhost\r\n{head}"
                    f"Content-Length: {len(state)}\r\n\r\n".encode()
                    + state
                )
                waiting.add(agent)
                answer = await reader.readuntil(b"\r\n\r\n")
                waiting.discard(agent)
                assert b" 200 " in answer.partition(b"\r\n")[0], answer
                length = int(answer.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                await reader.readexactly(length)
        finally:
            writer.close()

    async def all_of_them(stopped: asyncio.Event) -> None:
        tasks = []
        for number, agent in enumerate(agents):
            tasks.append(asyncio.create_task(poll(agent)))
            if number % 50 == 49:
                await asyncio.sleep(0.2)
        ready.set_result(None)
        await stopped.wait()
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(ended, asyncio.CancelledError), ended

    loop = asyncio.new_event_loop()
    with ThreadPoolExecutor(1) as threads, ExitStack() as held:
        ready: Future[None] = Future()
        stopped = asyncio.Event()
        running = threads.submit(loop.run_until_complete, all_of_them(stopped))
        held.callback(running.result)
        held.callback(loop.call_soon_threadsafe, stopped.set)
        ready.result(timeout=60)
        yield lambda: len(waiting)


def _held(rig: Rig) -> tuple[str, int]:
    """Megabytes and threads of the relay server."""
    pids = rig.pids("relay")
    return f"{rig.memory()['relay']:.0f}", sum(len(os.listdir(f"/proc/{pid}/task")) for pid in pids)


def _backends() -> int:
    from tenants.database import database

    with database.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
        )
        return int(cursor.fetchone()[0])


def _redis_clients() -> int:
    from connectors.shared_redis import redis_client

    info: Any = redis_client().info("clients")
    return int(info["connected_clients"])
