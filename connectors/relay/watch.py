"""The regular look at a site: what its agents said is kept, and connections show when none is there.

One agenda row a site: looked at when the newest sign of life would be too old, and at once when a
server process saw the last agent go or one come back.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.utils import timezone
from redis.exceptions import RedisError

from agent import wire
from connectors.contract import Check, Verdict
from connectors.models import Connection, RelayAgent, RelaySite
from connectors.relay import identities, presence
from connectors.relay.words import OFFLINE as OFFLINE
from connectors.services import ping
from connectors.shared_redis import redis_client
from connectors.signals import connection_recovered
from connectors.states import State, set_state, state_of
from tenants import agenda
from tenants.database import database

AGENDA = "relay_site"
PRIORITY = 15
LOOK_EVERY = timedelta(seconds=wire.SEEN_SECONDS)
LOOK_AGAIN = timedelta(seconds=5)
# A revocation that Redis missed is told again for as long as an older copy could be kept there.
TELL_AGAIN_FOR = timedelta(seconds=5 * identities.KEPT_SECONDS)


def look_soon(site_id: int) -> None:
    """Have a site of the current tenant looked at by the next tick."""
    agenda.put(AGENDA, str(site_id), timezone.now(), priority=PRIORITY)


def look(site_id: int) -> timedelta | None:
    """Look at a site of the current tenant; how soon to look again, None if never."""
    site = RelaySite.objects.filter(pk=site_id).first()
    if site is None:
        return None
    rows = list(site.agents.all())
    now = timezone.now()
    redis = redis_client()
    try:
        live = presence.live_states(redis, str(database.schema_name), rows)
    except RedisError:
        return LOOK_AGAIN  # that we cannot ask says nothing of the agents
    for row in rows:
        if row.revoked_at and now - row.revoked_at < TELL_AGAIN_FOR:
            identities.store(redis, identities.of_row(row))
        if row.key in live:
            _keep(row, live[row.key])
    enrolled = [row for row in rows if row.is_enrolled]
    if any(row.key in live and live[row.key].is_present for row in enrolled):
        _recover(site)
    elif _may_be_there(enrolled, live, now):
        return LOOK_AGAIN
    else:
        _warn(site, enrolled)
    if not enrolled and not site.connections.exists():
        return None
    return LOOK_EVERY


def _keep(row: RelayAgent, live: presence.Live) -> None:
    row.last_seen_at = live.seen_at
    row.state = {**live.state, "clock_difference_seconds": live.clock_difference_seconds}
    row.save(update_fields=["last_seen_at", "state"])


def _may_be_there(
    enrolled: list[RelayAgent], live: Mapping[str, presence.Live], now: datetime
) -> bool:
    """Redis was flushed: agents that were there a moment ago are known again in seconds."""
    return any(
        row.key not in live and row.last_seen_at is not None and now - row.last_seen_at < LOOK_EVERY
        for row in enrolled
    )


def _warn(site: RelaySite, enrolled: list[RelayAgent]) -> None:
    seen = max((row.last_seen_at for row in enrolled if row.last_seen_at), default=None)
    if not enrolled:
        reason = f"The relay site “{site.name}” has no relay agent."
        advice = "Invite one under Relay agents and enroll it on site. Orders wait meanwhile."
    else:
        since = f" since {seen.astimezone(UTC):%-d %B %Y, %H:%M} UTC" if seen else ""
        reason = f"No relay agent of the site “{site.name}” answers{since}."
        advice = (
            "Orders wait, and nothing is lost. On site, see that the agent's computer is on, its "
            "service runs and the way to the internet is open: “ml-connector-agent check” says "
            "what is wrong. It goes on by itself."
        )
    with transaction.atomic():
        for row in site.connections.select_for_update().filter(
            state__in=[State.HEALTHY, State.DEGRADED]
        ):
            if row.state_code != OFFLINE:
                set_state(row, State.DEGRADED, OFFLINE, reason, advice)
                row.save()


def _recover(site: RelaySite) -> None:
    with transaction.atomic():
        back = list(
            site.connections.select_for_update().filter(
                state__in=[State.DEGRADED, State.REFUSED], state_code=OFFLINE
            )
        )
        for row in back:
            if row.state == State.DEGRADED:
                found = [
                    Check(**{**check, "verdict": Verdict(check["verdict"])}) for check in row.checks
                ]
                set_state(row, *state_of(found))
                row.save()
    for row in back:
        if row.state == State.REFUSED:  # it was pinged while nobody was there
            ping(row)
        else:
            connection_recovered.send(sender=Connection, connection=row)
