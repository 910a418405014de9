"""The way between an agent and its connector: wrong clocks, a forward proxy, recorded requests,
long answers, and two agents of which one dies."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from agent import wire
from connectors.errors import TryLater
from tests.agent.doubles import Proxy
from tests.contract.conftest import Running, ready
from tests.relay.business import wait_until
from tests.relay.onsite import ADDRESS, GpRestByRelay, Site
from tests.relay.speaker import refusal
from tests.support.relay import Agent, Cable, Target

ITEM = "TENT-2P-GRN"


@pytest.fixture
def gp(running: Running, on_site: Site) -> GpRestByRelay:
    return ready(running(GpRestByRelay))


@contextmanager
def runs(agent: Agent) -> Iterator[Agent]:
    """Stopped at the end, so that the next test has the site to itself."""
    try:
        yield agent.start()
    finally:
        agent.stop()


@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_wrong_clock_on_site_is_allowed_for_and_shown(
    minutes: int, on_site: Site, gp: GpRestByRelay, tmp_path: Path
):
    (tmp_path / "sitecustomize.py").write_text(
        f"import time\n_true = time.time\ntime.time = lambda: _true() + {minutes * 60}\n"
    )
    agent = on_site.agent(f"clock{minutes}", gp.targets())
    agent.environment = {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.getcwd()])}
    with runs(agent):
        assert gp.adapter().find_items([ITEM])
        shown = on_site.view(f"clock{minutes}")
    assert shown.clock_difference_seconds == pytest.approx(minutes * 60, abs=15)


def test_an_agent_behind_a_proxy_which_goes_and_comes_back(on_site: Site, gp: GpRestByRelay):
    proxy = Proxy()
    cable = Cable(("127.0.0.1", proxy.server.server_port))
    agent = on_site.agent("proxied", gp.targets(), proxy=cable.url)
    try:
        with runs(agent), ThreadPoolExecutor(1) as pool:
            adapter = gp.adapter()
            assert adapter.find_items([ITEM])
            carried = len(proxy.carried)
            assert carried, "it goes by the proxy"
            cable.cut()
            waits = pool.submit(asked_until_answered, adapter, "SPORK-TI")
            time.sleep(2)
            assert not waits.done()
            cable.mend()
            assert waits.result(60), "nothing was lost on the way"
            assert len(proxy.carried) > carried
            assert not [one for one in proxy.asked if not one.startswith(f"POST {on_site.server.url}")]  # fmt: skip
            recorded_requests_do_nothing(proxy.carried, on_site.server.url)
    finally:
        cable.cut()
        proxy.close()


def asked_until_answered(adapter: Any, item: str) -> Any:
    """As a worker does: a read whose turn came too late is asked again."""
    for _ in range(4):
        with suppress(TryLater):
            return adapter.find_items([item])
    raise AssertionError("no answer after four tries")


def recorded_requests_do_nothing(carried: list[Any], url: str) -> None:
    """Of a thief who heard everything that a real agent said: sent again, changed, or sent
    elsewhere, it is refused without a hint."""
    by_step = {path.rpartition("/")[2]: (path, headers, body) for path, headers, body in carried}
    assert set(by_step) >= {"poll", "answer"}

    def send(path: str, headers: dict[str, str], body: bytes) -> tuple[int, str]:
        answer = requests.post(url + path, data=body, headers=headers, timeout=5)
        return answer.status_code, refusal(answer)["code"]

    for path, headers, body in by_step.values():
        assert send(path, headers, body) == (401, "replayed"), path
        assert send(path, headers, body + b" ") == (401, "signature")
        digest = {**headers, "Content-Digest": wire.content_digest(body + b" ")}
        assert send(path, digest, body + b" ") == (401, "signature")
        assert send(wire.LEAVE, headers, body) == (401, "signature")
        later = headers["Signature-Input"].replace(";created=1", ";created=2")
        assert send(path, {**headers, "Signature-Input": later}, body) == (401, "signature")
        unsigned = {name: value for name, value in headers.items() if "Signature" not in name}
        assert send(path, unsigned, body) == (401, "signature")


def test_without_an_agent_the_words_say_so(on_site: Site, gp: GpRestByRelay):
    with pytest.raises(TryLater) as caught:
        gp.adapter().find_items([ITEM])
    assert caught.value.code == "agent_offline"
    assert "Warehouse" in caught.value.reason
    assert not gp.simulator.counts()


def test_of_two_agents_one_is_killed_in_the_middle_of_reads_and_all_arrive(
    on_site: Site, gp: GpRestByRelay
):
    agents = [on_site.agent(name, gp.targets(), slots=8).start() for name in ("left", "right")]
    try:
        adapter = gp.adapter(requests_in_flight="8", request_timeout_seconds="10")
        gp.simulator.post("latency", ms=150)
        with ThreadPoolExecutor(8) as pool:
            found = [pool.submit(adapter.find_items, [ITEM]) for _ in range(32)]
            assert wait_until(lambda: gp.carriers() == {"left", "right"}, 20), "both share the work"
            agents[0].kill()
            left = sum(not one.done() for one in found)
            assert all(one.result(60) for one in found)
        assert left >= 8, "it was killed too late to prove anything"
    finally:
        gp.simulator.post("latency", ms=0)
        for agent in agents:
            agent.kill()


def test_an_agent_whose_poll_was_answered_is_soon_missed(enrolled: Any):
    """A busy one holds no connection that could be seen to close when it dies."""
    from connectors.relay import keys
    from connectors.shared_redis import redis_client

    agent = enrolled()
    redis, present = redis_client(), keys.present(keys.site("t_acme", agent.row.site_id))
    agent.poll(free=0)
    assert 5 < redis.zscore(present, agent.agent) / 1000 - time.time() <= 20


class Large(BaseHTTPRequestHandler):
    """A page as long as its path says, by which it is also known."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        size = int(self.path.rpartition("/")[2])
        self.send_response(200)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        for piece in pieces(size):
            self.wfile.write(piece)

    def log_message(self, *given: Any) -> None:
        """Quiet."""


def pieces(size: int) -> Iterator[bytes]:
    piece = hashlib.sha512(str(size).encode()).digest() * 1024
    while size > 0:
        yield piece[:size]
        size -= len(piece)


@pytest.mark.slow
def test_long_answers_arrive_whole_and_nobody_holds_them_whole(on_site: Site):
    place = ThreadingHTTPServer((ADDRESS, 0), Large)
    threading.Thread(target=place.serve_forever, args=(0.05,), daemon=True).start()
    url = f"http://{ADDRESS}:{place.server_port}/files"
    sizes = [10_000_000 + number for number in range(4)]
    agent = on_site.agent("large", [Target(url=url)])
    try:
        with runs(agent):
            fetch(on_site, url, 1_000_000)  # what is loaded once is there now
            assert agent.process is not None
            assert on_site.server.process is not None
            watched = [agent.process.pid, *family(on_site.server.process.pid)]
            with peaks(watched) as grown, ThreadPoolExecutor(len(sizes)) as pool:
                got = list(pool.map(lambda size: fetch(on_site, url, size), sizes))
        assert got == [digest(pieces(size)) for size in sizes]
        assert max(grown.values()) < sum(sizes) * 0.6, grown
    finally:
        place.shutdown()
        place.server_close()


def fetch(site: Site, url: str, size: int) -> str:
    """The digest of a page, read slowly enough for parts to pile up."""
    session = requests.Session()
    session.mount("http://", site.relay().adapter(authority="", windows=None))
    with session.get(f"{url}/{size}", timeout=(2, 20), stream=True) as answer:
        return digest(slowly(answer.iter_content(262_144)))


def slowly(parts: Iterator[bytes]) -> Iterator[bytes]:
    for part in parts:
        time.sleep(0.02)
        yield part


def digest(parts: Iterator[bytes]) -> str:
    made = hashlib.sha256()
    for part in parts:
        made.update(part)
    return made.hexdigest()


def family(pid: int) -> list[int]:
    """A process and its children (Linux)."""
    found = [pid]
    for folder in Path(f"/proc/{pid}/task").iterdir():
        for child in (folder / "children").read_text().split():
            found += family(int(child))
    return found


@contextmanager
def peaks(pids: list[int]) -> Iterator[dict[int, int]]:
    """By how many bytes each process' memory has grown at its highest (Linux)."""

    def memory(pid: int, name: str) -> int:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))

    grown: dict[int, int] = {}
    for pid in pids:
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # the highest from now on
    before = {pid: memory(pid, "VmRSS") for pid in pids}
    yield grown
    grown.update({pid: memory(pid, "VmHWM") - before[pid] for pid in pids})
    print(json.dumps(grown))
