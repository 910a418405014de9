"""The fields of Dynamics GP that a mapping can fill: usable lengths, built-in rules, lookups.

Lengths are eConnect's (taUpdateCreateCustomerRcd, taCreateCustomerAddress, taRMTransaction), not
the columns': an even usable length is declared one wider in the database. The built-in expressions
are JMESPath over the canonical record. A key that may be empty falls back to "none", so that a
lookup row "*" applies to it too.
"""

from connectors.contract import Target, TargetField
from connectors.kit.target_fields import (
    CUSTOMER_NAME,
    SHIP_TO_NAME,
    code,
    ledger_dates,
    order_amount,
    ours,
    text,
)

_BILLING, _SHIPPING = "customer.billing", "order.shipping"
_FULL_NAME = "join(' ', [{0}.first_name, {0}.last_name])"

CUSTOMER = (
    text("display_name", "Name", 64, CUSTOMER_NAME),
    code(
        "customer_class",
        "Customer class",
        15,
        "customer.group || 'none'",
        "customer_classes",
        help="Gives the customer its terms, accounts and currency. Must exist in GP.",
    ),
    code("address_id", "Address ID", 15, default="PRIMARY"),
    text("contact", "Contact", 60, _FULL_NAME.format("customer")),
    text("address_1", "Address 1", 60, f"{_BILLING}.street_1"),
    text("address_2", "Address 2", 60, f"{_BILLING}.street_2"),
    text("address_3", "Address 3", 60),
    text("city", "City", 35, f"{_BILLING}.city"),
    text("state", "State", 29, f"{_BILLING}.state"),
    text("postal_code", "ZIP code", 10, f"{_BILLING}.postal_code"),
    code("country_code", "Country code", 6, f"{_BILLING}.country_code"),
    text("country", "Country", 60, f"{_BILLING}.country"),
    text("phone", "Phone 1", 21, f"customer.phone || {_BILLING}.phone"),
    text(
        "email",
        "E-mail",
        200,
        "customer.email",
        help="Kept in the Internet Addresses of the address ID.",
    ),
    code(
        "ship_to_address_id",
        "Ship-to address ID",
        15,
        default="SHIP-01",
        help="Made where the shipping address is another one. Empty: none is made.",
    ),
    text(
        "ship_to_name",
        "Ship-to name",
        64,
        SHIP_TO_NAME,
    ),
    text("ship_to_address_1", "Ship-to address 1", 60, f"{_SHIPPING}.street_1"),
    text("ship_to_address_2", "Ship-to address 2", 60, f"{_SHIPPING}.street_2"),
    text("ship_to_city", "Ship-to city", 35, f"{_SHIPPING}.city"),
    text("ship_to_state", "Ship-to state", 29, f"{_SHIPPING}.state"),
    text("ship_to_postal_code", "Ship-to ZIP code", 10, f"{_SHIPPING}.postal_code"),
    code("ship_to_country_code", "Ship-to country code", 6, f"{_SHIPPING}.country_code"),
    text("ship_to_country", "Ship-to country", 60, f"{_SHIPPING}.country"),
    code("tax_schedule", "Tax schedule ID", 15, f"{_BILLING}.country_code", "tax_areas"),
    code("payment_terms", "Payment terms ID", 20, "order.payment_method", "payment_terms"),
    code("shipping_method", "Shipping method", 15, "order.shipping_method", "shipment_methods"),
    code("price_level", "Price level", 10),
    code("currency_id", "Currency ID", 15),
    code("salesperson", "Salesperson ID", 15),
    code("territory", "Sales territory ID", 15),
    text("tax_registration", "Tax registration number", 25),
    text("comment_1", "Comment 1", 30),
    text("comment_2", "Comment 2", 30),
    text("user_defined_1", "User-defined 1", 20),
    text("user_defined_2", "User-defined 2", 20),
)

INVOICE = (
    ours("document_number", "Document number", 17),
    *ledger_dates("GL posting date"),
    text("customer_po_number", "Customer PO number", 20, "order.number"),
    text("description", "Description", 30, "join(' ', ['Web order', order.number])"),
    code("tax_schedule", "Tax schedule ID", 15, "order.billing.country_code", "tax_areas"),
    code("payment_terms", "Payment terms ID", 20, "order.payment_method", "payment_terms"),
    code("shipping_method", "Shipping method", 15, "order.shipping_method", "shipment_methods"),
    code("salesperson", "Salesperson ID", 15),
    code("territory", "Sales territory ID", 15),
    code(
        "receivable_account",
        "Receivable account",
        75,
        "order.payment_method || 'none'",
        "payment_accounts",
        help="The account that the document's total is due on. The connection's account counts "
        "where no row says otherwise.",
    ),
    code("currency_id", "Currency ID", 15, "order.currency", "currencies"),
    code("exchange_rate", "Exchange rate", 20, "order.currency", "exchange_rates"),
    code("rate_type", "Rate type ID", 15),
    code(
        "batch_prefix",
        "Batch prefix",
        6,
        help="The batches of this route begin with it; posting date and suffix follow. Empty "
        "means the connection's prefix.",
    ),
)

_ITEM = "It comes from the matched item. GP's receivables documents carry no lines."
LINE = (
    text("description", "Description", 100, "line.name"),
    TargetField(
        name="item_class", label="Item class", kind="code", builtin="item.item_class", fixed=_ITEM
    ),
    TargetField(
        name="tax_class",
        label="Tax class",
        kind="code",
        builtin="line.tax_class",
        fixed="It comes from the order's line.",
    ),
    code(
        "sales_account",
        "Sales account",
        75,
        "item.item_class || 'none'",
        "sales_accounts",
        help="Where the line's amount is distributed to. The connection's account counts where "
        "no row says otherwise.",
    ),
    code("tax_detail", "Tax detail ID", 15, "line.tax_class || 'none'", "tax_details"),
    order_amount("amount", "Amount"),
)

TARGET_FIELDS = {Target.CUSTOMER: CUSTOMER, Target.INVOICE: INVOICE, Target.LINE: LINE}

# Our field -> the property of the SBA object, with its usable length.
CUSTOMER_PROPERTIES = {
    "customer_class": ("ClassId", 15),
    "address_id": ("AddressId", 15),
    "contact": ("ContactPerson", 60),
    "address_1": ("Address1", 60),
    "address_2": ("Address2", 60),
    "address_3": ("Address3", 60),
    "city": ("City", 35),
    "state": ("State", 29),
    "postal_code": ("PostalCode", 10),
    "country_code": ("CountryCode", 6),
    "country": ("Country", 60),
    "phone": ("Phone1", 21),
    "tax_schedule": ("TaxScheduleId", 15),
    "payment_terms": ("PaymentTermsId", 20),
    "shipping_method": ("ShippingMethodId", 15),
    "price_level": ("PriceLevelId", 10),
    "currency_id": ("CurrencyId", 15),
    "salesperson": ("SalespersonId", 15),
    "territory": ("SalesTerritoryId", 15),
    "tax_registration": ("TaxRegistrationNumber", 25),
    "comment_1": ("Comment1", 30),
    "comment_2": ("Comment2", 30),
    "user_defined_1": ("UserDefined1", 20),
    "user_defined_2": ("UserDefined2", 20),
}
SHIP_TO_PROPERTIES = {
    "ship_to_name": ("ShipToName", 64),
    "ship_to_address_1": ("Address1", 60),
    "ship_to_address_2": ("Address2", 60),
    "ship_to_city": ("City", 35),
    "ship_to_state": ("State", 29),
    "ship_to_postal_code": ("PostalCode", 10),
    "ship_to_country_code": ("CountryCode", 6),
    "ship_to_country": ("Country", 60),
}
DOCUMENT_PROPERTIES = {
    "customer_po_number": ("CustomerPONumber", 20),
    "description": ("Description", 30),
    "payment_terms": ("PaymentTermsId", 20),
    "shipping_method": ("ShippingMethodId", 15),
    "salesperson": ("SalespersonId", 15),
    "territory": ("SalesTerritoryId", 15),
    "rate_type": ("RateTypeId", 15),
}
