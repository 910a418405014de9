"""How every tenant's relay agents fare, for an operator's monitoring: from the public addresses and
Redis alone, without a query a tenant."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from connectors.relay import keys
from connectors.relay.presence import instant
from connectors.shared_redis import redis_client
from tenants.models import AgentAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentFigures:
    """One agent, as it said of itself last. Instants are in seconds since the epoch, None if nothing
    was heard of it since Redis was started. ``certificates``: (address, until)."""

    key: str
    is_online: bool
    version: str = ""
    seen_at: float | None = None
    clock_difference_seconds: float | None = None
    round_trip_ms: int | None = None
    jobs_in_flight: int = 0
    certificates: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFigures:
    """One site with its enrolled agents. ``jobs_waiting``: calls that no agent has taken."""

    schema: str
    site_id: int
    agents: tuple[AgentFigures, ...]
    jobs_waiting: int

    @property
    def agents_enrolled(self) -> int:
        return len(self.agents)

    @property
    def agents_online(self) -> int:
        return sum(agent.is_online for agent in self.agents)

    @property
    def jobs_in_flight(self) -> int:
        return sum(agent.jobs_in_flight for agent in self.agents)

    @property
    def round_trip_ms(self) -> int | None:
        """The median of what its agents say that are there."""
        trips = [one.round_trip_ms for one in self.agents if one.is_online]
        known = [trip for trip in trips if trip is not None]
        return round(median(known)) if known else None


def sites() -> tuple[SiteFigures, ...]:
    """Every tenant's sites that have agents. Raises RedisError."""
    addresses = AgentAddress.objects.filter(is_enrolled=True, tenant__is_active=True)
    agents: dict[tuple[str, int], list[str]] = {}
    for schema, site_id, key in addresses.values_list("tenant__schema_name", "site_id", "key"):
        agents.setdefault((schema, site_id), []).append(key)
    with redis_client().pipeline(transaction=False) as pipe:
        pipe.time()
        for (schema, site_id), names in agents.items():
            site = keys.site(schema, site_id)
            pipe.zrange(keys.present(site), 0, -1, withscores=True)
            pipe.llen(keys.queue(site))
            for name in names:
                pipe.hmget(keys.live(name), ["at", "clock", "state"])
        (seconds, micros), *found = pipe.execute()
    now_ms = seconds * 1000 + micros // 1000
    return tuple(_sites(agents, iter(found), now_ms))


def _sites(
    agents: Mapping[tuple[str, int], list[str]], answers: Iterator[Any], now_ms: int
) -> Iterator[SiteFigures]:
    for (schema, site_id), names in agents.items():
        there = {name.decode() for name, until in next(answers) if until > now_ms}
        waiting = next(answers)
        yield SiteFigures(
            schema=schema,
            site_id=site_id,
            jobs_waiting=waiting,
            agents=tuple(_agent(name, name in there, *next(answers)) for name in names),
        )


def _agent(
    key: str, is_online: bool, at: bytes | None, clock: bytes | None, state: bytes | None
) -> AgentFigures:
    if at is None:
        return AgentFigures(key=key, is_online=is_online)
    said = json.loads(state or b"{}")
    trip = said.get("round_trip_ms", -1)
    untils = [
        (str(one.get("url", "")), instant(one.get("certificate_until")))
        for one in said.get("targets", [])
    ]
    return AgentFigures(
        key=key,
        is_online=is_online,
        version=str(said.get("version", "")),
        seen_at=int(at) / 1000,
        clock_difference_seconds=int(clock or 0) / 1000,
        round_trip_ms=trip if trip >= 0 else None,
        jobs_in_flight=len(said.get("in_flight", [])) if is_online else 0,
        certificates=tuple((url, until.timestamp()) for url, until in untils if until is not None),
    )


def refused() -> dict[str, int]:
    """Requests of agents that were refused since Redis was started: code -> how many. Raises
    RedisError."""
    found: Any = redis_client().hgetall(keys.REFUSED)
    return {code.decode(): int(count) for code, count in found.items()}
