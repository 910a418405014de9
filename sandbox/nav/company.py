"""One company's records: tables with indexes, number series, customers, items, stock."""

from __future__ import annotations

import random
import uuid
from bisect import bisect_left, insort
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sandbox.business_central.odata import BadRequest, instant
from sandbox.common.assortment import more_products
from sandbox.common.clock import Clock
from sandbox.common.journal import Journal
from sandbox.nav import seed
from sandbox.nav.seed import LOCAL, Row
from sandbox.nav.stock import Stock
from sandbox.nav.tables import INDEXES, KEPT, RELATIONS, STATE
from sandbox.nav.values import BLANK_DATE, DIALOG, ZERO, callback, missing_value, unrelated


class Company(Stock):
    def __init__(
        self, name: str, journal: Journal, clock: Clock, *, seed_number: int, more_items: int = 0
    ) -> None:
        self.name, self.journal, self.clock = name, journal, clock
        self._more_items = more_items
        self.id = seed.guid("company", name)
        self._seed_number = seed_number
        self.changed: Callable[[str, str, str, str], None] = lambda *change: None
        self.load()

    def load(self) -> None:
        """What the journal kept, or a fresh start."""
        state = self.journal.load(f"{self.id}/state").get("state", {})
        self.state: dict[str, Any] = {**STATE, **state}
        self._orders: dict[str, list[str]] = {}
        self._on_order: dict[str, list[tuple[str, str, Decimal]]] | None = None
        self.vat = seed.vat()
        for key, percent in self.state.get("vat", {}).items():
            business, _, product = key.partition("|")
            self.vat[(business, product)] = Decimal(percent)
        self.tables: dict[str, dict[str, Row]] = seed.setup(self.name)
        self.tables["variants"] = seed.variants()
        for table in KEPT:
            self.tables[table] = _exact(self.journal.load(f"{self.id}/{table}"))
        self.index: dict[tuple[str, str], dict[Any, dict[str, None]]] = {
            (table, column): {} for table, columns in INDEXES.items() for column in columns
        }
        for table in INDEXES:
            for key, row in self.tables[table].items():
                self._enter(table, key, row)
        for table, rows in self.state.get("setup", {}).items():
            for key, row in _exact(rows).items():
                self.tables[table][key] = {**self.tables[table].get(key, {}), **row}
        if not state:
            self._start()

    def _start(self) -> None:
        for number, row in seed.items(self.name, self.today()).items():
            self.keep("items", {**row, "_key": number, "_old": True})
            for location, quantity in seed.STOCK.items():
                self.move(number, quantity, location=location, document="START")
        for product in more_products(self._more_items):
            row = seed.item(self.name, product, self.today())
            self.keep("items", {**row, "_old": True})
            self.move(product.sku, seed.MORE_STOCK, location="MAIN", document="START")
        chance = random.Random(f"{self._seed_number}/{self.name}")
        for values in seed.customers(chance):
            self.create_customer({**values, "_old": True})
        self.save_state()

    # Rows

    def today(self) -> str:
        return self.clock.now().date().isoformat()

    def now(self) -> str:
        return instant(self.clock.now())

    def save_state(self) -> None:
        self.journal.put(f"{self.id}/state", "state", self.state)

    def number(self, series: str) -> str:
        self.state[series] += 1
        self.save_state()
        value = self.state[series]
        return f"C{value:05d}" if series == "customers" else str(value)

    def keep(self, table: str, row: Row) -> None:
        """Store a row with its indexes and a new ETag."""
        key = row["_key"]
        was = self.tables[table].get(key)
        self._leave(table, key)
        if was is None and table in self._orders:
            insort(self._orders[table], key)
        if table == "drafts":
            self._on_order = None
        row["_etag"] = int(row.get("_etag", 0)) + 1
        row["lastModifiedDateTime"] = self.now()
        self.tables[table][key] = row
        self._enter(table, key, row)
        self.journal.put(f"{self.id}/{table}", key, row)
        self._tell(table, row, "created" if was is None else "updated")

    def drop(self, table: str, row: Row) -> None:
        self._leave(table, row["_key"])
        del self.tables[table][row["_key"]]
        if table in self._orders:
            keys = self._orders[table]
            del keys[bisect_left(keys, row["_key"])]
        if table == "drafts":
            self._on_order = None
        self.journal.drop(f"{self.id}/{table}", row["_key"])
        self._tell(table, row, "deleted")

    def in_order(self, table: str) -> list[str]:
        """The keys of a table, sorted: the order in which the services page."""
        if table not in self._orders:
            self._orders[table] = sorted(self.tables[table])
        return self._orders[table]

    def _tell(self, table: str, row: Row, change: str) -> None:
        entity = {"invoices": "salesInvoices", "memos": "salesCreditMemos"}.get(table, table)
        if table == "drafts":
            entity = {
                "Order": "salesOrders",
                "Invoice": "salesInvoices",
                "Credit Memo": "salesCreditMemos",
            }[row["kind"]]
        if "id" in row:
            self.changed(self.id, entity, row["id"], change)

    def _enter(self, table: str, key: str, row: Row) -> None:
        values = row["_indexed"] = {}
        for column in INDEXES.get(table, ()):
            value = values[column] = row.get(column, "")
            self.index[(table, column)].setdefault(value, {})[key] = None

    def _leave(self, table: str, key: str) -> None:
        was = self.tables[table].get(key)
        for column, value in (was or {}).get("_indexed", {}).items():
            self.index[(table, column)].get(value, {}).pop(key, None)

    def find(self, table: str, column: str, value: Any) -> list[Row]:
        return [self.tables[table][key] for key in self.index[(table, column)].get(value, {})]

    def one(self, table: str, column: str, value: Any) -> Row | None:
        return next(iter(self.find(table, column, value)), None)

    def by_id(self, table: str, row_id: str) -> Row | None:
        """A row of a table without an index of ids: the setup tables are small."""
        return next((row for row in self.tables[table].values() if row.get("id") == row_id), None)

    def change_setup(self, table: str, key: str, values: Row) -> None:
        """Add or change a record of a setup table, as an administrator does."""
        row = self.tables[table].setdefault(
            key,
            {
                "_key": key,
                "id": seed.guid(self.name, table, key),
                "code": key,
                "displayName": key,
            },
        )
        row.update(values)
        self.state.setdefault("setup", {}).setdefault(table, {})[key] = row
        self.save_state()

    # Checks

    def related(self, table_caption: str, inner: str, value: str) -> None:
        """Raises BadRequest if a code names no record."""
        relation = RELATIONS.get(inner)
        if relation and value and value not in self.tables[relation[1]]:
            raise unrelated(relation[0], table_caption, value, relation[2])

    def percent(self, business: str, product: str) -> Decimal:
        """The VAT percent of the VAT posting setup. Raises BadRequest without one."""
        percent = self.vat.get((business, product))
        if percent is None:
            raise BadRequest(
                "Internal_RecordNotFound",
                "The VAT Posting Setup does not exist. Identification fields and values: "
                f"VAT Bus. Posting Group='{business}',VAT Prod. Posting Group='{product}'",
            )
        return percent

    def precision(self, currency: str) -> Decimal:
        row = self.tables["currencies"].get(currency)
        return row["amountRoundingPrecision"] if row else Decimal("0.01")

    def code_of(self, currency: str) -> str:
        """ISO code of a currency as stored: the local one is blank."""
        return currency or LOCAL

    # Customers

    def new_customer(self) -> Row:
        return {
            "id": str(uuid.uuid4()),
            "displayName": "",
            "searchName": "",
            "customerType": "Company",
            "blocked": " ",
            "creditLimit": ZERO,
            "currencyCode": "",
            "pricesIncludeTax": self.state["template_prices_include_tax"],
            "taxLiable": False,
            "email": "",
            **dict.fromkeys(("genBusPostingGroup", "vatBusPostingGroup"), ""),
            "customerPostingGroup": "",
            **dict.fromkeys(("addressLine1", "addressLine2", "city", "state", "postalCode"), ""),
            **dict.fromkeys(("country", "phoneNumber", "website", "locationCode"), ""),
            **dict.fromkeys(("paymentTermsCode", "shipmentMethodCode", "paymentMethodCode"), ""),
            **(
                {
                    "genBusPostingGroup": "DOMESTIC",
                    "vatBusPostingGroup": "DOMESTIC",
                    "customerPostingGroup": "DOMESTIC",
                }
                if self.state["template_posting_groups"]
                else {}
            ),
        }

    def create_customer(self, values: Row) -> Row:
        row = self.new_customer()
        number = values.get("number", "")
        if number and not self.state["manual_numbers"]:
            raise BadRequest(
                DIALOG,
                "You may not enter numbers manually. If you want to enter numbers manually, please "
                "activate Manual Nos. in No. Series CUST.",
            )
        self.set_customer(row, {k: v for k, v in values.items() if k != "number"})
        row["number"] = row["_key"] = number or self.number("customers")
        self.keep("customers", row)
        return row

    def set_customer(self, row: Row, values: Row) -> None:
        """Validate and set fields in the order given. The row is not stored."""
        for inner, value in values.items():
            self.related("Customer", inner, value)
            if inner == "phoneNumber" and any(c.isalpha() for c in value):
                raise BadRequest(
                    "Application_FieldValidationException", "Phone No. cannot contain letters."
                )
            row[inner] = value
            if inner == "displayName" and not row.get("searchName"):
                row["searchName"] = value.upper()
        row["lastDateModified"] = self.today()

    def change_customer(self, row: Row, values: Row) -> None:
        changed = dict(row)
        self.set_customer(changed, values)
        self.keep("customers", changed)

    def delete_customer(self, row: Row) -> None:
        number = row["number"]
        if self.find("receivables", "customerNumber", number):
            raise BadRequest(
                DIALOG,
                f"You cannot delete Customer {number} because it has ledger entries in a fiscal "
                "year that has not been closed yet.",
            )
        if any(d["customerNumber"] == number for d in self.tables["drafts"].values()):
            raise BadRequest(
                DIALOG,
                f"You cannot delete Customer {number} because there is at least one outstanding "
                "Sales Order for this customer.",
            )
        self.drop("customers", row)

    def balance(self, number: str) -> Decimal:
        """What the customer owes, in local currency."""
        entries = self.find("receivables", "customerNumber", number)
        return sum((e["remainingLocal"] for e in entries), ZERO)

    def check_usable(self, customer: Row, *, posting: bool = False) -> None:
        """Raises BadRequest for a blocked customer or one without posting groups."""
        if customer["blocked"] in ("All", "Invoice"):
            verb = "post" if posting else "create"
            raise BadRequest(
                DIALOG,
                f"You cannot {verb} this type of document when Customer {customer['number']} is "
                f"blocked with type {customer['blocked']}",
            )
        for inner in ("genBusPostingGroup", "customerPostingGroup"):
            if not customer[inner]:
                raise missing_value(RELATIONS[inner][0], f"Customer: No.={customer['number']}")

    def check_credit(self, customer: Row) -> None:
        limit = customer["creditLimit"]
        if self.state["credit_warnings"] and limit and self.balance(customer["number"]) > limit:
            raise callback(
                "a confirmation dialog box",
                "The customer's credit limit has been exceeded. Do you still want to record the "
                "amount?",
                "CodeUnit 312 Cust-Check Cr. Limit",
            )

    def periods(self) -> list[Row]:
        """The accounting periods of last year and this: one a month."""
        year = self.clock.now().year
        return [
            {
                "_key": f"{y}-{m:02d}-01",
                "startingDate": f"{y}-{m:02d}-01",
                "name": f"{y}-{m:02d}",
                "newFiscalYear": m == 1,
                "closed": y < year,
                "dateLocked": y < year,
            }
            for y in (year - 1, year)
            for m in range(1, 13)
        ]

    def ledger_setup(self) -> Row:
        return {
            "_key": "",
            "primaryKey": "",
            "allowPostingFrom": self.state["from"] or BLANK_DATE,
            "allowPostingTo": self.state["to"] or BLANK_DATE,
            "localCurrencyCode": LOCAL,
            "amountRoundingPrecision": Decimal("0.01"),
            "unitAmountRoundingPrecision": Decimal("0.00001"),
        }


_WHOLE = ("entryNumber", "lineNumber", "_etag")


def _exact(value: Any) -> Any:
    """Amounts as Decimals again: a whole amount comes out of JSON as an integer."""
    if isinstance(value, dict):
        return {k: v if k in _WHOLE else _exact(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_exact(part) for part in value]
    return Decimal(value) if type(value) is int else value
