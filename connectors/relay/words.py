"""What a job's trouble means for the one who waits, in words for finance people."""

from __future__ import annotations

from datetime import timedelta

from agent import wire
from connectors.errors import ConnectorError, NeedsAttention, OutcomeUnknown, Rejected, TryLater

OFFLINE = "agent_offline"
# Until the site's look has said so on the connection, which lets them go when an agent is back.
OFFLINE_AGAIN = timedelta(seconds=15)
CHECK = "“ml-connector-agent check” on the agent's computer says what is wrong."
Codes = wire.Codes


def nobody_there(where: str, site: str) -> TryLater:
    """No agent is there, or none took the job: nothing was sent."""
    return TryLater(
        f"{where}: not sent, no relay agent of {site} took it",
        reason=f"No relay agent of the site “{site}” answers, so the system cannot be reached. "
        "Nothing was sent.",
        advice=f"It goes by itself once an agent is back. If that takes long: {CHECK}",
        code=OFFLINE,
        counts=False,
        retry_after=OFFLINE_AGAIN,
    )


def too_late(where: str) -> TryLater:
    """Its time to begin was over before an agent could send it."""
    return TryLater(
        f"{where}: not sent, its turn at the relay agent came too late",
        reason="The relay agent was too busy to send it in time; nothing was sent.",
        code="busy",
        counts=False,
        retry_after=timedelta(seconds=2),
    )


def no_queue(where: str, error: Exception) -> TryLater:
    return TryLater(
        f"{where}: not sent, {type(error).__name__}: {error}",
        reason="The connector's own queue to the relay agents cannot be reached just now. Nothing "
        "was sent.",
        code="relay",
    )


def too_large(where: str, size: int) -> Rejected:
    return Rejected(
        f"{where}: {size} bytes",
        reason=f"The request is larger than a relay agent takes "
        f"({wire.MOST_REQUEST_BYTES // 1024 // 1024} MiB). Nothing was sent.",
    )


def unknown(where: str, why: str, *, changes: bool) -> ConnectorError:
    """It may have been sent, and nobody says how it ended."""
    if changes:
        return OutcomeUnknown(f"{where}: {why}", code="relay")
    return TryLater(
        f"{where}: {why}",
        reason="The relay agent's answer did not arrive.",
        code="relay",
    )


def of_trouble(trouble: wire.Trouble, *, where: str, site: str, changes: bool) -> ConnectorError:
    """What an agent's trouble means. ``changes``: the request would have changed something."""
    said = trouble.words.strip()[:300]
    detail = f"{where}: relay agent: {trouble.code}{'' if trouble.sent else ', not sent'}: {said}"
    if trouble.sent and changes:
        return OutcomeUnknown(detail, code="relay", vendor_words=said)
    nothing = "" if trouble.sent else " Nothing was sent."
    if trouble.code in _FOR_A_PERSON:
        code, reason, advice = _FOR_A_PERSON[trouble.code]
        return NeedsAttention(
            detail, reason=reason.format(site=site), advice=advice, code=code, vendor_words=said
        )
    if trouble.code in (Codes.TOO_LATE, Codes.STOPPING):
        return too_late(where)
    reason = _PASSING.get(trouble.code, "The relay agent could not carry it out.")
    return TryLater(detail, reason=reason + nothing, code=trouble.code[:40], vendor_words=said)


_PASSING = {
    Codes.NETWORK: "The relay agent could not reach the system, or the connection broke.",
    Codes.TIMEOUT: "The system did not answer the relay agent in time.",
    Codes.TOO_LARGE: "The system's answer is larger than a relay agent carries.",
}

# Trouble -> (our code, reason, advice): a person has to change something.
_FOR_A_PERSON = {
    Codes.SIGN_IN: (
        "wrong_secret",
        "The system did not accept the account that the relay agent signed in with.",
        "Check user name and password: in the agent's configuration file (agent.toml) if they are "
        "kept on site, otherwise in the connection's settings; and that the account is not locked "
        "or its password expired. We do not try again until the connection is pinged, so that the "
        "account is not locked.",
    ),
    Codes.NOT_ALLOWED: (
        "settings",
        "The relay agent of the site “{site}” does not allow this address.",
        "IT adds the system's address as a [[target]] to the agent's configuration file "
        "(agent.toml) on each agent of the site and starts the agent again; or correct the address "
        "in the connection's settings.",
    ),
    Codes.NO_ACCOUNT: (
        "settings",
        "The sign-in is kept on site, but the relay agent of the site “{site}” has no account for "
        "this system.",
        "IT enters sign_in, user and password for its [[target]] in the agent's configuration file "
        "(agent.toml) on each agent of the site and starts the agent again.",
    ),
    Codes.TLS: (
        "tls",
        "The relay agent does not trust the system's secure connection (TLS).",
        "IT names the company's certificate authority as ca_file of the [[target]] in the agent's "
        "configuration file (agent.toml); or, unless the sign-in is kept on site, enter it in the "
        "connection's settings; or the system's administrator installs a valid certificate for "
        "this name.",
    ),
    Codes.NAME: (
        "settings",
        "The system's name is not known in the network of the site “{site}”.",
        "Correct the address in the connection's settings, or IT enters the name in its DNS or in "
        "the hosts file of the agent's computer.",
    ),
}
