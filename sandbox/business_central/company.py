"""One company's records and what the application does with them: validation, drafts, posting."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from sandbox.business_central import seed
from sandbox.business_central.arithmetic import UNIT, round_to, work_out
from sandbox.business_central.entities import (
    BLANK_DATE,
    BLANK_ID,
    DOCUMENTS,
    ENTITIES,
    ENUMS,
    Property,
)
from sandbox.business_central.odata import BadRequest, instant
from sandbox.common.clock import Clock
from sandbox.common.journal import Journal

ZERO = Decimal(0)
LOCAL = "GBP"
DIALOG = "Application_DialogException"
VALIDATION = "Application_FieldValidationException"


class Company:
    def __init__(self, name: str, journal: Journal, clock: Clock) -> None:
        self.name, self.journal, self.clock = name, journal, clock
        self.id = seed.guid("company", name)
        self.changed: Callable[[str, str, str, str], None] = lambda *change: None
        self.load()

    def load(self) -> None:
        now = self.now()
        key = self.id
        self.tables: dict[str, dict[str, dict[str, Any]]] = {}
        for entity, rows in seed.setup_rows(self.name, now).items():
            self.tables[entity] = {row["id"]: row for row in rows}
        items = self.journal.load(f"{key}/items") or {
            row["id"]: row for row in seed.items(self.name, now)
        }
        self.tables["items"] = items
        for entity in ("customers", "salesInvoices", "salesOrders"):
            self.tables[entity] = self.journal.load(f"{key}/{entity}")
        self.ledger: list[dict[str, Any]] = list(self.journal.load(f"{key}/ledger").values())
        self.state: dict[str, Any] = {
            "from": None,
            "to": None,
            "customers": 0,
            "salesInvoices": 102000,
            "posted": 103000,
            "salesOrders": 1000,
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
        ):
            index = self.index[(entity, column)] = {}
            for row in self.tables[entity].values():
                index.setdefault(row[column], {})[row["id"]] = None

    def now(self) -> str:
        return instant(self.clock.now())

    def keep(self, entity: str, row: dict[str, Any]) -> None:
        """Store a row, with its indexes and a new ETag."""
        old = self.tables[entity].get(row["id"])
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
        self.changed(self.id, entity, row["id"], "deleted")
        self.journal.drop(f"{self.id}/{entity}", row["id"])

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

    # Customers

    def create_customer(self, body: dict[str, Any]) -> dict[str, Any]:
        values = self.clean("customers", body)
        if "displayName" not in values:
            raise BadRequest(DIALOG, 'A "displayName" must be provided.')
        if not values["displayName"].strip():
            raise BadRequest(DIALOG, 'The blank "displayName" is not allowed.')
        if "number" in values:
            raise BadRequest(
                DIALOG,
                "You may not enter numbers manually. If you want to enter numbers manually, please "
                "activate Manual Nos. in No. Series CUST.",
            )
        if any(c.isalpha() for c in values.get("phoneNumber", "")):
            raise BadRequest(VALIDATION, "Phone No. cannot contain letters.")
        country = values.get("country", "")
        if country and country not in seed.COUNTRIES:
            raise BadRequest(
                "Internal_InvalidTableRelation",
                f"The field Country/Region Code of table Customer contains a value ({country}) that "
                "cannot be found in the related table (Country/Region).",
            )
        area = values.get("taxAreaId", BLANK_ID)
        if area != BLANK_ID and area not in self.tables["taxAreas"]:
            raise BadRequest(DIALOG, 'The "taxAreaId" does not match to a tax area.')
        terms = values.get("paymentTermsId", BLANK_ID)
        if terms != BLANK_ID and terms not in self.tables["paymentTerms"]:
            raise BadRequest(DIALOG, 'The "paymentTermsId" does not match to a Payment Terms.')
        area_row = self.tables["taxAreas"].get(area) or next(iter(self.tables["taxAreas"].values()))
        row = {name: _blank(info) for name, info in ENTITIES["customers"].items()}
        row |= values
        row |= {
            "id": str(uuid.uuid4()),
            "number": self.number("customers", "C{:05d}"),
            "currencyCode": self.currency(values.get("currencyCode", "")),
            "blocked": values.get("blocked", " "),
            "type": values.get("type", "Company"),
            "taxAreaId": area_row["id"],
            "taxAreaDisplayName": area_row["displayName"],
            "_area": area_row["code"],
            "_inclusive": self.state["template_prices_include_tax"],
            "_groups": self.state["template_posting_groups"],
        }
        self.keep("customers", row)
        return row

    # Sales documents

    def create_document(self, entity: str, body: dict[str, Any]) -> dict[str, Any]:
        lines_name = DOCUMENTS[entity]
        values = self.clean(entity, body, nested=(lines_name,))
        customer = self._sell_to(values)
        if customer["blocked"] in ("All", "Invoice"):
            raise BadRequest(
                DIALOG,
                f"You cannot create this type of document when Customer {customer['number']} is "
                f"blocked with type {customer['blocked']}",
            )
        row = {name: _blank(info) for name, info in ENTITIES[entity].items()}
        row |= values
        day_name = "invoiceDate" if entity == "salesInvoices" else "orderDate"
        today = self.clock.now().date().isoformat()
        row |= {
            "id": str(uuid.uuid4()),
            "number": self.number(entity, "{}" if entity == "salesInvoices" else "S-ORD{}"),
            "customerId": customer["id"],
            "customerNumber": customer["number"],
            "customerName": customer["displayName"],
            "billToName": customer["displayName"],
            "billToCustomerId": customer["id"],
            "billToCustomerNumber": customer["number"],
            "currencyCode": self.currency(values.get("currencyCode", customer["currencyCode"])),
            day_name: values.get(day_name, today),
            "postingDate": values.get("postingDate", today),
            "status": "Draft",
            "pricesIncludeTax": values.get("pricesIncludeTax", False)
            if entity == "salesOrders"
            else customer["_inclusive"],
            "_area": customer["_area"],
            "_groups": customer["_groups"],
            "_lines": [],
        }
        for id_name, table in (
            ("paymentTermsId", "paymentTerms"),
            ("shipmentMethodId", "shipmentMethods"),
        ):
            if row[id_name] != BLANK_ID and row[id_name] not in self.tables[table]:
                raise BadRequest(DIALOG, f'The "{id_name}" does not match to a record.')
        if row["discountAmount"]:
            raise BadRequest(
                DIALOG,
                "Cannot apply an invoice discount because the document does not include lines where "
                "the Allow Invoice Disc. field is selected.",
            )
        for line in body.get(lines_name, []):
            row["_lines"].append(self._line(entity, row, line))
        self._work_out(row)
        self.keep(entity, row)
        return row

    def add_line(self, entity: str, row: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        self._open(row)
        line = self._line(entity, row, body)
        row["_lines"].append(line)
        self._work_out(row)
        self.keep(entity, row)
        return line

    def _sell_to(self, values: dict[str, Any]) -> dict[str, Any]:
        by_id = values.get("customerId", BLANK_ID)
        number = values.get("customerNumber", "")
        if by_id == BLANK_ID and not number:
            raise BadRequest(DIALOG, 'A "customerNumber" or a "customerId" must be provided.')
        customer = self.tables["customers"].get(by_id)
        if customer is None and by_id == BLANK_ID:
            ids = self.index[("customers", "number")].get(number, {})
            customer = next((self.tables["customers"][i] for i in ids), None)
        if customer is None:
            raise BadRequest(DIALOG, "The sell-to customer cannot be found.")
        if number and customer["number"] != number:
            raise BadRequest(
                DIALOG, "The sell-to customer values do not match to a specific Customer."
            )
        return customer

    def _line(self, entity: str, row: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        name = DOCUMENTS[entity]
        values = self.clean(name, body)
        if "sequence" in values:
            raise BadRequest(
                "Internal_ServerError", "You cannot change the value of the SystemId field."
            )
        line = {key: _blank(info) for key, info in ENTITIES[name].items()}
        item_id, account_id = values.get("itemId", BLANK_ID), values.get("accountId", BLANK_ID)
        if item_id != BLANK_ID and account_id != BLANK_ID:
            raise BadRequest(
                DIALOG, 'Both "itemId" and "accountId" are specified. Specify only one of them.'
            )
        kind = values.get("lineType") or (
            "Item" if item_id != BLANK_ID else "Account" if account_id != BLANK_ID else "Comment"
        )
        line |= values
        line |= {
            "id": str(uuid.uuid4()),
            "documentId": row["id"],
            "sequence": 10000 * (len(row["_lines"]) + 1),
            "lineType": kind,
            "_group": "NOVAT",
        }
        if kind == "Item":
            item = self._find_item(item_id, values.get("lineObjectNumber", ""))
            line |= {
                "itemId": item["id"],
                "lineObjectNumber": item["number"],
                "unitOfMeasureCode": values.get("unitOfMeasureCode")
                or item["baseUnitOfMeasureCode"],
                "_group": item["taxGroupCode"],
            }
            line["description"] = line["description"] or item["displayName"]
            line.setdefault("unitPrice", item["unitPrice"])
        elif kind == "Account":
            account = self._find_account(account_id, values.get("lineObjectNumber", ""))
            line |= {
                "accountId": account["id"],
                "lineObjectNumber": account["number"],
                "_group": account["_vat"],
            }
            line["description"] = line["description"] or account["displayName"]
        if values.get("taxCode"):
            line["_group"] = values["taxCode"].upper()
        if line["_group"] not in {group for _, group in seed.VAT}:
            raise BadRequest(
                "Internal_InvalidTableRelation",
                f"The field VAT Prod. Posting Group of table Sales Line contains a value "
                f"({line['_group']}) that cannot be found in the related table.",
            )
        line["taxCode"] = line["_group"]
        line["_percent"] = seed.VAT.get((row["_area"], line["_group"]), ZERO)
        line["unitPrice"] = round_to(line["unitPrice"], UNIT)
        line["_by_percent"] = "discountPercent" in values and "discountAmount" not in values
        if line["discountAmount"] < 0:
            raise BadRequest(VALIDATION, "Line Discount Amount must not be negative.")
        return line

    def _find_item(self, item_id: str, number: str) -> dict[str, Any]:
        item = self.tables["items"].get(item_id)
        if item is None and number:
            ids = self.index[("items", "number")].get(number.upper(), {})
            item = next((self.tables["items"][i] for i in ids), None)
        if item is None:
            raise BadRequest(DIALOG, "Item does not exist.")
        if item["blocked"]:
            raise BadRequest(
                VALIDATION,
                f"Blocked must be equal to 'No' in Item: No.={item['number']}. Current value is 'Yes'.",
            )
        return item

    def _find_account(self, account_id: str, number: str) -> dict[str, Any]:
        account = self.tables["accounts"].get(account_id) or next(
            (row for row in self.tables["accounts"].values() if number and row["number"] == number),
            None,
        )
        if account is None:
            raise BadRequest(DIALOG, "Account does not exist.")
        if not account["directPosting"]:
            raise BadRequest(
                VALIDATION,
                f"Direct Posting must be equal to 'Yes' in G/L Account: No.={account['number']}. "
                "Current value is 'No'.",
            )
        return account

    def _work_out(self, row: dict[str, Any]) -> None:
        work_out(row, row["_lines"], self.precision(row["currencyCode"]))

    def _open(self, row: dict[str, Any]) -> None:
        if row["status"] not in ("Draft",):
            raise BadRequest(DIALOG, "The invoice has been posted and can no longer be modified.")

    def change_document(self, entity: str, row: dict[str, Any], body: dict[str, Any]) -> None:
        values = self.clean(entity, body)
        if row["status"] != "Draft" and set(values) - {"dueDate", "promisedPayDate"}:
            raise BadRequest(DIALOG, "The invoice has been posted and can no longer be modified.")
        row.update(values)
        self._work_out(row)
        self.keep(entity, row)

    def delete_document(self, entity: str, row: dict[str, Any]) -> None:
        if row["status"] != "Draft":
            raise BadRequest(DIALOG, "You cannot delete a posted sales invoice.")
        self.drop(entity, row)

    def post(self, row: dict[str, Any]) -> None:
        """Post a draft invoice: the id stays, the number becomes the posted one."""
        if row["status"] != "Draft":
            raise BadRequest(DIALOG, "The action can be applied to a draft invoice only.")
        if not row["_lines"]:
            raise BadRequest(DIALOG, "Please add at least one line item to the invoice.")
        if not any(line["quantity"] for line in row["_lines"]):
            raise BadRequest(
                DIALOG,
                "There is nothing to post because the document does not contain a quantity or amount.",
            )
        if row["totalAmountIncludingTax"] < 0:
            raise BadRequest(DIALOG, "The total amount for the invoice must be 0 or greater.")
        if not row["_groups"]:
            raise BadRequest(
                VALIDATION,
                f"Customer Posting Group must have a value in Customer: No.={row['customerNumber']}. "
                "It cannot be zero or empty.",
            )
        first, last = self.state["from"], self.state["to"]
        day = row["postingDate"]
        if (first and day < first) or (last and day > last):
            raise BadRequest(
                DIALOG, "Posting Date is not within your range of allowed posting dates."
            )
        customer = self.tables["customers"][row["customerId"]]
        if customer["blocked"] in ("All", "Invoice"):
            raise BadRequest(
                DIALOG,
                f"You cannot post this type of document when Customer {customer['number']} is blocked "
                f"with type {customer['blocked']}",
            )
        for line in row["_lines"]:
            if line["lineType"] == "Item":
                self._find_item(line["itemId"], "")
        row["number"] = self.number("posted", "{}")
        row["status"] = "Open"
        row["remainingAmount"] = row["totalAmountIncludingTax"]
        self._book(row)
        self.keep("salesInvoices", row)

    def ship_and_invoice(self, order: dict[str, Any]) -> None:
        """Ship and invoice an order in full: a posted invoice with an id of its own appears, and
        the fully invoiced order is gone."""
        invoice = {name: _blank(info) for name, info in ENTITIES["salesInvoices"].items()}
        invoice |= {name: value for name, value in order.items() if name in invoice}
        invoice |= {
            "id": str(uuid.uuid4()),
            "number": "",
            "orderId": order["id"],
            "orderNumber": order["number"],
            "invoiceDate": order["orderDate"],
            "status": "Draft",
            "_area": order["_area"],
            "_groups": order["_groups"],
            "_lines": order["_lines"],
        }
        self._work_out(invoice)
        self.tables["salesInvoices"][invoice["id"]] = invoice
        try:
            self.post(invoice)
        except BadRequest:
            del self.tables["salesInvoices"][invoice["id"]]
            raise
        self.drop("salesOrders", order)

    def _book(self, row: dict[str, Any]) -> None:
        """G/L entries of the posted invoice: receivables, sales, VAT."""
        total = row["totalAmountIncludingTax"]
        entries = [("2310", total)]
        for line in row["_lines"]:
            account = "6110" if line["lineType"] == "Item" else line["lineObjectNumber"]
            entries.append((account, -line["netAmount"]))
        entries.append(("5610", -row["totalTaxAmount"]))
        for account, amount in entries:
            if amount:
                entry = {
                    "entry": len(self.ledger) + 1,
                    "document": row["number"],
                    "external": row["externalDocumentNumber"],
                    "date": row["postingDate"],
                    "account": account,
                    "amount": amount,
                    "currency": row["currencyCode"],
                }
                self.ledger.append(entry)
                self.journal.put(f"{self.id}/ledger", f"{entry['entry']:09d}", entry)

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


def _blank(info: Property) -> Any:
    return {
        "decimal": ZERO,
        "int": 0,
        "bool": False,
        "guid": BLANK_ID,
        "date": BLANK_DATE,
        "instant": "0001-01-01T00:00:00Z",
        "enum": " ",
    }.get(info.type, "")
