"""The server that relay agents talk to, over real HTTP, and what its workers are told."""

from __future__ import annotations

import os
import time

import pytest
import redis
import requests
from django.db import connection

from agent import wire
from connectors.errors import NeedsAttention, OutcomeUnknown, Rejected, TryLater
from tests.relay.calls import Call, later
from tests.relay.speaker import Speaker, refusal


def memory() -> redis.Redis:
    return redis.Redis.from_url(os.environ["REDIS_URL"])


def test_a_job_reaches_a_waiting_agent_at_once_and_its_answer_the_worker(enrolled, site):
    agent = enrolled()
    taking = later(agent.take)
    time.sleep(0.3)
    started = time.monotonic()
    call = Call(site, headers={"X-Company": "Fabrikam"})
    job = taking()
    assert time.monotonic() - started < 1
    assert (job.method, job.content, job.begin_first) == ("POST", b"order", True)
    assert job.url.endswith("/SalesInvoices?customer=x")
    assert job.headers["X-Company"] == "Fabrikam"
    assert (job.connect_seconds, job.read_seconds, job.whole_seconds) == (2, 5, 20)
    assert agent.begin(job) == 204
    assert agent.answer(job, b"SINV-1", status=201) == 204
    response = call.result()
    assert (response.status_code, response.content) == (201, b"SINV-1")
    assert response.headers["X-Relay-Agent"] == "gp-1"
    assert response.headers["X-Relay-Ms"] == "7"


def test_a_poll_without_room_is_answered_at_once(enrolled):
    started = time.monotonic()
    assert wire.Work.from_json(enrolled().poll(free=0).content) == wire.Work()
    assert time.monotonic() - started < 2


def test_a_newer_poll_of_an_agent_ends_the_older_one(enrolled):
    agent = enrolled()
    older = later(agent.poll)
    time.sleep(0.3)
    again = Speaker(agent.url, agent.agent, boot=agent.state.boot)
    again.private = agent.private
    assert again.poll(free=0).status_code == 200
    assert wire.Work.from_json(older(2).content) == wire.Work()


def test_a_poll_that_the_agent_cancels_takes_no_job_along(enrolled, site):
    first, second = enrolled("gp-1"), enrolled("gp-2")
    with pytest.raises(requests.ReadTimeout):
        first.poll(timeout=0.5)
    first.http.close()
    time.sleep(0.3)
    call = Call(site)
    job = second.take()
    assert (second.begin(job), second.answer(job)) == (204, 204)
    assert call.result().content == b"done"


def test_an_idle_agent_is_known_again_soon_after_a_flush(enrolled, site):
    agent = enrolled()
    taking = later(agent.take)
    time.sleep(0.3)
    memory().flushdb()
    assert isinstance(Call(site).result(), TryLater)
    time.sleep(2.5)
    call = Call(site)
    job = taking()
    assert (agent.begin(job), agent.answer(job)) == (204, 204)
    assert call.result().status_code == 200


def test_waiting_polls_hold_no_database_connection(enrolled, site):
    agents = [enrolled(f"gp-{number}") for number in range(12)]
    polls = [later(agent.poll, free=1) for agent in agents]
    time.sleep(1)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid()"
        )
        assert cursor.fetchone()[0] <= 4  # the server's threads for enrolling, whatever waits
    calls = [Call(site, "GET", body=b"") for _ in agents]
    jobs = [job for poll in polls for job in wire.Work.from_json(poll().content).read()]
    assert len({job.id for job in jobs}) == len(calls)


def test_without_an_agent_nothing_is_sent_and_the_words_say_so(site):
    started = time.monotonic()
    error = Call(site).result()
    assert time.monotonic() - started < 1
    assert isinstance(error, TryLater)
    assert (error.code, error.counts) == ("agent_offline", False)
    assert "Warehouse" in error.reason
    assert "Nothing was sent" in error.reason
    assert "customer=x" not in str(error)


def test_a_job_that_nobody_takes_is_taken_back(enrolled, site):
    agent = enrolled()
    agent.poll(free=0)
    call = Call(site)
    time.sleep(0.3)
    (name,) = memory().lrange(f"relay:queue:t_acme:{site.pk}", 0, -1)
    memory().hset(f"relay:job:{name.decode()}", "take_until", 1)
    error = call.result()
    assert isinstance(error, TryLater)
    assert "nothing was sent" in error.reason
    assert wire.Work.from_json(later(agent.poll, free=0)().content) == wire.Work()


def test_a_write_does_not_begin_after_its_time(enrolled, site):
    agent = enrolled()
    agent.poll(free=0)
    call = Call(site, begin_in=1.0)
    job = agent.take()
    time.sleep(1.2)
    assert agent.begin(job) in (409, 410)  # too late, or nobody waits any more
    error = call.result()
    assert isinstance(error, TryLater)
    assert not error.counts
    assert agent.begin(job) == 410
    assert isinstance(Call(site, begin_in=-1).result(), TryLater)


def test_a_write_whose_agent_was_started_again_is_unknown(enrolled, site):
    agent = enrolled()
    agent.poll(free=0)
    call = Call(site)
    job = agent.take()
    assert agent.begin(job) == 204
    agent.poll(free=0, boot="another")
    assert isinstance(call.result(), OutcomeUnknown)


def test_a_read_whose_agent_was_started_again_is_made_again(enrolled, site):
    agent = enrolled()
    agent.poll(free=0)
    call = Call(site, "GET")
    job = agent.take()
    again = agent.take(boot="another")
    assert again.id == job.id
    assert agent.answer(again) == 204
    assert call.result().status_code == 200


def test_an_agent_that_is_killed_in_the_middle_of_a_write_leaves_the_outcome_unknown(
    enrolled, site
):
    agent = enrolled()
    agent.poll(free=0)
    call = Call(site)
    job = agent.take()
    assert agent.begin(job) == 204
    with pytest.raises(requests.ReadTimeout):
        agent.poll(timeout=0.5)
    agent.http.close()  # what the machine does for a killed process
    assert isinstance(call.result(15), OutcomeUnknown)


@pytest.mark.parametrize("stage", ["queued", "leased", "sending", "answering"])
def test_a_flush_in_the_middle_never_becomes_a_guess(enrolled, site, stage):
    for method, expected in (("POST", OutcomeUnknown), ("GET", TryLater)):
        agent = enrolled(f"gp-{method}")
        agent.poll(free=0)
        call = Call(site, method)
        time.sleep(0.2)
        if stage != "queued":
            job = agent.take()
        if stage in ("sending", "answering"):
            agent.begin(job)
        if stage == "answering":
            assert agent.part(job, 0, b"x", last=False).status_code == 204
        memory().flushdb()
        error = call.result()
        assert type(error) is expected, (method, error)
        if stage == "leased":
            assert agent.begin(job) == 410


def test_a_revoked_agent_is_refused_at_once_and_its_write_is_unknown(enrolled, site):
    from connectors.relay import services

    agent = enrolled()
    agent.poll(free=0)
    call = Call(site)
    job = agent.take()
    assert agent.begin(job) == 204
    waiting = later(agent.poll)
    time.sleep(0.3)
    services.revoke(agent.row)
    answer = waiting(2)
    assert (answer.status_code, refusal(answer)["code"]) == (403, "revoked")
    second = Speaker(agent.url, agent.agent)
    second.private = agent.private
    assert second.poll().status_code == 403
    assert second.answer(job) == 403
    assert isinstance(call.result(), OutcomeUnknown)


def test_a_large_answer_streams_in_bounded_pieces(enrolled, site):
    agent = enrolled()
    agent.poll(free=0)
    call = Call(site, "GET", body=b"", read=False)
    job = agent.take()
    piece = b"0123456789abcdef" * (wire.PART_BYTES // 16)
    assert agent.part(job, 0, piece, last=False).status_code == 204
    response = call.result()
    waiting = []

    def send() -> list[int]:
        return [
            agent.part(job, number, piece, last=number == 29).status_code for number in range(1, 30)
        ]

    sending = later(send)
    time.sleep(1)  # a slow worker
    waiting.append(memory().llen(f"relay:answer:{job.id}"))
    got = b"".join(response.iter_content(65_536))
    assert set(sending()) == {204}
    assert waiting == [8]
    assert got == piece * 30
    response.close()
    assert memory().hgetall(f"relay:job:{job.id}") == {b"state": b"closed"}  # nothing is left


def test_an_answer_that_breaks_off_is_unknown_for_a_write(enrolled, site):
    agent = enrolled()
    agent.poll(free=0)
    call = Call(site)
    job = agent.take()
    agent.begin(job)
    assert agent.part(job, 0, b"half", last=False).status_code == 204
    assert agent.trouble(job, wire.Codes.NETWORK, sent=False) == 204  # it cannot be unsent
    assert isinstance(call.result(), OutcomeUnknown)


@pytest.mark.parametrize(
    ("code", "expected", "our_code", "words"),
    [
        (wire.Codes.SIGN_IN, NeedsAttention, "wrong_secret", "agent.toml"),
        (wire.Codes.NOT_ALLOWED, NeedsAttention, "settings", "[[target]]"),
        (wire.Codes.NO_ACCOUNT, NeedsAttention, "settings", "agent.toml"),
        (wire.Codes.TLS, NeedsAttention, "tls", "ca_file"),
        (wire.Codes.NAME, NeedsAttention, "settings", "DNS"),
        (wire.Codes.NETWORK, TryLater, "network", ""),
        (wire.Codes.TIMEOUT, TryLater, "timeout", ""),
        (wire.Codes.STOPPING, TryLater, "busy", ""),
    ],
)
def test_a_trouble_before_anything_was_sent_says_whose_move_it_is(
    enrolled, site, code, expected, our_code, words
):
    agent = enrolled()
    agent.poll(free=0)
    call = Call(site)
    job = agent.take()
    assert agent.trouble(job, code, sent=False, words="The door is shut.") == 204
    error = call.result()
    assert type(error) is expected
    assert error.code == our_code
    assert words in error.advice


@pytest.mark.parametrize(("method", "expected"), [("POST", OutcomeUnknown), ("GET", TryLater)])
def test_a_trouble_after_something_was_sent(enrolled, site, method, expected):
    agent = enrolled()
    agent.poll(free=0)
    call = Call(site, method)
    job = agent.take()
    agent.begin(job)
    assert agent.trouble(job, wire.Codes.TIMEOUT, sent=True) == 204
    assert type(call.result()) is expected


def test_a_job_of_a_stopping_agent_is_done_by_the_other_one(enrolled, site):
    first, second = enrolled("gp-1"), enrolled("gp-2")
    first.poll(free=0)
    call = Call(site)
    job = first.take()
    assert first.leave() == 204
    second.poll(free=0)
    assert first.trouble(job, wire.Codes.STOPPING, sent=False) in (204, 410)
    again = second.take()
    assert again.id == job.id
    assert first.begin(job) == 410
    assert (second.begin(again), second.answer(again)) == (204, 204)
    assert call.result().content == b"done"


def test_a_request_larger_than_an_agent_takes_is_rejected(enrolled, site):
    enrolled().poll(free=0)
    error = Call(site, body=b"x" * (wire.MOST_REQUEST_BYTES + 1)).result()
    assert isinstance(error, Rejected)


def test_the_account_goes_with_the_job_unless_it_is_kept_on_site(enrolled, site):
    from connectors.kit.windows_auth import WindowsSignIn

    agent = enrolled()
    agent.poll(free=0)
    windows = WindowsSignIn(user="svc", domain="ACME", password="s3cret", path="/GPService/")
    Call(site, "GET", windows=windows, authority="PEM")
    job = agent.take()
    account = {"page": "/GPService/", "account": "ACME\\svc", "password": "s3cret"}
    assert (job.sign_in, job.on_site, job.authority) == (account, False, "PEM")
    agent.answer(job)
    Call(site, "GET", windows=windows, on_site=True)
    job = agent.take()
    assert (job.sign_in, job.on_site) == ({"page": "/GPService/"}, True)
    agent.answer(job)
    basic = {"Authorization": "Basic a2VwdA=="}
    Call(site, "GET", headers=basic, on_site=True)
    job = agent.take()
    assert (job.on_site, "Authorization" in job.headers) == (True, False)
    agent.answer(job)
    bearer = {"Authorization": "Bearer token"}
    Call(site, "GET", headers=bearer, on_site=True)
    job = agent.take()
    assert (job.on_site, job.headers["Authorization"]) == (False, "Bearer token")
    agent.answer(job)
