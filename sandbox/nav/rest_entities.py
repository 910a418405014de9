"""The entities of the API: "beta" of NAV 2018 and v1.0 of Business Central 14.

``name:kind.target(length)!=inner``: ``ref`` is the id of a record whose code is kept inside,
``coded`` an object with that code, ``postal`` an address object, ``unit`` a unit of measure,
``details`` the item or account of a line. ``!`` is read-only and ``~`` the length of names.
"""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.business_central.entities import Property

VERSIONS = ("beta", "v1.0")
_OBJECTS = ("coded", "postal", "unit", "details")


@dataclass(frozen=True, slots=True)
class Part:
    kind: str
    target: str
    length: int
    read_only: bool
    inner: str

    @property
    def info(self) -> Property:
        """As a filter sees it."""
        kind = {"ref": "guid", "status": "text", "currency": "code"}.get(self.kind, self.kind)
        return Property(kind, self.length, self.read_only)

    @property
    def is_object(self) -> bool:
        return self.kind in _OBJECTS


Entity = dict[str, Part]


def _entity(text: str, name_length: int) -> Entity:
    found = {}
    for item in text.replace("~", str(name_length)).split():
        name, _, rest = item.partition(":")
        kind, _, inner = rest.partition("=")
        read_only = kind.endswith("!")
        kind, _, length = kind.rstrip("!").rstrip(")").partition("(")
        kind, _, target = kind.partition(".")
        found[name] = Part(kind, target, int(length or 0), read_only, inner or name)
    return found


_STAMP = " lastModifiedDateTime:instant!"
_CODED = "id:guid! code:code(10)! displayName:text(~)!" + _STAMP
_CUSTOMER = (
    "id:guid! number:code(20) displayName:text(~) type:enum=customerType address:postal=customer "
    "phoneNumber:text(30) email:text(80) website:text(80) taxLiable:bool "
    "taxAreaId:ref.taxAreas=vatBusPostingGroup taxAreaDisplayName:text!=@taxAreaDisplayName "
    "taxRegistrationNumber:text(20)=vatRegistrationNumber currencyId:ref.currencies=currencyCode "
    "currencyCode:currency(10) paymentTermsId:ref.paymentTerms=paymentTermsCode {terms}"
    "shipmentMethodId:ref.shipmentMethods=shipmentMethodCode {shipment}"
    "paymentMethodId:ref.paymentMethods=paymentMethodCode {method}blocked:enum {money}"
) + _STAMP
_ITEM = (
    "id:guid! number:code(20)! displayName:text(~)! type:enum!=itemType {category}blocked:bool! "
    "baseUnitOfMeasureId:ref.units!=baseUnitOfMeasureCode "
    "baseUnitOfMeasure:unit!=baseUnitOfMeasureCode gtin:code(14)! inventory:decimal!=@inventory "
    "unitPrice:decimal! priceIncludesTax:bool! unitCost:decimal! "
    "taxGroupId:ref.taxGroups!=taxGroupCode taxGroupCode:code(20)!"
) + _STAMP
_PARTY = (
    "customerId:ref.customers=customerNumber contactId:text(250)=contactId "
    "customerNumber:code(20) customerName:text(~)! "
)
_MONEY = (
    "discountAmount:decimal discountAppliedBeforeTax:bool! totalAmountExcludingTax:decimal! "
    "totalTaxAmount:decimal! totalAmountIncludingTax:decimal! status:status! "
)
_CODES = (
    "currencyId:ref.currencies=currencyCode currencyCode:currency(10) "
    "paymentTermsId:ref.paymentTerms=paymentTermsCode {terms}"
)
_SHIPMENT = "shipmentMethodId:ref.shipmentMethods=shipmentMethodCode {shipment}"
_LINE = (
    "documentId:guid=@documentId sequence:int=lineNumber itemId:ref.items=@item "
    "accountId:ref.accounts=@account lineType:enum lineDetails:details!=objectNumber "
    "description:text(~) unitOfMeasureId:ref.units=unitOfMeasureCode "
    "unitOfMeasure:unit=unitOfMeasureCode quantity:decimal unitPrice:decimal "
    "discountAmount:decimal discountPercent:decimal discountAppliedBeforeTax:bool! "
    "amountExcludingTax:decimal! taxCode:code(50)=taxGroupCode taxPercent:decimal! "
    "totalTaxAmount:decimal!=netTaxAmount amountIncludingTax:decimal! "
    "invoiceDiscountAllocation:decimal! netAmount:decimal! netTaxAmount:decimal! "
    "netAmountIncludingTax:decimal! shipmentDate:date"
)
_ORDER_LINE = (
    _LINE + " shippedQuantity:decimal!=@none invoicedQuantity:decimal!=@none "
    "invoiceQuantity:decimal!=quantity shipQuantity:decimal!=quantity"
)


def entities(version: str, name_length: int) -> dict[str, Entity]:
    """Entity set -> properties of a version of the API."""
    beta = version == "beta"
    words = {
        "terms": "paymentTerms:code(10)=paymentTermsCode " if beta else "",
        "shipment": "shipmentMethod:code(10)=shipmentMethodCode " if beta else "",
    }
    objects = {
        "terms": "paymentTerms:coded.paymentTerms=paymentTermsCode " if beta else "",
        "shipment": "shipmentMethod:coded.shipmentMethods=shipmentMethodCode " if beta else "",
        "method": "paymentMethod:coded.paymentMethods=paymentMethodCode " if beta else "",
        "money": "balance:decimal!=@balance overdueAmount:decimal!=@overdue "
        "totalSalesExcludingTax:decimal!=@sales"
        if beta
        else "",
    }
    category = (
        "itemCategory:coded.itemCategories!=itemCategoryCode "
        if beta
        else "itemCategoryId:ref.itemCategories!=itemCategoryCode "
        "itemCategoryCode:code(20)!=itemCategoryCode "
    )
    external = "" if beta else "externalDocumentNumber:code(35) "
    bill = (
        ""
        if beta
        else "billToName:text(~)! billToCustomerId:ref.customers=billToCustomerNumber "
        "billToCustomerNumber:code(20) sellingPostalAddress:postal=sellTo "
    )
    ship = (
        ""
        if beta
        else "shipToName:text(~) shipToContact:text(~) shippingPostalAddress:postal=shipTo "
    )
    contact = "" if beta else "phoneNumber:text(30) email:text(80) "
    codes, shipment = _CODES.format(**words), _SHIPMENT.format(**words)
    billing = "billingPostalAddress:postal=billTo "
    tax_type = "" if beta else " taxType:text!"
    line_id = "" if beta else "id:text(50)!=@lineId "
    texts = {
        "companies": "id:guid! systemVersion:text! name:text(30)! displayName:text(250)! "
        "businessProfileId:text!",
        "companyInformation": "id:guid! displayName:text(~)! currencyCode:text(10)!" + _STAMP,
        "customers": _CUSTOMER.format(**objects),
        "items": _ITEM.format(category=category),
        "salesInvoices": "id:guid! number:code(20)! "
        + external
        + "invoiceDate:date=documentDate dueDate:date "
        "customerPurchaseOrderReference:text(35)=yourReference "
        + _PARTY
        + bill
        + ship
        + billing
        + codes
        + shipment
        + "orderId:guid! orderNumber:code(20)! salesperson:code(20) pricesIncludeTax:bool! "
        + ("" if beta else "remainingAmount:decimal! ")
        + _MONEY
        + contact
        + _STAMP,
        "salesOrders": "id:guid! number:code(20)! "
        + external
        + "orderDate:date=documentDate "
        + _PARTY
        + bill
        + ship
        + billing
        + codes
        + ("" if beta else shipment)
        + "salesperson:code(20) pricesIncludeTax:bool partialShipping:bool "
        "requestedDeliveryDate:date fullyShipped:bool!=@false " + _MONEY + contact + _STAMP,
        "salesCreditMemos": "id:guid! number:code(20)! "
        + external
        + "creditMemoDate:date=documentDate dueDate:date "
        + _PARTY
        + bill
        + billing
        + codes
        + ("" if beta else shipment)
        + "salesperson:code(20) pricesIncludeTax:bool! invoiceId:guid=@invoiceId "
        "invoiceNumber:code(20)=appliesToDocNumber " + _MONEY + contact + _STAMP,
        "salesInvoiceLines": line_id + _LINE,
        "salesOrderLines": line_id + _ORDER_LINE,
        "salesCreditMemoLines": line_id + _LINE,
        "accounts": "id:guid! number:code(20)! displayName:text(~)! category:text(20)! "
        "subCategory:text(80)! blocked:bool!" + _STAMP,
        "taxGroups": _CODED.replace("code(10)", "code(20)") + tax_type,
        "taxAreas": _CODED.replace("code(10)", "code(20)") + tax_type,
        "countriesRegions": _CODED.replace("~", "50"),
        "paymentTerms": _CODED + " dueDateCalculation:text!",
        "paymentMethods": _CODED,
        "shipmentMethods": _CODED,
        "currencies": _CODED.replace("~", "30")
        + " symbol:text(10)! amountDecimalPlaces:text(5)! amountRoundingPrecision:decimal!",
        "unitsOfMeasure": _CODED.replace("~", "50"),
        "generalLedgerEntries": "id:"
        + ("guid" if beta else "int")
        + "!=@entryId postingDate:date! documentNumber:code(20)! documentType:text! "
        "accountId:ref.accounts!=account accountNumber:code(20)!=account description:text(~)! "
        "debitAmount:decimal!=@debit creditAmount:decimal!=@credit" + _STAMP,
    }
    if beta:
        texts["generalLedgerEntries"] = "number:int!=entryNumber " + texts["generalLedgerEntries"]
    else:
        texts["customerFinancialDetails"] = (
            "id:guid! number:code(20)! balance:decimal!=@balance "
            "totalSalesExcludingTax:decimal!=@sales overdueAmount:decimal!=@overdue"
        )
    return {name: _entity(text, name_length) for name, text in texts.items()}


TABLES = {
    "countriesRegions": "countries",
    "unitsOfMeasure": "units",
    "generalLedgerEntries": "ledger",
    "customerFinancialDetails": "customers",
}
# Entity set -> (kind of the drafts in it, table of the posted ones, set of its lines).
DOCUMENTS = {
    "salesInvoices": ("Invoice", "invoices", "salesInvoiceLines"),
    "salesOrders": ("Order", "", "salesOrderLines"),
    "salesCreditMemos": ("Credit Memo", "memos", "salesCreditMemoLines"),
}
