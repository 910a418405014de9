"""A route's mapping as plain values: field rules, lookup tables and the choices of its settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from connectors.contract import Target, TargetField
from sync.lookups import normal_key


@dataclass(frozen=True, slots=True)
class Rule:
    """How one target field is filled: ``source`` is constant, path or lookup."""

    source: str
    expression: str = ""
    lookup: str = ""
    default: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Everything that turns records into drafts for one route.

    ``lookups`` maps table -> normalised key -> value. ``overrides`` holds what people changed;
    every other field follows the ERP's built-in mapping in ``targets``.
    """

    targets: Mapping[Target, tuple[TargetField, ...]]
    overrides: Mapping[tuple[str, str], Rule] = field(default_factory=dict)
    lookups: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    unknown_sku: str = "hold"  # hold | item | account
    unknown_sku_number: str = ""
    tax: str = "erp"  # erp | line
    rounding_limit: Decimal = Decimal(0)
    prices_include_tax: bool = False
    erp_taxes: bool = True  # the ERP works out tax, so that lines without tax must say so

    def rule(self, target: Target, info: TargetField) -> Rule:
        if info.fixed:
            return builtin(info)
        return self.overrides.get((target.value, info.name)) or builtin(info)

    def look_up(self, table: str, key: str) -> str | None:
        """The value for ``key``; None if the table has no such row. ``*`` matches any key."""
        rows = self.lookups.get(table, {})
        found = rows.get(normal_key(key))
        return rows.get("*") if found is None else found


def builtin(info: TargetField) -> Rule:
    """The built-in rule of a target field, in the same form as one that a person wrote."""
    if info.lookup:
        return Rule("lookup", info.builtin, info.lookup, info.default)
    if info.builtin:
        return Rule("path", info.builtin, "", info.default)
    return Rule("constant", info.default)


def check_expression(text: str) -> str | None:
    """What is wrong with a JMESPath expression, in words; None if nothing."""
    if not text.strip():
        return "The expression is empty."
    try:
        jmespath.compile(text)
    except JMESPathError as error:
        return f"This is not a valid path: {str(error).splitlines()[0]}"
    return None


def evaluate(expression: str, record: Mapping[str, Any]) -> Any:
    """The value at a path. Raises ValueError, in words, if the expression cannot be worked out."""
    try:
        return jmespath.search(expression, record)
    except JMESPathError as error:
        raise ValueError(str(error).splitlines()[0]) from error
