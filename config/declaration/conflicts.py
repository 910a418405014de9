"""What a declaration says against what is there: told before anything is changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from connectors.models import Connection
from sync.models import Route
from tenants.context import in_tenant
from tenants.models import Domain, Tenant, check_host, check_time_zone
from tenants.provision import problems


def conflicts(declared: dict[str, Any]) -> Iterator[str]:
    """Problems with their path, for a declaration that is right in itself."""
    for index, row in enumerate(declared.get("operators") or []):
        yield from _person(f"operators[{index}]", row)
    for index, row in enumerate(declared["tenants"]):
        where = f"tenants[{index}]"
        for i, person in enumerate(row.get("people") or []):
            yield from _person(f"{where}.people[{i}]", person)
        tenant = Tenant.objects.filter(slug=row["slug"]).first()
        if tenant is None:
            zone = row.get("time_zone", "UTC")
            found = problems(name=row["name"], slug=row["slug"], host=row["host"], time_zone=zone)
            for name, words in found.items():
                yield f"{where}.{name}: {words}"
            continue
        yield from _known(where, row, tenant)


def _person(where: str, row: dict[str, Any]) -> Iterator[str]:
    try:
        validate_email(row["email"])
    except ValidationError:
        yield f"{where}.email: “{row['email']}” is not an e-mail address."


def _known(where: str, row: dict[str, Any], tenant: Tenant) -> Iterator[str]:
    """A tenant that is there: what may not be changed, or belongs to somebody else."""
    for name, check, value in (
        ("host", check_host, row["host"].lower()),
        ("time_zone", check_time_zone, row.get("time_zone", "UTC")),
    ):
        try:
            check(value)
        except ValidationError as error:
            yield f"{where}.{name}: {error.messages[0]}"
    other = Domain.objects.filter(domain=row["host"].lower()).exclude(tenant=tenant).first()
    if other is not None:
        yield f"{where}.host: “{row['host']}” belongs to another tenant."
    if not tenant.is_active:
        yield f"{where}: the tenant is closed; open it in the operators' admin first."
        return
    with in_tenant(tenant.schema_name):
        for i, connection in enumerate(row.get("connections") or []):
            yield from _connection(f"{where}.connections[{i}]", connection)
        for i, route in enumerate(row.get("routes") or []):
            yield from _route(f"{where}.routes[{i}]", route)


def _connection(where: str, row: dict[str, Any]) -> Iterator[str]:
    saved = Connection.objects.filter(slug=row["slug"]).first()
    if saved is not None and saved.kind != row["kind"]:
        yield f"{where}.kind: “{row['slug']}” is a connection to {saved.kind} and stays one."
    if Connection.objects.filter(name=row["name"]).exclude(slug=row["slug"]).exists():
        yield f"{where}.name: another connection is called “{row['name']}”."


def _route(where: str, row: dict[str, Any]) -> Iterator[str]:
    saved = Route.objects.select_related("store", "erp").filter(slug=row["slug"]).first()
    if Route.objects.filter(name=row["name"]).exclude(slug=row["slug"]).exists():
        yield f"{where}.name: another route is called “{row['name']}”."
    prefix = row["prefix"].upper()
    if saved is None:
        taken = Route.objects.filter(erp__slug=row["erp"], prefix=prefix).first()
        if taken is not None:
            yield f"{where}.prefix: “{prefix}” begins the references of the route “{taken.slug}”."
        pair = Route.objects.filter(store__slug=row["store"], erp__slug=row["erp"]).first()
        if pair is not None:
            yield f"{where}: the route “{pair.slug}” joins these two already."
        return
    # References in the ERP begin with it: with another one, what is booked would not be found.
    for name, is_now in (
        ("prefix", saved.prefix),
        ("store", saved.store.slug),
        ("erp", saved.erp.slug),
    ):
        wanted = prefix if name == "prefix" else row[name]
        if wanted != is_now:
            yield f"{where}.{name}: it is “{is_now}” and stays so for the life of the route."
