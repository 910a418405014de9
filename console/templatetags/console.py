"""What the templates need beyond Django's own tags."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from console import order_parts, wording
from console.money import written

register = template.Library()

STATE_ICONS = {
    "posted": "circle-check",
    "healthy": "circle-check",
    "held": "hand-stop",
    "degraded": "alert-triangle",
    "failed": "alert-triangle",
    "refused": "alert-triangle",
    "waiting": "clock",
    "untested": "clock",
    "working": "loader-2",
    "skipped": "player-skip-forward",
    "paused": "hand-stop",
    "changed": "pencil-exclamation",
}


@register.simple_tag
def icon(name: str) -> SafeString:
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        static("vendor/icons.svg"),
        name,
    )


@register.simple_tag
def state(thing: Any) -> SafeString:
    """A state with icon and word, never by colour alone."""
    return format_html(
        '<span class="state state-{}">{} {}</span>',
        thing.state,
        icon(STATE_ICONS.get(thing.state, "clock")),
        thing.get_state_display(),
    )


@register.filter
def called(transfer: Any) -> str:
    """What a transfer is and its number: ``Refund 7``."""
    return wording.called(transfer)


@register.filter
def numbers(document: Any) -> str:
    """A document's number, or both where the ERP gave it another when it posted."""
    return order_parts.numbers_of(document)


@register.filter
def paper(document: Any) -> str:
    """``Sales invoice`` for the document's kind."""
    return order_parts.kind_words(document)


@register.filter
def money(value: Any, currency: str = "") -> str:
    """An amount with thousands separators, at its currency's places."""
    return "" if value in (None, "") else written(Decimal(str(value)), currency)


@register.filter
def count(value: int) -> str:
    """``1,284``."""
    return f"{int(value):,}"


@register.filter
def is_amount(value: Any) -> bool:
    """Whether it is an amount other than nought."""
    return value not in (None, "") and Decimal(str(value)) != 0


@register.filter
def pretty(text: str | None) -> str:
    """JSON laid out for reading; anything else as it is."""
    if not text:
        return ""
    try:
        return json.dumps(json.loads(text, parse_float=str), indent=2, ensure_ascii=False)
    except ValueError:
        return text


@register.filter
def as_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


@register.filter
def get(mapping: dict[str, Any], key: str) -> Any:
    return (mapping or {}).get(key, "")


@register.simple_tag(takes_context=True)
def here(context: dict[str, Any], prefix: str) -> SafeString | str:
    """aria-current for the part of the console that is open."""
    path = context["request"].path
    current = path == prefix if prefix == "/" else path.startswith(prefix)
    return SafeString('aria-current="page"') if current else ""


@register.simple_tag(takes_context=True)
def query(context: dict[str, Any], **changes: Any) -> str:
    """The present query string with some values changed."""
    values = context["request"].GET.copy()
    for name, value in changes.items():
        if value in (None, ""):
            values.pop(name, None)
        else:
            values[name] = value
    return f"?{values.urlencode()}" if values else "?"


@register.filter
def unlocalize_number(value: float) -> str:
    """A coordinate for a drawing, whatever the language."""
    return f"{value:.1f}"


@register.filter
def ago(moment: datetime | None) -> str:
    """How long ago, in its largest unit."""
    if moment is None:
        return ""
    if timezone.now() - moment < timedelta(minutes=1):
        return "just now"
    return f"{timesince(moment, depth=1)} ago"


@register.filter
def clock(seconds: float) -> str:
    """How far another clock is from ours: ``right``, ``12 s ahead``, ``3 min behind``."""
    size = abs(round(seconds))
    if size < 2:
        return "right"
    shown = f"{size} s" if size < 120 else f"{size // 60:,} min"
    return f"{shown} {'ahead' if seconds > 0 else 'behind'}"


@register.filter
def words(name: str) -> str:
    """``store_credit`` as people write it."""
    return name.replace("_", " ")


@register.filter
def within(label: str) -> str:
    """A label inside a sentence: ``Several products share the SKU`` begins small."""
    return label[:1].lower() + label[1:]


@register.filter
def split_words(text: str) -> list[str]:
    return text.split()
