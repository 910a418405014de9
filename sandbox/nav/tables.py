"""The tables of a company: what is kept, found by index, and related; and its switches."""

from __future__ import annotations

from typing import Any

# What the journal keeps; the setup tables are made anew, with the changes kept beside them.
KEPT = (
    "customers",
    "items",
    "drafts",
    "invoices",
    "memos",
    "stock",
    "receivables",
    "ledger",
    "salesPrices",
)
INDEXES = {
    "customers": ("id", "email"),
    "items": ("id", "gtin"),
    "drafts": ("id", "externalDocumentNumber", "yourReference", "kind"),
    "invoices": ("id", "externalDocumentNumber", "yourReference", "orderNumber", "draftNumber"),
    "memos": ("id", "externalDocumentNumber", "draftNumber"),
    "stock": ("itemNumber",),
    "salesPrices": ("itemNumber",),
    "receivables": ("documentNumber", "customerNumber"),
}
# A field that names a record of another table: its caption and the table's.
RELATIONS = {
    "currencyCode": ("Currency Code", "currencies", "Currency"),
    "paymentTermsCode": ("Payment Terms Code", "paymentTerms", "Payment Terms"),
    "paymentMethodCode": ("Payment Method Code", "paymentMethods", "Payment Method"),
    "shipmentMethodCode": ("Shipment Method Code", "shipmentMethods", "Shipment Method"),
    "locationCode": ("Location Code", "locations", "Location"),
    "country": ("Country/Region Code", "countries", "Country/Region"),
    "sellToCountry": ("Sell-to Country/Region Code", "countries", "Country/Region"),
    "billToCountry": ("Bill-to Country/Region Code", "countries", "Country/Region"),
    "shipToCountry": ("Ship-to Country/Region Code", "countries", "Country/Region"),
    "vatBusPostingGroup": (
        "VAT Bus. Posting Group",
        "taxAreas",
        "VAT Business Posting Group",
    ),
    "genBusPostingGroup": (
        "Gen. Bus. Posting Group",
        "genBusGroups",
        "Gen. Business Posting Group",
    ),
    "customerPostingGroup": (
        "Customer Posting Group",
        "customerGroups",
        "Customer Posting Group",
    ),
    "taxGroupCode": ("VAT Prod. Posting Group", "taxGroups", "VAT Product Posting Group"),
    "unitOfMeasureCode": ("Unit of Measure Code", "units", "Unit of Measure"),
    "baseUnitOfMeasureCode": ("Base Unit of Measure", "units", "Unit of Measure"),
    "reasonCode": ("Reason Code", "reasonCodes", "Reason Code"),
}
# Switches of a company, with their start values; the control panel changes them.
STATE: dict[str, Any] = {
    "from": None,  # allowed posting dates of the general ledger setup
    "to": None,
    "template_posting_groups": True,  # a new customer gets posting groups from a template
    "template_prices_include_tax": True,
    "ext_doc_no_mandatory": False,  # sales setup; checked when posting
    "credit_warnings": False,
    "stock_warnings": False,
    "prevent_negative_inventory": False,
    "manual_numbers": False,
    "customers": 0,
    "drafts": 1000,
    "invoices": 103000,
    "memos": 104000,
}
