"""Who signs: an agent's id -> its tenant, site and public keys.

The truth is in PostgreSQL; Redis keeps a copy for two minutes, and a change overwrites the copy as
soon as it is committed. A copy that was read before a change never replaces the newer one.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass

from django.db import transaction
from redis import Redis
from redis.exceptions import RedisError

from connectors.models import RelayAgent
from connectors.relay import keys
from connectors.shared_redis import redis_client
from tenants.context import in_public, in_tenant
from tenants.database import database
from tenants.models import AgentAddress, Tenant

KEPT_SECONDS = 120
REVOKED_KEPT_SECONDS = 24 * 3600

log = logging.getLogger("ml_connector.relay")


@dataclass(frozen=True, slots=True)
class Identity:
    """An agent as the server knows it. ``public_key`` (base64) is empty while it has none."""

    key: str
    schema: str
    site_id: int
    agent_id: int
    name: str
    public_key: str = ""
    previous_key: str = ""
    is_revoked: bool = False
    is_asked_for_new_key: bool = False

    @property
    def site(self) -> str:
        return keys.site(self.schema, self.site_id)

    def to_json(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> Identity | None:
        """None for a copy that another version of this program has left."""
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError):
            return None


def of_row(agent: RelayAgent) -> Identity:
    """The identity of a row of the current tenant."""
    return Identity(
        key=agent.key,
        schema=str(database.schema_name),
        site_id=agent.site_id,
        agent_id=agent.pk,
        name=agent.name,
        public_key=agent.public_key,
        previous_key=agent.previous_key,
        is_revoked=agent.revoked_at is not None,
        is_asked_for_new_key=agent.rotate_asked_at is not None,
    )


def find(key: str) -> Identity | None:
    """From the database, whatever tenant it belongs to; None if there is no such agent."""
    with in_public():
        address = AgentAddress.objects.select_related("tenant").filter(key=key).first()
    if address is None:
        return None
    try:
        with in_tenant(address.tenant.schema_name):
            agent = RelayAgent.objects.filter(pk=address.agent_id, key=key).first()
            return of_row(agent) if agent else None
    except Tenant.DoesNotExist:  # the tenant was closed
        return None


def changed(agent: RelayAgent) -> None:
    """In the transaction that changes a row: from its commit on every process goes by it."""
    AgentAddress.objects.filter(key=agent.key).update(is_enrolled=agent.is_enrolled)
    identity = of_row(agent)
    transaction.on_commit(lambda: store(redis_client(), identity))


def store(redis: Redis, identity: Identity) -> None:
    """Overwrite the copy. A revoked agent is at its site no more, so its jobs end."""
    seconds = REVOKED_KEPT_SECONDS if identity.is_revoked else KEPT_SECONDS
    try:
        with redis.pipeline(transaction=True) as pipe:
            pipe.set(keys.identity(identity.key), identity.to_json(), ex=seconds)
            if identity.is_revoked:
                pipe.zrem(keys.present(identity.site), identity.key)
            pipe.publish(keys.IDENTITY_CHANGED, identity.key)
            pipe.execute()
    except RedisError as error:
        # The copy ends by itself, and the site's next look stores it again.
        log.warning("the change of agent %s is not in Redis yet: %s", identity.key, error)
