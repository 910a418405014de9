"""What a declaration says against what is there: told before anything is changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from config.declaration.reading import items, text
from connectors.models import Connection, RelaySite
from sync.models import Route
from tenants.context import in_tenant
from tenants.models import Domain, Tenant, check_host, check_time_zone
from tenants.provision import problems


def conflicts(declared: dict[str, Any]) -> Iterator[str]:
    """Problems with their path. What is not of the right shape is told elsewhere and left out."""
    for index, row in items(declared, "operators"):
        yield from _person(f"operators[{index}]", row)
    for index, row in items(declared, "tenants"):
        where = f"tenants[{index}]"
        for i, person in items(row, "people"):
            yield from _person(f"{where}.people[{i}]", person)
        tenant = Tenant.objects.filter(slug=text(row, "slug")).first()
        if tenant is None:
            given = {name: text(row, name) for name in ("name", "slug", "host")}
            found = problems(**given, time_zone=text(row, "time_zone", "UTC"))
            for name, words in found.items():
                if given.get(name) != "":
                    yield f"{where}.{name}: {words}"
            continue
        yield from _known(where, row, tenant)


def _person(where: str, row: dict[str, Any]) -> Iterator[str]:
    email = text(row, "email")
    try:
        validate_email(email)
    except ValidationError:
        if email:
            yield f"{where}.email: “{email}” is not an e-mail address."


def _known(where: str, row: dict[str, Any], tenant: Tenant) -> Iterator[str]:
    """A tenant that is there: what may not be changed, or belongs to somebody else."""
    for name, check, value in (
        ("host", check_host, text(row, "host").lower() or tenant.slug),
        ("time_zone", check_time_zone, text(row, "time_zone", "UTC")),
    ):
        try:
            check(value)
        except ValidationError as error:
            yield f"{where}.{name}: {error.messages[0]}"
    other = Domain.objects.filter(domain=text(row, "host").lower()).exclude(tenant=tenant).first()
    if other is not None:
        yield f"{where}.host: “{row['host']}” belongs to another tenant."
    if not tenant.is_active:
        yield f"{where}: the tenant is closed; open it in the operators' admin first."
        return
    with in_tenant(tenant.schema_name):
        for i, site in items(row, "relay_sites"):
            yield from _relay_site(f"{where}.relay_sites[{i}]", site)
        for i, connection in items(row, "connections"):
            yield from _connection(f"{where}.connections[{i}]", connection)
        for i, route in items(row, "routes"):
            yield from _route(f"{where}.routes[{i}]", route)


def _connection(where: str, row: dict[str, Any]) -> Iterator[str]:
    slug, name = text(row, "slug"), text(row, "name")
    saved = Connection.objects.filter(slug=slug).first()
    if saved is not None and saved.kind != row.get("kind"):
        yield f"{where}.kind: “{slug}” is a connection to {saved.kind} and stays one."
    if saved is not None and saved.sign_in_on_site and "relay" not in row:
        yield (
            f"{where}.relay: its account is kept on site; say how it is reached, with relay and "
            "sign_in."
        )
    if Connection.objects.filter(name=name).exclude(slug=slug).exists():
        yield f"{where}.name: another connection is called “{name}”."


def _relay_site(where: str, row: dict[str, Any]) -> Iterator[str]:
    slug, name = text(row, "slug"), text(row, "name")
    if RelaySite.objects.filter(name=name).exclude(slug=slug).exists():
        yield f"{where}.name: another relay site is called “{name}”."


def _route(where: str, row: dict[str, Any]) -> Iterator[str]:
    slug, name, store, erp = (text(row, part) for part in ("slug", "name", "store", "erp"))
    saved = Route.objects.select_related("store", "erp").filter(slug=slug).first()
    if Route.objects.filter(name=name).exclude(slug=slug).exists():
        yield f"{where}.name: another route is called “{name}”."
    prefix = text(row, "prefix").upper()
    if saved is None:
        taken = Route.objects.filter(erp__slug=erp, prefix=prefix).first()
        if taken is not None:
            yield f"{where}.prefix: “{prefix}” begins the references of the route “{taken.slug}”."
        pair = Route.objects.filter(store__slug=store, erp__slug=erp).first()
        if pair is not None:
            yield f"{where}: the route “{pair.slug}” joins these two already."
        return
    # References in the ERP begin with it: with another one, what is booked would not be found.
    for part, is_now, wanted in (
        ("prefix", saved.prefix, prefix),
        ("store", saved.store.slug, store),
        ("erp", saved.erp.slug, erp),
    ):
        if wanted != is_now:
            yield f"{where}.{part}: it is “{is_now}” and stays so for the life of the route."
