"""``manage.py audit_verify``: prove that a tenant's trail is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.verify import Report, verify, verify_export
from tenants.context import each_tenant, in_tenant
from tenants.models import Tenant


class Command(BaseCommand):
    help = (
        "Check entries against their seals; exits with 1 and says which entry if any was touched."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--tenant", help="slug of one tenant")
        which.add_argument("--all", action="store_true", help="every tenant")
        which.add_argument("--file", type=Path, help="an export, offline")

    def handle(self, *args: Any, **options: Any) -> None:
        whole = True
        if options["file"]:
            with options["file"].open(encoding="utf-8") as lines:
                whole = self._say(str(options["file"]), verify_export(lines))
        elif options["all"]:
            for tenant in each_tenant():
                whole &= self._say(tenant.name, verify())
        else:
            try:
                tenant = Tenant.objects.get(slug=options["tenant"])
            except Tenant.DoesNotExist as error:
                raise CommandError(f"There is no tenant “{options['tenant']}”.") from error
            with in_tenant(tenant.schema_name):
                whole = self._say(tenant.name, verify())
        if not whole:
            raise CommandError("The audit trail is not whole.")

    def _say(self, name: str, report: Report) -> bool:
        self.stdout.write(
            f"{name}: {report.entries} entries, {report.sealed} sealed in {report.seals} seals, "
            f"{report.unsealed} not sealed yet: {'whole' if report.is_whole else 'NOT WHOLE'}"
        )
        for finding in report.findings:
            self.stdout.write(f"  {finding.kind}: {finding.words}")
        return report.is_whole
