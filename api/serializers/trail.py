"""The audit trail and the exchanges behind it."""

from __future__ import annotations

from rest_framework import serializers

from audit.actions import Action
from audit.models import Entry, Exchange


class EntrySerializer(serializers.ModelSerializer[Entry]):
    """One fact of the audit trail."""

    at = serializers.DateTimeField(help_text="When, UTC.")
    actor_kind = serializers.CharField(help_text="person, token, worker, hook or system.")
    actor = serializers.CharField(
        help_text="A person's e-mail address or a token's name; or empty."
    )
    action = serializers.ChoiceField(Action.choices, help_text="What happened.")
    words = serializers.CharField(help_text="What happened, in a sentence.")
    data = serializers.DictField(help_text="Numbers and amounts of it.")  # type: ignore[assignment]
    digests = serializers.DictField(
        child=serializers.CharField(), help_text="SHA-256 of what it speaks of."
    )
    transfer = serializers.IntegerField(
        source="transfer_id", allow_null=True, help_text="Id of the transfer it belongs to."
    )
    document = serializers.IntegerField(
        source="document_id", allow_null=True, help_text="Id of the document it belongs to."
    )
    connection = serializers.IntegerField(
        source="connection_id", allow_null=True, help_text="Id of the connection it belongs to."
    )
    route = serializers.IntegerField(
        source="route_id", allow_null=True, help_text="Id of the route it belongs to."
    )

    class Meta:
        model = Entry
        fields = (
            "id", "at", "actor_kind", "actor", "action", "words", "data", "digests", "transfer",
            "document", "connection", "route",
        )  # fmt: skip
        extra_kwargs = {"id": {"help_text": "Id of the entry; rises with time."}}


class ExchangeSerializer(serializers.ModelSerializer[Exchange]):
    """One request to a system and how it was answered, without contents."""

    at = serializers.DateTimeField(help_text="When it was sent, UTC.")
    connection = serializers.IntegerField(
        source="connection_id", allow_null=True, help_text="Id of the connection it went through."
    )
    purpose = serializers.CharField(help_text="What for.")
    method = serializers.CharField(help_text="HTTP method.")
    path = serializers.CharField(help_text="Path at the system, without its query.")
    status = serializers.IntegerField(
        allow_null=True, help_text="HTTP status; null if no answer came."
    )
    error = serializers.CharField(help_text="Why no answer came, or empty.")
    duration_ms = serializers.IntegerField(help_text="Time until the answer, in milliseconds.")

    class Meta:
        model = Exchange
        fields = (
            "id", "at", "connection", "purpose", "method", "path", "status", "error",
            "duration_ms",
        )  # fmt: skip
        extra_kwargs = {"id": {"help_text": "Id of the exchange."}}
