"""Cells of CSV files that people open in a spreadsheet."""

from __future__ import annotations

import re

RISKY = ("=", "+", "-", "@", "\t", "\r", "\n")


def plain(value: str) -> str:
    """The value, defused if a spreadsheet would run it as a formula; numbers stay numbers."""
    is_number = re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value) is not None
    return f"'{value}" if value[:1] in RISKY and not is_number else value
