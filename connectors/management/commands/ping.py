"""``manage.py ping``: prove a tenant's connections."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from connectors import services
from connectors.contract import Verdict
from connectors.models import Connection
from tenants.context import in_tenant
from tenants.models import Tenant

MARK = {
    Verdict.OK: "ok     ",
    Verdict.WARNING: "warning",
    Verdict.FAILED: "FAILED ",
    Verdict.SKIPPED: "skipped",
}


class Command(BaseCommand):
    help = (
        "Test connections and say what is wrong and whose move it is; exits with 1 if any failed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", required=True, help="slug of the tenant")
        parser.add_argument("--connection", help="slug of one connection; all without it")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            tenant = Tenant.objects.get(slug=options["tenant"])
        except Tenant.DoesNotExist as error:
            raise CommandError(f"There is no tenant “{options['tenant']}”.") from error
        with in_tenant(tenant.schema_name):
            rows = Connection.objects.all()
            if options["connection"]:
                rows = rows.filter(slug=options["connection"])
            if not rows:
                raise CommandError("There is no such connection.")
            failed = [row.name for row in rows if not self._ping(row)]
        if failed:
            raise CommandError(f"Not working: {', '.join(failed)}.")

    def _ping(self, connection: Connection) -> bool:
        result = services.ping(connection)
        self.stdout.write(connection.name)
        for check in result.checks:
            self.stdout.write(f"  {MARK[check.verdict]}  {check.name}: {check.words}")
            if check.advice:
                self.stdout.write(f"           {check.advice}")
        return not result.failures
