"""The pages that an administrator publishes as web services, with the fields placed on them.

Names are the pages' control names as OData gives them. Page numbers 21, 30, 42, 43, 44, 132 and 134
are NAV's own; a customer's pages can differ, so fields can be taken off and lengths changed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from sandbox.business_central.odata import BadRequest
from sandbox.nav.company import Company
from sandbox.nav.seed import Row
from sandbox.nav.values import Field, fields

_ADDRESS = (
    "{n}_Address:text(~)={p}AddressLine1 {n}_Address_2:text(50)={p}AddressLine2 "
    "{n}_City:text(30)={p}City {n}_County:text(30)={p}State {n}_Post_Code:code(20)={p}PostCode "
    "{n}_Country_Region_Code:code(10)={p}Country "
)
_SELL_TO = (
    "Sell_to_Customer_No:code(20)=customerNumber Sell_to_Customer_Name:text(~)=customerName "
    "Sell_to_Contact:text(~)=sellToContact "
) + _ADDRESS.format(n="Sell_to", p="sellTo")
_BILL_TO = (
    "Bill_to_Customer_No:code(20)=billToCustomerNumber Bill_to_Name:text(~)=billToName "
) + _ADDRESS.format(n="Bill_to", p="billTo")
_SHIP_TO = (
    "Ship_to_Code:code(10)=shipToCode Ship_to_Name:text(~)=shipToName "
    "Ship_to_Contact:text(~)=shipToContact "
) + _ADDRESS.format(n="Ship_to", p="shipTo")
_HEADER = (
    "Document_Type:enum=kind No:code(20)=number "
    + _SELL_TO
    + "Your_Reference:text(35)=yourReference External_Document_No:code(35)=externalDocumentNumber "
    "Document_Date:date=documentDate Posting_Date:date=postingDate Due_Date:date=dueDate "
    "Salesperson_Code:code(20)=salesperson Status:text(20)!=status "
    "Currency_Code:code(10)=currencyCode Prices_Including_VAT:bool=pricesIncludeTax "
    "VAT_Bus_Posting_Group:code(20)=vatBusPostingGroup "
    "Payment_Terms_Code:code(10)=paymentTermsCode "
    "Payment_Method_Code:code(10)=paymentMethodCode Location_Code:code(10)=locationCode " + _BILL_TO
)
_ORDER = (
    _HEADER
    + _SHIP_TO
    + "Order_Date:date=orderDate Requested_Delivery_Date:date=requestedDeliveryDate "
    "Shipment_Date:date=shipmentDate Shipment_Method_Code:code(10)=shipmentMethodCode "
)
_MEMO = (
    _HEADER + "Applies_to_Doc_Type:enum=appliesToDocType "
    "Applies_to_Doc_No:code(20)=appliesToDocNumber Reason_Code:code(10)=reasonCode "
)
_TOTALS = (
    "Invoice_Discount_Amount:decimal!=@discountAmount "
    "Total_Amount_Excl_VAT:decimal!=@totalAmountExcludingTax "
    "Total_VAT_Amount:decimal!=@totalTaxAmount "
    "Total_Amount_Incl_VAT:decimal!=@totalAmountIncludingTax "
)
_LINE = (
    "Type:enum=lineType No:code(20)=objectNumber Variant_Code:code(10)=variantCode "
    "VAT_Prod_Posting_Group:code(20)=taxGroupCode Description:text(~)=description "
    "Description_2:text(50)=description2 "
    "Location_Code:code(10)=locationCode Quantity:decimal=quantity "
    "Unit_of_Measure_Code:code(10)=unitOfMeasureCode Unit_Price:decimal=unitPrice "
    "Line_Amount:decimal!=_amount Line_Discount_Percent:decimal=discountPercent "
    "Line_Discount_Amount:decimal=discountAmount "
    "Inv_Discount_Amount:decimal!=invoiceDiscountAllocation "
)
_DRAFT_LINE = (
    "Document_Type:enum=@kind Document_No:code(20)=@number Line_No:int=lineNumber "
    + _LINE
    + "Shipment_Date:date=shipmentDate "
    + _TOTALS
)
_POSTED = (
    "No:code(20)!=number "
    + _SELL_TO
    + "Your_Reference:text(35)=yourReference External_Document_No:code(35)=externalDocumentNumber "
    "Document_Date:date=documentDate Posting_Date:date=postingDate Due_Date:date=dueDate "
    "Salesperson_Code:code(20)=salesperson Currency_Code:code(10)=currencyCode "
    "Payment_Terms_Code:code(10)=paymentTermsCode Location_Code:code(10)=locationCode "
    "Pre_Assigned_No:code(20)=draftNumber Prices_Including_VAT:bool=pricesIncludeTax "
    "Cancelled:bool=cancelled Corrective:bool=corrective Amount:decimal=totalAmountExcludingTax "
    "Amount_Including_VAT:decimal=totalAmountIncludingTax "
    "Remaining_Amount:decimal=remainingAmount "
) + _BILL_TO
_POSTED_LINE = (
    "Document_No:code(20)=@number Line_No:int=lineNumber "
    + _LINE
    + "Amount:decimal!=netAmount Amount_Including_VAT:decimal!=netAmountIncludingTax "
    + _TOTALS
)
_ENTRY = (
    "Entry_No:int=entryNumber Posting_Date:date=postingDate Document_Type:text(20)=documentType "
    "Document_No:code(20)=documentNumber External_Document_No:code(35)=externalDocumentNumber "
)


@dataclass(frozen=True)
class Page:
    """A published page. ``part`` is its line part: (name of the part's service, its fields)."""

    service: str
    number: int
    table: str
    caption: str
    keys: tuple[str, ...]
    fields: dict[str, Field]
    kind: str = ""  # of sales drafts
    part: str = ""
    writable: bool = False
    deletable: bool = False
    header: str = ""  # a part: its header's service
    flow_filters: tuple[str, ...] = field(default=())

    def take_off(self, name: str) -> Page:
        return replace(self, fields={k: v for k, v in self.fields.items() if k != name})

    def with_length(self, name: str, length: int) -> Page:
        old = self.fields[name]
        new = Field(replace(old.info, length=length), old.inner)
        return replace(self, fields={**self.fields, name: new})


def pages(name_length: int) -> dict[str, Page]:
    """Every service that can be published, by its usual name."""

    def page(
        service: str, number: int, table: str, caption: str, keys: str, text: str, **more: Any
    ) -> Page:
        placed = fields(text, name_length)
        return Page(service, number, table, caption, tuple(keys.split()), placed, **more)

    def draft(service: str, number: int, kind: str, text: str) -> list[Page]:
        part = f"{service}SalesLines"
        return [
            page(
                service,
                number,
                "drafts",
                "Sales Header",
                "Document_Type No",
                text,
                kind=kind,
                part=part,
                writable=True,
                deletable=True,
            ),
            page(
                part,
                number,
                "lines",
                "Sales Line",
                "Document_Type Document_No Line_No",
                _DRAFT_LINE,
                kind=kind,
                writable=True,
                deletable=True,
                header=service,
            ),
        ]

    def posted(service: str, number: int, table: str, caption: str, part: str) -> list[Page]:
        more = "Order_No:code(20)=orderNumber " + _SHIP_TO
        if table == "memos":
            more = (
                "Applies_to_Doc_Type:enum=appliesToDocType "
                "Applies_to_Doc_No:code(20)=appliesToDocNumber Reason_Code:code(10)=reasonCode "
            )
        return [
            page(service, number, table, f"{caption} Header", "No", _POSTED + more, part=part),
            page(
                part,
                number,
                "lines",
                f"{caption} Line",
                "Document_No Line_No",
                _POSTED_LINE,
                header=service,
            ),
        ]

    found = [
        page(
            "Customer",
            21,
            "customers",
            "Customer",
            "No",
            "No:code(20)=number Name:text(~)=displayName Search_Name:code(~)=searchName "
            "Address:text(~)=addressLine1 Address_2:text(50)=addressLine2 City:text(30)=city "
            "County:text(30)=state Post_Code:code(20)=postalCode "
            "Country_Region_Code:code(10)=country Phone_No:text(30)=phoneNumber "
            "E_Mail:text(80)=email Home_Page:text(80)=website "
            "VAT_Registration_No:text(20)=vatRegistrationNumber Blocked:enum=blocked "
            "Balance_LCY:decimal!=@balance Credit_Limit_LCY:decimal=creditLimit "
            "Gen_Bus_Posting_Group:code(20)=genBusPostingGroup "
            "VAT_Bus_Posting_Group:code(20)=vatBusPostingGroup "
            "Customer_Posting_Group:code(20)=customerPostingGroup "
            "Currency_Code:code(10)=currencyCode Prices_Including_VAT:bool=pricesIncludeTax "
            "Payment_Terms_Code:code(10)=paymentTermsCode "
            "Payment_Method_Code:code(10)=paymentMethodCode Location_Code:code(10)=locationCode "
            "Shipment_Method_Code:code(10)=shipmentMethodCode "
            "Last_Date_Modified:date!=lastDateModified ",
            writable=True,
            deletable=True,
        ),
        page(
            "Item",
            30,
            "items",
            "Item",
            "No",
            "No:code(20)=number Description:text(~)=displayName Type:enum=itemType "
            "Description_2:text(50)=description2 "
            "Base_Unit_of_Measure:code(10)=baseUnitOfMeasureCode Blocked:bool=blocked "
            "Last_Date_Modified:date!=lastDateModified GTIN:code(14)=gtin "
            "Item_Category_Code:code(20)=itemCategoryCode Qty_on_Sales_Order:decimal!=@onOrder "
            "Inventory:decimal!=@inventory Unit_Price:decimal=unitPrice "
            "Price_Includes_VAT:bool=priceIncludesTax Unit_Cost:decimal=unitCost "
            "Gen_Prod_Posting_Group:code(20)=genProdPostingGroup "
            "VAT_Prod_Posting_Group:code(20)=taxGroupCode "
            "Inventory_Posting_Group:code(20)=inventoryPostingGroup "
            "Location_Filter:code(10)=@locationFilter Variant_Filter:code(10)=@variantFilter ",
            flow_filters=("Location_Filter", "Variant_Filter"),
        ),
        *draft("SalesOrder", 42, "Order", _ORDER),
        *draft("SalesInvoice", 43, "Invoice", _ORDER),
        *draft("SalesCreditMemo", 44, "Credit Memo", _MEMO),
        *posted(
            "PostedSalesInvoice",
            132,
            "invoices",
            "Sales Invoice",
            "PostedSalesInvoiceSalesInvLines",
        ),
        *posted(
            "PostedSalesCreditMemo",
            134,
            "memos",
            "Sales Cr.Memo",
            "PostedSalesCreditMemoSalesCrMemoLines",
        ),
        page(
            "ItemLedgerEntries",
            38,
            "stock",
            "Item Ledger Entry",
            "Entry_No",
            "Entry_No:int=entryNumber Posting_Date:date=postingDate Entry_Type:text(20)=entryType "
            "Document_Type:text(20)=documentType Document_No:code(20)=documentNumber "
            "Item_No:code(20)=itemNumber Variant_Code:code(10)=variantCode "
            "Location_Code:code(10)=locationCode Quantity:decimal=quantity "
            "Remaining_Quantity:decimal=remainingQuantity Open:bool=open "
            "Source_No:code(20)=sourceNumber ",
        ),
        page(
            "SalesPrices",
            7002,
            "salesPrices",
            "Sales Price",
            "Item_No Sales_Type Sales_Code Starting_Date Currency_Code Variant_Code "
            "Unit_of_Measure_Code Minimum_Quantity",
            "Item_No:code(20)=itemNumber Sales_Type:enum=salesType Sales_Code:code(20)=salesCode "
            "Starting_Date:date=startingDate Currency_Code:code(10)=currencyCode "
            "Variant_Code:code(10)=variantCode Unit_of_Measure_Code:code(10)=unitOfMeasureCode "
            "Minimum_Quantity:decimal=minimumQuantity Unit_Price:decimal=unitPrice "
            "Ending_Date:date=endingDate Price_Includes_VAT:bool=priceIncludesTax ",
        ),
        page(
            "ItemVariants",
            5401,
            "variants",
            "Item Variant",
            "Item_No Code",
            "Item_No:code(20)=itemNumber Code:code(10)=code Description:text(~)=displayName ",
        ),
        page(
            "GeneralLedgerSetup",
            118,
            "@setup",
            "General Ledger Setup",
            "Primary_Key",
            "Primary_Key:code(10)=primaryKey Allow_Posting_From:date=allowPostingFrom "
            "Allow_Posting_To:date=allowPostingTo LCY_Code:code(10)=localCurrencyCode "
            "Amount_Rounding_Precision:decimal=amountRoundingPrecision "
            "Unit_Amount_Rounding_Precision:decimal=unitAmountRoundingPrecision ",
        ),
        page(
            "AccountingPeriods",
            100,
            "@periods",
            "Accounting Period",
            "Starting_Date",
            "Starting_Date:date=startingDate Name:text(10)=name New_Fiscal_Year:bool=newFiscalYear "
            "Closed:bool=closed Date_Locked:bool=dateLocked ",
        ),
        page(
            "ChartOfAccounts",
            16,
            "accounts",
            "G/L Account",
            "No",
            "No:code(20)=number Name:text(~)=displayName Account_Type:text(20)=accountType "
            "Direct_Posting:bool=directPosting Blocked:bool=blocked "
            "VAT_Prod_Posting_Group:code(20)=_group ",
        ),
        page(
            "VATPostingSetup",
            472,
            "@vat",
            "VAT Posting Setup",
            "VAT_Bus_Posting_Group VAT_Prod_Posting_Group",
            "VAT_Bus_Posting_Group:code(20)=business VAT_Prod_Posting_Group:code(20)=product "
            "VAT_Identifier:code(20)=product VAT_Percent:decimal=percent ",
        ),
        *(
            page(
                service,
                number,
                table,
                caption,
                "Code",
                "Code:code(10)=code Description:text(~)=displayName ",
            )
            for service, number, table, caption in (
                ("PaymentTerms", 4, "paymentTerms", "Payment Terms"),
                ("Currencies", 5, "currencies", "Currency"),
                ("ShipmentMethods", 11, "shipmentMethods", "Shipment Method"),
                ("Locations", 15, "locations", "Location"),
            )
        ),
        page(
            "CustomerLedgerEntries",
            25,
            "receivables",
            "Cust. Ledger Entry",
            "Entry_No",
            _ENTRY + "Customer_No:code(20)=customerNumber Currency_Code:code(10)=currencyCode "
            "Amount:decimal=amount Remaining_Amount:decimal=remainingAmount "
            "Amount_LCY:decimal=amountLocal Open:bool=open ",
        ),
        page(
            "GeneralLedgerEntries",
            20,
            "ledger",
            "G/L Entry",
            "Entry_No",
            _ENTRY + "G_L_Account_No:code(20)=account Amount:decimal=amountLocal ",
        ),
    ]
    return {page.service: page for page in found}


def rows(company: Company, page: Page) -> list[Row]:
    """The rows behind a page that is no part, in the order of its key."""
    match page.table:
        case "@setup":
            return [company.ledger_setup()]
        case "@periods":
            return company.periods()
        case "@vat":
            return [
                {"_key": f"{b}|{p}", "business": b, "product": p, "percent": percent}
                for (b, p), percent in company.vat.items()
            ]
    found = company.tables[page.table]
    if page.kind:
        found = {r["_key"]: r for r in company.find("drafts", "kind", page.kind)}
    return [found[key] for key in sorted(found)]


COMPUTED: dict[str, Callable[[Company, Row, Row, dict[str, str]], Any]] = {
    "@balance": lambda company, row, header, filters: company.balance(row["number"]),
    "@inventory": lambda company, row, header, filters: company.inventory(
        row["number"],
        location=filters.get("Location_Filter"),
        variant=filters.get("Variant_Filter"),
    ),
    "@onOrder": lambda company, row, header, filters: company.on_order(
        row["number"],
        location=filters.get("Location_Filter"),
        variant=filters.get("Variant_Filter"),
    ),
    "@locationFilter": lambda company, row, header, filters: filters.get("Location_Filter", ""),
    "@variantFilter": lambda company, row, header, filters: filters.get("Variant_Filter", ""),
    **{
        f"@{name}": lambda company, row, header, filters, name=name: header[name]  # type: ignore[misc]
        for name in (
            "kind",
            "number",
            "discountAmount",
            "totalAmountExcludingTax",
            "totalTaxAmount",
            "totalAmountIncludingTax",
        )
    },
}


def unknown_service(name: str) -> BadRequest:
    return BadRequest(
        "BadRequest_ResourceNotFound", f"Resource not found for the segment '{name}'.", 404
    )
