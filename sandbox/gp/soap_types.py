"""The types and operations of the legacy web service, in the order in which they are declared.

Declared order matters: a service of this kind drops an element out of its place without a word.
Written down from the legacy WSDL's shape (receivables, addresses, restrictions, money, policy);
where no source gives a type's order, ours is in the WSDL that this server publishes.

A line is ``Name(Base): element:type ...``; after a type ``?`` may be absent, ``~`` must be there
and may be nil (a value type), ``*`` any number. ``!`` before a name: abstract. Indented lines
continue the one before.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

GP = "http://schemas.microsoft.com/dynamics/gp/2006/01"
DYNAMICS = "http://schemas.microsoft.com/dynamics/2006/01"
SECURITY = "http://schemas.microsoft.com/dynamics/security/2006/01"
GUIDS = "http://microsoft.com/wsdl/types/"
SIMPLE = ("string", "int", "decimal", "boolean", "dateTime", "guid")

ENUMS = {
    "ReceivablesDocumentType": (
        "Invoice", "DebitMemo", "FinanceCharge", "ServiceRepair", "Warranty", "CreditMemo",
        "Return",
    ),
    "ReceivablesTransactionState": ("Work", "Open", "History"),
    "CurrencyType": ("Transactional", "Local"),
    "CriteriaScope": ("ReturnPartialObjects", "ReturnFullObjects"),
    "ItemType": (
        "SalesItem", "DiscontinuedItem", "Kit", "MiscellaneousCharges", "Service", "FlatFee",
    ),
    "DataModificationAction": ("Insert", "Update", "Delete"),
    "BatchFrequency": ("SingleUse", "Weekly", "Biweekly", "Semimonthly", "Monthly"),
}  # fmt: skip
ENUM_SPACES = {"CurrencyType": DYNAMICS}

_DYNAMICS_TYPES = """
!OrganizationKey:
CompanyKey(OrganizationKey): Id:int
Context: WorkOnBehalfOf:string? OrganizationKey:OrganizationKey? CultureName:string?
    CurrencyType:CurrencyType RoleKey:RoleKey? TenantName:string?
"""
_SECURITY_TYPES = """
RoleKey: Id:string?
"""
_GP_TYPES = """
ReferenceKey:
CustomerKey(ReferenceKey): Id:string?
CustomerClassKey(ReferenceKey): Id:string?
CustomerAddressKey(ReferenceKey): CustomerKey:CustomerKey? Id:string?
ItemKey(ReferenceKey): Id:string?
ItemClassKey(ReferenceKey): Id:string?
UofMScheduleKey(ReferenceKey): Id:string?
CurrencyKey(ReferenceKey): ISOCode:string?
RateTypeKey(ReferenceKey): Id:string?
TaxScheduleKey(ReferenceKey): Id:string?
TaxDetailKey(ReferenceKey): Id:string?
PaymentTermsKey(ReferenceKey): Id:string?
PriceLevelKey(ReferenceKey): Id:string?
ShippingMethodKey(ReferenceKey): Id:string?
SalespersonKey(ReferenceKey): Id:string?
SalesTerritoryKey(ReferenceKey): Id:string?
WarehouseKey(ReferenceKey): Id:string?
CountryRegionCodeKey(ReferenceKey): Id:string?
GLAccountNumberKey(ReferenceKey): Id:string?
DistributionTypeKey(ReferenceKey): Id:int
BatchKey(ReferenceKey): Source:string? Id:string? CreatedDateTime:dateTime~
ReceivablesDocumentKey(ReferenceKey): Id:string?
ReceivablesTaxKey(ReferenceKey): ReceivablesDocumentKey:ReceivablesDocumentKey?
    TaxDetailKey:TaxDetailKey?
ReceivablesDistributionKey(ReferenceKey): ReceivablesDocumentKey:ReceivablesDocumentKey?
    SequenceNumber:int
!Amount:
MoneyAmount(Amount): Currency:string? Value:decimal DecimalDigits:int
PhoneNumber: Value:string? CountryCode:string? Extension:string?
Extension: ExtensionId:string?
ArrayOfExtension: Extension:Extension*
!BusinessObject: Extensions:ArrayOfExtension?
PolicyKey: Id:guid~
BehaviorKey: Id:guid~
BehaviorOption: Name:string? Value:string?
Behavior: Key:BehaviorKey? Name:string? Internal:boolean SelectedOption:BehaviorOption?
ArrayOfBehavior: Behavior:Behavior*
Policy: Key:PolicyKey? Behaviors:ArrayOfBehavior? Name:string? RootBusinessObjectName:string?
Company: Key:CompanyKey? Name:string?
ArrayOfCompany: Company:Company*
InternetAddresses: AdditionalInformation:string? EmailToAddress:string? EmailCcAddress:string?
    EmailBccAddress:string? InternetField1:string? InternetField2:string? MessengerAddress:string?
!BusinessAddress(BusinessObject): Name:string? ContactPerson:string? Line1:string? Line2:string?
    Line3:string? City:string? State:string? PostalCode:string? CountryRegion:string?
    CountryRegionCodeKey:CountryRegionCodeKey? Phone1:PhoneNumber? Phone2:PhoneNumber?
    Phone3:PhoneNumber? Fax:PhoneNumber?
!ConstituentAddress(BusinessAddress): UPSZone:string? ShippingMethodKey:ShippingMethodKey?
    TaxScheduleKey:TaxScheduleKey? CreatedDate:dateTime~ ModifiedDate:dateTime~
    LastModifiedDate:dateTime~ UserDefined1:string? UserDefined2:string?
    InternetAddresses:InternetAddresses?
CustomerAddress(ConstituentAddress): Key:CustomerAddressKey? SalespersonKey:SalespersonKey?
    SalesTerritoryKey:SalesTerritoryKey? WarehouseKey:WarehouseKey? DeleteOnUpdate:boolean~
ArrayOfCustomerAddress: CustomerAddress:CustomerAddress*
Customer(BusinessObject): Key:CustomerKey? Name:string? ShortName:string? StatementName:string?
    IsActive:boolean~ IsOnHold:boolean~ ClassKey:CustomerClassKey?
    DefaultAddressKey:CustomerAddressKey? ShippingMethodKey:ShippingMethodKey?
    TaxScheduleKey:TaxScheduleKey? PaymentTermsKey:PaymentTermsKey? PriceLevelKey:PriceLevelKey?
    CurrencyKey:CurrencyKey? RateTypeKey:RateTypeKey? SalespersonKey:SalespersonKey?
    SalesTerritoryKey:SalesTerritoryKey? TaxRegistrationNumber:string? TaxExemptNumber1:string?
    TaxExemptNumber2:string? Comment1:string? Comment2:string? UserDefined1:string?
    UserDefined2:string? CreatedDate:dateTime~ ModifiedDate:dateTime~ LastModifiedDate:dateTime~
    Addresses:ArrayOfCustomerAddress?
CustomerSummary: Key:CustomerKey? Name:string? IsActive:boolean IsOnHold:boolean
    CustomerClassKey:CustomerClassKey? CorporateAccountKey:CustomerKey?
    SalespersonKey:SalespersonKey? CreatedDate:dateTime~ ModifiedDate:dateTime~
    LastModifiedDate:dateTime~
ArrayOfCustomerSummary: CustomerSummary:CustomerSummary*
!Item(BusinessObject): Key:ItemKey? Description:string? ShortDescription:string?
    GenericDescription:string? ClassKey:ItemClassKey? UofMScheduleKey:UofMScheduleKey?
    SalesTaxScheduleKey:TaxScheduleKey? StandardCost:MoneyAmount? CurrentCost:MoneyAmount?
    Type:ItemType~ IsDiscontinued:boolean~ CreatedDate:dateTime~ ModifiedDate:dateTime~
    LastModifiedDate:dateTime~
SalesItem(Item):
ServiceItem(Item):
ItemSummaryBase: Key:ItemKey? Description:string? ClassKey:ItemClassKey? ModifiedDate:dateTime~
    LastModifiedDate:dateTime~
ItemSummary(ItemSummaryBase): Type:ItemType IsDiscontinued:boolean
ArrayOfItemSummary: ItemSummary:ItemSummary*
!Distribution(BusinessObject): DistributionTypeKey:DistributionTypeKey? Reference:string?
    GLAccountKey:GLAccountNumberKey? DebitAmount:Amount? CreditAmount:Amount?
ReceivablesDistribution(Distribution): Key:ReceivablesDistributionKey?
ArrayOfReceivablesDistribution: ReceivablesDistribution:ReceivablesDistribution*
!Tax(BusinessObject): TaxableAmount:MoneyAmount? TotalAmount:MoneyAmount? TaxAmount:MoneyAmount?
ReceivablesTax(Tax): Key:ReceivablesTaxKey? SalesTaxAmount:MoneyAmount?
    FreightTaxAmount:MoneyAmount? MiscellaneousTaxAmount:MoneyAmount?
    GLAccountKey:GLAccountNumberKey?
ArrayOfReceivablesTax: ReceivablesTax:ReceivablesTax*
!ReceivablesDocument(BusinessObject): Key:ReceivablesDocumentKey? Type:ReceivablesDocumentType~
    Date:dateTime~ DocumentAmount:MoneyAmount? SalesAmount:MoneyAmount? Description:string?
    CustomerPONumber:string? CostAmount:MoneyAmount? TradeDiscountAmount:MoneyAmount?
    FreightAmount:MoneyAmount? MiscellaneousAmount:MoneyAmount? TaxAmount:MoneyAmount?
    ExchangeRate:decimal~ ExchangeDate:dateTime~ CustomerName:string?
    TransactionState:ReceivablesTransactionState~ SalesTaxScheduleKey:TaxScheduleKey?
    FreightTaxScheduleKey:TaxScheduleKey? MiscellaneousTaxScheduleKey:TaxScheduleKey?
    GeneralLedgerPostingDate:dateTime~ PostedDate:dateTime~ PostedBy:string? IsElectronic:boolean~
    IsIntrastatDocument:boolean~ IsDirectDebitDocument:boolean~ CurrentDocumentAmount:MoneyAmount?
    CorporateAccountKey:CustomerKey? AuditTrailCode:string? InvoicePaidOffDate:dateTime~
    IsDeleted:boolean~ IsVoided:boolean~ VoidDate:dateTime~ ModifiedDate:dateTime~
    ModifiedBy:string? BatchKey:BatchKey? CustomerKey:CustomerKey? AddressKey:CustomerAddressKey?
    SalespersonKey:SalespersonKey? SalesTerritoryKey:SalesTerritoryKey?
    ShippingMethodKey:ShippingMethodKey? TaxScheduleKey:TaxScheduleKey? CurrencyKey:CurrencyKey?
    Taxes:ArrayOfReceivablesTax? Distributions:ArrayOfReceivablesDistribution?
!ReceivablesDebitDocument(ReceivablesDocument): WriteoffAmount:MoneyAmount?
    GSTDiscountAmount:MoneyAmount? PaymentTermsKey:PaymentTermsKey?
!ReceivablesCreditDocument(ReceivablesDocument): DiscountReturned:MoneyAmount?
ReceivablesInvoice(ReceivablesDebitDocument):
ReceivablesCreditMemo(ReceivablesCreditDocument):
ReceivablesReturn(ReceivablesCreditDocument):
ReceivablesDocumentSummary: Key:ReceivablesDocumentKey? CustomerKey:CustomerKey?
    CustomerPONumber:string? CustomerName:string? Date:dateTime~ CurrencyKey:CurrencyKey?
    BatchKey:BatchKey? SalespersonKey:SalespersonKey? TradeDiscountAmount:MoneyAmount?
    FreightAmount:MoneyAmount? MiscellaneousAmount:MoneyAmount? TaxAmount:MoneyAmount?
    DocumentAmount:MoneyAmount? ModifiedDate:dateTime~
    TransactionState:ReceivablesTransactionState~ Type:ReceivablesDocumentType~
ArrayOfReceivablesDocumentSummary: ReceivablesDocumentSummary:ReceivablesDocumentSummary*
Batch(BusinessObject): Key:BatchKey? Comment:string? PostingDate:dateTime~
    Frequency:BatchFrequency~ TransactionTotalAmount:MoneyAmount? TransactionTotalQuantity:int~
    IsMarkedForPosting:boolean~ Status:string? ModifiedDate:dateTime~
ArrayOfString: string:string*
ArrayOfInt: int:int*
RestrictionOfString: EqualValue:string?
ListRestrictionOfString(RestrictionOfString): Items:ArrayOfString?
BetweenRestrictionOfString(ListRestrictionOfString): From:string? To:string? GreaterThan:string?
    LessThan:string?
LikeRestrictionOfString(BetweenRestrictionOfString): Like:string?
RestrictionOfNullableOfInt32: EqualValue:int~
ListRestrictionOfNullableOfInt32(RestrictionOfNullableOfInt32): Items:ArrayOfInt?
BetweenRestrictionOfNullableOfInt32(ListRestrictionOfNullableOfInt32): From:int~ To:int~
    GreaterThan:int~ LessThan:int~
RestrictionOfNullableOfDateTime: EqualValue:dateTime~
BetweenRestrictionOfNullableOfDateTime(RestrictionOfNullableOfDateTime): From:dateTime~
    To:dateTime~ GreaterThan:dateTime~ LessThan:dateTime~
RestrictionOfNullableOfReceivablesTransactionState: EqualValue:ReceivablesTransactionState~
RestrictionOfNullableOfDataModificationAction: EqualValue:DataModificationAction~
RestrictionOfNullableOfBoolean: EqualValue:boolean~
!Criteria:
CompanyCriteria(Criteria): Id:BetweenRestrictionOfNullableOfInt32? Name:LikeRestrictionOfString?
CustomerCriteria(Criteria): Id:LikeRestrictionOfString? Name:LikeRestrictionOfString?
    IsActive:RestrictionOfNullableOfBoolean? ClassId:LikeRestrictionOfString?
    CreatedDate:BetweenRestrictionOfNullableOfDateTime?
    ModifiedDate:BetweenRestrictionOfNullableOfDateTime?
    LastModifiedDate:BetweenRestrictionOfNullableOfDateTime? Scope:CriteriaScope
ItemCriteria(Criteria): Id:LikeRestrictionOfString? Description:LikeRestrictionOfString?
    ClassId:LikeRestrictionOfString? ModifiedDate:BetweenRestrictionOfNullableOfDateTime?
    LastModifiedDate:BetweenRestrictionOfNullableOfDateTime? Scope:CriteriaScope
ReceivablesDocumentCriteria(Criteria):
    TransactionState:RestrictionOfNullableOfReceivablesTransactionState?
    DocumentId:LikeRestrictionOfString? Date:BetweenRestrictionOfNullableOfDateTime?
    CustomerId:LikeRestrictionOfString? BatchId:LikeRestrictionOfString?
    SalespersonId:LikeRestrictionOfString? ModifiedDate:BetweenRestrictionOfNullableOfDateTime?
    Scope:CriteriaScope
BaseChangedKeyCriteria(Criteria): LastModifiedDate:BetweenRestrictionOfNullableOfDateTime?
    Action:RestrictionOfNullableOfDataModificationAction?
CustomerChangedKeyCriteria(BaseChangedKeyCriteria): CustomerId:BetweenRestrictionOfString?
ItemChangedKeyCriteria(BaseChangedKeyCriteria): ItemId:BetweenRestrictionOfString?
!ChangedBusinessObjectKey: LastModifiedDate:dateTime Action:DataModificationAction
ChangedCustomerKey(ChangedBusinessObjectKey): Key:CustomerKey?
ChangedItemKey(ChangedBusinessObjectKey): Key:ItemKey?
ArrayOfChangedCustomerKey: ChangedCustomerKey:ChangedCustomerKey*
ArrayOfChangedItemKey: ChangedItemKey:ChangedItemKey*
ValidationError: Id:int Message:string? PropertyName:string?
ArrayOfValidationError: ValidationError:ValidationError*
ValidationWarning: Id:int Message:string? PropertyName:string?
ArrayOfValidationWarning: ValidationWarning:ValidationWarning*
ValidationResult: Errors:ArrayOfValidationError? Warnings:ArrayOfValidationWarning?
"""


@dataclass(frozen=True, slots=True)
class Element:
    name: str
    type: str
    mark: str  # '' required, '?' may be absent, '~' required and nillable, '*' any number


@dataclass(frozen=True, slots=True)
class Type:
    name: str
    space: str
    base: str
    abstract: bool
    own: tuple[Element, ...]


def _declared(text: str, space: str) -> dict[str, Type]:
    found = {}
    for line in text.strip().replace("\n    ", " ").splitlines():
        head, _, rest = line.partition(": ") if ": " in line else (line.rstrip(":"), "", "")
        match = re.fullmatch(r"(!?)(\w+)(?:\((\w+)\))?", head)
        assert match, line
        elements = []
        for part in rest.split():
            name, _, kind = part.partition(":")
            mark = kind[-1] if kind[-1] in "?~*" else ""
            elements.append(Element(name, kind.rstrip("?~*"), mark))
        found[match[2]] = Type(match[2], space, match[3] or "", bool(match[1]), tuple(elements))
    return found


TYPES = (
    _declared(_DYNAMICS_TYPES, DYNAMICS)
    | _declared(_SECURITY_TYPES, SECURITY)
    | _declared(_GP_TYPES, GP)
)


def members(name: str) -> list[tuple[str, Element]]:
    """Namespace and element of everything in a type, the base type's first."""
    kind = TYPES[name]
    inherited = members(kind.base) if kind.base else []
    return inherited + [(kind.space, element) for element in kind.own]


def derives(name: str, base: str) -> bool:
    while name:
        if name == base:
            return True
        name = TYPES[name].base
    return False


@dataclass(frozen=True, slots=True)
class Operation:
    """``window`` stands for the security of the operation; writes take a policy."""

    name: str
    parameters: tuple[Element, ...]
    result: str
    window: str = ""


def _operation(name: str, parameters: str, result: str = "", window: str = "") -> Operation:
    found = []
    for part in parameters.split():
        key, _, kind = part.partition(":")
        found.append(Element(key, kind, "" if kind in SIMPLE and kind != "string" else "?"))
    return Operation(name, tuple(found), result, window)


_CUSTOMER, _ITEM = "Customer Maintenance", "Item Maintenance"
_ENTRY, _BATCH = "Receivables Transaction Entry", "Receivables Batch Entry"
OPERATIONS = {
    operation.name: operation
    for operation in (
        _operation("GetCompanyList", "criteria:CompanyCriteria context:Context", "ArrayOfCompany"),
        _operation("GetPolicyByOperation", "operation:string context:Context", "Policy"),
        _operation(
            "GetLoggedValidationResultByKey", "logId:guid context:Context", "ValidationResult"
        ),
        _operation("GetCustomerByKey", "key:CustomerKey context:Context", "Customer", _CUSTOMER),
        _operation(
            "GetCustomerList",
            "criteria:CustomerCriteria context:Context",
            "ArrayOfCustomerSummary",
            _CUSTOMER,
        ),
        _operation(
            "CreateCustomer", "customer:Customer context:Context policy:Policy", "", _CUSTOMER
        ),
        _operation(
            "UpdateCustomer", "customer:Customer context:Context policy:Policy", "", _CUSTOMER
        ),
        _operation(
            "GetChangedCustomerKeyList",
            "criteria:CustomerChangedKeyCriteria context:Context",
            "ArrayOfChangedCustomerKey",
            _CUSTOMER,
        ),
        _operation("GetItemByKey", "key:ItemKey context:Context", "Item", _ITEM),
        _operation(
            "GetItemList", "criteria:ItemCriteria context:Context", "ArrayOfItemSummary", _ITEM
        ),
        _operation(
            "GetChangedItemKeyList",
            "criteria:ItemChangedKeyCriteria context:Context",
            "ArrayOfChangedItemKey",
            _ITEM,
        ),
        *(
            _operation(
                f"CreateReceivables{kind}",
                f"receivables{kind}:Receivables{kind} context:Context policy:Policy",
                "",
                _ENTRY,
            )
            for kind in ("Invoice", "CreditMemo", "Return")
        ),
        *(
            _operation(
                f"GetReceivables{kind}ByKey",
                "key:ReceivablesDocumentKey context:Context",
                f"Receivables{kind}",
                _ENTRY,
            )
            for kind in ("Invoice", "CreditMemo", "Return")
        ),
        _operation(
            "GetReceivablesDocumentList",
            "criteria:ReceivablesDocumentCriteria context:Context",
            "ArrayOfReceivablesDocumentSummary",
            _ENTRY,
        ),
        _operation("GetBatchByKey", "key:BatchKey context:Context", "Batch", _BATCH),
        _operation("CreateBatch", "batch:Batch context:Context policy:Policy", "", _BATCH),
    )
}
