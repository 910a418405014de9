"""Bringing the database to what a declaration says, and telling what changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction

from audit import services as audit
from audit.actions import Action
from config.declaration.checking import start_of, texts
from connectors import services
from connectors.models import Connection, RelaySite
from connectors.relay import services as relay
from sync import mapping_rules, route_settings
from sync.lookups import normal_key
from sync.models import Route
from tenants.acting import acting_as
from tenants.context import in_tenant
from tenants.models import Domain, Membership, Tenant, User
from tenants.provision import create_tenant

Say = Callable[[str], None]


def apply(declared: dict[str, Any], say: Say) -> int:
    """Apply a checked declaration; returns how many things changed. A second run changes nothing."""
    changes: list[str] = []

    def note(words: str) -> None:
        changes.append(words)
        say(words)

    with acting_as("system", "apply"):
        for row in declared.get("operators") or []:
            _person(row, note, operator=True)
        for row in declared["tenants"]:
            _tenant(row, note, say)
    return len(changes)


def _tenant(row: dict[str, Any], note: Say, say: Say) -> None:
    zone = row.get("time_zone", "UTC")
    tenant = Tenant.objects.filter(slug=row["slug"]).first()
    if tenant is None:
        tenant = create_tenant(
            name=row["name"], slug=row["slug"], host=row["host"], time_zone=zone, progress=say
        )
        note(f"{row['slug']}: made")
    elif (tenant.name, tenant.time_zone) != (row["name"], zone):
        tenant.name, tenant.time_zone = row["name"], zone
        tenant.save()
        note(f"{row['slug']}: name and time zone changed")
    if not tenant.domains.filter(domain=row["host"].lower()).exists():
        Domain.objects.create(domain=row["host"].lower(), tenant=tenant, is_primary=False)
        note(f"{row['slug']}: reached at {row['host'].lower()} as well")
    with in_tenant(tenant.schema_name), transaction.atomic():
        for person in row.get("people") or []:
            _member(tenant, person, note)
        for site in row.get("relay_sites") or []:
            _relay_site(tenant, site, note)
        for connection in row.get("connections") or []:
            _connection(tenant, connection, note)
        for route in row.get("routes") or []:
            _route(tenant, route, note)


def _person(row: dict[str, Any], note: Say, *, operator: bool = False) -> User:
    user = User.objects.filter(email=row["email"].lower()).first()
    if user is None:
        user = User.objects.create_user(
            row["email"],
            row.get("password") or None,
            name=row.get("name", ""),
            is_staff=operator,
            is_superuser=operator,
        )
        note(f"{row['email']}: added" + (" as operator" if operator else ""))
        return user
    if row.get("name") and user.name != row["name"]:
        user.name = row["name"]
        user.save(update_fields=["name"])
        note(f"{row['email']}: name changed")
    if row.get("password") and not user.has_usable_password():
        user.set_password(row["password"])
        user.save(update_fields=["password"])
        note(f"{row['email']}: first password set")
    if operator and not user.is_superuser:
        user.is_staff = user.is_superuser = True
        user.save(update_fields=["is_staff", "is_superuser"])
        note(f"{row['email']}: operator now")
    return user


def _member(tenant: Tenant, row: dict[str, Any], note: Say) -> None:
    user = _person(row, note)
    membership, made = Membership.objects.get_or_create(
        user=user, tenant=tenant, defaults={"role": row["role"]}
    )
    if made:
        note(f"{tenant.slug}: {row['email']} is {row['role']}")
    elif membership.role != row["role"]:
        membership.role = row["role"]
        membership.save()
        note(f"{tenant.slug}: {row['email']} is {row['role']} now")


def _relay_site(tenant: Tenant, row: dict[str, Any], note: Say) -> None:
    site = RelaySite.objects.filter(slug=row["slug"]).first()
    if site is None:
        relay.create_site(row["name"], row["slug"])
        note(f"{tenant.slug}: relay site {row['slug']} added; invite its agents")
    elif site.name != row["name"]:
        relay.rename_site(site, row["name"])
        note(f"{tenant.slug}: relay site {row['slug']}: name changed")


def _connection(tenant: Tenant, row: dict[str, Any], note: Say) -> None:
    values = texts(row.get("settings") or {})
    connection = Connection.objects.filter(slug=row["slug"]).first()
    where = f"{tenant.slug}: connection {row['slug']}"
    site = RelaySite.objects.get(slug=row["relay"]) if row.get("relay") else None
    on_site = row.get("sign_in") == "on_site"
    if connection is None:
        services.create_connection(
            kind=row["kind"],
            name=row["name"],
            slug=row["slug"],
            values=values,
            relay_site=site,
            sign_in_on_site=on_site,
        )
        note(f"{where} added; ping it")
        return
    # First: with it goes which settings there are.
    if "relay" in row and relay.reach(connection, site, sign_in_on_site=on_site):
        note(f"{where}: reached {f'through {site.slug}' if site else 'directly'} now")
    changed = services.save_settings(connection, values, name=row["name"])
    if changed:
        note(f"{where}: {', '.join(changed)} changed")


def _route(tenant: Tenant, row: dict[str, Any], note: Say) -> None:
    where = f"{tenant.slug}: route {row['slug']}"
    route = Route.objects.filter(slug=row["slug"]).first()
    if route is None:
        route = route_settings.create_route(
            name=row["name"],
            slug=row["slug"],
            store=Connection.objects.get(slug=row["store"]),
            erp=Connection.objects.get(slug=row["erp"]),
            prefix=row["prefix"],
            settings=row.get("settings") or {},
            start_at=start_of(row),
        )
        note(f"{where} added")
    else:
        changed = route_settings.save(route, row.get("settings") or {})
        changed += _route_itself(route, row)
        if changed:
            note(f"{where}: {', '.join(changed)} changed")
    for mapping in row.get("mappings") or []:
        _mapping(route, texts(mapping), where, note)
    saved = {
        (table, normal_key(key)): value
        for table, key, value in route.lookup_rows.values_list("table", "key", "value")
    }
    for table, rows in (row.get("lookups") or {}).items():
        for key, value in rows.items():
            if saved.get((table, normal_key(key))) != str(value):
                mapping_rules.save_lookup(route, table=table, key=key, value=str(value), by="apply")
                note(f"{where}: lookup {table}.{key} = {value}")


def _route_itself(route: Route, row: dict[str, Any]) -> list[str]:
    """Name and start of a route that is there; what changed."""
    wanted = {"name": row["name"], "start_at": start_of(row) or route.start_at}
    changed = [name for name, value in wanted.items() if getattr(route, name) != value]
    if changed:
        for name in changed:
            setattr(route, name, wanted[name])
        route.save(update_fields=[*changed, "updated_at"])
        audit.record(
            Action.ROUTE_SAVED,
            f"Of the route “{route.name}” were changed: {', '.join(changed)}.",
            route_id=route.pk,
            data={"start_at": route.start_at.isoformat()},
        )
    return changed


def _mapping(route: Route, wanted: dict[str, str], where: str, note: Say) -> None:
    names = ("source", "expression", "lookup", "default")
    saved = route.mappings.filter(target=wanted["target"], field=wanted["field"]).first()
    if saved and all(getattr(saved, name) == wanted.get(name, "") for name in names):
        return
    mapping_rules.save(
        route,
        target=wanted["target"],
        field=wanted["field"],
        source=wanted["source"],
        expression=wanted.get("expression", ""),
        lookup=wanted.get("lookup", ""),
        default=wanted.get("default", ""),
        by="apply",
    )
    note(f"{where}: {wanted['target']}.{wanted['field']} mapped")
