"""Products, prices and stock over real HTTP: batches, refusals, and what each kind of product
comes to."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import NeedsAttention, Rejected, TryLater
from connectors.records import PriceChange, ProductDraft, RowResult, StockChange, StoreProduct
from connectors.stores.bigcommerce import stock
from connectors.stores.bigcommerce.batches import send
from connectors.stores.bigcommerce.errors import BatchRefused
from sandbox.common.assortment import made
from sandbox.common.catalogue import BY_SKU
from tests.connectors.bigcommerce.conftest import PRODUCTS, Shop

D = Decimal


def everything(shop: Shop) -> list[StoreProduct]:
    return [product for page in shop.adapter().products() for product in page.rows]


def one(shop: Shop, sku: str) -> StoreProduct:
    (product,) = shop.adapter().find_products([sku])[sku]
    return product


def wait_for(probe, wanted) -> None:
    for _ in range(60):
        if probe() == wanted:
            return
        threading.Event().wait(0.05)
    assert probe() == wanted


# Reading


def test_the_whole_catalogue_is_read_by_id_with_what_shoppers_see(shop: Shop):
    rows = everything(shop)
    assert len(rows) == PRODUCTS == len({row.sku for row in rows})
    tent = next(row for row in rows if row.sku == "TENT-2P-GRN")
    assert (tent.price, tent.sale_price, tent.stock) == (D("249.99"), None, D(25))
    assert (tent.name, tent.gtin) == (BY_SKU["TENT-2P-GRN"].name, "5000123450008")
    assert tent.tracks_stock
    assert tent.is_visible
    assert not tent.variant_id
    assert tent.modified_at
    assert tent.modified_at.tzinfo


def test_a_reading_goes_on_in_another_process_and_loses_nothing_to_changes(shop: Shop):
    first = next(shop.adapter().products())
    assert first.resume
    # Deleted before the place reached, changed behind it, and a new one: no page number moves.
    gone = [row.sku for row in first.rows[:3]]
    for sku in gone:
        shop.simulator.post("products/delete", sku=sku)
    shop.simulator.post("products/change-some", share=0.2, what="name,price,stock")
    shop.make("NEW-1")
    rest = [p for page in shop.adapter().products(resume=first.resume) for p in page.rows]
    seen = {row.sku for row in first.rows} | {row.sku for row in rest}
    assert len(first.rows) + len(rest) == len(seen) == PRODUCTS + 1
    assert "NEW-1" in seen
    pages = list(shop.adapter().products(resume=first.resume))
    assert [bool(page.resume) for page in pages] == [True] * (len(pages) - 1) + [False]


def test_products_are_found_by_sku_in_any_case_together_and_variants_too(shop: Shop):
    shop.make("TEE", "TEE-S", "TEE-M", inventory_tracking="variant")
    skus = ["tent-2p-grn", "SPORK-TI", "TEE-M", "NOT-THERE", "OUT-000007"]
    found = shop.adapter().find_products(skus)
    assert set(found) == {"tent-2p-grn", "SPORK-TI", "TEE-M", "OUT-000007"}
    assert found["TEE-M"][0].variant_id
    assert found["OUT-000007"][0].name == made(7).name
    assert len(shop.sent("GET", "sku%3Ain")) == 1


def test_many_skus_of_variants_cost_one_look_through_the_catalogue(shop: Shop):
    sizes = [f"SOCK-{size}" for size in range(40)]
    shop.make("SOCK", *sizes, inventory_tracking="variant")
    adapter = shop.adapter()
    found = adapter.find_products(sizes)
    assert set(found) == set(sizes)
    assert len(shop.sent("GET", "/catalog/")) < 10
    shop.calls.clear()
    assert set(adapter.find_products([*sizes[:20], "MISSING"])) == set(sizes[:20])
    assert len(shop.sent("GET", "/catalog/")) < 4


def test_a_sku_that_several_products_share_gives_them_all(shop: Shop):
    shop.make("TWICE")
    shop.make("TWICE", name="The other one", as_before=True)
    found = shop.adapter().find_products(["TWICE"])["TWICE"]
    assert {product.name for product in found} == {"Product TWICE", "The other one"}


def test_products_are_found_by_barcode_with_or_without_leading_zeros(shop: Shop):
    found = shop.adapter().find_products_by_gtin(["5000123450008", "4006381333931"])
    assert [product.sku for product in found["5000123450008"]] == ["TENT-2P-GRN"]
    assert list(found) == ["5000123450008"]
    many = {made(number).gtin: made(number).sku for number in range(1, 30)}
    adapter = shop.adapter()
    found = adapter.find_products_by_gtin([f"0{code}" for code in many])
    assert {code[1:]: rows[0].sku for code, rows in found.items()} == many


# What each kind of product comes to


def test_a_variant_inherits_until_it_is_given_a_price_of_its_own(shop: Shop):
    shop.make("TEE", "TEE-S", "TEE-M", sale_price="15.00")
    small = one(shop, "TEE-S")
    assert (small.price, small.sale_price) == (None, D(15))
    (result,) = shop.adapter().write_prices([PriceChange(product=small, price=D("22.50"))])
    assert result.is_taken
    assert shop.variant("TEE-S")["price"] == D("22.50")
    assert shop.variant("TEE-M")["price"] is None
    assert shop.product("TEE-S")["price"] == D(20)
    assert one(shop, "TEE-S").price == D("22.50")
    assert one(shop, "TEE-S").sale_price == D(15), "the merchant's own offer stays"


def test_a_price_goes_to_the_product_or_to_a_base_variant_that_overrides_it(shop: Shop):
    plain, overriding = one(shop, "SPORK-TI"), "MUG-450"
    shop.simulator.post("products", sku=overriding, variant=True, price="3.33")
    mug = one(shop, overriding)
    assert (mug.price, bool(mug.variant_id)) == (D("3.33"), True)
    results = shop.adapter().write_prices(
        [
            PriceChange(product=plain, price=D("9.99"), sale_price=D("8.88")),
            PriceChange(product=mug, price=D("12.34")),
        ]
    )
    assert all(result.is_taken for result in results)
    product = shop.product("SPORK-TI")
    assert (product["price"], product["sale_price"]) == (D("9.99"), D("8.88"))
    assert shop.product("SPORK-TI")["variants"][0]["price"] is None
    assert one(shop, overriding).price == D("12.34")
    (result,) = shop.adapter().write_prices(
        [PriceChange(product=plain, price=D("9.99"), sale_price=D(0))]
    )
    assert result.is_taken
    assert one(shop, "SPORK-TI").sale_price is None
    # Names are the product's, even where the price is the base variant's.
    draft = ProductDraft(sku=overriding, name="Mug, renamed", product=one(shop, overriding))
    assert shop.adapter().write_products([draft])[0].is_taken
    assert shop.product(overriding)["name"] == "Mug, renamed"


@pytest.mark.parametrize(
    ("tracking", "sku", "words"),
    [
        ("none", "TEE-S", stock.NOT_COUNTED),
        ("product", "TEE-S", stock.COUNTED_AS_ONE),
        ("variant", "TEE", "by variant"),
    ],
)
def test_stock_that_the_store_does_not_count_so_is_refused_in_words(
    shop: Shop, tracking, sku, words
):
    shop.make("TEE", "TEE-S", "TEE-M", inventory_tracking=tracking)
    product = one(shop, sku)
    assert product.tracks_stock is (tracking != "none")
    assert (product.stock is None) is (tracking == "none")
    tent = one(shop, "TENT-2P-GRN")
    results = shop.adapter().write_stock(
        [StockChange(product=product, quantity=D(4)), StockChange(product=tent, quantity=D(9))]
    )
    assert words in results[0].error
    assert (results[0].key, results[1].is_taken) == (sku, True)
    assert shop.product("TENT-2P-GRN")["inventory_level"] == 9


def test_stock_goes_where_the_store_counts_it(shop: Shop):
    shop.make("TEE", "TEE-S", "TEE-M", inventory_tracking="variant")
    shop.make("CAP", "CAP-S", "CAP-M", inventory_tracking="product")
    shop.simulator.post("products", sku="SPORK-TI", tracking="variant")
    changes = [
        StockChange(product=one(shop, "TEE-M"), quantity=D("7.9")),
        StockChange(product=one(shop, "CAP"), quantity=D(11)),
        StockChange(product=one(shop, "SPORK-TI"), quantity=D(-3)),
        StockChange(product=one(shop, "MUG-450"), quantity=D(5), location="2"),
    ]
    results = shop.adapter().write_stock(changes)
    assert [result.error for result in results] == [""] * 4
    assert shop.variant("TEE-M")["stock"] == {"1": 7}
    assert shop.product("CAP-S")["stock"]["1"] == 11
    assert shop.variant("SPORK-TI")["stock"] == {"1": 0}
    assert shop.product("MUG-450")["stock"] == {"1": 25, "2": 5}
    assert one(shop, "CAP-S").stock == D(11)


def test_a_product_that_is_gone_is_a_refused_row(shop: Shop):
    product = one(shop, "SPORK-TI")
    shop.simulator.post("products/delete", sku="SPORK-TI")
    adapter = shop.adapter()
    (level,) = adapter.write_stock([StockChange(product=product, quantity=D(1))])
    assert level.error == stock.GONE
    tent = one(shop, "TENT-2P-GRN")
    prices = adapter.write_prices(
        [PriceChange(product=product, price=D(1)), PriceChange(product=tent, price=D(2))]
    )
    assert (bool(prices[0].error), prices[1].is_taken) == (True, True)
    assert "not found" in prices[0].vendor_words


def test_a_location_that_the_store_does_not_have_is_a_matter_of_settings(shop: Shop):
    rows = [one(shop, sku) for sku in ("SPORK-TI", "MUG-450")]
    with pytest.raises(NeedsAttention) as caught:
        shop.adapter().write_stock(
            [StockChange(product=row, quantity=D(1), location="77") for row in rows]
        )
    assert caught.value.code == "settings"
    (result,) = shop.adapter().write_stock(
        [StockChange(product=rows[0], quantity=D(1), location="EAST")]
    )
    assert result.error == stock.NO_LOCATION


# Batches


def test_batches_have_the_vendors_sizes_and_a_bad_row_stops_no_other(shop: Shop):
    rows = [row for row in everything(shop) if row.sku.startswith("OUT-")][:35]
    changes = [
        PriceChange(product=row, price=D(-1) if place in (4, 17) else D(place + 1))
        for place, row in enumerate(rows)
    ]
    shop.calls.clear()
    results = shop.adapter().write_prices(changes)
    assert [result.key for result in results] == [row.sku for row in rows]
    assert [at for at, result in enumerate(results) if result.error] == [4, 17]
    assert "negative" in results[4].vendor_words
    assert shop.product(rows[34].sku)["price"] == D(35)
    assert len(shop.sent("PUT", "/catalog/products")) == 4 + 2, "the named rows are left out"


def test_a_variant_that_is_refused_is_found_by_halves(shop: Shop):
    sizes = [f"SOCK-{size}" for size in range(60)]
    shop.make("SOCK", *sizes, inventory_tracking="variant")
    adapter = shop.adapter()
    found = adapter.find_products(sizes)
    shop.calls.clear()
    results = adapter.write_prices(
        [
            PriceChange(product=found[sku][0], price=D(-1) if sku == "SOCK-33" else D("5.55"))
            for sku in sizes
        ]
    )
    assert [result.key for result in results if result.error] == ["SOCK-33"]
    assert shop.variant("SOCK-59")["price"] == D("5.55")
    assert len(shop.sent("PUT", "/catalog/variants")) < 16


def test_large_batches_of_stock_arrive_and_a_refused_one_is_found_by_its_words(shop: Shop):
    rows = [row for row in everything(shop) if row.sku.startswith("OUT-")]
    shop.calls.clear()
    results = shop.adapter().write_stock([StockChange(product=row, quantity=D(1)) for row in rows])
    assert all(result.is_taken for result in results)
    assert len(shop.sent("PUT", "/inventory/")) == 1
    wait_for(lambda: shop.product(rows[-1].sku)["inventory_level"], 1)
    batch = [(StockChange(product=row, quantity=D(1)), {"product_id": int(row.product_id)})
             for row in rows[:3]]  # fmt: skip
    error = Rejected("x", vendor_words=f"Items with identity: [product_id {rows[1].product_id}]")
    assert set(stock._named(error, batch)) == {1}


def test_what_was_not_reached_comes_back_to_be_sent_again(shop: Shop):
    rows = [row for row in everything(shop) if row.sku.startswith("OUT-")][:25]
    shop.simulator.fault("throttle", method="PUT", path="catalog/products", skip=1, times=None)
    results = shop.adapter().write_prices([PriceChange(product=row, price=D(7)) for row in rows])
    assert [result.is_taken for result in results] == [True] * 10 + [False] * 15
    assert all(result.again and not result.error for result in results[10:])
    with pytest.raises(TryLater):
        shop.adapter().write_prices([PriceChange(product=rows[0], price=D(7))])


def test_a_lost_answer_is_sent_again_because_it_harms_nothing(shop: Shop):
    product = one(shop, "SPORK-TI")
    shop.simulator.fault("lose_reply", method="PUT", path="catalog/products")
    change = PriceChange(product=product, price=D("6.66"))
    (result,) = shop.adapter().write_prices([change])
    assert result.again
    (result,) = shop.adapter().write_prices([change])
    assert result.is_taken


def test_a_missing_scope_concerns_the_connection(shop: Shop):
    shop.simulator.post("accounts", token="reader", scopes=["products_read_only", "information"])
    adapter = shop.adapter(access_token="reader")
    product = adapter.find_products(["SPORK-TI"])["SPORK-TI"][0]
    for write in (
        lambda: adapter.write_prices([PriceChange(product=product, price=D(1))]),
        lambda: adapter.write_stock([StockChange(product=product, quantity=D(1))]),
    ):
        with pytest.raises(NeedsAttention) as caught:
            write()
        assert caught.value.code == "missing_permission"


@given(bad=st.sets(st.integers(0, 99)), size=st.integers(1, 50), names=st.booleans())
def test_every_bad_row_and_no_other_is_refused_whatever_the_batches(bad, size, names):
    written: list[int] = []

    def write(batch):
        at_fault = {at: f"row {row}" for at, row in enumerate(batch) if row in bad}
        if at_fault:
            raise BatchRefused("no", rows=at_fault if names else {}, vendor_words="no")
        assert len(batch) <= size
        written.extend(batch)
        return {at: str(row) for at, row in enumerate(batch)}

    results = send(range(100), size=size, key=str, write=write)
    assert {int(result.key) for result in results if result.error} == bad
    assert [result.key for result in results] == [str(row) for row in range(100)]
    assert sorted(written) == sorted(set(range(100)) - bad)
    assert all(result.external_id == result.key for result in results if result.is_taken)


# New products


def test_a_product_is_created_hidden_counted_and_found_afterwards(shop: Shop):
    draft = ProductDraft(
        sku="SPARE-POLE", name="Spare tent pole", gtin="5000099000031", price=D("12.00"),
        weight=D("0.4"), fields={"categories": "23,24", "mpn": "SP-1"},
    )  # fmt: skip
    adapter = shop.adapter()
    assert adapter.find_products(["SPARE-POLE"]) == {}
    (result,) = adapter.write_products([draft])
    assert result == RowResult(key="SPARE-POLE", external_id=result.external_id)
    product = shop.product("SPARE-POLE")
    assert (product["is_visible"], product["inventory_tracking"]) == (False, "product")
    assert (product["inventory_level"], product["price"]) == (0, D(12))
    assert (product["categories"], product["mpn"]) == ([23, 24], "SP-1")
    found = one(shop, "SPARE-POLE")
    assert (found.product_id, found.gtin) == (result.external_id, "5000099000031")


def test_creating_again_after_a_lost_answer_makes_no_second_product(shop: Shop):
    draft = ProductDraft(sku="SPARE-POLE", name="Spare tent pole", price=D(12))
    shop.simulator.fault("lose_reply", method="POST", path="catalog/products")
    (result,) = shop.adapter().write_products([draft])
    assert result.again
    (result,) = shop.adapter().write_products([draft])
    assert result.is_taken
    assert result.external_id == str(shop.product("SPARE-POLE")["id"])


def test_a_name_or_sku_of_another_product_and_a_draft_that_cannot_be_are_refused(shop: Shop):
    tent = BY_SKU["TENT-2P-GRN"]
    results = shop.adapter().write_products(
        [
            ProductDraft(sku="X-1", name=tent.name),
            ProductDraft(sku=tent.sku, name="Another tent"),
            ProductDraft(sku="X-2", name=""),
            ProductDraft(sku="X-3", name="N" * 251),
            ProductDraft(sku="X-4", name="Four", fields={"colour": "blue"}),
            ProductDraft(sku="X-5", name="Five", fields={"categories": "shoes"}),
            ProductDraft(sku="X-6", name="Six", gtin="1" * 15),
            ProductDraft(sku="X-7", name="Seven"),
        ]
    )
    assert [bool(result.error) for result in results] == [True] * 7 + [False]
    assert "duplicate" in results[0].vendor_words
    assert "“colour”" in results[4].error
    assert "14 characters" in results[6].vendor_words


def test_names_and_texts_are_brought_into_agreement_and_nothing_is_emptied(shop: Shop):
    shop.make("TEE", "TEE-S", "TEE-M", description="<p>Ours</p>")
    shop.simulator.post("products", sku="SPORK-TI", is_visible="0")
    adapter = shop.adapter()
    results = adapter.write_products(
        [
            ProductDraft(sku="SPORK-TI", name="Spork, titanium", product=one(shop, "SPORK-TI")),
            ProductDraft(sku="TEE-S", name="Tee, small", gtin="5000099000055",
                         product=one(shop, "TEE-S")),
            ProductDraft(sku="TEE-M", name="Tee, medium", product=one(shop, "TEE-M")),
        ]
    )  # fmt: skip
    assert [result.is_taken for result in results] == [True] * 3
    spork, tee = shop.product("SPORK-TI"), shop.product("TEE-S")
    assert (spork["name"], spork["is_visible"]) == ("Spork, titanium", False)
    assert spork["price"] == BY_SKU["SPORK-TI"].price_inc_tax
    assert (tee["name"], tee["description"]) == ("Product TEE", "<p>Ours</p>")
    assert shop.variant("TEE-S")["upc"] == "5000099000055"
