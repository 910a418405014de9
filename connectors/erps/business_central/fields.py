"""The fields of Business Central that a mapping can fill: lengths, built-in rules, property names.

Lengths are those of the application's tables (Customer, Sales Header, Sales Line). The built-in
expressions are JMESPath over the canonical record.
"""

from connectors.contract import Target, TargetField

CUSTOMER = (
    TargetField(
        name="display_name",
        label="Name",
        max_length=100,
        builtin="customer.company || join(' ', [customer.first_name, customer.last_name])",
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
    TargetField(name="phone", label="Phone", max_length=30, builtin="customer.phone"),
    TargetField(
        name="address_line_1",
        label="Address",
        max_length=100,
        builtin="customer.billing.street_1",
    ),
    TargetField(
        name="address_line_2", label="Address 2", max_length=50, builtin="customer.billing.street_2"
    ),
    TargetField(name="city", label="City", max_length=30, builtin="customer.billing.city"),
    TargetField(
        name="state", label="County or state", max_length=30, builtin="customer.billing.state"
    ),
    TargetField(
        name="postal_code",
        label="Postcode",
        kind="code",
        max_length=20,
        builtin="customer.billing.postal_code",
    ),
    TargetField(
        name="country",
        label="Country code",
        kind="code",
        max_length=10,
        builtin="customer.billing.country_code",
        help="Must exist under Countries/Regions.",
    ),
    TargetField(
        name="tax_area",
        label="Tax area or VAT business posting group",
        kind="code",
        max_length=20,
        builtin="customer.billing.country_code",
        lookup="tax_areas",
    ),
    TargetField(
        name="payment_terms",
        label="Payment terms code",
        kind="code",
        max_length=10,
        builtin="order.payment_method",
        lookup="payment_terms",
    ),
    TargetField(
        name="currency",
        label="Currency code",
        kind="code",
        max_length=10,
        help="Empty means the company's own currency.",
    ),
)

INVOICE = (
    TargetField(
        name="reference",
        label="External document number",
        kind="code",
        max_length=35,
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
        label="Posting date",
        kind="date",
        builtin="posting_date",
        fixed="It follows the route's settings for the ledger date.",
    ),
    TargetField(
        name="currency_code",
        label="Currency code",
        kind="code",
        builtin="order.currency",
        fixed="The document is booked in the currency that the shopper paid in.",
    ),
    TargetField(
        name="customer_po_reference",
        label="Customer's reference",
        max_length=35,
        builtin="order.number",
    ),
    TargetField(
        name="ship_to_name",
        label="Ship-to name",
        max_length=100,
        builtin="order.shipping && (order.shipping.company || join(' ', "
        "[order.shipping.first_name, order.shipping.last_name])) || ''",
    ),
    TargetField(
        name="ship_to_address_line_1",
        label="Ship-to address",
        max_length=100,
        builtin="order.shipping.street_1",
    ),
    TargetField(
        name="ship_to_address_line_2",
        label="Ship-to address 2",
        max_length=50,
        builtin="order.shipping.street_2",
    ),
    TargetField(
        name="ship_to_city", label="Ship-to city", max_length=30, builtin="order.shipping.city"
    ),
    TargetField(
        name="ship_to_state",
        label="Ship-to county or state",
        max_length=30,
        builtin="order.shipping.state",
    ),
    TargetField(
        name="ship_to_postal_code",
        label="Ship-to postcode",
        kind="code",
        max_length=20,
        builtin="order.shipping.postal_code",
    ),
    TargetField(
        name="ship_to_country",
        label="Ship-to country code",
        kind="code",
        max_length=10,
        builtin="order.shipping.country_code",
    ),
    TargetField(name="phone", label="Phone", max_length=30, builtin="order.billing.phone"),
    TargetField(
        name="email", kind="email", label="E-mail", max_length=80, builtin="order.billing.email"
    ),
    TargetField(
        name="payment_terms",
        label="Payment terms code",
        kind="code",
        max_length=10,
        builtin="order.payment_method",
        lookup="payment_terms",
    ),
    TargetField(
        name="shipment_method",
        label="Shipment method code",
        kind="code",
        max_length=10,
        builtin="order.shipping_method",
        lookup="shipment_methods",
    ),
    TargetField(name="salesperson", label="Salesperson code", kind="code", max_length=20),
    TargetField(name="dimension_1", label="Shortcut dimension 1", kind="code", max_length=20),
    TargetField(name="dimension_2", label="Shortcut dimension 2", kind="code", max_length=20),
)

_TOTALS = "It comes from the order, so that the document's total is the order's total."
LINE = (
    TargetField(
        name="number",
        label="Item or account number",
        kind="code",
        fixed="It comes from the matched item, or from Charges and special lines.",
    ),
    TargetField(name="description", label="Description", max_length=100, builtin="line.name"),
    TargetField(name="description_2", label="Description 2", max_length=50, builtin="line.options"),
    TargetField(
        name="tax_code",
        label="Tax code",
        kind="code",
        max_length=50,
        builtin="line.tax_class",
        lookup="tax_codes",
    ),
    TargetField(name="unit_of_measure", label="Unit of measure code", kind="code", max_length=10),
    TargetField(name="location", label="Location code", kind="code", max_length=10),
    TargetField(name="quantity", label="Quantity", kind="decimal", fixed=_TOTALS),
    TargetField(name="unit_price", label="Unit price", kind="decimal", fixed=_TOTALS),
    TargetField(
        name="discount_amount", label="Line discount amount", kind="decimal", fixed=_TOTALS
    ),
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
