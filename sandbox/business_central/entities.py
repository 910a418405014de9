"""Entity properties as the API declares them: type, longest value, read-only."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

BLANK_ID = "00000000-0000-0000-0000-000000000000"
BLANK_DATE = "0001-01-01"


@dataclass(frozen=True, slots=True)
class Property:
    type: str  # text | code | guid | decimal | int | bool | date | instant | enum
    length: int = 0
    read_only: bool = False


def _parse(text: str) -> dict[str, Property]:
    """``name:type(length)!`` separated by blanks; ``!`` is read-only."""
    found = {}
    for part in text.split():
        name, _, rest = part.partition(":")
        read_only = rest.endswith("!")
        kind, _, length = rest.rstrip("!").rstrip(")").partition("(")
        found[name] = Property(kind, int(length or 0), read_only)
    return found


_ADDRESS = "{p}AddressLine1:text(100){r} {p}AddressLine2:text(50){r} {p}City:text(30){r} {p}Country:code(10){r} {p}State:text(30){r} {p}PostCode:code(20){r} "
_SOLD_TO = (
    "customerId:guid customerNumber:code(20) customerName:text(100)! billToName:text(100)! "
    "billToCustomerId:guid billToCustomerNumber:code(20) " + _ADDRESS.format(p="sellTo", r="")
)
_PARTIES = _SOLD_TO + _ADDRESS.format(p="billTo", r="!")
_SHIP_TO = "shipToName:text(100) shipToContact:text(100) " + _ADDRESS.format(p="shipTo", r="")
_TOTALS = (
    "discountAmount:decimal discountAppliedBeforeTax:bool! totalAmountExcludingTax:decimal! "
    "totalTaxAmount:decimal! totalAmountIncludingTax:decimal! status:enum! "
    "lastModifiedDateTime:instant! phoneNumber:text(30) email:text(80) "
)
_COMMON = (
    "id:guid! number:code(20)! externalDocumentNumber:code(35) postingDate:date currencyId:guid "
    "currencyCode:code(10) shortcutDimension1Code:code(20) shortcutDimension2Code:code(20) "
    "paymentTermsId:guid shipmentMethodId:guid salesperson:code(20) "
)
_LINE = (
    "id:guid! documentId:guid sequence:int itemId:guid accountId:guid lineType:enum "
    "lineObjectNumber:code(20) description:text(100) description2:text(50) unitOfMeasureId:guid "
    "unitOfMeasureCode:code(10) quantity:decimal unitPrice:decimal discountAmount:decimal "
    "discountPercent:decimal discountAppliedBeforeTax:bool! amountExcludingTax:decimal! "
    "taxCode:code(50) taxPercent:decimal! totalTaxAmount:decimal! amountIncludingTax:decimal! "
    "invoiceDiscountAllocation:decimal! netAmount:decimal! netTaxAmount:decimal! "
    "netAmountIncludingTax:decimal! shipmentDate:date itemVariantId:guid locationId:guid "
)

ENTITIES: dict[str, dict[str, Property]] = {
    "companies": _parse(
        "id:guid! systemVersion:text! timestamp:int! name:text! displayName:text! "
        "businessProfileId:text! systemCreatedAt:instant! systemModifiedAt:instant!"
    ),
    "customers": _parse(
        "id:guid! number:code(20) displayName:text(100) type:enum addressLine1:text(100) "
        "addressLine2:text(50) city:text(30) state:text(30) country:code(10) postalCode:code(20) "
        "phoneNumber:text(30) email:text(80) website:text(255) salespersonCode:code(20) "
        "balanceDue:decimal! creditLimit:decimal taxLiable:bool taxAreaId:guid "
        "taxAreaDisplayName:text! taxRegistrationNumber:text(50) currencyId:guid "
        "currencyCode:code(10) paymentTermsId:guid shipmentMethodId:guid paymentMethodId:guid "
        "blocked:enum lastModifiedDateTime:instant"
    ),
    "items": _parse(
        "id:guid! number:code(20) displayName:text(100) displayName2:text(50) type:enum "
        "itemCategoryId:guid itemCategoryCode:code(20) blocked:bool gtin:code(14) "
        "inventory:decimal unitPrice:decimal priceIncludesTax:bool unitCost:decimal "
        "taxGroupId:guid taxGroupCode:code(20) baseUnitOfMeasureId:guid "
        "baseUnitOfMeasureCode:code(10) generalProductPostingGroupId:guid "
        "generalProductPostingGroupCode:code(20) inventoryPostingGroupId:guid "
        "inventoryPostingGroupCode:code(20) lastModifiedDateTime:instant!"
    ),
    "itemLedgerEntries": _parse(
        "id:guid! entryNumber:int! itemNumber:code(20)! postingDate:date! entryType:enum! "
        "sourceNumber:code(20)! sourceType:enum! documentNumber:code(20)! documentType:enum! "
        "description:text(100)! quantity:decimal! salesAmountActual:decimal! "
        "costAmountActual:decimal! lastModifiedDateTime:instant!"
    ),
    "taxAreas": _parse(
        "id:guid! code:code(20) displayName:text(100) taxType:enum! lastModifiedDateTime:instant!"
    ),
    "paymentTerms": _parse(
        "id:guid! code:code(10) displayName:text(100) dueDateCalculation:text(32) lastModifiedDateTime:instant"
    ),
    "shipmentMethods": _parse(
        "id:guid! code:code(10) displayName:text(100) lastModifiedDateTime:instant"
    ),
    "locations": _parse(
        "id:guid! code:code(10) displayName:text(100) lastModifiedDateTime:instant!"
    ),
    "currencies": _parse(
        "id:guid! code:code(10) displayName:text(30) symbol:text(10) amountDecimalPlaces:text(5) "
        "amountRoundingPrecision:decimal lastModifiedDateTime:instant"
    ),
    "accounts": _parse(
        "id:guid! number:code(20)! displayName:text(100)! category:enum! subCategory:text(80)! "
        "blocked:bool! accountType:enum! directPosting:bool! netChange:decimal! lastModifiedDateTime:instant!"
    ),
    "generalLedgerSetup": _parse(
        "id:guid! allowPostingFrom:date allowPostingTo:date additionalReportingCurrency:code(10) "
        "localCurrencyCode:code(10) localCurrencySymbol:text(10) lastModifiedDateTime:instant!"
    ),
    "salesInvoices": _parse(
        _COMMON + _PARTIES + _SHIP_TO + _TOTALS + "invoiceDate:date dueDate:date "
        "promisedPayDate:date customerPurchaseOrderReference:text(35) orderId:guid! "
        "orderNumber:code(20)! disputeStatusId:guid disputeStatus:code(10) pricesIncludeTax:bool! "
        "remainingAmount:decimal!"
    ),
    "salesOrders": _parse(
        _COMMON + _PARTIES + _SHIP_TO + _TOTALS + "orderDate:date requestedDeliveryDate:date "
        "pricesIncludeTax:bool partialShipping:bool fullyShipped:bool"
    ),
    "salesCreditMemos": _parse(
        _COMMON
        + _SOLD_TO
        + _ADDRESS.format(p="billTo", r="")
        + _TOTALS
        + "creditMemoDate:date dueDate:date pricesIncludeTax:bool! invoiceId:guid "
        "invoiceNumber:code(20) customerReturnReasonId:guid"
    ),
    "salesInvoiceLines": _parse(_LINE),
    "salesCreditMemoLines": _parse(_LINE),
    "salesOrderLines": _parse(
        _LINE
        + "shippedQuantity:decimal invoicedQuantity:decimal invoiceQuantity:decimal shipQuantity:decimal"
    ),
}
DOCUMENTS = {
    "salesInvoices": "salesInvoiceLines",
    "salesOrders": "salesOrderLines",
    "salesCreditMemos": "salesCreditMemoLines",
}
ENUMS = {
    "lineType": ("Comment", "Account", "Item", "Resource", "Fixed Asset", "Charge"),
    "blocked": (" ", "Ship", "Invoice", "All"),
    "type": ("Company", "Person", "Inventory", "Service", "Non-Inventory"),
}


def key_property(entity: str) -> str:
    """The primary key of the table behind an entity, by which it is sorted and paged."""
    names = ("entryNumber", "number", "code")
    return next((name for name in names if name in ENTITIES[entity]), "id")


def escaped(name: str) -> str:
    """An enumeration member on the wire: blanks and hyphens as _xHHHH_."""
    return "".join(c if c.isalnum() else f"_x{ord(c):04X}_" for c in name)


def blank(info: Property) -> Any:
    """What the application shows for a property that was never set."""
    return {
        "decimal": Decimal(0),
        "int": 0,
        "bool": False,
        "guid": BLANK_ID,
        "date": BLANK_DATE,
        "instant": "0001-01-01T00:00:00Z",
        "enum": " ",
    }.get(info.type, "")
