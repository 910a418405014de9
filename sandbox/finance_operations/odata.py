"""The dialect of $filter, keys and $orderby that the endpoint understands, and its refusals.

Texts compare without regard to case, and ``eq`` reads ``*`` as any run of characters. ``in``,
``has`` and functions are refused; enumerations know ``eq`` and ``ne`` only; dates compare by day.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, DivisionByZero, InvalidOperation
from typing import Any

from sandbox.finance_operations.environment import Row, Table, folded
from sandbox.finance_operations.shapes import ENUMS, NAMESPACE, Shape

_TOKEN = re.compile(
    r"\s*(?:(?P<enum>[A-Za-z_][\w.]*'(?:[^']|'')*')|(?P<text>'(?:[^']|'')*')"
    r"|(?P<instant>\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))"
    r"|(?P<date>\d{4}-\d\d-\d\d)|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<word>[A-Za-z_]\w*)|(?P<mark>[(),]))"
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_ADD: dict[str, Callable[[Any, Any], Any]] = {"add": operator.add, "sub": operator.sub}
_MULTIPLY: dict[str, Callable[[Any, Any], Any]] = {
    "mul": operator.mul,
    "div": operator.truediv,
    "mod": operator.mod,
}
_NUMBERS = ("decimal", "int", "long")
_FUNCTIONS = ("contains", "startswith", "endswith", "tolower", "toupper", "substringof")


class BadQuery(Exception):
    """A request that the OData layer refuses before any business logic."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message, self.status = message, status


@dataclass(slots=True)
class Node:
    """A part of the expression: its value for a row, its kind, and what it pins by equality."""

    read: Callable[[Row], Any]
    kind: str
    name: str = ""
    constant: bool = False
    equalities: dict[str, Any] = field(default_factory=dict)
    bounds: dict[str, list[tuple[str, Any]]] = field(default_factory=dict)


def parse_filter(text: str, shape: Shape, *, plain_enums: bool = True) -> Node:
    """The predicate of a $filter. Raises BadQuery."""
    return _Parser(text, shape, plain_enums).run()


def wildcard(text: str) -> Callable[[str], bool]:
    pattern = ".*".join(re.escape(part) for part in text.casefold().split("*"))
    compiled = re.compile(pattern, re.S)
    return lambda value: compiled.fullmatch(value.casefold()) is not None


class _Parser:
    def __init__(self, text: str, shape: Shape, plain_enums: bool) -> None:
        self.text, self.shape, self.plain_enums = text, shape, plain_enums
        self.tokens: list[tuple[str, str]] = []
        position, stripped = 0, text.rstrip()
        while position < len(stripped):
            match = _TOKEN.match(stripped, position)
            if match is None:
                raise BadQuery(f"Syntax error at position {position} in '{text}'.")
            self.tokens.append((str(match.lastgroup), match.group(match.lastgroup or 0)))
            position = match.end()
        self.at = 0

    def run(self) -> Node:
        node = self.either()
        if self.at < len(self.tokens):
            raise self.near()
        if node.kind != "bool":
            raise BadQuery(
                f"The $filter expression must evaluate to a single boolean value: '{self.text}'."
            )
        return node

    def near(self) -> BadQuery:
        at = self.tokens[self.at][1] if self.at < len(self.tokens) else "the end"
        return BadQuery(f"Syntax error near '{at}' in '{self.text}'.")

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "")

    def took(self, kind: str, *values: str) -> str:
        """The next token if it is one of these; an empty text otherwise."""
        if self.peek()[0] == kind and self.peek()[1] in values:
            self.at += 1
            return self.tokens[self.at - 1][1]
        return ""

    def either(self) -> Node:
        parts = [self.both()]
        while self.took("word", "or"):
            parts.append(self.both())
        if len(parts) == 1:
            return parts[0]
        tests = [self.boolean(part).read for part in parts]
        return Node(lambda row: any(test(row) for test in tests), "bool")

    def both(self) -> Node:
        parts = [self.negation()]
        while self.took("word", "and"):
            parts.append(self.negation())
        if len(parts) == 1:
            return parts[0]
        tests = [self.boolean(part).read for part in parts]
        pinned = {name: value for part in parts for name, value in part.equalities.items()}
        bounds: dict[str, list[tuple[str, Any]]] = {}
        for part in parts:
            for name, limits in part.bounds.items():
                bounds.setdefault(name, []).extend(limits)
        return Node(lambda row: all(test(row) for test in tests), "bool", "", False, pinned, bounds)

    def boolean(self, node: Node) -> Node:
        if node.kind != "bool":
            raise self.near()
        return node

    def negation(self) -> Node:
        if self.took("word", "not"):
            test = self.boolean(self.negation()).read
            return Node(lambda row: not test(row), "bool")
        return self.comparison()

    def comparison(self) -> Node:
        left = self.sum()
        kind, word = self.peek()
        if kind == "word" and word in ("in", "has"):
            raise BadQuery(f"The operator '{word}' is not supported: '{self.text}'.")
        word = self.took("word", *_COMPARE)
        if not word:
            return left
        right = self.sum()
        if left.constant and not right.constant:
            swap = {"gt": "lt", "lt": "gt", "ge": "le", "le": "ge"}
            left, right, word = right, left, swap.get(word, word)
        return self.compared(left, word, right)

    def compared(self, left: Node, word: str, right: Node) -> Node:
        kind, test = left.kind, _COMPARE[word]
        if right.kind == "null":
            return Node(lambda row: word == "ne", "bool")
        if kind in ENUMS or right.kind.startswith("enum:"):
            wanted = self.member(kind, right)
            if word not in ("eq", "ne"):
                raise BadQuery(f"Enumerations can be compared by eq and ne only: '{self.text}'.")
            return Node(lambda row: test(left.read(row), wanted), "bool")
        families = {**dict.fromkeys(_NUMBERS, "number"), "day": "date", "instant": "date"}
        if families.get(kind, kind) != families.get(right.kind, right.kind):
            raise BadQuery(
                "A binary operator with incompatible types was detected. Found operand types "
                f"'{kind}' and '{right.kind}' in '{self.text}'."
            )
        if kind == "text" and right.constant:
            text = str(right.read({}))
            if "*" in text and word in ("eq", "ne"):
                matches = wildcard(text)
                return Node(lambda row: matches(left.read(row)) == (word == "eq"), "bool")
        pinned = {}
        if word == "eq" and right.constant and left.name and kind != "instant":
            pinned[left.name] = right.read({})

        bounds = {}
        if word in ("gt", "ge", "lt", "le") and right.constant and left.name and kind == "text":
            bounds[left.name] = [(word, right.read({}))]

        def holds(row: Row) -> bool:
            one, two = left.read(row), right.read(row)
            if kind == "instant":
                return test(_instant(one), _instant(two))
            return test(folded(one, kind), folded(two, kind))

        return Node(holds, "bool", equalities=pinned, bounds=bounds)

    def member(self, kind: str, right: Node) -> str:
        value = str(right.read({}))
        named = right.kind.removeprefix("enum:")
        is_plain = right.kind == "text" and self.plain_enums
        if named != f"{NAMESPACE}.{kind}" and not is_plain:
            raise BadQuery(
                "A binary operator with incompatible types was detected. Found operand types "
                f"'{NAMESPACE}.{kind}' and '{named}' in '{self.text}'."
            )
        if value not in ENUMS[kind]:
            raise BadQuery(f"The string '{value}' is not a valid enumeration type constant.")
        return value

    def sum(self) -> Node:
        return self.chain(self.product, _ADD)

    def product(self) -> Node:
        return self.chain(self.primary, _MULTIPLY)

    def chain(self, part: Callable[[], Node], words: dict[str, Callable[[Any, Any], Any]]) -> Node:
        left = part()
        while word := self.took("word", *words):
            right = part()
            if left.kind not in _NUMBERS or right.kind not in _NUMBERS:
                raise BadQuery(f"'{word}' needs numbers in '{self.text}'.")
            left = _calculated(words[word], left, right)
        return left

    def primary(self) -> Node:
        kind, value = self.peek()
        self.at += 1
        match kind:
            case "mark" if value == "(":
                inner = self.either()
                if not self.took("mark", ")"):
                    raise self.near()
                return inner
            case "text":
                return _constant("text", value[1:-1].replace("''", "'"))
            case "number":
                return _constant("decimal", Decimal(value))
            case "instant":
                return _constant("instant", value)
            case "date":
                return _constant("Edm.Date", value)
            case "enum":
                name, _, member = value.partition("'")
                return _constant(f"enum:{name}", member[:-1])
            case "word" if value == "null":
                return _constant("null", None)
            case "word" if value in _FUNCTIONS:
                raise BadQuery(f"The function '{value}' is not supported: '{self.text}'.")
            case "word":
                found = self.shape.properties.get(value)
                if found is None:
                    raise BadQuery(
                        f"Could not find a property named '{value}' on type "
                        f"'{NAMESPACE}.{self.shape.entity}'."
                    )
                return Node(operator.itemgetter(value), found, value)
        self.at -= 1
        raise self.near()


def _constant(kind: str, value: Any) -> Node:
    return Node(lambda row: value, kind, constant=True)


def _calculated(work: Callable[[Any, Any], Any], left: Node, right: Node) -> Node:
    def value(row: Row) -> Any:
        try:
            return work(Decimal(left.read(row)), Decimal(right.read(row)))
        except (DivisionByZero, InvalidOperation) as error:
            raise BadQuery("Division by zero in the $filter expression.") from error

    return Node(value, "decimal", constant=left.constant and right.constant)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def parse_key(text: str, shape: Shape) -> Row:
    """Key values of ``(a='x',B=5)``. Raises BadQuery."""
    found: Row = {}
    position = 0
    pattern = re.compile(
        r"\s*(?:(?P<name>\w+)\s*=\s*)?(?:(?P<text>'(?:[^']|'')*')|(?P<bare>[^,']+))\s*(?:,|$)"
    )
    while position < len(text):
        match = pattern.match(text, position)
        if match is None:
            raise BadQuery(f"Bad Request - Error in query syntax: '{text}'.")
        name = match["name"] or (shape.keys[0] if len(shape.keys) == 1 else "")
        if name not in shape.keys:
            raise BadQuery(f"'{name}' is not a key property of '{shape.collection}'.")
        found[name] = _key_value(name, shape.properties[name], match["text"], match["bare"])
        position = match.end()
    if set(found) != set(shape.keys):
        raise BadQuery(
            f"The number of keys specified in the URI does not match number of key properties "
            f"for the resource '{NAMESPACE}.{shape.entity}'."
        )
    return found


def _key_value(name: str, kind: str, quoted: str | None, bare: str | None) -> Any:
    if kind == "text":
        if quoted is None:
            raise BadQuery(f"The key '{name}' must be a text in quotes.")
        return quoted[1:-1].replace("''", "'")
    if bare is None:
        raise BadQuery(f"The key '{name}' must not be in quotes.")
    if kind in _NUMBERS:
        try:
            return Decimal(bare)
        except InvalidOperation as error:
            raise BadQuery(f"The key '{name}' must be a number.") from error
    return bare


def ordered(rows: list[Row], text: str, shape: Shape) -> list[Row]:
    """Rows in the order of $orderby. Raises BadQuery."""
    for part in reversed([part.strip() for part in text.split(",") if part.strip()]):
        name, _, direction = part.partition(" ")
        if name not in shape.properties or direction.strip() not in ("", "asc", "desc"):
            raise BadQuery(f"Could not find a property named '{name}' in $orderby.")
        kind = shape.properties[name]
        rows = sorted(
            rows, key=lambda row: folded(row[name], kind), reverse=direction.strip() == "desc"
        )
    return rows


def in_key_order(
    table: Table, node: Node | None, order: str, company: str | None, most: int
) -> list[Row] | None:
    """The first ``most`` rows of one company in the order of its key, without a look at the others;
    None for another order, or where an index serves better."""
    keys, wanted = table.shape.keys, dict(node.equalities) if node else {}
    if keys[0] != "dataAreaId" or any(table.shape.properties[k] != "text" for k in keys):
        return None
    own = str(wanted.pop("dataAreaId", company or "")).casefold()
    names = [part.strip().removesuffix(" asc") for part in order.split(",") if part.strip()]
    asked = [name for name in names if name != keys[0]]
    given = node.bounds.get(keys[1], []) if node else []
    if not own or wanted or own != (company or own) or asked != list(keys[1 : 1 + len(asked)]):
        return None
    if not asked and not given:
        return None
    limits = [(word, folded(value, "text")) for word, value in given]
    found: list[Row] = []
    for row in table.between(own, limits):
        if node is None or node.read(row):
            found.append(row)
            if len(found) >= most:
                break
    return found


def selected(table: Table, node: Node | None, company: str | None) -> list[Row]:
    """Rows that the predicate keeps, by an index where it pins a column."""
    wanted = dict(node.equalities) if node else {}
    if company is not None:
        wanted.setdefault("dataAreaId", company)
    rows = table.where(**wanted) if wanted else list(table.rows.values())
    if company is not None:
        rows = [row for row in rows if row["dataAreaId"] == company]
    return [row for row in rows if node.read(row)] if node else rows
