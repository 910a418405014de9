"""What came from the stores beside what is booked, day by day."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from api.fields import Money
from sync.models import Flow, State


class CountSerializer(serializers.Serializer[Any]):
    """Transfers of one day, flow, state and currency."""

    day = serializers.DateField(
        help_text="The day on which they came in, in the company's time zone."
    )
    flow = serializers.ChoiceField(Flow.choices, help_text="The kind of movement.")
    state = serializers.ChoiceField(State.choices, help_text="Where they are now.")
    currency = serializers.CharField(
        help_text="ISO 4217 code; empty for those that were not read from the store yet."
    )
    transfers = serializers.IntegerField(help_text="How many.")
    store_total = Money("store_total", help_text="What the store says they come to.")
    documents = serializers.IntegerField(
        help_text="How many of their documents are booked, or accepted by the ERP."
    )
    erp_total = Money("erp_total", help_text="What those documents come to, as read back.")
    documents_without_total = serializers.IntegerField(
        help_text="How many of those documents the ERP has given no total for yet."
    )


class StateCountSerializer(serializers.Serializer[Any]):
    """All transfers of one flow in one state within the days asked for."""

    flow = serializers.ChoiceField(Flow.choices, help_text="The kind of movement.")
    state = serializers.ChoiceField(State.choices, help_text="Where they are now.")
    transfers = serializers.IntegerField(help_text="How many.")


class ReconciliationSerializer(serializers.Serializer[Any]):
    """Counts and totals of the days asked for."""

    first_day = serializers.DateField(help_text="First day counted.")
    last_day = serializers.DateField(help_text="Last day counted.")
    time_zone = serializers.CharField(help_text="The company's time zone, in which days begin.")
    states = StateCountSerializer(many=True, help_text="By flow and state, over all the days.")
    days = CountSerializer(many=True, help_text="By day, flow, state and currency.")
