"""Items, prices, stock and customers written into Adobe Commerce, over real HTTP."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Verdict
from connectors.errors import NeedsAttention, TryLater
from connectors.records import (
    PriceChange,
    ProductDraft,
    StockChange,
    StoreProduct,
)
from connectors.stores.adobe_commerce import catalog, failures, goods, stock
from connectors.stores.adobe_commerce.connector import AdobeCommerce
from tests.connectors.adobe_commerce.conftest import Commerce

PRICES, STOCK = "products/base-prices", "inventory/source-items"


def products_of(store: AdobeCommerce, *skus: str) -> list[StoreProduct]:
    found = store.find_products(skus)
    return [found[sku][0] for sku in skus]


def everything(store: AdobeCommerce) -> dict[str, StoreProduct]:
    return {row.sku: row for page in store.products() for row in page.rows}


def skus_for(store: AdobeCommerce, count: int) -> list[StoreProduct]:
    return [row for row in everything(store).values() if row.tracks_stock][:count]


def sent(commerce: Commerce, path: str) -> list[Any]:
    return [call for call in commerce.calls if call.method != "GET" and f"V1/{path}" in call.url]


def item(commerce: Commerce, sku: str) -> dict[str, Any]:
    return commerce.simulator.get(f"items/{quote(sku)}")


# Reading


def test_the_catalogue_comes_by_id_and_can_be_taken_up_again(commerce: Commerce):
    pages = list(commerce.adapter(page_size="10").products())
    assert len(pages) > 2
    skus = [row.sku for page in pages for row in page.rows]
    assert len(skus) == len(set(skus))
    assert {"TENT-2P-GRN", "POT-SET", "MAP-CYCLE", "BOOT-M-42"} <= set(skus)
    assert not {"BOOT-M", "CAMP-KITCHEN"} & set(skus)  # sold as their parts
    assert [bool(page.resume) for page in pages] == [True] * (len(pages) - 1) + [False]
    again = list(commerce.adapter(page_size="10").products(resume=pages[0].resume))
    assert [page.rows for page in again] == [page.rows for page in pages[1:]]


def test_a_reading_loses_nothing_while_products_come_and_go(paas: Commerce):
    store = paas.adapter(page_size="10")
    pages = store.products()
    first = next(pages)
    gone = first.rows[0].sku
    paas.simulator.post("items", sku=gone, delete=True)
    paas.simulator.post("items", sku="ZZ-NEW", name="Late one", price="5")
    seen = [row.sku for page in (first, *pages) for row in page.rows]
    assert len(seen) == len(set(seen))
    assert set(everything(store)) - set(seen) == set()


@pytest.mark.parametrize("past_last_page", ["empty", "repeat"])
def test_products_are_found_by_sku_in_any_spelling(commerce: Commerce, past_last_page):
    commerce.simulator.post("settings", past_last_page=past_last_page)
    odd = ("NUT, M6", "BOLT/M6+A", "KÄLTE 50%", "A&B=C'\"")
    for sku in odd:
        commerce.simulator.post("items", sku=sku, price="3")
    asked = ("tent-2p-grn", "GP-404", "BOOT-M", *odd)
    found = commerce.adapter(gtin_attribute="ean").find_products(asked)
    assert set(found) == {*asked} - {"GP-404"}
    assert found["tent-2p-grn"][0].sku == "TENT-2P-GRN"
    assert found["tent-2p-grn"][0].gtin
    assert (found["BOOT-M"][0].price, found["BOOT-M"][0].tracks_stock) == (None, False)
    assert [found[sku][0].sku for sku in odd] == list(odd)


def test_many_skus_are_asked_for_in_few_questions_that_an_address_has_room_for(paas: Commerce):
    skus = [f"NO SUCH ITEM/{number:05d}" for number in range(400)]
    assert paas.adapter().find_products([*skus, "TARP-3X3"]).keys() == {"TARP-3X3"}
    assert len(paas.calls) < 15
    assert max(len(call.url) for call in paas.calls) < 4_500


def test_products_are_found_by_barcode_where_the_store_has_a_place_for_it(paas: Commerce):
    store = paas.adapter(gtin_attribute="ean")
    gtin = products_of(store, "TENT-2P-GRN")[0].gtin
    found = store.find_products_by_gtin([gtin, "4000000000000"])
    assert [row.sku for row in found[gtin]] == ["TENT-2P-GRN"]
    assert list(found) == [gtin]
    assert paas.adapter().find_products_by_gtin([gtin]) == {}
    with pytest.raises(NeedsAttention) as trouble:
        paas.adapter(gtin_attribute="barcode").find_products_by_gtin([gtin])
    assert "barcode" in trouble.value.reason


def test_prices_with_noise_of_floats_are_read_as_they_were_meant(paas: Commerce):
    paas.simulator.post("settings", float_noise=True)
    assert products_of(paas.adapter(), "POWER-10K")[0].price == Decimal("29.99")


# Prices


@pytest.mark.parametrize("parameters", ["list", "object"])
def test_a_refused_price_stops_no_other(commerce: Commerce, parameters):
    commerce.simulator.post("settings", price_parameters=parameters)
    store = commerce.adapter()
    tarp, tent, mug = products_of(store, "TARP-3X3", "TENT-2P-GRN", "MUG-450")
    commerce.simulator.post("items", sku="MUG-450", delete=True)
    changes = [
        PriceChange(product=tarp, price=Decimal("61.25")),
        PriceChange(product=mug, price=Decimal("9.95")),
        PriceChange(product=tent, price=Decimal("199.5")),
        PriceChange(product=tent, price=Decimal(-1)),
        PriceChange(product=tent, price=Decimal(9), sale_price=Decimal(-8)),
        PriceChange(product=products_of(store, "BOOT-M")[0], price=Decimal(9)),
    ]
    results = store.write_prices(changes)
    assert [row.key for row in results] == [change.product.sku for change in changes]
    assert [row.is_taken for row in results] == [True, False, True, False, False, False]
    assert results[1].vendor_words == "Invalid attribute SKU = MUG-450."
    assert item(commerce, "TARP-3X3")["price"] == Decimal("61.25")
    assert item(commerce, "TENT-2P-GRN")["price"] == Decimal("199.5")
    assert len(sent(commerce, PRICES)) == 1


def test_a_failure_that_names_no_row_is_found_by_halves(paas: Commerce):
    store = paas.adapter()
    rows = skus_for(store, 8)
    paas.simulator.fault(
        "status", path=PRICES, status=200,
        body='[{"message":"Invalid attribute %fieldName = %fieldValue.",'
             '"parameters":["Price","12"],"extension_attributes":[]}]',
    )  # fmt: skip
    changes = [PriceChange(product=row, price=Decimal(12)) for row in rows]
    assert all(row.is_taken for row in store.write_prices(changes))
    assert len(sent(paas, PRICES)) == 3


def test_a_stores_own_limit_of_rows_is_kept_from_then_on(commerce: Commerce):
    commerce.simulator.post("settings", input_limits=True, limit_array=7)
    store = commerce.adapter()
    rows = skus_for(store, 20)
    results = store.write_prices([PriceChange(product=r, price=Decimal("3.5")) for r in rows])
    assert [row.is_taken for row in results] == [True] * 20
    assert len(sent(commerce, PRICES)) == 1 + 3
    store.write_stock([StockChange(product=r, quantity=Decimal(4)) for r in rows])
    assert len(sent(commerce, STOCK)) == 3


def test_prices_of_one_website_are_read_and_written_there(paas: Commerce):
    paas.simulator.post("settings", price_scope="website")
    store = paas.adapter(price_store_id="3")
    (tarp,) = products_of(store, "TARP-3X3")
    before = tarp.price
    assert store.write_prices([PriceChange(product=tarp, price=Decimal("77.7"))])[0].is_taken
    assert products_of(store, "TARP-3X3")[0].price == Decimal("77.7")
    assert products_of(paas.adapter(), "TARP-3X3")[0].price == before
    with pytest.raises(NeedsAttention):
        paas.adapter(price_store_id="9").find_products(["TARP-3X3"])


# Stock


def test_stock_is_absolute_at_its_source_with_the_status_that_belongs_to_it(commerce: Commerce):
    store = commerce.adapter()
    tarp, tent, boots = products_of(store, "TARP-3X3", "TENT-2P-GRN", "BOOT-M")
    results = store.write_stock(
        [
            StockChange(product=tarp, quantity=Decimal(41)),
            StockChange(product=tent, quantity=Decimal(0), location="shop"),
            StockChange(product=replace(tent, sku="GHOST"), quantity=Decimal(1)),
            StockChange(product=boots, quantity=Decimal(1)),
            StockChange(product=replace(tarp, sku=" tarp-3x3 "), quantity=Decimal(3), location="shop"),
        ]
    )  # fmt: skip
    assert [row.error for row in results] == ["", "", stock.GONE, stock.NOT_COUNTED, ""]
    assert item(commerce, "TARP-3X3")["sources"] == {
        "default": {"quantity": 41, "status": 1},
        "shop": {"quantity": 3, "status": 1},
    }
    assert item(commerce, "TENT-2P-GRN")["sources"]["shop"] == {"quantity": 0, "status": 0}
    assert commerce.simulator.get("state")["orphan_source_items"] == []


def test_an_unknown_source_is_the_routes_trouble_and_nothing_is_sent(paas: Commerce):
    store = paas.adapter()
    (tarp,) = products_of(store, "TARP-3X3")
    with pytest.raises(NeedsAttention) as trouble:
        store.write_stock([StockChange(product=tarp, quantity=Decimal(1), location="moon")])
    assert "moon" in trouble.value.reason
    assert sent(paas, STOCK) == []


def test_a_row_that_fails_the_whole_call_stands_alone_in_the_end(paas: Commerce, monkeypatch):
    """A product that was deleted after it was looked up, in a version that refuses such rows."""
    paas.simulator.post("settings", unknown_stock_sku="refuse")
    store = paas.adapter()
    rows = skus_for(store, 9)
    known = {goods.sku_key(row.sku): (row.sku, "simple") for row in rows}
    monkeypatch.setattr(stock, "_known", lambda reader, part: known)
    paas.simulator.post("items", sku=rows[4].sku, delete=True)
    results = store.write_stock([StockChange(product=r, quantity=Decimal(6)) for r in rows])
    assert [row.key for row in results] == [row.sku for row in rows]
    assert [at for at, row in enumerate(results) if not row.is_taken] == [4]
    assert results[4].vendor_words == "Could not save Source Item"
    assert item(paas, rows[8].sku)["sources"]["default"]["quantity"] == 6


def test_what_was_not_reached_comes_again(paas: Commerce):
    store = paas.adapter(batch_size="3")
    rows = skus_for(store, 9)
    changes = [PriceChange(product=r, price=Decimal("2.5")) for r in rows]
    paas.simulator.fault("lose_reply", path=PRICES, skip=1)
    results = store.write_prices(changes)
    assert [row.again for row in results] == [False] * 3 + [True] * 6
    paas.simulator.post("faults/clear")
    assert all(row.is_taken for row in store.write_prices(changes))
    paas.simulator.fault("status", path=PRICES, status=503, times=None)
    with pytest.raises(TryLater):
        paas.adapter().write_prices(changes)


# Products


def test_a_new_product_is_disabled_and_belongs_to_the_connections_websites(commerce: Commerce):
    draft = ProductDraft(
        sku="GP/ITEM+1 50%", name="Folding stool", description="Ash wood", gtin="4006381333931",
        price=Decimal("24.90"), weight=Decimal("1.2"), fields={"meta_title": "Stool"},
    )  # fmt: skip
    store = commerce.adapter(gtin_attribute="ean", store_ids="3")
    (result,) = store.write_products([draft])
    assert result.is_taken
    made = item(commerce, draft.sku)
    assert result.external_id == str(made["id"])
    assert (made["status"], made["attribute_set_id"], made["type_id"]) == (2, 4, "simple")
    assert made["extension_attributes"]["website_ids"] == [2]
    custom = {a["attribute_code"]: a["value"] for a in made["custom_attributes"]}
    assert custom["ean"] == draft.gtin
    assert custom["meta_title"] == "Stool"
    assert custom["url_key"] == "folding-stool-gp-item-1-50"
    (found,) = store.find_products([draft.sku])[draft.sku]
    assert (found.price, found.is_visible, found.gtin) == (Decimal("24.90"), False, draft.gtin)


def test_an_existing_product_keeps_what_is_the_merchants(commerce: Commerce):
    store = commerce.adapter(attribute_set="Clothing")
    before = item(commerce, "TARP-3X3")
    (tarp,) = products_of(store, "TARP-3X3")
    known = ProductDraft(sku="TARP-3X3", name="Tarp, three by three", product=tarp)
    unknown = ProductDraft(sku="tent-2p-grn", name="Tent, green", price=Decimal(1))
    results = store.write_products(
        [known, unknown, ProductDraft(sku="N" * 65, name="n"), ProductDraft(sku="X", name=" ")]
    )
    assert [row.is_taken for row in results] == [True, True, False, False]
    after = item(commerce, "TARP-3X3")
    assert after["name"] == "Tarp, three by three"
    assert after["overrides"] == {}
    for name in ("price", "status", "attribute_set_id", "custom_attributes"):
        assert after[name] == before[name]
    # It was made by somebody meanwhile: it is not disabled, its price is not touched.
    tent = item(commerce, "TENT-2P-GRN")
    assert (tent["status"], tent["name"]) == (1, "Tent, green")
    assert tent["price"] != 1


def test_an_unknown_attribute_set_stops_new_products_with_words(paas: Commerce):
    store = paas.adapter(attribute_set="Furniture")
    with pytest.raises(NeedsAttention) as trouble:
        store.write_products([ProductDraft(sku="NEW-1", name="New")])
    assert "Furniture" in trouble.value.reason


# Bulks


def bulk_store(commerce: Commerce, **more: str) -> AdobeCommerce:
    return commerce.adapter(bulk="yes", **more)


def test_many_products_and_levels_go_through_the_queue(commerce: Commerce):
    store = bulk_store(commerce)
    drafts = [ProductDraft(sku=f"NEW-{n:03d}", name=f"New item {n}") for n in range(60)]
    results = store.write_products([*drafts, replace(drafts[0], name="Twice")])
    assert [row.key for row in results] == [*(draft.sku for draft in drafts), "NEW-000"]
    assert all(row.is_taken for row in results)
    assert item(commerce, "NEW-000")["name"] == "Twice"
    assert [c for c in commerce.calls if c.method == "POST" and "async" not in c.url
            and "token" not in c.url] == []  # fmt: skip
    rows = skus_for(store, 55)
    changes = [StockChange(product=row, quantity=Decimal(8)) for row in rows]
    ghost = StockChange(product=replace(rows[0], sku="GHOST"), quantity=Decimal(1))
    results = store.write_stock([*changes, ghost])
    assert [row.error for row in results] == [""] * 55 + [stock.GONE]
    assert item(commerce, rows[7].sku)["sources"]["default"]["quantity"] == 8


def test_rows_that_fail_in_the_queue_are_told_by_their_sku(paas: Commerce):
    store = bulk_store(paas)
    drafts = [ProductDraft(sku=f"NEW-{n:03d}", name=f"New item {n}") for n in range(60)]
    drafts[17] = replace(drafts[17], price=Decimal(-5))
    results = store.write_products(drafts)
    assert [row.key for row in results if not row.is_taken] == ["NEW-017"]
    assert "not negative" in results[17].vendor_words


def test_a_queue_that_stands_still_is_waited_for_and_told(paas: Commerce):
    store = bulk_store(paas, bulk_wait_seconds="1")
    paas.simulator.post("settings", consumers=False)
    drafts = [ProductDraft(sku=f"NEW-{n:03d}", name=f"New item {n}") for n in range(60)]
    results = store.write_products(drafts)
    assert all(row.again for row in results)
    with pytest.raises(TryLater) as trouble:
        bulk_store(paas).write_products(drafts)
    assert "consumers" in trouble.value.advice
    paas.simulator.post("settings", consumers=True)
    while paas.simulator.get("state")["waiting_operations"]:
        pass
    assert all(row.is_taken for row in bulk_store(paas).write_products(drafts))


def test_the_stores_limit_for_bulks_is_kept(paas: Commerce):
    paas.simulator.post("settings", input_limits=True, limit_async_array=25)
    drafts = [ProductDraft(sku=f"NEW-{n:03d}", name=f"New item {n}") for n in range(60)]
    assert all(row.is_taken for row in bulk_store(paas).write_products(drafts))
    assert len(sent(paas, "products")) == 1 + 3


# Ping


def test_a_ping_tells_what_master_data_needs_and_offers_attribute_sets(commerce: Commerce):
    ping = commerce.adapter().ping()
    assert ping.is_healthy
    assert {"Read products", "Read stock sources", "Read customers"} <= {
        c.name for c in ping.checks
    }
    assert ping.choices["attribute_set"] == (("Clothing", "Clothing"), ("Default", "Default"))
    assert "shop Kendal shop" in ping.facts["Stock sources"]


def test_a_connection_for_orders_alone_needs_no_rights_to_the_catalogue(paas: Commerce):
    paas.simulator.post("integrations", resources=["Magento_Sales::actions_view"])
    checks = {check.name: check for check in paas.adapter().ping().checks}
    assert checks["Read products"].verdict is Verdict.SKIPPED
    with pytest.raises(NeedsAttention) as trouble:
        paas.adapter().find_products(["TARP-3X3"])
    assert trouble.value.code == "missing_permission"


# Pure


_skus = st.text(alphabet="AB09-/ ", min_size=1, max_size=6).filter(lambda text: text.strip())


@given(st.lists(_skus, min_size=1, max_size=12, unique_by=goods.sku_key), st.data())
def test_failed_prices_are_put_to_exactly_their_rows(skus, data):
    bad = data.draw(st.sets(st.sampled_from(skus)))
    message = "Invalid attribute %fieldName = %fieldValue."
    told = [
        {"message": message, "parameters": {"fieldName": "SKU", "fieldValue": sku}} for sku in bad
    ]
    found = failures.failed(skus, told, reason="Refused.", what="base-prices")
    assert {skus[place] for place in found} == bad
    assert all(found[place].vendor_words.endswith(f"{found[place].key}.") for place in found)


@given(st.lists(_skus, max_size=300))
def test_no_sku_is_left_out_of_the_questions(skus):
    class Pages:
        page_size = 100

    asked = list(catalog._questions("sku", skus, Pages()))  # type: ignore[arg-type]
    assert {s for _, _, text in asked for s in text.split(",")} == {sku.strip() for sku in skus}
