"""Settings under the headings of their groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sync.flow_settings import OFF

ADVANCED = "Advanced"


def of(
    fields: list[dict[str, Any]], values: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """The settings that stand under a heading of their own: the rarely needed ones last, and
    folded as those of a flow that is off (``items_flow`` of the group Items)."""
    found: dict[str, list[dict[str, Any]]] = {}
    for field in fields:
        if group := field["setting"].group:
            found.setdefault(group, []).append(field)
    return [
        {
            "title": title,
            "fields": rows,
            "is_folded": title == ADVANCED or _is_off(title, values or {}),
            "note": "off" if _is_off(title, values or {}) else "",
            "has_error": any(row["error"] for row in rows),
        }
        for title, rows in sorted(found.items(), key=lambda item: item[0] == ADVANCED)
    ]


def _is_off(title: str, values: Mapping[str, str]) -> bool:
    return values.get(f"{title.lower()}_flow") == OFF
