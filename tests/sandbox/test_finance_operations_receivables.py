"""Free-text invoices, returns, payments and batches in the Finance & Operations simulator."""

from __future__ import annotations

import json
import threading
import time
from decimal import Decimal

import pytest

from tests.support import finance_operations as support
from tests.support.finance_operations import ACCESS, line

tls = pytest.fixture(scope="module")(support.tls)
running = pytest.fixture(scope="module")(support.running)
erp = pytest.fixture(support.erp)
call = pytest.fixture(support.call)
customer = pytest.fixture(support.customer)
order = pytest.fixture(support.order)


def free_text(call, customer, amount, **more):
    header = call.create(
        "FreeTextInvoiceHeaders",
        CustomerAccount=customer["CustomerAccount"],
        InvoiceDate="2026-03-02",
        CurrencyCode="GBP",
        CustomerReference="BC-100431-R1",
    )
    row = {
        "ParentRecId": header["InvoiceIdentifier"],
        "LineNumber": 1,
        "Description": "Order BC-100431",
        "Quantity": -1 if amount < 0 else 1,
        "UnitPrice": abs(amount),
        "MainAccountDisplayValue": "401100-007-022-WEB\\-UK-extra",
        "SalesTaxGroupId": "GB-DOM",
        "SalesTaxItemGroupId": "FULL",
        **more,
    }
    return header, call.create("FreeTextInvoiceLines", **row)


def test_a_negative_free_text_invoice_is_a_credit_note_when_posted(erp, call, customer):
    header, row = free_text(call, customer, Decimal("-39.98"))
    assert isinstance(header["InvoiceIdentifier"], int)
    assert (header["FreeTextNumber"], header["IsPosted"]) == ("Not posted", "No")
    assert header["DueDate"] == "2026-03-16T12:00:00Z"
    assert (row["CurrencyCode"], row["TransactionCurrencyAmount"]) == ("", Decimal("-39.98"))
    assert row["MainAccountDisplayValue"] == "401100-007-022-WEB\\-UK"
    erp.post("period", **{"from": "2026-04-01"})
    assert "not open" in erp.post("batch", jobs=["free_text"])["skipped"][0]["reason"]
    erp.post("period", **{"from": ""})
    erp.post("batch")
    key = f"FreeTextInvoiceHeaders(dataAreaId='acuk',InvoiceIdentifier={header['InvoiceIdentifier']})?{ACCESS}"
    posted = call.get(key)
    assert (posted["FreeTextNumber"], posted["IsPosted"]) == ("FTC-000001", "Yes")
    assert call("DELETE", key).status_code == 400
    balance = erp.get("state")["balances"][customer["CustomerAccount"]]
    assert balance == Decimal("-47.98")


def test_free_text_refusals(erp, call, customer):
    header, _ = free_text(call, customer, Decimal(10))
    record = header["InvoiceIdentifier"]

    def refusal(**values):
        start = {"ParentRecId": record, "LineNumber": 2, "MainAccountDisplayValue": "401100"}
        return call.refused("FreeTextInvoiceLines", **{**start, **values})

    assert "The record already exists.." in refusal(LineNumber=1)
    assert "Field 'Line number' must be filled in." in refusal(LineNumber=0)
    assert "'999' is not valid for the dimension 'MainAccount'" in refusal(
        MainAccountDisplayValue="999"
    )
    assert "'5' in field 'Parent'" in refusal(ParentRecId=5)
    erp.post("settings", fti_negative="price")
    assert "Quantity must be positive" in refusal(Quantity=-1, UnitPrice=5)
    erp.post("settings", dimension_format=[])
    assert "dimension format" in refusal()
    key = f"FreeTextInvoiceHeaders(dataAreaId='acuk',InvoiceIdentifier={record})"
    assert call("DELETE", f"{key}?{ACCESS}").status_code == 204
    assert erp.get("state")["free_text_invoices"] == []


def test_a_return_is_credited_once_the_goods_are_there(erp, call, order):
    sold = line(call, order, "MUG-450", OrderedSalesQuantity=2, SalesPrice=Decimal("9.58"))
    erp.post("batch")
    account = order["OrderingCustomerAccountNumber"]
    assert "Field 'Return reason code' must be filled in." in call.refused(
        "ReturnOrderHeadersV2", CustomerAccountNumber=account
    )
    header = call.create(
        "ReturnOrderHeadersV2",
        CustomerAccountNumber=account,
        CustomerReturnReasonCode="REFUND",
        CustomersOrderReference="BC-100431-R1",
        CurrencyCode="GBP",
        DefaultReturnWarehouseId="WEB",
    )
    assert header["ReturnOrderNumber"] != header["RMANumber"]
    row = {
        "ReturnOrderNumber": header["ReturnOrderNumber"],
        "ItemNumber": "MUG-450",
        "ReferenceInventoryLotId": sold["InventoryLotId"],
    }
    text = call.refused("ReturnOrderLinesV2", ReturnSalesQuantity=1, **row)
    assert "must be negative" in text
    made = call.create(
        "ReturnOrderLinesV2",
        ReturnSalesQuantity=-1,
        LineAmount=-1,
        ReturnDispositionCode="RETURN",
        **row,
    )
    assert made["LineAmount"] == Decimal("-9.58")
    assert "not arrived" in erp.post("batch")["skipped"][0]["reason"]
    erp.post("returns/arrive", number=header["ReturnOrderNumber"])
    assert erp.post("batch")["posted"][0]["number"] == "CCN-000001"
    (credit,) = call.find("SalesInvoiceHeadersV4", "CustomersOrderReference eq 'BC-100431-R1'")
    assert credit["TotalInvoiceAmount"] == Decimal("-11.50")


def payment(call, customer, journal, number=1, **more):
    return {
        "dataAreaId": "acuk",
        "JournalBatchNumber": journal["JournalBatchNumber"],
        "LineNumber": number,
        "TransactionDate": "2026-03-02",
        "AccountType": "Cust",
        "AccountDisplayValue": customer["CustomerAccount"].replace("-", "\\-"),
        "CurrencyCode": "GBP",
        "CreditAmount": 41.48,
        "OffsetAccountType": "Bank",
        "OffsetAccountDisplayValue": "UK\\-OPER",
        "PaymentMethodName": "CARD",
        "PaymentReference": "000891",
        "PaymentId": f"txn_{number}",
        **more,
    }


@pytest.fixture
def journal(call):
    return call.create("CustomerPaymentJournalHeaders", JournalName="WEBPAY", Description="BC-1")


def test_a_payment_reduces_what_the_customer_owes(erp, call, customer, journal):
    row = call.create("CustomerPaymentJournalLines", **payment(call, customer, journal))
    assert row["AccountDisplayValue"] == "ACUK\\-000001"
    assert (row["Company"], row["CustomerName"], row["ExchangeRate"]) == ("ACUK", "Zoë O'Neil", 100)
    assert journal["IsPosted"] == "No"
    erp.post("batch")
    assert erp.get("state")["balances"] == {"ACUK-000001": Decimal("-41.48")}
    number = journal["JournalBatchNumber"]
    assert call.find("CustomerPaymentJournalHeaders", f"JournalBatchNumber eq '{number}' and IsPosted eq 'Yes'")  # fmt: skip
    late = call.refused("CustomerPaymentJournalLines", **payment(call, customer, journal, 2))
    assert "is posted" in late


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"AccountDisplayValue": "ACUK-000001"}, "'ACUK' in field 'Account'"),
        ({"PaymentMethodName": "CASH"}, "'CASH' in field 'Method of payment'"),
        ({"DebitAmount": 1}, "Debit and credit"),
        ({"OffsetAccountDisplayValue": "NOBANK"}, "'NOBANK' in field 'Offset account'"),
        ({"SettleVoucher": "SelectedTransact"}, "Field 'Invoice' must be filled in."),
        ({"MarkedInvoice": "CIV-9"}, "'CIV-9' in field 'Invoice'"),
        ({"JournalBatchNumber": "1"}, "'1' in field 'Journal batch number'"),
        ({"IsPrepayment": "Yes", "PostingProfile": "GEN"}, "prepayment"),
    ],
)
def test_a_payment_is_refused_in_the_infologs_words(call, customer, journal, values, words):
    body = payment(call, customer, journal, **values)
    assert words in call.refused("CustomerPaymentJournalLines", **body)


def test_parallel_lines_of_one_journal_conflict(erp, call, customer, journal):
    erp.post("settings", write_ms=300)
    answers = []

    def post(number):
        body = payment(call, customer, journal, number)
        answers.append(call("POST", f"CustomerPaymentJournalLines?{ACCESS}", body))

    threads = [threading.Thread(target=post, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
        time.sleep(0.05)
    for thread in threads:
        thread.join()
    refused = [a for a in answers if a.status_code == 400]
    assert len(refused) == 1
    assert "An update conflict occurred" in refused[0].json()["error"]["innererror"]["message"]
    assert len(erp.get("state")["payments"]) == 1


def test_a_journal_needs_a_known_name(call):
    assert "'NOPE' in field 'Name'" in call.refused(
        "CustomerPaymentJournalHeaders", JournalName="NOPE"
    )


def test_dimension_values_are_formatted_by_the_environment(erp, call):
    path = "DimensionSets/Microsoft.Dynamics.DataEntities.getSetDisplayValue"
    body = {
        "_attributeNames": ["Department", "BusinessUnit", "Worker"],
        "_attributeValues": ["022", "WEB-UK", "1"],
    }
    assert call("POST", path, body).json()["value"] == "-022-WEB\\-UK"
    erp.post("settings", dimension_delimiter="Bar")
    assert call.get("DimensionParameters")["value"][0]["DimensionSegmentDelimiter"] == "Bar"
    assert call("POST", path, body).json()["value"] == "|022|WEB-UK"


def changeset(*operations: tuple[str, str, object]) -> tuple[bytes, dict[str, str]]:
    parts = []
    for number, (method, path, body) in enumerate(operations, start=1):
        parts.append(
            "--cs\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
            f"Content-ID: {number}\r\n\r\n{method} {path} HTTP/1.1\r\n"
            f"Content-Type: application/json\r\n\r\n{json.dumps(body)}\r\n"
        )
    inner = "".join(parts) + "--cs--\r\n"
    text = f"--b\r\nContent-Type: multipart/mixed; boundary=cs\r\n\r\n{inner}"
    text += "--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    text += f"GET CustomersV3/$count?{ACCESS} HTTP/1.1\r\n\r\n\r\n--b--\r\n"
    return text.encode(), {"Content-Type": "multipart/mixed; boundary=b"}


def test_a_changeset_is_all_or_nothing_and_the_outer_status_is_200(erp, call, customer):
    erp.post("settings", order_numbers="either")
    account = customer["CustomerAccount"]
    header = {
        "dataAreaId": "acuk",
        "OrderingCustomerAccountNumber": account,
        "SalesOrderNumber": "BC-1",
        "DefaultShippingWarehouseId": "WEB",
    }
    row = {"dataAreaId": "acuk", "SalesOrderNumber": "BC-1", "ItemNumber": "MUG-450"}
    bad = {**row, "ItemNumber": "NOPE"}
    lines = f"{erp.api}/data/SalesOrderLinesV3?{ACCESS}"
    data, headers = changeset(
        ("POST", "/data/SalesOrderHeadersV2", header), ("POST", lines, row), ("POST", lines, bad)
    )
    answer = call("POST", "$batch", data=data, headers=headers)
    assert answer.status_code == 200
    assert answer.text.count("HTTP/1.1 500 Internal Server Error") == 1
    assert "HTTP/1.1 201" not in answer.text
    assert "Content-ID: 3" in answer.text
    assert "'NOPE' in field 'Item number'" in answer.text
    assert erp.get("state")["orders"] == []
    data, headers = changeset(
        ("POST", "SalesOrderHeadersV2", header), ("POST", "SalesOrderLinesV3", row)
    )
    answer = call("POST", "$batch", data=data, headers=headers)
    assert answer.text.count("HTTP/1.1 201 Created") == 2
    assert answer.text.count("HTTP/1.1 200 OK") == 1
    assert erp.get("state")["orders"][0]["lines"] == 1
    assert call("POST", "$batch", data=b"x", headers=headers).status_code == 400
