"""The key pair: signatures as RFC 9421 has them, and rotations that may break anywhere."""

from __future__ import annotations

import base64
import os
import time

import pytest

from agent import wire
from agent.connector import Connector, Refused, Unreachable
from agent.enrolment import EnrolmentError, enroll, knows
from agent.identity import Identity, IdentityFile, Key, NoIdentity, only_one
from tests.agent.doubles import AGENT, TOKEN, refuse


def test_the_signature_is_the_one_of_rfc_9421_b_2_6():
    private = base64.urlsafe_b64decode("n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU=")
    key = Key(private, 0.0)
    assert key.public == wire.base64_of(
        base64.urlsafe_b64decode("JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs=")
    )
    base = wire.signature_base(
        [
            ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
            ("@method", "POST"),
            ("@path", "/foo"),
            ("@authority", "example.com"),
            ("content-type", "application/json"),
            ("content-length", "18"),
        ],
        '("date" "@method" "@path" "@authority" "content-type" "content-length")'
        ';created=1618884473;keyid="test-key-ed25519"',
    )
    assert wire.base64_of(key.sign(base)) == (
        "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
    )


def test_the_identity_is_kept_for_the_agents_account_alone(tmp_path):
    file = IdentityFile(tmp_path / "state")
    with pytest.raises(NoIdentity, match="enroll TOKEN"):
        file.read()
    identity = Identity(AGENT, Key.new(), "https://c.example", "gp-1", "Acme")
    rotating = identity.with_new_key()
    file.write(rotating)
    assert file.read() == rotating
    assert os.stat(file.path).st_mode & 0o777 == 0o600
    file.path.chmod(0o644)
    with pytest.raises(NoIdentity, match="chmod 600"):
        file.read()
    file.path.chmod(0o600)
    file.path.write_text("{")
    with pytest.raises(NoIdentity, match="damaged"):
        file.read()


def test_a_write_that_breaks_leaves_the_old_identity(tmp_path, monkeypatch):
    file = IdentityFile(tmp_path)
    identity = Identity(AGENT, Key.new(), "https://c.example")
    file.write(identity)
    monkeypatch.setattr(os, "replace", lambda *a: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        file.write(identity.with_new_key())
    monkeypatch.undo()
    assert file.read() == identity
    assert [one.name for one in tmp_path.iterdir()] == ["identity.json"]


def test_only_one_program_works_on_an_identity(tmp_path):
    with only_one(tmp_path) as first:
        assert first
        with only_one(tmp_path) as second:
            assert not second
    with only_one(tmp_path) as third:
        assert third


def test_a_token_becomes_an_identity_once(tmp_path, site, connector):
    there = site('url = "https://gp.example.local/"')
    there.file.path.unlink()
    connector.keys = []
    made = enroll(there.config, TOKEN, may_replace=False)
    assert (made.agent, made.name, made.company) == (AGENT, "gp-1", "Acme")
    assert there.file.read() == made
    with pytest.raises(EnrolmentError, match=r"enrolled already as gp-1 of Acme.*--replace"):
        enroll(there.config, TOKEN, may_replace=False)
    with pytest.raises(Refused):  # the token was used by another key
        enroll(there.config, TOKEN, may_replace=True)
    assert there.file.read() == made
    with pytest.raises(EnrolmentError, match="not complete"):
        enroll(there.config, TOKEN[:-20], may_replace=False)


def test_an_enrolment_whose_answer_was_lost_is_finished_with_the_same_token(site, connector):
    there = site('url = "https://gp.example.local/"')
    there.file.path.unlink()
    connector.keys = []
    connector.lose_answers = ["enroll"]
    with pytest.raises(Unreachable):
        enroll(there.config, TOKEN, may_replace=False)
    assert not there.file.exists()
    made = enroll(there.config, TOKEN, may_replace=False)
    assert there.file.read() == made
    assert connector.keys == [made.key.public]


def again(there) -> Connector:
    """The program was ended and started again."""
    return Connector(there.config, there.file.read(), there.file)


def poll(connector: Connector) -> None:
    connector.poll(wire.State(version="1", boot="b", clock=time.time(), free=0))


def test_a_rotation_takes_a_new_key_and_forgets_the_old_one(site, connector):
    there = site('url = "https://gp.example.local/"')
    before = there.file.read().key
    there.connector.rotate()
    after = there.file.read()
    assert after.key != before
    assert after.next_key is None
    assert connector.keys == [after.key.public]
    poll(again(there))


def test_a_crash_before_the_new_key_was_sent_loses_nothing(site, connector):
    there = site('url = "https://gp.example.local/"')
    kept = there.file.read()
    there.file.write(kept.with_new_key())
    waiting = there.file.read().next_key
    restarted = again(there)
    poll(restarted)
    restarted.rotate()
    assert there.file.read().key == waiting
    poll(again(there))


def test_a_crash_after_the_connector_took_the_new_key_loses_nothing(site, connector):
    there = site('url = "https://gp.example.local/"')
    connector.lose_answers = ["key"]
    with pytest.raises(Unreachable):
        there.connector.rotate()
    assert there.file.read().next_key is not None
    restarted = again(there)
    poll(restarted)
    assert there.file.read().next_key is None
    assert connector.keys == [there.file.read().key.public]


def test_a_key_that_another_process_changed_is_found(site, connector):
    there = site('url = "https://gp.example.local/"')
    again(there).rotate()  # the command rotate-key, while the service runs
    poll(there.connector)
    assert there.connector.identity == there.file.read()


def test_a_refused_new_key_leaves_the_old_one_in_use(site, connector):
    there = site('url = "https://gp.example.local/"')
    connector.before = lambda path, body: refuse("busy") if path == wire.KEY else None
    with pytest.raises(Refused):
        there.connector.rotate()
    poll(again(there))
    assert connector.keys == [there.file.read().key.public]


def test_a_busy_connector_is_not_one_that_does_not_know_us(site, connector):
    here = site('url = "http://127.0.0.1:1/"')
    assert knows(here.connector)
    connector.before = lambda path, body: refuse(wire.Refusals.BUSY)
    with pytest.raises(Unreachable):
        knows(here.connector)


def test_neither_key_being_known_is_told(site, connector):
    there = site('url = "https://gp.example.local/"')
    there.file.write(there.file.read().with_new_key())
    connector.keys = [Key.new().public]
    with pytest.raises(Refused) as refusal:
        poll(again(there))
    assert refusal.value.code == wire.Refusals.SIGNATURE
    assert there.file.read().next_key is not None
