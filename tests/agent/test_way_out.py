"""The way to the connector: proxies, clocks, pauses, and what does not answer as it should."""

from __future__ import annotations

import ssl
import time

import pytest
import trustme

from agent import wire
from agent.config import load
from agent.connector import Backoff, Connector, Refused, Unreachable
from agent.identity import IdentityFile
from tests.agent.doubles import AGENT, ConnectorDouble, Place, Proxy, refuse, say

TARGET = 'url = "https://gp.example.local/"'


@pytest.fixture
def proxy():
    made = Proxy()
    yield made
    made.close()


def state(free: int = 0) -> wire.State:
    return wire.State(version="1", boot="b", clock=time.time(), free=free)


def changed(there, **lines: str) -> Connector:
    """The same agent with other keys in the table [connector]."""
    path = there.config.path
    text = path.read_text()
    for name, value in lines.items():
        old = next((x for x in text.splitlines() if x.startswith(f"{name} =")), "[connector]")
        new = f'{name} = "{value}"'
        text = text.replace(old, f"[connector]\n{new}" if old == "[connector]" else new, 1)
    path.write_text(text)
    return Connector(load(path), there.file.read(), IdentityFile(there.config.state))


def test_a_configured_proxy_is_used(site, connector, proxy):
    there = site(TARGET)
    changed(there, proxy=proxy.url).poll(state())
    assert proxy.asked == [f"POST {connector.url}{wire.POLL}"]


def test_so_is_the_systems_and_none_means_none(site, connector, proxy, monkeypatch):
    there = site(TARGET)
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.delenv("no_proxy", raising=False)
    changed(there, proxy="none").poll(state())
    assert proxy.asked == []
    changed(there, proxy="system").poll(state())
    assert len(proxy.asked) == 1
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    changed(there, proxy="system").poll(state())
    assert len(proxy.asked) == 1


@pytest.fixture
def encrypted(connector: ConnectorDouble, tmp_path):
    """The connector with TLS, and the file of its authority."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    connector.server.socket = context.wrap_socket(connector.server.socket, server_side=True)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return connector.url.replace("http:", "https:"), str(tmp_path / "ca.pem")


def test_tls_goes_through_the_proxy_unopened_and_is_always_checked(site, encrypted, proxy):
    url, ca_file = encrypted
    there = site(TARGET)
    with pytest.raises(Unreachable, match="no trusted encrypted connection"):
        changed(there, url=url, proxy=proxy.url).poll(state())
    changed(there, url=url, ca_file=ca_file, proxy=proxy.url).poll(state())
    place = url.removeprefix("https://")
    assert proxy.asked == [f"CONNECT {place}", f"CONNECT {place}"]
    changed(there, proxy="none").poll(state())


def test_a_proxy_that_wants_an_account_is_told(site, place):
    closed = place(lambda request: say(request, 407, b""))
    there = site(TARGET)
    with pytest.raises(Unreachable, match="407"):
        changed(there, proxy=closed.url).poll(state())


@pytest.mark.parametrize("ahead", [-3000.0, 4000.0])
def test_a_clock_that_differs_is_allowed_for(site, connector, ahead):
    connector.ahead = ahead
    there = site(TARGET)
    there.connector.poll(state())
    there.connector.poll(state())
    # Refused once, with the right time; from then on signed by that.
    assert len(connector.paths) == 3


def test_another_server_at_the_address_is_told(site, place, connector):
    there = site(TARGET)
    portal = place(lambda request: say(request, 200, b"<html>please sign in</html>"))
    with pytest.raises(Unreachable, match="not the connector's"):
        changed(there, url=portal.url).poll(state())
    strange = place(lambda request: say(request, 502, b"bad gateway"))
    with pytest.raises(Unreachable, match="answered 502"):
        changed(there, url=strange.url).poll(state())


def test_a_redirect_is_not_followed_with_a_signed_request(site, place, connector):
    there = site(TARGET)
    elsewhere = Place(say)
    moved = place(lambda request: say(request, 307, b"", Location=f"{elsewhere.url}/x"))
    with pytest.raises(Unreachable, match="answered 307"):
        changed(there, url=moved.url).poll(state())
    assert elsewhere.seen == []
    elsewhere.close()


def test_a_busy_connector_is_asked_again(site, connector):
    there = site(TARGET)
    times = iter([True, True, False])
    connector.before = lambda path, body: refuse("busy") if next(times) else None
    assert there.connector.insist(wire.job_path("a", "begin"), b"", until=time.monotonic() + 9)
    assert there.connector.round_trip_ms >= 0


def test_but_not_for_ever(site, connector):
    there = site(TARGET)
    connector.before = lambda path, body: refuse("busy")
    with pytest.raises(Refused):
        there.connector.insist(wire.job_path("a", "begin"), b"", until=time.monotonic() + 1)


def test_pauses_grow_begin_within_a_second_and_differ():
    for _ in range(50):
        backoff = Backoff()
        pauses = [backoff.next_seconds() for _ in range(40)]
        assert 0 < pauses[0] <= 1
        assert pauses[1] <= 2
        assert max(pauses) <= 15
        backoff.reset()
        assert backoff.next_seconds() <= 1
    assert len(set(pauses)) > 30


def test_every_request_is_signed_with_a_number_used_once(site, connector):
    there = site(TARGET)
    kept = []
    connector._verify = lambda request, path, body: kept.append(request.headers["Signature-Input"])
    for _ in range(5):
        there.connector.poll(state())
    assert len(set(kept)) == 5
    assert all(f'keyid="{AGENT}"' in one for one in kept)
