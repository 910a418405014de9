"""The value of each field by its rule, and what is missing for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from connectors.contract import Target, TargetField
from sync.lookups import TABLES
from sync.rules import Rules, evaluate


class MappingHold(Exception):
    """The mapping cannot be finished. ``keys`` are the lookup or item keys that would release it,
    as ``lookup:<table>:<key>`` or ``item:<sku>``."""

    def __init__(self, hold: str, reason: str, advice: str, keys: Sequence[str] = ()) -> None:
        super().__init__(reason)
        self.hold = hold
        self.reason = reason
        self.advice = advice
        self.keys = tuple(keys)


@dataclass(slots=True)
class Missing:
    """Collects everything that is missing, so that a person can mend it in one go."""

    lookups: list[tuple[str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def raise_if_any(self) -> None:
        if self.problems:
            raise MappingHold(
                "mapping",
                " ".join(self.problems),
                "Correct the field mapping of this route, then release the transfer.",
            )
        if self.lookups:
            wanted = sorted(set(self.lookups))
            names = "; ".join(
                f"“{key}” in {TABLES[table].title if table in TABLES else table}"
                for table, key in wanted
            )
            raise MappingHold(
                "lookup_missing",
                f"No lookup row for {names}.",
                "Add the row under Mappings: every transfer that waits for it then goes by itself.",
                [f"lookup:{table}:{key}" for table, key in wanted],
            )


def fields_of(
    target: Target, context: Mapping[str, Any], rules: Rules, missing: Missing
) -> tuple[dict[str, str], list[str]]:
    """(text of each field of the target, notes of what was shortened). What cannot be filled is
    added to ``missing``."""
    values: dict[str, str] = {}
    notes: list[str] = []
    for info in rules.targets.get(target, ()):
        if info.fixed and not info.builtin:
            continue
        text = _value(target, info, context, rules, missing)
        if info.kind == "email" and info.max_length and len(text) > info.max_length:
            notes.append(f"{info.label} is longer than {info.max_length} characters: left empty.")
            text = ""
        if info.max_length and len(text) > info.max_length:
            notes.append(f"{info.label} was shortened to {info.max_length} characters.")
            text = text[: info.max_length].rstrip()
        values[info.name] = text
    return values, notes


def _value(
    target: Target, info: TargetField, context: Mapping[str, Any], rules: Rules, missing: Missing
) -> str:
    rule = rules.rule(target, info)
    if rule.source == "constant":
        return rule.expression or rule.default
    try:
        found = as_text(evaluate(rule.expression, context))
    except ValueError as error:
        missing.problems.append(f"The mapping of {info.label} cannot be worked out: {error}")
        return ""
    if rule.source == "lookup":
        if not found:
            return rule.default
        value = rules.look_up(rule.lookup, found)
        if value is not None:
            return value
        if rule.default or not _is_required(rules, target, info):
            return rule.default
        missing.lookups.append((rule.lookup, found))
        return ""
    return found or rule.default


def _is_required(rules: Rules, target: Target, info: TargetField) -> bool:
    """A person who chose a lookup without a default wants a hold where the row is missing; the
    built-in lookups are only applied where rows exist."""
    return (target.value, info.name) in rules.overrides


def as_text(value: Any) -> str:
    """A record's value as the text that an ERP field takes."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, list | tuple):
        return ", ".join(text for text in map(as_text, value) if text)
    if isinstance(value, dict):
        return ""
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return " ".join(str(value).split())
