"""One company's database: tables by key, settings, and the master records that may be written."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.common.clock import Clock
from sandbox.common.journal import Journal
from sandbox.gp import setup, wire
from sandbox.gp.resources import ADDRESS, BY_TABLE, CUSTOMER
from sandbox.gp.values import CodePage, clean, complete
from sandbox.gp.wire import Refusal

Row = dict[str, Any]
Rows = list[Row]
MOST_SELECTIONS = 6
KEPT = (
    "customers", "addresses", "internet_addresses", "documents", "batches", "items", "item_sites",
    "item_prices", "accounts", "currencies", "rates", "periods", "ledger", "changes",
)  # fmt: skip
FIRST_STATE: Row = {
    "period_check": "both",  # create | posting | both
    "batch_dates": "batch",  # the batch's date wins | refuse another date | transaction
    "distribution_check": "create",  # create | posting
    "hold_refuses": True,
    "duplicates_per_type": True,
    "multicurrency": True,
    "rate_override": True,
    "change_tracking": True,
    "code_page": "cp1252",
    "code_page_lossy": False,
    "audit_trail": 0,
    "journal_entry": 1000,
}


class Company:
    """``number`` is the SOAP service's company id, ``database`` the SQL name, ``name`` what people
    see."""

    def __init__(
        self,
        number: int,
        database: str,
        name: str,
        *,
        journal: Journal,
        clock: Clock,
        zone: str = "Europe/London",
        seed: int = 0,
        items: int = 0,
        customers: int = 0,
        multicurrency: bool = True,
        code_page: str = "cp1252",
    ) -> None:
        self.number, self.database, self.name = number, database, name
        self.journal, self.clock, self.zone = journal, clock, ZoneInfo(zone)
        self._seed, self._items, self._customers = seed, items, customers
        self._first = {"multicurrency": multicurrency, "code_page": code_page}
        self.load()

    def load(self) -> None:
        day = self.today()
        first = setup.setup_tables(day)
        first |= setup.first_items(setup.MADE_ON, self._items)
        first |= setup.first_customers(self._seed + self.number, setup.MADE_ON, self._customers)
        self._orders: dict[str, list[tuple[tuple[str, ...], Row]]] = {}
        self._versions: Counter[str] = Counter()
        self._selections: dict[tuple[str, tuple[Any, ...]], tuple[int, Rows]] = {}
        self.tables: dict[str, dict[str, Row]] = {}
        for table in {*first, *KEPT}:
            kept = self.journal.load(f"{self.database}/{table}") if table in KEPT else {}
            rows = first.get(table, [])
            fields = BY_TABLE[table].fields if table in BY_TABLE else {}
            whole = (row if row.keys() >= fields.keys() else complete(fields, row) for row in rows)
            self.tables[table] = {self.key(table, row): row for row in whole} | kept
            for key in [k for k, row in kept.items() if row is None]:
                del self.tables[table][key]
        self.state: Row = (
            FIRST_STATE | self._first | self.journal.load(f"{self.database}/state").get("state", {})
        )

    # Days: GP keeps the company's own days, without a time.

    def today(self) -> date:
        return self.clock.now().astimezone(self.zone).date()

    def midnight(self, day: str) -> datetime:
        """The instant at which a stored day begins here."""
        return datetime.combine(date.fromisoformat(day), datetime.min.time(), self.zone)

    # Rows

    @staticmethod
    def key(table: str, row: Row) -> str:
        resource = BY_TABLE.get(table)
        names = resource.keys if resource else ("Id",)
        return Company.key_of(table, tuple(str(row.get(name, "")) for name in names))

    @staticmethod
    def key_of(table: str, parts: tuple[str, ...]) -> str:
        """Trailing blanks never count; case does for item numbers only."""
        text = ";".join(part.rstrip(" ") for part in parts)
        return text if table in ("items", "item_sites", "item_prices") else text.upper()

    def get(self, table: str, *parts: str) -> Row | None:
        return self.tables[table].get(self.key_of(table, parts))

    def keep(self, table: str, row: Row, key: str = "") -> Row:
        key = key or self.key(table, row)
        if table in BY_TABLE and "ModifiedDate" in BY_TABLE[table].fields:
            row["ModifiedDate"] = self.today().isoformat()
        self._changed(table, order=self.tables[table].get(key) is not row)
        if table in ("customers", "items"):
            kind = "updated" if key in self.tables[table] else "created"
            self.note_change(table, key, kind)
        self.tables[table][key] = row
        self.journal.put(f"{self.database}/{table}", key, row)
        return row

    def drop(self, table: str, key: str) -> None:
        """A null stays behind in the journal, so that a row of the start does not come back."""
        if self.tables[table].pop(key, None) is not None:
            self._changed(table, order=True)
            if table in ("customers", "items"):
                self.note_change(table, key, "deleted")
            self.journal.put(f"{self.database}/{table}", key, None)

    def note_change(self, table: str, key: str, kind: str) -> None:
        """Entity change tracking, for the web service's lists of changed keys."""
        row = {"table": table, "key": key, "kind": kind, "at": self.clock.now().isoformat()}
        name = f"{table};{key}"
        self.tables["changes"][name] = row
        self.journal.put(f"{self.database}/changes", name, row)

    def change_state(self, **values: Any) -> None:
        self.state |= values
        self.journal.put(f"{self.database}/state", "state", self.state)

    @property
    def page(self) -> CodePage:
        return CodePage(self.state["code_page"], self.state["code_page_lossy"])

    def card(self) -> Row:
        return {"CompanyId": self.number, "DatabaseId": self.database, "CompanyName": self.name}

    def setup_row(self) -> Row:
        return {
            "FunctionalCurrencyId": setup.FUNCTIONAL,
            "MulticurrencyRegistered": self.state["multicurrency"],
            "RateOverrideAllowed": self.state["rate_override"],
            "DefaultRateTypeId": "SELL",
            "PostingDateFrom": "transaction"
            if self.state["batch_dates"] == "transaction"
            else "batch",
            "TimeZone": str(self.zone),
        }

    def rows(self, table: str) -> list[Row]:
        """Every row in the order of the table's key, as its clustered index gives them."""
        if table == "setup":
            return [self.setup_row()]
        return [row for _, row in self._ordered(table)]

    def below(self, table: str, first_part: str) -> list[Row]:
        """The rows whose key begins with this part: an item's sites, a customer's addresses."""
        ordered = self._ordered(table)
        wanted = first_part.rstrip(" ").upper()
        start = bisect_left(ordered, (wanted,), key=lambda pair: pair[0])
        end = start
        while end < len(ordered) and ordered[end][0][0] == wanted:
            end += 1
        return [row for _, row in ordered[start:end]]

    def selected(self, table: str, filters: tuple[Any, ...], fits: Callable[[Row], bool]) -> Rows:
        """The rows that pass, remembered under ``filters`` until the table changes, so that the
        pages of one list are cut from one selection."""
        name = (table, filters)
        kept = self._selections.get(name)
        if kept is None or kept[0] != self._versions[table]:
            rows = self.rows(table)
            kept = self._versions[table], [row for row in rows if fits(row)] if filters else rows
            self._selections[name] = kept
            while len(self._selections) > MOST_SELECTIONS:
                del self._selections[next(iter(self._selections))]
        return kept[1]

    def _ordered(self, table: str) -> list[tuple[tuple[str, ...], Row]]:
        if table not in self._orders:
            pairs = (
                (tuple(key.upper().split(";")), row) for key, row in self.tables[table].items()
            )
            self._orders[table] = sorted(pairs, key=lambda pair: pair[0])
        return self._orders[table]

    def _changed(self, table: str, *, order: bool) -> None:
        self._versions[table] += 1
        if order:
            self._orders.pop(table, None)

    # Validation against other tables

    def check_references(self, table: str, values: Row) -> None:
        """Raises Refusal for a value that names no record. Blank names nothing."""
        for name, field in BY_TABLE[table].fields.items():
            value = values.get(name)
            if field.refers and value and self.get(field.refers, str(value)) is None:
                raise self.missing(name, str(value), field.refers, field.number)

    @staticmethod
    def missing(name: str, value: str, table: str, number: int) -> Refusal:
        texts = {
            wire.NO_CUSTOMER: "Customer Number (CUSTNMBR) does not exist in the Customer Master "
            "Table - RM00101",
            wire.NO_CURRENCY: "The Currency ID does not exist in MC40200",
            wire.NO_ACCOUNT: "Account does not exist for Account Number String (ACTNUMST) passed",
            wire.NO_TAX_SCHEDULE: "Tax Schedule ID (TAXSCHID) does not exist in TX00101",
        }
        words = f"{name} '{value}' does not exist in {table.replace('_', ' ')}"
        return Refusal(422, number, name, texts.get(number, words))

    # Customers and their addresses

    def create_customer(self, body: Row) -> Row:
        values = clean(CUSTOMER, body, self.page)
        complete(CUSTOMER, values)
        if self.get("customers", values["CustomerId"]):
            raise Refusal(
                409, wire.EXISTS, "CustomerId", "Customer Number (CUSTNMBR) exists already"
            )
        of_class = self.get("customer_classes", values.get("ClassId", "")) or {}
        for name in ("PaymentTermsId", "TaxScheduleId", "CurrencyId", "PriceLevelId"):
            values.setdefault(name, of_class.get(name, ""))
        self.check_references("customers", values)
        row = complete(CUSTOMER, values)
        row["ShortName"] = row["ShortName"] or row["Name"][:15]
        row["StatementName"] = row["StatementName"] or row["Name"]
        row["CreatedDate"] = self.today().isoformat()
        self.keep("customers", row)
        self._keep_default_address(row)
        return row

    def change_customer(self, row: Row, body: Row) -> Row:
        values = clean(CUSTOMER, body, self.page)
        self._same_key(("CustomerId",), row, values)
        if not values.get("Name", "-").strip():
            raise Refusal(400, wire.MISSING, "Name", "Name is mandatory.")
        self.check_references("customers", values)
        row |= values
        self.keep("customers", row)
        self._keep_default_address(row)
        return row

    def _keep_default_address(self, customer: Row) -> None:
        """The place on the customer's card is the address that the card names."""
        if not customer["AddressId"]:
            return
        old = self.get("addresses", customer["CustomerId"], customer["AddressId"])
        row = complete(ADDRESS, {name: customer[name] for name in ADDRESS if name in customer})
        row["ShipToName"] = old["ShipToName"] if old else customer["Name"]
        self.keep("addresses", row)

    def write_address(self, table: str, body: Row, *, create: bool) -> Row:
        """An address or its internet address. Raises Refusal."""
        fields = BY_TABLE[table].fields
        values = clean(fields, body, self.page)
        complete(fields, values)
        key = (values["CustomerId"], values["AddressId"])
        old = self.get(table, *key)
        if create and old is not None:
            raise Refusal(409, wire.EXISTS, "AddressId", "The address exists already.")
        if not create and old is None:
            raise Refusal(404, wire.NO_RECORD, "AddressId", "The address does not exist.")
        self.check_references(table, values)
        if table == "internet_addresses" and self.get("addresses", *key) is None:
            raise self.missing("AddressId", key[1], "addresses", wire.NO_REFERENCE)
        return self.keep(table, (old | values) if old else complete(fields, values))

    @staticmethod
    def _same_key(names: tuple[str, ...], row: Row, values: Row) -> None:
        for name in names:
            if name in values and str(values[name]).upper() != str(row[name]).upper():
                raise Refusal(400, wire.MALFORMED, name, f"{name} cannot be changed.")
