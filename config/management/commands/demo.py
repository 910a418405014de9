"""``manage.py demo``: the tenant, people, connections and route of the sandbox. Safe to repeat."""

from __future__ import annotations

import json
import os
import urllib.request
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from connectors import services
from connectors.models import Connection
from sync import mapping_rules, route_settings
from sync.models import Route
from tenants.acting import acting_as
from tenants.context import in_tenant
from tenants.models import Membership, Tenant, User
from tenants.provision import create_tenant
from tenants.roles import Role

PEOPLE = (
    ("anna@acme-outdoor.example", "Anna Acme", Role.ADMIN),
    ("ben@acme-outdoor.example", "Ben Booker", Role.ACCOUNTANT),
    ("vera@acme-outdoor.example", "Vera Viewer", Role.VIEWER),
)
CHARGES = {
    "shipping": ("account:6610", "Shipping charged"),
    "handling": ("account:6620", "Handling charged"),
    "wrapping": ("account:6630", "Gift wrapping"),
    "gift_certificate": ("account:6650", "Gift certificates sold"),
    "rounding": ("account:6690", "Rounding differences"),
}
FIRST_ORDERS: tuple[dict[str, object], ...] = (
    {},
    {"country": "DE"},
    {"coupon": {"code": "AUTUMN", "percent": 15}},
    {},
    {"unknown_sku": True},
    {"customer": {"guest": True}},
    {"lines": [{"sku": "TENT-2P-GRN", "quantity": 1}, {"sku": "BOOK-LAKES", "quantity": 2}]},
    {"status_id": 7},
    {"fees": [{"name": "Eco packaging", "amount": "1.50"}]},
    {"gift_certificate_amount": "20.00"},
    {},
    {"status_id": 6},
)


class Command(BaseCommand):
    help = "Set up the sandbox's demo company; with simulators running only."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--data", help="unused by itself; names the stack's data")

    def handle(self, *args: Any, **options: Any) -> None:
        password = os.environ["DEMO_PASSWORD"]
        tenant = Tenant.objects.filter(slug="acme").first() or create_tenant(
            name="Acme Outdoor",
            slug="acme",
            host="acme.localhost",
            time_zone="Europe/London",
            progress=self.stdout.write,
        )
        for email, name, role in PEOPLE:
            user = User.objects.filter(email=email).first()
            user = user or User.objects.create_user(email, password, name=name)
            Membership.objects.get_or_create(user=user, tenant=tenant, defaults={"role": role})
        if not User.objects.filter(email="operator@connector.example").exists():
            User.objects.create_superuser(
                "operator@connector.example", password, name="Olga Operator"
            )
        with in_tenant(tenant.schema_name), acting_as("system", "demo"):
            self._company(first="web" not in set(Route.objects.values_list("slug", flat=True)))

    def _company(self, *, first: bool) -> None:
        store = self._connection("bigcommerce", "Acme web shop", "shop", self._store_values())
        erp = self._connection("business_central", "Acme ledger", "ledger", self._erp_values())
        services.ensure_hooks(store, ["orders"])
        if not first:
            return
        route = route_settings.create_route(
            name="Web orders",
            slug="web",
            store=store,
            erp=erp,
            prefix="WEB-",
            settings={"time_zone": "Europe/London", "recheck_minutes": "1", "poll_minutes": "5"},
            start_at=timezone.now() - timedelta(days=30),
        )
        for key, (value, note) in CHARGES.items():
            mapping_rules.save_lookup(
                route, table="charges", key=key, value=value, note=note, by="demo"
            )
        for country in ("IE", "DE", "FR"):
            mapping_rules.save_lookup(route, table="tax_areas", key=country, value="EU", by="demo")
        control = os.environ["SANDBOX_STORE_CONTROL"]
        for spec in FIRST_ORDERS:
            _post(f"{control}/__sandbox__/api/orders", spec)

    def _connection(self, kind: str, name: str, slug: str, values: dict[str, str]) -> Connection:
        connection = Connection.objects.filter(slug=slug).first()
        if connection is None:
            connection = services.create_connection(kind=kind, name=name, slug=slug, values=values)
        else:
            services.save_settings(connection, values)
        result = services.ping(connection)
        connection.refresh_from_db()
        self.stdout.write(f"{name}: {connection.get_state_display().lower()}")
        for check in result.failures:
            self.stdout.write(f"  {check.name}: {check.words}")
        return connection

    def _store_values(self) -> dict[str, str]:
        return {
            "store_hash": "acme0utd00r",
            "access_token": "sandbox-store-access-token",
            "client_id": "sandbox-store-client-id",
            "client_secret": "sandbox-store-client-secret",
            "api_url": os.environ["SANDBOX_STORE_URL"],
            "quota": "450",
        }

    def _erp_values(self) -> dict[str, str]:
        address = os.environ["SANDBOX_ERP_URL"]
        state = _get(f"{os.environ['SANDBOX_ERP_CONTROL']}/__sandbox__/api/state")
        return {
            "tenant_id": "7d0f9c1e-4a53-4c0e-9e35-0d6c4a6f1b20",
            "client_id": "2b7c1d94-8f5e-4e0b-a6a1-3c9d5e7f8a10",
            "client_secret": "sandbox-entra-client-secret",
            "environment": "Production",
            "company_id": state["company_id"],
            "api_url": address,
            "authority": address,
            "prices_include_tax": "yes",
            "request_timeout_seconds": "20",
            "web_client": "",
        }


def _get(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=10) as answer:
        body: dict[str, Any] = json.loads(answer.read())
        return body


def _post(url: str, body: object) -> None:
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10):
        pass
