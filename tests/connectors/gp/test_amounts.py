"""GP's arithmetic holds for whatever a store charges, to the cent."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Target
from connectors.erps.gp import periods
from connectors.erps.gp.amounts import (
    DISCOUNT,
    FREIGHT,
    MISCELLANEOUS,
    SALES,
    Defaults,
    amounts_of,
    rounded,
    spread,
)
from connectors.erps.gp.batches import Batches
from connectors.erps.gp.customers import Numbering, email_number
from connectors.erps.gp.documents import Currency, Writing, from_row, values_of
from connectors.erps.gp.fields import (
    CUSTOMER_PROPERTIES,
    DOCUMENT_PROPERTIES,
    SHIP_TO_PROPERTIES,
    TARGET_FIELDS,
)
from connectors.errors import Rejected, UnexpectedShape
from connectors.records import DocumentKind, DocumentStatus
from tests.connectors.gp.drafts import charge, customer, draft, goods

D = Decimal
ZERO = D(0)
DEFAULTS = Defaults(
    receivable="1200", sales="4110", discount="4180", tax="2310", tax_detail="WEBTAX"
)
WRITING = Writing(defaults=DEFAULTS)
GBP = Currency(iso="GBP")

prices = st.decimals("0.01", "9999.99999", places=5)
rates = st.sampled_from(["0", "0.05", "0.20", "0.0825", "0.19"])
lines = st.builds(
    lambda quantity, price, rate, share, account, detail: goods(
        "X", str(quantity), str(price), rate, str(quantity * price * share / 100),
        sales_account=account, tax_detail=detail, tax_class=rate,
    ),
    st.integers(1, 99), prices, rates, st.integers(0, 100),
    st.sampled_from(["", "4110", "account:4120"]), st.sampled_from(["", "VAT20", "VAT5"]),
)  # fmt: skip
charges = st.builds(
    charge,
    st.sampled_from(["shipping", "handling", "wrapping", "fee:3"]),
    prices.map(str),
    st.sampled_from(["4400", "4410"]),
    rates,
)


@given(
    st.lists(lines, min_size=1, max_size=12),
    st.lists(charges, max_size=4),
    st.sampled_from([DocumentKind.SALES_INVOICE, DocumentKind.CREDIT_MEMO]),
    st.sampled_from([0, 2, 3]),
)
def test_the_sums_hold_to_the_cent_and_the_distributions_balance(sold, beside, kind, places):
    meant = draft(*sold, *beside, kind=kind)
    ex = sum((line.amount_ex_tax for line in meant.lines), ZERO)
    inc = sum((line.amount_inc_tax for line in meant.lines), ZERO)
    total = rounded(inc, places)
    meant = replace(meant, total_inc_tax=total, total_tax=total - rounded(ex, places))
    number = 7 if kind is DocumentKind.CREDIT_MEMO else 1
    values = values_of(
        meant, kind=number, batch="B", currency=Currency(iso="X", places=places), writing=WRITING
    )
    amount = {name: D(values[name]) for name in values if name.endswith("Amount")}
    assert amount["DocumentAmount"] == total == (
        amount["SalesAmount"] - amount["TradeDiscountAmount"] + amount["FreightAmount"]
        + amount["MiscellaneousAmount"] + amount["TaxAmount"]
    )  # fmt: skip
    assert all(-D(v).as_tuple().exponent == places for v in map(str, amount.values()))
    taxes = [D(v) for row in values.get("Taxes", []) for k, v in row.items() if "TaxAmount" in k]
    assert sum(taxes, ZERO) == amount["TaxAmount"]
    debit = sum((D(row.get("DebitAmount", 0)) for row in values["Distributions"]), ZERO)
    credit = sum((D(row.get("CreditAmount", 0)) for row in values["Distributions"]), ZERO)
    assert debit == credit
    for row in values["Distributions"]:
        assert D(row.get("DebitAmount", row.get("CreditAmount"))) > 0
        assert row["AccountNumber"]


@given(
    st.dictionaries(st.text(max_size=3), st.decimals(-99, 99, places=4), min_size=1, max_size=6),
    st.integers(-3, 3),
)
def test_a_share_out_loses_no_cent(shares, off):
    total = rounded(sum(shares.values(), ZERO), 2) + D(off) / 100
    assert sum(spread(shares, total, 2).values(), ZERO) == total


def test_where_each_line_goes():
    amounts = amounts_of(
        draft(
            goods("A", "2", "10", discount="1"),
            charge("shipping", "5", "4400"),
            charge("handling", "1", "4410"),
            charge("fee:9", "2", "4420"),
            charge("adjustment", "-3", "4430"),
            charge("discount", "-4", "4440"),
        ),
        places=2,
        defaults=DEFAULTS,
    )
    assert amounts.parts[SALES] == {"4110": D("20")}
    assert amounts.parts[DISCOUNT] == {"4180": D("1"), "4430": D("3"), "4440": D("4")}
    assert amounts.parts[FREIGHT] == {"4400": D("5")}
    assert amounts.parts[MISCELLANEOUS] == {"4410": D("1"), "4420": D("2")}


def test_the_tax_is_shared_by_detail_and_by_where_it_comes_from():
    meant = draft(
        goods("A", ex="100", tax_detail="VAT20", tax_class="STANDARD"),
        goods("B", ex="50", tax_rate="0.05", tax_detail="VAT5", tax_class="REDUCED"),
        charge("shipping", "10", tax_class="STANDARD"),
        charge("fee", "10"),
    )
    taxes = {tax.detail: tax for tax in amounts_of(meant, places=2, defaults=DEFAULTS).taxes}
    assert dict(taxes["VAT20"].by_part) == {SALES: D("20.00"), FREIGHT: D("2.00")}
    assert dict(taxes["VAT5"].by_part) == {SALES: D("2.50")}
    assert dict(taxes["WEBTAX"].by_part) == {MISCELLANEOUS: D("2.00")}
    assert taxes["VAT20"].taxable == D("110.00")


def test_the_stores_tax_as_a_line_of_its_own_is_the_tax_here():
    lines = (goods("A", ex="100", tax_rate="0"), charge("tax", "20", "2310", "0"))
    amounts = amounts_of(draft(*lines, total="120", tax="20"), places=2, defaults=DEFAULTS)
    assert (amounts.of(SALES), amounts.tax, amounts.of(MISCELLANEOUS)) == (100, 20, 0)
    assert amounts.taxes[0].detail == "WEBTAX"


def test_a_refund_of_tax_alone_stands_on_the_tax_account():
    meant = draft(charge("tax", "4.20", "2310", "0"), total="4.20", tax="0")
    values = values_of(meant, kind=7, batch="B", currency=GBP, writing=WRITING)
    assert (values["SalesAmount"], values["MiscellaneousAmount"]) == ("0.00", "4.20")
    assert [row["AccountNumber"] for row in values["Distributions"]] == ["1200", "2310"]


@pytest.mark.parametrize(
    ("lost", "hold", "keys"),
    [
        ("receivable", "lookup_missing", ("lookup:payment_accounts:*",)),
        ("sales", "lookup_missing", ("lookup:sales_accounts:OUTDOOR",)),
        ("tax_detail", "lookup_missing", ("lookup:tax_details:STANDARD",)),
        ("tax", "mapping", ()),
        ("discount", "mapping", ()),
    ],
)
def test_what_is_not_filled_in_is_named_with_the_row_that_cures_it(lost, hold, keys):
    meant = draft(goods(discount="1"))
    with pytest.raises(Rejected) as caught:
        values_of(
            meant, kind=1, batch="B", currency=GBP,
            writing=Writing(defaults=replace(DEFAULTS, **{lost: ""})),
        )  # fmt: skip
    assert (caught.value.hold, caught.value.keys) == (hold, keys)


def test_gp_may_fill_the_distributions_itself():
    writing = Writing(defaults=Defaults(tax_detail="WEBTAX"), distributions_by_gp=True)
    assert "Distributions" not in values_of(
        draft(), kind=1, batch="B", currency=GBP, writing=writing
    )


def test_no_schedule_is_sent_without_tax_so_that_gp_works_none_out():
    free = draft(goods(tax_rate="0"), tax_schedule="UK-STD")
    taxed = draft(goods(), tax_schedule="UK-STD")
    one = values_of(free, kind=1, batch="B", currency=GBP, writing=WRITING)
    two = values_of(taxed, kind=1, batch="B", currency=GBP, writing=WRITING)
    assert "TaxScheduleId" not in one
    assert two["TaxScheduleId"] == "UK-STD"


def test_values_for_the_rate_only_go_with_a_foreign_currency():
    foreign = Currency(iso="EUR", currency_id="Z-EURO", rate=D("0.8500"), places=2)
    values = values_of(
        draft(rate_type="SELL"), kind=1, batch="B", currency=foreign, writing=WRITING
    )
    assert (values["CurrencyId"], values["ExchangeRate"]) == ("Z-EURO", "0.8500")
    assert values["RateTypeId"] == "SELL"
    own = values_of(draft(rate_type="SELL"), kind=1, batch="B", currency=GBP, writing=WRITING)
    assert not {"CurrencyId", "ExchangeRate", "RateTypeId"} & set(own)


@pytest.mark.parametrize(
    ("state", "voided", "status"),
    [
        ("Work", False, DocumentStatus.OPEN),
        ("Open", False, DocumentStatus.POSTED),
        ("history", False, DocumentStatus.POSTED),
        ("Open", True, DocumentStatus.CANCELED),
    ],
)
def test_states_of_documents(state, voided, status):
    row = {
        "DocumentType": 8, "DocumentNumber": "R1", "DocumentAmount": "12.00000",
        "TaxAmount": "2", "TransactionState": state, "IsVoided": voided, "CurrencyId": "",
        "DocumentDate": "2026-03-31T00:00:00", "GLPostingDate": "1900-01-01",
    }  # fmt: skip
    found = from_row(row, lambda currency_id: "GBP")
    assert (found.status, found.kind) == (status, DocumentKind.CREDIT_MEMO)
    assert (found.total_ex_tax, found.posting_date) == (D(10), None)
    assert found.document_date == date(2026, 3, 31)
    with pytest.raises(UnexpectedShape):
        from_row({**row, "TransactionState": "Limbo"}, lambda currency_id: "GBP")


@pytest.mark.parametrize(
    ("numbering", "key", "number"),
    [
        (Numbering(), "id:42", "WEB0000817"),
        (Numbering(rule="store"), "id:42", "WEB42"),
        (Numbering(rule="store"), "email:a@b.c", "WEBG0000817"),
        (Numbering(prefix="", digits=3), "id:42", "817"),
    ],
)
def test_customer_numbers_by_rule(numbering, key, number):
    assert numbering.number(customer(817, store_key=key)) == number


def test_a_customer_number_that_does_not_fit_is_held():
    with pytest.raises(Rejected) as caught:
        Numbering(rule="store", prefix="LONGONE").number(customer(store_key="id:123456789"))
    assert caught.value.hold == "mapping"


@given(st.emails())
def test_numbers_from_e_mail_addresses_fit_and_ignore_case(email):
    number = email_number(email)
    assert len(number) <= 15
    assert number == number.upper() == email_number(f" {email.upper()} ")


def test_batches_fit_and_follow_the_posting_date():
    batches = Batches(None, "WEBSHP", None)  # type: ignore[arg-type]
    assert batches.expected(date(2026, 3, 31)) == "WEBSHP260331-01"
    assert len(batches.expected(date(2026, 3, 31))) <= 15


def test_periods_of_the_sales_series():
    rows = [
        {"Series": series, "FirstDay": f"2026-{m:02d}-01", "LastDay": f"2026-{m:02d}-28",
         "Closed": closed}
        for series, m, closed in ((3, 2, False), (3, 1, True), (2, 1, False), (3, 3, True))
    ]  # fmt: skip
    known = periods.sales_periods(rows)
    assert [p.first.month for p in known] == [1, 2, 3]
    assert not periods.is_open(known, date(2026, 1, 5))
    assert periods.is_open(known, date(2026, 2, 5))
    assert not periods.is_open(known, date(2027, 2, 5))
    assert periods.first_open(known, date(2026, 1, 5)) == date(2026, 2, 1)
    assert periods.first_open(known, date(2026, 2, 5)) == date(2026, 2, 5)
    assert periods.first_open(known, date(2026, 3, 5)) is None


def test_every_property_has_its_field_and_the_same_length():
    lengths = {
        target: {field.name: field.max_length for field in fields}
        for target, fields in TARGET_FIELDS.items()
    }
    for names, target in (
        (CUSTOMER_PROPERTIES, Target.CUSTOMER),
        (SHIP_TO_PROPERTIES, Target.CUSTOMER),
        (DOCUMENT_PROPERTIES, Target.INVOICE),
    ):
        for name, (_, length) in names.items():
            assert lengths[target][name] == length, name
