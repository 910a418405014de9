"""Collections that are only read here: setup, products, posted invoices."""

from __future__ import annotations

from sandbox.finance_operations.shapes import declare

declare(
    "LegalEntities",
    "LegalEntityId",
    {
        "text": "AddressCity AddressCountryRegionISOCode AddressCountryRegionId AddressState "
        "AddressStreet AddressZipCode CompanyCountry CompanyName FullPrimaryAddress LanguageId "
        "Name NameAlias PartyNumber PrimaryContactEmail PrimaryContactPhone VATNum"
    },
    entity="LegalEntity",
    aot="OMLegalEntity",
)
declare("Companies", "DataArea", {"text": "KnownAs LanguageId Name PartyNumber"}, entity="Company")
declare(
    "Currencies",
    "CurrencyCode",
    {
        "text": "Name Symbol",
        "decimal": "GeneralRoundingRule RoundingRulePrices RoundingRuleSalesOrders",
        "NoYes": "ReferenceCurrencyForTriangulation",
    },
    entity="Currency",
    aot="CurrencyEntity",
)
declare(
    "CustomerGroups",
    "dataAreaId CustomerGroupId",
    {
        "text": "CustomerAccountNumberSequence DefaultDimensionDisplayValue Description "
        "PaymentTermId TaxGroupId ClearingPeriodPaymentTermName WriteOffReason",
        "NoYes": "IsSalesTaxIncludedInPrice",
    },
    aot="CustCustomerGroupEntity",
    writable=True,
)
declare(
    "CustomerPaymentMethods",
    "dataAreaId Name",
    {
        "text": "Description PaymentAccountDisplayValue PaymentJournalName "
        "BridgingPostingAccountDisplayValue",
        "LedgerJournalACType": "AccountType",
        "NoYes": "BridgingPostingEnabled IsSEPA ValidatePaymentReferenceIsMandatory",
    },
)
declare(
    "PaymentTerms",
    "dataAreaId Name",
    {
        "text": "Description PaymentScheduleName",
        "int": "NumberOfDays NumberOfMonths CutoffDayOfMonth",
        "NoYes": "IsCashPayment IsDefaultPaymentTerm",
    },
)
declare(
    "TaxGroups",
    "dataAreaId TaxGroupCode",
    {
        "text": "DefaultCriteriaCityId DefaultCriteriaCountryId DefaultCriteriaCountyId "
        "DefaultCriteriaStateId DefaultCriteriaZipCodeId Description",
        "NoYes": "TaxReverseOnCashDiscount",
    },
)
declare(
    "TaxItemGroups",
    "dataAreaId TaxItemGroupCode TaxCodeId",
    {"text": "Description TaxExemptCode TaxationCode", "NoYes": "ExemptTax WithoutTaxCredit"},
)
declare(
    "Warehouses",
    "dataAreaId WarehouseId",
    {"text": "OperationalSiteId PrimaryAddressCountryRegionId WarehouseName"},
    aot="InventWarehouseEntity",
)
declare(
    "WarehousesOnHandV2",
    "dataAreaId ItemNumber ProductColorId ProductConfigurationId ProductSizeId ProductStyleId "
    "ProductVersionId InventorySiteId InventoryWarehouseId",
    {
        "text": "ProductName",
        "decimal": "AvailableOnHandQuantity AvailableOrderedQuantity OnHandQuantity "
        "OnOrderQuantity OrderedQuantity ReservedOnHandQuantity ReservedOrderedQuantity "
        "TotalAvailableQuantity",
        "NoYes": "AreWarehouseManagementProcessesUsed",
    },
    entity="WarehouseOnHandV2",
    aot="InventWarehouseOnHandV2Entity",
)
declare(
    "DimensionParameters",
    "Key",
    {"int": "Key", "DimensionSegmentDelimiter": "DimensionSegmentDelimiter"},
    entity="DimensionParameters",
)
declare(
    "DimensionAttributes",
    "DimensionName",
    {
        "text": "DimensionValueMask ReportColumnName UseValuesFrom",
        "NoYes": "CopyValuesOnCreate GiveDerivedDimensionsPrecedence",
    },
)
declare("DimensionSets", "RecordId", {"long": "RecordId", "text": "DisplayValue MainAccount"})
declare(
    "FinancialDimensionValues",
    "FinancialDimension LegalEntityId DimensionValue",
    {
        "text": "Description GroupDimension Owner",
        "day": "ActiveFrom ActiveTo",
        "NoYes": "IsBlockedForManualEntry IsSuspended IsTotal",
    },
)
declare(
    "ReleasedProductsV2",
    "dataAreaId ItemNumber",
    {
        "text": "BarcodeSetupId BuyerGroupId CommodityCodeId CostGroupId "
        "DefaultLedgerDimensionDisplayValue DefaultProductColorId DefaultProductConfigurationId "
        "DefaultProductSizeId DefaultProductStyleId DefaultProductVersionId InventoryUnitSymbol "
        "ItemModelGroupId OriginCountryRegionId PrimaryVendorAccountNumber "
        "ProductDimensionGroupName ProductGroupId ProductLifecycleStateId ProductNumber "
        "ProductSearchName PurchaseSalesTaxItemGroupCode PurchaseUnitSymbol "
        "SalesSalesTaxItemGroupCode SalesUnitSymbol SearchName StorageDimensionGroupName "
        "TrackingDimensionGroupName",
        "decimal": "GrossDepth GrossProductHeight GrossProductWidth NetProductWeight "
        "ProductVolume PurchasePrice PurchasePriceQuantity SalesPrice SalesPriceQuantity "
        "TareProductWeight UnitCost UnitCostQuantity",
        "day": "SalesPriceDate SellEndDate SellStartDate UnitCostDate",
        "NoYes": "IsBatchNumberActive IsCatchWeightProduct IsDeliveredDirectly IsPhantom "
        "IsSerialNumberActive IsUnitCostProductVariantSpecific",
        "EcoResProductType": "ProductType",
        "EcoResProductSubtype": "ProductSubType",
    },
    entity="ReleasedProductV2",
    aot="EcoResReleasedProductV2Entity",
)
declare(
    "ReleasedProductVariantsV2",
    "dataAreaId ProductMasterNumber ProductConfigurationId ProductSizeId ProductColorId "
    "ProductStyleId ProductVersionId",
    {
        "text": "ItemNumber ProductDescription ProductLifecycleStateId ProductName "
        "ProductSearchName ProductVariantNumber PurchaseSalesTaxItemGroupCode "
        "SalesSalesTaxItemGroupCode"
    },
    entity="ReleasedProductVariantV2",
    aot="EcoResReleasedProductVariantV2Entity",
)
declare(
    "SalesInvoiceHeadersV4",
    "dataAreaId InvoiceNumber InvoiceDate LedgerVoucher",
    {
        "text": "ContactPersonId CurrencyCode CustomersOrderReference DeliveryModeCode "
        "DeliveryTermsCode InvoiceAddressCity InvoiceAddressCountryRegionISOCode "
        "InvoiceAddressCountryRegionId InvoiceAddressState InvoiceAddressStreet "
        "InvoiceAddressStreetNumber InvoiceAddressZipCode InvoiceCustomerAccountNumber "
        "PaymentTermsName SalesOrderNumber SalesOrderOriginCode "
        "SalesOrderResponsiblePersonnelNumber",
        "decimal": "CashDiscount EndDiscount InvoiceHeaderTaxAmount TotalChargeAmount "
        "TotalDiscountCustomerGroupCode TotalInvoiceAmount TotalLineDiscount TotalTaxAmount",
        "day": "InvoiceDate",
    },
    entity="SalesInvoiceHeaderV4",
    aot="SalesInvoiceHeaderV4Entity",
)
declare(
    "SalesInvoiceV4Lines",
    "dataAreaId InvoiceNumber LineCreationSequenceNumber InvoiceDate LedgerVoucher",
    {
        "int": "LineCreationSequenceNumber",
        "text": "CurrencyCode DimensionNumber InventorySiteId InventoryWarehouseId "
        "ItemBatchNumber OrderedInventoryStatusId ProductColorId ProductConfigurationId "
        "ProductDescription ProductName ProductNumber ProductSizeId ProductStyleId "
        "ProductVariantName ProductVersionId SalesProductCategoryName SalesUnitSymbol",
        "decimal": "InvoicedQuantity LineAmount LineTotalChargeAmount LineTotalDiscountAmount "
        "LineTotalTaxAmount SalesPrice",
        "day": "InvoiceDate ConfirmedShippingDate",
    },
    entity="SalesInvoiceV4Line",
    aot="SalesInvoiceV4LineEntity",
)
