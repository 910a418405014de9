"""Customers and sales orders in the Finance & Operations simulator."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.support import finance_operations as support
from tests.support.finance_operations import ACCESS, CUSTOMER, line

tls = pytest.fixture(scope="module")(support.tls)
running = pytest.fixture(scope="module")(support.running)
erp = pytest.fixture(support.erp)
call = pytest.fixture(support.call)
customer = pytest.fixture(support.customer)
order = pytest.fixture(support.order)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"CustomerGroupId": "B2C"}, "'B2C' in field 'Customer group' is not found in the related table 'Customer groups'"),
        ({"CustomerGroupId": ""}, "Field 'Customer group' must be filled in."),
        ({"SalesCurrencyCode": "XXX"}, "'XXX' in field 'Currency'"),
        ({"OrganizationName": ""}, "Field 'Name' must be filled in."),
        ({"PartyType": "Person"}, "Field 'First name' must be filled in."),
        ({"AddressCountryRegionId": "GB"}, "'GB' in field 'Country/region'"),
        ({"AddressCountryRegionId": "GBR", "AddressState": "Cumbria"}, "'Cumbria' in field 'State'"),
        ({"CustomerAccount": "BC-104233"}, "does not allow manual numbers"),
        ({"DefaultDimensionDisplayValue": "-999-"}, "'999' is not valid for the dimension 'Department'"),
        ({"dataAreaId": "none"}, "Company 'none' does not exist"),
    ],
)  # fmt: skip
def test_a_customer_is_refused_in_the_infologs_words(call, values, words):
    text = call.refused("CustomersV3", **{**CUSTOMER, **values})
    assert text.startswith("Write failed for table row of type 'CustCustomerV3Entity'. Infolog: ")
    assert words in text


def test_customer_numbers_by_hand(erp, call):
    erp.post("settings", customer_numbers="manual")
    assert "Field 'Customer account' must be filled in." in call.refused("CustomersV3", **CUSTOMER)
    created = call.create("CustomersV3", CustomerAccount="BC-104233", **CUSTOMER)
    assert created["CustomerAccount"] == "BC-104233"
    twin = call.refused("CustomersV3", CustomerAccount="bc-104233", **CUSTOMER)
    assert "Cannot create a record in Customers (CustTable). Customer account: " in twin
    assert "The record already exists.." in twin
    erp.post("settings", customer_numbers="automatic", sent_customer_account="ignored")
    created = call.create("CustomersV3", CustomerAccount="BC-9", **CUSTOMER)
    assert created["CustomerAccount"] == "ACUK-000001"


def test_addresses_follow_the_customer_and_more_can_be_added(call, customer):
    account = customer["CustomerAccount"]
    expression = f"dataAreaId eq 'acuk' and CustomerAccount eq '{account}'"
    primary = call.find("CustomerPostalAddressesV2", expression)
    assert [(a["AddressCity"], a["IsPrimary"]) for a in primary] == [("Leeds", "Yes")]
    key = f"CustomersV3(dataAreaId='acuk',CustomerAccount='{account}')?{ACCESS}"
    assert call("PATCH", key, {"AddressCity": "Kendal"}).status_code == 204
    more = call.create(
        "CustomerPostalAddressesV2",
        CustomerAccount=account,
        AddressCity="Cork",
        AddressCountryRegionId="IRL",
    )
    assert more["AddressLocationId"]
    cities = {a["AddressCity"] for a in call.find("CustomerPostalAddressesV2", expression)}
    assert cities == {"Kendal", "Cork"}


def test_an_order_is_a_draft_until_the_batch_job_runs(erp, call, order):
    assert (order["SalesOrderStatus"], order["SalesOrderProcessingStatus"]) == ("None", "Active")
    assert order["RequestedShippingDate"] == "2026-03-02T12:00:00Z"
    assert order["SalesTaxGroupCode"] == "GB-DOM"
    first = line(call, order, OrderedSalesQuantity=2, SalesPrice=Decimal("19.99"), LineDiscountAmount=Decimal("1.50"))  # fmt: skip
    assert first["LineAmount"] == Decimal("36.98")
    line(call, order, "BOOK-LAKES", SalesPrice=Decimal("12.99"))
    key = f"SalesOrderHeadersV4(dataAreaId='acuk',SalesOrderNumber='{order['SalesOrderNumber']}')"
    header = call.get(f"{key}?{ACCESS}&$expand=SalesOrderLines")
    assert header["SalesOrderStatus"] == "Backorder"
    assert (header["OrderTotalAmount"], header["AreTotalsCalculated"]) == (0, "No")
    assert len(header["SalesOrderLines"]) == 2
    found = f"SalesOrderNumber eq '{order['SalesOrderNumber']}'"
    assert call.find("SalesInvoiceHeadersV4", found) == []
    assert erp.post("batch", jobs=["orders"])["posted"][0]["number"] == "CIV-000001"
    (invoice,) = call.find("SalesInvoiceHeadersV4", found)
    assert invoice["CustomersOrderReference"] == "BC-100431"
    # 20% of 36.98, nothing of the zero-rated book: the environment's own tax, whatever the store's.
    assert (invoice["TotalTaxAmount"], invoice["TotalInvoiceAmount"]) == (Decimal("7.40"), Decimal("57.37"))  # fmt: skip
    lines = call.find("SalesInvoiceV4Lines", f"InvoiceNumber eq '{invoice['InvoiceNumber']}'")
    assert [row["LineTotalTaxAmount"] for row in lines] == [Decimal("7.40"), 0]
    header = call.get(f"{key}?{ACCESS}")
    assert (header["SalesOrderStatus"], header["OrderTotalAmount"]) == ("Invoiced", 0)
    answer = call("PATCH", f"{key}?{ACCESS}", {"Email": "late@example.test"})
    assert answer.status_code == 400
    assert erp.get("state")["ledger_balance"] == 0
    assert erp.post("batch")["posted"] == []


def test_prices_with_tax_and_an_order_invoiced_in_two_parts(erp, call, customer):
    order = call.create(
        "SalesOrderHeadersV2",
        OrderingCustomerAccountNumber=customer["CustomerAccount"],
        ArePricesIncludingSalesTax="Yes",
        DefaultShippingWarehouseId="WEB",
    )
    line(call, order, SalesPrice=Decimal("249.99"))
    line(call, order, "MUG-450", SalesPrice=Decimal("11.49"), LineDiscountPercentage=10)
    erp.post("batch", split=True)
    state = erp.get("state")["orders"][0]
    assert (state["SalesOrderStatus"], state["SalesOrderProcessingStatus"]) == ("Backorder", "PartiallyInvoiced")  # fmt: skip
    erp.post("batch")
    rows = call.find("SalesInvoiceHeadersV4", "dataAreaId eq 'acuk'")
    totals = [(row["TotalInvoiceAmount"], row["TotalTaxAmount"]) for row in rows]
    assert totals == [
        (Decimal("249.99"), Decimal("41.67")),
        (Decimal("10.34"), Decimal("1.72")),
    ]


def test_a_discount_can_be_meant_by_the_unit_or_by_the_line(erp, call, order):
    three = {"OrderedSalesQuantity": 3, "SalesPrice": 10, "LineDiscountAmount": 1}
    assert line(call, order, **three)["LineAmount"] == 27
    erp.post("settings", line_discount="line")
    assert line(call, order, **three)["LineAmount"] == 29


def test_an_orders_own_discount_is_spread_to_the_cent(erp, call, customer):
    erp.post("settings", total_discount_amount="applied")
    order = call.create(
        "SalesOrderHeadersV2",
        OrderingCustomerAccountNumber=customer["CustomerAccount"],
        DefaultShippingWarehouseId="WEB",
        TotalDiscountAmount=Decimal("0.10"),
    )
    for _ in range(3):
        line(call, order, "BOOK-LAKES", SalesPrice=Decimal("3.33"))
    erp.post("batch")
    (invoice,) = call.find("SalesInvoiceHeadersV4", "dataAreaId eq 'acuk'")
    assert invoice["TotalInvoiceAmount"] == Decimal("9.89")
    assert invoice["TotalLineDiscount"] == Decimal("0.10")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"ItemNumber": "HAMMOCK-NEW"}, "'HAMMOCK-NEW' in field 'Item number' is not found in the related table 'Released products'"),
        ({"ItemNumber": "SOCK-MER"}, "Product dimension Size is mandatory"),
        ({"ItemNumber": "SOCK-MER", "ProductSizeId": "XXL"}, "Size: XXL does not exist"),
        ({"ItemNumber": "MUG-450", "ProductSizeId": "M"}, "Size 'M' is not active for item 'MUG-450'"),
        ({"ItemNumber": "MUG-450", "SalesOrderNumber": "999999"}, "'999999' in field 'Sales order'"),
        ({"ItemNumber": "MUG-450", "OrderedSalesQuantity": 0}, "Field 'Quantity' must be filled in."),
        ({"ItemNumber": "MUG-450", "SalesTaxItemGroupCode": "ALL"}, "'ALL' in field 'Item sales tax group'"),
        ({"ItemNumber": "MUG-450", "ShippingWarehouseId": "13"}, "'13' in field 'Warehouse'"),
    ],
)  # fmt: skip
def test_a_line_is_refused_in_the_infologs_words(call, order, values, words):
    number = order["SalesOrderNumber"]
    text = call.refused("SalesOrderLinesV3", **{"SalesOrderNumber": number, **values})
    assert "'SalesOrderLineV3Entity'" in text
    assert words in text


def test_a_variant_is_an_item_with_its_dimensions(call, order):
    (variant,) = call.find(
        "ReleasedProductVariantsV2", "dataAreaId eq 'acuk' and ProductVariantNumber eq 'SOCK-MER-M'"
    )
    assert (variant["ItemNumber"], variant["ProductStyleId"]) == ("SOCK-MER", "")
    row = line(call, order, variant["ItemNumber"], ProductSizeId=variant["ProductSizeId"])
    assert row["LineDescription"] == "Merino socks, medium"


def test_site_blocked_items_and_customers_on_hold(erp, call, customer, order):
    account = customer["CustomerAccount"]
    bare = call.create("SalesOrderHeadersV2", OrderingCustomerAccountNumber=account)
    text = call.refused(
        "SalesOrderLinesV3", SalesOrderNumber=bare["SalesOrderNumber"], ItemNumber="MUG-450"
    )
    assert "Inventory dimension Site is mandatory and must consequently be specified." in text
    assert line(call, bare, ShippingWarehouseId="DUBLIN")["ShippingSiteId"] == "2"
    erp.post("items", number="MUG-450", blocked=True)
    text = call.refused(
        "SalesOrderLinesV3", SalesOrderNumber=order["SalesOrderNumber"], ItemNumber="MUG-450"
    )
    assert "Item 'MUG-450' is blocked for 'Sales order'." in text
    erp.post("customers", number=account, OnHoldStatus="Invoice")
    line(call, order)
    assert "is on hold" in erp.post("batch")["skipped"][0]["reason"]
    erp.post("customers", number=account, OnHoldStatus="All")
    text = call.refused("SalesOrderHeadersV2", OrderingCustomerAccountNumber=account)
    assert "is on hold for 'All'" in text


def test_two_orders_may_have_one_reference_unless_the_customer_forbids_it(erp, call, order):
    again = {
        "OrderingCustomerAccountNumber": order["OrderingCustomerAccountNumber"],
        "CustomersOrderReference": "BC-100431",
    }
    call.create("SalesOrderHeadersV2", **again)
    assert erp.get("state")["duplicates"] == {"BC-100431": 2}
    erp.post("settings", unique_order_reference=True)
    assert "already exists in sales order" in call.refused("SalesOrderHeadersV2", **again)
    long = call.refused("SalesOrderHeadersV2", **{**again, "CustomersOrderReference": "x" * 61})
    assert "maximum number of characters is 60" in long


def test_a_line_is_changed_and_deleted_by_its_lot(call, order):
    row = line(call, order)
    key = f"SalesOrderLines(dataAreaId='acuk',InventoryLotId='{row['InventoryLotId']}')?{ACCESS}"
    assert call("PATCH", key, {"OrderedSalesQuantity": 3}).status_code == 204
    assert call.get(key)["LineAmount"] == 300
    assert call("DELETE", key).status_code == 204
    assert call("GET", key).status_code == 404


def test_only_an_order_specific_address_is_taken(call, customer):
    address = {
        "OrderingCustomerAccountNumber": customer["CustomerAccount"],
        "DeliveryAddressCity": "Cork",
        "DeliveryAddressCountryRegionId": "IRL",
    }
    assert call.create("SalesOrderHeadersV4", **address)["DeliveryAddressCity"] == "Leeds"
    own = call.create("SalesOrderHeadersV4", IsDeliveryAddressOrderSpecific="Yes", **address)
    assert (own["DeliveryAddressCity"], own["SalesTaxGroupCode"]) == ("Cork", "IE-DOM")
