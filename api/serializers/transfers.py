"""Transfers and their documents."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.fields import AMOUNT, Money
from api.serializers.trail import EntrySerializer, ExchangeSerializer
from audit.models import Entry, Exchange
from sync.models import Document, Flow, Hold, State, Transfer

MOST_SHOWN = 200
CONTENTS = ("url", "request_headers", "request_body", "response_headers", "response_body")
DIFFERENCE = {
    "type": ["object", "null"],
    "description": "What the two sides differ by. Send it back as you saw it to accept exactly "
    "this difference. Null where there is none that can be accepted.",
    "required": ["total", "tax"],
    "properties": {
        "total": {**AMOUNT, "description": "Of the totals, store less ERP."},
        "tax": {**AMOUNT, "description": "Of the tax, store less ERP."},
    },
    "example": {"total": "0.01", "tax": "0.00"},
}
SIDE = {**AMOUNT, "type": ["string", "null"]}
ROW = {
    "type": "object",
    "required": ["what", "store", "erp", "difference"],
    "properties": {
        "what": {"type": "string", "description": "The line in words.", "example": "Total"},
        "store": {**SIDE, "description": "The store's amount; null if it has no such line."},
        "erp": {**SIDE, "description": "The ERP's amount; null if it has no such line."},
        "difference": {**SIDE, "description": "Store less ERP, where it was worked out."},
    },
}
COMPARISON = {
    "type": "object",
    "description": "Both sides of a disagreement, in the transfer's currency; null if there is "
    "none.",
    "required": ["total", "tax", "rows", "difference", "can_be_corrected"],
    "properties": {
        "total": {**ROW, "description": "The totals of both sides."},
        "tax": {**ROW, "type": ["object", "null"], "description": "The tax of both sides."},
        "rows": {"type": "array", "items": ROW, "description": "Line by line."},
        "difference": DIFFERENCE,
        "can_be_corrected": {
            "type": "boolean",
            "description": "Whether post-correction books exactly this difference.",
        },
    },
}
CONFLICT = {
    "type": "object",
    "description": "A customer that was changed on both sides, and differently; null if it is not "
    "held for that.",
    "required": ["fields", "seen"],
    "properties": {
        "fields": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["what", "erp", "store"],
                "properties": {
                    "what": {"type": "string", "description": "The field.", "example": "Name"},
                    "erp": {"type": "string", "description": "As the ERP has it."},
                    "store": {"type": "string", "description": "As the store has it."},
                },
            },
        },
        "seen": {
            "type": "string",
            "description": "Names exactly this conflict. Send it back to choose a side of it.",
        },
    },
}


class DocumentSerializer(serializers.ModelSerializer[Document]):
    """One document of the ERP that a transfer intends or made."""

    transfer = serializers.IntegerField(
        source="transfer_id", help_text="Id of the transfer that it belongs to."
    )
    kind = serializers.CharField(help_text="What it is in the ERP, such as sales_invoice.")
    status = serializers.ChoiceField(
        Document.Status.choices,
        help_text="How far it is; “sent” and “posting” mean that no answer came yet.",
    )
    reference = serializers.CharField(help_text="Our own reference, written into the document.")
    number = serializers.CharField(help_text="The ERP's number; empty until it has one.")
    invoice_number = serializers.CharField(
        help_text="Number that the ERP gave when it posted later what it had accepted, or empty."
    )
    total = Money("total_inc_tax", help_text="Total with tax, as read back from the ERP.")
    tax = Money("total_tax", help_text="Tax in it, as read back from the ERP.")
    posting_date = serializers.DateField(
        allow_null=True, help_text="The day in the ledger: a date without a time zone."
    )
    url = serializers.CharField(help_text="Where people open it in the ERP, or empty.")
    created_at = serializers.DateTimeField(help_text="When it was planned here, UTC.")
    posted_at = serializers.DateTimeField(
        allow_null=True, help_text="When it was seen posted, UTC."
    )
    updated_at = serializers.DateTimeField(help_text="When this last changed, UTC.")

    class Meta:
        model = Document
        fields = (
            "id", "transfer", "kind", "status", "reference", "number", "invoice_number", "total",
            "tax", "posting_date", "url", "created_at", "posted_at", "updated_at",
        )  # fmt: skip
        extra_kwargs = {"id": {"help_text": "Id of the document here."}}


class TransferSerializer(serializers.ModelSerializer[Transfer]):
    """One record of the store on its way through one flow of a route."""

    job_id = serializers.CharField(
        help_text="Route, flow and the store's key: unique, and the same for ever."
    )
    route = serializers.SlugField(source="route.slug", help_text="Slug of its route.")
    flow = serializers.ChoiceField(Flow.choices, help_text="The kind of movement.")
    number = serializers.CharField(help_text="The store's number, as people know it.")
    order_key = serializers.CharField(help_text="The store's key of the order it belongs to.")
    state = serializers.ChoiceField(State.choices, help_text="Where it is.")
    hold = serializers.ChoiceField(
        Hold.choices, allow_blank=True, help_text="Why it is held; empty unless it is."
    )
    hold_keys = serializers.ListField(
        child=serializers.CharField(), help_text="What it waits for, such as item:TENT-2P."
    )
    reason = serializers.CharField(help_text="Why it is where it is, in words.")
    advice = serializers.CharField(help_text="What a person can do about it, in words.")
    party = serializers.CharField(help_text="Whom it is for, as the store names them.")
    party_email = serializers.CharField(help_text="Their e-mail address, or empty.")
    total = Money("amount", help_text="What the store says it comes to; null until it was read.")
    attempts = serializers.IntegerField(help_text="Tries since it last came to rest.")
    due_at = serializers.DateTimeField(
        allow_null=True, help_text="When it is tried again by itself, UTC; null if not planned."
    )
    placed_at = serializers.DateTimeField(
        source="source_at", allow_null=True, help_text="When it was made in the store, UTC."
    )
    received_at = serializers.DateTimeField(help_text="When we first heard of it, UTC.")
    posted_at = serializers.DateTimeField(
        allow_null=True, help_text="When it was first booked, UTC."
    )
    updated_at = serializers.DateTimeField(help_text="When this last changed, UTC.")
    documents = DocumentSerializer(many=True, help_text="Its documents in the ERP, oldest first.")

    class Meta:
        model = Transfer
        fields: tuple[str, ...] = (
            "id", "job_id", "route", "flow", "number", "order_key", "state", "hold", "hold_keys",
            "reason", "advice", "party", "party_email", "total", "attempts", "due_at", "placed_at",
            "received_at", "posted_at", "updated_at", "documents",
        )  # fmt: skip
        extra_kwargs = {"id": {"help_text": "Id of the transfer here."}}


@extend_schema_field(COMPARISON)
class Comparison(serializers.Field):
    def to_representation(self, value: dict[str, Any]) -> dict[str, Any]:
        return {
            "total": _row(value["total"]),
            "tax": _row(value["tax"]) if "tax" in value else None,
            "rows": [_row(row) for row in value.get("rows", ())],
            "difference": difference_of(value),
            "can_be_corrected": bool(value.get("can_correct")),
        }


@extend_schema_field(CONFLICT)
class CustomerConflict(serializers.Field):
    """Read from the whole transfer: state, hold and record together say whether there is one."""

    def get_attribute(self, instance: Transfer) -> dict[str, Any] | None:
        return conflict_of(instance)

    def to_representation(self, value: dict[str, Any]) -> dict[str, Any]:
        return value


def conflict_of(transfer: Transfer) -> dict[str, Any] | None:
    """The conflict that a person can decide; ``seen`` stands for exactly this one."""
    if transfer.hold != Hold.CUSTOMER_CONFLICT or transfer.state != State.HELD:
        return None
    record = transfer.record or {}
    if not record.get("conflict"):
        return None
    fields = [{name: row[name] for name in ("what", "erp", "store")} for row in record["conflict"]]
    return {"fields": fields, "seen": seen_of(record)}


def seen_of(record: dict[str, Any]) -> str:
    """A short name of what a person decides on."""
    return hashlib.sha256(str(record.get("value", "")).encode()).hexdigest()[:32]


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row.get(name) for name in ("what", "store", "erp", "difference")}


def difference_of(comparison: dict[str, Any] | None) -> dict[str, str] | None:
    """The difference that a person can accept, in the very words in which it is kept."""
    if not comparison or "tax" not in comparison:
        return None
    return {
        "total": comparison["total"]["difference"],
        "tax": comparison["tax"]["difference"],
    }


def is_difference(comparison: dict[str, Any] | None, *, total: Decimal, tax: Decimal) -> bool:
    shown = difference_of(comparison)
    return shown is not None and Decimal(shown["total"]) == total and Decimal(shown["tax"]) == tax


class TransferDetailSerializer(TransferSerializer):
    """One transfer with all that happened to it."""

    vendor_words = serializers.CharField(help_text="What the system itself said, or empty.")
    comparison = Comparison(allow_null=True)
    conflict = CustomerConflict(read_only=True, allow_null=True)
    exchanges = serializers.SerializerMethodField(
        help_text=f"Requests made for it to the systems, newest first, {MOST_SHOWN} at most."
    )
    timeline = serializers.SerializerMethodField(
        help_text=f"Its audit entries, newest first, {MOST_SHOWN} at most."
    )

    class Meta(TransferSerializer.Meta):
        fields = (
            *TransferSerializer.Meta.fields, "vendor_words", "comparison", "conflict", "exchanges",
            "timeline",
        )  # fmt: skip

    @extend_schema_field(ExchangeSerializer(many=True))
    def get_exchanges(self, row: Transfer) -> list[Any]:
        rows = Exchange.objects.filter(transfer_id=row.pk).order_by("-id").defer(*CONTENTS)
        return list(ExchangeSerializer(rows[:MOST_SHOWN], many=True).data)

    @extend_schema_field(EntrySerializer(many=True))
    def get_timeline(self, row: Transfer) -> list[Any]:
        rows = Entry.objects.filter(transfer_id=row.pk).order_by("-id")
        entries: Any = EntrySerializer(rows[:MOST_SHOWN], many=True)
        return list(entries.data)
