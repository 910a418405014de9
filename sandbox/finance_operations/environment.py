"""An environment's tables, parameters and number sequences, with undo for a changeset."""

from __future__ import annotations

import itertools
import random
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from itertools import islice
from typing import Any

from sandbox.common import jsonio
from sandbox.common.assortment import more_products
from sandbox.common.clock import Clock
from sandbox.common.journal import Journal
from sandbox.finance_operations import sales_shapes, seed, setup_shapes  # noqa: F401
from sandbox.finance_operations.shapes import SHAPES, Shape, blank

Row = dict[str, Any]
Key = tuple[Any, ...]
LAST = "\U0010ffff"  # after every text
FIRST_RECID = 5637144576

# What the vendor's documentation leaves open, or a customer sets up: panel and command line
# change these.
SETTINGS: dict[str, Any] = {
    "customer_numbers": "automatic",  # automatic | manual | either
    "sent_customer_account": "refused",  # under automatic numbers: refused | ignored
    "order_numbers": "automatic",
    "site_mandatory": True,
    "line_discount": "unit",  # unit | line
    "recalculate_net": True,
    "total_discount_amount": "ignored",  # ignored | refused | applied
    "negative_quantities": True,
    "fti_negative": "both",  # both | quantity | price
    "plain_enum_filters": True,
    "strict_company_keys": True,
    "check_etags": True,
    "create_status": 201,
    "write_error_status": 400,
    "write_ms": 10,  # how long a journal line holds its header
    "dimension_delimiter": "Hyphen",
    "dimension_format": ["CostCenter", "Department", "BusinessUnit"],
    "tax_rounding": "total",  # total | line
    "order_collections": ["V2", "V3", "V4"],
    "unique_order_reference": False,  # a rule that some customers add
    "user_access": "full",  # full | read_only | none | not_registered
    "default_company": "dat",
    "page_size": 10_000,
    "throttle_text": "resources",  # resources | requests | time | concurrent
    "retry_after": None,  # seconds, or None for an answer without the header
    "period_from": "",
    "period_to": "",
    "items_only": False,
    "known_customers": 0,
    "more_items": 0,  # products of the first trading company beyond the catalogue
    "seed": 0,
    "rate": 0,  # requests in 300 s; 0 = off, as it is since 10.0.36
    "concurrency": 52,  # user-based limit of calls at once; counts only while rate is on
}


class Table:
    """Rows by key, with an index for each column that was ever asked for by equality."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.rows: dict[Key, Row] = {}
        self._indexes: dict[str, dict[Any, dict[Key, None]]] = {}
        self._order: list[Key] | None = None

    def key(self, values: Row) -> Key:
        return tuple(folded(values[name], self.shape.properties[name]) for name in self.shape.keys)

    def put(self, row: Row) -> Row | None:
        """The row that was there before."""
        key = self.key(row)
        old = self.rows.get(key)
        if old is not None:
            self._forget(key, old)
        elif self._order is not None:
            insort(self._order, key)
        self.rows[key] = row
        for name, index in self._indexes.items():
            index.setdefault(folded(row[name], self.shape.properties[name]), {})[key] = None
        return old

    def drop(self, key: Key) -> Row | None:
        old = self.rows.pop(key, None)
        if old is not None:
            self._forget(key, old)
            if self._order is not None:
                del self._order[bisect_left(self._order, key)]
        return old

    def between(self, company: str, limits: list[tuple[str, str]]) -> Iterator[Row]:
        """A company's rows in the order of the key, as far as limits (gt, ge, lt or le, folded) of
        the key's second part allow; those at the limit come too."""
        if self._order is None:
            self._order = sorted(self.rows)
        first = bisect_left(self._order, (company,))
        last = bisect_right(self._order, (company, LAST))
        for word, value in limits:
            if word in ("gt", "ge"):
                first = max(first, bisect_left(self._order, (company, value)))
            else:
                last = min(last, bisect_right(self._order, (company, value, LAST)))
        return (self.rows[key] for key in islice(self._order, first, last))

    def _forget(self, key: Key, row: Row) -> None:
        for name, index in self._indexes.items():
            index.get(folded(row[name], self.shape.properties[name]), {}).pop(key, None)

    def where(self, **wanted: Any) -> list[Row]:
        """Rows whose columns have these values; texts without regard to case."""
        pairs = [(n, folded(v, self.shape.properties[n])) for n, v in wanted.items()]
        buckets = [self._index(n).get(v, {}) for n, v in pairs if n != "dataAreaId"]
        keys: dict[Key, Any] = min(buckets, key=len) if buckets else self.rows
        rows = (self.rows[key] for key in keys)
        kinds = self.shape.properties
        return [r for r in rows if all(folded(r[n], kinds[n]) == v for n, v in pairs)]

    def _index(self, name: str) -> dict[Any, dict[Key, None]]:
        index = self._indexes.get(name)
        if index is None:
            index = self._indexes[name] = {}
            kind = self.shape.properties[name]
            for key, row in self.rows.items():
                index.setdefault(folded(row[name], kind), {})[key] = None
        return index


def folded(value: Any, kind: str) -> Any:
    """A value as the database compares it: texts ignore case, dates are days."""
    if kind == "day":
        return str(value)[:10]
    return value.casefold() if isinstance(value, str) else value


class Environment:
    def __init__(self, clock: Clock, journal: Journal, settings: dict[str, Any]) -> None:
        self.clock, self.journal = clock, journal
        self._first_settings = {**SETTINGS, **settings}
        self.busy_journals: set[Key] = set()
        self._undo: list[tuple[Table, Key, Row | None]] | None = None
        self.load()

    def load(self) -> None:
        """What the journal kept, or a fresh environment."""
        kept = self.journal.load("parameters")
        self.settings = {**self._first_settings, **kept.get("settings", {})}
        self.numbers: dict[str, int] = dict(kept.get("numbers", {}))
        self.tables = {shape.table: Table(shape) for shape in SHAPES.values()}
        self.transactions: list[Row] = list(self.journal.load("transactions").values())
        self._record_ids = itertools.count(self.numbers.get("recid", FIRST_RECID))
        if kept:
            for name, table in self.tables.items():
                for row in self.journal.load(name).values():
                    self._thaw(table, row)
            return
        for name, row in seed.rows(bool(self.settings["items_only"])):
            self.insert(name, row)
        for product in more_products(int(self.settings["more_items"])):
            for name, row in seed.item(seed.TRADING[0], product.sku, product.name, product):
                self.insert(name, row)
        chance = random.Random(self.settings["seed"])
        for company in seed.TRADING:
            for name, row in seed.customers(company, self.settings["known_customers"], chance):
                self.insert(name, row)
            self.numbers[f"customer/{company}"] = self.settings["known_customers"]
        self.save_parameters()

    def _thaw(self, table: Table, row: Row) -> None:
        for name, kind in table.shape.properties.items():
            if kind == "decimal":
                row[name] = Decimal(row[name])
        table.put(row)

    def save_parameters(self) -> None:
        self.journal.put("parameters", "settings", self.settings)
        self.journal.put("parameters", "numbers", self.numbers)

    def table(self, name: str) -> Table:
        return self.tables[name]

    def insert(self, name: str, values: Row) -> Row:
        """A new row; properties without a value are blank."""
        table = self.tables[name]
        row = self.filled(name, values)
        row["_recid"] = values.get("_recid") or self.record_id()
        row["_version"] = 1
        return self._store(table, row)

    def filled(self, name: str, values: Row) -> Row:
        """The values with every other property of the table blank."""
        row = {
            prop: values[prop] if prop in values else blank(kind)
            for prop, kind in self.tables[name].shape.properties.items()
        }
        return row | {prop: value for prop, value in values.items() if prop[0] == "_"}

    def change(self, name: str, row: Row, **values: Any) -> Row:
        """The row with other values: rows are never changed in place, so a changeset can undo."""
        fresh = {**row, **values, "_version": row["_version"] + 1}
        return self._store(self.tables[name], fresh)

    def remove(self, name: str, row: Row) -> None:
        table = self.tables[name]
        key = table.key(row)
        old = table.drop(key)
        if self._undo is not None:
            self._undo.append((table, key, old))
        self.journal.drop(name, _journal_key(key))

    def _store(self, table: Table, row: Row) -> Row:
        key = table.key(row)
        old = table.put(row)
        if self._undo is not None:
            self._undo.append((table, key, old))
        self.journal.put(table.shape.table, _journal_key(key), row)
        return row

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes inside stay, or none does. Numbers that were drawn stay drawn."""
        undo: list[tuple[Table, Key, Row | None]] = []
        self._undo = undo
        try:
            yield
        except BaseException:
            for table, key, old in reversed(undo):
                if old is None:
                    table.drop(key)
                    self.journal.drop(table.shape.table, _journal_key(key))
                else:
                    table.put(old)
                    self.journal.put(table.shape.table, _journal_key(key), old)
            raise
        finally:
            self._undo = None

    def find(self, name: str, **wanted: Any) -> Row | None:
        return next(iter(self.tables[name].where(**wanted)), None)

    def record_id(self) -> int:
        self.numbers["recid"] = next(self._record_ids) + 1
        self.journal.put("parameters", "numbers", self.numbers)
        return self.numbers["recid"] - 1

    def number(self, sequence: str, company: str, pattern: str, start: int = 0) -> str:
        """The next value of a company's number sequence."""
        name = f"{sequence}/{company}"
        self.numbers[name] = self.numbers.get(name, start) + 1
        self.save_parameters()
        return pattern.format(self.numbers[name])

    def today(self) -> str:
        return noon(self.clock.now().date().isoformat())

    def company(self, company: str) -> seed.Company | None:
        return seed.COMPANIES.get(company.lower())


def noon(day: str) -> str:
    """A date on the wire: noon UTC, so that time zones do not move the day."""
    return f"{day[:10]}T12:00:00Z"


def _journal_key(key: Key) -> str:
    return jsonio.dumps([str(part) for part in key])
