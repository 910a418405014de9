"""``manage.py backfill``: fetch past orders of a route, by days or by numbers."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from connectors.errors import ConnectorError
from sync import backfill
from sync.models import Route
from tenants.acting import acting_as
from tenants.context import in_tenant
from tenants.models import Tenant

PATIENCE = timedelta(hours=1)


class Command(BaseCommand):
    help = "Fetch past orders; what is known already is left alone. --dry-run only counts."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", required=True, help="the tenant's short name")
        parser.add_argument("--route", required=True, help="the route's short name")
        parser.add_argument("--since", help="a day such as 2026-11-01, in the company's time zone")
        parser.add_argument("--until", help="the day after the last one")
        parser.add_argument("--dry-run", action="store_true")
        parser.add_argument("numbers", nargs="*", help="order numbers instead of days")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = Tenant.objects.filter(slug=options["tenant"]).first()
        if tenant is None:
            raise CommandError(f"There is no tenant “{options['tenant']}”.")
        with in_tenant(tenant.schema_name), acting_as("system", "backfill"):
            route = Route.objects.select_related("store", "erp").filter(slug=options["route"])
            found = route.first()
            if found is None:
                raise CommandError(f"There is no route “{options['route']}”.")
            try:
                plan = self._plan(found, options, ZoneInfo(tenant.time_zone))
            except ValidationError as error:
                raise CommandError("; ".join(error.messages)) from error
            except ConnectorError as error:
                raise CommandError(f"{error.reason} {error.vendor_words}".strip()) from error
            if options["dry_run"]:
                self.stdout.write(plan.words)
                return
            added = backfill.carry_out(found, plan)
            self.stdout.write(f"{added} orders are fetched; {len(plan.known)} were known already.")

    def _plan(self, route: Route, options: dict[str, Any], zone: ZoneInfo) -> backfill.Plan:
        if options["numbers"]:
            return backfill.plan_numbers(route, options["numbers"])
        if not options["since"] or not options["until"]:
            raise CommandError("Give order numbers, or --since and --until.")
        try:
            since, until = (
                datetime.fromisoformat(options[name]).replace(tzinfo=zone)
                for name in ("since", "until")
            )
        except ValueError as error:
            raise CommandError(f"Not a day: {error}") from error
        return backfill.plan_range(route, since, until, patience=PATIENCE)
