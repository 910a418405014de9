"""What acts take and what became of them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from api.fields import Amount
from api.serializers.transfers import TransferSerializer
from sync.actions import SIDES

MOST_REASON = 500
MOST_SEEN = 64


class SkipSerializer(serializers.Serializer[Any]):
    """Why a record is left out of the ledger."""

    reason = serializers.CharField(
        max_length=MOST_REASON, help_text="The reason, as it will stand in the audit trail."
    )


class DifferenceSerializer(serializers.Serializer[Any]):
    """A difference as it was seen in a transfer's comparison."""

    total = Amount(help_text="Of the totals, store less ERP.")
    tax = Amount(help_text="Of the tax, store less ERP.")


class DifferenceSeenSerializer(serializers.Serializer[Any]):
    """Which difference is meant: the one that was looked at, and no other."""

    difference = DifferenceSerializer(help_text="As the transfer's comparison showed it.")


class SideSerializer(serializers.Serializer[Any]):
    """Which side of which conflict is taken."""

    side = serializers.ChoiceField(
        [(side, side) for side in SIDES], help_text="Whose fields both sides get."
    )
    seen = serializers.CharField(
        max_length=MOST_SEEN, help_text="As the transfer's conflict showed it."
    )


class ActSerializer(serializers.Serializer[Any]):
    """What became of an act."""

    changed = serializers.BooleanField(
        help_text="False if there was nothing to do: it was done before."
    )
    corrections = serializers.ListField(
        child=serializers.IntegerField(),
        help_text="Ids of the transfers that book a correction; empty for other acts.",
    )
    transfer = TransferSerializer(help_text="The transfer as it is now.")
