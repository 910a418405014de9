"""The dialect of $filter that Business Central understands, and its refusals."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sandbox.business_central.entities import Property

Predicate = Callable[[dict[str, Any]], bool]
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<instant>\d{4}-\d\d-\d\dT[0-9:.]+Z?)|(?P<date>\d{4}-\d\d-\d\d)"
    r"|(?P<guid>[0-9a-fA-F]{8}-[0-9a-fA-F-]{27})|(?P<number>-?\d+(?:\.\d+)?)|(?P<word>[A-Za-z_][\w]*)"
    r"|(?P<mark>[(),]))"
)


class BadRequest(Exception):
    """A request that is refused, with the vendor's code and words."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


def parse(text: str, properties: dict[str, Property]) -> tuple[Predicate, dict[str, str]]:
    """(predicate, equalities that all must hold) for a filter. Raises BadRequest."""
    return _Parser(text, properties).run()


class _Parser:
    def __init__(self, text: str, properties: dict[str, Property]) -> None:
        self.text, self.properties = text, properties
        self.tokens: list[tuple[str, str]] = []
        position = 0
        stripped = text.rstrip()
        while position < len(stripped):
            match = _TOKEN.match(stripped, position)
            if match is None:
                raise self.bad(f"Syntax error at position {position} in '{text}'.")
            self.tokens.append((str(match.lastgroup), match.group(match.lastgroup or 0)))
            position = match.end()
        self.at = 0
        self.equalities: dict[str, str] = {}

    def bad(self, message: str) -> BadRequest:
        return BadRequest("BadRequest", message)

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "")

    def take(self, value: str = "") -> tuple[str, str]:
        token = self.peek()
        if value and token[1] != value:
            raise self.bad(f"Syntax error: '{value}' expected in '{self.text}'.")
        self.at += 1
        return token

    def run(self) -> tuple[Predicate, dict[str, str]]:
        predicate, _ = self.either()
        if self.peek()[0] != "end":
            raise self.bad(f"Syntax error near '{self.peek()[1]}' in '{self.text}'.")
        return predicate, self.equalities

    def either(self) -> tuple[Predicate, set[str]]:
        parts = [self.both()]
        while self.peek() == ("word", "or"):
            self.take()
            parts.append(self.both())
        if len(parts) == 1:
            return parts[0]
        self.equalities = {}
        fields = set().union(*(names for _, names in parts))
        if len(fields) > 1:
            raise self.bad(
                "The 'OR' operator is not supported on distinct fields on an OData filter."
            )
        tests = [test for test, _ in parts]
        return (lambda row: any(test(row) for test in tests)), fields

    def both(self) -> tuple[Predicate, set[str]]:
        parts = [self.term()]
        while self.peek() == ("word", "and"):
            self.take()
            parts.append(self.term())
        tests = [test for test, _ in parts]
        fields = set().union(*(names for _, names in parts))
        return (tests[0] if len(tests) == 1 else lambda row: all(t(row) for t in tests)), fields

    def term(self) -> tuple[Predicate, set[str]]:
        kind, value = self.take()
        if value == "(":
            inner = self.either()
            self.take(")")
            return inner
        if kind != "word":
            raise self.bad(f"Syntax error near '{value}' in '{self.text}'.")
        if value in ("startswith", "endswith", "contains"):
            self.take("(")
            read, name = self.operand()
            self.take(",")
            wanted = str(self.literal(name))
            self.take(")")
            match value:
                case "startswith":
                    return (lambda row: str(read(row)).startswith(wanted)), {name}
                case "endswith":
                    return (lambda row: str(read(row)).endswith(wanted)), {name}
            return (lambda row: wanted in str(read(row))), {name}
        self.at -= 1
        is_plain = self.peek()[1] in self.properties
        read, name = self.operand()
        operator = self.take()[1]
        if operator == "in":
            # Without $schemaversion=2.1 the service ignores the filter: the whole table comes.
            while self.take()[1] != ")":
                continue
            return (lambda row: True), {name}
        wanted = self.literal(name)
        compare: dict[str, Callable[[Any, Any], bool]] = {
            "eq": lambda a, b: a == b,
            "ne": lambda a, b: a != b,
            "gt": lambda a, b: a > b,
            "ge": lambda a, b: a >= b,
            "lt": lambda a, b: a < b,
            "le": lambda a, b: a <= b,
        }
        if operator not in compare:
            raise self.bad(f"Unknown operator '{operator}' in '{self.text}'.")
        if operator == "eq" and is_plain and isinstance(wanted, str):
            self.equalities[name] = wanted
        test = compare[operator]
        return (lambda row: test(read(row), wanted)), {name}

    def operand(self) -> tuple[Callable[[dict[str, Any]], Any], str]:
        kind, value = self.take()
        if value in ("tolower", "toupper"):
            self.take("(")
            read, name = self.operand()
            self.take(")")
            change = str.lower if value == "tolower" else str.upper
            return (lambda row: change(str(read(row)))), name
        if kind != "word" or value not in self.properties:
            raise self.bad(f"Could not find a property named '{value}'.")
        return (lambda row: row.get(value)), value

    def literal(self, name: str) -> Any:
        kind, value = self.take()
        info = self.properties[name]
        if kind == "text":
            text = value[1:-1].replace("''", "'")
            if info.length and len(text) > info.length:
                raise BadRequest(
                    "Application_FilterErrorException",
                    f'The filter "{text}" is not valid for the {name} field. The length of the '
                    f"string is {len(text)}, but it must be less than or equal to {info.length} "
                    f"characters. Value: {text}",
                )
            return text.upper() if info.type == "code" else text
        if kind in ("number",):
            return Decimal(value)
        if kind == "guid":
            return value.lower()
        if kind == "instant":
            return self._instant(value)
        if kind == "date":
            return value
        if value in ("true", "false"):
            return value == "true"
        raise self.bad(f"Syntax error near '{value}' in '{self.text}'.")

    def _instant(self, value: str) -> str:
        """In the form in which instants are kept, so that they compare as texts."""
        try:
            found = datetime.fromisoformat(value)
        except ValueError as problem:
            raise self.bad(f"'{value}' is not a valid instant.") from problem
        return instant(found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC))


def expand_names(text: str) -> list[str]:
    return [part.partition("(")[0].strip() for part in text.split(",") if part.strip()]


def instant(value: datetime) -> str:
    return value.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
