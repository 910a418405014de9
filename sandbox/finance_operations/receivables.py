"""Free-text invoices and customer payment journals, up to the moment before posting."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sandbox.finance_operations import dimensions, seed
from sandbox.finance_operations.customers import customer_of, full_name
from sandbox.finance_operations.environment import Environment, Row, noon
from sandbox.finance_operations.orders import rounded, rounding, tax_group_for
from sandbox.finance_operations.shapes import Shape
from sandbox.finance_operations.writing import (
    check_relations,
    company_of,
    exists_already,
    refused,
    required,
    unrelated,
)

INVOICES, INVOICE_LINES = "FreeTextInvoiceHeaders", "FreeTextInvoiceLines"
JOURNALS, JOURNAL_LINES = "CustomerPaymentJournalHeaders", "CustomerPaymentJournalLines"
NOT_POSTED = "Not posted"


def exchange_rate(company: str, currency: str) -> Decimal:
    """Units of the company's currency for 100 of another: 100 is one to one."""
    own = seed.CURRENCIES[seed.COMPANIES[company].currency][3]
    other = seed.CURRENCIES[currency][3]
    return (100 * Decimal(own) / Decimal(other)).quantize(Decimal("0.000001"))


class FreeTextInvoices:
    """FreeTextInvoiceHeaders. The key is a record id."""

    def __init__(self, env: Environment) -> None:
        self.env = env

    def create(self, shape: Shape, values: Row) -> Row:
        env = self.env
        company = company_of(env, values)
        account = values.get("CustomerAccount", "")
        customer = customer_of(env, shape, company.id, "CustomerAccount", account)
        check_relations(env, shape, values)
        self._dimension(values)
        given = {name: value for name, value in values.items() if value != ""}
        day = given.get("InvoiceDate", env.today())
        record = env.record_id()
        currency = str(given.get("CurrencyCode") or customer["SalesCurrencyCode"])
        fresh = {
            "DocumentDate": day,
            "InvoiceDate": day,
            "CustomerGroup": customer["CustomerGroupId"],
            "InvoiceAccount": customer["InvoiceAccount"] or customer["CustomerAccount"],
            "InvoiceName": full_name(customer),
            "LanguageId": customer["LanguageId"],
            "MethodOfPayment": customer["PaymentMethod"],
            "TermsOfPayment": customer["PaymentTerms"],
            "PostingProfile": seed.POSTING_PROFILE,
            "InclTax": customer["IsSalesTaxIncludedInPrices"],
            "SalesTaxGroupId": customer["SalesTaxGroup"]
            or tax_group_for(
                env, company.id, customer["AddressCountryRegionId"] or company.country
            ),
            "DefaultDimensionDisplayValue": customer["DefaultDimensionDisplayValue"],
            **given,
            "CustomerAccount": customer["CustomerAccount"],
            "CurrencyCode": currency,
            "ExchangeRate": exchange_rate(company.id, currency),
            "FreeTextNumber": NOT_POSTED,
            "IsPosted": "No",
            "InvoiceIdentifier": record,
            "_recid": record,
        }
        terms = env.find("PaymentTerms", dataAreaId=company.id, Name=fresh["TermsOfPayment"])
        days = terms["NumberOfDays"] if terms else 0
        due = date.fromisoformat(day[:10]) + timedelta(days=days)
        fresh["DueDate"] = given.get("DueDate") or noon(due.isoformat())
        return env.insert(INVOICES, fresh)

    def change(self, shape: Shape, row: Row, values: Row) -> Row:
        self._open(row)
        merged = {**row, **values}
        check_relations(self.env, shape, merged)
        self._dimension(merged)
        return self.env.change(INVOICES, row, **{name: merged[name] for name in values})

    def remove(self, row: Row) -> None:
        self._open(row)
        for line in invoice_lines(self.env, row):
            self.env.remove(INVOICE_LINES, line)
        self.env.remove(INVOICES, row)

    def _open(self, row: Row) -> None:
        if row["IsPosted"] == "Yes":
            raise refused("The free text invoice is posted and cannot be changed.")

    def _dimension(self, values: Row) -> None:
        name = "DefaultDimensionDisplayValue"
        if values.get(name):
            values[name] = dimensions.default_value(self.env, values[name])


def invoice_lines(env: Environment, header: Row) -> list[Row]:
    rows = env.table(INVOICE_LINES).where(
        dataAreaId=header["dataAreaId"], ParentRecId=header["InvoiceIdentifier"]
    )
    return sorted(rows, key=lambda row: row["LineNumber"])


class FreeTextLines:
    """FreeTextInvoiceLines."""

    def __init__(self, env: Environment) -> None:
        self.env = env

    def create(self, shape: Shape, values: Row) -> Row:
        env = self.env
        company = company_of(env, values)
        header = self._header(shape, values)
        check_relations(env, shape, values)
        number = values.get("LineNumber", Decimal(0))
        if number <= 0:
            raise required("Line number")
        if not values.get("MainAccountDisplayValue"):
            raise required("Main account")
        present = invoice_lines(env, header)
        if any(line["LineNumber"] == number for line in present):
            raise exists_already(
                "Customer free text invoice lines", "CustInvoiceLine", Line_number=number
            )
        given = {name: value for name, value in values.items() if value != ""}
        fresh: dict[str, Any] = {
            "SalesTaxGroupId": header["SalesTaxGroupId"],
            "SalesTaxItemGroupId": header["SalesTaxItemGroupId"],
            "DefaultDimensionDisplayValue": header["DefaultDimensionDisplayValue"],
            "Quantity": Decimal(0),
            "UnitPrice": Decimal(0),
            **given,
            "dataAreaId": company.id,
            "CurrencyCode": "",
            "SalesTaxAmount": Decimal(0),
        }
        self._work_out(header, fresh, given)
        return env.insert(INVOICE_LINES, fresh)

    def change(self, shape: Shape, row: Row, values: Row) -> Row:
        header = self._header(shape, row)
        merged = {**row, **values}
        check_relations(self.env, shape, merged)
        self._work_out(header, merged, values)
        return self.env.change(
            INVOICE_LINES, row, **{name: merged[name] for name in row if name[0] != "_"}
        )

    def remove(self, row: Row) -> None:
        header = self.env.find(
            INVOICES, dataAreaId=row["dataAreaId"], InvoiceIdentifier=row["ParentRecId"]
        )
        if header is not None and header["IsPosted"] == "Yes":
            raise refused("The free text invoice is posted and cannot be changed.")
        self.env.remove(INVOICE_LINES, row)

    def _header(self, shape: Shape, values: Row) -> Row:
        parent = values.get("ParentRecId", 0)
        header = self.env.find(INVOICES, dataAreaId=values["dataAreaId"], InvoiceIdentifier=parent)
        if header is None:
            raise unrelated(
                shape, "ParentRecId", str(parent), "Parent", "Customer free text invoice"
            )
        if header["IsPosted"] == "Yes":
            raise refused("The free text invoice is posted and cannot be changed.")
        return header

    def _work_out(self, header: Row, line: Row, given: Row) -> None:
        env = self.env
        allowed = env.settings["fti_negative"]
        for name, other in (("Quantity", "price"), ("UnitPrice", "quantity")):
            if line[name] < 0 and allowed == other:
                raise refused(f"{name} must be positive.", source="CustInvoiceLine")
        if line["Quantity"] or line["UnitPrice"] or "TransactionCurrencyAmount" not in given:
            line["TransactionCurrencyAmount"] = rounded(
                line["Quantity"] * line["UnitPrice"], rounding(env, header["CurrencyCode"])
            )
        line["MainAccountDisplayValue"] = dimensions.ledger_value(
            env, line["MainAccountDisplayValue"]
        )
        if line["DefaultDimensionDisplayValue"]:
            line["DefaultDimensionDisplayValue"] = dimensions.default_value(
                env, line["DefaultDimensionDisplayValue"]
            )


class Journals:
    """CustomerPaymentJournalHeaders."""

    def __init__(self, env: Environment) -> None:
        self.env = env

    def create(self, shape: Shape, values: Row) -> Row:
        company = company_of(self.env, values)
        if not values.get("JournalName"):
            raise required("Name")
        check_relations(self.env, shape, values)
        number = self.env.number("journal", company.id, "{:05d}", 25000)
        fresh = {
            "Description": values["JournalName"],
            **values,
            "JournalBatchNumber": number,
            "IsPosted": "No",
        }
        return self.env.insert(JOURNALS, fresh)

    def change(self, shape: Shape, row: Row, values: Row) -> Row:
        if row["IsPosted"] == "Yes":
            raise refused(f"Journal {row['JournalBatchNumber']} is posted.")
        values.pop("IsPosted", None)
        merged = {**row, **values}
        check_relations(self.env, shape, merged)
        return self.env.change(JOURNALS, row, **{name: merged[name] for name in values})

    def remove(self, row: Row) -> None:
        if row["IsPosted"] == "Yes":
            raise refused(f"Journal {row['JournalBatchNumber']} is posted.")
        for line in journal_lines(self.env, row):
            self.env.remove(JOURNAL_LINES, line)
        self.env.remove(JOURNALS, row)


def journal_lines(env: Environment, header: Row) -> list[Row]:
    rows = env.table(JOURNAL_LINES).where(
        dataAreaId=header["dataAreaId"], JournalBatchNumber=header["JournalBatchNumber"]
    )
    return sorted(rows, key=lambda row: row["LineNumber"])


class JournalLines:
    """CustomerPaymentJournalLines. Account display values have the delimiter escaped."""

    def __init__(self, env: Environment) -> None:
        self.env = env

    def create(self, shape: Shape, values: Row) -> Row:
        env = self.env
        company = company_of(env, values)
        header = self._header(shape, values)
        check_relations(env, shape, values)
        number = values.get("LineNumber", Decimal(0))
        if number <= 0:
            raise required("Line number")
        if any(line["LineNumber"] == number for line in journal_lines(env, header)):
            raise exists_already(
                "Journal lines",
                "LedgerJournalTrans",
                Journal_batch_number=header["JournalBatchNumber"],
                Line_number=number,
            )
        given = {name: value for name, value in values.items() if value != ""}
        currency = str(given.get("CurrencyCode") or company.currency)
        prepaid = given.get("IsPrepayment") == "Yes"
        fresh = {
            "TransactionDate": env.today(),
            "AccountType": "Cust",
            "OffsetAccountType": "Ledger",
            "PostingProfile": seed.PREPAYMENT_PROFILE if prepaid else seed.POSTING_PROFILE,
            "ExchangeRate": exchange_rate(company.id, currency),
            "CreditAmount": Decimal(0),
            "DebitAmount": Decimal(0),
            **given,
            "CurrencyCode": currency,
            "Company": company.id.upper(),
            "OffsetCompany": company.id.upper(),
            "Voucher": env.number("voucher", company.id, "ARP{:06d}"),
        }
        fresh = env.filled(JOURNAL_LINES, fresh)
        self._check(shape, fresh)
        return env.insert(JOURNAL_LINES, fresh)

    def change(self, shape: Shape, row: Row, values: Row) -> Row:
        self._header(shape, row)
        merged = {**row, **values}
        check_relations(self.env, shape, merged)
        self._check(shape, merged)
        return self.env.change(
            JOURNAL_LINES, row, **{name: merged[name] for name in row if name[0] != "_"}
        )

    def remove(self, row: Row) -> None:
        header = self.env.find(
            JOURNALS,
            dataAreaId=row["dataAreaId"],
            JournalBatchNumber=row["JournalBatchNumber"],
        )
        if header is not None and header["IsPosted"] == "Yes":
            raise refused(f"Journal {row['JournalBatchNumber']} is posted.")
        self.env.remove(JOURNAL_LINES, row)

    def _header(self, shape: Shape, values: Row) -> Row:
        number = values.get("JournalBatchNumber", "")
        if not number:
            raise required("Journal batch number")
        header = self.env.find(JOURNALS, dataAreaId=values["dataAreaId"], JournalBatchNumber=number)
        if header is None:
            raise unrelated(
                shape, "JournalBatchNumber", number, "Journal batch number", "Ledger journal table"
            )
        if header["IsPosted"] == "Yes":
            raise refused(f"Journal {number} is posted.", source="LedgerJournalTrans")
        return header

    def _check(self, shape: Shape, line: Row) -> None:
        if line["CreditAmount"] and line["DebitAmount"]:
            raise refused("Debit and credit cannot both have an amount.")
        if line["CreditAmount"] < 0 or line["DebitAmount"] < 0:
            raise refused("The amount must not be negative.", source="LedgerJournalTrans")
        if line["IsPrepayment"] == "Yes" and line["PostingProfile"] != seed.PREPAYMENT_PROFILE:
            raise refused("A prepayment needs the posting profile for prepayments.")
        account, customer = self._account(shape, line, "AccountType", "AccountDisplayValue")
        offset, _ = self._account(shape, line, "OffsetAccountType", "OffsetAccountDisplayValue")
        line["AccountDisplayValue"], line["OffsetAccountDisplayValue"] = account, offset
        line["CustomerName"] = full_name(customer) if customer else ""
        if line["SettleVoucher"] == "SelectedTransact" and not line["MarkedInvoice"]:
            raise required("Invoice")
        if marked := line["MarkedInvoice"]:
            posted = self.env.find(
                "SalesInvoiceHeadersV4", dataAreaId=line["dataAreaId"], InvoiceNumber=marked
            ) or self.env.find(INVOICES, dataAreaId=line["dataAreaId"], FreeTextNumber=marked)
            if posted is None:
                raise unrelated(shape, "MarkedInvoice", marked, "Invoice", "Customer transactions")
            line["MarkedInvoiceCompany"] = line["dataAreaId"].upper()

    def _account(self, shape: Shape, line: Row, kind: str, name: str) -> tuple[str, Row | None]:
        """(display value as it is stored, the customer it names)."""
        env, text = self.env, line.get(name, "")
        if not text:
            raise required("Account" if kind == "AccountType" else "Offset account")
        mark = dimensions.delimiter(env)
        account = dimensions.account_of(env, text)
        match line[kind]:
            case "Cust":
                row = env.find(
                    "CustomersV3", dataAreaId=line["dataAreaId"], CustomerAccount=account
                )
                if row is None:
                    raise unrelated(shape, name, account, "Account", "Customers")
                if row["OnHoldStatus"] in ("All", "Payment"):
                    raise refused(
                        f"Customer {row['CustomerAccount']} is on hold for '{row['OnHoldStatus']}'."
                    )
                return dimensions.escaped(row["CustomerAccount"], mark), row
            case "Bank":
                if account not in seed.BANKS:
                    raise unrelated(shape, name, account, "Offset account", "Bank accounts")
                return dimensions.escaped(account, mark), None
            case "Ledger":
                return dimensions.ledger_value(env, text), None
        raise refused(f"The account type '{line[kind]}' cannot be used in this journal.")
