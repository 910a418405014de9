"""``manage.py replay``: work transfers again from the start."""

from __future__ import annotations

import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from sync import actions
from sync.models import State, Transfer
from tenants.acting import acting_as
from tenants.context import in_tenant
from tenants.models import Tenant


class Command(BaseCommand):
    help = (
        "Work transfers again from the start. What is booked is looked up and never booked a "
        "second time. Exits with 1 if one of them could not be replayed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", required=True, help="slug of the tenant")
        parser.add_argument(
            "job_ids", nargs="+", metavar="JOB_ID", help="as “transfers” lists them"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            tenant = Tenant.objects.get(slug=options["tenant"])
        except Tenant.DoesNotExist as error:
            raise CommandError(f"There is no tenant “{options['tenant']}”.") from error
        wanted = list(dict.fromkeys(options["job_ids"]))
        with in_tenant(tenant.schema_name), acting_as("system", f"replay {_operator()}".strip()):
            rows = dict(Transfer.objects.filter(job_id__in=wanted).values_list("job_id", "pk"))
            if unknown := [job_id for job_id in wanted if job_id not in rows]:
                raise CommandError(f"Nothing was replayed: there is no {', '.join(unknown)}.")
            left = [job_id for job_id in wanted if not self._replay(job_id, rows[job_id])]
        if left:
            raise CommandError(f"Not replayed: {', '.join(left)}.")

    def _replay(self, job_id: str, pk: int) -> bool:
        done = bool(actions.replay([pk]))
        state = State(Transfer.objects.values_list("state", flat=True).get(pk=pk))
        self.stdout.write(
            f"{job_id}  replayed" if done else f"{job_id}  left alone: it is {state.label.lower()}"
        )
        return done


def _operator() -> str:
    """Who sits at the server's command line, as its system calls them."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""
