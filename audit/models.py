"""The append-only trail of one tenant: entries, the exchanges behind them, and the seals."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from audit.actions import Action
from tenants.encryption import EncryptedTextField


class Entry(models.Model):
    """One fact. Insert-only: a database trigger refuses every change, deletion and truncation.

    ``words`` and ``data`` hold document numbers and amounts, never a shopper's name or address:
    those live in exchanges, which expire; ``digests`` prove what they said.
    """

    at = models.DateTimeField(default=timezone.now)
    actor_kind = models.CharField(max_length=10)
    actor = models.CharField(max_length=254, blank=True)
    action = models.CharField(max_length=40, choices=Action)
    words = models.TextField()
    data = models.JSONField(default=dict)
    digests = models.JSONField(default=dict)
    transfer_id = models.BigIntegerField(null=True)
    document_id = models.BigIntegerField(null=True)
    connection_id = models.BigIntegerField(null=True)
    route_id = models.BigIntegerField(null=True)

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["transfer_id", "id"], name="entry_by_transfer"),
            models.Index(fields=["action", "-id"], name="entry_by_action"),
        ]

    def __str__(self) -> str:
        return f"{self.get_action_display()}: {self.words}"


class Exchange(models.Model):
    """One HTTP request and its answer, secrets removed, bodies encrypted until they expire.

    ``status`` is null when no answer came; ``error`` then says why in words.
    """

    at = models.DateTimeField()
    transfer_id = models.BigIntegerField(null=True)
    connection_id = models.BigIntegerField(null=True)
    purpose = models.CharField(max_length=80, blank=True)
    method = models.CharField(max_length=8)
    url = EncryptedTextField()
    path = models.CharField(max_length=300, help_text="Without query, for lists.")
    status = models.PositiveSmallIntegerField(null=True)
    error = models.CharField(max_length=300, blank=True)
    duration_ms = models.PositiveIntegerField()
    request_headers = models.JSONField(default=dict)
    response_headers = models.JSONField(default=dict)
    request_body = EncryptedTextField(null=True)
    response_body = EncryptedTextField(null=True)
    request_digest = models.CharField(max_length=64, blank=True)
    response_digest = models.CharField(max_length=64, blank=True)
    request_size = models.PositiveIntegerField(default=0)
    response_size = models.PositiveIntegerField(default=0)
    expires_at = models.DateTimeField()
    erased_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["transfer_id", "id"], name="exchange_by_transfer"),
            models.Index(
                fields=["expires_at"],
                condition=models.Q(erased_at__isnull=True),
                name="exchange_to_expire",
            ),
        ]


class Seal(models.Model):
    """One link of the chain: the hash of a batch of entries, chained with the seal before it.

    ``chain_hash`` = SHA-256 over the previous seal's ``chain_hash``, this seal's own figures and
    the digests of the batch's entries in order (``audit.seals``).

    ``settled_to``: every entry up to this id had committed or rolled back when the seal was made,
    and is in it or in an earlier one, so that a lower id that turns up later was inserted. Null
    in seals of before it was kept. ``seen_to`` and ``writers`` are working notes for the seals
    that follow: the highest id in sight, and the transactions that might still commit a lower one.
    """

    number = models.PositiveBigIntegerField(unique=True)
    at = models.DateTimeField(default=timezone.now)
    count = models.PositiveIntegerField()
    first_entry_id = models.BigIntegerField()
    last_entry_id = models.BigIntegerField()
    settled_to = models.BigIntegerField(null=True)
    seen_to = models.BigIntegerField(default=0)
    writers = models.JSONField(default=list)
    previous_hash = models.CharField(max_length=64)
    chain_hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["number"]


class SealedEntry(models.Model):
    """Which entry is in which seal, where, and what it said then. Insert-only like the entries."""

    entry_id = models.BigIntegerField(primary_key=True)
    seal = models.ForeignKey(Seal, on_delete=models.PROTECT, related_name="members")
    position = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)

    class Meta:
        ordering = ["seal", "position"]
        constraints = [
            models.UniqueConstraint(fields=["seal", "position"], name="one_entry_per_position")
        ]
