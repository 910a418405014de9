"""The fields that ERPs have in common, for their tables of what a mapping can fill."""

from __future__ import annotations

from connectors.contract import TargetField

CUSTOMER_NAME = "customer.company || join(' ', [customer.first_name, customer.last_name])"
SHIP_TO_NAME = (
    "order.shipping && (order.shipping.company || join(' ', [order.shipping.first_name, "
    "order.shipping.last_name])) || ''"
)


def text(name: str, label: str, length: int, builtin: str = "", help: str = "") -> TargetField:
    """Words; what is longer than ``length`` characters is shortened."""
    return TargetField(name=name, label=label, max_length=length, builtin=builtin, help=help)


def code(
    name: str,
    label: str,
    length: int | None,
    builtin: str = "",
    lookup: str = "",
    default: str = "",
    help: str = "",
) -> TargetField:
    """A key of the ERP's own setup."""
    return TargetField(
        name=name,
        label=label,
        kind="code",
        max_length=length,
        builtin=builtin,
        lookup=lookup,
        default=default,
        help=help,
    )


def ours(
    name: str, label: str, length: int | None = None, *, what: str = "document", help: str = ""
) -> TargetField:
    """The field that holds our reference, by which ``what`` is found again."""
    return TargetField(
        name=name,
        label=label,
        kind="code",
        max_length=length,
        builtin="reference",
        fixed=f"It is the reference by which a {what} is found again, so it is always ours.",
        help=help,
    )


def ledger_dates(posting_label: str = "Posting date") -> tuple[TargetField, ...]:
    """The day of the document and the day on which it is posted."""
    return tuple(
        TargetField(
            name=name,
            label=label,
            kind="date",
            builtin=name,
            fixed="It follows the route's settings for the ledger date.",
        )
        for name, label in (("document_date", "Document date"), ("posting_date", posting_label))
    )


def order_amount(name: str, label: str) -> TargetField:
    """An amount or quantity of a line, which no mapping may change."""
    return TargetField(
        name=name,
        label=label,
        kind="decimal",
        fixed="It comes from the order, so that the document's total is the order's total.",
    )


def line_amounts() -> tuple[TargetField, ...]:
    """Quantity, price and discount of a line of goods."""
    return (
        order_amount("quantity", "Quantity"),
        order_amount("unit_price", "Unit price"),
        order_amount("discount_amount", "Line discount amount"),
    )


def line_number(label: str) -> TargetField:
    """The item or account that a line is booked on."""
    return TargetField(
        name="number",
        label=label,
        kind="code",
        fixed="It comes from the matched item, or from Charges and special lines.",
    )
