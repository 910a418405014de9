"""One job from end to end: what is sent, when, how often, and what is known when it fails."""

from __future__ import annotations

import base64
import socket
import threading
import time

import pytest

from agent import carrier, onsite, wire
from agent import connector as way_out
from agent.wire import Codes
from tests.agent.doubles import refuse, say


def body(parts) -> bytes:
    return b"".join(part.data for part in parts)


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def test_a_request_arrives_as_it_was_asked_and_the_answer_as_it_was_given(site, place):
    def answer(request):
        say(request, 201, b'{"id":1}', ETag='"7"', Content_Type="application/json")

    there = place(answer)
    here = site(f'url = "{there.url}/api/"')
    sent = {"Content-Type": "application/json", "X-One": "1", "Host": "evil", "Connection": "close"}
    parts, trouble = here.carry(
        "POST", f"{there.url}/api/x(1)?q=%20a", headers=sent, body=b64(b"[1]")
    )
    assert trouble is None
    method, path, headers, content = there.seen[0]
    assert (method, path, content) == ("POST", "/api/x(1)?q=%20a", b"[1]")
    assert headers["Host"] == there.url.removeprefix("http://")
    assert headers["X-One"] == "1"
    assert "Connection" not in headers
    assert headers["Content-Length"] == "3"
    head = parts[0].head
    assert (head.status, head.reason, body(parts)) == (201, "Created", b'{"id":1}')
    assert ["ETag", '"7"'] in [list(pair) for pair in head.headers]


def test_nothing_outside_the_configuration_is_called_whatever_is_asked(site, place):
    there = place(say)
    here = site(f'url = "{there.url}/api/"')
    for path in ("/admin", "/api/../admin", "/api/%2e%2e/admin", "/api/x%2f..%2f..%2fadmin"):
        _, trouble = here.carry("GET", there.url + path)
        assert (trouble.code, trouble.sent) == (Codes.NOT_ALLOWED, False)
    _, trouble = here.carry("GET", "http://localhost:1/api/x")
    assert trouble.code == Codes.NOT_ALLOWED
    assert there.seen == []
    assert not there.connections


@pytest.mark.parametrize(
    "more",
    [
        {"headers": {"X": "1\r\nY: 2"}},
        {"headers": {"X Y": "1"}},
        {"headers": {"X": "ä"}},
        {"body": "not base64!"},
        {"method": "GET /admin HTTP/1.1\r\n"},
        {"method": "CONNECT"},
    ],
)
def test_a_job_that_is_no_plain_request_is_refused(site, place, more):
    there = place(say)
    here = site(f'url = "{there.url}/"')
    method = more.pop("method", "POST")
    _, trouble = here.carry(method, f"{there.url}/x", **more)
    assert (trouble.code, trouble.sent) == (Codes.NOT_ALLOWED, False)
    assert there.seen == []


def test_a_redirect_is_an_answer_and_is_not_followed(site, place):
    elsewhere = place(say)
    there = place(lambda request: say(request, 302, b"", Location=f"{elsewhere.url}/x"))
    here = site(f'url = "{there.url}/"', f'url = "{elsewhere.url}/"')
    parts, _ = here.carry("GET", f"{there.url}/x")
    assert parts[0].head.status == 302
    assert elsewhere.seen == []


def test_the_connectors_account_goes_only_where_the_configuration_lets_it(site, place, tmp_path):
    there = place(say)
    (tmp_path / "p").write_text("own")
    (tmp_path / "p").chmod(0o600)
    here = site(
        f'url = "{there.url}/connector/"',
        f'url = "{there.url}/none/"\nsign_in = "none"',
        f'url = "{there.url}/basic/"\nsign_in = "basic"\nuser = "svc"\n'
        f'password_file = "{tmp_path / "p"}"',
    )
    asked = {"Authorization": "Basic Y29ubmVjdG9y"}
    for path in ("connector", "none", "basic"):
        here.carry("GET", f"{there.url}/{path}/", headers=asked)
    given = [headers.get("Authorization") for _, _, headers, _ in there.seen]
    assert given == ["Basic Y29ubmVjdG9y", None, f"Basic {b64(b'svc:own')}"]


def test_a_write_is_sent_only_after_a_clear_yes(site, place, connector, monkeypatch):
    monkeypatch.setattr(way_out, "BEGIN_SECONDS", 0.5)
    there = place(say)
    here = site(f'url = "{there.url}/"')
    for code in ("too_late", "unknown_job", "busy", "revoked"):
        connector.before = lambda path, body, code=code: (
            refuse(code) if path.endswith("/begin") else None
        )
        _, trouble = here.carry("POST", f"{there.url}/x")
        assert (trouble.code, trouble.sent) == (Codes.TOO_LATE, False)
    assert there.seen == []
    # A connector's mistake makes no write of it that needs no yes.
    _, trouble = here.carry("POST", f"{there.url}/x", begin_first=False)
    assert trouble.code == Codes.TOO_LATE
    connector.before = lambda path, body: None
    parts, _ = here.carry("POST", f"{there.url}/x")
    assert parts[0].head.status == 200


def test_a_yes_that_came_late_is_none(site, place, connector, monkeypatch):
    monkeypatch.setattr(way_out, "YES_SECONDS", 0.3)
    monkeypatch.setattr(way_out, "BEGIN_SECONDS", 0.5)
    connector.after = lambda path, body: time.sleep(0.6) if path.endswith("/begin") else None
    there = place(say)
    here = site(f'url = "{there.url}/"')
    _, trouble = here.carry("POST", f"{there.url}/x")
    assert (trouble.code, trouble.sent) == (Codes.TOO_LATE, False)
    assert there.seen == []


def test_a_connection_that_had_to_be_made_again_after_the_yes_must_stand_in_time(
    site, place, connector, monkeypatch
):
    there = place(say)
    here = site(f'url = "{there.url}/"')
    here.carry("GET", f"{there.url}/x")
    line = here.lines._idle[0]
    connector.before = lambda path, body: (
        line.stream.sock.shutdown(socket.SHUT_RDWR) if path.endswith("/begin") else None
    )
    monkeypatch.setattr(carrier, "AGAIN_SECONDS", -1.0)
    _, trouble = here.carry("POST", f"{there.url}/y")
    assert (trouble.code, trouble.sent) == (Codes.TOO_LATE, False)
    assert [path for _, path, _, _ in there.seen] == ["/x"]


def test_the_question_whether_to_begin_is_asked_again_when_its_answer_was_lost(
    site, place, connector
):
    there = place(say)
    here = site(f'url = "{there.url}/"')
    connector.lose_answers = ["begin"]
    parts, _ = here.carry("POST", f"{there.url}/x")
    assert parts[0].head.status == 200
    assert len(there.seen) == 1


def test_a_part_whose_answer_was_lost_is_sent_again_and_counts_once(site, place, connector):
    there = place(lambda request: say(request, 200, b"x" * (wire.PART_BYTES + 1)))
    here = site(f'url = "{there.url}/"')
    connector.lose_answers = ["answer", "answer"]
    parts, _ = here.carry("GET", f"{there.url}/x")
    assert [part.number for part in parts] == [0, 1]
    assert len(body(parts)) == wire.PART_BYTES + 1


@pytest.mark.parametrize("size", [0, 1, wire.PART_BYTES, 3 * wire.PART_BYTES, 700_001])
@pytest.mark.parametrize("chunked", [False, True])
def test_an_answer_of_any_size_arrives_whole(site, place, size, chunked):
    content = bytes(range(256)) * (size // 256 + 1)
    content = content[:size]

    def answer(request):
        if not chunked:
            say(request, 200, content)
            return
        request.send_response(200)
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        for at in range(0, size, 50_000):
            piece = content[at : at + 50_000]
            request.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        request.wfile.write(b"0\r\n\r\n")

    there = place(answer)
    here = site(f'url = "{there.url}/"')
    for _ in range(2):
        parts, trouble = here.carry("GET", f"{there.url}/x")
        assert trouble is None
        assert body(parts) == content
        here.double.parts.clear()
    assert len(there.connections) == 1  # it was read to its end, so it was kept


def test_an_answer_that_is_too_large_is_given_up(site, place, monkeypatch):
    monkeypatch.setattr(wire, "MOST_ANSWER_BYTES", 1000)
    there = place(lambda request: say(request, 200, b"x" * 1001))
    here = site(f'url = "{there.url}/"')
    parts, trouble = here.carry("GET", f"{there.url}/x")
    assert (parts, trouble.code, trouble.sent) == ([], Codes.TOO_LARGE, True)
    _, trouble = here.carry("POST", f"{there.url}/x", body=b64(b"x" * (8 * 1024 * 1024 + 1)))
    assert (trouble.code, trouble.sent) == (Codes.TOO_LARGE, False)


def test_headers_that_are_too_large_are_given_up(site, place):
    big = {f"X_{number}": "y" * 1000 for number in range(70)}
    there = place(lambda request: say(request, 200, b"", **big))
    here = site(f'url = "{there.url}/"')
    _, trouble = here.carry("GET", f"{there.url}/x")
    assert (trouble.code, trouble.sent) == (Codes.TOO_LARGE, True)


def test_an_answer_that_is_cut_off_is_no_answer(site, place):
    def answer(request):
        request.send_response(200)
        request.send_header("Content-Length", "1000")
        request.end_headers()
        request.wfile.write(b"half")
        request.close_connection = True

    there = place(answer)
    here = site(f'url = "{there.url}/"')
    _, trouble = here.carry("POST", f"{there.url}/x")
    assert (trouble.code, trouble.sent) == (Codes.NETWORK, True)


@pytest.mark.parametrize("where", ["head", "body", "line"])
def test_a_slow_answer_is_given_up_in_time(site, place, where):
    """By silence, or by its whole time when it trickles."""

    def answer(request):
        if where == "head":
            time.sleep(3)
            return
        if where == "body":
            request.send_response(200)
            request.send_header("Content-Length", "1000")
            request.end_headers()
        else:
            request.wfile.write(b"HTTP/1.1 200 O")
        for _ in range(40):
            request.wfile.write(b"K")
            request.wfile.flush()
            time.sleep(0.1)

    there = place(answer)
    here = site(f'url = "{there.url}/"')
    began = time.monotonic()
    _, trouble = here.carry("POST", f"{there.url}/x", read_seconds=0.6, whole_seconds=1.0)
    assert (trouble.code, trouble.sent) == (Codes.TIMEOUT, True)
    assert time.monotonic() - began < 2.5


def test_a_place_that_is_not_there_was_sent_nothing(site):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    here = site(f'url = "http://127.0.0.1:{port}/"', 'url = "http://no-such-host.invalid/"')
    _, trouble = here.carry("POST", f"http://127.0.0.1:{port}/x")
    assert (trouble.code, trouble.sent) == (Codes.NETWORK, False)
    _, trouble = here.carry("POST", "http://no-such-host.invalid/x")
    assert (trouble.code, trouble.sent) == (Codes.NAME, False)
    assert not any(path.endswith("/begin") for path in here.double.paths)


def closing(after: int):
    """Answers so many requests of a connection, then ends it without a word."""

    def answer(request):
        count = getattr(request, "count", 0) + 1
        request.count = count
        say(request, 200, b"%d" % count)
        if count >= after:
            request.close_connection = True

    return answer


def test_a_kept_connection_that_died_is_replaced_before_a_write_goes_over_it(site, place):
    there = place(closing(1))
    here = site(f'url = "{there.url}/"')
    for _ in range(4):
        _, trouble = here.carry("POST", f"{there.url}/x")
        assert trouble is None, trouble
        time.sleep(0.1)  # its end arrives
    assert len(there.seen) == 4
    assert len(there.connections) == 4


def test_one_that_dies_while_the_connector_is_asked_is_replaced_too(site, place, connector):
    there = place(say)
    here = site(f'url = "{there.url}/"')
    here.carry("GET", f"{there.url}/x")
    line = here.lines._idle[0]

    def cut(path, body):
        if path.endswith("/begin"):
            line.stream.sock.shutdown(socket.SHUT_RDWR)

    connector.before = cut
    _, trouble = here.carry("POST", f"{there.url}/y")
    assert trouble is None
    assert [path for _, path, _, _ in there.seen] == ["/x", "/y"]
    assert len(there.connections) == 2


def swallowing(request):
    """Takes the second request of a connection and ends it without an answer."""
    if getattr(request, "count", 0):
        request.close_connection = True
        return
    request.count = 1
    say(request)


def test_a_write_that_may_have_been_carried_out_is_never_sent_twice(site, place):
    there = place(swallowing)
    here = site(f'url = "{there.url}/"')
    here.carry("GET", f"{there.url}/x")
    _, trouble = here.carry("POST", f"{there.url}/y")
    assert (trouble.code, trouble.sent) == (Codes.NETWORK, True)
    assert [path for _, path, _, _ in there.seen] == ["/x", "/y"]


def test_a_read_is_sent_again_over_a_new_connection(site, place):
    there = place(swallowing)
    here = site(f'url = "{there.url}/"')
    here.carry("GET", f"{there.url}/x")
    _, trouble = here.carry("GET", f"{there.url}/y")
    assert trouble is None
    assert [path for _, path, _, _ in there.seen] == ["/x", "/y", "/y"]


def test_an_idle_connection_is_left_before_the_server_drops_it(site, place, monkeypatch):
    there = place(say)
    here = site(f'url = "{there.url}/"')
    here.carry("GET", f"{there.url}/x")
    monkeypatch.setattr(onsite, "IDLE_SECONDS", 0.05)
    time.sleep(0.1)
    here.lines.sweep()
    assert here.lines._idle == []
    here.carry("GET", f"{there.url}/x")
    assert len(there.connections) == 2


def test_connections_of_one_account_are_not_used_for_another(site, place):
    there = place(say)
    here = site(f'url = "{there.url}/"')
    page = {"page": "/x", "account": "A\\one", "password": "1"}
    here.carry("GET", f"{there.url}/x", sign_in=page)
    here.carry("GET", f"{there.url}/x", sign_in={**page, "account": "A\\two"})
    here.carry("GET", f"{there.url}/x", sign_in={**page, "password": "2"})
    here.carry("GET", f"{there.url}/x", sign_in=page)
    assert len(there.connections) == 3


def test_calls_run_at_the_same_time(site, place):
    meeting = threading.Barrier(4, timeout=10)

    def answer(request):
        meeting.wait()
        say(request)

    there = place(answer)
    here = site(f'url = "{there.url}/"')
    threads = [
        threading.Thread(target=here.carry, args=("GET", f"{there.url}/{n}")) for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(15)
    assert len(there.seen) == 4
    assert len(here.double.parts) == 4


def test_nobody_waiting_any_more_ends_the_reading(site, place, connector):
    there = place(lambda request: say(request, 200, b"x" * (5 * wire.PART_BYTES)))
    here = site(f'url = "{there.url}/"')
    connector.before = lambda path, body: (
        refuse("unknown_job") if path.endswith("/answer") else None
    )
    parts, trouble = here.carry("GET", f"{there.url}/x")
    assert (parts, trouble) == ([], None)
    assert len([path for path in connector.paths if path.endswith("/answer")]) == 1


def test_the_log_names_place_and_status_and_never_a_query_or_a_secret(site, place, caplog):
    there = place(say)
    here = site(f'url = "{there.url}/"')
    with caplog.at_level("INFO", "ml_connector_agent.jobs"):
        here.carry(
            "GET",
            f"{there.url}/x?email=someone@example.com",
            headers={"Authorization": "Basic c2VjcmV0"},
        )
        here.carry("GET", "http://elsewhere.example/y?z=1")
    assert "/x 200" in caplog.text
    assert "not_allowed" in caplog.text
    for hidden in ("someone", "c2VjcmV0", "z=1"):
        assert hidden not in caplog.text
