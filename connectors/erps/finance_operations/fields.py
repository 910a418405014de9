"""The fields of Finance & Operations that a mapping can fill: built-in rules and property names.

Microsoft publishes no lengths of entity fields; those given here are what public clients keep to,
and kept short where nothing is known. The built-in expressions are JMESPath over the canonical
record.
"""

from connectors.contract import Target, TargetField
from connectors.erps.finance_operations.dimensions import MOST

_COUNTRY_HELP = (
    "The environment's own id of the country. Without a row in the lookup table the three-letter "
    "ISO code, as in the standard data."
)


def _dimensions() -> tuple[TargetField, ...]:
    return tuple(
        TargetField(
            name=f"dimension_{number}",
            label=f"Financial dimension {number}",
            kind="code",
            max_length=30,
            help="In the order of the connection's setting Financial dimensions in order.",
        )
        for number in range(1, MOST + 1)
    )


def _address(prefix: str, label: str, path: str) -> tuple[TargetField, ...]:
    return (
        TargetField(
            name=f"{prefix}street_1",
            label=f"{label}street",
            max_length=120,
            builtin=f"{path}.street_1",
        ),
        TargetField(
            name=f"{prefix}street_2",
            label=f"{label}street, second line",
            max_length=120,
            builtin=f"{path}.street_2",
        ),
        TargetField(
            name=f"{prefix}city", label=f"{label}city", max_length=60, builtin=f"{path}.city"
        ),
        TargetField(
            name=f"{prefix}state",
            label=f"{label}state",
            kind="code",
            max_length=10,
            builtin=f"{path} && join(' ', [{path}.country_code, {path}.state]) || ''",
            lookup="states",
            help="The environment's id of the state, by country code and the store's state: “US "
            "California”. Without a row no state is sent.",
        ),
        TargetField(
            name=f"{prefix}postal_code",
            label=f"{label}postcode",
            kind="code",
            max_length=10,
            builtin=f"{path}.postal_code",
        ),
        TargetField(
            name=f"{prefix}country",
            label=f"{label}country id",
            kind="code",
            max_length=10,
            builtin=f"{path}.country_code",
            lookup="countries",
            help=_COUNTRY_HELP,
        ),
        TargetField(
            name=f"{prefix}country_iso",
            label=f"{label}country by its two-letter code",
            kind="code",
            max_length=2,
            builtin=f"{path}.country_code",
            help="Stands in where the country id above is empty.",
        ),
    )


CUSTOMER = (
    TargetField(
        name="display_name",
        label="Name",
        max_length=100,
        builtin="customer.company || join(' ', [customer.first_name, customer.last_name])",
    ),
    TargetField(
        name="party_type",
        label="Type",
        kind="choice",
        choices=("Person", "Organization"),
        builtin="customer.company && 'Organization' || 'Person'",
    ),
    TargetField(
        name="first_name", label="First name", max_length=25, builtin="customer.first_name"
    ),
    TargetField(name="last_name", label="Last name", max_length=25, builtin="customer.last_name"),
    TargetField(name="email", label="E-mail", max_length=255, builtin="customer.email"),
    TargetField(name="phone", label="Phone", max_length=30, builtin="customer.phone"),
    *_address("", "Address: ", "customer.billing"),
    TargetField(
        name="customer_group",
        label="Customer group",
        kind="code",
        max_length=10,
        builtin="customer.group || '*'",
        lookup="customer_classes",
        help="Empty: the connection's customer group.",
    ),
    TargetField(
        name="currency",
        label="Currency",
        kind="code",
        max_length=3,
        builtin="order.currency",
    ),
    TargetField(
        name="sales_tax_group",
        label="Sales tax group",
        kind="code",
        max_length=10,
        builtin="customer.billing.country_code",
        lookup="tax_areas",
        help="Only sent if the connection says that it comes from new customers.",
    ),
    TargetField(
        name="payment_terms",
        label="Terms of payment",
        kind="code",
        max_length=10,
        builtin="order.payment_method",
        lookup="payment_terms",
        help="Empty: those of the customer group.",
    ),
    TargetField(name="language", label="Language", kind="code", max_length=7),
    *_dimensions(),
)

INVOICE = (
    TargetField(
        name="reference",
        label="Customer reference",
        kind="code",
        builtin="reference",
        fixed="It is the reference by which a document is found again, so it is always ours.",
    ),
    TargetField(
        name="document_date",
        label="Document date",
        kind="date",
        builtin="document_date",
        fixed="It follows the route's settings for the ledger date.",
    ),
    TargetField(
        name="posting_date",
        label="Invoice or requested ship date",
        kind="date",
        builtin="posting_date",
        fixed="It follows the route's settings for the ledger date.",
    ),
    TargetField(
        name="currency",
        label="Currency",
        kind="code",
        builtin="order.currency",
        fixed="The document is booked in the currency that the shopper paid in.",
    ),
    TargetField(
        name="customer_reference",
        label="Customer requisition",
        max_length=20,
        builtin="order.number",
    ),
    TargetField(
        name="order_name",
        label="Order name",
        max_length=60,
        builtin="order.billing.company || join(' ', [order.billing.first_name, "
        "order.billing.last_name])",
        help="Shown on the sales order, also where guests share one customer.",
    ),
    TargetField(
        name="ship_to_name",
        label="Delivery: name",
        max_length=60,
        builtin="order.shipping && (order.shipping.company || join(' ', "
        "[order.shipping.first_name, order.shipping.last_name])) || ''",
    ),
    *_address("ship_to_", "Delivery: ", "order.shipping"),
    TargetField(name="email", label="E-mail", max_length=80, builtin="order.billing.email"),
    TargetField(
        name="sales_tax_group",
        label="Sales tax group",
        kind="code",
        max_length=10,
        builtin="order.shipping.country_code || order.billing.country_code",
        lookup="tax_areas",
        help="Only sent if the connection says that it comes from each document.",
    ),
    TargetField(
        name="payment_terms",
        label="Terms of payment",
        kind="code",
        max_length=10,
        builtin="order.payment_method",
        lookup="payment_terms",
    ),
    TargetField(
        name="payment_method",
        label="Method of payment",
        kind="code",
        max_length=10,
        builtin="order.payment_method",
        lookup="payment_methods",
    ),
    TargetField(
        name="delivery_mode",
        label="Mode of delivery",
        kind="code",
        max_length=10,
        builtin="order.shipping_method",
        lookup="shipment_methods",
    ),
    TargetField(
        name="warehouse",
        label="Warehouse",
        kind="code",
        max_length=10,
        builtin="order.shipping_method || '*'",
        lookup="warehouses",
        help="Empty: the connection's warehouse.",
    ),
    TargetField(name="sales_origin", label="Sales origin", kind="code", max_length=10),
    *_dimensions(),
)

_TOTALS = "It comes from the order, so that the document's total is the order's total."
LINE = (
    TargetField(
        name="number",
        label="Item number or main account",
        kind="code",
        fixed="It comes from the matched item, or from Charges and special lines.",
    ),
    TargetField(name="description", label="Description", max_length=1000, builtin="line.name"),
    TargetField(
        name="tax_code",
        label="Item sales tax group",
        kind="code",
        max_length=10,
        builtin="line.tax_class",
        lookup="tax_codes",
        help="Empty: the item's own.",
    ),
    TargetField(
        name="main_account",
        label="Main account on free text documents",
        kind="code",
        max_length=20,
        builtin="item.item_class || '*'",
        lookup="sales_accounts",
    ),
    TargetField(name="unit_of_measure", label="Sales unit", kind="code", max_length=10),
    TargetField(name="warehouse", label="Warehouse", kind="code", max_length=10),
    TargetField(name="quantity", label="Quantity", kind="decimal", fixed=_TOTALS),
    TargetField(name="unit_price", label="Unit price", kind="decimal", fixed=_TOTALS),
    TargetField(
        name="discount_amount", label="Line discount amount", kind="decimal", fixed=_TOTALS
    ),
)

PAYMENT = (
    TargetField(
        name="reference",
        label="Payment ID",
        kind="code",
        builtin="reference",
        fixed="It is the reference by which a payment is found again, so it is always ours.",
    ),
    TargetField(
        name="payment_method",
        label="Method of payment",
        kind="code",
        max_length=10,
        builtin="payment.method || '*'",
        lookup="payment_methods",
    ),
    TargetField(
        name="payment_reference",
        label="Payment reference",
        max_length=20,
        builtin="applies_to || order.number",
        help="The sales order's or invoice's number in Finance & Operations.",
    ),
    TargetField(
        name="text",
        label="Transaction text",
        max_length=60,
        builtin="join(' ', [payment.method, order.number])",
    ),
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
