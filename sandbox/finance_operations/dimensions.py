"""Dimension display values: one text, its segments in the order of the active integration format.

A delimiter inside a value is escaped with a backslash. Missing segments at the end are blank,
extra ones are dropped without a word. Source: Microsoft, "Financial dimension configuration for
integrating applications", and recorded accounts such as ``DAT\\-000011``.
"""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.finance_operations import seed
from sandbox.finance_operations.environment import Environment
from sandbox.finance_operations.writing import WriteFailed, refused

_MARKS = {"Hyphen": "-", "Period": ".", "Underscore": "_", "Bar": "|", "Tilde": "~"}


def delimiter(env: Environment) -> str:
    name = str(env.settings["dimension_delimiter"])
    return _MARKS[name.removeprefix("Double")] * (2 if name.startswith("Double") else 1)


def segments(text: str, mark: str) -> list[str]:
    """The values between the delimiters that no backslash escapes."""
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


def escaped(value: str, mark: str) -> str:
    return value.replace(mark, "\\" + mark)


def default_value(env: Environment, text: str) -> str:
    """A default dimension as it is stored. Raises WriteFailed for an unknown value."""
    return _stored(env, text, []) if text else ""


def ledger_value(env: Environment, text: str) -> str:
    """A main account with dimensions as it is stored. Raises WriteFailed."""
    return _stored(env, text, ["MainAccount"])


def account_of(env: Environment, text: str) -> str:
    """The account in a display value of a customer or a bank: its first segment, unescaped."""
    return segments(text, delimiter(env))[0]


def _stored(env: Environment, text: str, first: list[str]) -> str:
    names = first + _active_format(env)
    mark = delimiter(env)
    values = segments(text, mark)[: len(names)]
    values += [""] * (len(names) - len(values))
    for name, value in zip(names, values, strict=True):
        known = seed.MAIN_ACCOUNTS if name == "MainAccount" else seed.DIMENSION_VALUES[name]
        if value and value not in known:
            raise WriteFailed(
                f"Error: The value '{value}' is not valid for the dimension '{name}' in the "
                f"display value '{text}'."
            )
    return mark.join(escaped(value, mark) for value in values)


def _active_format(env: Environment) -> list[str]:
    names = list(env.settings["dimension_format"] or [])
    if not names:
        raise refused(
            "A default dimension format for data entities must be set up and active before "
            "dimension display values can be used."
        )
    return names


def set_display_value(env: Environment, names: Sequence[str], values: Sequence[str]) -> str:
    """What getSetDisplayValue answers; attributes outside the format are skipped."""
    given = dict(zip(names, values, strict=True))
    mark = delimiter(env)
    return mark.join(escaped(given.get(name, ""), mark) for name in _active_format(env))
