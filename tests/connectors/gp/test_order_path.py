"""An order and its refund into GP, over real HTTP with a real Windows sign-in."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from connectors.contract import Verdict
from connectors.erps.gp.batches import Batches
from connectors.errors import Rejected
from connectors.records import DocumentKind, DocumentStatus
from tests.connectors.gp.drafts import charge, customer, draft, goods

INVOICE, CREDIT = DocumentKind.SALES_INVOICE, DocumentKind.CREDIT_MEMO


def test_a_ping_proves_the_connection_and_offers_the_companies(build):
    ping = build().ping()
    assert not ping.failures, ping.failures
    assert ping.is_healthy, ping.checks
    assert ("ACME", "Acme Outdoor Ltd (ACME)") in ping.choices["company"]
    assert ping.facts["Currency"] == "GBP"
    assert next(c for c in ping.checks if c.name.startswith("Write")).verdict is Verdict.SKIPPED


def test_an_order_becomes_an_unposted_invoice_in_our_batch(build, gp):
    erp = build()
    assert erp.find_documents(INVOICE, "BC1-100045") == ()
    order = draft(
        goods("TENT-2P-GRN", "2", "100.00", discount="10.00"),
        goods("MAP-LAKES", "1", "8.50", "0", sales_account="account:000-4110-02", tax_class="ZERO"),
        charge("shipping", "6.00"),
        charge("wrapping", "2.50", "000-4410-00"),
    )
    external_id = erp.create_document(order)
    (found,) = erp.find_documents(INVOICE, "BC1-100045")
    assert found.external_id == external_id == "1;BC1-100045"
    assert found.status is DocumentStatus.OPEN
    assert (found.total_inc_tax, found.total_tax) == (order.total_inc_tax, order.total_tax)
    assert found.currency == "GBP"
    (row,) = gp.state()["documents"]
    assert (row["sales"], row["trade_discount"], row["freight"], row["miscellaneous"]) == (
        Decimal("208.50"), Decimal("10.00"), Decimal("6.00"), Decimal("2.50"),
    )  # fmt: skip
    assert row["batch"] == f"WEB{order.posting_date:%y%m%d}-01"
    assert row["po_number"] == "100045"
    assert row["state"] == "Work"
    accounts = {r["AccountNumber"]: r for r in row["distributions"]}
    assert Decimal(accounts["000-4110-01"]["CreditAmount"]) == Decimal("200.00")
    assert Decimal(accounts["000-4110-02"]["CreditAmount"]) == Decimal("8.50")
    assert Decimal(accounts["000-1200-00"]["DebitAmount"]) == order.total_inc_tax


def test_a_refund_becomes_a_credit_memo_or_a_return_and_is_found_as_either(build, gp):
    refund = draft(goods(), reference="BC1-R7", kind=CREDIT)
    erp = build()
    assert erp.create_document(refund) == "7;BC1-R7"
    back = erp.read_document(CREDIT, "7;BC1-R7")
    assert back.kind is CREDIT
    assert back.total_inc_tax == refund.total_inc_tax
    other = build(refund_document="return", returns_account="000-4190-00")
    assert other.find_documents(CREDIT, "BC1-R7")[0].external_id == "7;BC1-R7"
    assert other.create_document(draft(goods(), reference="BC1-R8", kind=CREDIT)) == "8;BC1-R8"
    returned = next(r for r in gp.state()["credits"] if r["type"] == 8)
    debit = next(r for r in returned["distributions"] if r["DistributionType"] == 9)
    assert debit["AccountNumber"] == "000-4190-00"
    assert Decimal(debit["DebitAmount"]) == Decimal("100.00")


def test_what_was_posted_stays_in_the_books_and_balances(build, gp):
    erp = build()
    order = draft(
        goods("TENT-2P-GRN", "3", "24.975", discount="0.005"), charge("shipping", "4.163")
    )
    erp.create_document(order)
    batch = f"WEB{order.posting_date:%y%m%d}-01"
    gp.simulator.post("batches", act="post", id=batch)
    (found,) = erp.find_documents(INVOICE, "BC1-100045")
    assert found.status is DocumentStatus.POSTED
    proof = gp.state()["ledger"]
    assert proof["difference"] == proof["receivable_difference"] == 0
    assert proof["open_documents"] == order.total_inc_tax


def test_a_batch_that_is_marked_posted_or_redated_moves_to_the_next_suffix(build, gp):
    erp = build()
    day = draft().posting_date
    erp.create_document(draft(reference="BC1-1"))
    first = f"WEB{day:%y%m%d}-01"
    gp.simulator.post("batches", act="Marked", id=first)
    erp.create_document(draft(reference="BC1-2"))
    gp.simulator.post("batches", act="post", id=f"WEB{day:%y%m%d}-02")
    erp.create_document(draft(reference="BC1-3"))
    gp.simulator.post("batches", act="Pending approval", id=f"WEB{day:%y%m%d}-03")
    other = build()  # another worker knows what was used
    other.create_document(draft(reference="BC1-4"))
    where = {row["number"]: row["batch"] for row in gp.state()["documents"]}
    assert where == {f"BC1-{n}": f"WEB{day:%y%m%d}-{n:02d}" for n in range(1, 5)}
    tomorrow = day + timedelta(days=1)
    gp.simulator.post(
        "batches", act="create", id=f"WEB{tomorrow:%y%m%d}-01", posting_date=day.isoformat()
    )
    other.create_document(draft(reference="BC1-5", day=tomorrow, posting_date=tomorrow))
    assert gp.state()["documents"][-1]["batch"] == f"WEB{tomorrow:%y%m%d}-02"
    assert gp.state()["batches_with_two_dates"] == []


def test_a_batch_is_marked_between_our_look_and_our_write(build, gp, monkeypatch):
    erp = build()
    day = draft().posting_date
    erp.create_document(draft(reference="BC1-1"))
    gp.simulator.post("batches", act="Marked", id=f"WEB{day:%y%m%d}-01")
    monkeypatch.setattr(Batches, "_takes", lambda *args, **more: True)
    erp.create_document(draft(reference="BC1-2"))
    assert gp.state()["documents"][-1]["batch"] == f"WEB{day:%y%m%d}-02"


def test_a_new_customer_gets_number_card_address_and_e_mail(build, gp):
    erp = build()
    made = erp.create_customer(customer(817))
    assert made.number == "WEB0000817"
    card = next(r for r in gp.state()["customers"] if r["CustomerId"] == "WEB0000817")
    assert card["Name"] == "Zoë Müller"
    assert card["City"] == "Lódz"
    assert card["Phone1"] == "+44 20 7946 0000 ()"
    addresses = [r for r in gp.state()["addresses"] if r["CustomerId"] == "WEB0000817"]
    assert {r["AddressId"] for r in addresses} == {"PRIMARY", "SHIP-01"}
    mail = next(r for r in gp.state()["internet_addresses"] if r["CustomerId"] == "WEB0000817")
    assert mail["EmailToAddress"] == "zoe@example.com"
    assert erp.create_customer(customer(817)).number == "WEB0000817"  # safe to repeat
    assert erp.find_customer_by_number("web0000817 ").name == "Zoë Müller"
    with pytest.raises(Rejected) as caught:
        erp.create_customer(customer(817, display_name="Somebody Else"))
    assert caught.value.hold == "customer_ambiguous"


def test_a_customer_numbered_by_e_mail_is_found_again(build):
    erp = build(customer_numbers="email")
    made = erp.create_customer(customer())
    assert len(made.number) <= 15
    assert [found.number for found in erp.find_customers("ZOE@example.com")] == [made.number]
    assert erp.find_customers("other@example.com") == ()
    assert build().find_customers("zoe@example.com") == ()


def test_items_are_found_with_their_class(build, gp):
    gp.simulator.post("items", number="ODD;(1)/x", name="Odd", fields={"ClassId": "BOOKS"})
    found = build().find_items(["TENT-2P-GRN", "ODD;(1)/x", "no-such", "x" * 31, ""])
    assert set(found) == {"TENT-2P-GRN", "ODD;(1)/x"}
    assert found["ODD;(1)/x"].item_class == "BOOKS"


def test_a_foreign_order_needs_both_lookups_and_reads_back_in_its_currency(build, gp):
    erp = build()
    with pytest.raises(Rejected) as caught:
        erp.create_document(draft(currency="EUR"))
    assert caught.value.hold == "lookup_missing"
    assert caught.value.keys == ("lookup:currencies:EUR", "lookup:exchange_rates:EUR")
    erp.create_document(draft(currency="EUR", currency_id="Z-EURO", exchange_rate="0.85"))
    (found,) = erp.find_documents(INVOICE, "BC1-100045")
    assert found.currency == "EUR"
    assert gp.state()["documents"][0]["exchange_rate"] == Decimal("0.85")
    build(rate_source="gp").create_document(
        draft(currency="USD", currency_id="Z-US$", reference="BC1-2")
    )
    assert gp.state()["documents"][1]["exchange_rate"] == Decimal("1.31")
    with pytest.raises(Rejected) as caught:
        build(company="ACTST").create_document(
            draft(currency="EUR", currency_id="Z-EURO", exchange_rate="0.85")
        )
    assert caught.value.hold == "mapping"


def test_the_preview_is_what_is_sent(build, workshop):
    erp = build()
    meant = draft()
    preview = erp.preview(meant)
    erp.create_document(meant)
    sent = next(r for r in workshop.records if r.method == "POST")
    assert sent.url.endswith(preview["path"])
    from connectors.kit.http import dumps

    assert sent.request_body.decode() == dumps(preview["body"])
    assert "GP-Custom-Action" not in sent.request_headers


def test_a_route_can_have_batches_of_its_own(build, gp):
    """Two routes into one company: each one's batches begin as its mapping says."""
    erp = build()
    own = draft(reference="BC1-9002")
    erp.create_document(draft(reference="BC1-9001"))
    erp.create_document(replace(own, fields={**own.fields, "batch_prefix": "shop"}))
    where = {row["number"]: row["batch"] for row in gp.state()["documents"]}
    assert where["BC1-9001"] == f"WEB{own.posting_date:%y%m%d}-01"
    assert where["BC1-9002"] == f"SHOP{own.posting_date:%y%m%d}-01"
