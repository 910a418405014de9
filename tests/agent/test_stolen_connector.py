"""A connector in wrong hands: it gets no more out of an agent than its configuration gives."""

from __future__ import annotations

import logging
import threading
import time

import pytest

from agent import wire
from agent.connector import Refused
from agent.worker import Worker
from tests.agent.doubles import refuse, say


def work_until(here, is_over, seconds: float = 10.0) -> Worker:
    """An agent's loop in a thread, stopped as soon as ``is_over``."""
    worker = Worker(here.config, here.connector, here.lines)
    loop = threading.Thread(target=worker.work, args=(lambda: None,), daemon=True)
    loop.start()
    end = time.monotonic() + seconds
    while not is_over(worker):
        assert time.monotonic() < end
        time.sleep(0.02)
    worker.stop()
    loop.join(10)
    return worker


def test_it_takes_no_more_calls_than_it_asked_for(site, connector, place, monkeypatch):
    go = threading.Event()

    def slow(request):
        go.wait(10)
        say(request)

    there = place(slow)
    here = site(f'url = "{there.url}/"')
    flood = [here.job("GET", f"{there.url}/{number}").__dict__ for number in range(200)]
    polled: list[int] = []

    def poll(state: wire.State) -> wire.Work:
        polled.append(state.free)
        time.sleep(0.05)
        return wire.Work(flood)

    monkeypatch.setattr(here.connector, "poll", poll)
    worker = work_until(here, lambda worker: len(there.seen) >= 4)
    try:
        assert worker.jobs_in_hand() == here.config.slots == 4
        assert len(there.seen) == 4
    finally:
        go.set()
        assert worker.wait_for_jobs(10)


def test_headers_that_some_servers_take_for_another_path_are_left_out(site, place):
    there = place(say)
    here = site(f'url = "{there.url}/api/"')
    sent = {"X-Original-URL": "/admin", "x-rewrite-url": "/admin", "X-One": "1"}
    here.carry("GET", f"{there.url}/api/x", headers=sent)
    (_, _, headers, _) = there.seen[0]
    assert headers["X-One"] == "1"
    assert not {name.lower() for name in headers} & {"x-original-url", "x-rewrite-url"}


def test_its_words_forge_no_line_of_the_log(site, connector, monkeypatch, caplog):
    here = site('url = "http://127.0.0.1:1/"')
    connector.before = lambda path, body: refuse(
        "no\n2026-01-01 INFO all is well \x1b[2J" + "x" * 999
    )
    with pytest.raises(Refused) as caught:
        here.connector.post(wire.POLL, b"")
    with caplog.at_level(logging.WARNING, "ml_connector_agent"):
        logging.getLogger("ml_connector_agent").warning(
            "%s %s", caught.value.words, caught.value.code
        )
    (line,) = caplog.messages
    assert line.isprintable()
    assert len(line) < 500


def test_a_busy_connector_is_left_longer_and_longer_pauses(site, connector, monkeypatch):
    here = site('url = "http://127.0.0.1:1/"')
    connector.before = lambda path, body: refuse(wire.Refusals.BUSY)
    pauses: list[float] = []
    monkeypatch.setattr(Worker, "_wait", lambda worker, seconds: pauses.append(seconds))
    work_until(here, lambda worker: len(pauses) > 60)
    assert len(set(pauses)) > 50  # agents do not come back in step
    assert 3 < max(pauses) <= 5  # and are back within seconds


def test_a_call_that_fails_by_a_mistake_of_the_program_is_told(site, connector, place, monkeypatch):
    there = place(say)
    here = site(f'url = "{there.url}/"')
    connector.give(here.job("POST", f"{there.url}/x"))

    def mistaken(*given, **more):
        raise RuntimeError("a mistake")

    monkeypatch.setattr(here.lines.__class__, "ready", mistaken)
    work_until(here, lambda worker: connector.troubles)
    (trouble,) = connector.troubles.values()
    assert trouble.sent  # nobody knows better
