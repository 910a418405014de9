"""``manage.py audit_verify``: prove that a tenant's trail is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.verify import Report, compare, verify, verify_export
from tenants.context import each_tenant, in_tenant
from tenants.models import Tenant


class Command(BaseCommand):
    help = (
        "Check entries against their seals; exits with 1 and says which entry if any was touched."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", help="slug of one tenant")
        parser.add_argument("--all", action="store_true", help="every tenant")
        parser.add_argument(
            "--file",
            type=Path,
            help="an export, offline; with --tenant also that the tenant's trail still holds it",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if bool(options["all"]) == bool(options["tenant"] or options["file"]):
            raise CommandError("Give --tenant SLUG, --all, or --file FILE (with --tenant or not).")
        whole = True
        export = self._file(options["file"]) if options["file"] else None
        if export is not None:
            whole &= export.is_whole
        if options["all"]:
            for tenant in each_tenant():
                whole &= self._say(tenant.name, verify())
        elif options["tenant"]:
            try:
                tenant = Tenant.objects.get(slug=options["tenant"])
            except Tenant.DoesNotExist as error:
                raise CommandError(f"There is no tenant “{options['tenant']}”.") from error
            with in_tenant(tenant.schema_name):
                report = verify()
            if export is not None:
                report.findings += compare(export, report)
            whole &= self._say(tenant.name, report)
        if not whole:
            raise CommandError("The audit trail is not whole.")

    def _file(self, path: Path) -> Report:
        try:
            with path.open(encoding="utf-8") as lines:
                report = verify_export(lines)
        except (OSError, ValueError) as error:
            raise CommandError(f"{path}: {error}") from error
        self._say(str(path), report)
        if report.is_part:
            self.stdout.write("  a part of a trail: it does not prove that nothing is left out")
        return report

    def _say(self, name: str, report: Report) -> bool:
        self.stdout.write(
            f"{name}: {report.entries} entries, {report.sealed} sealed in {report.seals} seals, "
            f"{report.unsealed} not sealed yet: {'whole' if report.is_whole else 'NOT WHOLE'}"
        )
        for finding in report.findings:
            self.stdout.write(f"  {finding.kind}: {finding.words}")
        if report.more_findings:
            self.stdout.write(f"  and {report.more_findings} more")
        if report.newest_seal:
            self.stdout.write("  newest seal: {} {}".format(*report.newest_seal))
        return report.is_whole
