"""``manage.py demo``: the sandbox's companies, people, connections and routes. Safe to repeat.

``demo companies`` makes what must be there before relay agents can enroll, and leaves their tokens
with them; ``demo connections`` the rest.
"""

from __future__ import annotations

import os
from argparse import ArgumentParser
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from config.demo.agents import DemoAgent, demo_agents
from config.demo.companies import COMPANIES, Company, Side
from config.demo.simulators import Simulator, running
from connectors import services
from connectors.models import Connection, RelaySite
from connectors.registry import SYSTEMS
from connectors.relay import services as relay
from sync import hooks, mapping_rules, route_settings
from sync.models import Route
from tenants.acting import acting_as
from tenants.context import in_tenant
from tenants.models import Membership, Tenant, User
from tenants.provision import create_tenant, schema_name_of
from tenants.roles import Role

PEOPLE = (
    ("anna", "Anna Admin", Role.ADMIN),
    ("ben", "Ben Booker", Role.ACCOUNTANT),
    ("vera", "Vera Viewer", Role.VIEWER),
)


class Command(BaseCommand):
    help = "Set up the sandbox's demo companies; with simulators running only."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("part", choices=["companies", "connections"])
        parser.add_argument("--agents", type=Path, help="the folder of the demo's relay agents")

    def handle(self, *args: Any, part: str, agents: Path | None, **options: Any) -> None:
        if part == "companies":
            self._companies(demo_agents(agents) if agents else [])
            return
        simulators = running()
        for company in COMPANIES:
            with in_tenant(schema_name_of(company.slug)), acting_as("system", "demo"):
                self._connect(company, simulators)

    def _companies(self, agents: list[DemoAgent]) -> None:
        password = os.environ["DEMO_PASSWORD"]
        if not User.objects.filter(email="operator@connector.example").exists():
            User.objects.create_superuser(
                "operator@connector.example", password, name="Olga Operator"
            )
        for company in COMPANIES:
            self._tenant(company, password)
        for agent in agents:
            if not agent.is_enrolled:
                schema = schema_name_of(agent.company.slug)
                with in_tenant(schema), acting_as("system", "demo"):
                    agent.keep_token(_invited(agent.relay.site))

    def _tenant(self, company: Company, password: str) -> Tenant:
        tenant = Tenant.objects.filter(slug=company.slug).first() or create_tenant(
            name=company.name,
            slug=company.slug,
            host=company.host,
            time_zone=company.time_zone,
            progress=self.stdout.write,
        )
        for person, name, role in PEOPLE:
            email = f"{person}@{company.domain}"
            user = User.objects.filter(email=email).first()
            user = user or User.objects.create_user(email, password, name=name)
            Membership.objects.get_or_create(user=user, tenant=tenant, defaults={"role": role})
        # One person looks after all of the demo's companies.
        anna = User.objects.get(email=f"anna@{COMPANIES[0].domain}")
        Membership.objects.get_or_create(user=anna, tenant=tenant, defaults={"role": Role.ADMIN})
        return tenant

    def _connect(self, company: Company, simulators: dict[str, Simulator]) -> None:
        store = self._connection(company.store, simulators[company.store.simulator])
        erp = self._connection(company.erp, simulators[company.erp.simulator])
        route = Route.objects.filter(slug="web").first()
        is_new = route is None
        if route is None:
            route = route_settings.create_route(
                name="Web orders",
                slug="web",
                store=store,
                erp=erp,
                prefix=company.prefix,
                settings={
                    "time_zone": company.time_zone,
                    "recheck_minutes": "1",
                    "poll_minutes": "1",
                    **company.settings,
                },
                start_at=timezone.now() - timedelta(days=30),
            )
        hooks.register(store)
        if not is_new:
            return
        for table, rows in company.lookups.items():
            for key, value in rows.items():
                mapping_rules.save_lookup(route, table=table, key=key, value=value, by="demo")
        for spec in company.first_orders:
            simulators[company.store.simulator].post("orders", spec)

    def _connection(self, side: Side, simulator: Simulator) -> Connection:
        values = side.values(simulator, side.simulator)
        connection = Connection.objects.filter(slug=side.slug).first()
        site = RelaySite.objects.get(name=side.relay.site) if side.relay else None
        if connection is None:
            connection = services.create_connection(
                kind=side.kind,
                name=side.name,
                slug=side.slug,
                values=values,
                relay_site=site,
                sign_in_on_site=site is not None,
            )
        else:
            services.save_settings(connection, values)
            relay.reach(connection, site, sign_in_on_site=site is not None)
        result = services.ping(connection)
        connection.refresh_from_db()
        title = SYSTEMS[side.kind].title
        self.stdout.write(f"{side.name} ({title}): {connection.get_state_display().lower()}")
        for check in result.failures:
            self.stdout.write(f"  {check.name}: {check.words}")
        return connection


def _invited(site_name: str) -> str:
    """The one-time token of the site's agent."""
    site = RelaySite.objects.filter(name=site_name).first() or relay.create_site(site_name)
    agent = site.agents.first()
    if agent is None:
        return relay.invite(site, "Server room")[1]
    relay.revoke(agent)
    return relay.invite_again(agent)
