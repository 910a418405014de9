"""Jobs in Redis: who may send what, and what is known of a job whose agent or queue is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from agent import wire
from tests.relay.queue_bench import Bench


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.close()


def test_nothing_is_handed_in_where_nobody_is_there(bench):
    from connectors.relay.jobs import Handed

    handed = Handed("a" * 32, bench.identity("any").site, True)
    assert not bench.jobs.roll_call(handed.site)[0]
    assert not bench.hand_in(handed, wire.Job("a" * 32, "POST", "https://gp.local/"))
    bench.arrive("one")
    assert bench.jobs.roll_call(handed.site)[0]
    bench.vanish("one")
    assert not bench.jobs.roll_call(handed.site)[0]


def test_a_job_handed_in_again_is_the_same_one(bench):
    bench.arrive("one")
    handed = bench.submit()
    assert bench.hand_in(handed, wire.Job(handed.id, "POST", "https://gp.local/"))
    assert bench.lease("one", 5) == [handed.id]


def test_of_two_agents_that_race_for_a_job_one_gets_it(bench):
    bench.arrive("one")
    bench.arrive("two")
    for _ in range(30):
        handed = bench.submit()

        async def race() -> list[list[bytes]]:
            return await asyncio.gather(
                *(bench.desk.lease(bench.polls[name], 1) for name in ("one", "two"))
            )

        given = [name for name, got in zip(("one", "two"), bench.run(race())) if got]
        assert len(given) == 1
        other = "two" if given == ["one"] else "one"
        assert bench.begin(other, handed) == "gone"
        assert bench.begin(given[0], handed) == "ok"


def test_a_poll_that_is_not_its_agents_newest_gets_nothing(bench):
    older = bench.arrive("one")
    bench.arrive("one")
    handed = bench.submit()
    assert bench.run(bench.desk.lease(older, 1)) == []
    assert bench.lease("one") == [handed.id]


def test_a_lease_that_is_over_goes_to_the_other_agent_and_the_first_may_not_begin(bench):
    bench.arrive("one")
    handed = bench.submit()
    assert bench.lease("one") == [handed.id]
    bench.arrive("two")
    bench.put_back(handed, "lease_until")
    assert bench.begin("one", handed) == "late"
    assert bench.jobs.stand(handed) == "queued"
    assert bench.lease("one") == []  # it had it, and may still be at it
    assert bench.lease("two") == [handed.id]
    assert bench.begin("one", handed) == "gone"
    assert bench.begin("two", handed) == "ok"


def test_without_another_agent_a_lease_that_is_over_is_taken_back_for_good(bench):
    bench.arrive("one")
    handed = bench.submit()
    bench.lease("one")
    bench.put_back(handed, "lease_until")
    assert bench.jobs.stand(handed) == "cancelled"
    assert bench.begin("one", handed) == "late"
    assert bench.jobs.stand(handed) == "cancelled"


def test_an_agent_that_comes_back_may_not_begin_what_was_taken_back(bench):
    bench.arrive("one")
    handed = bench.submit()
    bench.lease("one")
    bench.vanish("one")
    assert bench.jobs.stand(handed) == "cancelled"
    bench.arrive("one")  # its lease is not over
    assert bench.begin("one", handed) == "late"


def test_a_write_whose_time_is_over_does_not_begin_and_was_not_sent(bench):
    bench.arrive("one")
    handed = bench.submit()
    bench.lease("one")
    bench.put_back(handed, "begin_until")
    assert bench.begin("one", handed) == "late"
    assert bench.jobs.stand(handed) == "cancelled"


def test_a_write_that_nobody_takes_is_taken_back(bench):
    bench.arrive("one")
    handed = bench.submit()
    assert bench.jobs.stand(handed) == "queued"
    bench.put_back(handed, "take_until")
    assert bench.jobs.stand(handed) == "cancelled"
    assert bench.lease("one") == []


def test_an_agent_that_is_gone_after_it_began_leaves_the_outcome_unknown(bench):
    bench.arrive("one")
    bench.arrive("two")
    handed = bench.submit()
    bench.lease("one")
    bench.begin("one", handed)
    assert bench.jobs.stand(handed) == "sending"
    bench.vanish("one")
    assert bench.jobs.stand(handed) == "lost"
    assert bench.lease("two") == []
    bench.arrive("one")
    assert bench.part("one", handed, 0, b"x", last=True) == "gone"


def test_an_agent_that_was_started_again_has_lost_what_it_held(bench):
    bench.arrive("one", boot="1")
    begun, leased = bench.submit(), bench.submit()
    assert set(bench.lease("one", 2)) == {begun.id, leased.id}
    bench.begin("one", begun)
    bench.arrive("one", boot="2")
    assert bench.begin("one", leased) == "gone"
    assert bench.jobs.stand(begun) == "lost"
    assert bench.jobs.stand(leased) == "queued"
    assert bench.lease("one") == [leased.id]  # its new start knows nothing of the old one
    assert bench.begin("one", leased) == "ok"


def test_a_revoked_agent_neither_begins_nor_answers(bench):
    bench.arrive("one")
    begun, leased = bench.submit(), bench.submit()
    bench.lease("one", 2)
    bench.begin("one", begun)
    bench.revoke("one")
    assert bench.begin("one", leased) == "gone"
    assert bench.part("one", begun, 0, b"x", last=True) == "gone"
    assert bench.trouble("one", begun, wire.Codes.NETWORK, sent=False) == "gone"
    assert bench.jobs.stand(begun) == "lost"
    assert bench.jobs.stand(leased) == "cancelled"
    bench.arrive("one")  # its poll was on its way
    assert not bench.jobs.roll_call(begun.site)[0]


def test_an_agent_that_leaves_finishes_what_it_began_and_gives_up_the_rest(bench):
    bench.arrive("one")
    begun, leased, reading = bench.submit(), bench.submit(), bench.submit(changes=False)
    bench.lease("one", 3)
    bench.begin("one", begun)
    bench.arrive("two")
    assert bench.run(bench.desk.leave(bench.identity("one"))) == 1
    waiting = bench.submit()
    assert bench.lease("one") == []
    assert bench.lease("two") == [waiting.id]
    assert bench.jobs.stand(begun) == "sending"
    assert bench.jobs.stand(leased) == "queued"
    assert bench.jobs.stand(reading) == "leased"
    assert bench.part("one", begun, 0, b"x", last=True) == "ok"
    assert bench.jobs.stand(begun) == "ended"
    assert bench.part("one", reading, 0, b"x", last=True) == "ok"


@pytest.mark.parametrize("stage", ["queued", "leased", "sending", "answering"])
def test_after_a_flush_nothing_is_known_and_nothing_begins(bench, stage):
    bench.arrive("one")
    handed = bench.submit()
    if stage != "queued":
        bench.lease("one")
    if stage in ("sending", "answering"):
        bench.begin("one", handed)
    if stage == "answering":
        bench.part("one", handed, 0, b"x")
    bench.redis.flushdb()
    assert bench.jobs.stand(handed) == "gone"
    assert bench.begin("one", handed) == "gone"
    bench.arrive("one")
    assert bench.lease("one") == []
    assert bench.begin("one", handed) == "gone"
    assert bench.part("one", handed, 0, b"x", last=True) == "gone"
    assert bench.jobs.close(handed) == "gone"


def test_a_held_poll_is_known_again_after_a_flush(bench):
    poll = bench.arrive("one")
    bench.redis.flushdb()
    assert not bench.jobs.roll_call(poll.identity.site)[0]
    assert bench.run(bench.desk.keep([poll])) == [0]
    assert bench.jobs.roll_call(poll.identity.site)[0]
    handed = bench.submit()
    assert bench.run(bench.desk.keep([poll])) == [1]  # a job waits: the poll looks
    assert bench.lease("one") == [handed.id]
    bench.arrive("one")
    assert bench.run(bench.desk.keep([poll])) == [-1]


def test_begin_is_answered_alike_when_its_answer_was_lost(bench):
    bench.arrive("one")
    handed = bench.submit()
    bench.lease("one")
    assert [bench.begin("one", handed) for _ in range(2)] == ["ok", "ok"]
    bench.put_back(handed, "begin_until")
    assert bench.begin("one", handed) == "late"


def test_parts_come_in_order_and_a_repeated_one_counts_once(bench):
    bench.arrive("one")
    handed = bench.submit()
    bench.lease("one")
    bench.begin("one", handed)
    assert bench.part("one", handed, 1, b"b") == "wrong"
    assert bench.part("one", handed, 0, b"a") == "ok"
    assert bench.part("one", handed, 0, b"a") == "ok"  # its answer was lost
    assert bench.part("one", handed, 0, b"other") == "wrong"
    assert bench.part("one", handed, 2, b"c") == "wrong"
    assert bench.part("one", handed, 1, b"b", last=True) == "ok"
    assert bench.part("one", handed, 1, b"b", last=True) == "ok"
    assert bench.part("one", handed, 2, b"c") == "gone"
    taken = [bench.jobs.take(handed, 0.1) for _ in range(3)]
    assert [(part and part.data) for part in taken] == [b"a", b"b", None]


def test_an_answer_of_another_agent_is_refused(bench):
    bench.arrive("one")
    bench.arrive("two")
    handed = bench.submit()
    bench.lease("one")
    bench.begin("one", handed)
    assert bench.part("two", handed, 0, b"x", last=True) == "gone"
    assert bench.trouble("two", handed, wire.Codes.NETWORK, sent=False) == "gone"
    assert bench.jobs.stand(handed) == "sending"


def test_an_answer_to_a_write_that_did_not_begin_ends_it_as_lost(bench):
    bench.arrive("one")
    handed = bench.submit()
    bench.lease("one")
    assert bench.part("one", handed, 0, b"x", last=True) == "wrong"
    assert bench.jobs.stand(handed) == "lost"  # it was sent after all: never again


def test_parts_wait_until_the_worker_has_taken_some(bench):
    from connectors.relay.jobs import MOST_PARTS_WAITING

    bench.arrive("one")
    handed = bench.submit(changes=False)
    bench.lease("one")
    for number in range(MOST_PARTS_WAITING):
        assert bench.part("one", handed, number, b"x") == "ok"
    assert bench.part("one", handed, MOST_PARTS_WAITING, b"x") == "wait"
    assert bench.jobs.take(handed, 1).number == 0
    assert bench.part("one", handed, MOST_PARTS_WAITING, b"x") == "ok"


def test_an_answer_that_grows_too_large_is_given_up(bench, monkeypatch):
    monkeypatch.setattr(wire, "MOST_ANSWER_BYTES", 10)
    bench.arrive("one")
    handed = bench.submit()
    bench.lease("one")
    bench.begin("one", handed)
    assert bench.part("one", handed, 0, b"12345") == "ok"
    assert bench.part("one", handed, 1, b"678901") == "large"
    assert bench.jobs.stand(handed) == "lost"


def test_a_read_that_takes_long_stays_with_its_agent_while_it_names_it(bench):
    from connectors.relay import keys

    bench.arrive("one")
    bench.arrive("two")
    handed = bench.submit(changes=False)
    bench.lease("one")
    before = int(bench.redis.hget(keys.job(handed.id), "lease_until"))
    bench.arrive("one", in_flight=(handed.id,))
    assert int(bench.redis.hget(keys.job(handed.id), "lease_until")) > before + 20_000
    write = bench.submit()
    bench.lease("one")
    before = int(bench.redis.hget(keys.job(write.id), "lease_until"))
    bench.arrive("one", in_flight=(write.id,))
    assert int(bench.redis.hget(keys.job(write.id), "lease_until")) == before


def test_a_stopping_agents_job_goes_to_the_other_one(bench):
    bench.arrive("one")
    handed = bench.submit()
    bench.lease("one")
    bench.arrive("two")
    assert bench.trouble("one", handed, wire.Codes.STOPPING, sent=False) == "ok"
    assert bench.jobs.take(handed, 1).code == wire.Codes.STOPPING
    assert bench.jobs.give_again(handed)
    assert bench.lease("one") == []
    assert bench.lease("two") == [handed.id]
    assert bench.trouble("two", handed, wire.Codes.STOPPING, sent=False) == "ok"
    assert not bench.jobs.give_again(handed)


def test_a_job_whose_time_is_over_is_not_given_again(bench):
    bench.arrive("one")
    bench.arrive("two")
    handed = bench.submit()
    bench.lease("one")
    bench.trouble("one", handed, wire.Codes.STOPPING, sent=False)
    bench.put_back(handed, "begin_until")
    assert not bench.jobs.give_again(handed)
    assert bench.begin("two", handed) == "gone"


def test_what_waits_in_redis_is_encrypted(bench):
    from connectors.relay import keys

    bench.arrive("one")
    handed = bench.submit(changes=False)
    assert b"gp.local" not in bench.redis.hget(keys.job(handed.id), "payload")
    bench.lease("one")
    bench.part("one", handed, 0, b"a shopper's name")
    assert b"shopper" not in bench.redis.lrange(keys.answer(handed.id), 0, -1)[0]
