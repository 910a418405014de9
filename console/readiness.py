"""What a route lacks before orders can flow: a short check list."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.contract import Verdict
from connectors.models import Connection
from console import lookup_tables, route_form
from sync import mapping_rules, route_settings
from sync.lookups import CHARGES, PAYMENT_ACCOUNTS, TABLES, TAX_CODES, normal_key
from sync.models import LookupRow, Route


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One line of the list. ``link`` leads to where it is mended; ``failed`` stops orders,
    ``warning`` stops some of them, ``skipped`` can stay as it is."""

    verdict: Verdict
    name: str
    words: str
    link: str = ""

    @property
    def is_open(self) -> bool:
        return self.verdict in (Verdict.FAILED, Verdict.WARNING)


def points_of(route: Route) -> list[Point]:
    """Everything that the pair of systems needs, what is missing first."""
    found = [_connection(route.store), _connection(route.erp)]
    found += _lookups(route)
    found += _references(route)
    if not route.is_active:
        found.append(
            Point(
                verdict=Verdict.WARNING,
                name="The route is paused",
                words="Nothing new is taken from the store until it is resumed.",
            )
        )
    order = (Verdict.FAILED, Verdict.WARNING, Verdict.OK, Verdict.SKIPPED)
    return sorted(found, key=lambda point: order.index(point.verdict))


def _connection(connection: Connection) -> Point:
    states = Connection.State
    link = f"/connections/{connection.slug}/"
    if connection.state in (states.REFUSED, states.PAUSED):
        verdict, words = Verdict.FAILED, connection.state_reason or "It is paused."
    elif connection.state == states.UNTESTED:
        why = connection.state_reason or "It was never tested."
        verdict, words = Verdict.WARNING, f"{why} Ping it."
    elif connection.state == states.DEGRADED:
        verdict, words = Verdict.WARNING, connection.state_reason
    else:
        verdict, words = Verdict.OK, "Tested, and works."
    return Point(verdict=verdict, name=connection.name, words=words, link=link)


def _lookups(route: Route) -> list[Point]:
    _, erp = route_settings.systems_of(route)
    settings = route_settings.values_of(route)
    keys: dict[str, set[str]] = {}
    for table, key in LookupRow.objects.filter(route=route).values_list("table", "key"):
        keys.setdefault(table, set()).add(normal_key(key))
    wanted = lookup_tables.wanted_keys(route)
    needed = _needed(route, settings)
    found: list[Point] = []
    for table, rows in needed.items():
        for key, (verdict, why) in rows.items():
            known = keys.get(table, set())
            if key in known or "*" in known:
                found.append(_point(Verdict.OK, table, key, "There is a row."))
            else:
                found.append(_point(verdict, table, key, why))
    for table, asked in wanted.items():
        for row in asked:
            if row.key not in needed.get(table, {}):
                waits = "transfer waits" if row.waiting == 1 else "transfers wait"
                found.append(
                    _point(Verdict.FAILED, table, row.key, f"{row.waiting} {waits} for this row.")
                )
    used = lookup_tables.used_by(route)
    own = {row.lookup for row in mapping_rules.rows(route) if row.lookup and not row.is_builtin}
    for table, fields in used.items():
        if table in needed or table in wanted or keys.get(table):
            continue
        required = table in own
        names = ", ".join(fields) or "Special lines"
        found.append(
            Point(
                verdict=Verdict.WARNING if required else Verdict.SKIPPED,
                name=TABLES[table].title if table in TABLES else table,
                words=f"No rows. {names}: "
                + (
                    "a mapping of this route asks for one, and holds orders without it."
                    if required
                    else f"what the connection's settings or {erp.title} itself say counts."
                ),
                link=_link(table),
            )
        )
    return found


def _needed(route: Route, settings: dict[str, str]) -> dict[str, dict[str, tuple[Verdict, str]]]:
    """Table -> key -> how badly it is needed and why, by what the route books."""
    store, erp = route_settings.systems_of(route)
    needed: dict[str, dict[str, tuple[Verdict, str]]] = {
        CHARGES: {"shipping": (Verdict.FAILED, "Every order with shipping costs waits for it.")}
    }
    if settings["tax"] == "line":
        needed[CHARGES]["tax"] = (Verdict.FAILED, "The store's tax has no account yet.")
        needed[TAX_CODES] = {
            "no_tax": (Verdict.FAILED, "Lines that the ERP must not tax have no code yet.")
        }
    if settings["rounding_limit"].strip("0."):
        needed[CHARGES]["rounding"] = (
            Verdict.WARNING,
            "Rounding lines are allowed, and have no account yet.",
        )
    if store.makes_refunds and route_settings.booking(route, "refund_kind", settings):
        needed[CHARGES]["adjustment"] = (
            Verdict.WARNING,
            "Refunds of an amount, beside the lines, wait for it.",
        )
        if erp.computes_tax:
            needed.setdefault(TAX_CODES, {}).setdefault(
                "no_tax", (Verdict.WARNING, "Refunds of an amount carry no tax: they wait for it.")
            )
    if route_settings.booking(route, "payment_kind", settings):
        needed[PAYMENT_ACCOUNTS] = {
            "*": (Verdict.WARNING, "Payments wait until their method, or “*”, has an account.")
        }
    return needed


def _references(route: Route) -> list[Point]:
    problem = route_form.corrections_too_long(route)
    if not problem:
        return []
    return [Point(verdict=Verdict.SKIPPED, name="References of corrections", words=problem)]


def _point(verdict: Verdict, table: str, key: str, words: str) -> Point:
    title = TABLES[table].title if table in TABLES else table
    return Point(verdict=verdict, name=f"{title}: {key}", words=words, link=_link(table))


def _link(table: str) -> str:
    return f"../lookups/#table-{table}"
