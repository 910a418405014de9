"""Records and rules into drafts: pure, no I/O.

Whatever a rule cannot fill becomes a ``MappingHold`` that names what is missing and where to add
it; nothing is guessed. Text that is longer than the ERP's field is shortened here, deliberately,
and the draft's notes say so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

from connectors.contract import Target, TargetField
from connectors.records import (
    Charge,
    ChargeKind,
    CustomerDraft,
    DocumentDraft,
    DocumentKind,
    DraftLine,
    ErpCustomer,
    ErpItem,
    LineKind,
    Order,
    OrderLine,
    Payment,
)
from sync.lookups import CHARGES, PAYMENT_ACCOUNTS, TABLES, TAX_CODES
from sync.rules import Rules, evaluate

ZERO = Decimal(0)
ONE = Decimal(1)


class MappingHold(Exception):
    """The mapping cannot be finished. ``keys`` are the lookup or item keys that would release it,
    as ``lookup:<table>:<key>`` or ``item:<sku>``."""

    def __init__(self, hold: str, reason: str, advice: str, keys: Sequence[str] = ()) -> None:
        super().__init__(reason)
        self.hold = hold
        self.reason = reason
        self.advice = advice
        self.keys = tuple(keys)


@dataclass(slots=True)
class _Missing:
    """Collects everything that is missing, so that a person can mend it in one go."""

    lookups: list[tuple[str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def raise_if_any(self) -> None:
        if self.problems:
            raise MappingHold(
                "mapping",
                " ".join(self.problems),
                "Correct the field mapping of this route, then release the transfer.",
            )
        if self.lookups:
            wanted = sorted(set(self.lookups))
            names = "; ".join(
                f"“{key}” in {TABLES[table].title if table in TABLES else table}"
                for table, key in wanted
            )
            raise MappingHold(
                "lookup_missing",
                f"No lookup row for {names}.",
                "Add the row under Mappings: every transfer that waits for it then goes by itself.",
                [f"lookup:{table}:{key}" for table, key in wanted],
            )


def to_customer(
    order: Order, rules: Rules, *, store_key: str = "", sequence: int = 0
) -> CustomerDraft:
    """The ERP customer for this order's shopper, within the ERP's field lengths."""
    missing = _Missing()
    context = {
        "customer": asdict(order.customer),
        "order": asdict(order),
        "sequence": sequence,
        "store_key": store_key,
    }
    fields, notes = _fields(Target.CUSTOMER, context, rules, missing)
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
    missing = _Missing()
    record = asdict(order)
    context = {
        "order": record,
        "reference": reference,
        "document_date": document_date.isoformat(),
        "posting_date": posting_date.isoformat(),
    }
    fields, notes = _fields(Target.INVOICE, context, rules, missing)
    lines: list[DraftLine] = []
    unknown: list[OrderLine] = []
    for sold in order.lines:
        draft = _goods_line(sold, record, items, rules, missing)
        if draft is None:
            unknown.append(sold)
        else:
            lines.append(draft)
    if unknown:
        _hold_unknown(unknown)
    lines += [
        line for charge in order.charges if (line := _charge_line(charge, record, rules, missing))
    ]
    lines += [
        _money_line(
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
            _money_line(
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
        lines = [_untaxed(line, rules, missing) for line in lines]
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
    missing = _Missing()
    record = asdict(order)
    unknown = [
        line for line in order.lines if _goods_line(line, record, items, rules, missing) is None
    ]
    if unknown:
        _hold_unknown(unknown)


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
    missing = _Missing()
    context = {
        "payment": asdict(payment),
        "order": asdict(order),
        "reference": reference,
        "document_date": day.isoformat(),
        "applies_to": applies_to_number,
    }
    fields, notes = _fields(Target.PAYMENT, context, rules, missing)
    kind, number = _target_of(PAYMENT_ACCOUNTS, payment.method or "*", rules, missing)
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
    missing = _Missing()
    line = _money_line(
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
    return replace(draft, lines=(*draft.lines, _untaxed(line, rules, missing, required=False)))


def _goods_line(
    line: OrderLine,
    order: Mapping[str, Any],
    items: Mapping[str, ErpItem],
    rules: Rules,
    missing: _Missing,
) -> DraftLine | None:
    """The draft of one line of goods; None if its SKU is unknown and the route names no stand-in."""
    source = f"line:{line.external_id}"
    special = {"giftcertificate": "gift_certificate"}.get(line.kind)
    if line.kind == "custom" and not line.sku and rules.look_up(CHARGES, "custom_product"):
        special = "custom_product"
    if special:
        kind, number = _target_of(CHARGES, special, rules, missing)
        item = None
    else:
        item = items.get(line.sku)
        if item is not None:
            kind, number = LineKind.ITEM, item.number
        elif rules.unknown_sku in ("item", "account") and rules.unknown_sku_number:
            kind, number = LineKind(rules.unknown_sku), rules.unknown_sku_number
        else:
            return None
    context = {
        "line": asdict(line),
        "order": order,
        "item": asdict(item) if item else {},
    }
    fields, _ = _fields(Target.LINE, context, rules, missing)
    return DraftLine(
        kind=kind,
        number=number,
        description=fields.pop("description", "") or line.name,
        quantity=line.quantity,
        unit_price_ex_tax=line.unit_price_ex_tax,
        unit_price_inc_tax=line.unit_price_inc_tax,
        discount_ex_tax=line.discount_ex_tax,
        discount_inc_tax=line.discount_inc_tax,
        source=source,
        item_id=item.external_id if item else "",
        variant_id=item.variant_id if item else "",
        fields=fields,
        item_attributes=dict(item.attributes) if item else {},
    )


def _charge_line(
    charge: Charge, order: Mapping[str, Any], rules: Rules, missing: _Missing
) -> DraftLine | None:
    if not charge.amount_inc_tax and not charge.amount_ex_tax:
        return None
    key = charge.kind.value
    if charge.name and rules.look_up(CHARGES, f"{key}:{charge.name}") is not None:
        key = f"{key}:{charge.name}"
    line = _money_line(
        CHARGES,
        key,
        charge.name or charge.kind.value.capitalize(),
        ONE,
        charge.amount_ex_tax,
        charge.amount_inc_tax,
        f"{charge.kind.value}:{charge.external_id}" if charge.external_id else charge.kind.value,
        order,
        rules,
        missing,
        tax_class=charge.tax_class,
    )
    # What is given back beside the goods carries no tax, and a tax is not taxed again.
    untaxed = charge.kind in (ChargeKind.ADJUSTMENT, ChargeKind.TAX)
    return _untaxed(line, rules, missing) if untaxed and rules.erp_taxes else line


def _money_line(
    table: str,
    key: str,
    description: str,
    quantity: Decimal,
    ex_tax: Decimal,
    inc_tax: Decimal,
    source: str,
    order: Mapping[str, Any],
    rules: Rules,
    missing: _Missing,
    *,
    tax_class: str = "",
) -> DraftLine:
    kind, number = _target_of(table, key, rules, missing)
    fields: dict[str, str] = {}
    tax_code = rules.look_up(TAX_CODES, key) or (
        rules.look_up(TAX_CODES, tax_class) if tax_class else None
    )
    if tax_code:
        fields["tax_code"] = tax_code
    if tax_class:
        fields["tax_class"] = tax_class
    negative = inc_tax < 0
    # A reduction is a negative quantity at a positive price: unit prices are never negative.
    return DraftLine(
        kind=kind,
        number=number,
        description=description[:100],
        quantity=-quantity if negative else quantity,
        unit_price_ex_tax=abs(ex_tax),
        unit_price_inc_tax=abs(inc_tax),
        source=source,
        fields=fields,
    )


def _untaxed(
    line: DraftLine, rules: Rules, missing: _Missing, *, required: bool = True
) -> DraftLine:
    """A line that the ERP must not tax: the store's tax stands in a line of its own."""
    code = rules.look_up(TAX_CODES, "no_tax")
    if code is None:
        if required:
            missing.lookups.append((TAX_CODES, "no_tax"))
        return line
    return replace(
        line,
        unit_price_inc_tax=line.unit_price_ex_tax,
        discount_inc_tax=line.discount_ex_tax,
        fields={**line.fields, "tax_code": code},
    )


def _target_of(table: str, key: str, rules: Rules, missing: _Missing) -> tuple[LineKind, str]:
    """An account or item from the charges table: ``account:6710``, ``item:FREIGHT`` or ``6710``."""
    value = rules.look_up(table, key)
    if value is None:
        missing.lookups.append((table, key))
        return LineKind.ACCOUNT, ""
    kind, colon, number = value.partition(":")
    if not colon:
        return LineKind.ACCOUNT, value.strip()
    if kind.strip().casefold() not in (LineKind.ITEM, LineKind.ACCOUNT):
        missing.problems.append(
            f"The lookup row “{key}” must be “account:” or “item:” with a number, not “{value}”."
        )
        return LineKind.ACCOUNT, ""
    return LineKind(kind.strip().casefold()), number.strip()


def _hold_unknown(lines: Sequence[OrderLine]) -> None:
    names = "; ".join(
        f"{line.sku or 'no SKU'} ({line.name})" if line.name else line.sku for line in lines
    )
    skus = sorted({line.sku for line in lines if line.sku})
    advice = (
        "Create the item in the ERP, or say under Mappings which item this SKU is. "
        "Every transfer that waits for it then goes by itself."
    )
    if not skus:
        advice = (
            "A product without a SKU needs a row “custom_product” in Charges and special lines, "
            "or a stand-in item in the route's settings."
        )
    keys = [f"item:{sku}" for sku in skus]
    if any(not line.sku for line in lines):
        keys.append(f"lookup:{CHARGES}:custom_product")
    raise MappingHold("item_unknown", f"Not known in the ERP: {names}.", advice, keys)


def _fields(
    target: Target, context: Mapping[str, Any], rules: Rules, missing: _Missing
) -> tuple[dict[str, str], list[str]]:
    values: dict[str, str] = {}
    notes: list[str] = []
    for info in rules.targets.get(target, ()):
        if info.fixed and not info.builtin:
            continue
        text = _value(target, info, context, rules, missing)
        if info.kind == "email" and info.max_length and len(text) > info.max_length:
            notes.append(f"{info.label} is longer than {info.max_length} characters: left empty.")
            text = ""
        if info.max_length and len(text) > info.max_length:
            notes.append(f"{info.label} was shortened to {info.max_length} characters.")
            text = text[: info.max_length].rstrip()
        values[info.name] = text
    return values, notes


def _value(
    target: Target, info: TargetField, context: Mapping[str, Any], rules: Rules, missing: _Missing
) -> str:
    rule = rules.rule(target, info)
    if rule.source == "constant":
        return rule.expression or rule.default
    try:
        found = as_text(evaluate(rule.expression, context))
    except ValueError as error:
        missing.problems.append(f"The mapping of {info.label} cannot be worked out: {error}")
        return ""
    if rule.source == "lookup":
        if not found:
            return rule.default
        value = rules.look_up(rule.lookup, found)
        if value is not None:
            return value
        if rule.default or not _is_required(rules, target, info):
            return rule.default
        missing.lookups.append((rule.lookup, found))
        return ""
    return found or rule.default


def _is_required(rules: Rules, target: Target, info: TargetField) -> bool:
    """A person who chose a lookup without a default wants a hold where the row is missing; the
    built-in lookups are only applied where rows exist."""
    return (target.value, info.name) in rules.overrides


def as_text(value: Any) -> str:
    """A record's value as the text that an ERP field takes."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, list | tuple):
        return ", ".join(text for text in map(as_text, value) if text)
    if isinstance(value, dict):
        return ""
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return " ".join(str(value).split())


def _ex_tax(amount: Decimal, order: Order) -> Decimal:
    """An order-level discount without tax, at the order's own average rate if prices include it."""
    if not order.prices_include_tax or not order.total_inc_tax:
        return amount
    return amount * order.total_ex_tax / order.total_inc_tax


def _inc_tax(amount: Decimal, order: Order) -> Decimal:
    if order.prices_include_tax or not order.total_ex_tax:
        return amount
    return amount * order.total_inc_tax / order.total_ex_tax
