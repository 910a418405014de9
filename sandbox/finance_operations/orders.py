"""Sales orders: headers, and lines whose key is an inventory lot. Nothing here posts."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.finance_operations import dimensions, seed
from sandbox.finance_operations.customers import (
    customer_of,
    drawn_number,
    formatted,
    full_name,
)
from sandbox.finance_operations.environment import Environment, Row
from sandbox.finance_operations.products import product_of, site_of
from sandbox.finance_operations.shapes import Shape
from sandbox.finance_operations.writing import (
    WriteFailed,
    check_relations,
    company_of,
    exists_already,
    refused,
    required,
    unrelated,
)

HEADERS, LINES = "SalesOrderHeaders", "SalesOrderLines"
COMPUTED = {
    "OrderTotalAmount", "OrderTotalChargesAmount", "OrderTotalDiscountAmount",
    "OrderTotalTaxAmount", "OrderHeaderTaxAmount", "AreTotalsCalculated", "SalesOrderStatus",
    "SalesOrderProcessingStatus", "OrderCreationDateTime",
}  # fmt: skip
_PARTS = (
    "City", "CountryRegionId", "CountryRegionISOCode", "Description", "Street", "ZipCode",
)  # fmt: skip


def rounding(env: Environment, currency: str) -> Decimal:
    row = env.find("Currencies", CurrencyCode=currency)
    return Decimal(row["RoundingRuleSalesOrders"]) if row else Decimal("0.01")


def rounded(amount: Decimal, step: Decimal) -> Decimal:
    return (amount / step).quantize(Decimal(1), rounding=ROUND_HALF_UP) * step


def tax_group_for(env: Environment, company: str, country: str) -> str:
    """The sales tax group whose default criteria name the country, or the one without criteria."""
    for criteria in (country, ""):
        if row := env.find("TaxGroups", dataAreaId=company, DefaultCriteriaCountryId=criteria):
            return str(row["TaxGroupCode"])
    return ""


class Orders:
    """SalesOrderHeadersV2, V3 and V4: one table."""

    def __init__(self, env: Environment) -> None:
        self.env = env

    def create(self, shape: Shape, values: Row) -> Row:
        env = self.env
        company = company_of(env, values)
        ordering = values.get("OrderingCustomerAccountNumber", "")
        customer = customer_of(env, shape, company.id, "OrderingCustomerAccountNumber", ordering)
        invoiced = values.get("InvoiceCustomerAccountNumber") or (
            customer["InvoiceAccount"] or customer["CustomerAccount"]
        )
        payer = customer_of(env, shape, company.id, "InvoiceCustomerAccountNumber", invoiced)
        values = {name: value for name, value in values.items() if name not in COMPUTED}
        self._check(shape, values)
        mode, sent = str(env.settings["order_numbers"]), values.get("SalesOrderNumber", "")
        if mode == "automatic" and sent:
            raise WriteFailed(
                "Error: The number sequence for Sales order does not allow manual numbers.",
                "Error: Update has been canceled.",
            )
        number = drawn_number(env, mode, sent, "order", company.id, "{:06d}", "Sales order")
        if env.find(HEADERS, dataAreaId=company.id, SalesOrderNumber=number):
            raise exists_already("Sales orders", "SalesTable", Sales_order=number)
        today = env.today()
        fresh = {
            "CurrencyCode": customer["SalesCurrencyCode"],
            "LanguageId": customer["LanguageId"],
            "PaymentTermsName": payer["PaymentTerms"],
            "CustomerPaymentMethodName": payer["PaymentMethod"],
            "DeliveryModeCode": customer["DeliveryMode"],
            "DeliveryTermsCode": customer["DeliveryTerms"],
            "CustomerPostingProfileId": seed.POSTING_PROFILE,
            "SalesOrderName": full_name(customer),
            "ArePricesIncludingSalesTax": customer["IsSalesTaxIncludedInPrices"],
            "DefaultLedgerDimensionDisplayValue": customer["DefaultDimensionDisplayValue"],
            "DefaultShippingWarehouseId": customer["WarehouseId"],
            "DefaultShippingSiteId": customer["SiteId"],
            "Email": customer["PrimaryContactEmail"],
            "RequestedShippingDate": today,
            "RequestedReceiptDate": values.get("RequestedShippingDate", today),
            "SkipCreateAutoCharges": "Yes",
            **{name: value for name, value in values.items() if value != ""},
            "SalesOrderNumber": number,
            "OrderingCustomerAccountNumber": customer["CustomerAccount"],
            "InvoiceCustomerAccountNumber": payer["CustomerAccount"],
            "SalesOrderStatus": "None",
            "SalesOrderProcessingStatus": "Active",
            "OrderCreationDateTime": env.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        fresh |= self._delivery(values, customer) | self._invoice_address(payer)
        if not fresh.get("SalesTaxGroupCode"):
            fresh["SalesTaxGroupCode"] = customer["SalesTaxGroup"] or tax_group_for(
                env, company.id, fresh.get("DeliveryAddressCountryRegionId") or company.country
            )
        if fresh["DefaultShippingWarehouseId"]:
            fresh["DefaultShippingSiteId"] = site_of(
                env, company.id, fresh["DefaultShippingWarehouseId"], ""
            )
        return env.insert(HEADERS, fresh)

    def change(self, shape: Shape, row: Row, values: Row) -> Row:
        if row["SalesOrderStatus"] in ("Invoiced", "Canceled"):
            raise refused(
                f"Sales order {row['SalesOrderNumber']} is {row['SalesOrderStatus'].lower()} and "
                "cannot be changed.",
                source="SalesTable",
            )
        values = {name: value for name, value in values.items() if name not in COMPUTED}
        merged = {**row, **values}
        for name in ("OrderingCustomerAccountNumber", "InvoiceCustomerAccountNumber"):
            customer_of(self.env, shape, row["dataAreaId"], name, merged[name])
        self._check(shape, merged, own=row["SalesOrderNumber"])
        return self.env.change(HEADERS, row, **{name: merged[name] for name in values})

    def remove(self, row: Row) -> None:
        if row["SalesOrderProcessingStatus"] != "Active":
            raise refused(
                f"Sales order {row['SalesOrderNumber']} cannot be deleted: it is not open.",
                source="SalesTable",
            )
        for line in lines_of(self.env, row):
            self.env.remove(LINES, line)
        self.env.remove(HEADERS, row)

    def _check(self, shape: Shape, values: Row, own: str = "") -> None:
        env = self.env
        check_relations(env, shape, values)
        reference = values.get("CustomersOrderReference", "")
        if reference and env.settings["unique_order_reference"]:
            twin = env.find(
                HEADERS, dataAreaId=values["dataAreaId"], CustomersOrderReference=reference
            )
            if twin is not None and twin["SalesOrderNumber"] != own:
                raise refused(
                    f"The store reference {reference} already exists in sales order "
                    f"{twin['SalesOrderNumber']}."
                )
        if values.get("TotalDiscountAmount") and env.settings["total_discount_amount"] != "applied":
            if env.settings["total_discount_amount"] == "refused":
                raise refused("Field 'Total discount amount' cannot be edited.")
            values["TotalDiscountAmount"] = Decimal(0)
        name = "DefaultLedgerDimensionDisplayValue"
        if values.get(name):
            values[name] = dimensions.default_value(env, values[name])

    def _delivery(self, values: Row, customer: Row) -> Row:
        """The order's own address only if it says so; otherwise the customer's, without a word."""
        if values.get("IsDeliveryAddressOrderSpecific") == "Yes":
            country = values.get("DeliveryAddressCountryRegionId", "")
            if not country:
                raise required("Country/region")
            return {
                "DeliveryAddressName": values.get("DeliveryAddressName") or full_name(customer),
                "DeliveryAddressCountryRegionISOCode": seed.COUNTRIES[country],
                "FormattedDelveryAddress": formatted(values, "DeliveryAddress"),
            }
        return {
            "DeliveryAddressName": full_name(customer),
            "DeliveryAddressStateId": customer["AddressState"],
            "DeliveryAddressLocationId": customer["AddressLocationId"],
            "FormattedDelveryAddress": customer["FullPrimaryAddress"],
            **{f"DeliveryAddress{part}": customer[f"Address{part}"] for part in _PARTS},
        }

    def _invoice_address(self, payer: Row) -> Row:
        return {
            "InvoiceAddressStateId": payer["AddressState"],
            "FormattedInvoiceAddress": payer["FullPrimaryAddress"],
            **{
                f"InvoiceAddress{part}": payer[f"Address{part}"]
                for part in _PARTS
                if part != "Description"
            },
        }


def lines_of(env: Environment, header: Row) -> list[Row]:
    rows = env.table(LINES).where(
        dataAreaId=header["dataAreaId"], SalesOrderNumber=header["SalesOrderNumber"]
    )
    return sorted(rows, key=lambda row: row["LineCreationSequenceNumber"])


class OrderLines:
    """SalesOrderLines and SalesOrderLinesV3: one table."""

    def __init__(self, env: Environment) -> None:
        self.env = env

    def create(self, shape: Shape, values: Row) -> Row:
        env = self.env
        company = company_of(env, values)
        header = self._header(shape, company.id, values.get("SalesOrderNumber", ""))
        check_relations(env, shape, values)
        product, taken = product_of(env, shape, values, "Sales order")
        present = lines_of(env, header)
        sequence = max((line["LineCreationSequenceNumber"] for line in present), default=0) + 1
        given = {name: value for name, value in values.items() if value != ""}
        fresh: dict[str, Any] = {
            "OrderedSalesQuantity": Decimal(1),
            "SalesPriceQuantity": Decimal(1),
            "SalesTaxGroupCode": header["SalesTaxGroupCode"],
            "DefaultLedgerDimensionDisplayValue": header["DefaultLedgerDimensionDisplayValue"],
            "ShippingWarehouseId": header["DefaultShippingWarehouseId"],
            "DeliveryModeCode": header["DeliveryModeCode"],
            "RequestedShippingDate": header["RequestedShippingDate"],
            "RequestedReceiptDate": header["RequestedReceiptDate"],
            "CustomerRequisitionNumber": header["CustomerRequisitionNumber"],
            "LineNumber": Decimal(sequence),
            "SkipCreateAutoCharges": "Yes",
            **taken,
            **given,
            "ItemNumber": product["ItemNumber"],
            "SalesOrderNumber": header["SalesOrderNumber"],
            "CurrencyCode": header["CurrencyCode"],
            "LineCreationSequenceNumber": sequence,
            "SalesOrderLineStatus": "Backorder",
        }
        if not given.get("ShippingWarehouseId") and given.get("ShippingSiteId"):
            fresh["ShippingWarehouseId"] = ""
        fresh["ShippingSiteId"] = site_of(
            env,
            company.id,
            fresh["ShippingWarehouseId"],
            given.get("ShippingSiteId", "") or header["DefaultShippingSiteId"]
            if not fresh["ShippingWarehouseId"]
            else given.get("ShippingSiteId", ""),
        )
        self._check(fresh)
        fresh["LineAmount"] = net_amount(env, fresh)
        fresh["InventoryLotId"] = env.number("lot", company.id, "{:06d}")
        row = env.insert(LINES, fresh)
        env.change(HEADERS, header, SalesOrderStatus="Backorder")
        return row

    def change(self, shape: Shape, row: Row, values: Row) -> Row:
        if row["SalesOrderLineStatus"] == "Invoiced":
            raise refused("The line is invoiced and cannot be changed.", source="SalesLine")
        merged = {**row, **values}
        check_relations(self.env, shape, merged)
        product_of(self.env, shape, merged, "Sales order")
        if merged["ShippingWarehouseId"] != row["ShippingWarehouseId"]:
            merged["ShippingSiteId"] = site_of(
                self.env, row["dataAreaId"], merged["ShippingWarehouseId"], ""
            )
        self._check(merged)
        if self.env.settings["recalculate_net"] or "LineAmount" not in values:
            merged["LineAmount"] = net_amount(self.env, merged)
        return self.env.change(LINES, row, **{name: merged[name] for name in row if name[0] != "_"})

    def remove(self, row: Row) -> None:
        if row["SalesOrderLineStatus"] == "Invoiced":
            raise refused("The line is invoiced and cannot be deleted.", source="SalesLine")
        self.env.remove(LINES, row)

    def _header(self, shape: Shape, company: str, number: str) -> Row:
        if not number:
            raise required("Sales order")
        header = self.env.find(HEADERS, dataAreaId=company, SalesOrderNumber=number)
        if header is None:
            raise unrelated(shape, "SalesOrderNumber", number, "Sales order", "Sales orders")
        if header["SalesOrderStatus"] in ("Invoiced", "Canceled"):
            raise refused(
                f"Sales order {number} is {header['SalesOrderStatus'].lower()}: no line can be "
                "added.",
                source="SalesLine",
            )
        return header

    def _check(self, values: Row) -> None:
        if values["OrderedSalesQuantity"] < 0 and not self.env.settings["negative_quantities"]:
            raise refused("Quantity must be positive.", source="SalesLine")
        if not values["OrderedSalesQuantity"]:
            raise required("Quantity")
        for name in ("DefaultLedgerDimensionDisplayValue",):
            if values.get(name):
                values[name] = dimensions.default_value(self.env, values[name])


def net_amount(env: Environment, line: Row) -> Decimal:
    """Quantity x (price - discount) less the percentage, rounded to the currency."""
    quantity = line["OrderedSalesQuantity"]
    unit = line["SalesPrice"] / (line.get("SalesPriceQuantity") or Decimal(1))
    discount = line.get("LineDiscountAmount", Decimal(0))
    percent = 1 - line.get("LineDiscountPercentage", Decimal(0)) / 100
    if env.settings["line_discount"] == "unit":
        amount = quantity * (unit - discount) * percent
    else:
        amount = (quantity * unit - discount.copy_sign(quantity)) * percent
    return rounded(amount, rounding(env, line["CurrencyCode"]))
