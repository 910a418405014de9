"""Whatever a stolen connector asks for, an agent calls only what its own configuration allows."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from agent import wire
from connectors.relay import keys
from connectors.relay.jobs import Handed, Jobs, new_id
from tests.contract.conftest import Running, ready
from tests.relay.onsite import ADDRESS, BY_RELAY, GpRestByRelay, Site
from tests.support.relay import Agent

ACCOUNT = {"account": r"CONTOSO\svc-gp", "password": "sandbox-gp-password"}


@pytest.fixture
def gp(running: Running, agent: Agent) -> GpRestByRelay:
    for rig in BY_RELAY:
        ready(running(rig))
    return running(GpRestByRelay)


@pytest.fixture
def canary() -> Iterator[socket.socket]:
    """A place on site that is in nobody's configuration."""
    with socket.create_server((ADDRESS, 0)) as listening:
        listening.setblocking(False)
        yield listening


def asked_of_all(running: Running) -> list[Any]:
    """Every request that the ERPs have seen, those without a sign-in too."""
    simulators = [running(rig).simulator for rig in BY_RELAY]
    return [(one.counts(), one.get("state").get("sign_in")) for one in simulators]


def put_in(site: Site, url: str, method: str = "GET", **more: Any) -> wire.Part | wire.Trouble:
    """A job by the ledger itself, with no word of ours to check it; its answer."""
    from connectors.shared_redis import redis_client

    jobs = Jobs(redis_client())
    more = {"begin_first": False, "sign_in": {"page": "/GPService/Help", **ACCOUNT}, **more}
    job = wire.Job(id=new_id(), method=method, url=url, **more)
    handed = Handed(job.id, keys.site(site.schema, site.row.pk), job.begin_first)
    assert jobs.submit(handed, job, begin_until=int(time.time() * 1000) + 20_000, kept=30)
    end = time.monotonic() + 20
    while time.monotonic() < end:
        answer = jobs.take(handed, 1)
        if answer is not None:
            jobs.close(handed)
            return answer
    raise AssertionError(f"{url}: nobody answered, it is {jobs.stand(handed)}")


def forbidden(gp: GpRestByRelay, canary: socket.socket, site: Site) -> list[str]:
    api, port = gp.simulator.api, gp.simulator.api.rpartition(":")[2]
    return [
        f"https://127.0.0.1:{port}/GPService/Help",
        f"https://localhost:{port}/GPService/Help",
        f"https://127.0.0.3:{port}/GPService/Help",
        f"https://2130706434:{port}/GPService/Help",
        f"https://[::ffff:{ADDRESS}]:{port}/GPService/Help",
        "https://169.254.169.254/latest/meta-data/",
        f"http://{ADDRESS}:{port}/GPService/Help",
        f"http://{ADDRESS}:{canary.getsockname()[1]}/GPService/Help",
        f"{gp.simulator.control}/__sandbox__/api/state",
        f"{site.server.url}/agent/healthz",
        os.environ["REDIS_URL"].replace("redis:", "http:"),
        "file:///etc/passwd",
        f"https://{ADDRESS}:{port}@{ADDRESS}:{canary.getsockname()[1]}/GPService/Help",
        f"https://svc:secret@{ADDRESS}:{port}/GPService/Help",
        f"{api}\\@{ADDRESS}:{canary.getsockname()[1]}/GPService/Help",
        *(
            api + path
            for path in (
                "",
                "/",
                "/certsrv/",
                "/GPServices/Help",
                "/GPService.svc",
                "/gpservice/Help",
                "/GPService/../certsrv/",
                "/GPService/./../certsrv/",
                "/GPService/%2e%2e/certsrv/",
                "/GPService/..%2fcertsrv/",
                "/GPService/..%5Ccertsrv/",
                "/GPService/%252e%252e%252fcertsrv/",
                "/GPService/..;/certsrv/",
                "/GPService/..\\certsrv/",
                "/GPService/%c0%ae%c0%ae/certsrv/",
                "/certsrv/%2e%2e/GPService/Help",
                "/GPService/Help\r\nHost: elsewhere",
                "//GPService/Help",
            )
        ),
    ]


def test_no_other_place_is_called(
    gp: GpRestByRelay, on_site: Site, running: Running, canary: socket.socket
):
    before = asked_of_all(running)
    for url in forbidden(gp, canary, on_site):
        for method in ("GET", "POST"):
            answer = put_in(on_site, url, method, headers={"Host": ADDRESS})
            assert isinstance(answer, wire.Trouble), url
            assert (answer.code, answer.sent) == (wire.Codes.NOT_ALLOWED, False), (url, answer)
    allowed = f"{gp.simulator.api}/GPService/Help"
    for method, more in (
        ("CONNECT", {}),
        ("TRACE", {}),
        ("GET /certsrv/ HTTP/1.1\r\nX:", {}),
        ("GET", {"sign_in": {"page": "/certsrv/", **ACCOUNT}}),
        ("GET", {"sign_in": {"page": f"@{ADDRESS}/GPService", **ACCOUNT}}),
    ):
        answer = put_in(on_site, allowed, method, **more)
        assert isinstance(answer, wire.Trouble), (method, more)
        assert (answer.code, answer.sent) == (wire.Codes.NOT_ALLOWED, False), (method, answer)
    assert asked_of_all(running) == before
    with pytest.raises(BlockingIOError):
        canary.accept()


def test_what_is_allowed_is_called(gp: GpRestByRelay, on_site: Site):
    """The job of the test above differs from a good one in its address alone."""
    answer = put_in(on_site, f"{gp.simulator.api}/GPService/Help", headers={"Host": ADDRESS})
    assert isinstance(answer, wire.Part)
    assert answer.head is not None
    assert answer.head.status != 401
    assert gp.simulator.counts()
    assert gp.simulator.get("state")["sign_in"]["served"] >= 1


def test_headers_cannot_smuggle_a_second_request(
    gp: GpRestByRelay, on_site: Site, running: Running
):
    for name, value in (
        ("X-A", "b\r\n\r\nGET /certsrv/ HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("X-A: b\r\nX-B", "c"),
        ("Content-Length", "0"),
        ("Transfer-Encoding", "chunked"),
    ):
        put_in(on_site, f"{gp.simulator.api}/GPService/Help", "POST", headers={name: value},
               body=wire.base64_of(b"0\r\n\r\nGET /certsrv/ HTTP/1.1\r\nHost: x\r\n\r\n"))  # fmt: skip
    assert not [call for call in gp.simulator.counts() if "certsrv" in call]


def test_a_redirect_is_handed_back_and_not_followed(
    gp: GpRestByRelay, on_site: Site, running: Running, canary: socket.socket
):
    elsewhere = f"http://{ADDRESS}:{canary.getsockname()[1]}/"
    for status in (302, 307):
        gp.simulator.fault("status", status=status, body="", headers={"Location": elsewhere})
        answer = put_in(on_site, f"{gp.simulator.api}/GPService/Help", "POST")
        assert isinstance(answer, wire.Part)
        assert answer.head is not None
        assert answer.head.status == status
    with pytest.raises(BlockingIOError):
        canary.accept()
