"""Relay sites and their agents, as they are at this moment."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

MOST_LETTERS = 80
STATES = [(name, name) for name in ("invited", "expired", "online", "offline", "revoked")]


class RelaySiteSerializer(serializers.Serializer[Any]):
    """A network of the company's own, reached by the relay agents that are installed there."""

    id = serializers.IntegerField(help_text="Id of the site here.")
    slug = serializers.SlugField(help_text="How addresses and declarations name it.")
    name = serializers.CharField(help_text="How people call it.")
    is_online = serializers.BooleanField(help_text="Whether an agent of it is there.")
    agents = serializers.ListField(
        child=serializers.CharField(), help_text="Keys of its agents, revoked ones too."
    )
    connections = serializers.ListField(
        child=serializers.SlugField(), help_text="Slugs of the connections reached through it."
    )
    created_at = serializers.DateTimeField(help_text="When it was made, UTC.")


class RelayTargetSerializer(serializers.Serializer[Any]):
    """A place that an agent may reach, by its own configuration on site."""

    url = serializers.CharField(help_text="Its address; what is below it may be asked.")
    sign_in = serializers.CharField(
        help_text="windows or basic: with an account kept on site; connector: as the connection "
        "says; none."
    )
    certificate_until = serializers.DateTimeField(
        allow_null=True, help_text="When its certificate ends, UTC; null if none was seen."
    )


class RelayAgentSerializer(serializers.Serializer[Any]):
    """One installed relay agent, and what it said of itself last."""

    key = serializers.CharField(help_text="How addresses name it.")
    name = serializers.CharField(help_text="How people call it.")
    site = serializers.SlugField(help_text="Slug of its site.")
    state = serializers.ChoiceField(
        STATES,
        help_text="invited: its token waits to be used; expired: it was not used in time; "
        "online, offline; revoked: it is refused.",
    )
    reason = serializers.CharField(help_text="Why it is so, in words.")
    advice = serializers.CharField(help_text="What to do about it, or empty.")
    last_seen_at = serializers.DateTimeField(
        allow_null=True, help_text="When it was last heard of, UTC."
    )
    enrolled_at = serializers.DateTimeField(
        allow_null=True, help_text="When it exchanged its token for a key, UTC."
    )
    token_expires_at = serializers.DateTimeField(
        allow_null=True, help_text="Until when its token can be used, UTC; null if there is none."
    )
    revoked_at = serializers.DateTimeField(allow_null=True, help_text="When it was revoked, UTC.")
    version = serializers.CharField(help_text="Of the program; empty before it was first there.")
    needs_upgrade = serializers.BooleanField(
        help_text="Whether its version is too old to be given work."
    )
    clock_difference_seconds = serializers.FloatField(
        allow_null=True, help_text="How far its clock is ahead of ours; negative if it is behind."
    )
    jobs_in_flight = serializers.IntegerField(help_text="Requests that it is carrying out.")
    median_round_trip_ms = serializers.IntegerField(
        allow_null=True, help_text="Of its last requests to the connector, in milliseconds."
    )
    host = serializers.CharField(help_text="Name of its computer, or empty.")
    system = serializers.CharField(help_text="Operating system of its computer, or empty.")
    targets = RelayTargetSerializer(many=True, help_text="What it may reach.")


class InviteSerializer(serializers.Serializer[Any]):
    """Whom to invite."""

    name = serializers.CharField(
        max_length=MOST_LETTERS, help_text="Name of the new agent, as people will call it."
    )


class InvitedSerializer(serializers.Serializer[Any]):
    """A new agent with the token that it is enrolled with."""

    token = serializers.CharField(
        help_text="Good for one enrolment until token_expires_at; it is told this once."
    )
    agent = RelayAgentSerializer(help_text="The agent, waiting to be enrolled.")
