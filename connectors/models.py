"""Accounts at systems, the relay agents that reach them, webhooks and how deliveries fare."""

from __future__ import annotations

import secrets
import string
from datetime import datetime

from django.db import models
from django.utils import timezone

from tenants.database import database
from tenants.encryption import EncryptedJSONField

_KEY_LETTERS = string.ascii_letters + string.digits


class Connection(models.Model):
    """One account at one system: settings and secrets encrypted, state with its reason in words.

    ``values`` and ``secrets`` hold the settings that the system's class declares. ``checks`` is
    the last ping, as shown. Secrets are never read back by console or API.
    """

    class State(models.TextChoices):
        UNTESTED = "untested", "Untested"
        HEALTHY = "healthy", "Healthy"
        DEGRADED = "degraded", "Degraded"
        REFUSED = "refused", "Refused"
        PAUSED = "paused", "Paused"

    name = models.CharField(max_length=80, unique=True)
    slug = models.SlugField(max_length=40, unique=True)
    kind = models.CharField(max_length=30)
    role = models.CharField(max_length=5)
    state = models.CharField(max_length=10, choices=State, default=State.UNTESTED)
    state_code = models.CharField(max_length=40, blank=True)
    state_reason = models.TextField(blank=True)
    state_advice = models.TextField(blank=True)
    state_at = models.DateTimeField(default=timezone.now)
    values = EncryptedJSONField(default=dict)
    secrets = EncryptedJSONField(default=dict)
    hook_secret = EncryptedJSONField(default=dict)
    facts = models.JSONField(default=dict)
    checks = models.JSONField(default=list)
    choices = models.JSONField(default=dict)
    pinged_at = models.DateTimeField(null=True, blank=True)
    hook_key = models.CharField(max_length=60, blank=True)
    relay_site = models.ForeignKey(
        "RelaySite",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="connections",
        help_text="The customer's network whose relay agents reach it; empty: reached directly.",
    )
    sign_in_on_site = models.BooleanField(
        default=False, help_text="Its account is in the relay agents' own configuration, not here."
    )
    version = models.PositiveIntegerField(
        default=1, help_text="Rises with every change of settings, so that sessions are renewed."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_open(self) -> bool:
        """Whether work may use it: nothing is sent through a refused or paused connection."""
        return self.state not in (self.State.REFUSED, self.State.PAUSED)

    @property
    def secrets_set(self) -> set[str]:
        return {name for name, value in self.secrets.items() if value}


class RelaySite(models.Model):
    """A customer's own network, reached by the relay agents that are installed there."""

    name = models.CharField(max_length=80, unique=True)
    slug = models.SlugField(max_length=40, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


def new_agent_key() -> str:
    return "agt_" + "".join(secrets.choice(_KEY_LETTERS) for _ in range(16))


class RelayAgent(models.Model):
    """One installed relay agent. Its private key never leaves its site.

    ``public_key`` is its Ed25519 key in base64, empty before it is enrolled. ``previous_key`` still
    signs after a change of keys until the new one was used. Of the enrolment token only the
    SHA-256 is kept. ``state`` is what it said of itself last, beside ``last_seen_at``; what it says
    just now is in Redis (``connectors.relay.presence``).
    """

    site = models.ForeignKey(RelaySite, on_delete=models.CASCADE, related_name="agents")
    name = models.CharField(max_length=80)
    key = models.CharField(max_length=20, unique=True, default=new_agent_key)
    public_key = models.CharField(max_length=60, blank=True)
    previous_key = models.CharField(max_length=60, blank=True)
    key_at = models.DateTimeField(null=True, blank=True)
    rotate_asked_at = models.DateTimeField(null=True, blank=True)
    token_hash = models.CharField(max_length=64, blank=True)
    token_expires_at = models.DateTimeField(null=True, blank=True)
    enrolled_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_seen_at = models.DateTimeField(null=True, blank=True)
    state = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["site", "name"]
        constraints = [
            models.UniqueConstraint(fields=["site", "name"], name="one_agent_of_a_name_a_site")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_enrolled(self) -> bool:
        """Whether it may sign in: it has a key, and was not revoked."""
        return bool(self.public_key) and self.revoked_at is None


class Subscription(models.Model):
    """A webhook registration at the system, as it was last seen there."""

    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, related_name="subscriptions"
    )
    scope = models.CharField(max_length=100)
    external_id = models.CharField(max_length=200)
    destination = models.URLField(max_length=500)
    is_active = models.BooleanField(default=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["scope"]
        constraints = [
            models.UniqueConstraint(fields=["connection", "scope"], name="one_subscription_a_scope")
        ]


class HookTally(models.Model):
    """How a day's webhook deliveries of one connection fared.

    ``refused_in_row`` counts refusals since the last delivery that was good, ``refused_since`` is
    the first of them (null if the last delivery was good).
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="tallies")
    day = models.DateField()
    accepted = models.PositiveIntegerField(default=0)
    duplicate = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    last_accepted_at = models.DateTimeField(null=True, blank=True)
    last_refused_at = models.DateTimeField(null=True, blank=True)
    last_refused_code = models.CharField(max_length=40, blank=True)
    last_refused_words = models.TextField(blank=True)
    refused_in_row = models.PositiveIntegerField(default=0)
    refused_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-day"]
        constraints = [
            models.UniqueConstraint(fields=["connection", "day"], name="one_tally_a_day")
        ]

    @classmethod
    def count(
        cls, connection: Connection, *, now: datetime, accepted: int = 0, duplicate: int = 0
    ) -> None:
        """Add good deliveries to their day in one statement: as many as you like at once."""
        with database.cursor() as cursor:
            cursor.execute(_GOOD, [connection.pk, now.date(), accepted, duplicate, now])

    @classmethod
    def count_refusal(
        cls, connection: Connection, *, now: datetime, code: str, words: str
    ) -> HookTally:
        """Add a refused delivery to its day in one statement; returns the day as it is then."""
        values = [connection.pk, now.date(), now, code[:40], words, now]
        return cls.objects.raw(_REFUSED, values)[0]


_GOOD = """
INSERT INTO connectors_hooktally AS tally (connection_id, day, accepted, duplicate, refused,
    last_accepted_at, last_refused_code, last_refused_words, refused_in_row)
VALUES (%s, %s, %s, %s, 0, %s, '', '', 0)
ON CONFLICT (connection_id, day) DO UPDATE SET
    accepted = tally.accepted + excluded.accepted,
    duplicate = tally.duplicate + excluded.duplicate,
    last_accepted_at = excluded.last_accepted_at, refused_in_row = 0, refused_since = NULL
"""
_REFUSED = """
INSERT INTO connectors_hooktally AS tally (connection_id, day, accepted, duplicate, refused,
    last_refused_at, last_refused_code, last_refused_words, refused_in_row, refused_since)
VALUES (%s, %s, 0, 0, 1, %s, %s, %s, 1, %s)
ON CONFLICT (connection_id, day) DO UPDATE SET
    refused = tally.refused + 1,
    last_refused_at = excluded.last_refused_at,
    last_refused_code = excluded.last_refused_code,
    last_refused_words = excluded.last_refused_words,
    refused_in_row = tally.refused_in_row + 1,
    refused_since = COALESCE(tally.refused_since, excluded.refused_since)
RETURNING tally.*
"""


def new_hook_secret() -> str:
    return secrets.token_urlsafe(32)
