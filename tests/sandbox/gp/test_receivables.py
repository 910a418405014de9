"""The GP simulator's receivables: amounts, batches, posting, the ledger, currencies."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest
import requests

from tests.sandbox.gp.calls import DOCUMENTS, TODAY, error, invoice, session, start


def test_the_amounts_must_add_up_and_the_tax_must_equal_its_details(call):
    assert error(call("POST", DOCUMENTS, invoice(DocumentAmount="127.53")))[1] == 621
    assert error(call("POST", DOCUMENTS, invoice(Taxes=[])))[1] == 712
    wrong = [{"TaxDetailId": "WEBTAX", "SalesTaxAmount": "9.06"}]
    assert error(call("POST", DOCUMENTS, invoice(Taxes=wrong))) == (400, 712, "TaxAmount")
    worked_out = invoice(
        TaxScheduleId="UK-STD", Taxes=[], TaxAmount="21.99", DocumentAmount="140.44"
    )
    made = call("POST", DOCUMENTS, worked_out).json()["Payload"]
    assert made["Taxes"][0]["TaxDetailId"].strip() == "UKVAT20"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"CustomerId": "NOBODY"}, (422, 221, "CustomerId")),
        ({"CurrencyId": "Z-XXX"}, (422, 483, "CurrencyId")),
        ({"TaxScheduleId": "NONE"}, (422, 7023, "TaxScheduleId")),
        ({"BatchSource": "GL_Normal"}, (422, 9012, "BatchSource")),
        ({"DocumentType": 2}, (400, 9017, "DocumentType")),
    ],
)
def test_what_a_document_names_must_exist(call, changes, expected):
    assert error(call("POST", DOCUMENTS, invoice(**changes))) == expected


def test_a_number_is_used_once_in_work_open_and_history(gp, call):
    assert call("POST", DOCUMENTS, invoice()).status_code == 201
    duplicate = (409, 190, "DocumentNumber")
    assert error(call("POST", DOCUMENTS, invoice())) == duplicate
    gp.post("batches", id="BC1-01", act="post")
    assert error(call("POST", DOCUMENTS, invoice())) == duplicate
    gp.post("documents", number="BC1-100045", act="history")
    assert error(call("POST", DOCUMENTS, invoice())) == duplicate
    found = call("GET", f"{DOCUMENTS}(1;BC1-100045)").json()["Payload"]
    assert found["TransactionState"] == "History"
    assert call("POST", DOCUMENTS, invoice(DocumentType=7)).status_code == 201
    gp.post("settings", duplicates_per_type=False)
    assert error(call("POST", DOCUMENTS, invoice(DocumentType=8))) == duplicate


def test_a_lost_answer_leaves_the_document_in_the_books(gp, call):
    assert call("GET", "/help", company="").status_code == 200
    gp.fault("lose_reply", method="POST", path="Transactions$")
    with pytest.raises(requests.ConnectionError):
        call("POST", DOCUMENTS, invoice())
    assert call("GET", f"{DOCUMENTS}(1;BC1-100045)").status_code == 200
    assert error(call("POST", DOCUMENTS, invoice()))[1] == 190
    assert gp.get("state")["duplicates"] == {}


def test_trouble_is_generic(gp, call):
    gp.fault("status", status=500, path="Transactions")
    assert error(call("POST", DOCUMENTS, invoice())) == (500, 9099, "")
    gp.fault("html")
    assert call("GET", "/help", company="").headers["content-type"].startswith("text/html")
    gp.fault("throttle")
    assert call("GET", "/help", company="").status_code == 503
    gp.post("settings", errors_in_200=True)
    answer = call("POST", DOCUMENTS, invoice(CustomerId="NOBODY"))
    assert answer.status_code == 200
    assert answer.json()["Status"]["Trace"][0]["Number"] == 221
    gp.post("settings", service="unavailable")
    assert call("GET", "/help", company="").status_code == 503
    gp.post("settings", service="stopped")
    with pytest.raises(requests.ConnectionError):
        call("GET", "/help", company="")


def test_a_blocked_customer_gets_no_documents(gp, call):
    gp.post("customers", id="CUST00001", hold=True)
    assert error(call("POST", DOCUMENTS, invoice()))[1] == 9006
    gp.post("customers", id="CUST00001", hold=False, inactive=True)
    assert error(call("POST", DOCUMENTS, invoice()))[1] == 9005


def test_a_batch_in_use_takes_no_document_and_the_batchs_date_wins(gp, call):
    call("POST", DOCUMENTS, invoice())
    yesterday = (TODAY - datetime.timedelta(days=1)).isoformat()
    made = call("POST", DOCUMENTS, invoice("BC1-2", GLPostingDate=yesterday)).json()["Payload"]
    assert made["GLPostingDate"] == TODAY.isoformat()
    gp.post("settings", batch_dates="refuse")
    refused = error(call("POST", DOCUMENTS, invoice("BC1-3", GLPostingDate=yesterday)))
    assert refused == (422, 9025, "GLPostingDate")
    for state in ("Marked", "Posting", "Pending approval"):
        gp.post("batches", id="BC1-01", act=state)
        assert error(call("POST", DOCUMENTS, invoice("BC1-3"))) == (409, 9003, "BatchId")
    gp.post("batches", id="BC1-01", act="Available")
    gp.post("batches", id="WEEKLY", act="create", frequency=2)
    weekly = invoice("BC1-R1", DocumentType=7, BatchId="WEEKLY")
    assert error(call("POST", DOCUMENTS, weekly)) == (422, 9004, "BatchId")
    batch = call("GET", "/System/Batches(RM_Sales;BC1-01)").json()["Payload"]
    assert (batch["NumberOfTransactions"], batch["BatchTotal"]) == (2, "255.04000")


def test_posting_makes_open_documents_and_a_ledger_that_balances(gp, call):
    call("POST", DOCUMENTS, invoice())
    credit = invoice(
        "BC1-R7",
        DocumentType=7,
        SalesAmount="10.00",
        TradeDiscountAmount="0",
        FreightAmount="0",
        TaxAmount="2.00",
        DocumentAmount="12.00",
        Taxes=[{"TaxDetailId": "WEBTAX", "SalesTaxAmount": "2.00"}],
    )
    assert call("POST", DOCUMENTS, credit).status_code == 201
    action = {"GP-Custom-Action": "POST"}
    answer = call("POST", "/System/Batches(RM_Sales;BC1-01)", headers=action)
    assert answer.json()["Payload"] == {"Posted": ["BC1-100045", "BC1-R7"], "NotPosted": []}
    state = gp.get("state")
    assert {row["state"] for row in state["documents"]} == {"Open"}
    assert state["batches"] == []
    assert state["ledger"]["difference"] == state["ledger"]["receivable_difference"] == 0
    assert state["ledger"]["receivable_account"] == Decimal("115.52")
    again = call("POST", f"{DOCUMENTS}(1;BC1-100045)", headers=action)
    assert error(again) == (422, 9018, "DocumentNumber")


def test_given_distributions_must_balance_on_accounts_that_exist(gp, call):
    def rows(account="000-4110-02", amount="127.52"):
        return [
            {"AccountNumber": "000-1200-00", "DistributionType": 3, "DebitAmount": "127.52"},
            {"AccountNumber": account, "DistributionType": 9, "CreditAmount": amount},
        ]

    unbalanced = error(call("POST", DOCUMENTS, invoice(Distributions=rows(amount="127.51"))))
    assert unbalanced == (422, 9011, "Distributions")
    unknown = error(call("POST", DOCUMENTS, invoice(Distributions=rows("000-9999-99"))))
    assert unknown == (422, 716, "Distributions[1].AccountNumber")
    assert error(call("POST", DOCUMENTS, invoice(Distributions=rows("000-4110-99"))))[1] == 716
    gp.post("settings", distribution_check="posting")
    call("POST", DOCUMENTS, invoice(Distributions=rows(amount="127.51")))
    journal = gp.post("batches", id="BC1-01", act="post")
    assert journal["NotPosted"][0]["DocumentNumber"] == "BC1-100045"
    gp.post("settings", distribution_check="create")
    assert call("POST", DOCUMENTS, invoice("BC1-2", Distributions=rows())).status_code == 201


def test_a_person_deletes_a_document_or_a_batch(gp, call):
    call("POST", DOCUMENTS, invoice())
    call("POST", DOCUMENTS, invoice("BC1-2"))
    gp.post("documents", act="delete", number="BC1-2")
    assert call("POST", DOCUMENTS, invoice("BC1-2")).status_code == 201
    gone = gp.post("batches", id="BC1-01", act="delete")
    assert gone == {"deleted": ["BC1-100045", "BC1-2"]}
    assert call("GET", f"{DOCUMENTS}(1;BC1-2)").status_code == 404


def test_a_closed_period_refuses_until_it_is_opened(gp, call):
    gp.post("period", year=TODAY.year, month=TODAY.month, series=3, closed=True)
    refused = call("POST", DOCUMENTS, invoice())
    assert error(refused) == (422, 9001, "GLPostingDate")
    message = "The fiscal period for this date is closed for Sales"
    assert refused.json()["Status"]["Trace"][0]["Message"] == message
    later = invoice("BC1-2", GLPostingDate="1999-01-01")
    assert error(call("POST", DOCUMENTS, later))[1] == 9002
    closed = call("GET", f"/Administration/FiscalPeriods?Year={TODAY.year}&Series=3").json()
    assert [r["PeriodId"] for r in closed["Payload"] if r["Closed"]] == [TODAY.month]
    gp.post("settings", period_check="posting")
    assert call("POST", DOCUMENTS, invoice()).status_code == 201
    assert gp.post("batches", id="BC1-01", act="post")["Posted"] == []
    gp.post("period", closed=False)
    gp.post("period", series=2, closed=True)
    assert gp.post("batches", id="BC1-01", act="post")["Posted"] == ["BC1-100045"]
    assert gp.get("state")["ledger"]["stuck_lines"] > 0


def foreign(number, **changes):
    fields = {
        "CurrencyId": "Z-US$",
        "SalesAmount": "100.00",
        "TradeDiscountAmount": "0",
        "FreightAmount": "0",
        "TaxAmount": "0",
        "DocumentAmount": "100.00",
        "Taxes": [],
    }
    return invoice(number, **(fields | changes))


def test_a_rate_comes_from_the_table_or_the_document_and_divides_or_multiplies(gp, call):
    assert call("POST", DOCUMENTS, foreign("D1")).status_code == 201
    assert call("POST", DOCUMENTS, foreign("D2", CurrencyId="Z-EURO")).status_code == 201
    assert call("POST", DOCUMENTS, foreign("D3", ExchangeRate="1.25")).status_code == 201
    amounts = {row["number"]: row["functional_amount"] for row in gp.get("state")["documents"]}
    assert amounts == {"D1": Decimal("76.34"), "D2": Decimal("86"), "D3": Decimal("80")}
    whole = foreign("D4", CurrencyId="Z-YEN", SalesAmount="100.50", DocumentAmount="100.50")
    assert error(call("POST", DOCUMENTS, whole)) == (400, 9017, "SalesAmount")
    gp.post("settings", rate_override=False)
    assert error(call("POST", DOCUMENTS, foreign("D5", ExchangeRate="1.3")))[1] == 9010
    gp.post("rates", currency="Z-US$", clear=True)
    assert error(call("POST", DOCUMENTS, foreign("D5"))) == (422, 9008, "ExchangeRate")
    day, after = TODAY.isoformat(), (TODAY + datetime.timedelta(days=1)).isoformat()
    gp.post("rates", currency="Z-US$", date=day, expires=day, rate="1.3", method=2)
    late = foreign("D5", GLPostingDate=after, BatchId="LATE")
    assert error(call("POST", DOCUMENTS, late)) == (422, 9009, "ExchangeRate")
    gp.post("batches", id="BC1-01", act="post")
    proof = gp.get("state")["ledger"]
    assert proof["difference"] == proof["receivable_difference"] == 0
    elsewhere = call("POST", DOCUMENTS, foreign("D6"), company="ACTST")
    assert error(elsewhere) == (422, 9007, "CurrencyId")


def test_the_state_outlives_a_restart(tmp_path):
    data = str(tmp_path / "gp.sqlite")
    simulator = start(tmp_path, "--data", data)
    base = f"{simulator.api}/GPService/Tenants(DefaultTenant)/Companies(ACME)"
    made = session(True).post(base + DOCUMENTS, json={"Payload": invoice()}, timeout=10)
    assert made.status_code == 201
    simulator.post("customers", id="CUST00002", delete=True)
    simulator.stop()
    simulator = start(tmp_path, "--data", data)
    try:
        state = simulator.get("state")
        assert [row["number"] for row in state["documents"]] == ["BC1-100045"]
        assert "CUST00002" not in [row["CustomerId"] for row in state["customers"]]
        page = requests.get(f"{simulator.control}/__sandbox__/", timeout=10).text
        assert "BC1-100045" in page
        path = "/__sandbox__/documents/1/BC1-100045"
        assert "000-1200-00" in requests.get(simulator.control + path, timeout=10).text
    finally:
        simulator.stop()
