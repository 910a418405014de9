"""The fields of Finance & Operations that a mapping can fill: built-in rules and property names.

Microsoft publishes no lengths of entity fields; those given here are what public clients keep to,
and kept short where nothing is known. The built-in expressions are JMESPath over the canonical
record.
"""

from connectors.contract import Target, TargetField
from connectors.erps.finance_operations.dimensions import MOST
from connectors.kit.target_fields import (
    CUSTOMER_NAME,
    SHIP_TO_NAME,
    code,
    ledger_dates,
    line_amounts,
    line_number,
    ours,
    text,
)

_COUNTRY_HELP = (
    "The environment's own id of the country. Without a row in the lookup table the three-letter "
    "ISO code, as in the standard data."
)


def _dimensions() -> tuple[TargetField, ...]:
    return tuple(
        code(
            f"dimension_{number}",
            f"Financial dimension {number}",
            30,
            help="In the order of the connection's setting Financial dimensions in order.",
        )
        for number in range(1, MOST + 1)
    )


def _address(prefix: str, label: str, path: str) -> tuple[TargetField, ...]:
    return (
        text(f"{prefix}street_1", f"{label}street", 120, f"{path}.street_1"),
        text(f"{prefix}street_2", f"{label}street, second line", 120, f"{path}.street_2"),
        text(f"{prefix}city", f"{label}city", 60, f"{path}.city"),
        code(
            f"{prefix}state",
            f"{label}state",
            10,
            f"{path} && join(' ', [{path}.country_code, {path}.state]) || ''",
            "states",
            help="The environment's id of the state, by country code and the store's state: “US"
            " California”. Without a row no state is sent.",
        ),
        code(f"{prefix}postal_code", f"{label}postcode", 10, f"{path}.postal_code"),
        code(
            f"{prefix}country",
            f"{label}country id",
            10,
            f"{path}.country_code",
            "countries",
            help=_COUNTRY_HELP,
        ),
        code(
            f"{prefix}country_iso",
            f"{label}country by its two-letter code",
            2,
            f"{path}.country_code",
            help="Stands in where the country id above is empty.",
        ),
    )


CUSTOMER = (
    text(
        "display_name",
        "Name",
        100,
        CUSTOMER_NAME,
    ),
    TargetField(
        name="party_type",
        label="Type",
        kind="choice",
        choices=("Person", "Organization"),
        builtin="customer.company && 'Organization' || 'Person'",
    ),
    text("first_name", "First name", 25, "customer.first_name"),
    text("last_name", "Last name", 25, "customer.last_name"),
    text("email", "E-mail", 255, "customer.email"),
    text("phone", "Phone", 30, "customer.phone"),
    *_address("", "Address: ", "customer.billing"),
    code(
        "customer_group",
        "Customer group",
        10,
        "customer.group || '*'",
        "customer_classes",
        help="Empty: the connection's customer group.",
    ),
    code("currency", "Currency", 3, "order.currency"),
    code(
        "sales_tax_group",
        "Sales tax group",
        10,
        "customer.billing.country_code",
        "tax_areas",
        help="Only sent if the connection says that it comes from new customers.",
    ),
    code(
        "payment_terms",
        "Terms of payment",
        10,
        "order.payment_method",
        "payment_terms",
        help="Empty: those of the customer group.",
    ),
    code("language", "Language", 7),
    *_dimensions(),
)

INVOICE = (
    ours("reference", "Customer reference"),
    *ledger_dates("Invoice or requested ship date"),
    TargetField(
        name="currency",
        label="Currency",
        kind="code",
        builtin="order.currency",
        fixed="The document is booked in the currency that the shopper paid in.",
    ),
    text("customer_reference", "Customer requisition", 20, "order.number"),
    text(
        "order_name",
        "Order name",
        60,
        "order.billing.company || join(' ', [order.billing.first_name, order.billing.last_name])",
        help="Shown on the sales order, also where guests share one customer.",
    ),
    text(
        "ship_to_name",
        "Delivery: name",
        60,
        SHIP_TO_NAME,
    ),
    *_address("ship_to_", "Delivery: ", "order.shipping"),
    text("email", "E-mail", 80, "order.billing.email"),
    code(
        "sales_tax_group",
        "Sales tax group",
        10,
        "order.shipping.country_code || order.billing.country_code",
        "tax_areas",
        help="Only sent if the connection says that it comes from each document.",
    ),
    code("payment_terms", "Terms of payment", 10, "order.payment_method", "payment_terms"),
    code("payment_method", "Method of payment", 10, "order.payment_method", "payment_methods"),
    code("delivery_mode", "Mode of delivery", 10, "order.shipping_method", "shipment_methods"),
    code(
        "warehouse",
        "Warehouse",
        10,
        "order.shipping_method || '*'",
        "warehouses",
        help="Empty: the connection's warehouse.",
    ),
    code("sales_origin", "Sales origin", 10),
    *_dimensions(),
)

LINE = (
    line_number("Item number or main account"),
    text("description", "Description", 1000, "line.name"),
    code(
        "tax_code",
        "Item sales tax group",
        10,
        "line.tax_class",
        "tax_codes",
        help="Empty: the item's own.",
    ),
    code(
        "main_account",
        "Main account on free text documents",
        20,
        "item.item_class || '*'",
        "sales_accounts",
    ),
    code("unit_of_measure", "Sales unit", 10),
    code("warehouse", "Warehouse", 10),
    *line_amounts(),
)

PAYMENT = (
    ours("reference", "Payment ID", what="payment"),
    code("payment_method", "Method of payment", 10, "payment.method || '*'", "payment_methods"),
    text(
        "payment_reference",
        "Payment reference",
        20,
        "applies_to || order.number",
        help="The sales order's or invoice's number in Finance & Operations.",
    ),
    text("text", "Transaction text", 60, "join(' ', [payment.method, order.number])"),
    TargetField(
        name="offset_type",
        label="Offset account type",
        kind="choice",
        choices=("Bank", "Ledger"),
        default="Bank",
        help="What the accounts in Accounts by payment method are.",
    ),
)

TARGET_FIELDS = {
    Target.CUSTOMER: CUSTOMER,
    Target.INVOICE: INVOICE,
    Target.LINE: LINE,
    Target.PAYMENT: PAYMENT,
}
