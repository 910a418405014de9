"""``manage.py transfers``: a tenant's transfers, for a person or as JSON Lines."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Prefetch, QuerySet

from sync.models import Document, Flow, Hold, State, Transfer
from tenants.context import in_tenant
from tenants.models import Tenant

BATCH = 500


class Command(BaseCommand):
    help = "List a tenant's transfers, newest first: all that match, or the newest of them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", required=True, help="slug of the tenant")
        parser.add_argument("--state", choices=State.values, help="in this state")
        parser.add_argument("--hold", choices=Hold.values, help="held for this reason")
        parser.add_argument("--flow", choices=Flow.values, help="of this flow")
        parser.add_argument("--limit", type=int, help="so many at most")
        parser.add_argument("--json", action="store_true", help="one JSON object a line")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["limit"] is not None and options["limit"] < 1:
            raise CommandError("--limit takes a whole number from 1 on.")
        try:
            tenant = Tenant.objects.get(slug=options["tenant"])
        except Tenant.DoesNotExist as error:
            raise CommandError(f"There is no tenant “{options['tenant']}”.") from error
        with in_tenant(tenant.schema_name):
            count = 0
            for row in _found(options)[: options["limit"]].iterator(BATCH):
                count += 1
                self.stdout.write(_as_json(row) if options["json"] else _in_words(row))
        if not options["json"]:
            self.stderr.write(f"{count} transfer{'' if count == 1 else 's'}")


def _found(options: dict[str, Any]) -> QuerySet[Transfer]:
    wanted = {name: options[name] for name in ("state", "hold", "flow") if options[name]}
    return (
        Transfer.objects.filter(**wanted)
        .select_related("route")
        .prefetch_related(Prefetch("documents", Document.objects.defer("draft", "booked")))
        .defer("record", "change", "comparison")
        .order_by("-id")
    )


def _as_json(row: Transfer) -> str:
    """Amounts as decimal strings, instants in UTC."""
    return json.dumps(
        {
            "id": row.pk,
            "job_id": row.job_id,
            "route": row.route.slug,
            "flow": row.flow,
            "number": row.number,
            "state": row.state,
            "hold": row.hold,
            "reason": row.reason,
            "amount": None if row.amount is None else f"{row.amount:f}",
            "currency": row.currency,
            "attempts": row.attempts,
            "received_at": row.received_at.isoformat(),
            "due_at": row.due_at.isoformat() if row.due_at else None,
            "posted_at": row.posted_at.isoformat() if row.posted_at else None,
            "documents": [
                {
                    "kind": document.kind,
                    "status": document.status,
                    "reference": document.reference,
                    "number": document.number,
                }
                for document in row.documents.all()
            ],
        },
        ensure_ascii=False,
    )


def _in_words(row: Transfer) -> str:
    numbers = ", ".join(document.number or document.reference for document in row.documents.all())
    amount = "" if row.amount is None else f"{row.amount:.2f} {row.currency}"
    state = f"{row.state}: {row.hold}" if row.hold else row.state
    return "  ".join(
        part for part in (f"{row.job_id:<32}", f"{state:<26}", f"{amount:>16}", numbers or "-")
    )
