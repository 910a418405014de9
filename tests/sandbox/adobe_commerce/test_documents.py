"""The Adobe Commerce simulator's invoices, credit memos, states and comments."""

from __future__ import annotations

from decimal import Decimal

from tests.sandbox.adobe_commerce.calls import Caller, parse, searching
from tests.support.simulators import Simulator


def test_parts_of_an_invoice_add_up_to_the_order(shop: Simulator, call: Caller) -> None:
    order = shop.post(
        "orders",
        lines=[{"sku": "SPORK-TI", "quantity": 3}, {"sku": "BOOT-M-42", "quantity": 1}],
        coupon={"code": "TEN", "percent": 10},
        payment="authorized",
    )
    number = order["entity_id"]
    assert "total_paid" not in order
    rows = [{"order_item_id": order["items"][0]["item_id"], "qty": 1}]
    first = call("POST", f"V1/order/{number}/invoice", body={"capture": True, "items": rows})
    assert first.status_code == 200
    rest = call("POST", f"V1/order/{number}/invoice", body={"capture": False})
    invoices = [parse(call("GET", f"V1/invoices/{a.json()}")) for a in (first, rest)]
    assert [i["state"] for i in invoices] == [2, 1]
    order = parse(call("GET", f"V1/orders/{number}"))
    for name in ("grand_total", "subtotal", "tax_amount", "discount_amount", "shipping_amount"):
        assert sum(i[name] for i in invoices) == order[name], name
    assert order["total_paid"] == invoices[0]["grand_total"]
    assert call("POST", f"V1/invoices/{rest.json()}/capture", body={}).json() is True
    assert parse(call("GET", f"V1/orders/{number}"))["total_due"] == 0
    more = call("POST", f"V1/order/{number}/invoice", body={"capture": True})
    assert more.status_code == 400
    found = parse(call("GET", "V1/transactions", searching(("order_id", "eq", str(number)))))
    assert [t["txn_type"] for t in found["items"]] == ["authorization", "capture", "capture"]
    assert found["items"][1]["txn_id"] == invoices[0]["transaction_id"]


def test_an_order_that_is_refunded_in_parts_ends_at_zero(shop: Simulator, call: Caller) -> None:
    order = shop.post(
        "orders",
        lines=[{"sku": "SPORK-TI", "quantity": 3}, {"sku": "MUG-450", "quantity": 1}],
        coupon={"code": "TEN", "percent": 10},
        shipping="4.95",
        store="de",
    )
    number = order["entity_id"]
    memos = [
        shop.post(f"orders/{number}/refund", kind="partial"),
        shop.post(f"orders/{number}/refund", kind="shipping"),
        shop.post(f"orders/{number}/refund", kind="full"),
    ]
    assert sum(m["grand_total"] for m in memos) == order["grand_total"]
    assert sum(m["base_grand_total"] for m in memos) == order["base_grand_total"]
    assert all(m["discount_amount"] <= 0 for m in memos)
    order = parse(call("GET", f"V1/orders/{number}"))
    assert (order["state"], order["total_refunded"]) == ("closed", order["total_paid"])
    memo = parse(call("GET", f"V1/creditmemo/{memos[0]['entity_id']}"))
    assert memo["invoice_id"] == 1
    assert memo["items"][0]["qty"] == 1
    assert call("GET", "V1/creditmemos", searching()).json()["total_count"] == 3


def test_an_adjustment_alone_is_a_memo_without_rows(shop: Simulator, call: Caller) -> None:
    number = shop.post("orders")["entity_id"]
    memo = shop.post(f"orders/{number}/refund", kind="adjustment", amount="2.50")
    assert memo["items"] == []
    assert memo["adjustment"] == memo["grand_total"] == Decimal("2.5")
    body = {"arguments": {"adjustment_positive": 99999}}
    refused = call("POST", f"V1/order/{number}/refund", body=body)
    assert refused.status_code == 400
    assert refused.json()["message"] == "The most money available to refund is %1."


def test_a_gift_card_order_refunds_no_more_money_than_was_paid(shop: Simulator) -> None:
    order = shop.post("orders", kind="simple", gift_card={"amount": 5})
    assert order["extension_attributes"]["gift_cards_amount"] == 5
    memo = shop.post(f"orders/{order['entity_id']}/refund", kind="full")
    assert memo["grand_total"] == order["total_paid"]
    assert memo["extension_attributes"]["gift_cards_amount"] == 5


def test_states_follow_what_people_do(shop: Simulator, call: Caller) -> None:
    def state(number: int) -> str:
        return str(call("GET", f"V1/orders/{number}").json()["state"])

    number = shop.post("orders", payment="banktransfer", kind="simple")["entity_id"]
    assert state(number) == "new"
    shop.post(f"orders/{number}/hold")
    assert state(number) == "holded"
    refused = call("POST", f"V1/order/{number}/invoice", body={})
    assert refused.json()["parameters"] == ["holded"]
    shop.post(f"orders/{number}/unhold")
    shop.post(f"orders/{number}/invoice")
    assert state(number) == "processing"
    shop.post(f"orders/{number}/ship")
    assert state(number) == "complete"
    other = shop.post("orders", payment="authorized")["entity_id"]
    shop.post(f"orders/{other}/cancel")
    assert state(other) == "canceled"
    assert call("POST", f"V1/orders/{other}/cancel").status_code == 400
    assert state(shop.post("orders", kind="virtual")["entity_id"]) == "complete"


def test_an_edited_order_is_a_new_one_with_a_suffix(shop: Simulator, call: Caller) -> None:
    old = shop.post("orders", payment="authorized", kind="configurable")
    new = shop.post(f"orders/{old['entity_id']}/edit", quantity=4)
    assert new["increment_id"] == f"{old['increment_id']}-1"
    assert new["relation_parent_real_id"] == new["original_increment_id"] == old["increment_id"]
    old = call("GET", f"V1/orders/{old['entity_id']}").json()
    assert (old["state"], old["relation_child_id"]) == ("canceled", str(new["entity_id"]))
    again = shop.post(f"orders/{new['entity_id']}/edit")
    assert again["increment_id"] == f"{old['increment_id']}-2"


def test_comments_and_the_external_number_are_written(shop: Simulator, call: Caller) -> None:
    number = shop.post("orders")["entity_id"]
    row = {"comment": "Booked", "is_customer_notified": 0, "is_visible_on_front": 0}
    posted = call("POST", f"V1/orders/{number}/comments", body={"statusHistory": row})
    assert posted.json() is True
    saved = call(
        "POST", "V1/orders", body={"entity": {"entity_id": number, "ext_order_id": "SI-1"}}
    )
    assert saved.json()["ext_order_id"] == "SI-1"
    wrong = call("POST", "V1/orders", body={"entity": {"entity_id": number, "colour": 1}})
    assert wrong.status_code == 400
    assert 'accessor method "getColour"' in wrong.json()["message"]
