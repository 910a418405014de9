"""The lookup tables that matter to a route, and the keys that transfers are held for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from connectors.contract import Target
from sync import mapping_rules, route_settings
from sync.lookups import CHARGES, PAYMENT_ACCOUNTS, TABLES, TAX_CODES, TableInfo, normal_key
from sync.models import LookupRow, Route, State

NO_TAX = "no_tax"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A key that ``waiting`` transfers are held for."""

    key: str
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A lookup table as its card shows it. ``fills`` names the ERP's fields that it gives."""

    info: TableInfo
    rows: tuple[LookupRow, ...]
    wanted: tuple[Wanted, ...]
    suggested: tuple[str, ...]
    fills: tuple[str, ...]


def used_by(route: Route) -> dict[str, tuple[str, ...]]:
    """Table -> labels of the ERP's fields that it fills, for every table that the built-in mapping
    of the route's ERP reads."""
    _, erp = route_settings.systems_of(route)
    settings = route_settings.values_of(route)
    found: dict[str, list[str]] = {CHARGES: []}
    for target, fields in erp.target_fields.items():
        if target is Target.PAYMENT and not erp.payment_bookings:
            continue
        for field in fields:
            if field.lookup and field.label not in found.setdefault(field.lookup, []):
                found[field.lookup].append(field.label)
    if erp.payment_bookings:
        found.setdefault(PAYMENT_ACCOUNTS, [])
    if erp.computes_tax or settings["tax"] == "line":
        found.setdefault(TAX_CODES, [])
    return {name: tuple(labels) for name, labels in found.items()}


def wanted_keys(route: Route) -> dict[str, tuple[Wanted, ...]]:
    """Table -> keys that held transfers wait for, the most wanted first."""
    counts: Counter[tuple[str, str]] = Counter()
    held = route.transfers.filter(state=State.HELD).values_list("hold_keys", flat=True)
    for keys in held:
        for held_key in keys:
            kind, _, rest = held_key.partition(":")
            table, _, key = rest.partition(":")
            if kind == "lookup" and table and key:
                counts[table, key] += 1
    found: dict[str, list[Wanted]] = {}
    for (table, key), number in counts.most_common():
        found.setdefault(table, []).append(Wanted(key, number))
    return {table: tuple(rows) for table, rows in found.items()}


def tables_of(route: Route) -> list[Table]:
    """The tables that the route's ERP uses, that have rows, that a mapping names or that something
    is held for: those that are waited for first."""
    uses, wanted = used_by(route), wanted_keys(route)
    known = {table.info.name: table for table in mapping_rules.lookup_tables(route)}
    names = [
        name
        for name, table in known.items()
        if name in uses or name in wanted or table.rows or not table.is_builtin
    ]
    names += [name for name in (*uses, *wanted) if name not in known]
    found = []
    for name in dict.fromkeys(names):
        rows = known[name].rows if name in known else ()
        info = known[name].info if name in known else _info(name)
        filled = {normal_key(row.key) for row in rows}
        asked = wanted.get(name, ())
        filled |= {normal_key(row.key) for row in asked}
        found.append(
            Table(
                info=info,
                rows=rows,
                wanted=asked,
                suggested=tuple(
                    key for key in info.suggested_keys if normal_key(key) not in filled
                ),
                fills=uses.get(name, ()),
            )
        )
    return sorted(found, key=lambda table: not table.wanted)


def _info(name: str) -> TableInfo:
    return TABLES.get(name) or TableInfo(name, name, "A table of your own.", "Key", "Value")
