"""Field mappings, lookup rows and identities as people see and change them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from audit import services as audit
from audit.actions import Action
from connectors import services
from connectors.contract import Target, TargetField
from connectors.errors import ConnectorError
from sync import readings, route_settings
from sync.lookups import TABLES, TableInfo, normal_key
from sync.models import Crosswalk, FieldMapping, LookupRow, Route
from sync.rules import Rule, Rules, builtin, check_expression
from sync.transfers import release_waiting_for

SOURCES = ("constant", "path", "lookup")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One target field with the rule that fills it now."""

    target: str
    field: str
    label: str
    help: str
    kind: str
    max_length: int | None
    source: str
    expression: str
    lookup: str
    default: str
    is_builtin: bool
    fixed: str
    builtin_rule: Rule
    updated_by: str = ""
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """One lookup table with its rows."""

    info: TableInfo
    rows: tuple[LookupRow, ...]
    is_builtin: bool


def load(route: Route) -> Rules:
    """The route's rules as the pure mapping takes them."""
    settings = route_settings.values_of(route)
    _, erp = route_settings.systems_of(route)
    lookups: dict[str, dict[str, str]] = {}
    for table, key, value in route.lookup_rows.values_list("table", "key", "value"):
        lookups.setdefault(table, {})[normal_key(key)] = value
    return Rules(
        targets=erp.target_fields,
        overrides={
            (row.target, row.field): Rule(row.source, row.expression, row.lookup, row.default)
            for row in route.mappings.all()
        },
        lookups=lookups,
        unknown_sku=settings["unknown_sku"],
        unknown_sku_number=settings["unknown_sku_number"],
        tax=settings["tax"],
        rounding_limit=Decimal(settings["rounding_limit"]),
        erp_taxes=erp.computes_tax,
    )


def rows(route: Route) -> list[Row]:
    """Every target field of the route's ERP, built-in rules included, in the ERP's order."""
    _, erp = route_settings.systems_of(route)
    saved = {(row.target, row.field): row for row in route.mappings.all()}
    found: list[Row] = []
    for target, fields in erp.target_fields.items():
        for info in fields:
            own = saved.get((target.value, info.name))
            rule = (
                Rule(own.source, own.expression, own.lookup, own.default) if own else builtin(info)
            )
            found.append(
                Row(
                    target=target.value,
                    field=info.name,
                    label=info.label,
                    help=info.help,
                    kind=info.kind,
                    max_length=info.max_length,
                    source=rule.source,
                    expression=rule.expression,
                    lookup=rule.lookup,
                    default=rule.default,
                    is_builtin=own is None,
                    fixed=info.fixed,
                    builtin_rule=builtin(info),
                    updated_by=own.updated_by if own else "",
                    updated_at=own.updated_at if own else None,
                )
            )
    return found


def check(
    erp_fields: Mapping[Target, tuple[TargetField, ...]], values: Mapping[str, str]
) -> dict[str, str]:
    """What is wrong with a mapping row: column -> words."""
    errors: dict[str, str] = {}
    target, field = values.get("target", ""), values.get("field", "")
    known = {
        info.name: info
        for target_kind, infos in erp_fields.items()
        if target_kind.value == target
        for info in infos
    }
    if not known:
        return {"target": f"“{target}” is not one of {', '.join(t.value for t in erp_fields)}."}
    info = known.get(field)
    if info is None:
        return {"field": f"“{field}” is not a field of the ERP's {target}."}
    if info.fixed:
        return {"field": info.fixed}
    source = values.get("source", "")
    if source not in SOURCES:
        errors["source"] = f"Must be one of {', '.join(SOURCES)}."
    elif source in ("path", "lookup"):
        if problem := check_expression(values.get("expression", "")):
            errors["expression"] = problem
        if source == "lookup" and not values.get("lookup", "").strip():
            errors["lookup"] = "Name the lookup table."
    elif info.max_length and len(values.get("expression", "")) > info.max_length:
        errors["expression"] = f"{info.label} takes at most {info.max_length} characters."
    elif info.choices and values.get("expression", "") not in info.choices:
        errors["expression"] = f"Must be one of {', '.join(info.choices)}."
    return _too_long(FieldMapping, values) | errors


def _too_long(model: type[FieldMapping | LookupRow], values: Mapping[str, str]) -> dict[str, str]:
    """Texts that do not fit into their column: column -> words."""
    errors = {}
    for column, text in values.items():
        limit = getattr(model._meta.get_field(column), "max_length", None)
        if limit and len(text) > limit:
            errors[column] = f"At most {limit} characters."
    return errors


def save(
    route: Route,
    *,
    target: str,
    field: str,
    source: str,
    expression: str,
    lookup: str = "",
    default: str = "",
    by: str,
) -> FieldMapping:
    """Save one mapping row. Raises ValidationError by column, and then nothing is changed."""
    _, erp = route_settings.systems_of(route)
    values = {
        "target": target,
        "field": field,
        "source": source,
        "expression": expression.strip(),
        "lookup": lookup.strip() if source == "lookup" else "",
        "default": default.strip(),
    }
    if errors := check(erp.target_fields, values):
        raise ValidationError(errors)
    with transaction.atomic():
        row, _ = FieldMapping.objects.update_or_create(
            route=route,
            target=target,
            field=field,
            defaults={
                "source": source,
                "expression": values["expression"],
                "lookup": values["lookup"],
                "default": values["default"],
                "updated_by": by,
            },
        )
        audit.record(
            Action.MAPPING_SAVED,
            f"The mapping of {target} field “{field}” on “{route.name}” was changed.",
            route_id=route.pk,
            data=values,
        )
    release_waiting_for(
        ["mapping"], route_ids=[route.pk], why=f"The mapping of “{field}” was changed."
    )
    return row


def reset(route: Route, *, target: str, field: str) -> bool:
    """Back to the built-in rule. False if it was built-in already."""
    with transaction.atomic():
        gone, _ = FieldMapping.objects.filter(route=route, target=target, field=field).delete()
        if gone:
            audit.record(
                Action.MAPPING_RESET,
                f"The mapping of {target} field “{field}” on “{route.name}” is the built-in one "
                "again.",
                route_id=route.pk,
            )
    return bool(gone)


def lookup_tables(route: Route) -> list[Table]:
    """The tables of the built-in mapping and those that people made."""
    by_table: dict[str, list[LookupRow]] = {name: [] for name in TABLES}
    for row in route.lookup_rows.all():
        by_table.setdefault(row.table, []).append(row)
    for name in route.mappings.exclude(lookup="").values_list("lookup", flat=True):
        by_table.setdefault(name, [])
    return [
        Table(
            TABLES.get(name) or TableInfo(name, name, "A table of your own.", "Key", "Value"),
            tuple(found),
            name in TABLES,
        )
        for name, found in by_table.items()
    ]


def check_lookup(table: str, key: str, value: str, note: str = "") -> dict[str, str]:
    """What is wrong with a lookup row: column -> words."""
    errors: dict[str, str] = {}
    if not table.strip():
        errors["table"] = "Name the table."
    if not key.strip():
        errors["key"] = "The key is empty."
    if not value.strip():
        errors["value"] = "The value is empty."
    elif table == "charges" and ":" in value:
        kind, _, number = value.partition(":")
        if kind.strip().casefold() not in ("account", "item") or not number.strip():
            errors["value"] = "Must be “account:” or “item:” with a number, such as account:6710."
    return _too_long(LookupRow, {"table": table, "key": key, "value": value, "note": note}) | errors


def save_lookup(route: Route, *, table: str, key: str, value: str, note: str = "", by: str) -> int:
    """Save a lookup row; everything that waited for it goes at once, and the flows that use it
    read everything with their next run. Returns how many went.

    Raises ValidationError by column.
    """
    if errors := check_lookup(table, key, value, note):
        raise ValidationError(errors)
    key = " ".join(key.split())
    with transaction.atomic():
        existing = [
            row
            for row in LookupRow.objects.filter(route=route, table=table)
            if normal_key(row.key) == normal_key(key)
        ]
        row = existing[0] if existing else LookupRow(route=route, table=table, key=key)
        if row.value != value.strip():
            readings.read_all(route, readings.of_table(table))
        row.value, row.note, row.updated_by = value.strip(), note.strip(), by
        row.save()
        audit.record(
            Action.LOOKUP_SAVED,
            f"“{key}” is “{value.strip()}” in the table “{table}” of “{route.name}”.",
            route_id=route.pk,
            data={"table": table, "key": key, "value": value.strip()},
        )
    wanted = [f"lookup:{table}:{key}", f"lookup:{table}:{normal_key(key)}"]
    if key == "*":
        wanted += _waiting_keys(route, f"lookup:{table}:")
    # A row "fee" also serves "fee:Gift box", which is asked for by its longer name first.
    wanted += [held for held in _waiting_keys(route, f"lookup:{table}:") if _same(held, wanted)]
    return release_waiting_for(
        list(dict.fromkeys(wanted)),
        route_ids=[route.pk],
        why=f"The lookup row “{key}” was added.",
    )


def _waiting_keys(route: Route, prefix: str) -> list[str]:
    held = route.transfers.filter(state="held").values_list("hold_keys", flat=True)
    return sorted({key for keys in held for key in keys if key.startswith(prefix)})


def _same(held: str, wanted: list[str]) -> bool:
    return normal_key(held) in {normal_key(key) for key in wanted}


def delete_lookup(route: Route, *, table: str, key: str) -> bool:
    """Remove a lookup row. False if there was none."""
    with transaction.atomic():
        gone, _ = LookupRow.objects.filter(route=route, table=table, key=key).delete()
        if gone:
            readings.read_all(route, readings.of_table(table))
            audit.record(
                Action.LOOKUP_DELETED,
                f"The row “{key}” of the table “{table}” of “{route.name}” was removed.",
                route_id=route.pk,
                data={"table": table, "key": key},
            )
    return bool(gone)


def map_item(route: Route, *, sku: str, number: str) -> int:
    """Say which ERP item a SKU is, after proving the item in the ERP; releases what waits for it.

    Raises ValidationError.
    """
    try:
        found = services.open_erp(route.erp).find_items([number.strip()])
    except ConnectorError as error:
        raise ValidationError({"number": f"{error.reason} {error.vendor_words}".strip()}) from error
    item = found.get(number.strip())
    if item is None:
        raise ValidationError({"number": f"The ERP has no item “{number.strip()}”."})
    remember_identity(
        route,
        kind=Crosswalk.Kind.ITEM,
        store_key=sku,
        erp_record_id=item.external_id,
        erp_number=item.number,
        erp_name=item.name,
        origin=Crosswalk.Origin.PERSON,
    )
    audit.record(
        Action.IDENTITY_SET,
        f"The SKU {sku} is the item {item.number}.",
        route_id=route.pk,
        data={"sku": sku, "item": item.number},
    )
    return release_waiting_for(
        [f"item:{sku}"], route_ids=[route.pk], why=f"The SKU {sku} is now known."
    )


def map_customer(route: Route, *, store_key: str, email: str, number: str) -> int:
    """Say which of several ERP customers a shopper is; releases what waits for it.

    Raises ValidationError.
    """
    try:
        found = services.open_erp(route.erp).find_customers(email)
    except ConnectorError as error:
        raise ValidationError({"number": f"{error.reason} {error.vendor_words}".strip()}) from error
    chosen = next((row for row in found if row.number == number.strip().upper()), None)
    if chosen is None:
        names = ", ".join(row.number for row in found) or "none"
        raise ValidationError({"number": f"Choose one of the matching customers: {names}."})
    remember_identity(
        route,
        kind=Crosswalk.Kind.CUSTOMER,
        store_key=store_key,
        erp_record_id=chosen.external_id,
        erp_number=chosen.number,
        erp_name=chosen.name,
        origin=Crosswalk.Origin.PERSON,
    )
    audit.record(
        Action.IDENTITY_SET,
        f"The shopper of the held order is customer {chosen.number}.",
        route_id=route.pk,
        data={"customer": chosen.number},
    )
    return release_waiting_for(
        [f"customer:{store_key}"], route_ids=[route.pk], why="The customer was chosen."
    )


def remember_identity(
    route: Route,
    *,
    kind: Crosswalk.Kind,
    store_key: str,
    erp_record_id: str,
    erp_number: str,
    erp_name: str,
    origin: Crosswalk.Origin,
    attributes: Mapping[str, Any] | None = None,
) -> Crosswalk:
    """Keep a matched identity for this pair of connections."""
    row, _ = Crosswalk.objects.update_or_create(
        store=route.store,
        erp=route.erp,
        kind=kind,
        store_key=store_key[:254],
        defaults={
            "erp_record_id": erp_record_id,
            "erp_number": erp_number,
            "erp_name": erp_name[:200],
            "origin": origin,
            **({"attributes": dict(attributes)} if attributes is not None else {}),
        },
    )
    return row
