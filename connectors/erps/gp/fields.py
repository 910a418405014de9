"""The fields of Dynamics GP that a mapping can fill: usable lengths, built-in rules, lookups.

Lengths are eConnect's (taUpdateCreateCustomerRcd, taCreateCustomerAddress, taRMTransaction), not
the columns': an even usable length is declared one wider in the database. The built-in expressions
are JMESPath over the canonical record. A key that may be empty falls back to "none", so that a
lookup row "*" applies to it too.
"""

from connectors.contract import Target, TargetField

_BILLING, _SHIPPING = "customer.billing", "order.shipping"
_FULL_NAME = "join(' ', [{0}.first_name, {0}.last_name])"

CUSTOMER = (
    TargetField(
        name="display_name",
        label="Name",
        max_length=64,
        builtin=f"customer.company || {_FULL_NAME.format('customer')}",
    ),
    TargetField(
        name="customer_class",
        label="Customer class",
        kind="code",
        max_length=15,
        builtin="customer.group || 'none'",
        lookup="customer_classes",
        help="Gives the customer its terms, accounts and currency. Must exist in GP.",
    ),
    TargetField(
        name="address_id",
        label="Address ID",
        kind="code",
        max_length=15,
        default="PRIMARY",
    ),
    TargetField(
        name="contact",
        label="Contact",
        max_length=60,
        builtin=_FULL_NAME.format("customer"),
    ),
    TargetField(name="address_1", label="Address 1", max_length=60, builtin=f"{_BILLING}.street_1"),
    TargetField(name="address_2", label="Address 2", max_length=60, builtin=f"{_BILLING}.street_2"),
    TargetField(name="address_3", label="Address 3", max_length=60),
    TargetField(name="city", label="City", max_length=35, builtin=f"{_BILLING}.city"),
    TargetField(name="state", label="State", max_length=29, builtin=f"{_BILLING}.state"),
    TargetField(
        name="postal_code", label="ZIP code", max_length=10, builtin=f"{_BILLING}.postal_code"
    ),
    TargetField(
        name="country_code",
        label="Country code",
        kind="code",
        max_length=6,
        builtin=f"{_BILLING}.country_code",
    ),
    TargetField(name="country", label="Country", max_length=60, builtin=f"{_BILLING}.country"),
    TargetField(
        name="phone", label="Phone 1", max_length=21, builtin=f"customer.phone || {_BILLING}.phone"
    ),
    TargetField(
        name="email",
        label="E-mail",
        max_length=200,
        builtin="customer.email",
        help="Kept in the Internet Addresses of the address ID.",
    ),
    TargetField(
        name="ship_to_address_id",
        label="Ship-to address ID",
        kind="code",
        max_length=15,
        default="SHIP-01",
        help="Made where the shipping address is another one. Empty: none is made.",
    ),
    TargetField(
        name="ship_to_name",
        label="Ship-to name",
        max_length=64,
        builtin=f"{_SHIPPING} && ({_SHIPPING}.company || {_FULL_NAME.format(_SHIPPING)}) || ''",
    ),
    TargetField(
        name="ship_to_address_1",
        label="Ship-to address 1",
        max_length=60,
        builtin=f"{_SHIPPING}.street_1",
    ),
    TargetField(
        name="ship_to_address_2",
        label="Ship-to address 2",
        max_length=60,
        builtin=f"{_SHIPPING}.street_2",
    ),
    TargetField(
        name="ship_to_city", label="Ship-to city", max_length=35, builtin=f"{_SHIPPING}.city"
    ),
    TargetField(
        name="ship_to_state", label="Ship-to state", max_length=29, builtin=f"{_SHIPPING}.state"
    ),
    TargetField(
        name="ship_to_postal_code",
        label="Ship-to ZIP code",
        max_length=10,
        builtin=f"{_SHIPPING}.postal_code",
    ),
    TargetField(
        name="ship_to_country_code",
        label="Ship-to country code",
        kind="code",
        max_length=6,
        builtin=f"{_SHIPPING}.country_code",
    ),
    TargetField(
        name="ship_to_country",
        label="Ship-to country",
        max_length=60,
        builtin=f"{_SHIPPING}.country",
    ),
    TargetField(
        name="tax_schedule",
        label="Tax schedule ID",
        kind="code",
        max_length=15,
        builtin=f"{_BILLING}.country_code",
        lookup="tax_areas",
    ),
    TargetField(
        name="payment_terms",
        label="Payment terms ID",
        kind="code",
        max_length=20,
        builtin="order.payment_method",
        lookup="payment_terms",
    ),
    TargetField(
        name="shipping_method",
        label="Shipping method",
        kind="code",
        max_length=15,
        builtin="order.shipping_method",
        lookup="shipment_methods",
    ),
    TargetField(name="price_level", label="Price level", kind="code", max_length=10),
    TargetField(name="currency_id", label="Currency ID", kind="code", max_length=15),
    TargetField(name="salesperson", label="Salesperson ID", kind="code", max_length=15),
    TargetField(name="territory", label="Sales territory ID", kind="code", max_length=15),
    TargetField(name="tax_registration", label="Tax registration number", max_length=25),
    TargetField(name="comment_1", label="Comment 1", max_length=30),
    TargetField(name="comment_2", label="Comment 2", max_length=30),
    TargetField(name="user_defined_1", label="User-defined 1", max_length=20),
    TargetField(name="user_defined_2", label="User-defined 2", max_length=20),
)

_DATES = "It follows the route's settings for the ledger date."
INVOICE = (
    TargetField(
        name="document_number",
        label="Document number",
        kind="code",
        max_length=17,
        builtin="reference",
        fixed="It is the reference by which a document is found again, so it is always ours.",
    ),
    TargetField(
        name="document_date",
        label="Document date",
        kind="date",
        builtin="document_date",
        fixed=_DATES,
    ),
    TargetField(
        name="posting_date",
        label="GL posting date",
        kind="date",
        builtin="posting_date",
        fixed=_DATES,
    ),
    TargetField(
        name="customer_po_number",
        label="Customer PO number",
        max_length=20,
        builtin="order.number",
    ),
    TargetField(
        name="description",
        label="Description",
        max_length=30,
        builtin="join(' ', ['Web order', order.number])",
    ),
    TargetField(
        name="tax_schedule",
        label="Tax schedule ID",
        kind="code",
        max_length=15,
        builtin="order.billing.country_code",
        lookup="tax_areas",
    ),
    TargetField(
        name="payment_terms",
        label="Payment terms ID",
        kind="code",
        max_length=20,
        builtin="order.payment_method",
        lookup="payment_terms",
    ),
    TargetField(
        name="shipping_method",
        label="Shipping method",
        kind="code",
        max_length=15,
        builtin="order.shipping_method",
        lookup="shipment_methods",
    ),
    TargetField(name="salesperson", label="Salesperson ID", kind="code", max_length=15),
    TargetField(name="territory", label="Sales territory ID", kind="code", max_length=15),
    TargetField(
        name="receivable_account",
        label="Receivable account",
        kind="code",
        max_length=75,
        builtin="order.payment_method || 'none'",
        lookup="payment_accounts",
        help="The account that the document's total is due on. The connection's account counts "
        "where no row says otherwise.",
    ),
    TargetField(
        name="currency_id",
        label="Currency ID",
        kind="code",
        max_length=15,
        builtin="order.currency",
        lookup="currencies",
    ),
    TargetField(
        name="exchange_rate",
        label="Exchange rate",
        kind="code",
        max_length=20,
        builtin="order.currency",
        lookup="exchange_rates",
    ),
    TargetField(name="rate_type", label="Rate type ID", kind="code", max_length=15),
    TargetField(
        name="batch_prefix",
        label="Batch prefix",
        kind="code",
        max_length=6,
        help="The batches of this route begin with it; posting date and suffix follow. Empty means "
        "the connection's prefix.",
    ),
)

_TOTALS = "It comes from the order, so that the document's total is the order's total."
_ITEM = "It comes from the matched item. GP's receivables documents carry no lines."
LINE = (
    TargetField(name="description", label="Description", max_length=100, builtin="line.name"),
    TargetField(
        name="item_class",
        label="Item class",
        kind="code",
        builtin="item.item_class",
        fixed=_ITEM,
    ),
    TargetField(
        name="tax_class",
        label="Tax class",
        kind="code",
        builtin="line.tax_class",
        fixed="It comes from the order's line.",
    ),
    TargetField(
        name="sales_account",
        label="Sales account",
        kind="code",
        max_length=75,
        builtin="item.item_class || 'none'",
        lookup="sales_accounts",
        help="Where the line's amount is distributed to. The connection's account counts where no "
        "row says otherwise.",
    ),
    TargetField(
        name="tax_detail",
        label="Tax detail ID",
        kind="code",
        max_length=15,
        builtin="line.tax_class || 'none'",
        lookup="tax_details",
    ),
    TargetField(name="amount", label="Amount", kind="decimal", fixed=_TOTALS),
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
