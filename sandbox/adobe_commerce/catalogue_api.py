"""Products, base prices, and the store's own structure over REST."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sandbox.adobe_commerce import columns, goods, places, search, special_prices
from sandbox.adobe_commerce.calls import Call, Route, check_names
from sandbox.adobe_commerce.listing import flat
from sandbox.adobe_commerce.search import nested
from sandbox.adobe_commerce.stock_api import StockApi, stock_item
from sandbox.adobe_commerce.store import CommerceStore, Record
from sandbox.adobe_commerce.wire import Refused, decimal, integer, required

PRODUCTS = "Magento_Catalog::products"
SETS = "Magento_Catalog::sets"
STORES = "Magento_Backend::store"
SKU_LENGTH = 64
_TYPES = ("simple", "virtual", "configurable", "bundle", "downloadable", "grouped", "giftcard")
_PRODUCT = "Magento\\Catalog\\Api\\Data\\ProductInterface"


class CatalogueApi:
    def __init__(self, store: CommerceStore, stock: StockApi) -> None:
        self.store, self.stock = store, stock

    def routes(self) -> list[Route]:
        return [
            Route("GET", "products", PRODUCTS, self.products),
            Route("POST", "products", PRODUCTS, self.save),
            Route("GET", "products/{sku}", PRODUCTS, self.product),
            Route("PUT", "products/{sku}", PRODUCTS, self.save),
            Route("DELETE", "products/{sku}", PRODUCTS, self.delete),
            Route("POST", "products/base-prices", PRODUCTS, self.base_prices),
            Route("POST", "products/base-prices-information", PRODUCTS, self.prices_of),
            Route("GET", "store/storeConfigs", STORES, self.store_configs),
            Route("GET", "store/storeViews", STORES, lambda call: places.store_views()),
            Route("GET", "store/storeGroups", STORES, lambda call: places.store_groups()),
            Route("GET", "store/websites", STORES, lambda call: places.websites()),
            Route("GET", "modules", STORES, self.modules),
            Route("GET", "products/attribute-sets/sets/list", SETS, self.attribute_sets),
            # Open to everyone, as the shop's own pages use it.
            Route("GET", "directory/countries/{countryId}", STORES, self.country, public=True),
        ]

    # Products

    def products(self, call: Call) -> Any:
        criteria = call.criteria()
        by_id = self.store.index.page(criteria, search.page_size(criteria, call.limits))
        if by_id is not None and (by_id[0] or call.past_last_page == "empty"):
            rows = [self._scoped(row, call) for row in by_id[0]]
            return search.answer(rows, criteria, by_id[1])
        # Attributes are columns of a search too.
        names = criteria.used()
        page = call.search(
            list(flat(self.store.index.candidates(criteria), names)),
            {*columns.PRODUCT, *columns.PRODUCT_ATTRIBUTES},
            unknown=lambda name: Refused(
                400, 'The "%1" attribute name is invalid. Reset the name and try again.', [name]
            ),
        )
        items = [self._scoped(row["_row"], call) for row in page["items"]]
        return {**page, "items": items}

    def product(self, call: Call) -> Any:
        return self._scoped(self.stock.product(call.params["sku"]), call)

    def _scoped(self, row: Record, call: Call) -> Record:
        """The product as the call's store view sees it."""
        own = self.store.overrides.get(f"{row['sku']}|{call.scope}", {})
        stock = self.store.source_items.get((row["sku"], "default"))
        extra = dict(row["extension_attributes"])
        if call.view is not None and self.store.switches["price_scope"] == "website":
            own = {"price": self.store.price(row, call.view), **own}
        if stock is not None and call.params.get("sku"):
            extra["stock_item"] = stock_item(row, stock)
        if special := special_prices.attributes(self.store, row["sku"], call.view):
            custom = [*row["custom_attributes"], *special]
            return {**row, **own, "custom_attributes": custom, "extension_attributes": extra}
        return {**row, **own, "extension_attributes": extra}

    def save(self, call: Call) -> Any:
        """Create or update: POST on a SKU that exists updates it. Without "all" as the scope an
        update writes the store view's own values and leaves the global ones."""
        given = dict(call.need("product"))
        check_names(given, columns.PRODUCT_FIELDS, _PRODUCT)
        sku = str(call.params.get("sku") or given.get("sku") or "")
        if not sku:
            raise Refused(
                400, 'The "SKU" attribute value is empty. Set the attribute and try again.'
            )
        if len(sku) > SKU_LENGTH:
            raise Refused(400, "SKU length should be %1 characters maximum.", [str(SKU_LENGTH)])
        _check_values(given)
        known = self.store.find_product(sku)
        if known is None:
            return self._create(sku, given, call)
        self._update(known, given, call)
        return self._scoped(known, call)

    def _create(self, sku: str, given: Record, call: Call) -> Record:
        for name, label in (("name", "Product Name"), ("price", "Price")):
            if given.get(name) is None and not (
                name == "price" and given.get("type_id") == "bundle"
            ):
                raise Refused(
                    400,
                    f'The "{label}" attribute value is empty. Set the attribute and try again.',
                )
        row = goods.product(
            self.store.next_id("product"),
            sku,
            str(given["name"]),
            decimal(given.get("price", 0), "price"),
            goods.STANDARD,
            self.store.now(),
        )
        website = call.view.website.id if call.view else None
        row["extension_attributes"]["website_ids"] = (
            [website] if website else [site.id for site in places.WEBSITES]
        )
        row["type_id"] = given.get("type_id", "simple")
        row["weight"] = None
        self._fill(row, {k: v for k, v in given.items() if k not in ("name", "price")})
        self.store.save_product(row)
        if row["type_id"] in ("simple", "virtual"):
            self.stock.put(sku, "default", 0, 0)
        return self._scoped(row, call)

    def _update(self, row: Record, given: Record, call: Call) -> None:
        scoped = {"name", "status", "visibility"}
        if self.store.switches["price_scope"] == "website":
            scoped.add("price")
        if call.scope != "all":
            own = {k: given[k] for k in scoped if k in given}
            if own:
                key = f"{row['sku']}|{call.scope}"
                self.store.overrides[key] = self.store.overrides.get(key, {}) | own
                self.store.keep("override", key, self.store.overrides[key])
            given = {k: v for k, v in given.items() if k not in scoped}
        self._fill(row, given)
        row["updated_at"] = self.store.now()
        self.store.save_product(row)

    def _fill(self, row: Record, given: Record) -> None:
        for name, value in given.items():
            if name in ("id", "sku", "created_at", "updated_at"):
                continue
            if name == "custom_attributes":
                custom = {a["attribute_code"]: a for a in row["custom_attributes"]}
                for attribute in value or ():
                    if "attribute_code" not in attribute:
                        raise required("attribute_code")
                    custom[attribute["attribute_code"]] = {
                        "attribute_code": attribute["attribute_code"],
                        "value": attribute.get("value"),
                    }
                row["custom_attributes"] = [a for a in custom.values() if a["value"] is not None]
            elif name == "extension_attributes":
                extra = dict(value or {})
                stock = extra.pop("stock_item", None)
                row["extension_attributes"] |= extra
                if stock and "qty" in stock:
                    self.stock.put(
                        row["sku"], "default", stock["qty"], int(stock.get("is_in_stock", 1))
                    )
            elif name in ("price", "weight"):
                row[name] = None if value is None else decimal(value, name)
            else:
                row[name] = value

    def delete(self, call: Call) -> Any:
        self.store.delete_product(self.stock.product(call.params["sku"]))
        return True

    # Prices

    def base_prices(self, call: Call) -> Any:
        """Apply the good rows, list the bad ones; the status is 200 either way."""
        failures: list[Record] = []
        for number, row in enumerate(call.need_array("prices")):
            failure = self._base_price(number, row)
            if failure:
                message, values = failure
                parameters: Any = values
                if self.store.switches["price_parameters"] == "list":
                    parameters = list(values.values())
                failures.append(
                    {"message": message, "parameters": parameters, "extension_attributes": []}
                )
        return failures

    def _base_price(self, number: int, row: Record) -> tuple[str, dict[str, str]] | None:
        for name in ("price", "store_id", "sku"):
            if name not in row:
                raise required(name)
        sku, store_id = str(row["sku"]), integer(row["store_id"], "store_id")
        wrong = "Invalid attribute %fieldName = %fieldValue."
        product = self.store.find_product(sku)
        fixed = sku in goods.FIXED_BUNDLES
        if product is None or (
            product["type_id"] not in ("simple", "virtual", "downloadable") and not fixed
        ):
            return wrong, {"fieldName": "SKU", "fieldValue": sku}
        price = None if row["price"] is None else decimal(row["price"], "price")
        if price is None or price < 0:
            return wrong, {"fieldName": "Price", "fieldValue": "" if price is None else f"{price}"}
        if store_id and store_id not in places.BY_ID:
            return (
                "Requested store is not found. Row ID: SKU = %SKU, Store ID: %storeId.",
                {"SKU": sku, "storeId": str(store_id)},
            )
        if store_id and self.store.switches["price_scope"] == "website":
            key = f"{sku}|{places.BY_ID[store_id].website.id}"
            self.store.website_prices[key] = price
            self.store.keep("website_price", key, str(price))
        else:
            product["price"] = price
        product["updated_at"] = self.store.now()
        self.store.save_product(product)
        return None

    def prices_of(self, call: Call) -> Any:
        skus = call.body.get("skus") if isinstance(call.body, dict) else None
        if not isinstance(skus, list):
            raise required("skus")
        found = []
        for sku in skus:
            row = self.stock.product(str(sku))
            found.append({"price": row["price"], "store_id": 0, "sku": row["sku"]})
        return found

    # The store itself

    def store_configs(self, call: Call) -> Any:
        rows = places.store_configs(call.base_url)
        wanted = _codes(call.query)
        return [row for row in rows if not wanted or row["code"] in wanted]

    def attribute_sets(self, call: Call) -> Any:
        rows = [
            {
                "attribute_set_id": number,
                "attribute_set_name": name,
                "sort_order": place,
                "entity_type_id": 4,
            }
            for place, (number, name) in enumerate(goods.ATTRIBUTE_SETS.items(), 1)
        ]
        return call.search(rows, rows[0].keys())

    def country(self, call: Call) -> Any:
        code = call.params["countryId"]
        if len(code) != 2 or not code.isupper():
            raise Refused(404, "The country isn't available.")
        return places.country(code)

    def modules(self, call: Call) -> Any:
        found = ["Magento_Sales", "Magento_Catalog", "Magento_AdobeCommerceWebhooks"]
        if self.store.switches["staging"] == "yes":
            found += ["Magento_Staging", special_prices.STAGING]
        return found


def _codes(query: str) -> set[str]:
    found = nested(query).get("storeCodes", {})
    return set(found.values()) if isinstance(found, dict) else set()


def _check_values(given: Record) -> None:
    allowed: Iterable[tuple[str, Iterable[int]]] = (
        ("status", (1, 2)),
        ("visibility", (1, 2, 3, 4)),
    )
    for name, values in allowed:
        if given.get(name) is not None and integer(given[name], name) not in values:
            raise Refused(400, f"Invalid attribute option specified for {name}.")
    for name in ("price", "weight"):
        if given.get(name) is not None and decimal(given[name], name) < 0:
            raise Refused(
                400,
                'The value of attribute "%1" must be set to a number that is not negative.',
                [name],
            )
    if given.get("type_id") not in (None, *_TYPES):
        raise Refused(400, 'The "%1" product type is not known.', [given["type_id"]])
    if given.get("attribute_set_id") is not None:
        number = integer(given["attribute_set_id"], "attribute_set_id")
        if number not in goods.ATTRIBUTE_SETS:
            raise Refused(
                404,
                "No such entity with %fieldName = %fieldValue",
                {"fieldName": "attributeSetId", "fieldValue": given["attribute_set_id"]},
            )
