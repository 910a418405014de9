"""The Adobe Commerce simulator's orders, and that their amounts add up."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.sandbox.adobe_commerce.calls import Caller, parse, searching
from tests.support.simulators import Simulator


def identity(order: dict[str, Any], prefix: str) -> Decimal:
    long = "amnt" if prefix else "amount"
    names = (
        "subtotal",
        "discount_amount",
        "discount_tax_compensation_amount",
        "shipping_amount",
        f"shipping_discount_tax_compensation_{long}",
        "tax_amount",
    )
    extra = order["extension_attributes"]
    paid_otherwise = sum(
        extra.get(prefix + name, 0)
        for name in ("gift_cards_amount", "customer_balance_amount", "reward_currency_amount")
    )
    fees = sum(fee[f"{prefix}custom_fee_amount"] for fee in extra.get("custom_fees", ()))
    wrap = Decimal(extra.get(f"gw_{prefix}price", 0))
    return sum((Decimal(order[prefix + name]) for name in names), fees + wrap - paid_otherwise)


SPECS: list[dict[str, Any]] = [
    {},
    {"kind": "configurable", "coupon": {"code": "TEN", "percent": 10}},
    {"kind": "bundle_dynamic", "coupon": {"code": "FIVE", "amount": 5}},
    {"kind": "bundle_fixed", "store": "de"},
    {"kind": "virtual"},
    {"store": "us_en", "coupon": {"code": "TEN", "percent": 10}},
    {"country": "DE"},
    {"gift_card": {"amount": 20}, "store_credit": 3, "reward": "1.50"},
    {"gift_card": {"amount": 9999}},
    {"gift_wrap": "4.00", "fees": [{"name": "Recycling", "amount": "1.20"}], "store": "de"},
    {
        "lines": [{"sku": "WHISTLE", "quantity": 7}, {"sku": "TUBE-28", "quantity": 3}],
        "shipping": "4.95",
        "shipping_discount": "2.00",
    },
    {"lines": [{"sku": "ROPE-20", "quantity": "2.5"}, {"sku": "MAP-BEN", "quantity": 1}]},
]


@pytest.mark.parametrize("number", range(len(SPECS)))
def test_every_kind_of_order_adds_up_in_both_currencies(
    shop: Simulator, call: Caller, number: int
) -> None:
    placed = shop.post("orders", **SPECS[number])
    order = parse(call("GET", f"V1/orders/{placed['entity_id']}"))
    for prefix in ("base_", ""):
        assert identity(order, prefix) == order[f"{prefix}grand_total"]
        money = [
            item
            for item in order["items"]
            if not (item["product_type"] == "bundle" and item["sku"] == "CAMP-KITCHEN")
        ]
        assert sum(i[f"{prefix}row_total"] for i in money) == order[f"{prefix}subtotal"]
        tax = sum(i[f"{prefix}tax_amount"] for i in money) + order[f"{prefix}shipping_tax_amount"]
        assert tax == order[f"{prefix}tax_amount"]
    applied = order["extension_attributes"]["applied_taxes"]
    assert sum((row["amount"] for row in applied), Decimal(0)) == order["tax_amount"]
    invoices = parse(
        call("GET", "V1/invoices", searching(("order_id", "eq", str(order["entity_id"]))))
    )
    assert invoices["total_count"] == 1
    assert invoices["items"][0]["grand_total"] == order["grand_total"]
    assert invoices["items"][0]["state"] == 2
    assert ("shipping_address" in order) is False
    assert ("customer_id" in order) == (not order["customer_is_guest"])


def test_tax_in_the_price_leaves_a_compensation_when_discounted(
    shop: Simulator, call: Caller
) -> None:
    order = shop.post(
        "orders",
        lines=[{"sku": "TENT-2P-GRN", "quantity": 1, "price": "120"}],
        coupon={"code": "TEN", "percent": 10},
        shipping=0,
        customer={"guest": True, "email": "ann@example.test"},
    )
    assert order["subtotal"] == 100
    assert order["tax_amount"] == 18
    assert order["discount_amount"] == -12
    assert order["discount_tax_compensation_amount"] == 2
    assert order["grand_total"] == 108
    assert "customer_id" not in order


def test_rows_of_a_configurable_are_a_parent_with_money_and_a_child_with_the_same_sku(
    shop: Simulator,
) -> None:
    lines = [{"sku": "BOOT-M-42", "quantity": 2}]
    parent, child = shop.post("orders", lines=lines)["items"]
    assert (parent["product_type"], child["product_type"]) == ("configurable", "simple")
    assert parent["sku"] == child["sku"] == "BOOT-M-42"
    assert child["parent_item"]["item_id"] == child["parent_item_id"] == parent["item_id"]
    assert child["row_total"] == 0 < parent["row_total"]
    shop.post("settings", child_price="full")
    parent, child = shop.post("orders", lines=lines)["items"]
    assert child["row_total"] == parent["row_total"]


def test_the_same_number_may_exist_in_two_store_views_only(shop: Simulator) -> None:
    shop.post("orders", increment_id="000000777")
    shop.post("orders", increment_id="000000777", store="de")
    assert shop.get("state")["duplicates"]["increment_id"] == ["000000777"]
    with pytest.raises(Exception, match="400"):
        shop.post("orders", increment_id="000000777")
