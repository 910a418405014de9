"""Orders, invoices, credit memos and transactions over REST."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.adobe_commerce import acts, columns
from sandbox.adobe_commerce.calls import Call, Route, array, check_names, flag
from sandbox.adobe_commerce.store import CommerceStore, Record
from sandbox.adobe_commerce.totals import ZERO
from sandbox.adobe_commerce.wire import Refused, decimal, integer, no_such_entity, required

VIEW = "Magento_Sales::actions_view"
_LONG = "shipping_discount_tax_compensation"
_SHIPPING_TOTALS = tuple(
    f"{prefix}{name}"
    for prefix in ("base_", "")
    for name in (
        "shipping_amount",
        "shipping_discount_amount",
        f"{_LONG}_{'amnt' if prefix else 'amount'}",
        "shipping_incl_tax",
        "shipping_invoiced",
        "shipping_refunded",
        "shipping_tax_amount",
        "shipping_canceled",
    )
)


def order_answer(order: Record) -> Record:
    """An order as REST shows it: rows with their parents inside, shipping under the extension
    attributes, taxes by rate."""
    by_id = {item.get("item_id"): item for item in order["items"]}
    items = [
        {**item, "parent_item": by_id[item["parent_item_id"]]}
        if item.get("parent_item_id")
        else item
        for item in order["items"]
    ]
    extra = {"shipping_assignments": [], **order["extension_attributes"], **_taxes(order)}
    address = order.get("_shipping_address")
    shipping: Record = {"total": {name: order[name] for name in _SHIPPING_TOTALS}}
    if address:
        shipping = {"address": address, "method": order["_shipping_method"], **shipping}
    extra["shipping_assignments"] = [{"shipping": shipping, "items": items}]
    return {**order, "items": items, "extension_attributes": extra}


def _taxes(order: Record) -> Record:
    by_rate: dict[Decimal, list[Decimal]] = {}
    rows = []
    for item in order["items"]:
        if item.get("_dummy") or not item["tax_amount"]:
            continue
        rate = Decimal(item["tax_percent"])
        rows.append(
            {
                "type": "product",
                "item_id": item.get("item_id"),
                "applied_taxes": [
                    _applied(order, rate, item["tax_amount"], item["base_tax_amount"])
                ],
            }
        )
        sums = by_rate.setdefault(rate, [ZERO, ZERO])
        sums[0] += item["tax_amount"]
        sums[1] += item["base_tax_amount"]
    if order["shipping_tax_amount"]:
        rate = Decimal(order["_rate_of_shipping"])
        amounts = order["shipping_tax_amount"], order["base_shipping_tax_amount"]
        rows.append({"type": "shipping", "applied_taxes": [_applied(order, rate, *amounts)]})
        sums = by_rate.setdefault(rate, [ZERO, ZERO])
        sums[0] += amounts[0]
        sums[1] += amounts[1]
    return {
        "applied_taxes": [_applied(order, rate, *sums) for rate, sums in by_rate.items()],
        "item_applied_taxes": rows,
    }


def _applied(order: Record, rate: Decimal, amount: Decimal, base: Decimal) -> Record:
    country = "US" if order["base_currency_code"] == "USD" else "GB"
    return {
        "code": f"{country}-{rate.normalize():f}",
        "title": "Sales tax" if country == "US" else "VAT",
        "percent": rate,
        "amount": amount,
        "base_amount": base,
    }


class SalesApi:
    def __init__(self, store: CommerceStore) -> None:
        self.store = store

    def routes(self) -> list[Route]:
        return [
            Route("GET", "orders", VIEW, self.orders),
            Route("POST", "orders", "Magento_Sales::create", self.save_order),
            Route("PUT", "orders/create", "Magento_Sales::create", self.save_order),
            Route("GET", "orders/items", VIEW, self.items),
            Route("GET", "orders/{id}", VIEW, self.order),
            Route("GET", "orders/{id}/statuses", VIEW, self.status),
            Route("GET", "orders/{id}/comments", VIEW, self.comments),
            Route("POST", "orders/{id}/comments", "Magento_Sales::comment", self.add_comment),
            Route("POST", "orders/{id}/cancel", "Magento_Sales::cancel", self.cancel),
            Route("POST", "orders/{id}/hold", "Magento_Sales::hold", self.hold),
            Route("POST", "orders/{id}/unhold", "Magento_Sales::unhold", self.unhold),
            Route("POST", "order/{orderId}/invoice", "Magento_Sales::invoice", self.invoice),
            Route("POST", "order/{orderId}/refund", "Magento_Sales::creditmemo", self.refund),
            Route("POST", "order/{orderId}/ship", "Magento_Sales::ship", self.ship),
            Route("GET", "invoices", VIEW, self.invoices),
            Route("GET", "invoices/{id}", VIEW, self.one_invoice),
            Route("POST", "invoices/{id}/capture", "Magento_Sales::capture", self.capture),
            Route(
                "POST",
                "invoice/{invoiceId}/refund",
                "Magento_Sales::creditmemo",
                self.refund_invoice,
            ),
            Route("GET", "creditmemos", VIEW, self.creditmemos),
            Route("GET", "creditmemo/{id}", VIEW, self.creditmemo),
            Route("GET", "transactions", VIEW, self.transactions),
            Route("GET", "transactions/{id}", VIEW, self.transaction),
        ]

    def _one(self, table: dict[int, Record], call: Call, name: str = "id") -> Record:
        record = table.get(integer(call.params[name], name))
        if record is None:
            raise no_such_entity()
        return record

    def orders(self, call: Call) -> Any:
        page = call.search(list(self.store.orders.values()), columns.ORDER)
        return {**page, "items": [order_answer(order) for order in page["items"]]}

    def order(self, call: Call) -> Any:
        return order_answer(self._one(self.store.orders, call))

    def items(self, call: Call) -> Any:
        rows = [item for order in self.store.orders.values() for item in order["items"]]
        names = {name for row in rows[:50] for name in row if not name.startswith("_")}
        return call.search(rows, names | {"item_id", "order_id", "sku", "parent_item_id"})

    def status(self, call: Call) -> Any:
        return self._one(self.store.orders, call)["status"]

    def comments(self, call: Call) -> Any:
        rows = self._one(self.store.orders, call)["status_histories"]
        criteria: Record = {"filter_groups": []}
        return {"items": rows, "search_criteria": criteria, "total_count": len(rows)}

    def add_comment(self, call: Call) -> Any:
        order = self._one(self.store.orders, call)
        row = call.need("statusHistory")
        known = (
            "comment",
            "created_at",
            "entity_id",
            "entity_name",
            "is_customer_notified",
            "is_visible_on_front",
            "parent_id",
            "status",
            "extension_attributes",
        )
        check_names(row, known, "Magento\\Sales\\Api\\Data\\OrderStatusHistoryInterface")
        acts.comment(self.store, order, row)
        return True

    def save_order(self, call: Call) -> Any:
        """Save raw columns of an order that exists. Creating a whole order this way is possible
        in the product; here it is refused."""
        entity = call.need("entity")
        if "entity_id" not in entity:
            raise Refused(400, "Orders are not created through this call here.")
        order = self.store.orders.get(integer(entity["entity_id"], "entity_id"))
        if order is None:
            raise no_such_entity()
        known = (
            *columns.ORDER,
            "items",
            "billing_address",
            "payment",
            "status_histories",
            "extension_attributes",
        )
        check_names(entity, known, "Magento\\Sales\\Api\\Data\\OrderInterface")
        order |= {k: v for k, v in entity.items() if k in columns.ORDER and k != "entity_id"}
        self.store.save_order(order)
        return order_answer(order)

    def cancel(self, call: Call) -> Any:
        acts.cancel(self.store, self._one(self.store.orders, call))
        return True

    def hold(self, call: Call) -> Any:
        acts.hold(self.store, self._one(self.store.orders, call))
        return True

    def unhold(self, call: Call) -> Any:
        acts.unhold(self.store, self._one(self.store.orders, call))
        return True

    def invoice(self, call: Call) -> Any:
        order = self._one(self.store.orders, call, "orderId")
        wanted = _rows(call)
        capture = flag(call.body.get("capture"), "capture")
        return acts.invoice(self.store, order, wanted, capture=capture)["entity_id"]

    def capture(self, call: Call) -> Any:
        acts.capture(self.store, self._one(self.store.invoices, call))
        return True

    def ship(self, call: Call) -> Any:
        acts.ship(self.store, self._one(self.store.orders, call, "orderId"))
        return self.store.next_id("shipment")

    def refund(self, call: Call) -> Any:
        order = self._one(self.store.orders, call, "orderId")
        return acts.refund(self.store, order, _refund_spec(call))["entity_id"]

    def refund_invoice(self, call: Call) -> Any:
        document = self._one(self.store.invoices, call, "invoiceId")
        spec = _refund_spec(call) | {
            "invoice_id": document["entity_id"],
            "online": flag(call.body.get("isOnline"), "isOnline"),
        }
        if spec["items"] is None:
            spec["items"] = [
                {"order_item_id": row["order_item_id"], "qty": row["qty"]}
                for row in document["items"]
            ]
        order = self.store.orders[document["order_id"]]
        return acts.refund(self.store, order, spec)["entity_id"]

    def invoices(self, call: Call) -> Any:
        return call.search(list(self.store.invoices.values()), columns.INVOICE)

    def one_invoice(self, call: Call) -> Any:
        return self._one(self.store.invoices, call)

    def creditmemos(self, call: Call) -> Any:
        return call.search(list(self.store.creditmemos.values()), columns.CREDITMEMO)

    def creditmemo(self, call: Call) -> Any:
        return self._one(self.store.creditmemos, call)

    def transactions(self, call: Call) -> Any:
        return call.search(list(self.store.transactions.values()), columns.TRANSACTION)

    def transaction(self, call: Call) -> Any:
        return self._one(self.store.transactions, call)


def _rows(call: Call) -> list[Record] | None:
    """The body's items: order_item_id and qty; none when absent or empty."""
    rows = []
    for row in array(call.body.get("items"), "items"):
        for name in ("order_item_id", "qty"):
            if name not in row:
                raise required(name)
        rows.append(
            {
                "order_item_id": integer(row["order_item_id"], "order_item_id"),
                "qty": decimal(row["qty"], "qty"),
            }
        )
    return rows or None


def _refund_spec(call: Call) -> Record:
    arguments = call.body.get("arguments") or {}
    check_names(
        arguments,
        ("shipping_amount", "adjustment_positive", "adjustment_negative", "extension_attributes"),
        "Magento\\Sales\\Api\\Data\\CreditmemoCreationArgumentsInterface",
    )
    spec: Record = {"items": _rows(call)}
    for name, key in (
        ("shipping_amount", "shipping"),
        ("adjustment_positive", "adjustment_positive"),
        ("adjustment_negative", "adjustment_negative"),
    ):
        if name in arguments:
            spec[key] = decimal(arguments[name], name)
    return spec
