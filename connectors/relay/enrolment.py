"""How an agent gets and changes its identity: the part of its requests that needs the database."""

from __future__ import annotations

import hmac
import logging

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import transaction
from django.utils import timezone

from agent import wire
from audit import services as audit
from audit.actions import Action
from connectors.models import RelayAgent
from connectors.relay import identities, watch
from connectors.relay.identities import Identity
from connectors.relay.services import hash_of
from tenants.acting import acting_as
from tenants.context import in_public, in_tenant
from tenants.models import AgentAddress, Tenant

log = logging.getLogger("ml_connector.relay")
BAD_ENROLMENT = (
    "The enrolment token is unknown, used or expired. Make a new one in the console under Relay "
    "agents, and enroll with it."
)


class EnrolmentRefused(Exception):
    """The token or the key will not do; the text is for the person on site."""


def verifies(public_key: str, signature: bytes, content: bytes) -> bool:
    """Whether an Ed25519 key (raw, in base64) made this signature."""
    try:
        key = Ed25519PublicKey.from_public_bytes(wire.unbase64(public_key))
        key.verify(signature, content)
    except (InvalidSignature, ValueError):
        return False
    return True


def enroll(enrolment: wire.Enrolment) -> wire.Enrolled:
    """Exchange a token for an identity. The request's signature is the caller's to verify.

    The same token with the same key again gets the same answer, for an answer that was lost; with
    another key it is refused. Raises EnrolmentRefused.
    """
    try:
        key, secret = wire.read_token(enrolment.token)
    except wire.WireError as error:
        raise EnrolmentRefused(BAD_ENROLMENT) from error
    with in_public():
        address = AgentAddress.objects.select_related("tenant").filter(key=key).first()
    if address is None:
        raise EnrolmentRefused(BAD_ENROLMENT)
    try:
        with in_tenant(address.tenant.schema_name) as tenant, transaction.atomic():
            agent = RelayAgent.objects.select_for_update().filter(key=key).first()
            if agent is None or not _is_good(agent, secret, enrolment.public_key):
                raise EnrolmentRefused(BAD_ENROLMENT)
            if not agent.public_key:
                _take_in(agent, enrolment)
            return wire.Enrolled(agent=key, name=agent.name, company=tenant.name)
    except Tenant.DoesNotExist as error:  # closed since
        raise EnrolmentRefused(BAD_ENROLMENT) from error


def _is_good(agent: RelayAgent, secret: str, public_key: str) -> bool:
    expires_at = agent.token_expires_at
    if agent.revoked_at is not None or expires_at is None or expires_at <= timezone.now():
        return False
    if not hmac.compare_digest(agent.token_hash, hash_of(secret)):
        return False
    return agent.public_key in ("", public_key)


def _take_in(agent: RelayAgent, enrolment: wire.Enrolment) -> None:
    """``enrolment``'s texts are printable and short."""
    now = timezone.now()
    agent.public_key, agent.previous_key = enrolment.public_key, ""
    agent.enrolled_at = agent.key_at = now
    agent.state = {"version": enrolment.version, "host": enrolment.host}
    agent.save()
    identities.changed(agent)
    watch.look_soon(agent.site_id)
    with acting_as("agent", agent.name):
        audit.record(
            Action.RELAY_AGENT_ENROLLED,
            f"The relay agent “{agent.name}” was enrolled"
            + (f" on {enrolment.host}." if enrolment.host else "."),
            data={"site": agent.site.slug, "agent": agent.key},
        )


def change_key(identity: Identity, new: wire.NewKey) -> None:
    """From now on the agent signs with its new key; the old one signs too until the new one was
    used, so that an answer lost here locks nobody out. Asked again, nothing changes. Raises
    EnrolmentRefused."""
    try:
        proof = wire.unbase64(new.proof)
    except wire.WireError as error:
        raise EnrolmentRefused("The proof of the new key cannot be read.") from error
    if not verifies(new.public_key, proof, wire.proof_of_key(identity.key, new.public_key)):
        raise EnrolmentRefused("The new key did not sign its proof.")
    with in_tenant(identity.schema), transaction.atomic():
        agent = RelayAgent.objects.select_for_update().get(pk=identity.agent_id)
        if not agent.is_enrolled:
            raise EnrolmentRefused("The agent was revoked meanwhile.")
        if agent.public_key == new.public_key:
            return
        agent.previous_key, agent.public_key = agent.public_key, new.public_key
        agent.key_at, agent.rotate_asked_at = timezone.now(), None
        agent.save()
        identities.changed(agent)
        with acting_as("agent", agent.name):
            audit.record(
                Action.RELAY_AGENT_KEY,
                f"The relay agent “{agent.name}” made a new key.",
                data={"site": agent.site.slug, "agent": agent.key},
            )


def drop_previous_key(identity: Identity) -> None:
    """The new key was used: the old one signs nothing any more."""
    with in_tenant(identity.schema), transaction.atomic():
        agent = RelayAgent.objects.select_for_update().get(pk=identity.agent_id)
        if agent.public_key == identity.public_key and agent.previous_key:
            agent.previous_key = ""
            agent.save(update_fields=["previous_key"])
            identities.changed(agent)


def look_soon(schema: str, site_id: int) -> None:
    """An agent came or went: have its site looked at."""
    with in_tenant(schema):
        watch.look_soon(site_id)
