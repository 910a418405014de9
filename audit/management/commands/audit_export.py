"""``manage.py audit_export``: the trail of a tenant as JSON Lines on standard output."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.timezone import make_aware

from audit.export import lines
from tenants.context import in_tenant
from tenants.models import Tenant


class Command(BaseCommand):
    help = "Write a tenant's audit trail as JSON Lines."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", required=True, help="slug of the tenant")
        parser.add_argument("--since", help="date or instant; leaves the seals out")
        parser.add_argument("--transfer", type=int, help="one transfer's id; leaves the seals out")

    def handle(self, *args: Any, **options: Any) -> None:
        since = None
        if options["since"]:
            since = parse_datetime(options["since"])
            if since is None:
                day = parse_date(options["since"])
                if day is None:
                    raise CommandError("--since takes 2026-11-21 or 2026-11-21T08:00:00+00:00.")
                since = parse_datetime(f"{day}T00:00:00")
            if since is not None and since.tzinfo is None:
                since = make_aware(since)
        try:
            tenant = Tenant.objects.get(slug=options["tenant"])
        except Tenant.DoesNotExist as error:
            raise CommandError(f"There is no tenant “{options['tenant']}”.") from error
        with in_tenant(tenant.schema_name):
            for line in lines(since=since, transfer_id=options["transfer"]):
                self.stdout.write(line, ending="")
