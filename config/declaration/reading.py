"""YAML as people mean it: texts stay what was typed.

YAML 1.1 reads Norway's ``NO`` as false, the account ``0610`` as octal 392 and ``17:30`` as 1050.
Here only ``true``, ``false`` and ``null`` are more than text, and a key may stand only once.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any

import yaml

_TRUTH = "tag:yaml.org,2002:bool"
_NOTHING = "tag:yaml.org,2002:null"


class PlainLoader(yaml.SafeLoader):
    """The safe loader without guesses about numbers, dates and yes or no."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(
                    None, None, "a key is a text", key.start_mark
                )
            key.tag = "tag:yaml.org,2002:str"
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"“{key.value}” stands here twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


PlainLoader.add_implicit_resolver(
    _TRUTH, re.compile(r"^(?:true|false)$", re.IGNORECASE), list("tTfF")
)
PlainLoader.add_implicit_resolver(
    _NOTHING, re.compile(r"^(?:~|null|)$", re.IGNORECASE), ["~", "n", "N", ""]
)


def load(text: str) -> Any:
    """The file's value. Raises yaml.YAMLError."""
    return yaml.load(text, Loader=PlainLoader)  # noqa: S506  a safe loader of our own


def items(value: Any, name: str) -> list[tuple[int, dict[str, Any]]]:
    """The rows of a list with their place, as far as they are rows at all."""
    rows = value.get(name) if isinstance(value, dict) else None
    found = rows if isinstance(rows, list) else []
    return [(i, row) for i, row in enumerate(found) if isinstance(row, dict)]


def text(row: dict[str, Any], name: str, default: str = "") -> str:
    """A row's value if it is a text; what else stands there is told by the schema."""
    value = row.get(name)
    return value if isinstance(value, str) else default


def table(row: dict[str, Any], name: str) -> dict[str, Any]:
    """Likewise for what is a table of names and values."""
    value = row.get(name)
    return value if isinstance(value, dict) else {}
