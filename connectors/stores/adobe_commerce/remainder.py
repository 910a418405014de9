"""An order whose uninvoiced rest was cancelled: pure. Commerce keeps its totals as they were placed
and cancels everything that no invoice has, so that what is left of it is the sum of its invoices.
Source: core Order::registerCancellation; REST schema of 2.4.8, ``total_canceled``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from connectors.records import Charge, Order, OrderLine, StoreInvoice, Tender
from connectors.stores.adobe_commerce.amounts import ZERO, Amounts


def is_canceled_in_part(raw: Mapping[str, Any]) -> bool:
    """Whether a part of a placed order will never be invoiced, and another part was."""
    head = Amounts(raw, "order", base=True)
    return (
        head.text("state", "") != "canceled"
        and head.amount("total_canceled") > 0
        and head.amount("total_invoiced") > 0
    )


def of_invoices(order: Order, invoices: Sequence[StoreInvoice]) -> Order:
    """The order with only what these invoices bill; cancelled ones bill nothing."""
    sales = [invoice.sale for invoice in invoices if not invoice.is_canceled]
    if not sales:
        return order
    rounding = sum((Decimal(sale.extra.get("rounding", "0")) for sale in sales), ZERO)
    extra = {name: text for name, text in order.extra.items() if name != "rounding"}
    if rounding:
        extra["rounding"] = f"{rounding:f}"
    return replace(
        order,
        lines=tuple(_lines(line for sale in sales for line in sale.lines)),
        charges=tuple(_charges(charge for sale in sales for charge in sale.charges)),
        discounts=tuple(discount for sale in sales for discount in sale.discounts),
        tenders=tuple(_tenders(tender for sale in sales for tender in sale.tenders)),
        total_ex_tax=sum((sale.total_ex_tax for sale in sales), ZERO),
        total_tax=sum((sale.total_tax for sale in sales), ZERO),
        total_inc_tax=sum((sale.total_inc_tax for sale in sales), ZERO),
        extra=extra,
    )


def _lines(lines: Iterable[OrderLine]) -> list[OrderLine]:
    found: dict[str, OrderLine] = {}
    for line in lines:
        known = found.get(line.external_id)
        found[line.external_id] = line if known is None else replace(
            known,
            quantity=known.quantity + line.quantity,
            net_ex_tax=known.net_ex_tax + line.net_ex_tax,
            net_inc_tax=known.net_inc_tax + line.net_inc_tax,
            discount_ex_tax=known.discount_ex_tax + line.discount_ex_tax,
            discount_inc_tax=known.discount_inc_tax + line.discount_inc_tax,
            discounts=(*known.discounts, *line.discounts),
        )  # fmt: skip
    return list(found.values())


def _charges(charges: Iterable[Charge]) -> list[Charge]:
    found: dict[tuple[object, ...], Charge] = {}
    for charge in charges:
        key = (charge.kind, charge.external_id, charge.name, charge.tax_class)
        known = found.get(key)
        found[key] = charge if known is None else replace(
            known,
            amount_ex_tax=known.amount_ex_tax + charge.amount_ex_tax,
            amount_inc_tax=known.amount_inc_tax + charge.amount_inc_tax,
        )  # fmt: skip
    return list(found.values())


def _tenders(tenders: Iterable[Tender]) -> list[Tender]:
    found: dict[tuple[object, str], Tender] = {}
    for tender in tenders:
        key = (tender.kind, tender.code)
        known = found.get(key)
        found[key] = (
            tender if known is None else replace(known, amount=known.amount + tender.amount)
        )
    return list(found.values())
