"""Sales tax as the environment works it out: codes that both groups have, over the whole invoice."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sandbox.finance_operations import seed
from sandbox.finance_operations.orders import rounded

ZERO = Decimal(0)


@dataclass(slots=True)
class Taxed:
    """A line to be taxed: ``amount`` as entered, ``net`` and ``tax`` as worked out."""

    amount: Decimal
    percent: Decimal
    net: Decimal = ZERO
    tax: Decimal = ZERO


def percent_of(tax_group: str, item_group: str) -> Decimal:
    """The sum of the tax codes that the sales tax group and the item's group share."""
    codes = seed.TAX_GROUPS.get(tax_group, ("", "", ()))[2]
    item_codes = seed.TAX_ITEM_GROUPS.get(item_group, ("", ()))[1]
    shared = [code for code in codes if code in item_codes]
    return sum((seed.TAX_CODES[code] for code in shared), ZERO)


def work_out(lines: list[Taxed], inclusive: bool, step: Decimal, per_line: bool) -> None:
    """Fill net and tax. Per total, a line's rounding is carried to the next of the same rate."""
    exact: dict[Decimal, Decimal] = {}
    given: dict[Decimal, Decimal] = {}
    for line in lines:
        tax = line.amount * line.percent / 100
        if inclusive:
            tax = line.amount - line.amount / (1 + line.percent / 100)
        if per_line:
            line.tax = rounded(tax, step)
        else:
            exact[line.percent] = exact.get(line.percent, ZERO) + tax
            before = given.get(line.percent, ZERO)
            line.tax = rounded(exact[line.percent], step) - before
            given[line.percent] = before + line.tax
        line.net = line.amount - line.tax if inclusive else line.amount
