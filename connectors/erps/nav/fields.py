"""The fields of NAV that a mapping can fill: lengths, built-in rules, page fields.

Lengths are NAV 2018's (tables Customer, Sales Header, Sales Line); a page whose ``$metadata`` says
less is followed when the text is sent. The built-in expressions are JMESPath over the canonical
record. A key that may be empty falls back to "none", so that a lookup row "*" applies to it too.
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

_BILLING, _SHIPPING = "customer.billing", "order.shipping"
_PAGES_ONLY = "Page services only."
_V1_ONLY = "API v1.0 only."


CUSTOMER = (
    text(
        "display_name",
        "Name",
        50,
        CUSTOMER_NAME,
    ),
    TargetField(
        name="email", label="E-mail", kind="email", max_length=80, builtin="customer.email"
    ),
    text("phone", "Phone no.", 30, f"customer.phone || {_BILLING}.phone"),
    text("address", "Address", 50, f"{_BILLING}.street_1"),
    text("address_2", "Address 2", 50, f"{_BILLING}.street_2"),
    text("city", "City", 30, f"{_BILLING}.city"),
    text("county", "County", 30, f"{_BILLING}.state"),
    code("post_code", "Post code", 20, f"{_BILLING}.postal_code"),
    code(
        "country",
        "Country/Region code",
        10,
        f"{_BILLING}.country_code",
        help="Must exist under Countries/Regions.",
    ),
    code(
        "business_group",
        "Gen. Bus. Posting Group",
        20,
        help=f"{_PAGES_ONLY} A constant, or a lookup by country. Without it the first document "
        "of the customer is refused, unless NAV fills it.",
    ),
    code(
        "vat_group",
        "VAT Bus. Posting Group or tax area",
        20,
        f"{_BILLING}.country_code || 'none'",
        "tax_areas",
    ),
    code(
        "posting_group",
        "Customer Posting Group",
        20,
        "customer.group || 'none'",
        "customer_classes",
        help=f"{_PAGES_ONLY} Without it the first document of the customer is refused, unless "
        "NAV fills it.",
    ),
    code(
        "payment_terms", "Payment terms code", 10, "order.payment_method || 'none'", "payment_terms"
    ),
    code(
        "payment_method",
        "Payment method code",
        10,
        "order.payment_method || 'none'",
        "payment_methods",
    ),
    code("currency", "Currency code", 10, help="Empty means the company's own currency."),
)

INVOICE = (
    ours(
        "reference",
        "External Document No.",
        35,
        help="In NAV 2018's API: the customer's purchase order reference.",
    ),
    *ledger_dates(),
    code(
        "currency_code",
        "Currency code",
        10,
        "order.currency",
        "currencies",
        help="Where NAV's code is not the ISO code. The document is booked in the currency that"
        " the shopper paid in.",
    ),
    text(
        "your_reference",
        "Your Reference",
        35,
        "order.number",
        help="Not in NAV 2018's API, where our reference stands in its place.",
    ),
    text("ship_to_name", "Ship-to name", 50, SHIP_TO_NAME),
    text("ship_to_address", "Ship-to address", 50, f"{_SHIPPING}.street_1"),
    text("ship_to_address_2", "Ship-to address 2", 50, f"{_SHIPPING}.street_2"),
    text("ship_to_city", "Ship-to city", 30, f"{_SHIPPING}.city"),
    text("ship_to_county", "Ship-to county", 30, f"{_SHIPPING}.state"),
    code("ship_to_post_code", "Ship-to post code", 20, f"{_SHIPPING}.postal_code"),
    code(
        "ship_to_country",
        "Ship-to country/region code",
        10,
        f"{_SHIPPING}.country_code",
        help="Must exist under Countries/Regions.",
    ),
    text("phone", "Phone no.", 30, "order.billing.phone", help=_V1_ONLY),
    TargetField(
        name="email",
        label="E-mail",
        kind="email",
        max_length=80,
        builtin="order.billing.email",
        help=_V1_ONLY,
    ),
    code(
        "payment_terms", "Payment terms code", 10, "order.payment_method || 'none'", "payment_terms"
    ),
    code(
        "payment_method",
        "Payment method code",
        10,
        "order.payment_method || 'none'",
        "payment_methods",
        help=_PAGES_ONLY,
    ),
    code(
        "shipment_method",
        "Shipment method code",
        10,
        "order.shipping_method || 'none'",
        "shipment_methods",
    ),
    code(
        "location",
        "Location code",
        10,
        "order.shipping_method || 'none'",
        "warehouses",
        help=_PAGES_ONLY,
    ),
    code("salesperson", "Salesperson code", 20),
    code("reason", "Reason code", 10, help=f"{_PAGES_ONLY} Credit memos."),
    code("dimension_1", "Shortcut dimension 1", 20, help=_PAGES_ONLY),
    code("dimension_2", "Shortcut dimension 2", 20, help=_PAGES_ONLY),
)

LINE = (
    line_number("Item or account number"),
    text("description", "Description", 50, "line.name"),
    text("description_2", "Description 2", 50, "line.options", help=_PAGES_ONLY),
    code(
        "variant",
        "Variant code",
        None,
        "line.sku || 'none'",
        "variants",
        help=f"{_PAGES_ONLY} A row of Product variants gives it after the last semicolon, as in "
        "“1896-S;variant=BLUE”; the SKU itself must be known as that item.",
    ),
    code(
        "tax_code",
        "VAT Prod. Posting Group or tax group",
        20,
        "line.tax_class",
        "tax_codes",
        help="Without it the item's or account's own group counts.",
    ),
    code("unit_of_measure", "Unit of measure code", 10),
    code("location", "Location code", 10, help=_PAGES_ONLY),
    *line_amounts(),
)

TARGET_FIELDS = {Target.CUSTOMER: CUSTOMER, Target.INVOICE: INVOICE, Target.LINE: LINE}

# Our field -> the page's field. Order is the order of entry: a field's code may set later ones.
CUSTOMER_FIELDS = {
    "display_name": "Name",
    "address": "Address",
    "address_2": "Address_2",
    "city": "City",
    "county": "County",
    "post_code": "Post_Code",
    "country": "Country_Region_Code",
    "phone": "Phone_No",
    "email": "E_Mail",
    "business_group": "Gen_Bus_Posting_Group",
    "vat_group": "VAT_Bus_Posting_Group",
    "posting_group": "Customer_Posting_Group",
    "currency": "Currency_Code",
    "payment_terms": "Payment_Terms_Code",
    "payment_method": "Payment_Method_Code",
}
HEADER_FIELDS = {
    "your_reference": "Your_Reference",
    "payment_terms": "Payment_Terms_Code",
    "payment_method": "Payment_Method_Code",
    "shipment_method": "Shipment_Method_Code",
    "location": "Location_Code",
    "salesperson": "Salesperson_Code",
    "reason": "Reason_Code",
    "dimension_1": "Shortcut_Dimension_1_Code",
    "dimension_2": "Shortcut_Dimension_2_Code",
    "ship_to_name": "Ship_to_Name",
    "ship_to_address": "Ship_to_Address",
    "ship_to_address_2": "Ship_to_Address_2",
    "ship_to_city": "Ship_to_City",
    "ship_to_county": "Ship_to_County",
    "ship_to_post_code": "Ship_to_Post_Code",
    "ship_to_country": "Ship_to_Country_Region_Code",
}
LINE_FIELDS = {
    "variant": "Variant_Code",
    "location": "Location_Code",
    "unit_of_measure": "Unit_of_Measure_Code",
    "tax_code": "VAT_Prod_Posting_Group",
    "description_2": "Description_2",
}
# A page without these leaves them out; any other field that was mapped and is not there is said.
OFTEN_ABSENT = frozenset(
    {
        *(name for name in HEADER_FIELDS if name.startswith("ship_to")),
        "your_reference",
        "shipment_method",
        "description_2",
        "address_2",
        "county",
        "phone",
    }
)
