"""Released products and their variants, by item number, variant number or dimension values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from connectors.erps.finance_operations.client import Client, Json, chunks
from connectors.kit import odata
from connectors.kit.reader import Reader
from connectors.records import ErpItem

PRODUCTS, VARIANTS = "ReleasedProductsV2", "ReleasedProductVariantsV2"
MASTER = "ProductMaster"
A_CALL = 25  # keeps the address below 2,000 characters
# Our word -> the property of lines and variants
DIMENSIONS = {
    "color": "ProductColorId",
    "size": "ProductSizeId",
    "style": "ProductStyleId",
    "configuration": "ProductConfigurationId",
    "version": "ProductVersionId",
}
_WORDS = {"colour": "color", "config": "configuration"}
_PRODUCT = (
    "ItemNumber",
    "ProductSearchName",
    "ProductSubType",
    "ProductGroupId",
    "SalesUnitSymbol",
    "SalesSalesTaxItemGroupCode",
    "SalesPriceQuantity",
)
_VARIANT = (
    "ProductMasterNumber",
    "ItemNumber",
    "ProductVariantNumber",
    "ProductName",
    "SalesSalesTaxItemGroupCode",
    *DIMENSIONS.values(),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A variant as a lookup row names it: ``T0004;color=Blue;size=M``."""

    number: str
    dimensions: tuple[tuple[str, str], ...]

    def fits(self, row: Json) -> bool:
        """Every dimension that is named has the value; those that are not named are blank."""
        named = dict(self.dimensions)
        return _text(row, "ProductMasterNumber").casefold() == self.number.casefold() and all(
            _text(row, field).casefold() == named.get(word, "").casefold()
            for word, field in DIMENSIONS.items()
        )


def parse(text: str) -> Wanted | None:
    """The variant that a text names; None for a plain number. Leading blanks of an item number are
    a part of it."""
    number, *parts = text.split(";")
    found: list[tuple[str, str]] = []
    for part in parts:
        word, mark, value = part.partition("=")
        name = word.strip().casefold()
        name = _WORDS.get(name, name)
        if not mark or name not in DIMENSIONS:
            return None
        found.append((name, value.strip()))
    return Wanted(number, tuple(found)) if found else None


def find(client: Client, numbers: Iterable[str]) -> dict[str, ErpItem]:
    """Items by the numbers asked for. One call for up to 25 products; those that are none are
    looked for among the variants, again 25 a call."""
    asked = [number for number in dict.fromkeys(numbers) if number.strip()]
    by_dimensions = {text: wanted for text in asked if (wanted := parse(text))}
    plain = [text for text in asked if text not in by_dimensions]
    needed = [*plain, *(wanted.number for wanted in by_dimensions.values())]
    products = _products(client, list(dict.fromkeys(needed)))
    found: dict[str, ErpItem] = {}
    for text in plain:
        row = _match(products, text)
        if row is not None and _text(row, "ProductSubType") != MASTER:
            found[text] = _product(row)
    left = [text for text in plain if text not in found]
    for row in _rows(client, VARIANTS, "ProductVariantNumber", left, _VARIANT):
        for text in left:
            if _text(row, "ProductVariantNumber").casefold() == text.casefold():
                found[text] = _variant(row, _match(products, _text(row, "ProductMasterNumber")))
    if by_dimensions:
        masters = sorted({wanted.number for wanted in by_dimensions.values()})
        rows = _rows(client, VARIANTS, "ProductMasterNumber", masters, _VARIANT)
        for text, wanted in by_dimensions.items():
            fitting = [row for row in rows if wanted.fits(row)]
            if fitting:
                found[text] = _variant(fitting[0], _match(products, wanted.number))
    return found


def _products(client: Client, numbers: list[str]) -> list[Json]:
    return _rows(client, PRODUCTS, "ItemNumber", numbers, _PRODUCT)


def _rows(
    client: Client, entity: str, field: str, values: list[str], select: tuple[str, ...]
) -> list[Json]:
    rows: list[Json] = []
    for batch in chunks(values, A_CALL):
        rows += client.find(
            entity, odata.any_of(field, batch), select=select, purpose="look for the items"
        )
    return rows


def _match(rows: list[Json], number: str) -> Json | None:
    """Exactly this number, else the same without regard to case."""
    same = [row for row in rows if _text(row, "ItemNumber").casefold() == number.casefold()]
    exact = [row for row in same if _text(row, "ItemNumber") == number]
    return next(iter(exact or same), None)


def _product(row: Json) -> ErpItem:
    read = Reader(row, PRODUCTS)
    number = read.text("ItemNumber")
    return ErpItem(
        external_id=number,
        number=number,
        name=read.text("ProductSearchName", ""),
        unit_of_measure=read.text("SalesUnitSymbol", ""),
        item_class=read.text("ProductGroupId", ""),
        attributes=_common(row, row),
    )


def _variant(row: Json, master: Json | None) -> ErpItem:
    read = Reader(row, VARIANTS)
    dimensions = {field: value for field in DIMENSIONS.values() if (value := _text(row, field))}
    number = read.text("ItemNumber", "") or read.text("ProductMasterNumber")
    return ErpItem(
        external_id=read.text("ProductVariantNumber", "") or number,
        number=number,
        name=read.text("ProductName", ""),
        variant_id=read.text("ProductVariantNumber", ""),
        variant_code=" ".join(dimensions.values()),
        unit_of_measure=_text(master or {}, "SalesUnitSymbol"),
        item_class=_text(master or {}, "ProductGroupId"),
        attributes=dimensions | _common(row, master or {}),
    )


def _common(row: Json, product: Json) -> dict[str, str]:
    """What a line may need of the item: its tax group, and for how many units its price is."""
    known = {
        "tax_item_group": _text(row, "SalesSalesTaxItemGroupCode")
        or _text(product, "SalesSalesTaxItemGroupCode")
    }
    quantity = Reader(product, PRODUCTS).text("SalesPriceQuantity", "1")
    known["price_quantity"] = quantity
    return {name: value for name, value in known.items() if value}


def _text(row: Json, name: str) -> str:
    value = row.get(name)
    return "" if value is None else str(value)
