"""From a one-time token to an identity."""

from __future__ import annotations

from dataclasses import replace

from . import wire
from .config import Config
from .connector import Connector, Refused, Unreachable
from .identity import BEGUN, Identity, IdentityFile, Key, NoIdentity


class EnrolmentError(Exception):
    """A sentence that says what to do."""


def enroll(config: Config, token: str, *, may_replace: bool) -> Identity:
    """Make a key pair here and exchange the token for an identity.

    The key is written down before it is sent: if the answer is lost, the same token finishes the
    same enrolment. Raises EnrolmentError, Unreachable and Refused.
    """
    try:
        agent, _ = wire.read_token(token)
    except wire.WireError as error:
        raise EnrolmentError(str(error)) from None
    file, begun = IdentityFile(config.state), IdentityFile(config.state, BEGUN)
    if file.exists() and not may_replace:
        raise EnrolmentError(f"{_who(file)}; to give that up run enroll with --replace")
    earlier = _earlier(begun, agent)
    identity = earlier or Identity(agent, Key.new(), config.url)
    try:
        begun.write(identity)
    except OSError as error:
        raise EnrolmentError(f"{begun.path} cannot be written: {error.strerror}") from None
    connector = Connector(config, identity, begun)
    try:
        told = connector.enroll(token.strip())
    except Refused as refusal:
        if refusal.code != wire.Refusals.TOKEN or earlier is None or not knows(connector):
            raise
        told = wire.Enrolled(agent, "", "")  # the token was used by us, and the answer was lost
    if told.agent != agent:
        raise EnrolmentError("the connector answered for another agent: ask its administrator")
    done = replace(identity, name=told.name, company=told.company, url=config.url)
    file.write(done)
    begun.path.unlink()
    return done


def knows(connector: Connector) -> bool:
    """Whether the connector accepts this agent's signature, without any effect: a question about a
    job that does not exist. Raises Unreachable, and Refused if this agent is revoked or too old."""
    try:
        connector.post(wire.job_path("none", wire.BEGIN), b"")
    except Refused as refusal:
        if refusal.code in (wire.Refusals.REVOKED, wire.Refusals.UPGRADE):
            raise
        if refusal.code == wire.Refusals.BUSY:
            raise Unreachable(refusal.words) from refusal
        return refusal.code in (wire.Refusals.GONE, wire.Refusals.TOO_LATE)
    return True


def _earlier(begun: IdentityFile, agent: str) -> Identity | None:
    """The enrolment that was begun with this token and not answered."""
    try:
        kept = begun.read()
    except NoIdentity:
        return None
    return kept if kept.agent == agent else None


def _who(file: IdentityFile) -> str:
    try:
        kept = file.read()
    except NoIdentity as error:
        return str(error)
    return f"this agent is enrolled already as {kept.name or kept.agent} of {kept.company}"
