"""The fields of Business Central that a mapping can fill: lengths, built-in rules, property names.

Lengths are those of the application's tables (Customer, Sales Header, Sales Line). The built-in
expressions are JMESPath over the canonical record.
"""

from connectors.contract import Target, TargetField
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

CUSTOMER = (
    text(
        "display_name",
        "Name",
        100,
        CUSTOMER_NAME,
    ),
    TargetField(
        name="type",
        label="Type",
        kind="choice",
        choices=("Person", "Company"),
        builtin="customer.company && 'Company' || 'Person'",
    ),
    TargetField(
        name="email", kind="email", label="E-mail", max_length=80, builtin="customer.email"
    ),
    text("phone", "Phone", 30, "customer.phone"),
    text("address_line_1", "Address", 100, "customer.billing.street_1"),
    text("address_line_2", "Address 2", 50, "customer.billing.street_2"),
    text("city", "City", 30, "customer.billing.city"),
    text("state", "County or state", 30, "customer.billing.state"),
    code("postal_code", "Postcode", 20, "customer.billing.postal_code"),
    code(
        "country",
        "Country code",
        10,
        "customer.billing.country_code",
        help="Must exist under Countries/Regions.",
    ),
    code(
        "tax_area",
        "Tax area or VAT business posting group",
        20,
        "customer.billing.country_code",
        "tax_areas",
    ),
    code("payment_terms", "Payment terms code", 10, "order.payment_method", "payment_terms"),
    code("currency", "Currency code", 10, help="Empty means the company's own currency."),
)

INVOICE = (
    ours("reference", "External document number", 35),
    *ledger_dates(),
    TargetField(
        name="currency_code",
        label="Currency code",
        kind="code",
        builtin="order.currency",
        fixed="The document is booked in the currency that the shopper paid in.",
    ),
    text("customer_po_reference", "Customer's reference", 35, "order.number"),
    text(
        "ship_to_name",
        "Ship-to name",
        100,
        SHIP_TO_NAME,
    ),
    text("ship_to_address_line_1", "Ship-to address", 100, "order.shipping.street_1"),
    text("ship_to_address_line_2", "Ship-to address 2", 50, "order.shipping.street_2"),
    text("ship_to_city", "Ship-to city", 30, "order.shipping.city"),
    text("ship_to_state", "Ship-to county or state", 30, "order.shipping.state"),
    code("ship_to_postal_code", "Ship-to postcode", 20, "order.shipping.postal_code"),
    code("ship_to_country", "Ship-to country code", 10, "order.shipping.country_code"),
    text("phone", "Phone", 30, "order.billing.phone"),
    TargetField(
        name="email", kind="email", label="E-mail", max_length=80, builtin="order.billing.email"
    ),
    code("payment_terms", "Payment terms code", 10, "order.payment_method", "payment_terms"),
    code(
        "shipment_method", "Shipment method code", 10, "order.shipping_method", "shipment_methods"
    ),
    code("salesperson", "Salesperson code", 20),
    code("dimension_1", "Shortcut dimension 1", 20),
    code("dimension_2", "Shortcut dimension 2", 20),
)

LINE = (
    line_number("Item or account number"),
    text("description", "Description", 100, "line.name"),
    text("description_2", "Description 2", 50, "line.options"),
    code("tax_code", "Tax code", 50, "line.tax_class", "tax_codes"),
    code("unit_of_measure", "Unit of measure code", 10),
    code("location", "Location code", 10),
    *line_amounts(),
)

TARGET_FIELDS = {Target.CUSTOMER: CUSTOMER, Target.INVOICE: INVOICE, Target.LINE: LINE}

# Our field -> the API's property, where a plain text is sent.
CUSTOMER_PROPERTIES = {
    "type": "type",
    "email": "email",
    "phone": "phoneNumber",
    "address_line_1": "addressLine1",
    "address_line_2": "addressLine2",
    "city": "city",
    "state": "state",
    "postal_code": "postalCode",
    "country": "country",
    "currency": "currencyCode",
}
DOCUMENT_PROPERTIES = {
    "ship_to_name": "shipToName",
    "ship_to_address_line_1": "shipToAddressLine1",
    "ship_to_address_line_2": "shipToAddressLine2",
    "ship_to_city": "shipToCity",
    "ship_to_state": "shipToState",
    "ship_to_postal_code": "shipToPostCode",
    "ship_to_country": "shipToCountry",
    "phone": "phoneNumber",
    "email": "email",
    "salesperson": "salesperson",
    "dimension_1": "shortcutDimension1Code",
    "dimension_2": "shortcutDimension2Code",
}
