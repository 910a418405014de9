"""A sales document's amounts as the application works them out.

Line amount = quantity × unit price, rounded to the currency, less the line discount. VAT is worked
out for each VAT identifier over the whole document and shared out over its lines, so that a line's
own rounding can differ from the document's by a cent.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

ZERO = Decimal(0)
UNIT = Decimal("0.00001")


def round_to(value: Decimal, precision: Decimal) -> Decimal:
    return (value / precision).quantize(Decimal(1), rounding=ROUND_HALF_UP) * precision


def work_out(header: dict[str, Any], lines: list[dict[str, Any]], precision: Decimal) -> None:
    """Fill the amounts of lines and header. ``_percent`` and ``_group`` of a line are its VAT."""
    inclusive = header["pricesIncludeTax"]
    for line in lines:
        gross = round_to(line["quantity"] * line["unitPrice"], precision)
        if line.pop("_by_percent", False):
            line["discountAmount"] = round_to(gross * line["discountPercent"] / 100, precision)
        elif gross:
            line["discountPercent"] = (line["discountAmount"] / gross * 100).quantize(UNIT)
        line["_amount"] = gross - line["discountAmount"]
        line["invoiceDiscountAllocation"] = ZERO
    _invoice_discount(header, lines, precision)
    total_ex = total_tax = ZERO
    for group in dict.fromkeys(line["_group"] for line in lines):
        members = [line for line in lines if line["_group"] == group]
        percent = members[0]["_percent"]
        exact_seen = given = ZERO
        for line in members:
            net = line["_amount"] - line["invoiceDiscountAllocation"]
            if inclusive:
                exact_seen += net - net / (1 + percent / 100)
            else:
                exact_seen += net * percent / 100
            # The remainder of each line's rounding is carried to the next of the same identifier.
            tax = round_to(exact_seen, precision) - given
            given += tax
            line["taxPercent"] = percent
            line["netTaxAmount"] = line["totalTaxAmount"] = tax
            line["netAmount"] = net - tax if inclusive else net
            line["netAmountIncludingTax"] = net if inclusive else net + tax
            line["amountExcludingTax"] = line["netAmount"]
            line["amountIncludingTax"] = line["netAmountIncludingTax"]
            total_ex += line["netAmount"]
            total_tax += tax
    header["totalAmountExcludingTax"] = total_ex
    header["totalTaxAmount"] = total_tax
    header["totalAmountIncludingTax"] = total_ex + total_tax


def _invoice_discount(
    header: dict[str, Any], lines: list[dict[str, Any]], precision: Decimal
) -> None:
    """Spread over item lines; G/L account lines never take part."""
    amount = header.get("discountAmount") or ZERO
    eligible = [line for line in lines if line["lineType"] == "Item" and line["_amount"] > 0]
    total = sum((line["_amount"] for line in eligible), ZERO)
    if not amount or not total:
        return
    seen = given = ZERO
    for line in eligible:
        seen += amount * line["_amount"] / total
        share = round_to(seen, precision) - given
        given += share
        line["invoiceDiscountAllocation"] = share
