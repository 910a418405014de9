"""The header of an order, invoice or credit memo: charges, tenders and totals that add up.

grand total = subtotal + discount (negative) + its tax compensation + shipping + its compensation
+ tax + gift wrapping + custom fees + adjustments - gift cards - store credit - reward points.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from connectors.records import Charge, ChargeKind, OrderLine, Tender, TenderKind
from connectors.stores.adobe_commerce.amounts import CENT, ZERO, Amounts, share
from connectors.stores.adobe_commerce.rows import Row, to_line

REWARD_POINTS = "reward-points"
SHIPPING = "shipping"
MOST_FEES_TRIED = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a document comes to. ``rounding`` is what its rows and its header differed by, moved
    to the row with the largest amount; zero nearly always."""

    lines: tuple[OrderLine, ...]
    charges: tuple[Charge, ...]
    tenders: tuple[Tender, ...]
    total_tax: Decimal
    total_inc_tax: Decimal
    rounding: Decimal


def of_document(
    head: Amounts,
    rows: Sequence[Row],
    *,
    taxes: Mapping[str, str],
    coupon: str = "",
    shipping_name: str = "",
    shipping_method: str = "",
    fees: Sequence[Charge] = (),
    possible: Sequence[Charge] = (),
    reward: Decimal = ZERO,
) -> Figures:
    """Put rows and header together. ``fees`` are in the total; of those in ``possible`` only as
    many are taken as explain what the rest leaves open. ``reward`` is what reward points paid on
    the whole order, for documents, which do not say their part of it."""
    extra = head.inner("extension_attributes")
    tenders = list(_tenders(extra))
    total = head.amount("grand_total", None) + sum((t.amount for t in tenders), ZERO)
    tax = head.amount("tax_amount")
    rows = _with_headers_discount(head, rows)
    shipping = _shipping(head, rows, shipping_name, shipping_method, taxes)
    charges = [*shipping, *fees, *_adjustments(head)]
    wrapping, wrapping_tax = _wrapping(extra)
    if wrapping is not None:
        # Whether the header's tax has the wrapping's in it is told by the grand total alone.
        apart = abs(_subtotal_parts(head, charges) + tax + wrapping.amount_inc_tax - total) < CENT
        tax += wrapping_tax if apart else ZERO
        charges.append(wrapping)
    rows = _with_headers_tax(
        rows, tax - sum((c.amount_inc_tax - c.amount_ex_tax for c in charges), ZERO)
    )
    left = total - _sum(rows, charges)
    if CENT <= -left <= reward:
        tenders.append(Tender(kind=TenderKind.STORE_CREDIT, amount=-left, code=REWARD_POINTS))
        total, left = total - left, ZERO
    charges += _explaining(left, [*possible, *_fixed_product_taxes(rows)])
    rows, rounding = _rounded(rows, charges, total, tax)
    return Figures(
        lines=tuple(to_line(row, coupon=coupon, taxes=taxes) for row in rows),
        charges=tuple(charges),
        tenders=tuple(tenders),
        total_tax=tax,
        total_inc_tax=total,
        rounding=rounding,
    )


def custom_fees(extra: Amounts) -> list[Charge]:
    """Fees that the merchant's own extensions add. Commerce states no tax on them."""
    return [
        Charge(
            kind=ChargeKind.FEE,
            name=fee.text("custom_fee_label", "") or fee.text("custom_fee_code", "Fee"),
            external_id=fee.text("custom_fee_code", ""),
            amount_ex_tax=fee.amount("custom_fee_amount"),
            amount_inc_tax=fee.amount("custom_fee_amount"),
        )
        for fee in extra.each("custom_fees")
        if fee.amount("custom_fee_amount")
    ]


def _sum(rows: Sequence[Row], charges: Sequence[Charge]) -> Decimal:
    goods = sum((row.net_with_tax for row in rows), ZERO)
    return goods + sum((charge.amount_inc_tax for charge in charges), ZERO)


def _subtotal_parts(head: Amounts, charges: Sequence[Charge]) -> Decimal:
    """The header's identity without tax and wrapping."""
    named = ("subtotal", "discount_amount", "discount_tax_compensation_amount", "shipping_amount",
             "shipping_discount_tax_compensation_amount")  # fmt: skip
    others = (c for c in charges if c.kind is not ChargeKind.SHIPPING)
    return sum((head.amount(name) for name in named), ZERO) + sum(
        (charge.amount_ex_tax for charge in others), ZERO
    )


def _shipping(
    head: Amounts,
    rows: Sequence[Row],
    name: str,
    method: str,
    taxes: Mapping[str, str],
) -> Iterator[Charge]:
    amount = head.amount("shipping_amount")
    if head.has("shipping_discount_amount"):
        taken = abs(head.amount("shipping_discount_amount"))
    else:
        # Invoices and credit memos do not say it: what the rows leave of the header's discount.
        rest = abs(head.amount("discount_amount")) - sum((row.discount for row in rows), ZERO)
        taken = rest if CENT <= rest <= max(amount, head.amount("shipping_incl_tax")) else ZERO
    net = amount - taken + head.amount("shipping_discount_tax_compensation_amount")
    tax = head.amount("shipping_tax_amount")
    if net or tax:
        yield Charge(
            kind=ChargeKind.SHIPPING,
            name=name,
            method=method,
            amount_ex_tax=net,
            amount_inc_tax=net + tax,
            tax_class=taxes.get(SHIPPING, ""),
        )


def _adjustments(head: Amounts) -> Iterator[Charge]:
    """What a credit memo gives back, or keeps, beside all rows. Orders only sum them up."""
    if "order_id" not in head:
        return
    for name, sign, words in (
        ("adjustment_positive", 1, "Adjustment refund"),
        ("adjustment_negative", -1, "Adjustment fee"),
    ):
        amount = abs(head.amount(name)) * sign
        if amount:
            yield Charge(
                kind=ChargeKind.ADJUSTMENT,
                name=words,
                amount_ex_tax=amount,
                amount_inc_tax=amount,
                external_id=name.rpartition("_")[2],
            )


def _wrapping(extra: Amounts) -> tuple[Charge | None, Decimal]:
    """Gift wrapping of order, items and card together, and its tax."""
    net = sum((extra.amount(f"gw_{part}price") for part in ("", "items_", "card_")), ZERO)
    tax = sum((extra.amount(f"gw_{part}tax_amount") for part in ("", "items_", "card_")), ZERO)
    if not net:
        return None, ZERO
    return (
        Charge(
            kind=ChargeKind.WRAPPING,
            name="Gift wrapping",
            amount_ex_tax=net,
            amount_inc_tax=net + tax,
        ),
        tax,
    )


def _tenders(extra: Amounts) -> Iterator[Tender]:
    cards = extra.amount("gift_cards_amount")
    if cards:
        each = [
            Tender(
                kind=TenderKind.GIFT_CERTIFICATE,
                amount=card.amount("amount"),
                code=card.text("code", ""),
            )
            for card in extra.each("gift_cards")
        ]
        if sum((card.amount for card in each), ZERO) == cards:
            yield from each
        else:
            yield Tender(kind=TenderKind.GIFT_CERTIFICATE, amount=cards)
    for name, code in (("customer_balance_amount", ""), ("reward_currency_amount", REWARD_POINTS)):
        amount = extra.amount(name)
        if amount:
            yield Tender(kind=TenderKind.STORE_CREDIT, amount=amount, code=code)


def _with_headers_discount(head: Amounts, rows: Sequence[Row]) -> list[Row]:
    """A partial document of a bundle may show its discount in a row that carries no money."""
    wanted = abs(head.amount("discount_amount"))
    have = sum((row.discount for row in rows), ZERO)
    bare = [row for row in rows if row.had_discount and not row.discount and row.gross]
    rest = wanted - have - abs(head.amount("shipping_discount_amount"))
    room = sum((row.gross for row in bare), ZERO)
    if head.amount("shipping_amount") or not (CENT * len(rows) < rest <= room):
        return list(rows)
    back = head.amount("discount_tax_compensation_amount") - sum(
        (row.compensation for row in rows), ZERO
    )
    weights = [row.gross for row in bare]
    shares = {
        row.item_id: (taken, given)
        for row, taken, given in zip(bare, share(rest, weights), share(back, weights), strict=True)
    }
    return [
        replace(row, discount=shares[row.item_id][0], compensation=shares[row.item_id][1])
        if row.item_id in shares
        else row
        for row in rows
    ]


def _with_headers_tax(rows: Sequence[Row], goods_tax: Decimal) -> list[Row]:
    """Tax that stands in a bundle's own row belongs to the components that carry its price."""
    rest = goods_tax - sum((row.tax for row in rows), ZERO)
    bare = [row for row in rows if row.had_tax and not row.tax and row.net]
    if abs(rest) <= CENT * len(rows) or rest < 0 or not bare:
        return list(rows)
    shares = dict(
        zip((row.item_id for row in bare), share(rest, [row.net for row in bare]), strict=True)
    )
    return [replace(row, tax=shares.get(row.item_id, row.tax)) for row in rows]


def _fixed_product_taxes(rows: Sequence[Row]) -> list[Charge]:
    amount = sum((row.fixed_product_tax for row in rows), ZERO)
    if not amount:
        return []
    return [
        Charge(
            kind=ChargeKind.FEE,
            name="Fixed product tax",
            external_id="weee",
            amount_ex_tax=amount,
            amount_inc_tax=amount,
        )
    ]


def _explaining(left: Decimal, possible: Sequence[Charge]) -> list[Charge]:
    """Those charges that come to exactly what is left open; none if no choice of them does."""
    if abs(left) < CENT:
        return []
    for count in range(1, min(len(possible), MOST_FEES_TRIED) + 1):
        for some in itertools.combinations(possible, count):
            if abs(sum((charge.amount_inc_tax for charge in some), ZERO) - left) < CENT:
                return list(some)
    return []


def _rounded(
    rows: Sequence[Row], charges: Sequence[Charge], total: Decimal, tax: Decimal
) -> tuple[list[Row], Decimal]:
    """Rows that come to the header's totals, where they miss them by a cent a row at most.

    Commerce rounds each row and the header by itself; the header is what the shopper paid. A
    larger difference stays visible, for a person.
    """
    left = total - _sum(rows, charges)
    tax_left = (
        tax
        - sum((row.tax for row in rows), ZERO)
        - sum((charge.amount_inc_tax - charge.amount_ex_tax for charge in charges), ZERO)
    )
    net_left = left - tax_left
    bound = CENT * (len(rows) + 1)
    if not rows or not (left or tax_left) or max(abs(tax_left), abs(net_left)) > bound:
        return list(rows), ZERO
    index = max(range(len(rows)), key=lambda number: rows[number].net_with_tax)
    row = rows[index]
    found = list(rows)
    found[index] = replace(row, gross=row.gross + net_left, tax=row.tax + tax_left)
    return found, net_left + tax_left
