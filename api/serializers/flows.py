"""Master data: when each flow of a route runs, and orders of the past."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from sync import schedules
from sync.models import Flow, FlowSchedule

MOST_NUMBERS = 1_000
FLOWS = [(flow.value, flow.label) for flow in schedules.DEFAULT_MINUTES]


class ScheduleSerializer(serializers.ModelSerializer[FlowSchedule]):
    """One flow of master data: when it runs, and how its last or present run fares."""

    flow = serializers.ChoiceField(FLOWS, help_text="What moves from the ERP to the store.")
    is_on = serializers.SerializerMethodField(
        help_text="Whether the route's settings switch the flow on; else it never runs."
    )
    is_paused = serializers.BooleanField(help_text="Whether a person paused it.")
    is_running = serializers.BooleanField(help_text="Whether a reading is under way.")
    every_minutes = serializers.IntegerField(
        help_text="Minutes between runs; without meaning where there are times of day."
    )
    at_times = serializers.ListField(
        child=serializers.CharField(),
        help_text="Times of day, HH:MM in the company's time zone; empty for every so many minutes.",
    )
    started_at = serializers.DateTimeField(
        allow_null=True, help_text="When the last or present run began, UTC."
    )
    finished_at = serializers.DateTimeField(
        allow_null=True, help_text="When the last whole run ended, UTC."
    )
    next_at = serializers.DateTimeField(
        allow_null=True, help_text="When it runs next, UTC; null while it is paused or off."
    )
    rows_seen = serializers.IntegerField(help_text="Rows read by the last or present run.")
    rows_written = serializers.IntegerField(help_text="Rows of them that were written.")
    rows_refused = serializers.IntegerField(help_text="Rows of them that the store refused.")
    words = serializers.CharField(help_text="How the last reading ended, for people.")
    report = serializers.SerializerMethodField(
        help_text="Items only: how many match, and how many are on one side only; null for other "
        "flows and before the first whole run."
    )

    class Meta:
        model = FlowSchedule
        fields = (
            "id", "flow", "is_on", "is_paused", "is_running", "every_minutes", "at_times",
            "started_at", "finished_at", "next_at", "rows_seen", "rows_written", "rows_refused",
            "words", "report",
        )  # fmt: skip
        extra_kwargs = {"id": {"help_text": "Id of the schedule."}}

    def get_is_on(self, row: FlowSchedule) -> bool:
        return Flow(row.flow) in schedules.wanted(row.route)

    def get_report(self, row: FlowSchedule) -> dict[str, int] | None:
        if "matched" not in row.report:
            return None
        return {
            name: int(row.report.get(name, 0)) for name in ("matched", "erp_only", "store_only")
        }


class RunSerializer(serializers.Serializer[Any]):
    """How much a flow reads."""

    from_the_start = serializers.BooleanField(
        required=False,
        default=False,
        help_text="Read everything again, and not only what changed since the last run.",
    )


class BackfillSerializer(serializers.Serializer[Any]):
    """Which orders of the past: ``since`` and ``until``, or ``numbers``."""

    since = serializers.DateTimeField(
        required=False, help_text="Orders that changed in the store from this instant on."
    )
    until = serializers.DateTimeField(
        required=False, help_text="And before this instant; at most 31 days later."
    )
    numbers = serializers.ListField(
        child=serializers.CharField(max_length=64),
        required=False,
        max_length=MOST_NUMBERS,
        help_text="Orders by the numbers that people know.",
    )
    dry_run = serializers.BooleanField(
        required=False, default=True, help_text="Only say what would be done. True if not given."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        by_days = "since" in attrs or "until" in attrs
        if by_days == ("numbers" in attrs):
            raise serializers.ValidationError(
                {"numbers": "Give either numbers, or since and until."}
            )
        if by_days and not ("since" in attrs and "until" in attrs):
            raise serializers.ValidationError({"until": "Give both since and until."})
        return attrs


class PlanSerializer(serializers.Serializer[Any]):
    """What a backfill would do, or did."""

    fresh = serializers.ListField(
        child=serializers.CharField(), help_text="Orders that have no transfer yet."
    )
    known = serializers.ListField(
        child=serializers.CharField(), help_text="Orders that have one, and are left alone."
    )
    too_old = serializers.ListField(
        child=serializers.CharField(),
        help_text="Orders that were placed before the route begins, and are left alone.",
    )
    fetched = serializers.IntegerField(help_text="How many were asked for now; 0 in a dry run.")
    dry_run = serializers.BooleanField(help_text="Whether it was one.")
