"""The store's REST API: paths, and the store's own information."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.bigcommerce.catalog_api import CatalogApi
from sandbox.bigcommerce.customers_api import CustomersApi
from sandbox.bigcommerce.hooks_api import HooksApi
from sandbox.bigcommerce.inventory_api import InventoryApi
from sandbox.bigcommerce.orders_api import OrdersApi
from sandbox.bigcommerce.store import BigCommerceStore
from sandbox.bigcommerce.wire import Quota, guarded, refusal
from sandbox.common.jsonio import Json


class Api:
    def __init__(self, store: BigCommerceStore, quota: Quota) -> None:
        self.store, self.quota = store, quota
        self.orders = OrdersApi(store)

    def app(self) -> Starlette:
        parts = (
            self.orders,
            CatalogApi(self.store),
            InventoryApi(self.store),
            CustomersApi(self.store),
            HooksApi(self.store),
        )
        table = [
            ("GET", "/v2/store", self.store_information),
            ("GET", "/v2/time", self.time),
            *(row for part in parts for row in part.table()),
        ]
        routes = [
            Route(
                "/stores/{hash}" + path,
                guarded(self.store, self.quota, handler),
                methods=[method],
            )
            for method, path, handler in table
        ]
        return Starlette(routes=routes, exception_handlers={404: self.unknown, 405: self.unknown})

    async def unknown(self, request: Request, error: Exception) -> Response:
        status = getattr(error, "status_code", 404)
        return refusal(request.url.path, status, "The requested resource was not found.")

    async def store_information(self, request: Request) -> Response:
        return Json(
            {
                "id": self.store._account["store_hash"],
                "account_uuid": "6f3f3fd0-0000-4000-8000-0000000000aa",
                "domain": "shop.acme-outdoor.example",
                "secure_url": "https://shop.acme-outdoor.example",
                "control_panel_base_url": f"https://store-{self.store._account['store_hash']}.mybigcommerce.example",
                "status": "live",
                "name": "Acme Outdoor",
                "first_name": "Ada",
                "last_name": "Acme",
                "address": "1 Mill Lane, Leeds",
                "country": "United Kingdom",
                "country_code": "GB",
                "phone": "+44 1632 960000",
                "admin_email": "owner@acme-outdoor.example",
                "order_email": "orders@acme-outdoor.example",
                "timezone": {
                    "name": "Europe/London",
                    "raw_offset": 0,
                    "dst_offset": 3600,
                    "dst_correction": False,
                    "date_format": {
                        "display": "jS M Y",
                        "export": "d M Y",
                        "extended_display": "jS M Y @ g:i A",
                    },
                },
                "language": "en",
                "currency": "GBP",
                "currency_symbol": "£",
                "decimal_separator": ".",
                "thousands_separator": ",",
                "decimal_places": 2,
                "currency_symbol_location": "left",
                "weight_units": "KGS",
                "dimension_units": "Centimeters",
                "plan_name": "Pro",
                "plan_level": "pro",
                "plan_is_trial": False,
                "industry": "Sports",
                "is_price_entered_with_tax": True,
                "store_id": 1001,
                "default_channel_id": 1,
            }
        )

    async def time(self, request: Request) -> Response:
        return Json({"time": int(self.store.clock.time())})
