"""How relay agents fare: what each said last, whether it is there, as pages and API show it.

What an agent says with every poll is in Redis; a site's look (``watch``) writes it into its row, so
that it outlives Redis.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils import timezone
from redis import Redis
from redis.exceptions import RedisError

from agent import wire
from connectors.models import Connection, RelayAgent, RelaySite
from connectors.relay import keys
from connectors.shared_redis import redis_client
from tenants.database import database

INVITED, EXPIRED, ONLINE, OFFLINE, REVOKED = "invited", "expired", "online", "offline", "revoked"


@dataclass(frozen=True, slots=True)
class Live:
    """What an agent said with its last poll, and when (by Redis' clock)."""

    seen_at: datetime
    clock_difference_seconds: float
    state: Mapping[str, Any]
    is_present: bool


@dataclass(frozen=True, slots=True)
class TargetView:
    """A place that an agent's own configuration allows. ``sign_in``: windows, basic, none or
    connector (as the connector says)."""

    url: str
    sign_in: str
    certificate_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentView:
    """``state`` is invited, expired, online, offline or revoked; ``reason`` and ``advice`` say more
    in words. ``clock_difference_seconds`` is positive if the agent's clock is ahead of ours."""

    id: int
    key: str
    name: str
    site_id: int
    state: str
    reason: str
    advice: str
    is_online: bool
    last_seen_at: datetime | None
    enrolled_at: datetime | None
    token_expires_at: datetime | None
    revoked_at: datetime | None
    version: str
    needs_upgrade: bool
    upgrade_words: str
    clock_difference_seconds: float | None
    targets: tuple[TargetView, ...]
    jobs_in_flight: int
    median_round_trip_ms: int | None
    host: str
    system: str
    key_at: datetime | None
    key_until: datetime | None
    is_asked_for_new_key: bool

    @property
    def certificates(self) -> list[tuple[str, datetime]]:
        """(address, until) of each target whose certificate the agent has seen."""
        return [
            (target.url, target.certificate_until)
            for target in self.targets
            if target.certificate_until is not None
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteView:
    """A site, its agents and the connections that are reached through it."""

    id: int
    name: str
    slug: str
    created_at: datetime
    agents: tuple[AgentView, ...]
    connections: tuple[Connection, ...]

    @property
    def is_online(self) -> bool:
        return any(agent.is_online for agent in self.agents)


def live_states(redis: Redis, schema: str, agents: Iterable[RelayAgent]) -> dict[str, Live]:
    """What Redis knows of these agents: key -> Live. Raises RedisError."""
    rows = list(agents)
    if not rows:
        return {}
    with redis.pipeline(transaction=False) as pipe:
        pipe.time()
        for agent in rows:
            pipe.hmget(keys.live(agent.key), ["at", "clock", "state"])
            pipe.zscore(keys.present(keys.site(schema, agent.site_id)), agent.key)
        (seconds, micros), *found = pipe.execute()
    now_ms = seconds * 1000 + micros // 1000
    states = {}
    for number, agent in enumerate(rows):
        (at, clock, text), until = found[2 * number], found[2 * number + 1]
        if at is None:
            continue
        states[agent.key] = Live(
            seen_at=datetime.fromtimestamp(int(at) / 1000, UTC),
            clock_difference_seconds=int(clock or 0) / 1000,
            state=json.loads(text or b"{}"),
            is_present=until is not None and until > now_ms,
        )
    return states


def views(agents: Sequence[RelayAgent]) -> list[AgentView]:
    """The agents of the current tenant as they are now."""
    try:
        live = live_states(redis_client(), str(database.schema_name), agents)
    except RedisError:
        live = {}
    return [_view(agent, live.get(agent.key)) for agent in agents]


def site_views(sites: Iterable[RelaySite]) -> list[SiteView]:
    """``sites`` with agents and connections prefetched."""
    rows = list(sites)
    shown = {view.id: view for view in views([one for site in rows for one in site.agents.all()])}
    return [
        SiteView(
            id=site.pk,
            name=site.name,
            slug=site.slug,
            created_at=site.created_at,
            agents=tuple(shown[agent.pk] for agent in site.agents.all()),
            connections=tuple(site.connections.all()),
        )
        for site in rows
    ]


def _view(agent: RelayAgent, live: Live | None) -> AgentView:
    said = live.state if live else agent.state
    state = _state(agent, live)
    seen_at = live.seen_at if live else agent.last_seen_at
    reason, advice = _words(agent, state, seen_at)
    wire_version = said.get("wire")
    old = state in (ONLINE, OFFLINE) and (
        isinstance(wire_version, int) and wire_version < wire.MINIMUM_WIRE
    )
    round_trip = said.get("round_trip_ms", -1)
    difference = live.clock_difference_seconds if live else said.get("clock_difference_seconds")
    return AgentView(
        id=agent.pk,
        key=agent.key,
        name=agent.name,
        site_id=agent.site_id,
        state=state,
        reason=reason,
        advice=advice,
        is_online=state == ONLINE,
        last_seen_at=seen_at,
        enrolled_at=agent.enrolled_at,
        token_expires_at=agent.token_expires_at,
        revoked_at=agent.revoked_at,
        version=str(said.get("version", "")),
        needs_upgrade=old,
        upgrade_words=upgrade_words(str(said.get("version", ""))) if old else "",
        clock_difference_seconds=difference,
        targets=tuple(_targets(said)),
        jobs_in_flight=len(said.get("in_flight", [])) if state == ONLINE else 0,
        median_round_trip_ms=round_trip if round_trip >= 0 else None,
        host=str(said.get("host", "")),
        system=str(said.get("system", "")),
        key_at=agent.key_at,
        key_until=instant(said.get("key_until")),
        is_asked_for_new_key=agent.rotate_asked_at is not None,
    )


def upgrade_words(version: str) -> str:
    return (
        f"Version {version or 'of this agent'} is too old for this connector and is given no work. "
        "Install the current version over it: configuration and identity stay."
    )


def _state(agent: RelayAgent, live: Live | None) -> str:
    if agent.revoked_at is not None:
        return REVOKED
    if not agent.public_key:
        waits = agent.token_expires_at is not None and agent.token_expires_at > timezone.now()
        return INVITED if waits else EXPIRED
    return ONLINE if live is not None and live.is_present else OFFLINE


def _words(agent: RelayAgent, state: str, seen_at: datetime | None) -> tuple[str, str]:
    match state:
        case "invited":
            assert agent.token_expires_at is not None
            return (
                f"Invited; the token can be used until {_moment(agent.token_expires_at)}.",
                "Install the agent on site and enroll it with the token.",
            )
        case "expired":
            return "The token was not used in time.", "Invite it again to get a new token."
        case "revoked":
            assert agent.revoked_at is not None
            return (
                f"Revoked on {_moment(agent.revoked_at)}: it is refused and gets no work.",
                "Invite it again if it shall come back; otherwise remove it and uninstall it.",
            )
        case "offline":
            since = f"since {_moment(seen_at)}" if seen_at else "since it was enrolled"
            return (
                f"Nothing was heard of it {since}.",
                "On site, see that its service runs and reaches the connector: "
                "“ml-connector-agent check” says what is wrong.",
            )
    return "It is connected and takes work.", ""


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%-d %B %Y, %H:%M} UTC"


def _targets(said: Mapping[str, Any]) -> Iterable[TargetView]:
    for one in said.get("targets", []):
        if isinstance(one, dict):
            yield TargetView(
                url=str(one.get("url", ""))[:300],
                sign_in=str(one.get("sign_in", ""))[:20],
                certificate_until=instant(one.get("certificate_until")),
            )


def instant(text: object) -> datetime | None:
    """None also for a year so far off that it cannot be shown in every time zone."""
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    if not 1900 < at.year < 9000:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
