"""Display values of accounts and financial dimensions: one text, its segments in a fixed order.

A delimiter inside a value is escaped by one backslash, in customers' and banks' accounts too.
Missing segments at the end are blank; the environment drops extra ones without a word, so their
number is checked here. The order of segments belongs to the active integration format, which no
data entity shows. Sources: Microsoft, "Financial dimension configuration for integrating
applications"; recorded accounts such as ``DAT\\-000011``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.errors import NeedsAttention, UnexpectedShape

MOST = 6  # mapping fields dimension_1, dimension_2, ...
_MARKS = {"Hyphen": "-", "Period": ".", "Underscore": "_", "Bar": "|", "Tilde": "~"}


def mark_of(name: str) -> str:
    """The delimiter that ``DimensionParameters`` names. Raises UnexpectedShape."""
    mark = _MARKS.get(name.removeprefix("Double"))
    if mark is None:
        raise UnexpectedShape("DimensionParameters.DimensionSegmentDelimiter", f"is “{name}”")
    return mark * 2 if name.startswith("Double") else mark


def escaped(value: str, mark: str) -> str:
    return value.replace(mark, "\\" + mark)


def segments(text: str, mark: str) -> list[str]:
    """The values between those delimiters that no backslash escapes."""
    found, current, at = [], "", 0
    while at < len(text):
        if text[at] == "\\" and text.startswith(mark, at + 1):
            current += mark
            at += 1 + len(mark)
        elif text.startswith(mark, at):
            found.append(current)
            current = ""
            at += len(mark)
        else:
            current += text[at]
            at += 1
    return [*found, current]


def account_of(text: str, mark: str) -> str:
    """The account in a display value: its first segment, unescaped."""
    return segments(text, mark)[0]


def joined(values: Sequence[str], mark: str) -> str:
    """Values as one display value; blank ones at the end are left away."""
    kept = list(values)
    while kept and not kept[-1]:
        kept.pop()
    return mark.join(escaped(value, mark) for value in kept)


def values_of(fields: Mapping[str, str], names: Sequence[str]) -> list[str]:
    """What the mapping gave for each dimension of the format. Raises NeedsAttention if it gave
    more than the format has."""
    given = [fields.get(f"dimension_{number}", "").strip() for number in range(1, MOST + 1)]
    extra = [number for number, value in enumerate(given, 1) if value and number > len(names)]
    if extra:
        raise NeedsAttention(
            f"dimension_{extra[0]} has a value, the format has {len(names)} segments",
            reason=f"The mapping fills financial dimension {extra[0]}, but the connection names "
            f"{len(names) or 'no'} dimension{'' if len(names) == 1 else 's'}.",
            advice="Enter the dimensions of the active default dimension format in the "
            "connection's settings, in their order.",
            code="settings",
        )
    return given[: len(names)]
