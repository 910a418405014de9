"""Master data on bad days at the store: what stops the connection, what stops a row, what waits."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from connectors.errors import NeedsAttention, Rejected, TryLater, UnexpectedShape
from connectors.records import Party, PriceChange, ProductDraft, StockChange
from connectors.stores.adobe_commerce.connector import AdobeCommerce
from tests.connectors.adobe_commerce.conftest import Commerce

ANN = Party(external_id="", number="C1", name="Ann Lee", email="ann+1@example.test")
Act = Callable[[AdobeCommerce], Any]


def prices(store: AdobeCommerce) -> Any:
    (product,) = store.find_products(["TARP-3X3"])["TARP-3X3"]
    return store.write_prices([PriceChange(product=product, price=Decimal("3.5"))])


def stock(store: AdobeCommerce) -> Any:
    (product,) = store.find_products(["TARP-3X3"])["TARP-3X3"]
    return store.write_stock([StockChange(product=product, quantity=Decimal(3))])


def products(store: AdobeCommerce) -> Any:
    return store.write_products([ProductDraft(sku="NEW-1", name="New")])


def customers(store: AdobeCommerce) -> Any:
    return store.write_parties([ANN])


WRITES: list[tuple[Act, str]] = [
    (prices, "products/base-prices"),
    (stock, "inventory/source-items"),
    (products, "V1/products$"),
    (customers, "V1/customers$"),
]
READS: list[tuple[Act, str]] = [
    (lambda store: list(store.products()), "V1/products$"),
    (lambda store: store.find_products(["TARP-3X3"]), "V1/products$"),
    (lambda store: list(store.changed_parties(since=None)), "customers/search"),
    (lambda store: store.find_party("ann@example.test"), "customers/search"),
]
MISSING = (
    '{"message":"The consumer isn\'t authorized to access %resources.",'
    '"parameters":{"resources":"Magento_Catalog::products"}}'
)


@pytest.mark.parametrize(("act", "path"), WRITES)
def test_an_answer_that_never_came_leaves_the_row_for_the_next_run(paas: Commerce, act, path):
    store = paas.adapter()
    paas.simulator.fault("lose_reply", path=path, method="POST")
    (row,) = act(store)
    assert row.again
    assert not row.error
    (row,) = act(store)
    assert row.is_taken


@pytest.mark.parametrize(("act", "path"), WRITES)
@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"action": "throttle"}, TryLater),
        ({"action": "status", "status": 500}, TryLater),
        ({"action": "html"}, TryLater),
        ({"action": "status", "status": 401, "body": MISSING}, NeedsAttention),
        ({"action": "status", "status": 403, "body": "<h1>Blocked</h1>"}, NeedsAttention),
    ],
)
def test_what_concerns_the_whole_connection_is_raised(paas: Commerce, act, path, fault, expected):
    store = paas.adapter()
    paas.simulator.fault(path=path, method="POST", times=None, **fault)
    with pytest.raises(expected) as trouble:
        act(store)
    assert trouble.value.reason
    assert trouble.value.source == "store"


@pytest.mark.parametrize(("act", "path"), WRITES)
def test_a_refusal_is_the_rows_own_with_the_stores_words(paas: Commerce, act, path):
    store = paas.adapter()
    paas.simulator.fault(
        "status", path=path, method="POST", status=400, times=None,
        body='{"message":"The %1 is wrong today.","parameters":["value"]}',
    )  # fmt: skip
    (row,) = act(store)
    assert row.vendor_words == "The value is wrong today."
    assert row.error == Rejected.reason
    assert not row.again


@pytest.mark.parametrize(("act", "path"), READS)
@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        ("{not json", 200, UnexpectedShape),
        ("[]", 200, UnexpectedShape),
        ('{"items":[7],"total_count":1}', 200, UnexpectedShape),
        ('{"items":[{"email":"ann@example.test"}],"total_count":1}', 200, UnexpectedShape),
        (MISSING, 401, NeedsAttention),
        ("<h1>Gateway</h1>", 503, TryLater),
    ],
)
def test_each_trouble_of_a_reading_has_its_own_error(
    paas: Commerce, act, path, body, status, expected
):
    paas.simulator.fault("status", path=path, method="GET", status=status, body=body, times=None)
    with pytest.raises(expected):
        act(paas.adapter())


@pytest.mark.parametrize(("act", "path"), READS[:3])
def test_a_page_that_comes_again_and_again_ends(paas: Commerce, act, path):
    row = '{"id":7,"sku":"TARP-3X3","name":"n","email":"a@b.example","updated_at":"2026-01-01 00:00:00"}'
    body = '{"items":[' + row + '],"total_count":900}'
    paas.simulator.fault("status", path=path, method="GET", status=200, body=body, times=50)
    act(paas.adapter())
    assert len(paas.calls) < 5


def test_an_empty_store_is_one_empty_page(paas: Commerce):
    paas.simulator.fault(
        "status", path="V1/products$", status=200, body='{"items":[],"total_count":0}'
    )
    (page,) = paas.adapter().products()
    assert (page.rows, page.resume) == ((), "")


def test_prices_that_are_not_answered_by_a_list_are_told(paas: Commerce):
    store = paas.adapter()
    paas.simulator.fault("status", path="base-prices", status=200, body="true")
    with pytest.raises(UnexpectedShape):
        prices(store)


def test_a_bulk_whose_answer_is_lost_is_not_sent_again_at_once(paas: Commerce):
    store = paas.adapter(bulk="yes")
    drafts = [ProductDraft(sku=f"NEW-{n:03d}", name=f"New item {n}") for n in range(60)]
    paas.simulator.fault("lose_reply", path="async/bulk")
    assert all(row.again for row in store.write_products(drafts))
    assert len([c for c in paas.calls if "async" in c.url]) == 1
    while paas.simulator.get("state")["waiting_operations"]:
        pass
    assert all(row.is_taken for row in store.write_products(drafts))


def test_rows_that_a_bulk_would_not_take_go_one_by_one(paas: Commerce):
    store = paas.adapter(bulk="yes")
    drafts = [ProductDraft(sku=f"NEW-{n:03d}", name=f"New item {n}") for n in range(55)]
    paas.simulator.fault(
        "status", path="async/bulk", status=400, body='{"message":"Something went wrong"}'
    )
    assert all(row.is_taken for row in store.write_products(drafts))
