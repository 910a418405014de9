"""The program as a process: start, stop with a job in hand, the ends that are for good, ``check``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC

import pytest

from agent import wire
from tests.agent.doubles import TOKEN, refuse, say
from tests.connectors.gp.conftest import start as start_gp
from tests.support.relay import Agent, Target


@pytest.fixture
def agent(tmp_path, connector):
    made: list[Agent] = []

    def make(*targets: Target, enroll: bool = True, **more) -> Agent:
        found = Agent(tmp_path, connector=connector.url, targets=targets, **more)
        made.append(found)
        return found.enroll(TOKEN) if enroll else found

    yield make
    for one in made:
        one.kill()


def job(name: str, method: str, url: str, **more) -> wire.Job:
    return wire.Job(name, method, url, begin_first=method == "POST", **more)


def test_it_works_until_it_is_told_to_stop(agent, connector, place):
    there = place(say)
    running = agent(Target(url=f"{there.url}/")).start()
    assert connector.states[0].free == 0  # the first poll only shows that we are accepted
    connector.give(job("a", "POST", f"{there.url}/x"))
    parts, _ = connector.result("a")
    assert parts[0].data == b"ok"
    assert running.stop() == 0
    assert connector.paths.count(wire.LEAVE) == 1
    states = [state for state in connector.states if state.free]
    assert {state.boot for state in states} == {connector.states[0].boot}
    assert states[-1].targets == [
        {"url": f"{there.url}/", "sign_in": "connector", "certificate_until": ""}
    ]
    assert connector.states[-1].round_trip_ms >= 0  # what it said when it left


def test_a_job_in_hand_is_finished_before_it_stops(agent, connector, place):
    asked, go = threading.Event(), threading.Event()

    def slow(request):
        asked.set()
        go.wait(15)
        say(request, 201, b"done")

    there = place(slow)
    running = agent(Target(url=f"{there.url}/")).start()
    connector.give(job("slow", "POST", f"{there.url}/x"))
    assert asked.wait(10)
    os.kill(running.process.pid, signal.SIGTERM)
    until = time.monotonic() + 10
    while wire.LEAVE not in connector.paths and time.monotonic() < until:
        time.sleep(0.02)
    time.sleep(0.5)
    assert running.process.poll() is None
    # A job that comes now is given back unsent, for another agent.
    connector.give(job("late", "POST", f"{there.url}/y"))
    _, trouble = connector.result("late")
    assert (trouble.code, trouble.sent) == (wire.Codes.STOPPING, False)
    go.set()
    parts, _ = connector.result("slow")
    assert (parts[0].head.status, parts[0].data) == (201, b"done")
    assert running.process.wait(10) == 0
    assert [path for _, path, _, _ in there.seen] == ["/x"]


def test_while_no_slot_is_free_it_takes_nothing_and_still_says_that_it_is_there(
    agent, connector, place, monkeypatch
):
    go = threading.Event()

    def slow(request):
        go.wait(20)
        say(request)

    there = place(slow)
    agent(Target(url=f"{there.url}/"), slots=1).start()
    for name in ("one", "two"):
        connector.give(job(name, "GET", f"{there.url}/{name}"))
    until = time.monotonic() + 15
    while not any(s.free == 0 and s.in_flight == ["one"] for s in list(connector.states)):
        assert time.monotonic() < until
        time.sleep(0.1)
    assert len(there.seen) == 1
    go.set()
    connector.result("one")
    connector.result("two")


@pytest.mark.parametrize(("code", "exit_code"), [("revoked", 4), ("upgrade", 5)])
def test_it_ends_for_good_when_it_is_not_wanted(agent, connector, place, code, exit_code):
    running = agent(Target(url=f"{place(say).url}/")).start()
    connector.before = lambda path, body: refuse(code) if path == wire.POLL else None
    assert running.process.wait(20) == exit_code
    assert f"refused: {code}" in running.log()


def test_it_comes_back_within_seconds_after_the_connector_was_away(agent, connector, place):
    there = place(say)
    running = agent(Target(url=f"{there.url}/")).start()
    away = time.monotonic() + 2
    connector.before = lambda path, body: refuse("busy") if time.monotonic() < away else None
    time.sleep(2.2)
    connector.give(job("a", "GET", f"{there.url}/x"))
    connector.result("a", seconds=8)
    assert running.process.poll() is None


def test_a_new_key_is_made_when_the_console_asks(agent, connector, place):
    there = place(say)
    running = agent(Target(url=f"{there.url}/")).start()
    before = list(connector.keys)
    connector.rotate = True
    connector.give(job("a", "GET", f"{there.url}/x"))
    until = time.monotonic() + 10
    while connector.keys == before:
        assert time.monotonic() < until
        time.sleep(0.05)
    connector.give(job("b", "GET", f"{there.url}/x"))
    connector.result("b")
    assert running.stop() == 0
    assert running.start().stop() == 0  # the new key was kept


def test_ends_that_a_service_manager_can_tell_apart(agent, connector, place):
    there = agent(Target(url=f"{place(say).url}/"), enroll=False)
    assert there.command("run").returncode == 3
    assert "enroll TOKEN" in there.command("run").stderr
    there.enroll(TOKEN)
    there.start()
    second = there.command("run")
    assert second.returncode == 1
    assert "another agent is running" in second.stderr
    there.config.write_text("[agent]")
    broken = there.command("run")
    assert broken.returncode == 2
    assert "[connector] is missing" in broken.stderr


def test_a_password_typed_once_is_kept_and_never_shown(agent, connector, tmp_path):
    there = agent(
        Target(url="https://gp.example.local/", sign_in="windows", more={"user": "A\\svc"}),
        enroll=False,
    )
    wrong = there.command("set-password", "https://other.example/")
    assert wrong.returncode == 2
    assert "https://gp.example.local/" in wrong.stderr
    done = subprocess.run(
        [sys.executable, "-m", "agent", "--config", str(there.config), "set-password",
         "https://gp.example.local/", "--stdin"],
        input="top secret\n", capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert "top secret" not in done.stdout + done.stderr
    assert (tmp_path / "state" / "passwords.json").stat().st_mode & 0o777 == 0o600


@pytest.fixture(scope="module")
def gp():
    server = start_gp("--channel-binding", "require", "--lockout", "5")
    server.authority.cert_pem.write_to_path(str(server.folder / "ca.pem"))
    yield server
    server.simulator.stop()


def target(gp, **more: str) -> Target:
    return Target(
        url=f"{gp.simulator.api}/GPService/",
        sign_in="windows",
        more={"user": "CONTOSO\\svc-gp", "password_env": "GP_PASSWORD",
              "ca_file": str(gp.folder / "ca.pem"),
              "page": "/GPService/Tenants(DefaultTenant)/help", **more},
    )  # fmt: skip


def test_check_says_what_works(agent, connector, gp):
    there = agent(target(gp))
    done = there.command("check", GP_PASSWORD="sandbox-gp-password")
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert all(line.startswith("ok ") for line in lines), done.stdout
    for words in ("configuration", "identity", "without a proxy", "clock", "knows this agent as "
                  "gp-1 of Acme", "certificate is trusted and valid until", "is signed in"):  # fmt: skip
        assert words in done.stdout
    assert "sandbox-gp-password" not in done.stdout
    assert wire.POLL in connector.paths  # unsigned: no poll of the agent, which may be running
    assert connector.states == []


def test_check_says_what_does_not_and_what_to_do(agent, connector, gp):
    there = agent(target(gp))
    wrong = there.command("check", GP_PASSWORD="wrong")
    assert wrong.returncode == 1
    assert "failed" in wrong.stdout
    assert "did not accept the Windows account CONTOSO\\svc-gp" in wrong.stdout
    assert "What to do: check user and password" in wrong.stdout
    assert "GP_PASSWORD is not set" in there.command("check").stdout
    connector.ahead = 90
    assert "warning  clock: this machine is 90 s behind" in there.command("check").stdout
    connector.keys = []
    assert "does not know this agent" in there.command("check").stdout
    connector.close()
    gone = there.command("check").stdout
    assert "failed   way out: no connection to 127.0.0.1" in gone


def test_check_knows_certificates_and_names(agent, connector, gp):
    there = agent(
        target(gp, ca_file=""),
        Target(url="https://no-such-host.invalid/"),
        enroll=False,
    )
    done = there.command("check", GP_PASSWORD="sandbox-gp-password")
    assert done.returncode == 1
    assert "is not trusted" in done.stdout
    assert "What to do: name the certificate's authority as the target's ca_file" in done.stdout
    assert "the name no-such-host.invalid is not known here" in done.stdout
    assert "warning  identity: this agent is not enrolled" in done.stdout


def test_check_warns_of_a_certificate_that_ends_soon(agent, connector):
    from datetime import datetime, timedelta

    soon = datetime.now(UTC) + timedelta(days=10, hours=1)
    server = start_gp("--channel-binding", "require", not_after=soon)
    server.authority.cert_pem.write_to_path(str(server.folder / "ca.pem"))
    try:
        there = agent(target(server))
        done = there.command("check", GP_PASSWORD="sandbox-gp-password")
        assert done.returncode == 0
        assert f"valid until {soon:%Y-%m-%d}, for 10 days. What to do: renew it" in done.stdout
    finally:
        server.simulator.stop()
