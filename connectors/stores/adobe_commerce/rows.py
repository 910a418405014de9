"""Which item rows of an order carry its money: each amount once.

A configurable product is two rows: the parent has the money and the SKU of the chosen variant; the
child's price is zero or the full price again, by version. A bundle with a fixed price has its money
in the parent, one with dynamic prices in the parent and in its children, and its tax or discount
in either. So both readings are tried, and the header's subtotal says which one is true.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from connectors.records import Discount, OrderLine
from connectors.stores.adobe_commerce.amounts import CENT, ZERO, Amounts, share

# With more bundles than this in one order only the usual reading is looked at.
MOST_BUNDLES_TRIED = 8
_KINDS = {"virtual": "digital", "downloadable": "digital", "giftcard": "giftcertificate"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One item row in one currency. Source of the sums: Adobe, order data dictionary.

    ``gross`` is without tax and before discounts (``row_total``); ``discount`` is positive, and has
    tax in it where catalogue prices do: ``compensation`` is that tax.
    """

    item_id: str
    parent_id: str
    product_type: str
    sku: str
    name: str
    quantity: Decimal
    price: Decimal
    price_with_tax: Decimal
    gross: Decimal
    gross_with_tax: Decimal | None
    discount: Decimal
    compensation: Decimal
    tax: Decimal
    percent: Decimal | None
    fixed_product_tax: Decimal = ZERO
    product_id: str = ""
    options: str = ""
    quantity_refunded: Decimal = ZERO
    had_tax: bool = False  # in the order, of which this is a part
    had_discount: bool = False

    @property
    def net(self) -> Decimal:
        """What was paid for the row, without tax."""
        return self.gross - self.discount + self.compensation

    @property
    def net_with_tax(self) -> Decimal:
        return self.net + self.tax


def of_order(item: Amounts) -> Row:
    parent = item.inner("parent_item")
    return _row(
        item,
        item_id=str(item.integer("item_id")),
        parent_id=str(item.integer("parent_item_id", parent.integer("item_id", 0)) or ""),
        quantity=item.decimal("qty_ordered"),
    )


def of_document(item: Amounts, line: OrderLine | None) -> Row:
    """A row of an invoice or credit memo; ``line`` is the order's line that it bills."""
    row = _row(
        item,
        item_id=str(item.integer("order_item_id")),
        parent_id="",
        quantity=item.decimal("qty", ZERO),
    )
    if line is None:
        return row
    return replace(
        row,
        product_type="giftcard" if line.kind == "giftcertificate" else "",
        sku=line.sku,
        name=line.name,
        product_id=line.product_id,
        options=line.options,
        percent=_percent_of(line),
        had_tax=bool(line.tax),
        had_discount=bool(line.discount_ex_tax),
    )


def _percent_of(line: OrderLine) -> Decimal | None:
    """The rate of an order's line, for the document's row that does not say it."""
    if not line.net_ex_tax:
        return None
    return (line.tax / line.net_ex_tax * 100).quantize(CENT)


def _row(item: Amounts, *, item_id: str, parent_id: str, quantity: Decimal) -> Row:
    return Row(
        item_id=item_id,
        parent_id=parent_id,
        product_type=item.text("product_type", "simple"),
        sku=item.text("sku", "").strip(),
        name=item.text("name", "").strip(),
        quantity=quantity,
        price=item.amount("price"),
        price_with_tax=item.amount("price_incl_tax"),
        gross=item.amount("row_total"),
        gross_with_tax=item.amount("row_total_incl_tax")
        if item.has("row_total_incl_tax")
        else None,
        discount=abs(item.amount("discount_amount")),
        compensation=item.amount("discount_tax_compensation_amount"),
        tax=item.amount("tax_amount"),
        percent=item.decimal("tax_percent") if "tax_percent" in item else None,
        fixed_product_tax=item.amount("weee_tax_applied_row_amount"),
        product_id=str(item.integer("product_id", 0) or ""),
        quantity_refunded=item.decimal("qty_refunded", ZERO),
    )


def choose(rows: Sequence[Row], subtotal: Decimal) -> list[Row]:
    """The rows that carry the money, in the order's sequence, so that they come to ``subtotal``
    if any reading of the bundles does."""
    known = {row.item_id for row in rows}
    children: dict[str, list[Row]] = {}
    for row in rows:
        if row.parent_id in known:
            children.setdefault(row.parent_id, []).append(row)
    readings = [
        _readings(row, children.get(row.item_id, [])) for row in rows if row.parent_id not in known
    ]
    usual = [row for reading in readings for row in reading[0]]
    if abs(_gross(usual) - subtotal) < CENT:
        return usual
    if sum(1 for reading in readings if len(reading) > 1) <= MOST_BUNDLES_TRIED:
        for combination in itertools.product(*readings):
            tried = [row for reading in combination for row in reading]
            if abs(_gross(tried) - subtotal) < CENT:
                return tried
    return usual


def _gross(rows: Sequence[Row]) -> Decimal:
    return sum((row.gross for row in rows), ZERO)


def _readings(row: Row, children: Sequence[Row]) -> list[list[Row]]:
    """The ways in which a top-level row may carry its money, the likeliest first."""
    if not children:
        return [[row]]
    if row.product_type == "configurable":
        child = children[0]
        return [
            [
                replace(
                    row,
                    sku=child.sku or row.sku,
                    product_id=child.product_id or row.product_id,
                    options=child.name if child.name != row.name else "",
                )
            ]
        ]
    whole = [replace(row, options=", ".join(_counted(child) for child in children))]
    if not _gross(children):
        return [whole]
    parts = _with_parents_share(row, children)
    return [parts] if not row.gross else [parts, whole]


def _counted(child: Row) -> str:
    return f"{child.quantity.normalize():f} × {child.name or child.sku}"


def _with_parents_share(parent: Row, children: Sequence[Row]) -> list[Row]:
    """A bundle's components, with the discount and tax that only the bundle's own row shows."""
    found = list(children)
    weights = [child.gross for child in children]
    if parent.discount and not any(child.discount for child in children):
        found = [
            replace(child, discount=taken, compensation=back)
            for child, taken, back in zip(
                found,
                share(parent.discount, weights),
                share(parent.compensation, weights),
                strict=True,
            )
        ]
    if parent.tax and not any(child.tax for child in children):
        shares = share(parent.tax, [child.net for child in found])
        found = [replace(child, tax=tax) for child, tax in zip(found, shares, strict=True)]
    return found


def to_line(row: Row, *, coupon: str, taxes: Mapping[str, str]) -> OrderLine:
    """A row as the line that it is. ``taxes`` names the applied taxes of an item."""
    gross, gross_with_tax = row.gross, row.gross_with_tax
    if not row.discount:
        gross, gross_with_tax = row.net, row.net_with_tax
    elif gross_with_tax is None:
        gross_with_tax = _taxed(row)
    return OrderLine(
        external_id=row.item_id,
        sku=row.sku,
        name=row.name or row.sku,
        quantity=row.quantity,
        unit_price_ex_tax=_unit(row.price, gross, row.quantity),
        unit_price_inc_tax=_unit(row.price_with_tax, gross_with_tax, row.quantity),
        net_ex_tax=row.net,
        net_inc_tax=row.net_with_tax,
        discount_ex_tax=gross - row.net,
        discount_inc_tax=gross_with_tax - row.net_with_tax,
        discounts=(
            Discount(
                amount=row.discount,
                name=coupon,
                code=coupon,
                kind="coupon" if coupon else "automatic",
            ),
        )
        if row.discount
        else (),
        kind=_KINDS.get(row.product_type, "physical"),
        product_id=row.product_id,
        options=row.options,
        tax_class=taxes.get(row.item_id, "") or percent_text(row.percent),
        quantity_refunded=row.quantity_refunded,
    )


def percent_text(percent: Decimal | None) -> str:
    """A tax rate as a lookup key: 8.25, 20, 0; empty if unknown."""
    if percent is None:
        return ""
    return f"{percent.quantize(Decimal('0.0001')).normalize():f}"


def _taxed(row: Row) -> Decimal:
    """The gross with tax, where the store does not say it: at the rate that the net was taxed."""
    if row.percent is not None:
        return (row.gross * (1 + row.percent / 100)).quantize(CENT)
    return (row.gross * row.net_with_tax / row.net).quantize(CENT) if row.net else row.gross


def _unit(price: Decimal, gross: Decimal, quantity: Decimal) -> Decimal:
    """The store's unit price where it comes to the row's amount, otherwise the amount's share."""
    if not quantity or price * quantity == gross:
        return price
    return gross / quantity
