"""Collections that are written: customers, orders, returns, invoices, payment journals."""

from __future__ import annotations

from sandbox.finance_operations.shapes import declare

_ADDRESS = "City CountryRegionISOCode CountryRegionId"


def _with(prefix: str, names: str) -> str:
    return " ".join(prefix + name for name in names.split())


declare(
    "CustomersV3",
    "dataAreaId CustomerAccount",
    {
        "text": "AddressBooks ChargesGroupId CommissionCustomerGroupId CommissionSalesGroupId "
        "CompanyChain ContactPersonId CreditRating CustomerGroupId DefaultDimensionDisplayValue "
        "DeliveryMode DeliveryReason DeliveryTerms DiscountPriceGroupId EmployeeResponsibleNumber "
        "FullPrimaryAddress IdentificationNumber InvoiceAccount KnownAs LanguageId "
        "LineDiscountCode LineOfBusinessId MultiLineDiscountCode NameAlias NumberSequenceGroup "
        "OrganizationName OrganizationNumber PartyCountry PartyNumber PartyState PartyType "
        "PaymentBankAccount PaymentCashDiscount PaymentDay PaymentIdType PaymentMethod "
        "PaymentSchedule PaymentSpecification PaymentTerms PersonFirstName PersonInitials "
        "PersonLastName PersonLastNamePrefix PersonMiddleName PersonProfessionalSuffix "
        "PersonProfessionalTitle PrimaryContactEmail PrimaryContactEmailDescription "
        "PrimaryContactEmailPurpose PrimaryContactFax PrimaryContactPhone "
        "PrimaryContactPhoneDescription PrimaryContactPhoneExtension PrimaryContactPhonePurpose "
        "PrimaryContactURL ReceiptEmail SalesCurrencyCode SalesDistrict SalesMemo "
        "SalesOrderPoolId SalesSegmentId SalesSubsegmentId SalesTaxGroup SiteId "
        "StatisticsGroupId TaxExemptNumber TaxRegistrationId TotalDiscountCode VendorAccount "
        "WarehouseId "
        + _with(
            "Address",
            _ADDRESS + " County Description DistrictName LocationId LocationRoles Postbox "
            "BuildingComplement State Street StreetNumber ZipCode",
        )
        + " "
        + _with(
            "DeliveryAddress",
            _ADDRESS + " County Description DistrictName LocationId State Street ZipCode",
        )
        + " "
        + _with(
            "InvoiceAddress",
            _ADDRESS + " County Description DistrictName LocationId State Street ZipCode",
        ),
        "decimal": "AddressLatitude AddressLongitude CreditLimit",
        "int": "ConsolidationDay OrganizationNumberOfEmployees",
        "long": "AddressRecordId PrimaryContactEmailRecordId PrimaryContactPhoneRecordId",
        "instant": "AddressValidFrom AddressValidTo",
        "NoYes": "AllowOnAccount CreditLimitIsMandatory EInvoiceRegister ExportSale "
        "ForeignCustomer IsElectronicInvoice IsExternallyMaintained IsOneTimeCustomer "
        "IsOrderNumberReferenceUsed IsSalesTaxIncludedInPrices OverrideSalesTax "
        "PreferentialCustomer PrimaryContactEmailIsIM PrimaryContactPhoneIsMobile",
        "CustVendorBlocked": "OnHoldStatus",
    },
    entity="CustomerV3",
    aot="CustCustomerV3Entity",
    writable=True,
    data_sources=3,
)
declare(
    "CustomerPostalAddressesV2",
    "dataAreaId CustomerAccount AddressLocationId",
    {
        "text": _with(
            "Address",
            _ADDRESS + " County Description DistrictName LocationRoles PostBox "
            "BuildingCompliment State Street StreetNumber ZipCode",
        )
        + " FormattedDeliveryAddress",
        "decimal": "AddressLatitude AddressLongitude",
        "instant": "AddressValidFrom AddressValidTo",
        "NoYes": "IsPrimary IsPrivate",
    },
    entity="CustomerPostalAddressV2",
    writable=True,
)

_HEADER = {
    "text": "CampaignId CashDiscountCode ChargeCustomerGroupId CommissionCustomerGroupId "
    "CommissionSalesRepresentativeGroupId ContactPersonId CreditNoteReasonCode CurrencyCode "
    "CustomerPaymentMethodName CustomerPaymentMethodSpecificationName CustomerPostingProfileId "
    "CustomerRequisitionNumber CustomersOrderReference DefaultLedgerDimensionDisplayValue "
    "DefaultShippingSiteId DefaultShippingWarehouseId DeliveryBuildingCompliment DeliveryModeCode "
    "DeliveryReasonCode DeliveryTermsCode Email ExportReason FormattedDelveryAddress "
    "FormattedInvoiceAddress FulfillmentPolicyName InvoiceCustomerAccountNumber LanguageId "
    "LineDiscountCustomerGroupCode MultilineDiscountCustomerGroupCode NumberSequenceGroupId "
    "OrderResponsiblePersonnelNumber OrderTakerPersonnelNumber OrderingCustomerAccountNumber "
    "PaymentScheduleName PaymentTermsName PriceCustomerGroupCode ProjectId QuotationNumber "
    "SalesOrderName SalesOrderOriginCode SalesOrderPoolId SalesRebateCustomerGroupId "
    "SalesTaxGroupCode SalesUnitId ShippingCarrierId ShippingCarrierServiceGroupId "
    "ShippingCarrierServiceId TaxExemptNumber TotalDiscountCustomerGroupCode "
    "TransportationModeId URL "
    + _with(
        "DeliveryAddress",
        _ADDRESS + " CountyId Description DistrictName LocationId Name PostBox StateId Street "
        "StreetNumber ZipCode",
    )
    + " "
    + _with(
        "InvoiceAddress",
        _ADDRESS + " CountyId DistrictName PostBox StateId Street StreetNumber ZipCode",
    ),
    "decimal": "DeliveryAddressLatitude DeliveryAddressLongitude FixedExchangeRate "
    "OrderHeaderTaxAmount OrderTotalAmount OrderTotalChargesAmount OrderTotalDiscountAmount "
    "OrderTotalTaxAmount ReportingCurrencyFixedExchangeRate TotalDiscountAmount "
    "TotalDiscountPercentage",
    "day": "ConfirmedReceiptDate ConfirmedShippingDate FixedDueDate PaymentTermsBaseDate "
    "RequestedReceiptDate RequestedShippingDate",
    "instant": "OrderCreationDateTime",
    "NoYes": "ArePricesIncludingSalesTax AreTotalsCalculated IsDeliveryAddressOrderSpecific "
    "IsDeliveryAddressPrivate IsExportSale IsInvoiceAddressPrivate IsOneTimeCustomer "
    "IsSalesProcessingStopped OverrideSalesTax SkipCreateAutoCharges",
    "SalesStatus": "SalesOrderStatus",
    "SalesOrderProcessingStatus": "SalesOrderProcessingStatus",
    "ItemReservation": "InventoryReservationMethod",
    "SettlementType": "CustomerTransactionSettlementType",
}
for _version in ("V2", "V3", "V4"):
    declare(
        f"SalesOrderHeaders{_version}",
        "dataAreaId SalesOrderNumber",
        _HEADER,
        entity=f"SalesOrderHeader{_version}",
        aot=f"SalesOrderHeader{_version}Entity",
        table="SalesOrderHeaders",
        writable=True,
        # Lengths that public clients keep to; the vendor publishes none.
        lengths={
            "CustomersOrderReference": 60,
            "SalesOrderName": 60,
            "CustomerRequisitionNumber": 50,
        },
        lines="SalesOrderLines",
    )
_LINE = {
    "text": "CommissionSalesRepresentativeGroupId CreditNoteReasonCode CurrencyCode "
    "CustomerRequisitionNumber DefaultLedgerDimensionDisplayValue DeliveryBuildingCompliment "
    "DeliveryModeCode DeliveryTermsId ExternalItemNumber FormattedDelveryAddress "
    "FulfillmentStoreId InventoryServiceReservationId ItemBatchNumber ItemNumber ItemSerialNumber "
    "LineDescription MainAccountIdDisplayValue OrderLineReference OrderedInventoryStatusId "
    "PackingUnitSymbol ProductColorId ProductConfigurationId ProductSizeId ProductStyleId "
    "ProductVersionId ProjectId RouteId SalesOrderNumber SalesProductCategoryName "
    "SalesRebateProductGroupId SalesTaxGroupCode SalesTaxItemGroupCode SalesUnitSymbol "
    "ServiceOrderNumber ShippingSiteId ShippingWarehouseId ShippingWarehouseLocationId "
    + _with(
        "DeliveryAddress",
        _ADDRESS + " CountyId Description DistrictName LocationId Name PostBox StateId Street "
        "StreetNumber ZipCode",
    ),
    "decimal": "AllowedOverdeliveryPercentage AllowedUnderdeliveryPercentage FixedPriceCharges "
    "LineAmount LineDiscountAmount LineDiscountPercentage LineNumber MultilineDiscountAmount "
    "MultilineDiscountPercentage OrderedSalesQuantity SalesDeliverNow SalesPrice "
    "SalesPriceQuantity",
    "int": "CustomersLineNumber LineCreationSequenceNumber",
    "day": "ConfirmedReceiptDate ConfirmedShippingDate RequestedReceiptDate RequestedShippingDate",
    "NoYes": "CalculateLineAmount ExcludeFromMasterPlanning IsDeliveryAddressOrderSpecific "
    "IsDeliveryAddressPrivate IsLineStopped IsPriceLocked OverrideSalesTax SkipCreateAutoCharges",
    "SalesStatus": "SalesOrderLineStatus",
    "ItemReservation": "InventoryReservationMethod",
}
for _version in ("", "V3"):
    declare(
        f"SalesOrderLines{_version}",
        "dataAreaId InventoryLotId",
        _LINE,
        entity=f"SalesOrderLine{_version}",
        aot=f"SalesOrderLine{_version}Entity",
        table="SalesOrderLines",
        writable=True,
    )
declare(
    "ReturnOrderHeadersV2",
    "dataAreaId ReturnOrderNumber",
    {
        "text": "ContactPersonId CurrencyCode CustomerAccountNumber CustomerRequisitionNumber "
        "CustomerReturnReasonCode CustomersOrderReference DefaultReturnSiteId "
        "DefaultReturnWarehouseId Email FormattedReturnAddress InvoiceCustomerAccountNumber "
        "LanguageId RMANumber ReplacementSalesOrderNumber ReturnAddressBuildingCompliment "
        + _with(
            "ReturnAddress",
            _ADDRESS + " CountyId Description DistrictName LocationId Name PostBox StateId "
            "Street StreetNumber ZipCode",
        ),
        "decimal": "OrderTotalAmount OrderTotalChargesAmount OrderTotalTaxAmount "
        "ReturnAddressLatitude ReturnAddressLongitude TotalDiscountAmount",
        "day": "ReturnDeadline",
        "NoYes": "IsReplacementSalesOrderCreated IsReturnAddressOrderSpecific "
        "IsReturnAddressPrivate IsReturnProcessingStopped",
        "SalesStatus": "ReturnOrderStatus",
    },
    entity="ReturnOrderHeaderV2",
    aot="ReturnOrderHeaderV2Entity",
    writable=True,
    lengths={"CustomersOrderReference": 60, "CustomerRequisitionNumber": 50},
)
declare(
    "ReturnOrderLinesV2",
    "dataAreaId ReturnOrderNumber ReturnInventoryLotId",
    {
        "text": "CustomerAccountNumber ExternalItemNumber InvoiceCustomerAccountNumber "
        "ItemBatchNumber ItemNumber ItemSerialNumber LineDescription MainAccountIdDisplayValue "
        "OrderedInventoryStatusId OriginCountryRegionId OriginStateId ProductColorId "
        "ProductConfigurationId ProductSizeId ProductStyleId ProductVersionId RMANumber "
        "ReferenceInventoryLotId ReferenceNumber ReturnAddressZipCode ReturnDispositionCode "
        "ReturnSiteId ReturnWarehouseId ReturnWarehouseLocationId ReturningInventoryLotId "
        "SalesUnitSymbol",
        "decimal": "LineAmount ReturnCatchWeightQuantity ReturnSalesQuantity ReturnUnitCost "
        "ReturnedSalesQuantity SalesPrice TotalChargesAmount TotalDiscountAmount TotalTaxAmount",
        "int": "LineCreationSequenceNumber",
        "day": "ActualReturnArrivalDate ExpectedReturnArrivalDate ReturnClosedDate",
        "NoYes": "IsReturnedQuantityAvailableForReservation",
    },
    entity="ReturnOrderLineV2",
    aot="ReturnOrderLineV2Entity",
    writable=True,
)
declare(
    "FreeTextInvoiceHeaders",
    "dataAreaId InvoiceIdentifier",
    {
        "long": "InvoiceIdentifier",
        "text": "BankAccountId BillingClassification CashDiscountCode CorrectedInvoiceId "
        "CurrencyCode CustomerAccount CustomerGroup CustomerReference CustomerRequisition "
        "DefaultDimensionDisplayValue DirectDebitMandateReference ExternalInvoiceId "
        "FreeTextNumber InvoiceAccount InvoiceName LanguageId MethodOfPayment PaymentSchedule "
        "PostingProfile SalesTaxGroupId SalesTaxItemGroupId TermsOfPayment numberSequenceGroup",
        "decimal": "CashDiscountPercentage ExchangeRate",
        "day": "CashDiscountDate CorrectedInvoiceDate DocumentDate DueDate InvoiceDate SalesDate "
        "VatDueDate",
        "NoYes": "EInvoiceIsLineSpecific InclTax IsCorrection IsOneTimeCustomer IsPosted "
        "IsPostedViaIntercompany OverrideSalesTax",
    },
    aot="FreeTextInvoiceHeaderEntity",
    writable=True,
)
declare(
    "FreeTextInvoiceLines",
    "dataAreaId LineNumber ParentRecId",
    {
        "long": "ParentRecId",
        "text": "AmountDetails AssetId BillingCode CurrencyCode DefaultDimensionDisplayValue "
        "Description ExternalInvoiceId InvoiceText MainAccountDisplayValue PrintCode ProjectID "
        "SalesTaxGroupId SalesTaxItemGroupId SalesUnit TransactionCode TransactionID",
        "decimal": "LineNumber Quantity SalesTaxAmount TransactionCurrencyAmount UnitPrice",
        "NoYes": "OverrideSalesTax",
    },
    aot="FreeTextInvoiceLineEntity",
    writable=True,
)
declare(
    "CustomerPaymentJournalHeaders",
    "dataAreaId JournalBatchNumber",
    {"text": "Description JournalName", "NoYes": "IsPosted OverrideSalesTax"},
    aot="CustomerPaymentJournalHeaderEntity",
    writable=True,
)
declare(
    "CustomerPaymentJournalLines",
    "dataAreaId JournalBatchNumber LineNumber",
    {
        "text": "AccountDisplayValue BankTransactionType Company CurrencyCode CustomerName "
        "DefaultDimensionsForAccountDisplayValue DefaultDimensionsForOffsetAccountDisplayValue "
        "DepositNumber FinTagDisplayValue MarkedInvoice MarkedInvoiceCompany "
        "OffsetAccountDisplayValue OffsetCompany OffsetFinTagDisplayValue OffsetTransactionText "
        "PaymentId PaymentMethodName PaymentNotes PaymentReference PaymentSpecification "
        "PostingProfile TaxGroup TaxItemGroup ThirdPartyBankAccountId TransactionText Voucher",
        "decimal": "LineNumber CreditAmount DebitAmount ExchangeRate ReportingCurrencyExchRate "
        "SecondaryExchangeRate",
        "day": "TransactionDate",
        "NoYes": "CalculateWithholdingTax IsPrepayment OverrideSalesTax UseABankDepositSlip",
        "LedgerJournalACType": "AccountType OffsetAccountType",
        "SettlementType": "SettleVoucher",
    },
    aot="CustomerPaymentJournalLineEntity",
    writable=True,
)
