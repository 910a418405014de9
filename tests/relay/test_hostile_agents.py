"""Who stole an agent, or only knows our address, breaks nothing for others."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.requests import Request

from agent import connector, wire
from connectors.relay import incoming
from connectors.relay.signatures import Refused
from tests.relay.calls import Call
from tests.relay.queue_bench import Bench


@pytest.mark.parametrize("clock", ["1e308", "-1e308", "1" + "0" * 400, "NaN"])
def test_a_clock_beyond_all_measure_is_taken(enrolled: Any, clock: str):
    agent = enrolled()
    said = json.loads(agent.said(free=0)) | {"clock": 4711.5}
    body = json.dumps(said).replace("4711.5", clock).encode()
    assert agent.say(wire.POLL, body).status_code == 200


def test_a_head_that_is_none_is_refused_as_such(enrolled: Any, site: Any):
    agent = enrolled()
    agent.poll(free=0)
    call = Call(site, "GET")
    job = agent.take()
    head = wire.Head(200, "OK", 5)  # type: ignore[arg-type]
    part = wire.Part(0, b"x", True, head)
    assert agent.say(wire.job_path(job.id, wire.ANSWER), part.pack()).status_code == 400
    assert agent.answer(job) == 204
    assert call.result().content == b"done"


@pytest.mark.parametrize("year", ["0001", "9999"])
@pytest.mark.parametrize("zone", ["+14:00", "-14:00"])
def test_a_date_beyond_the_calendar_is_none(year: str, zone: str):
    from connectors.relay.presence import instant

    assert instant(f"{year}-01-01T00:00:00{zone}") is None
    assert instant(f"{year}-12-31T23:59:59{zone}") is None
    assert instant(f"2027-12-31T23:59:59{zone}") is not None


def test_a_request_that_drips_in_does_not_hold_us(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(incoming, "BODY_SECONDS", 0.2)

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0.05)
        return {"type": "http.request", "body": b"x", "more_body": True}

    request = Request({"type": "http", "method": "POST", "headers": []}, receive)
    with pytest.raises(Refused) as caught:
        asyncio.run(asyncio.wait_for(incoming.body(request, 1000), 5))
    assert caught.value.code == wire.Refusals.BUSY


def test_large_calls_come_in_answers_that_an_agent_takes():
    bench = Bench()
    bench.arrive("one")
    body = wire.base64_of(b"x" * wire.MOST_REQUEST_BYTES)
    for _ in range(4):
        handed = bench.submit()
        bench.jobs.close(handed)
        job = wire.Job(handed.id[::-1], "POST", "https://gp.local/", body=body)
        assert bench.hand_in(type(handed)(job.id, handed.site, True), job)
    given = []
    while jobs := bench.run(bench.desk.lease(bench.polls["one"], 4)):
        assert sum(map(len, jobs)) < connector.MOST_BYTES
        given += jobs
    assert len(given) == 4
    bench.close()
