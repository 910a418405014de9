"""Relay sites and their agents, as the pages show them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from connectors.models import Connection
from connectors.registry import SYSTEMS
from connectors.relay import services
from connectors.relay.presence import AgentView, SiteView, TargetView

CLOCK_WARNS_ABOVE = 30  # seconds
CERTIFICATE_WARNS_WITHIN = timedelta(days=30)
# As docs/agent.md installs it.
ON_LINUX = (
    "sudo -u ml-connector-agent /opt/ml-connector-agent/bin/ml-connector-agent "
    "--config /etc/ml-connector-agent/agent.toml enroll {token}"
)
ON_WINDOWS = (
    '& "C:\\Program Files\\ml-connector-agent\\Scripts\\ml-connector-agent.exe" '
    '--config "C:\\ProgramData\\ml-connector-agent\\agent.toml" enroll {token}'
)
ACCOUNTS = {
    "windows": "Windows account kept on site",
    "basic": "account kept on site",
    "connector": "account as the connection says",
    "none": "no sign-in",
}
LOOKS = {  # state -> (class of the badge, icon)
    "online": ("healthy", "circle-check"),
    "offline": ("failed", "alert-triangle"),
    "invited": ("waiting", "clock"),
    "expired": ("held", "alert-triangle"),
    "revoked": ("skipped", "hand-stop"),
}


@dataclass(frozen=True, slots=True)
class TargetLine:
    """One place that an agent may reach, by its own configuration."""

    url: str
    account: str
    is_encrypted: bool
    certificate_until: datetime | None
    is_ending: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One agent with what is wrong with it, in words."""

    agent: AgentView
    look: str
    icon: str
    targets: tuple[TargetLine, ...]
    warnings: tuple[str, ...]

    @property
    def is_there(self) -> bool:
        """Whether it has ever been installed, so that there is something to tell of it."""
        return self.agent.enrolled_at is not None


@dataclass(frozen=True, slots=True)
class SiteLine:
    site: SiteView
    lines: tuple[Line, ...]

    @property
    def is_cut_off(self) -> bool:
        """Whether connections need it and no agent is there."""
        return bool(self.site.connections) and not self.site.is_online

    @property
    def advice(self) -> str:
        """What to do while it is cut off."""
        if any(line.is_there and not line.agent.revoked_at for line in self.lines):
            return (
                "Start the relay agent on its computer, or have IT look there: "
                "“ml-connector-agent check” says what is in its way. Nothing is lost: what waits "
                "goes on by itself once an agent is back."
            )
        return "Invite a relay agent and have IT install it. What waits goes on by itself then."


def site_lines() -> list[SiteLine]:
    now = timezone.now()
    return [
        SiteLine(site, tuple(line_of(agent, now) for agent in sorted(site.agents, key=_place)))
        for site in services.site_views()
    ]


def _place(agent: AgentView) -> tuple[int, str]:
    """Those that are installed, then those that shall be, then those that are revoked."""
    rank = 2 if agent.revoked_at else 0 if agent.enrolled_at else 1
    return rank, agent.name.lower()


def cut_off() -> list[SiteLine]:
    """The sites whose connections can not be reached; asks nothing while no connection has one."""
    if not Connection.objects.filter(relay_site__isnull=False).exists():
        return []
    return [line for line in site_lines() if line.is_cut_off]


def version_of(lines: list[SiteLine]) -> str:
    """Changes whenever what is shown does, and every minute, because ages are shown."""
    shown = [
        (
            [_without_beats(line.agent) for line in site.lines],
            [(row.slug, row.state) for row in site.site.connections],
            site.site.name,
        )
        for site in lines
    ]
    text = f"{shown}{timezone.now():%H%M}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _without_beats(agent: AgentView) -> AgentView:
    """Without what moves with every poll."""
    difference = agent.clock_difference_seconds
    return replace(
        agent,
        last_seen_at=None if agent.is_online else agent.last_seen_at,
        clock_difference_seconds=None if difference is None else float(round(difference)),
    )


def line_of(agent: AgentView, now: datetime) -> Line:
    look, icon = LOOKS[agent.state]
    return Line(
        agent=agent,
        look=look,
        icon=icon,
        targets=tuple(_target(target, now) for target in agent.targets),
        warnings=() if agent.revoked_at else tuple(_warnings(agent, now)),
    )


def _target(target: TargetView, now: datetime) -> TargetLine:
    until = target.certificate_until
    return TargetLine(
        url=target.url,
        account=ACCOUNTS.get(target.sign_in, target.sign_in),
        is_encrypted=target.url.startswith("https:"),
        certificate_until=until,
        is_ending=until is not None and until - now < CERTIFICATE_WARNS_WITHIN,
    )


def _warnings(agent: AgentView, now: datetime) -> list[str]:
    found = []
    if agent.needs_upgrade:
        found.append(agent.upgrade_words)
    difference = agent.clock_difference_seconds
    if difference is not None and abs(difference) > CLOCK_WARNS_ABOVE:
        found.append(
            f"Its computer's clock is {abs(difference):,.0f} seconds "
            f"{'ahead' if difference > 0 else 'behind'}. The agent makes up for it, but a Windows "
            "sign-in fails once it is minutes: have the computer's clock set by the network."
        )
    for target in agent.targets:
        until = target.certificate_until
        if until is not None and until - now < CERTIFICATE_WARNS_WITHIN:
            found.append(_ending(target.url, timezone.localtime(until), until <= now))
    return found


def _ending(url: str, until: datetime, is_over: bool) -> str:
    if is_over:
        return (
            f"The certificate of {url} ended on {until:%-d %B %Y}: nothing is sent there until IT "
            "has renewed it."
        )
    return (
        f"The certificate of {url} ends on {until:%-d %B %Y}. Have IT renew it before: nothing is "
        "sent there afterwards."
    )


def address_for_agents() -> str:
    """What an agent's configuration names as its connector."""
    return str(settings.RELAY_URL)


def reach_of(
    kind: str, connection: Connection | None = None, given: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """How a connection is reached, and the choices that there are; ``given`` is a form's answer."""
    views = services.site_views()
    names = [setting.label for setting in SYSTEMS[kind].settings if setting.sign_in]
    site = next(
        (view for view in views if connection and view.id == connection.relay_site_id), None
    )
    given = given or {}
    return {
        "site": site,
        "sites": views,
        "chosen": given.get("relay_site", site.slug if site else ""),
        "names": listed(names),
        "on_site": given["sign_in_place"] == "on_site"
        if "sign_in_place" in given
        else bool(connection and connection.sign_in_on_site),
        "is_offered": bool(views or names),
    }


def listed(names: list[str]) -> str:
    """``Windows domain, Windows user name and Windows password``."""
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)
