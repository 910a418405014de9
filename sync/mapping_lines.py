"""Goods, charges and other amounts of an order into lines of a draft."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from decimal import Decimal
from typing import Any

from connectors.contract import Target
from connectors.records import (
    Charge,
    ChargeKind,
    DraftLine,
    ErpItem,
    LineKind,
    OrderLine,
)
from sync.lookups import CHARGES, TAX_CODES
from sync.mapping_values import MappingHold, Missing, fields_of
from sync.rules import Rules

ONE = Decimal(1)


def goods_line(
    line: OrderLine,
    order: Mapping[str, Any],
    items: Mapping[str, ErpItem],
    rules: Rules,
    missing: Missing,
) -> DraftLine | None:
    """The draft of one line of goods; None if its SKU is unknown and the route names no stand-in."""
    source = f"line:{line.external_id}"
    special = {"giftcertificate": "gift_certificate"}.get(line.kind)
    if line.kind == "custom" and not line.sku and rules.look_up(CHARGES, "custom_product"):
        special = "custom_product"
    if special:
        kind, number = target_of(CHARGES, special, rules, missing)
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
    fields, _ = fields_of(Target.LINE, context, rules, missing)
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


def charge_line(
    charge: Charge, order: Mapping[str, Any], rules: Rules, missing: Missing
) -> DraftLine | None:
    """The draft of a charge, to the account or item of its kind or of its own name; None for one
    of nothing."""
    if not charge.amount_inc_tax and not charge.amount_ex_tax:
        return None
    key = charge.kind.value
    if charge.name and rules.look_up(CHARGES, f"{key}:{charge.name}") is not None:
        key = f"{key}:{charge.name}"
    line = money_line(
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
    bears_no_tax = charge.kind in (ChargeKind.ADJUSTMENT, ChargeKind.TAX)
    return untaxed(line, rules, missing) if bears_no_tax and rules.erp_taxes else line


def money_line(
    table: str,
    key: str,
    description: str,
    quantity: Decimal,
    ex_tax: Decimal,
    inc_tax: Decimal,
    source: str,
    order: Mapping[str, Any],
    rules: Rules,
    missing: Missing,
    *,
    tax_class: str = "",
) -> DraftLine:
    """The draft of an amount that is no goods: charge, discount, tax, rounding. ``key`` names its
    row in the lookup table."""
    kind, number = target_of(table, key, rules, missing)
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


def untaxed(line: DraftLine, rules: Rules, missing: Missing, *, required: bool = True) -> DraftLine:
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


def target_of(table: str, key: str, rules: Rules, missing: Missing) -> tuple[LineKind, str]:
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


def hold_unknown(lines: Sequence[OrderLine]) -> None:
    """Raises MappingHold for goods that are unknown in the ERP, by SKU."""
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
