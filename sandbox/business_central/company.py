"""One company's records and what the application does with them: validation, drafts, posting."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from sandbox.business_central import seed
from sandbox.business_central.documents import DIALOG, SalesDocuments
from sandbox.business_central.entities import (
    BLANK_DATE,
    DOCUMENTS,
    ENTITIES,
    ENUMS,
    Property,
    key_property,
)
from sandbox.business_central.item_ledger import ENTRIES
from sandbox.business_central.masters import MasterRecords
from sandbox.business_central.odata import BadRequest, instant
from sandbox.common.clock import Clock
from sandbox.common.journal import Journal

ZERO = Decimal(0)
LOCAL = "GBP"


class Company(SalesDocuments, MasterRecords):
    def __init__(self, name: str, journal: Journal, clock: Clock, more_items: int = 0) -> None:
        self.name, self.journal, self.clock = name, journal, clock
        self.more_items = more_items
        self.id = seed.guid("company", name)
        self.changed: Callable[[str, str, str, str], None] = lambda *change: None
        self.load()

    def load(self) -> None:
        now = self.now()
        key = self.id
        self.tables: dict[str, dict[str, dict[str, Any]]] = {}
        for entity, rows in seed.setup_rows(self.name, now).items():
            self.tables[entity] = {row["id"]: row for row in rows}
        items = {row["id"]: row for row in seed.items(self.name, self.more_items)}
        items |= self.journal.load(f"{key}/items")
        self.tables["items"] = {item_id: row for item_id, row in items.items() if row}
        for entity in ("customers", "salesInvoices", "salesOrders", "salesCreditMemos", ENTRIES):
            rows = self.journal.load(f"{key}/{entity}")
            self.tables[entity] = {row_id: row for row_id, row in rows.items() if row}
        self._orders: dict[str, list[tuple[Any, str]]] = {}
        self.ledger: list[dict[str, Any]] = list(self.journal.load(f"{key}/ledger").values())
        self.state: dict[str, Any] = {
            "from": None,
            "to": None,
            "customers": 0,
            "salesInvoices": 102000,
            "posted": 103000,
            "salesOrders": 1000,
            "salesCreditMemos": 1000,
            "posted_credit_memos": 104000,
            "entries": 0,
            "template_prices_include_tax": True,
            "template_posting_groups": True,
            "ledger_setup_offered": True,
            **self.journal.load(f"{key}/state").get("state", {}),
        }
        self.index: dict[tuple[str, str], dict[str, dict[str, None]]] = {}
        for entity, column in (
            ("customers", "email"),
            ("customers", "number"),
            ("items", "number"),
            ("items", "gtin"),
            ("salesInvoices", "externalDocumentNumber"),
            ("salesOrders", "externalDocumentNumber"),
            ("salesCreditMemos", "externalDocumentNumber"),
            (ENTRIES, "itemNumber"),
        ):
            index = self.index[(entity, column)] = {}
            for row in self.tables[entity].values():
                index.setdefault(row[column], {})[row["id"]] = None
                row[f"_was_{column}"] = row[column]

    def now(self) -> str:
        return instant(self.clock.now())

    def keep(self, entity: str, row: dict[str, Any]) -> None:
        """Store a row, with its indexes and a new ETag."""
        old = self.tables[entity].get(row["id"])
        if old is None or entity in DOCUMENTS:
            self._orders.pop(entity, None)
        self.changed(self.id, entity, row["id"], "created" if old is None else "updated")
        row["_etag"] = int(row.get("_etag", 0)) + 1
        row["lastModifiedDateTime"] = self.now()
        for (name, column), index in self.index.items():
            if name == entity:
                before = row.get(f"_was_{column}")
                if old is not None and before is not None and before != row[column]:
                    index.get(before, {}).pop(row["id"], None)
                index.setdefault(row[column], {})[row["id"]] = None
                row[f"_was_{column}"] = row[column]
        self.tables[entity][row["id"]] = row
        self.journal.put(f"{self.id}/{entity}", row["id"], row)

    def drop(self, entity: str, row: dict[str, Any]) -> None:
        for (name, column), index in self.index.items():
            if name == entity:
                index.get(row[column], {}).pop(row["id"], None)
        del self.tables[entity][row["id"]]
        self._orders.pop(entity, None)
        self.changed(self.id, entity, row["id"], "deleted")
        # A null stays behind, so that an item of the start does not come back with a restart.
        self.journal.put(f"{self.id}/{entity}", row["id"], None)

    def in_order(self, entity: str) -> list[tuple[Any, str]]:
        """(primary key, id) of every row, sorted: the order in which the service pages."""
        if entity not in self._orders:
            name = key_property(entity)
            rows = self.tables[entity].values()
            self._orders[entity] = sorted((row[name], row["id"]) for row in rows)
        return self._orders[entity]

    def save_state(self) -> None:
        self.journal.put(f"{self.id}/state", "state", self.state)

    def number(self, series: str, pattern: str) -> str:
        self.state[series] += 1
        self.save_state()
        return pattern.format(self.state[series])

    # Validation of bodies

    def clean(
        self, entity: str, body: dict[str, Any], *, nested: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        """The body with codes in upper case. Raises BadRequest as the platform does."""
        found: dict[str, Any] = {}
        for name, value in body.items():
            if name in nested:
                continue
            info = ENTITIES[entity].get(name)
            if info is None:
                raise BadRequest(
                    "BadRequest",
                    f"The property '{name}' does not exist on type 'Microsoft.NAV.{entity}'. Make "
                    "sure to only use property names that are defined by the type.",
                )
            if info.read_only:
                raise BadRequest("BadRequest_InvalidOperation", f"Control '{name}' is read-only.")
            found[name] = self._value(name, info, value)
        return found

    def _value(self, name: str, info: Property, value: Any) -> Any:
        kinds: dict[str, type | tuple[type, ...]] = {
            "decimal": (int, Decimal),
            "int": int,
            "bool": bool,
        }
        expected = kinds.get(info.type, str)
        if not isinstance(value, expected) or (info.type != "bool" and isinstance(value, bool)):
            raise BadRequest(
                "BadRequest",
                f"Cannot convert the literal '{value}' to the expected type of '{name}'.",
            )
        if info.type == "decimal":
            return Decimal(value)
        if info.type in ("text", "code"):
            text = value.strip().upper() if info.type == "code" else value
            if info.length and len(text) > info.length:
                raise BadRequest(
                    "Application_StringExceededLength",
                    f"The length of the string is {len(text)}, but it must be less than or equal to "
                    f"{info.length} characters. Value: {text}",
                )
            return text
        if info.type == "date":
            try:
                date.fromisoformat(value)
            except ValueError as error:
                raise BadRequest("BadRequest", f"Cannot convert '{value}' to Edm.Date.") from error
        if info.type == "guid":
            try:
                return str(uuid.UUID(value))
            except ValueError as error:
                raise BadRequest("Application_InvalidGUID", f"Invalid GUID: {value}") from error
        if info.type == "enum":
            for member in ENUMS.get(name, ()):
                if value in (member, member.replace(" ", "_x0020_")):
                    return member
            raise BadRequest(
                "Unknown",
                f"'{value}' is not an option. The existing options are: {','.join(ENUMS.get(name, ()))}",
            )
        return value

    def currency(self, code: str) -> str:
        """The code as stored: the local currency is blank there and reported as its ISO code."""
        code = code.upper()
        if code in ("", LOCAL):
            return LOCAL
        if code not in seed.CURRENCIES:
            raise BadRequest(DIALOG, 'The "currencyCode" does not match to a Currency.')
        return code

    def precision(self, code: str) -> Decimal:
        return Decimal(seed.CURRENCIES[code][1]) if code in seed.CURRENCIES else Decimal("0.01")

    def ledger_setup(self) -> dict[str, Any]:
        return {
            "id": seed.guid(self.name, "glsetup"),
            "allowPostingFrom": self.state["from"] or BLANK_DATE,
            "allowPostingTo": self.state["to"] or BLANK_DATE,
            "additionalReportingCurrency": "",
            "localCurrencyCode": LOCAL,
            "localCurrencySymbol": "£",
            "lastModifiedDateTime": self.now(),
        }
