"""What a document's line takes from the released product, and when a product is refused."""

from __future__ import annotations

from typing import Any

from sandbox.finance_operations.environment import Environment, Row
from sandbox.finance_operations.shapes import Shape
from sandbox.finance_operations.writing import WriteFailed, refused, required, unrelated

DIMENSIONS = (
    "ProductConfigurationId", "ProductSizeId", "ProductColorId", "ProductStyleId",
    "ProductVersionId",
)  # fmt: skip


def product_of(env: Environment, shape: Shape, values: Row, document: str) -> tuple[Row, Row]:
    """(released product, what a line takes from it or from its variant). Raises WriteFailed."""
    company, number = values["dataAreaId"], values.get("ItemNumber", "")
    if not number:
        raise required("Item number")
    product = env.find("ReleasedProductsV2", dataAreaId=company, ItemNumber=number)
    if product is None:
        raise unrelated(shape, "ItemNumber", number, "Item number", "Released products")
    if product["_blocked"]:
        raise WriteFailed(
            f"Error: Item '{product['ItemNumber']}' is blocked for '{document}'.",
            "Warning: validateWrite failed on data source 'SalesLine (SalesLine)'.",
        )
    taken: dict[str, Any] = {
        "ItemNumber": product["ItemNumber"],
        "LineDescription": product["_name"],
        "SalesTaxItemGroupCode": product["SalesSalesTaxItemGroupCode"],
        "SalesUnitSymbol": product["SalesUnitSymbol"],
        "SalesPrice": product["SalesPrice"],
    }
    if product["ProductSubType"] == "ProductMaster":
        variant = _variant(env, product, values)
        taken["LineDescription"] = variant["ProductName"]
    else:
        for name in DIMENSIONS:
            if values.get(name):
                raise refused(
                    f"Product dimension {_label(name)} '{values[name]}' is not active for item "
                    f"'{product['ItemNumber']}'."
                )
    return product, taken


def _variant(env: Environment, product: Row, values: Row) -> Row:
    if product["ProductDimensionGroupName"] == "Size" and not values.get("ProductSizeId"):
        raise WriteFailed(
            "Error: Product dimension Size is mandatory and must consequently be specified.",
            "Error: Update has been canceled.",
        )
    wanted = {name: values.get(name, "") for name in DIMENSIONS}
    variant = env.find(
        "ReleasedProductVariantsV2",
        dataAreaId=product["dataAreaId"],
        ProductMasterNumber=product["ItemNumber"],
        **wanted,
    )
    if variant is None:
        shown = ", ".join(f"{_label(n)}: {v}" for n, v in wanted.items() if v)
        raise refused(
            f"The product variant of item '{product['ItemNumber']}' with {shown} does not exist or "
            f"is not released to the legal entity '{product['dataAreaId']}'."
        )
    return variant


def _label(name: str) -> str:
    return name.removeprefix("Product").removesuffix("Id")


def site_of(env: Environment, company: str, warehouse: str, site: str) -> str:
    """The site of a line: its own or its warehouse's. Raises WriteFailed where one is needed."""
    if warehouse:
        row = env.find("Warehouses", dataAreaId=company, WarehouseId=warehouse)
        found = row["OperationalSiteId"] if row else ""
        if site and found and site != found:
            raise refused(f"Warehouse {warehouse} does not belong to site {site}.")
        return str(found)
    if not site and env.settings["site_mandatory"]:
        raise WriteFailed(
            "Error: Inventory dimension Site is mandatory and must consequently be specified.",
            "Error: Update has been canceled.",
        )
    return site
