"""Records and rules into drafts: pure, no I/O.

Whatever a rule cannot fill becomes a ``MappingHold`` that names what is missing and where to add
it; nothing is guessed. Text that is longer than the ERP's field is shortened here, deliberately,
and the draft's notes say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import date
from decimal import Decimal

from connectors.contract import Target
from connectors.records import (
    ChargeKind,
    CustomerDraft,
    DocumentDraft,
    DocumentKind,
    DraftLine,
    ErpCustomer,
    ErpItem,
    Order,
    OrderLine,
    Payment,
)
from sync.lookups import CHARGES, PAYMENT_ACCOUNTS
from sync.mapping_lines import (
    ONE,
    charge_line,
    goods_line,
    hold_unknown,
    money_line,
    target_of,
    untaxed,
)
from sync.mapping_values import Missing, fields_of
from sync.rules import Rules

ZERO = Decimal(0)


def to_customer(
    order: Order, rules: Rules, *, store_key: str = "", sequence: int = 0
) -> CustomerDraft:
    """The ERP customer for this order's shopper, within the ERP's field lengths."""
    missing = Missing()
    context = {
        "customer": asdict(order.customer),
        "order": asdict(order),
        "sequence": sequence,
        "store_key": store_key,
    }
    fields, notes = fields_of(Target.CUSTOMER, context, rules, missing)
    missing.raise_if_any()
    return CustomerDraft(
        email=order.customer.email,
        display_name=fields.get("display_name", "") or order.customer.email,
        fields=fields,
        notes=tuple(notes),
        store_key=store_key,
        sequence=sequence,
    )


def to_document(
    order: Order,
    *,
    kind: DocumentKind,
    reference: str,
    customer: ErpCustomer,
    items: Mapping[str, ErpItem],
    document_date: date,
    posting_date: date,
    prices_include_tax: bool,
    rules: Rules,
) -> DocumentDraft:
    """The ERP document for an order.

    ``items`` maps each SKU to its ERP item. The draft's total is the order's total with tax:
    gift certificates and store credit are payments and do not lower it. Raises MappingHold.
    """
    missing = Missing()
    record = asdict(order)
    context = {
        "order": record,
        "reference": reference,
        "document_date": document_date.isoformat(),
        "posting_date": posting_date.isoformat(),
    }
    fields, notes = fields_of(Target.INVOICE, context, rules, missing)
    lines: list[DraftLine] = []
    unknown: list[OrderLine] = []
    for sold in order.lines:
        draft = goods_line(sold, record, items, rules, missing)
        if draft is None:
            unknown.append(sold)
        else:
            lines.append(draft)
    if unknown:
        hold_unknown(unknown)
    lines += [
        line for charge in order.charges if (line := charge_line(charge, record, rules, missing))
    ]
    lines += [
        money_line(
            CHARGES,
            "discount",
            discount.name or discount.code or "Order discount",
            ONE,
            -_ex_tax(discount.amount, order),
            -_inc_tax(discount.amount, order),
            "discount",
            record,
            rules,
            missing,
        )
        for discount in order.discounts
        if discount.amount
    ]
    tax = order.total_tax - _tax_in_lines(order)
    if rules.tax == "line" and tax:
        lines.append(
            money_line(
                CHARGES,
                "tax",
                "Sales tax as charged by the store",
                ONE,
                tax,
                tax,
                "tax",
                record,
                rules,
                missing,
            )
        )
    missing.raise_if_any()
    if rules.tax == "line":
        lines = [untaxed(line, rules, missing) for line in lines]
        missing.raise_if_any()
    return DocumentDraft(
        kind=kind,
        reference=reference,
        customer_id=customer.external_id,
        customer_number=customer.number,
        document_date=document_date,
        posting_date=posting_date,
        currency=order.currency,
        prices_include_tax=prices_include_tax and rules.tax != "line",
        lines=tuple(lines),
        total_inc_tax=order.total_inc_tax,
        total_tax=tax,
        fields=fields,
        notes=tuple(dict.fromkeys(notes)),
        order_number=order.number,
    )


def must_know_items(order: Order, items: Mapping[str, ErpItem], rules: Rules) -> None:
    """Raises MappingHold for goods that are unknown in the ERP, if the route has no stand-in."""
    missing = Missing()
    record = asdict(order)
    unknown = [
        line for line in order.lines if goods_line(line, record, items, rules, missing) is None
    ]
    if unknown:
        hold_unknown(unknown)


def to_payment(
    payment: Payment,
    order: Order,
    *,
    reference: str,
    customer: ErpCustomer,
    day: date,
    applies_to_number: str,
    rules: Rules,
) -> DocumentDraft:
    """The ERP's document for money received, or given back where the amount is negative. The
    account that it goes to is looked up by payment method. Raises MappingHold."""
    missing = Missing()
    context = {
        "payment": asdict(payment),
        "order": asdict(order),
        "reference": reference,
        "document_date": day.isoformat(),
        "applies_to": applies_to_number,
    }
    fields, notes = fields_of(Target.PAYMENT, context, rules, missing)
    kind, number = target_of(PAYMENT_ACCOUNTS, payment.method or "*", rules, missing)
    missing.raise_if_any()
    line = DraftLine(
        kind=kind,
        number=number,
        description=f"{payment.method} {order.number}".strip()[:100],
        quantity=ONE,
        unit_price_ex_tax=payment.amount,
        unit_price_inc_tax=payment.amount,
        source=f"payment:{payment.external_id}",
    )
    return DocumentDraft(
        kind=DocumentKind.PAYMENT,
        reference=reference,
        customer_id=customer.external_id,
        customer_number=customer.number,
        document_date=day,
        posting_date=day,
        currency=payment.currency or order.currency,
        prices_include_tax=False,
        lines=(line,),
        total_inc_tax=payment.amount,
        total_tax=ZERO,
        fields=fields,
        notes=tuple(notes),
        applies_to_number=applies_to_number,
        order_number=order.number,
    )


def _tax_in_lines(order: Order) -> Decimal:
    """Tax that stands in a line of its own, so that the ERP is not expected to work it out."""
    return sum(
        (charge.amount_inc_tax for charge in order.charges if charge.kind is ChargeKind.TAX), ZERO
    )


def with_rounding(draft: DocumentDraft, difference: Decimal, rules: Rules) -> DocumentDraft:
    """The draft with the store's cent difference in a line of its own, never plugged elsewhere."""
    missing = Missing()
    line = money_line(
        CHARGES,
        "rounding",
        "Rounding difference",
        ONE,
        difference,
        difference,
        "rounding",
        {},
        rules,
        missing,
    )
    missing.raise_if_any()
    return replace(draft, lines=(*draft.lines, untaxed(line, rules, missing, required=False)))


def _ex_tax(amount: Decimal, order: Order) -> Decimal:
    """An order-level discount without tax, at the order's own average rate if prices include it."""
    if not order.prices_include_tax or not order.total_inc_tax:
        return amount
    return amount * order.total_ex_tax / order.total_inc_tax


def _inc_tax(amount: Decimal, order: Order) -> Decimal:
    if order.prices_include_tax or not order.total_ex_tax:
        return amount
    return amount * order.total_inc_tax / order.total_ex_tax
