"""Everything that is wrong with a declaration, at once, each with its path in the file."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from config.declaration.conflicts import conflicts
from config.declaration.reading import items, load, table
from connectors.contract import Erp, Store
from connectors.registry import SYSTEMS
from connectors.setting_values import check_values, sign_in_names
from sync import mapping_rules, route_settings

SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "apply.schema.json"
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class Problems(Exception):
    """The file cannot be applied; ``lines`` says why, one problem each with its path."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def read(path: Path, *, allow_literal_secrets: bool = False) -> dict[str, Any]:
    """The declaration, checked by itself and against what is there, with ``${NAME}`` replaced.
    Raises Problems."""
    try:
        plain = load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise Problems([f"{path}: {' '.join(str(error).split())}"]) from error
    problems = [
        f"{_path(error.absolute_path)}: {error.message}"
        for error in sorted(
            Draft202012Validator(json.loads(SCHEMA.read_text())).iter_errors(plain),
            key=lambda error: [str(part) for part in error.absolute_path],
        )
    ]
    filled = _filled(plain, "", problems)
    if isinstance(filled, dict):
        problems += _cross_checks(filled, plain, allow_literal_secrets)
        problems += conflicts(filled)
    if problems:
        raise Problems(list(dict.fromkeys(problems)))
    return filled  # type: ignore[no-any-return]


def _path(parts: Any) -> str:
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or "(file)"


def _filled(value: Any, path: str, problems: list[str]) -> Any:
    if isinstance(value, dict):
        return {
            key: _filled(item, f"{path}.{key}" if path else key, problems)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_filled(item, f"{path}[{i}]", problems) for i, item in enumerate(value)]
    if not isinstance(value, str):
        return value

    def replace(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in os.environ:
            problems.append(f"{path}: the environment has no {name}.")
        return os.environ.get(name, match.group())  # told once, not as a missing setting too

    return _REFERENCE.sub(replace, value)


def _cross_checks(
    filled: dict[str, Any], plain: dict[str, Any], allow_literal_secrets: bool
) -> Iterator[str]:
    tenants = items(filled, "tenants")
    for name in ("slug", "host"):
        yield from _twice([(f"tenants[{i}].{name}", _known_as(row, name)) for i, row in tenants])
    for index, tenant in tenants:
        where = f"tenants[{index}]"
        connections = items(tenant, "connections")
        routes = items(tenant, "routes")
        sites = items(tenant, "relay_sites")
        for part, rows in (
            ("relay_sites", sites),
            ("connections", connections),
            ("routes", routes),
        ):
            for name in ("slug", "name"):
                yield from _twice([(f"{where}.{part}[{i}].{name}", r.get(name)) for i, r in rows])
        people = items(tenant, "people")
        yield from _twice(
            [(f"{where}.people[{i}].email", _known_as(r, "email")) for i, r in people]
        )
        yield from _twice(
            [
                (f"{where}.routes[{i}].prefix", (r.get("erp"), str(r.get("prefix", "")).upper()))
                for i, r in routes
            ]
        )
        site_slugs = {row.get("slug") for _, row in sites}
        kinds: dict[str, str] = {}
        for i, row in connections:
            kinds[str(row.get("slug"))] = str(row.get("kind"))
            original = plain["tenants"][index]["connections"][i]
            yield from _connection(
                f"{where}.connections[{i}]", row, original, allow_literal_secrets
            )
            if row.get("relay") and row["relay"] not in site_slugs:
                yield (
                    f"{where}.connections[{i}].relay: there is no relay site “{row['relay']}” in "
                    "this tenant."
                )
        for i, row in routes:
            yield from _route(f"{where}.routes[{i}]", row, kinds)


def _known_as(row: dict[str, Any], name: str) -> str | None:
    """Hosts and addresses are compared without case."""
    value = row.get(name)
    return value.lower() if isinstance(value, str) else None


def _twice(values: list[tuple[str, Any]]) -> Iterator[str]:
    seen: dict[Any, str] = {}
    for path, value in values:
        if value in seen:
            shown = value[-1] if isinstance(value, tuple) else value
            yield f"{path}: “{shown}” is already at {seen[value]}."
        elif value is not None:
            seen[value] = path


def _connection(
    where: str, row: dict[str, Any], original: dict[str, Any], allow_literal_secrets: bool
) -> Iterator[str]:
    kind = str(row.get("kind"))
    if kind not in SYSTEMS:
        yield f"{where}.kind: “{kind}” is not one of {', '.join(SYSTEMS)}."
        return
    values = texts(table(row, "settings"))
    on_site = row.get("sign_in") == "on_site"
    for name, words in check_values(kind, values, sign_in_on_site=on_site).items():
        yield f"{where}.settings.{name}: {words}"
    if on_site and "relay" in row and not row["relay"]:
        yield f"{where}.sign_in: an account is kept on site only where a relay agent is."
    if on_site and not sign_in_names(kind):
        yield f"{where}.sign_in: an account for {SYSTEMS[kind].title} cannot be kept on site."
    if allow_literal_secrets:
        return
    for setting in SYSTEMS[kind].settings:
        given = table(original, "settings").get(setting.name)
        if setting.is_secret and given and not _REFERENCE.fullmatch(str(given)):
            yield f"{where}.settings.{setting.name}: a secret is given as ${{NAME}}, not in the file."


def _route(where: str, row: dict[str, Any], kinds: dict[str, str]) -> Iterator[str]:
    sides: dict[str, Any] = {}
    for side, base in (("store", Store), ("erp", Erp)):
        slug = str(row.get(side))
        if slug not in kinds:
            yield f"{where}.{side}: there is no connection “{slug}” in this tenant."
            continue
        system = SYSTEMS.get(kinds[slug])
        if system is not None and not issubclass(system, base):
            yield f"{where}.{side}: “{slug}” is a connection to {system.title}, not a {side}."
        elif system is not None:
            sides[side] = system
    if start_of(row) is None and row.get("start"):
        yield f"{where}.start: “{row['start']}” is not a date such as 2026-11-01."
    if len(sides) == 2:
        _, errors = route_settings.clean(table(row, "settings"), sides["store"], sides["erp"])
        for name, words in errors.items():
            yield f"{where}.settings.{name}: {words}"
    if "erp" in sides:
        fields = sides["erp"].target_fields
        for i, mapping in items(row, "mappings"):
            for name, words in mapping_rules.check(fields, texts(mapping)).items():
                yield f"{where}.mappings[{i}].{name}: {words}"
    lookups = table(row, "lookups")
    for name in lookups:
        for key, value in table(lookups, name).items():
            for words in mapping_rules.check_lookup(name, key, str(value)).values():
                yield f"{where}.lookups.{name}.{key}: {words}"


def texts(values: dict[str, Any]) -> dict[str, str]:
    """Settings as texts: yes and no for flags."""
    return {
        name: ("yes" if value else "no") if isinstance(value, bool) else str(value)
        for name, value in values.items()
    }


def start_of(row: dict[str, Any]) -> datetime | None:
    text = str(row.get("start") or "")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
