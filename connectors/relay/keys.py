"""The names of what the relay keeps in Redis, which may be flushed at any moment."""

from __future__ import annotations

WAKE = "relay:wake"  # channel: a site has a new job
IDENTITY_CHANGED = "relay:identity"  # channel: an agent was revoked or has another key


def identity(agent: str) -> str:
    """JSON of an ``identities.Identity``."""
    return f"relay:identity:{agent}"


def nonce(agent: str, number: str) -> str:
    return f"relay:nonce:{agent}:{number}"


def live(agent: str) -> str:
    """Hash: boot, poll (the newest one's number), at (ms), state (JSON), clock (ms of difference)."""
    return f"relay:live:{agent}"


def site(schema: str, site_id: int) -> str:
    """How a site is called in Redis and in what wakes its polls."""
    return f"{schema}:{site_id}"


def present(site_name: str) -> str:
    """Sorted set: agent -> until when (ms) it counts as there."""
    return f"relay:present:{site_name}"


def queue(site_name: str) -> str:
    """List of the jobs that no agent has taken."""
    return f"relay:queue:{site_name}"


def job(job_id: str) -> str:
    return f"relay:job:{job_id}"


def answer(job_id: str) -> str:
    """List of encrypted parts that the worker has not taken yet."""
    return f"relay:answer:{job_id}"


REFUSED = "relay:refused"  # hash: refusal code -> how many since Redis was started
