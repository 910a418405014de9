"""The GP simulator's legacy web service."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest
import zeep
from zeep.transports import Transport

from tests.sandbox.gp.calls import TODAY, session

GP = "http://schemas.microsoft.com/dynamics/gp/2006/01"
DYNAMICS = "http://schemas.microsoft.com/dynamics/2006/01"


@pytest.fixture
def soap(gp, ca_file):
    transport = Transport(session=session(ca_file), timeout=10, operation_timeout=10)
    return zeep.Client(f"{gp.api}/Metadata/Legacy/Full/DynamicsGP.wsdl", transport=transport)


@pytest.fixture
def context(soap):
    dyn = soap.type_factory(DYNAMICS)
    return dyn.Context(OrganizationKey=dyn.CompanyKey(Id=2), CurrencyType="Transactional")


def made(soap, **changes):
    of = soap.type_factory(GP)

    def money(value):
        return of.MoneyAmount(Currency="GBP", Value=Decimal(value), DecimalDigits=2)

    tax = of.ReceivablesTax(
        Key=of.ReceivablesTaxKey(TaxDetailKey=of.TaxDetailKey(Id="WEBTAX")),
        SalesTaxAmount=money("9.07"),
    )
    fields = {
        "Key": of.ReceivablesDocumentKey(Id="BC1-100045"),
        "Date": datetime.datetime.combine(TODAY, datetime.time()),
        "SalesAmount": money("119.95"),
        "TradeDiscountAmount": money("10.00"),
        "FreightAmount": money("8.50"),
        "TaxAmount": money("9.07"),
        "Description": "BigCommerce 100045",
        "CustomerPONumber": "100045",
        "BatchKey": of.BatchKey(Source="RM_Sales", Id="BC1-01"),
        "CustomerKey": of.CustomerKey(Id="CUST00001"),
        "CurrencyKey": of.CurrencyKey(ISOCode="GBP"),
        "Taxes": of.ArrayOfReceivablesTax(ReceivablesTax=[tax]),
    }
    return of.ReceivablesInvoice(**(fields | changes))


def test_soap_books_an_invoice_and_reads_it_back(gp, soap, context):
    service, of = soap.service, soap.type_factory(GP)
    policy = service.GetPolicyByOperation("CreateReceivablesInvoice", context)
    assert policy.RootBusinessObjectName == "ReceivablesInvoice"
    assert service.CreateReceivablesInvoice(made(soap), context, policy) is None
    row = gp.get("state")["invoices"][0]
    assert (row["amount"], row["state"], row["batch"]) == (Decimal("127.52"), "Work", "BC1-01")
    key = of.ReceivablesDocumentKey(Id="BC1-100045")
    found = service.GetReceivablesInvoiceByKey(key, context)
    assert found.DocumentAmount.Value == Decimal("127.52")
    assert found.TransactionState == "Work"
    sides = [
        sum(getattr(each, side).Value for each in found.Distributions.ReceivablesDistribution)
        for side in ("DebitAmount", "CreditAmount")
    ]
    assert sides[0] == sides[1] == Decimal("137.52")
    assert service.GetReceivablesCreditMemoByKey(key, context) is None
    like = of.LikeRestrictionOfString(Like="BC1-%")
    criteria = of.ReceivablesDocumentCriteria(DocumentId=like, Scope="ReturnPartialObjects")
    listed = service.GetReceivablesDocumentList(criteria, context)
    assert [(each.Key.Id, each.Type) for each in listed] == [("BC1-100045", "Invoice")]
    gp.post("settings", soap_absent_key="fault")
    with pytest.raises(zeep.exceptions.Fault):
        service.GetReceivablesCreditMemoByKey(key, context)


def test_soap_tells_a_validation_by_its_guid(soap, context):
    service = soap.service
    policy = service.GetPolicyByOperation("CreateReceivablesInvoice", context)
    service.CreateReceivablesInvoice(made(soap), context, policy)
    with pytest.raises(zeep.exceptions.Fault) as caught:
        service.CreateReceivablesInvoice(made(soap), context, policy)
    assert caught.value.message == "Business object validation failed"
    logged = service.GetLoggedValidationResultByKey(
        caught.value.detail.findtext("Message"), context
    )
    (error_found,) = logged.Errors.ValidationError
    assert error_found.Id == 190
    assert "Error Number = 190 Stored Procedure taRMTransaction" in error_found.Message
    assert "DOCNUMBR = BC1-100045" in error_found.Message
    with pytest.raises(zeep.exceptions.Fault) as caught:
        service.CreateReceivablesInvoice(made(soap), context, None)
    assert caught.value.detail.findtext("Message")
    context.OrganizationKey.Id = 99
    with pytest.raises(zeep.exceptions.Fault, match="unhandled system exception") as caught:
        service.GetPolicyByOperation("CreateReceivablesInvoice", context)
    assert caught.value.detail.find("Message") is None


def test_soap_drops_what_is_out_of_its_place(gp, soap, context):
    policy = soap.service.GetPolicyByOperation("CreateReceivablesInvoice", context)
    message = soap.create_message(
        soap.service, "CreateReceivablesInvoice", made(soap), context, policy
    )
    document = message.find(f".//{{{GP}}}receivablesInvoice")
    number = document.find(f"{{{GP}}}CustomerPONumber")
    document.append(number)
    answer = soap.transport.post_xml(
        f"{gp.api}/DynamicsGPWebServices/DynamicsGPService.asmx",
        message,
        {"SOAPAction": f'"{GP}/CreateReceivablesInvoice"', "Content-Type": "text/xml"},
    )
    assert answer.status_code == 200
    assert gp.get("state")["invoices"][0]["po_number"] == ""


def test_soap_keeps_customers_items_companies_and_changes(gp, soap, context):
    service, of = soap.service, soap.type_factory(GP)
    dyn = soap.type_factory(DYNAMICS)
    everything = of.CompanyCriteria(
        Id=of.BetweenRestrictionOfNullableOfInt32(From=-32768, To=32767)
    )
    nowhere = dyn.Context(CurrencyType="Transactional")
    companies = service.GetCompanyList(everything, nowhere)
    assert {each.Key.Id: each.Name for each in companies}[2] == "Acme Outdoor Ltd"
    address = of.CustomerAddress(
        Key=of.CustomerAddressKey(Id="PRIMARY"),
        City="Leeds",
        InternetAddresses=of.InternetAddresses(EmailToAddress="zoe@example.com"),
    )
    customer = of.Customer(
        Key=of.CustomerKey(Id="WEB1"),
        Name="Zoë",
        ClassKey=of.CustomerClassKey(Id="WEB"),
        DefaultAddressKey=of.CustomerAddressKey(Id="PRIMARY"),
        Addresses=of.ArrayOfCustomerAddress(CustomerAddress=[address]),
    )
    policy = service.GetPolicyByOperation("CreateCustomer", context)
    service.CreateCustomer(customer, context, policy)
    customer.Comment1 = "from the web"
    service.UpdateCustomer(customer, context, policy)
    found = service.GetCustomerByKey(of.CustomerKey(Id="WEB1"), context)
    assert (found.Comment1, found.Addresses.CustomerAddress[0].City) == ("from the web", "Leeds")
    mail = found.Addresses.CustomerAddress[0].InternetAddresses.EmailToAddress
    assert mail == "zoe@example.com"
    named = of.CustomerCriteria(
        Id=of.LikeRestrictionOfString(Like="WEB%"), Scope="ReturnPartialObjects"
    )
    assert [each.Name for each in service.GetCustomerList(named, context)] == ["Zoë"]
    changed = service.GetChangedCustomerKeyList(of.CustomerChangedKeyCriteria(), context)
    assert [(each.Key.Id, each.Action) for each in changed] == [("WEB1", "Update")]
    item = service.GetItemByKey(of.ItemKey(Id="TENT-2P-GRN"), context)
    assert (item.Type, item.Key.Id) == ("SalesItem", "TENT-2P-GRN")
    assert service.GetItemByKey(of.ItemKey(Id="NONE"), context) is None
    scope = {"Scope": "ReturnPartialObjects"}
    assert len(service.GetItemList(of.ItemCriteria(**scope), context)) == 64
    gp.post("items", number="COMPASS", delete=True)
    deleted = service.GetChangedItemKeyList(of.ItemChangedKeyCriteria(), context)
    assert [(each.Key.Id, each.Action) for each in deleted] == [("COMPASS", "Delete")]
    gp.post("customers", id="WEB1", fields={"Comment2": "a\u0007bell"})
    with pytest.raises(zeep.exceptions.Fault, match="unhandled system exception"):
        service.GetCustomerByKey(of.CustomerKey(Id="WEB1"), context)
    batch = of.Batch(Key=of.BatchKey(Source="RM_Sales", Id="B9"), Frequency="SingleUse")
    service.CreateBatch(batch, context, service.GetPolicyByOperation("CreateBatch", context))
    read = service.GetBatchByKey(of.BatchKey(Source="RM_Sales", Id="B9"), context)
    assert (read.Frequency, read.TransactionTotalQuantity) == ("SingleUse", 0)
