"""The customer's batch jobs: the only thing that ever posts. Invoices get their numbers here."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

from sandbox.finance_operations import dimensions, orders, receivables, returns, seed
from sandbox.finance_operations.environment import Environment, Row, noon
from sandbox.finance_operations.orders import rounding
from sandbox.finance_operations.tax import Taxed, percent_of, work_out

ZERO = Decimal(0)
JOBS = ("orders", "returns", "free_text", "journals")
RECEIVABLES, SALES, TAX = "130100", "401100", "202100"


class NotPosted(Exception):
    """The job leaves this document alone and says why."""


class BatchJobs:
    def __init__(self, env: Environment) -> None:
        self.env = env

    def run(
        self, jobs: tuple[str, ...] = JOBS, *, only: str = "", day: str = "", split: bool = False
    ) -> dict[str, Any]:
        """Post what is ready. ``only`` is one document's number; ``day`` the posting date;
        ``split`` leaves all but the first open line of an order for the next run.

        Returns {"posted": [{document, number}], "skipped": [{document, reason}]}.
        """
        env = self.env
        at = noon(day) if day else env.today()
        result: dict[str, Any] = {"posted": [], "skipped": []}
        work = {
            "orders": (orders.HEADERS, "SalesOrderNumber", self._order),
            "returns": (returns.HEADERS, "ReturnOrderNumber", self._return),
            "free_text": (receivables.INVOICES, "InvoiceIdentifier", self._free_text),
            "journals": (receivables.JOURNALS, "JournalBatchNumber", self._journal),
        }
        for job in jobs:
            table, column, post = work[job]
            for row in list(env.table(table).rows.values()):
                if only and str(row[column]) != only:
                    continue
                try:
                    with env.transaction():
                        number = post(row, at, split)
                except NotPosted as reason:
                    result["skipped"].append({"document": row[column], "reason": str(reason)})
                    continue
                if number:
                    result["posted"].append({"document": row[column], "number": number})
        return result

    def _check(self, row: Row, account: str, at: str) -> Row:
        first, last = self.env.settings["period_from"], self.env.settings["period_to"]
        if (first and at[:10] < first) or (last and at[:10] > last):
            raise NotPosted(f"The fiscal period of {at[:10]} is not open.")
        customer = self.env.find(
            "CustomersV3", dataAreaId=row["dataAreaId"], CustomerAccount=account
        )
        if customer is None or customer["OnHoldStatus"] in ("All", "Invoice"):
            raise NotPosted(f"Customer {account} is on hold.")
        return customer

    def _order(self, row: Row, at: str, split: bool) -> str:
        if row["SalesOrderStatus"] in ("Invoiced", "Canceled", "None"):
            return ""
        if row["IsSalesProcessingStopped"] == "Yes":
            raise NotPosted("The order's processing is stopped.")
        self._check(row, row["InvoiceCustomerAccountNumber"], at)
        lines = [
            line
            for line in orders.lines_of(self.env, row)
            if line["SalesOrderLineStatus"] != "Invoiced"
        ]
        now, later = (lines[:1], lines[1:]) if split else (lines, [])
        shares = self._after_order_discount(row, [line["LineAmount"] for line in now])
        amounts = [
            {
                "amount": amount,
                "quantity": line["OrderedSalesQuantity"],
                "tax_group": line["SalesTaxGroupCode"],
                "item_group": line["SalesTaxItemGroupCode"],
                "line": line,
            }
            for line, amount in zip(now, shares, strict=True)
        ]
        number = self._invoice(row, amounts, at, row["ArePricesIncludingSalesTax"] == "Yes")
        for line in now:
            self.env.change(orders.LINES, line, SalesOrderLineStatus="Invoiced")
        status = ("Backorder", "PartiallyInvoiced") if later else ("Invoiced", "Invoiced")
        self.env.change(
            orders.HEADERS, row, SalesOrderStatus=status[0], SalesOrderProcessingStatus=status[1]
        )
        return number

    def _after_order_discount(self, row: Row, amounts: list[Decimal]) -> list[Decimal]:
        """Line amounts less their share of the order's discount, to the cent in total."""
        total = sum((line["LineAmount"] for line in orders.lines_of(self.env, row)), ZERO)
        fraction = row["TotalDiscountPercentage"] / 100
        if row["TotalDiscountAmount"] and total:
            fraction += row["TotalDiscountAmount"] / total
        step = rounding(self.env, row["CurrencyCode"])
        exact = given = ZERO
        left = []
        for amount in amounts:
            exact += amount * fraction
            share = orders.rounded(exact, step) - given
            given += share
            left.append(amount - share)
        return left

    def _return(self, row: Row, at: str, split: bool) -> str:
        if row["ReturnOrderStatus"] in ("Invoiced", "None"):
            return ""
        customer = self._check(row, row["InvoiceCustomerAccountNumber"], at)
        lines = returns.lines_of(self.env, row)
        for line in lines:
            code = line["ReturnDispositionCode"]
            if not code:
                raise NotPosted("A line has no disposition code.")
            if seed.DISPOSITIONS[code] and not line["_arrived"]:
                raise NotPosted(
                    f"The goods of lot {line['ReturnInventoryLotId']} have not arrived."
                )
        amounts = [
            {
                "amount": line["LineAmount"],
                "quantity": line["ReturnSalesQuantity"],
                "tax_group": line["_tax_group"],
                "item_group": line["_tax_item_group"],
                "line": line,
            }
            for line in lines
        ]
        header = {
            **row,
            "SalesOrderNumber": row["ReturnOrderNumber"],
            "PaymentTermsName": customer["PaymentTerms"],
        }
        number = self._invoice(header, amounts, at, row["_inclusive"] == "Yes")
        for line in lines:
            self.env.change(
                returns.LINES,
                line,
                ReturnedSalesQuantity=line["ReturnSalesQuantity"],
                ReturnClosedDate=at,
            )
        self.env.change(returns.HEADERS, row, ReturnOrderStatus="Invoiced")
        return number

    def _invoice(self, header: Row, parts: list[Row], at: str, inclusive: bool) -> str:
        env, company = self.env, header["dataAreaId"]
        step = rounding(env, header["CurrencyCode"])
        taxed = [
            Taxed(part["amount"], percent_of(part["tax_group"], part["item_group"]))
            for part in parts
        ]
        work_out(taxed, inclusive, step, env.settings["tax_rounding"] == "line")
        total = sum((line.net + line.tax for line in taxed), ZERO)
        tax = sum((line.tax for line in taxed), ZERO)
        series = "credit" if total < 0 else "invoice"
        number = env.number(series, company, "CCN-{:06d}" if total < 0 else "CIV-{:06d}")
        key = {
            "dataAreaId": company,
            "InvoiceNumber": number,
            "InvoiceDate": at,
            "LedgerVoucher": env.number("sales-voucher", company, "SIV{:06d}"),
        }
        copied = env.table("SalesInvoiceHeadersV4").shape.properties
        env.insert(
            "SalesInvoiceHeadersV4",
            {
                **{name: value for name, value in header.items() if name in copied},
                **key,
                "TotalDiscountCustomerGroupCode": ZERO,
                "TotalInvoiceAmount": total,
                "TotalTaxAmount": tax,
                "TotalLineDiscount": sum(
                    (self._discount(part["line"], part["amount"]) for part in parts), ZERO
                ),
            },
        )
        line_names = env.table("SalesInvoiceV4Lines").shape.properties
        for part, amounts in zip(parts, taxed, strict=True):
            line = part["line"]
            env.insert(
                "SalesInvoiceV4Lines",
                {
                    **{name: value for name, value in line.items() if name in line_names},
                    **key,
                    "CurrencyCode": header["CurrencyCode"],
                    "InvoicedQuantity": part["quantity"],
                    "LineAmount": part["amount"],
                    "LineTotalTaxAmount": amounts.tax,
                    "LineTotalDiscountAmount": self._discount(line, part["amount"]),
                    "ProductNumber": line["ItemNumber"],
                    "ProductName": line["LineDescription"],
                    "ProductDescription": line["LineDescription"],
                    "InventorySiteId": line.get("ShippingSiteId", ""),
                    "InventoryWarehouseId": line.get("ShippingWarehouseId", ""),
                },
            )
        entries = [(RECEIVABLES, total), (TAX, -tax)]
        entries += [(SALES, -line.net) for line in taxed]
        account = header["InvoiceCustomerAccountNumber"]
        reference = header["CustomersOrderReference"]
        self._book(header, number, at, entries, account, reference)
        return number

    def _discount(self, line: Row, amount: Decimal) -> Decimal:
        quantity = line.get("OrderedSalesQuantity", line.get("ReturnSalesQuantity", ZERO))
        return Decimal(quantity * line["SalesPrice"] - amount)

    def _free_text(self, row: Row, at: str, split: bool) -> str:
        if row["IsPosted"] == "Yes":
            return ""
        env = self.env
        self._check(row, row["InvoiceAccount"], row["InvoiceDate"])
        lines = receivables.invoice_lines(env, row)
        if not lines:
            raise NotPosted("The invoice has no lines.")
        taxed = [
            Taxed(
                line["TransactionCurrencyAmount"],
                percent_of(line["SalesTaxGroupId"], line["SalesTaxItemGroupId"]),
            )
            for line in lines
        ]
        step = rounding(env, row["CurrencyCode"])
        work_out(taxed, row["InclTax"] == "Yes", step, env.settings["tax_rounding"] == "line")
        total = sum((line.net + line.tax for line in taxed), ZERO)
        pattern = "FTC-{:06d}" if total < 0 else "FTI-{:06d}"
        number = env.number("free-text", row["dataAreaId"], pattern)
        entries = [(RECEIVABLES, total), (TAX, -sum((line.tax for line in taxed), ZERO))]
        for line, amounts in zip(lines, taxed, strict=True):
            env.change(receivables.INVOICE_LINES, line, SalesTaxAmount=amounts.tax)
            account = dimensions.account_of(env, line["MainAccountDisplayValue"])
            entries.append((account, -amounts.net))
        env.change(receivables.INVOICES, row, IsPosted="Yes", FreeTextNumber=number)
        self._book(
            row, number, row["InvoiceDate"], entries, row["InvoiceAccount"],
            row["CustomerReference"],
        )  # fmt: skip
        return number

    def _journal(self, row: Row, at: str, split: bool) -> str:
        if row["IsPosted"] == "Yes":
            return ""
        env = self.env
        lines = receivables.journal_lines(env, row)
        if not lines:
            raise NotPosted("The journal has no lines.")
        for line in lines:
            self._payment(line)
        env.change(receivables.JOURNALS, row, IsPosted="Yes")
        return str(row["JournalBatchNumber"])

    def _payment(self, line: Row) -> None:
        account = dimensions.account_of(self.env, line["AccountDisplayValue"])
        offset = dimensions.account_of(self.env, line["OffsetAccountDisplayValue"])
        amount = line["DebitAmount"] - line["CreditAmount"]
        if not amount:
            raise NotPosted(f"Line {line['LineNumber']} has no amount.")
        is_customer = line["AccountType"] == "Cust"
        day = line["TransactionDate"]
        if is_customer:
            self._check(line, account, day)
        entries = [(RECEIVABLES if is_customer else account, amount), (offset, -amount)]
        self._book(
            line, line["Voucher"], day, entries, account if is_customer else "",
            line["PaymentReference"], line["MarkedInvoice"],
        )  # fmt: skip

    def _book(
        self,
        row: Row,
        number: str,
        day: str,
        entries: list[tuple[str, Decimal]],
        customer: str,
        reference: str,
        settles: str = "",
    ) -> None:
        """Ledger entries of one voucher; those on receivables are the customer's transactions."""
        env = self.env
        for account, amount in entries:
            if not amount:
                continue
            entry = {
                "entry": len(env.transactions) + 1,
                "company": row["dataAreaId"],
                "document": number,
                "date": day[:10],
                "account": account,
                "amount": amount,
                "currency": row["CurrencyCode"],
                "customer": customer if account == RECEIVABLES else "",
                "reference": reference,
                "settles": settles if account == RECEIVABLES else "",
            }
            env.transactions.append(entry)
            env.journal.put("transactions", f"{entry['entry']:09d}", entry)

    def open_balances(self) -> dict[str, Decimal]:
        """What each customer owes, by account."""
        owed: dict[str, Decimal] = defaultdict(Decimal)
        for entry in self.env.transactions:
            if entry["customer"]:
                owed[entry["customer"]] += Decimal(entry["amount"])
        return dict(owed)
