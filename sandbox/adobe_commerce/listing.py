"""Products as a search sees them, quickly: by id from the table's own order, by SKU from an index,
by any attribute row by row."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from typing import Any

from sandbox.adobe_commerce.search import Criteria

Record = dict[str, Any]
ENTITY_ID = "entity_id"


class Index:
    """Ids in order, and the SKU of each in the spelling of the product; SKUs do not tell capitals,
    as the database's collation does not."""

    def __init__(self, products: dict[str, Record]) -> None:
        self.products = products
        self.spelling = {sku.lower(): sku for sku in products}
        self.sku_of = {row["id"]: sku for sku, row in products.items()}
        self.ids = sorted(self.sku_of)

    def find(self, sku: str) -> Record | None:
        # A comparison in the database does not see blanks at the end either.
        return self.products.get(self.spelling.get(sku.lower().rstrip(" "), ""))

    def add(self, product: Record) -> None:
        self.products[product["sku"]] = product
        self.spelling[product["sku"].lower()] = product["sku"]
        self.sku_of[product["id"]] = product["sku"]
        insort(self.ids, product["id"])

    def remove(self, product: Record) -> None:
        del self.products[product["sku"]], self.spelling[product["sku"].lower()]
        del self.sku_of[product["id"]]
        del self.ids[bisect_left(self.ids, product["id"])]

    def page(self, criteria: Criteria, size: int | None) -> tuple[list[Record], int] | None:
        """(rows, how many match) of a reading by id; None for any other search."""
        if criteria.sorts != [(ENTITY_ID, "ASC")] or len(criteria.groups) > 1:
            return None
        after = 0
        for group in criteria.groups:
            if len(group) != 1 or group[0]["field"] != ENTITY_ID:
                return None
            if group[0]["condition_type"] != "gt" or not group[0]["value"].isdigit():
                return None
            after = int(group[0]["value"])
        begin = bisect_right(self.ids, after)
        whole = len(self.ids) - begin
        if size:
            begin += (criteria.page - 1) * size
        ids = self.ids[begin : begin + size] if size else self.ids[begin:]
        return [self.products[self.sku_of[number]] for number in ids], whole

    def candidates(self, criteria: Criteria) -> Iterable[Record]:
        """No fewer products than the criteria ask for."""
        for group in criteria.groups:
            if len(group) == 1 and group[0]["field"] == "sku":
                one = group[0]
                if one["condition_type"] == "eq":
                    skus = [one["value"]]
                elif one["condition_type"] == "in":
                    skus = one["value"].split(",")
                else:
                    continue
                found = (self.find(sku) for sku in dict.fromkeys(skus))
                return {row["sku"]: row for row in found if row is not None}.values()
        return self.products.values()


def flat(rows: Iterable[Record], names: set[str]) -> Iterator[Record]:
    """The columns that a search names, attributes among them; ``_row`` is the product."""
    for row in rows:
        custom = {a["attribute_code"]: a["value"] for a in row["custom_attributes"]}
        found = {**custom, **row, ENTITY_ID: row["id"]}
        yield {"_row": row, **{name: found[name] for name in names if name in found}}
