"""Tokens of a tenant's own programs, and the requests that must not be carried out twice."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils import timezone

from tenants.roles import Role


class ApiToken(models.Model):
    """What one program of the tenant signs in with. The token itself is shown once and not kept:
    ``digest`` is its SHA-256 (it has 256 random bits, so nothing slower is needed), ``hint`` its
    last four characters, for people who compare."""

    name = models.CharField(max_length=60)
    role = models.CharField(max_length=12, choices=Role, default=Role.VIEWER)
    digest = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=4)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.CharField(max_length=254)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.CharField(max_length=254, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["name"], condition=Q(revoked_at__isnull=True), name="one_token_a_name"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} (…{self.hint})"

    def is_valid_at(self, now: datetime) -> bool:
        return self.revoked_at is None and now < self.expires_at


class DoneRequest(models.Model):
    """An act that a program asked for under an ``Idempotency-Key``: asked again, nothing is done.

    ``fingerprint`` is the SHA-256 of what was asked, so that one key cannot mean two things.
    """

    token = models.ForeignKey(ApiToken, on_delete=models.CASCADE, related_name="requests")
    key = models.CharField(max_length=100)
    fingerprint = models.CharField(max_length=64)
    outcome = models.JSONField(default=dict)
    at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["token", "key"], name="one_request_per_key")]
