"""Invoices of an order: whole or in parts, captured or left open."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.adobe_commerce import columns, extras
from sandbox.adobe_commerce.totals import ZERO, share
from sandbox.adobe_commerce.wire import Refused

Record = dict[str, Any]
OPEN, PAID, CANCELED = 1, 2, 3
PREFIXES = ("base_", "")
# Column of the document's row -> column of the order's row that counts what was invoiced.
COUNTED = {
    "row_total": "row_invoiced",
    "tax_amount": "tax_invoiced",
    "discount_amount": "discount_invoiced",
    "discount_tax_compensation_amount": "discount_tax_compensation_invoiced",
}
COPIED = ("sku", "name", "product_id", "price", "base_price", "price_incl_tax")
HEADER = [
    "base_currency_code",
    "order_currency_code",
    "global_currency_code",
    "store_currency_code",
    "store_id",
    "base_to_order_rate",
    "base_to_global_rate",
    "store_to_base_rate",
    "store_to_order_rate",
    "billing_address_id",
    "discount_description",
]
# States of an order that take no invoice, as the product's validator words it.
_CLOSED = ("holded", "payment_review", "canceled", "complete", "closed")


def uninvoiced(item: Record) -> Decimal:
    return Decimal(item["qty_ordered"] - item["qty_invoiced"] - item["qty_canceled"])


def quantities(
    order: Record, wanted: list[Record] | None, left: Any, refusal: str
) -> dict[int, Decimal]:
    """Quantity by item id, children following their parents. Raises Refused beyond what is left.

    ``wanted`` are rows of order_item_id and qty; none means everything that is left.
    """
    items = {item["item_id"]: item for item in order["items"]}
    if not wanted:
        return {number: left(item) for number, item in items.items() if left(item) > 0}
    found: dict[int, Decimal] = {}
    for row in wanted:
        item = items.get(row["order_item_id"])
        if item is None:
            raise Refused(
                400,
                "The document contains product item that is not part of the original order.",
            )
        if row["qty"] > left(item):
            raise Refused(400, refusal, [item["sku"]])
        found[item["item_id"]] = row["qty"]
    for item in order["items"]:
        parent = item.get("parent_item_id")
        if parent in found and item["item_id"] not in found:
            ratio = Decimal(item["qty_ordered"]) / Decimal(items[parent]["qty_ordered"])
            found[item["item_id"]] = found[parent] * ratio
    return {number: count for number, count in found.items() if count > 0}


def new_document(order: Record, names: tuple[str, ...]) -> Record:
    document: Record = dict.fromkeys(names)
    document |= {name: order[name] for name in HEADER}
    document |= {
        "order_id": order["entity_id"],
        "shipping_address_id": order.get("_shipping_address_id"),
        "items": [],
        "comments": [],
        "extension_attributes": {},
    }
    return document


def total(document: Record, order: Record, *, adjustment: dict[str, Decimal] | None = None) -> None:
    """Header amounts from the rows and the shipping that the document carries already."""
    rows = document["items"]
    for prefix in PREFIXES:
        long = f"{prefix}shipping_discount_tax_compensation_{'amnt' if prefix else 'amount'}"

        def of(name: str, prefix: str = prefix) -> Decimal:
            return sum((row.get(prefix + name) or ZERO for row in rows), ZERO)

        shipping_off = document.pop(f"_{prefix}shipping_discount", ZERO)
        document |= {
            f"{prefix}subtotal": of("row_total"),
            f"{prefix}subtotal_incl_tax": of("row_total_incl_tax"),
            f"{prefix}discount_amount": -(of("discount_amount") + shipping_off),
            f"{prefix}discount_tax_compensation_amount": of("discount_tax_compensation_amount"),
            f"{prefix}tax_amount": of("tax_amount") + document[f"{prefix}shipping_tax_amount"],
        }
        document[f"{prefix}grand_total"] = (
            document[f"{prefix}subtotal"]
            + document[f"{prefix}discount_amount"]
            + document[f"{prefix}discount_tax_compensation_amount"]
            + document[f"{prefix}tax_amount"]
            + document[f"{prefix}shipping_amount"]
            + document[long]
            + (adjustment or {}).get(prefix, ZERO)
        )


def build(order: Record, wanted: list[Record] | None) -> Record:
    """The next invoice of an order, counted on the order's rows. Raises Refused."""
    if order["state"] in _CLOSED:
        raise Refused(
            400, "An invoice cannot be created when an order has a status of %1", [order["status"]]
        )
    counts = quantities(
        order,
        wanted,
        uninvoiced,
        "The quantity to invoice must not be greater than the uninvoiced quantity for product "
        'SKU "%1".',
    )
    if not counts:
        raise Refused(
            400, "The invoice can't be created without products. Add products and try again."
        )
    invoice = new_document(order, columns.INVOICE)
    for item in order["items"]:
        if item["item_id"] in counts:
            invoice["items"].append(_row(item, counts[item["item_id"]]))
    top = {item["item_id"] for item in order["items"] if not item.get("parent_item_id")}
    invoice["total_qty"] = sum((n for number, n in counts.items() if number in top), ZERO)
    first = not order.get("_invoiced_shipping")
    for prefix in PREFIXES:
        _shipping(invoice, order, prefix, first=first)
    total(invoice, order)
    if first:
        _first_only(order, invoice)
        order["_invoiced_shipping"] = True
    extras.use(order, invoice, "_invoiced")
    _count(order, invoice)
    return invoice


def _row(item: Record, quantity: Decimal) -> Record:
    row: Record = {"order_item_id": item["item_id"], "qty": quantity}
    row |= {name: item[name] for name in ("sku", "name", "product_id")}
    last = quantity == uninvoiced(item) and not item["qty_canceled"]
    if not item.get("_dummy"):
        row |= {name: item[name] for name in COPIED}
        row["base_price_incl_tax"] = item["base_price_incl_tax"]
        for prefix in PREFIXES:
            for name, counter in COUNTED.items():
                whole, done = item[prefix + name], item[prefix + counter]
                row[prefix + name] = share(whole, done, quantity, item["qty_ordered"], last=last)
                item[prefix + counter] = done + row[prefix + name]
            whole = item[f"{prefix}row_total_incl_tax"]
            done = item.get(f"_{prefix}incl_invoiced", ZERO)
            gross = share(whole, done, quantity, item["qty_ordered"], last=last)
            row[f"{prefix}row_total_incl_tax"] = gross
            item[f"_{prefix}incl_invoiced"] = done + gross
    item["qty_invoiced"] += quantity
    return row


def _shipping(invoice: Record, order: Record, prefix: str, *, first: bool) -> None:
    """All of the order's shipping goes on its first invoice."""
    long = f"{prefix}shipping_discount_tax_compensation_{'amnt' if prefix else 'amount'}"
    for name in (
        f"{prefix}shipping_amount",
        f"{prefix}shipping_incl_tax",
        f"{prefix}shipping_tax_amount",
        long,
    ):
        invoice[name] = order[name] if first else ZERO
    invoice[f"_{prefix}shipping_discount"] = (
        order[f"{prefix}shipping_discount_amount"] if first else ZERO
    )


def _first_only(order: Record, invoice: Record) -> None:
    """Gift wrap and fees go with the first invoice too."""
    extra = order["extension_attributes"]
    for prefix in PREFIXES:
        invoice[f"{prefix}grand_total"] += extras.additions(order, prefix)
        for name in ("price", "tax_amount"):
            column = extras.gift_wrap_name(prefix, name)
            if column in extra:
                invoice["extension_attributes"][column] = extra[column]
                extra[f"{column}_invoiced"] = extra[column]
        for fee in extra.get("custom_fees", ()):
            fee[f"{prefix}custom_fee_amount_invoiced"] = fee[f"{prefix}custom_fee_amount"]


def _count(order: Record, invoice: Record) -> None:
    for prefix in PREFIXES:
        for name, counter in (
            ("subtotal", "subtotal_invoiced"),
            ("tax_amount", "tax_invoiced"),
            ("shipping_amount", "shipping_invoiced"),
            ("discount_amount", "discount_invoiced"),
            ("discount_tax_compensation_amount", "discount_tax_compensation_invoiced"),
            ("grand_total", "total_invoiced"),
        ):
            order[prefix + counter] = (order[prefix + counter] or ZERO) + invoice[prefix + name]


def pay(order: Record, invoice: Record) -> None:
    """Mark an invoice as captured and the order as paid to that extent."""
    invoice["state"] = PAID
    payment = order["payment"]
    for prefix in PREFIXES:
        amount = invoice[f"{prefix}grand_total"]
        order[f"{prefix}total_paid"] = (order[f"{prefix}total_paid"] or ZERO) + amount
        due = order[f"{prefix}grand_total"] - order[f"{prefix}total_paid"]
        order[f"{prefix}total_due"] = max(due, ZERO)
        paid = f"{prefix}amount_paid"
        payment[paid] = (payment.get(paid) or ZERO) + amount
        captured = f"{prefix}shipping_captured"
        payment[captured] = (payment.get(captured) or ZERO) + invoice[f"{prefix}shipping_amount"]
