"""Sales documents of a company: drafts, their lines and amounts, posting, the ledger."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sandbox.business_central import seed
from sandbox.business_central.arithmetic import UNIT, round_to, work_out
from sandbox.business_central.entities import BLANK_ID, DOCUMENTS, ENTITIES, blank
from sandbox.business_central.item_ledger import ItemLedger
from sandbox.business_central.odata import BadRequest
from sandbox.common.clock import Clock
from sandbox.common.journal import Journal

DIALOG = "Application_DialogException"
VALIDATION = "Application_FieldValidationException"
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of document is dated, numbered and called; ``sign`` is that of its receivable."""

    day: str
    draft_number: str
    posted_series: str
    noun: str
    sign: int


KINDS = {
    "salesInvoices": Kind("invoiceDate", "{}", "posted", "invoice", 1),
    "salesOrders": Kind("orderDate", "S-ORD{}", "", "order", 1),
    "salesCreditMemos": Kind("creditMemoDate", "S-CR{}", "posted_credit_memos", "credit memo", -1),
}


class SalesDocuments(ItemLedger):
    """The part of a company that makes and posts documents; tables and series are the company's."""

    tables: dict[str, dict[str, dict[str, Any]]]
    index: dict[tuple[str, str], dict[str, dict[str, None]]]
    state: dict[str, Any]
    ledger: list[dict[str, Any]]
    clock: Clock
    journal: Journal
    id: str

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
        row = {name: blank(info) for name, info in ENTITIES[entity].items()}
        row |= values
        kind = KINDS[entity]
        today = self.clock.now().date().isoformat()
        row |= {
            "id": str(uuid.uuid4()),
            "number": self.number(entity, kind.draft_number),
            "customerId": customer["id"],
            "customerNumber": customer["number"],
            "customerName": customer["displayName"],
            "billToName": customer["displayName"],
            "billToCustomerId": customer["id"],
            "billToCustomerNumber": customer["number"],
            "currencyCode": self.currency(values.get("currencyCode", customer["currencyCode"])),
            kind.day: values.get(kind.day, today),
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
        if entity == "salesCreditMemos":
            self._applies_to(row)
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

    def _applies_to(self, row: dict[str, Any]) -> None:
        """A credit memo may name the posted invoice that it corrects, by id or by number."""
        wanted, number = row["invoiceId"], row["invoiceNumber"]
        if wanted == BLANK_ID and not number:
            return
        invoices = self.tables["salesInvoices"]
        found = invoices.get(wanted) or next(
            (one for one in invoices.values() if number and one["number"] == number), None
        )
        if found is None or found["status"] == "Draft" or (number and found["number"] != number):
            raise BadRequest(DIALOG, 'The "invoiceId" does not match to an Invoice.')
        if found["customerId"] != row["customerId"]:
            raise BadRequest(DIALOG, 'The "invoiceId" does not match to an Invoice.')
        row["invoiceId"], row["invoiceNumber"] = found["id"], found["number"]

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
        line = {key: blank(info) for key, info in ENTITIES[name].items()}
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
            raise BadRequest(DIALOG, "The document has been posted and can no longer be modified.")

    def change_document(self, entity: str, row: dict[str, Any], body: dict[str, Any]) -> None:
        values = self.clean(entity, body)
        if row["status"] != "Draft" and set(values) - {"dueDate", "promisedPayDate"}:
            raise BadRequest(DIALOG, "The invoice has been posted and can no longer be modified.")
        row.update(values)
        self._work_out(row)
        self.keep(entity, row)

    def delete_document(self, entity: str, row: dict[str, Any]) -> None:
        if row["status"] != "Draft":
            raise BadRequest(DIALOG, f"You cannot delete a posted sales {KINDS[entity].noun}.")
        self.drop(entity, row)

    def post(self, entity: str, row: dict[str, Any]) -> None:
        """Post a draft: the id stays, the number becomes the posted one."""
        kind = KINDS[entity]
        if row["status"] != "Draft":
            raise BadRequest(DIALOG, f"The action can be applied to a draft {kind.noun} only.")
        if not row["_lines"]:
            raise BadRequest(DIALOG, f"Please add at least one line item to the {kind.noun}.")
        if not any(line["quantity"] for line in row["_lines"]):
            raise BadRequest(
                DIALOG,
                "There is nothing to post because the document does not contain a quantity or amount.",
            )
        if row["totalAmountIncludingTax"] < 0:
            raise BadRequest(DIALOG, f"The total amount for the {kind.noun} must be 0 or greater.")
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
        if entity == "salesCreditMemos":
            self._close_invoice(row)
        row["number"] = self.number(kind.posted_series, "{}")
        row["status"] = "Open"
        if entity == "salesInvoices":
            row["remainingAmount"] = row["totalAmountIncludingTax"]
        self._book(row, kind.sign)
        self.move_goods(row, entity, kind.sign)
        self.keep(entity, row)

    def _close_invoice(self, memo: dict[str, Any]) -> None:
        """Apply a credit memo to the invoice that it names. One that is closed takes no more."""
        if memo["invoiceId"] == BLANK_ID:
            return
        invoice = self.tables["salesInvoices"][memo["invoiceId"]]
        if invoice["remainingAmount"] <= 0:
            raise BadRequest(DIALOG, "There is no Cust. Ledger Entry within the filter.")
        invoice["remainingAmount"] -= min(
            invoice["remainingAmount"], memo["totalAmountIncludingTax"]
        )
        if not invoice["remainingAmount"]:
            invoice["status"] = "Paid"
            memo["status"] = "Paid"
        self.keep("salesInvoices", invoice)

    def ship_and_invoice(self, order: dict[str, Any]) -> None:
        """Ship and invoice an order in full: a posted invoice with an id of its own appears, and
        the fully invoiced order is gone."""
        invoice = {name: blank(info) for name, info in ENTITIES["salesInvoices"].items()}
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
            self.post("salesInvoices", invoice)
        except BadRequest:
            del self.tables["salesInvoices"][invoice["id"]]
            raise
        self.drop("salesOrders", order)

    def _book(self, row: dict[str, Any], sign: int) -> None:
        """G/L entries of the posted document: receivables, sales, VAT."""
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
                    "amount": sign * amount,
                    "currency": row["currencyCode"],
                }
                self.ledger.append(entry)
                self.journal.put(f"{self.id}/ledger", f"{entry['entry']:09d}", entry)
