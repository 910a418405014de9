"""What people do with relay sites and agents, and how a connection is reached."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from agent import wire
from audit import services as audit
from audit.actions import Action
from connectors.models import Connection, RelayAgent, RelaySite
from connectors.relay import identities, presence, watch
from connectors.relay.presence import AgentView as AgentView
from connectors.relay.presence import SiteView as SiteView
from connectors.setting_values import sign_in_names as sign_in_names
from connectors.states import State, set_state
from tenants.database import database
from tenants.models import AgentAddress, Tenant

TOKEN_GOOD_FOR = timedelta(hours=24)


def site_views() -> list[SiteView]:
    """Every site of the current tenant with its agents and connections, as they are now."""
    return presence.site_views(RelaySite.objects.prefetch_related("agents", "connections"))


def agents() -> list[AgentView]:
    """Every agent of the current tenant as it is now."""
    return presence.views(list(RelayAgent.objects.order_by("site__name", "name")))


def create_site(name: str, slug: str = "") -> RelaySite:
    """Raises ValidationError by field."""
    name = name.strip()
    slug = slug or slugify(name)[:40]
    _check_name(name, RelaySite.objects.filter(name=name).exists())
    if not slug:
        raise ValidationError({"name": "The name needs a letter or a digit."})
    if RelaySite.objects.filter(slug=slug).exists():
        raise ValidationError({"name": f"There is a site with a like name already ({slug})."})
    with transaction.atomic():
        site = RelaySite.objects.create(name=name, slug=slug)
        _record_site(site, f"The relay site “{name}” was added.")
    return site


def rename_site(site: RelaySite, name: str) -> None:
    """Its slug stays. Raises ValidationError by field."""
    name = name.strip()
    _check_name(name, RelaySite.objects.filter(name=name).exclude(pk=site.pk).exists())
    if name == site.name:
        return
    with transaction.atomic():
        before, site.name = site.name, name
        site.save(update_fields=["name"])
        _record_site(site, f"The relay site “{before}” is now called “{name}”.")


def delete_site(site: RelaySite) -> None:
    """Raises ValidationError while a connection is reached through it, or an agent may sign in."""
    with transaction.atomic():
        row = RelaySite.objects.select_for_update().get(pk=site.pk)
        used = list(row.connections.values_list("name", flat=True))
        if used:
            raise ValidationError(
                f"It is still used by {', '.join(used)}: reach them another way first."
            )
        enrolled = [agent.name for agent in row.agents.all() if agent.is_enrolled]
        if enrolled:
            raise ValidationError(f"Revoke its agents first: {', '.join(enrolled)}.")
        for agent in row.agents.all():
            remove(agent)
        _record_site(row, f"The relay site “{row.name}” was deleted.")
        row.delete()


def invite(site: RelaySite, name: str) -> tuple[RelayAgent, str]:
    """A new agent and its one-time token, which is shown now and never again. Raises
    ValidationError by field."""
    name = name.strip()
    _check_name(name, site.agents.filter(name=name).exists())
    with transaction.atomic():
        agent = RelayAgent(site=site, name=name)
        token = _new_token(agent)
        agent.save()
        AgentAddress.objects.create(
            key=agent.key,
            tenant=Tenant.objects.get(schema_name=database.schema_name),
            agent_id=agent.pk,
            site_id=site.pk,
        )
        _record_agent(
            Action.RELAY_AGENT_INVITED, agent, f"The relay agent “{name}” was invited to {site}."
        )
    return agent, token


def invite_again(agent: RelayAgent) -> str:
    """A new token for an agent that has not enrolled, or was revoked; the old one is void. Raises
    ValidationError while the agent may still sign in."""
    with transaction.atomic():
        row = RelayAgent.objects.select_for_update().get(pk=agent.pk)
        if row.is_enrolled:
            raise ValidationError("It is enrolled: revoke it first.")
        token = _new_token(row)
        row.public_key = row.previous_key = ""
        row.enrolled_at = row.revoked_at = row.key_at = row.rotate_asked_at = None
        row.save()
        identities.changed(row)
        _record_agent(
            Action.RELAY_AGENT_INVITED, row, f"The relay agent “{row.name}” was invited again."
        )
    agent.refresh_from_db()
    return token


def revoke(agent: RelayAgent) -> None:
    """From now on it is refused. What it had begun is not answered: outcomes are unknown."""
    with transaction.atomic():
        row = RelayAgent.objects.select_for_update().get(pk=agent.pk)
        if row.revoked_at is None:
            row.revoked_at = timezone.now()
            row.token_hash, row.token_expires_at = "", None
            row.save()
            identities.changed(row)
            watch.look_soon(row.site_id)
            _record_agent(
                Action.RELAY_AGENT_REVOKED, row, f"The relay agent “{row.name}” was revoked."
            )
    agent.refresh_from_db()


def remove(agent: RelayAgent) -> None:
    """Forget an agent. Raises ValidationError while it may still sign in."""
    with transaction.atomic():
        row = RelayAgent.objects.select_for_update().get(pk=agent.pk)
        if row.is_enrolled:
            raise ValidationError("It is enrolled: revoke it first.")
        row.revoked_at = row.revoked_at or timezone.now()
        identities.changed(row)
        AgentAddress.objects.filter(key=row.key).delete()
        _record_agent(Action.RELAY_AGENT_REMOVED, row, f"The relay agent “{row.name}” was removed.")
        row.delete()


def ask_for_new_key(agent: RelayAgent) -> None:
    """With its next poll it is asked to make a new key pair. Raises ValidationError."""
    with transaction.atomic():
        row = RelayAgent.objects.select_for_update().get(pk=agent.pk)
        if not row.is_enrolled:
            raise ValidationError("It has no key to change: it is not enrolled.")
        row.rotate_asked_at = timezone.now()
        row.save(update_fields=["rotate_asked_at"])
        identities.changed(row)
        _record_agent(
            Action.RELAY_AGENT_KEY, row, f"The relay agent “{row.name}” was asked for a new key."
        )
    agent.refresh_from_db()


def reach(connection: Connection, site: RelaySite | None, *, sign_in_on_site: bool = False) -> bool:
    """Reach a connection directly (None) or through a site; False if it is so already.

    With ``sign_in_on_site`` the stored sign-in is erased, and comes from the agents' own
    configuration. Taken back, the connection waits until it is entered again. Raises
    ValidationError by field.
    """
    if sign_in_on_site:
        if site is None:
            message = "A sign-in can be kept on site only where a relay agent is."
            raise ValidationError({"sign_in_on_site": message})
        if not sign_in_names(connection.kind):
            message = "This system's sign-in cannot be kept on site."
            raise ValidationError({"sign_in_on_site": message})
    with transaction.atomic():
        row = Connection.objects.select_for_update().get(pk=connection.pk)
        if row.relay_site_id == (site.pk if site else None) and (
            row.sign_in_on_site == sign_in_on_site
        ):
            return False
        taken_back = row.sign_in_on_site and not sign_in_on_site
        row.relay_site, row.sign_in_on_site = site, sign_in_on_site
        if sign_in_on_site:
            names = sign_in_names(row.kind)
            row.values = {key: value for key, value in row.values.items() if key not in names}
            row.secrets = {key: value for key, value in row.secrets.items() if key not in names}
        row.version += 1
        way = f"through the relay site “{site.name}”" if site else "directly"
        where = ", its sign-in kept on site" if sign_in_on_site else ""
        if row.state != State.PAUSED:
            if taken_back:
                set_state(
                    row,
                    State.REFUSED,
                    "settings",
                    "Its sign-in was kept on site and is missing here.",
                    "Enter the account in the connection's settings, then ping it.",
                )
            else:
                set_state(
                    row,
                    State.UNTESTED,
                    "",
                    f"It is now reached {way}.",
                    "Ping it.",
                )
        row.save()
        audit.record(
            Action.CONNECTION_REACHED,
            f"“{row.name}” is now reached {way}{where}.",
            connection_id=row.pk,
            data={"site": site.slug if site else "", "sign_in_on_site": sign_in_on_site},
        )
        if site is not None:
            watch.look_soon(site.pk)
    connection.refresh_from_db()
    return True


def _check_name(name: str, is_taken: bool) -> None:
    if not name:
        raise ValidationError({"name": "A name is missing."})
    if len(name) > 80 or not name.isprintable():
        raise ValidationError({"name": "A name has at most 80 characters that can be printed."})
    if is_taken:
        raise ValidationError({"name": "There is one with this name already."})


def _new_token(agent: RelayAgent) -> str:
    """Put a new one-time token on a row that the caller saves."""
    secret = secrets.token_urlsafe(32)
    agent.token_hash = hash_of(secret)
    agent.token_expires_at = timezone.now() + TOKEN_GOOD_FOR
    return wire.token_of(agent.key, secret)


def hash_of(secret: str) -> str:
    """SHA-256 in hex: enough for a secret of 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _record_site(site: RelaySite, words: str) -> None:
    audit.record(Action.RELAY_SITE_SAVED, words, data={"site": site.slug})


def _record_agent(action: Action, agent: RelayAgent, words: str) -> None:
    audit.record(action, words, data={"site": agent.site.slug, "agent": agent.key})
