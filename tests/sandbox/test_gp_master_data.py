"""The GP simulator's items, quantities and customers: order of lists, bulk changes, 100,000 rows."""

from __future__ import annotations

from decimal import Decimal

import pytest

from sandbox.common.assortment import made
from sandbox.common.clock import Clock
from sandbox.common.journal import Journal
from sandbox.gp import goods
from sandbox.gp.company import Company


@pytest.fixture
def company() -> Company:
    return Company(2, "ACME", "Acme", journal=Journal(None), clock=Clock(), items=200, customers=30)


def test_there_are_as_many_items_and_customers_as_asked_for(company):
    assert len(company.tables["items"]) == 264
    product = made(200)
    item = company.get("items", product.sku)
    assert item["Description"] == product.name
    assert Decimal(item["ListPrice"]) == (product.price_inc_tax / Decimal("1.2")).quantize(
        Decimal("0.01")
    )
    assert len(company.tables["customers"]) == 42
    assert len(company.below("addresses", "cust00042")) == 1


def test_lists_are_in_the_order_of_their_key(company):
    goods.change(company, {"number": "AAA-NEW"}, bool)
    for table, names in (
        ("items", ("ItemNumber",)),
        ("item_sites", ("ItemNumber", "SiteId")),
        ("item_prices", ("ItemNumber", "PriceLevelId")),
    ):
        keys = [tuple(row[name].upper() for name in names) for row in company.rows(table)]
        assert keys == sorted(keys)
        assert keys[0][0] == "AAA-NEW"


def test_sites_of_an_item_are_not_those_of_one_that_begins_alike(company):
    for number in ("AB", "AB-1", "ABC"):
        goods.change(company, {"number": number}, bool)
    assert {row["ItemNumber"] for row in company.below("item_sites", "AB")} == {"AB"}
    assert len(company.below("item_sites", "AB ")) == 3
    goods.change(company, {"number": "AB", "delete": True}, bool)
    assert company.below("item_sites", "AB") == []
    assert company.get("items", "AB") is None


def test_a_price_and_a_quantity_of_one_item(company):
    goods.change(company, {"number": "MUG-450", "price": "10", "stock": 3}, bool)
    assert company.get("items", "MUG-450")["ListPrice"] == "10.00000"
    prices = {r["PriceLevelId"]: r["Price"] for r in company.below("item_prices", "MUG-450")}
    assert prices == {"RETAIL": "10.00000", "TRADE": "8.00000"}
    quantities = {r["SiteId"]: r["QuantityOnHand"] for r in company.below("item_sites", "MUG-450")}
    assert quantities == {"": "18.00000", "MAIN": "3.00000", "WEB": "15.00000"}


def test_a_share_of_all_items_changes(company):
    done = goods.change_many(company, {"share": "5"})
    assert done["changed"] == 13
    item = company.get("items", done["first"][1])
    assert item["Description"].endswith(", edition 2")
    assert item["ModifiedDate"] == company.today().isoformat()
    with pytest.raises(ValueError, match="colour"):
        goods.change_many(company, {"what": "colour"})


def test_a_selection_is_kept_until_its_table_changes(company):
    calls = []

    def fits(row):
        calls.append(row)
        return row["ClassId"] == "BOOKS"

    first = company.selected("items", (("ClassId", "BOOKS"),), fits)
    looked = len(calls)
    assert company.selected("items", (("ClassId", "BOOKS"),), fits) is first
    assert len(calls) == looked
    goods.change(company, {"number": "BOOK-NEW", "vat": "ZERO"}, bool)
    assert len(company.selected("items", (("ClassId", "BOOKS"),), fits)) == len(first) + 1
