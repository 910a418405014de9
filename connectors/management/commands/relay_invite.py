"""``manage.py relay_invite``: the one-time token of a new relay agent."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from connectors.models import RelaySite
from connectors.relay import services
from tenants.acting import acting_as
from tenants.context import in_tenant
from tenants.models import Tenant


class Command(BaseCommand):
    help = "Invite a relay agent to a site. Its token is printed once, alone on standard output."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", required=True, help="slug of the tenant")
        parser.add_argument("--site", required=True, help="slug of the relay site")
        parser.add_argument("--name", required=True, help="name of the agent, as people call it")
        parser.add_argument(
            "--again",
            action="store_true",
            help="a new token for the agent of this name that is not enrolled, or was revoked",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            tenant = Tenant.objects.get(slug=options["tenant"])
        except Tenant.DoesNotExist as error:
            raise CommandError(f"There is no tenant “{options['tenant']}”.") from error
        with in_tenant(tenant.schema_name), acting_as("system", "relay_invite"):
            try:
                token = self._token(options)
            except ValidationError as error:
                raise CommandError(" ".join(error.messages)) from error
        until = timezone.now() + services.TOKEN_GOOD_FOR
        self.stdout.write(token)
        self.stderr.write(
            f"Good once, until {until:%-d %B %Y, %H:%M} UTC. "
            f"The agent's configuration names {settings.RELAY_URL} as its connector."
        )

    def _token(self, options: dict[str, Any]) -> str:
        """Raises CommandError and ValidationError."""
        site = RelaySite.objects.filter(slug=options["site"]).first()
        if site is None:
            known = ", ".join(RelaySite.objects.values_list("slug", flat=True)) or "none"
            raise CommandError(f"There is no relay site “{options['site']}”. There are: {known}.")
        if not options["again"]:
            return services.invite(site, options["name"])[1]
        agent = site.agents.filter(name=options["name"]).first()
        if agent is None:
            raise CommandError(f"There is no agent “{options['name']}” at {site.name}.")
        return services.invite_again(agent)
