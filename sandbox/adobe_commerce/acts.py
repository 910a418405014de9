"""What shoppers and the merchant's people do: place, invoice, refund, ship, cancel, hold, edit."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.adobe_commerce import extras, invoicing, places, refunds
from sandbox.adobe_commerce.sale import Sale
from sandbox.adobe_commerce.store import CommerceStore, outstanding_of, shippable
from sandbox.adobe_commerce.totals import ZERO
from sandbox.adobe_commerce.wire import Refused, integer

Record = dict[str, Any]
METHODS = {
    "adyen_cc": "Card",
    "checkmo": "Check / Money order",
    "banktransfer": "Bank Transfer Payment",
    "free": "No Payment Information Required",
}
OFFLINE = ("checkmo", "banktransfer", "free")
PREFIXES = ("base_", "")


async def place(store: CommerceStore, spec: Record) -> Record:
    """Place an order. ``payment``: "captured" (default), "authorized", "banktransfer", "checkmo",
    "pending_payment" or "review". The number is reserved first, so that an order which a
    synchronous webhook refuses leaves a gap.

    Raises Refused for what the store does not have, or when a required webhook fails.
    """
    order = _drafted(store, spec)
    if store.gate:
        await store.gate("before", order)
        await store.gate("after", order)
    return _committed(store, order, str(spec.get("payment", "captured")))


def _drafted(store: CommerceStore, spec: Record) -> Record:
    payment = str(spec.get("payment", "captured"))
    if payment not in (
        "captured",
        "authorized",
        "banktransfer",
        "checkmo",
        "pending_payment",
        "review",
    ):
        raise Refused(400, f"There is no way to pay called {payment!r}.")
    sale = Sale(store, spec)
    order = sale.order()
    extras.apply(order, spec, sale.view.rate)
    order["_tenders"] = {}
    number = str(spec.get("increment_id") or store.increment("order", sale.view))
    if (sale.view.id, number) in store.by_number:
        raise Refused(400, f"Order {number} exists in this store view.")
    order["increment_id"] = number
    order["quote_id"] = store.next_id("quote")
    method = payment if payment in OFFLINE else "adyen_cc"
    if not order["grand_total"]:
        method = "free"
    order["payment"] = _payment(order, method)
    for prefix in PREFIXES:
        order[f"{prefix}total_due"] = order[f"{prefix}grand_total"]
    state = {"pending_payment": "pending_payment", "review": "payment_review"}.get(payment, "new")
    if method == "adyen_cc" and payment in ("captured", "authorized"):
        state = "processing"
    store.set_state(order, state)
    order["status_histories"] = []
    return order


def _payment(order: Record, method: str) -> Record:
    title = METHODS[method]
    card = method == "adyen_cc"
    order["extension_attributes"]["payment_additional_info"] = [
        {"key": "method_title", "value": title}
    ]
    return {
        "account_status": None,
        "additional_information": [title],
        "amount_ordered": order["grand_total"],
        "base_amount_ordered": order["base_grand_total"],
        "shipping_amount": order["shipping_amount"],
        "base_shipping_amount": order["base_shipping_amount"],
        "cc_last4": "1111" if card else None,
        "cc_type": "VI" if card else None,
        "method": method,
    }


def _committed(store: CommerceStore, order: Record, payment: str) -> Record:
    """Give the ids and write the order; then take the money when it is to be taken at once."""
    number = order["entity_id"] = store.next_id("order")
    parent = 0
    for item in order["items"]:
        item["item_id"] = item["quote_item_id"] = store.next_id("order_item")
        item["order_id"] = number
        if item.get("_child"):
            item["parent_item_id"] = parent
        else:
            parent = item["item_id"]
    place_of = order.pop("_address")
    billing = _addressed(store, order, place_of, "billing")
    order["billing_address"], order["billing_address_id"] = billing, billing["entity_id"]
    if not order["is_virtual"]:
        shipping = _addressed(store, order, place_of, "shipping")
        order["_shipping_address"] = shipping
        order["_shipping_address_id"] = shipping["entity_id"]
    order["payment"] |= {"entity_id": store.next_id("payment"), "parent_id": number}
    for fee in order["extension_attributes"].get("custom_fees", ()):
        fee["order_id"] = str(number)
    authorized = payment == "authorized" and order["payment"]["method"] == "adyen_cc"
    if authorized:
        order["payment"] |= {
            "amount_authorized": order["grand_total"],
            "base_amount_authorized": order["base_grand_total"],
        }
        store.add_transaction(order, "authorization")
    store.reserving(order, {})
    store.save_order(order)
    if payment == "captured":
        invoice(store, order, None, capture=True)
    return order


def _addressed(store: CommerceStore, order: Record, place_of: Record, kind: str) -> Record:
    return {
        "address_type": kind,
        **place_of,
        "customer_id": order["customer_id"],
        "entity_id": store.next_id("order_address"),
        "parent_id": order["entity_id"],
    }


def invoice(
    store: CommerceStore, order: Record, wanted: list[Record] | None, *, capture: bool
) -> Record:
    """Invoice an order, all that is left or the given rows; an offline method is always paid."""
    document = invoicing.build(order, wanted)
    offline = order["payment"]["method"] in OFFLINE
    document["state"] = invoicing.OPEN
    if capture or offline:
        _take(store, order, document)
    store.number_document("invoice", document)
    store.settle_state(order)
    store.save_document("invoice", document)
    store.save_order(order)
    return document


def _take(store: CommerceStore, order: Record, document: Record) -> None:
    invoicing.pay(order, document)
    if order["payment"]["method"] not in OFFLINE:
        earlier = store.transactions_of(order, "authorization")
        taken = store.add_transaction(order, "capture", parent=earlier[0] if earlier else None)
        document["transaction_id"] = taken["txn_id"]


def capture(store: CommerceStore, document: Record) -> Record:
    """Capture an invoice that was left open."""
    if document["state"] != invoicing.OPEN:
        raise Refused(400, "The invoice can't be captured.")
    order = store.orders[document["order_id"]]
    _take(store, order, document)
    store.save_document("invoice", document)
    store.settle_state(order)
    store.save_order(order)
    return document


def refund(store: CommerceStore, order: Record, spec: Record) -> Record:
    """A credit memo. ``spec``: items (rows of order_item_id and qty; [] for none), shipping,
    adjustment_positive, adjustment_negative (base currency), invoice_id, online."""
    shipping = spec.get("shipping")
    before = outstanding_of(order)
    memo = refunds.build(
        order,
        spec.get("items"),
        shipping=None if shipping is None else Decimal(str(shipping)),
        positive=Decimal(str(spec.get("adjustment_positive") or 0)),
        negative=Decimal(str(spec.get("adjustment_negative") or 0)),
    )
    payment = order["payment"]
    online = bool(spec.get("online")) and payment["method"] not in OFFLINE
    kind = "online" if online else "offline"
    for prefix in PREFIXES:
        amount = memo[f"{prefix}grand_total"]
        for record, name in (
            (order, f"{prefix}total_{kind}_refunded"),
            (payment, f"{prefix}amount_refunded"),
        ):
            record[name] = (record.get(name) or ZERO) + amount
    if online:
        captured = store.transactions_of(order, "capture")
        row = store.add_transaction(
            order, "refund", parent=captured[-1] if captured else None, closed=True
        )
        memo["transaction_id"] = row["txn_id"]
    source = store.invoices.get(int(spec.get("invoice_id") or 0))
    if source is not None:
        memo["invoice_id"] = source["entity_id"]
        source["is_used_for_refund"] = 1
        source["base_total_refunded"] = (source["base_total_refunded"] or ZERO) + memo[
            "base_grand_total"
        ]
        store.save_document("invoice", source)
    store.number_document("creditmemo", memo)
    store.reserving(order, before)
    store.settle_state(order)
    store.save_document("creditmemo", memo)
    store.save_order(order)
    return memo


def ship(store: CommerceStore, order: Record) -> Record:
    if order["state"] in ("canceled", "holded", "closed", "payment_review"):
        raise Refused(
            400, "A shipment cannot be created when an order has a status of %1", [order["status"]]
        )
    before = outstanding_of(order)
    for item in order["items"]:
        if not item["is_virtual"]:
            left = (
                item["qty_ordered"] - item["qty_canceled"] - item["qty_refunded"]
                if item.get("_child")
                else item["qty_shipped"] + shippable(item)
            )
            gone = max(left, item["qty_shipped"])
            if item["product_type"] in ("simple",) and gone > item["qty_shipped"]:
                row = store.source_items.get((item["sku"], "default"))
                if row is not None:
                    row["quantity"] = Decimal(row["quantity"]) - (gone - item["qty_shipped"])
                    store.keep("source_item", f"{item['sku']}|default", row)
            item["qty_shipped"] = gone
    store.reserving(order, before)
    store.settle_state(order)
    store.save_order(order)
    return order


def cancel(store: CommerceStore, order: Record) -> Record:
    """Cancel what was not invoiced; a wholly invoiced order cannot be canceled."""
    left = [item for item in order["items"] if invoicing.uninvoiced(item) > 0]
    if order["state"] in ("canceled", "holded", "complete", "closed") or not left:
        raise Refused(400, "You cannot cancel the order.")
    before = outstanding_of(order)
    for item in left:
        item["qty_canceled"] += invoicing.uninvoiced(item)
    invoiced = any(item["qty_invoiced"] for item in order["items"])
    for prefix in PREFIXES:
        for name in ("subtotal", "tax", "shipping", "discount"):
            whole = order[prefix + name + ("" if name == "subtotal" else "_amount")]
            order[f"{prefix}{name}_canceled"] = whole - (order[f"{prefix}{name}_invoiced"] or ZERO)
        paid = order[f"{prefix}total_paid"] or ZERO
        order[f"{prefix}total_canceled"] = order[f"{prefix}grand_total"] - paid
        order[f"{prefix}total_due"] = ZERO
    if not invoiced:
        store.set_state(order, "canceled")
        for row in store.transactions_of(order, "authorization"):
            store.add_transaction(order, "void", parent=row, closed=True)
    store.reserving(order, before)
    store.settle_state(order)
    store.save_order(order)
    return order


def hold(store: CommerceStore, order: Record) -> Record:
    if order["state"] in ("canceled", "holded", "complete", "closed", "payment_review"):
        raise Refused(400, "A hold action is not available.")
    order["hold_before_state"], order["hold_before_status"] = order["state"], order["status"]
    store.set_state(order, "holded")
    store.save_order(order)
    return order


def unhold(store: CommerceStore, order: Record) -> Record:
    if order["state"] != "holded":
        raise Refused(400, "You cannot remove the hold.")
    order["state"], order["status"] = order["hold_before_state"], order["hold_before_status"]
    order["hold_before_state"] = order["hold_before_status"] = None
    store.save_order(order)
    return order


async def edit(store: CommerceStore, order: Record, spec: Record) -> Record:
    """Edit as the admin does: a new order with the suffix -1, -2 ..., the old one canceled."""
    if any(item["qty_invoiced"] for item in order["items"]) or order["state"] not in (
        "new",
        "processing",
        "pending_payment",
    ):
        raise Refused(400, "An invoiced order cannot be edited.")
    original = order["original_increment_id"] or order["increment_id"]
    step = integer(order["edit_increment"] or 0, "edit_increment") + 1
    rows = [
        {
            "sku": item["sku"],
            "quantity": Decimal(str(spec.get("quantity", item["qty_ordered"]))),
            "price": item["base_original_price"],
        }
        for item in order["items"]
        if not item.get("_child")
    ]
    wish: Record = {
        "lines": spec.get("lines") or rows,
        "store": places.BY_ID[order["store_id"]].code,
        "country": order["billing_address"]["country_id"],
        "customer": {
            "guest": bool(order["customer_is_guest"]),
            "email": order["customer_email"],
            "first_name": order["customer_firstname"],
            "last_name": order["customer_lastname"],
        },
        "shipping": order["base_shipping_incl_tax"]
        if places.BY_ID[order["store_id"]].website.inclusive
        else order["base_shipping_amount"],
        "increment_id": f"{original}-{step}",
        "payment": "authorized"
        if order["payment"]["method"] == "adyen_cc"
        else order["payment"]["method"],
    }
    if wish["country"] == "US":
        del wish["country"]
    draft = _drafted(store, wish)
    draft |= {
        "original_increment_id": original,
        "edit_increment": step,
        "relation_parent_id": str(order["entity_id"]),
        "relation_parent_real_id": order["increment_id"],
    }
    new = _committed(store, draft, wish["payment"])
    order["relation_child_id"] = str(new["entity_id"])
    order["relation_child_real_id"] = new["increment_id"]
    cancel(store, order)
    return new


def comment(store: CommerceStore, order: Record, row: Record) -> None:
    order["status_histories"].append(
        {
            "comment": row.get("comment"),
            "created_at": store.now(),
            "entity_id": store.next_id("history"),
            "entity_name": "order",
            "is_customer_notified": row.get("is_customer_notified"),
            "is_visible_on_front": row.get("is_visible_on_front", 0),
            "parent_id": order["entity_id"],
            "status": row.get("status") or order["status"],
        }
    )
    if row.get("status"):
        order["status"] = row["status"]
    store.save_order(order)
