"""Return orders: negative quantities, a disposition, a reason; two numbers that differ."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.finance_operations.customers import customer_of, full_name
from sandbox.finance_operations.environment import Environment, Row
from sandbox.finance_operations.orders import rounded, rounding, tax_group_for
from sandbox.finance_operations.products import product_of, site_of
from sandbox.finance_operations.shapes import Shape
from sandbox.finance_operations.writing import (
    check_relations,
    company_of,
    refused,
    required,
    unrelated,
)

HEADERS, LINES = "ReturnOrderHeadersV2", "ReturnOrderLinesV2"


class Returns:
    """ReturnOrderHeadersV2."""

    def __init__(self, env: Environment) -> None:
        self.env = env

    def create(self, shape: Shape, values: Row) -> Row:
        env = self.env
        company = company_of(env, values)
        account = values.get("CustomerAccountNumber", "")
        customer = customer_of(env, shape, company.id, "CustomerAccountNumber", account)
        if not values.get("CustomerReturnReasonCode"):
            raise required("Return reason code")
        check_relations(env, shape, values)
        invoiced = values.get("InvoiceCustomerAccountNumber") or customer["CustomerAccount"]
        payer = customer_of(env, shape, company.id, "InvoiceCustomerAccountNumber", invoiced)
        if warehouse := values.get("DefaultReturnWarehouseId"):
            values["DefaultReturnSiteId"] = site_of(env, company.id, warehouse, "")
        return env.insert(
            HEADERS,
            {
                "CurrencyCode": customer["SalesCurrencyCode"],
                "LanguageId": customer["LanguageId"],
                "Email": customer["PrimaryContactEmail"],
                "ReturnAddressName": full_name(customer),
                **{name: value for name, value in values.items() if value != ""},
                "CustomerAccountNumber": customer["CustomerAccount"],
                "InvoiceCustomerAccountNumber": payer["CustomerAccount"],
                # A return order is a sales order, numbered by the same sequence.
                "ReturnOrderNumber": env.number("order", company.id, "{:06d}"),
                "RMANumber": env.number("rma", company.id, "RMA{:06d}"),
                "ReturnOrderStatus": "None",
                "_tax_group": customer["SalesTaxGroup"]
                or tax_group_for(
                    env, company.id, customer["AddressCountryRegionId"] or company.country
                ),
                "_inclusive": customer["IsSalesTaxIncludedInPrices"],
            },
        )

    def change(self, shape: Shape, row: Row, values: Row) -> Row:
        if row["ReturnOrderStatus"] == "Invoiced":
            raise refused("The return order is closed and cannot be changed.", source="SalesTable")
        merged = {**row, **values}
        check_relations(self.env, shape, merged)
        return self.env.change(HEADERS, row, **{name: merged[name] for name in values})

    def remove(self, row: Row) -> None:
        if row["ReturnOrderStatus"] == "Invoiced":
            raise refused("The return order is closed and cannot be deleted.", source="SalesTable")
        for line in lines_of(self.env, row):
            self.env.remove(LINES, line)
        self.env.remove(HEADERS, row)


def lines_of(env: Environment, header: Row) -> list[Row]:
    rows = env.table(LINES).where(
        dataAreaId=header["dataAreaId"], ReturnOrderNumber=header["ReturnOrderNumber"]
    )
    return sorted(rows, key=lambda row: row["LineCreationSequenceNumber"])


class ReturnLines:
    """ReturnOrderLinesV2. The net amount is always worked out again."""

    def __init__(self, env: Environment) -> None:
        self.env = env

    def create(self, shape: Shape, values: Row) -> Row:
        env = self.env
        company = company_of(env, values)
        number = values.get("ReturnOrderNumber", "")
        if not number:
            raise required("Sales order")
        header = env.find(HEADERS, dataAreaId=company.id, ReturnOrderNumber=number)
        if header is None:
            raise unrelated(shape, "ReturnOrderNumber", number, "Sales order", "Sales orders")
        if header["ReturnOrderStatus"] == "Invoiced":
            raise refused("The return order is closed.", source="SalesLine")
        check_relations(env, shape, values)
        original = self._original(shape, values)
        if original:
            values = {"ItemNumber": original["ItemNumber"], **values}
            for name in original:
                if name.startswith("Product") and name in shape.properties:
                    values.setdefault(name, original[name])
        product, taken = product_of(env, shape, values, "Return order")
        given = {name: value for name, value in values.items() if value != ""}
        warehouse = given.get("ReturnWarehouseId") or header["DefaultReturnWarehouseId"]
        price = original["SalesPrice"] if original else taken["SalesPrice"]
        fresh: dict[str, Any] = {
            "SalesPrice": price,
            "LineDescription": taken["LineDescription"],
            "SalesUnitSymbol": taken["SalesUnitSymbol"],
            "ReturnDispositionCode": "",
            **given,
            "ItemNumber": product["ItemNumber"],
            "ReturnOrderNumber": header["ReturnOrderNumber"],
            "RMANumber": header["RMANumber"],
            "CustomerAccountNumber": header["CustomerAccountNumber"],
            "InvoiceCustomerAccountNumber": header["InvoiceCustomerAccountNumber"],
            "ReturnWarehouseId": warehouse,
            "ReturnSiteId": site_of(
                env,
                company.id,
                warehouse,
                given.get("ReturnSiteId", "")
                or ("" if warehouse else header["DefaultReturnSiteId"]),
            ),
            "LineCreationSequenceNumber": len(lines_of(env, header)) + 1,
            "ReturnInventoryLotId": env.number("lot", company.id, "{:06d}"),
            "_tax_item_group": original["SalesTaxItemGroupCode"]
            if original
            else taken["SalesTaxItemGroupCode"],
            "_tax_group": original["SalesTaxGroupCode"] if original else header["_tax_group"],
            "_arrived": False,
        }
        self._work_out(header, fresh)
        row = env.insert(LINES, fresh)
        env.change(HEADERS, header, ReturnOrderStatus="Backorder")
        return row

    def change(self, shape: Shape, row: Row, values: Row) -> Row:
        header = self.env.find(
            HEADERS, dataAreaId=row["dataAreaId"], ReturnOrderNumber=row["ReturnOrderNumber"]
        )
        assert header is not None
        if header["ReturnOrderStatus"] == "Invoiced":
            raise refused("The return order is closed.", source="SalesLine")
        merged = {**row, **values}
        check_relations(self.env, shape, merged)
        self._work_out(header, merged)
        return self.env.change(LINES, row, **{name: merged[name] for name in row if name[0] != "_"})

    def remove(self, row: Row) -> None:
        self.env.remove(LINES, row)

    def _original(self, shape: Shape, values: Row) -> Row | None:
        lot = values.get("ReferenceInventoryLotId", "")
        if not lot:
            return None
        row = self.env.find("SalesOrderLines", dataAreaId=values["dataAreaId"], InventoryLotId=lot)
        if row is None:
            raise unrelated(
                shape, "ReferenceInventoryLotId", lot, "Reference lot", "Inventory transactions"
            )
        return row

    def _work_out(self, header: Row, line: Row) -> None:
        if line.get("ReturnSalesQuantity", Decimal(0)) >= 0:
            raise refused("The quantity of a return must be negative.", source="SalesLine")
        line["LineAmount"] = rounded(
            line["ReturnSalesQuantity"] * line["SalesPrice"],
            rounding(self.env, header["CurrencyCode"]),
        )
