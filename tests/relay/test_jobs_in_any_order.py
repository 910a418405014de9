"""Jobs in Redis, whatever happens in whatever order."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    precondition,
    rule,
)

from agent import wire
from tests.relay.queue_bench import Bench


class TwoAgentsAndAQueue(RuleBasedStateMachine):
    """Whatever happens in whatever order: one sender a job, and none after "nothing was sent"."""

    jobs = Bundle("jobs")
    names = st.sampled_from(["one", "two"])

    @initialize()
    def start(self) -> None:
        self.bench = Bench()
        self.boots = {"one": 1, "two": 1}
        self.senders: dict[str, set[tuple[str, int]]] = {}
        self.unsent: set[str] = set()
        self.open_jobs = 0
        for name in self.boots:
            self.bench.arrive(name)

    @precondition(lambda self: self.open_jobs < 2)  # few, so that much happens to each
    @rule(target=jobs)
    def submit(self) -> Any:
        self.open_jobs += 1
        for name in self.boots:
            self.bench.arrive(name, boot=str(self.boots[name]))
        return self.bench.submit()

    @rule(name=names, again=st.booleans())
    def arrive(self, name: str, again: bool) -> None:
        self.boots[name] += again
        self.bench.arrive(name, boot=str(self.boots[name]))

    @rule(name=names, what=st.sampled_from(["vanishes", "leaves", "hangs up"]))
    def mishap(self, name: str, what: str) -> None:
        if what == "vanishes":
            self.bench.vanish(name)
        elif what == "leaves":
            self.bench.run(self.bench.desk.leave(self.bench.identity(name)))
        else:
            self.bench.run(self.bench.desk.closed(self.bench.polls[name]))

    @rule(name=names, most=st.integers(1, 3))
    def lease(self, name: str, most: int) -> None:
        self.bench.lease(name, most)

    @rule(names=st.permutations(["one", "two"]), job=jobs)
    def begin(self, names: list[str], job: Any) -> None:
        """Both try, whoever holds it."""
        for name in names:
            if self.bench.begin(name, job) == "ok":
                assert job.id not in self.unsent
                self.senders.setdefault(job.id, set()).add((name, self.boots[name]))

    @rule(name=names, job=jobs)
    def take_and_begin(self, name: str, job: Any) -> None:
        self.bench.arrive(name, boot=str(self.boots[name]))
        self.bench.lease(name, 3)
        self.begin([name], job)

    @rule(name=names, job=jobs)
    def start_again_and_begin(self, name: str, job: Any) -> None:
        """A new start knows nothing of what the one before had begun."""
        self.boots[name] += 1
        self.bench.arrive(name, boot=str(self.boots[name]))
        self.begin([name], job)

    @rule(job=jobs)
    def lose_everybody(self, job: Any) -> None:
        """What a look says then is said for good, whoever comes back."""
        for name in self.boots:
            self.bench.vanish(name)
        self.look(job)
        for name in self.boots:
            self.bench.arrive(name, boot=str(self.boots[name]))
        self.begin(["one", "two"], job)

    @rule(name=names, job=jobs, code=st.sampled_from([wire.Codes.STOPPING, wire.Codes.NETWORK]))
    def say_that_nothing_was_sent(self, name: str, job: Any, code: str) -> None:
        mine = (name, self.boots[name])
        if self.bench.trouble(name, job, code, sent=False) == "ok":
            self.senders.get(job.id, set()).discard(mine)  # it keeps its word
            self.bench.jobs.give_again(job)

    @rule(name=names, job=jobs, last=st.booleans())
    def answer(self, name: str, job: Any, last: bool) -> None:
        if (name, self.boots[name]) in self.senders.get(job.id, ()):
            self.bench.part(name, job, 0, b"x", last=last)

    @rule(job=jobs, field=st.sampled_from(["lease_until", "begin_until", "take_until"]))
    def time_comes(self, job: Any, field: str) -> None:
        from connectors.relay import keys

        if self.bench.redis.exists(keys.job(job.id)):
            self.bench.put_back(job, field)

    @rule(job=jobs)
    def look(self, job: Any) -> None:
        if self.bench.jobs.stand(job) == "cancelled":
            self.report_unsent(job)

    @rule(job=consumes(jobs))
    def close(self, job: Any) -> None:
        self.open_jobs -= 1
        if self.bench.jobs.close(job) in ("queued", "leased"):
            self.report_unsent(job)
        # What handed it in was repeated, and the first try comes only now.
        self.bench.hand_in(job, wire.Job(job.id, "POST", "https://gp.local/"))
        for name in self.boots:
            self.bench.lease(name, 3)
            assert self.bench.begin(name, job) != "ok"

    @rule(job=consumes(jobs))
    def flush(self, job: Any) -> None:
        """Nothing is known of any job; what had begun stays begun, and nothing begins any more."""
        self.open_jobs -= 1
        self.bench.redis.flushdb()
        for name in self.boots:
            self.bench.arrive(name, boot=str(self.boots[name]))
            self.bench.lease(name, 3)
            assert self.bench.begin(name, job) == "gone"

    def report_unsent(self, job: Any) -> None:
        assert not self.senders.get(job.id), "somebody began it"
        self.unsent.add(job.id)

    @invariant()
    def one_sender_a_job(self) -> None:
        for senders in getattr(self, "senders", {}).values():
            assert len(senders) <= 1

    def teardown(self) -> None:
        if hasattr(self, "bench"):
            self.bench.close()


TestTwoAgentsAndAQueue = TwoAgentsAndAQueue.TestCase
TestTwoAgentsAndAQueue.settings = settings(
    max_examples=100,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
