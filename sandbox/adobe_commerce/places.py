"""The merchant's websites, store views, currencies and sources.

Website ``base`` sells in pounds at prices with tax, and its view ``de`` shows euro; website ``us``
sells in dollars at prices without tax. The first view's numbers carry no prefix; the others carry
their store id.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class Website:
    id: int
    code: str
    name: str
    base_currency: str
    inclusive: bool
    to_global: Decimal
    home: str


@dataclass(frozen=True, slots=True)
class StoreView:
    id: int
    code: str
    name: str
    website: Website
    group_id: int
    currency: str
    rate: Decimal
    locale: str
    timezone: str

    @property
    def label(self) -> str:
        """``store_name`` of an order: website, group and view on three lines."""
        return f"{self.website.name}\n{self.website.name} Store\n{self.name}"

    def number(self, sequence: int) -> str:
        return f"{'' if self.id == 1 else self.id}{sequence:09d}"


GLOBAL_CURRENCY = "GBP"
_BASE = Website(1, "base", "Acme Outdoor", "GBP", True, Decimal(1), "GB")
_US = Website(2, "us", "Acme Outdoor US", "USD", False, Decimal("0.79"), "US")
WEBSITES = (_BASE, _US)
VIEWS = (
    StoreView(1, "default", "English", _BASE, 1, "GBP", Decimal(1), "en_GB", "Europe/London"),
    StoreView(2, "de", "Deutsch", _BASE, 1, "EUR", Decimal("1.17"), "de_DE", "Europe/Berlin"),
    StoreView(3, "us_en", "US English", _US, 2, "USD", Decimal(1), "en_US", "America/New_York"),
)
BY_CODE = {view.code: view for view in VIEWS}
BY_ID = {view.id: view for view in VIEWS}
WEBSITE_BY_ID = {website.id: website for website in WEBSITES}
SOURCES = {"default": "Default Source", "shop": "Kendal shop"}
# Countries whose regions are chosen from a list.
REGIONS = {
    "US": {"CA": (12, "California"), "CO": (13, "Colorado"), "NY": (43, "New York"),
           "OR": (49, "Oregon"), "TX": (57, "Texas"), "WA": (62, "Washington")},
    "CA": {"BC": (67, "British Columbia"), "ON": (74, "Ontario"), "QC": (76, "Quebec")},
}  # fmt: skip
US_RATE = Decimal("0.0825")
GROUPS = (
    {"id": 0, "code": "NOT LOGGED IN", "tax_class_id": 3, "tax_class_name": "Retail Customer"},
    {"id": 1, "code": "General", "tax_class_id": 3, "tax_class_name": "Retail Customer"},
    {"id": 2, "code": "Wholesale", "tax_class_id": 3, "tax_class_name": "Retail Customer"},
    {"id": 3, "code": "Retailer", "tax_class_id": 3, "tax_class_name": "Retail Customer"},
)


def websites() -> list[dict[str, Any]]:
    admin = {"id": 0, "code": "admin", "name": "Admin", "default_group_id": 0}
    return [admin] + [
        {"id": site.id, "code": site.code, "name": site.name, "default_group_id": site.id}
        for site in WEBSITES
    ]


def store_groups() -> list[dict[str, Any]]:
    return [
        {
            "id": site.id,
            "website_id": site.id,
            "root_category_id": 2,
            "default_store_id": next(v.id for v in VIEWS if v.website is site),
            "name": f"{site.name} Store",
            "code": f"{site.code}_store",
        }
        for site in WEBSITES
    ]


def store_views() -> list[dict[str, Any]]:
    admin = {"id": 0, "code": "admin", "name": "Admin", "website_id": 0, "store_group_id": 0}
    rows = [
        {
            "id": view.id,
            "code": view.code,
            "name": view.name,
            "website_id": view.website.id,
            "store_group_id": view.group_id,
        }
        for view in VIEWS
    ]
    return [{**row, "is_active": 1} for row in (admin, *rows)]


def store_configs(base: str) -> list[dict[str, Any]]:
    return [
        {
            "id": view.id,
            "code": view.code,
            "website_id": view.website.id,
            "locale": view.locale,
            "base_currency_code": view.website.base_currency,
            "default_display_currency_code": view.currency,
            "timezone": view.timezone,
            "weight_unit": "kgs",
            **{
                f"{secure}base_{kind}url": f"{base}/{path}"
                for secure in ("", "secure_")
                for kind, path in (
                    ("", ""),
                    ("link_", ""),
                    ("static_", "static/version1/"),
                    ("media_", "media/"),
                )
            },
        }
        for view in VIEWS
    ]


def country(code: str) -> dict[str, Any]:
    """A country with its regions, as the directory answers it."""
    found: dict[str, Any] = {
        "id": code,
        "two_letter_abbreviation": code,
        "three_letter_abbreviation": code,
        "full_name_locale": code,
        "full_name_english": code,
    }
    if regions := REGIONS.get(code):
        found["available_regions"] = [
            {"id": str(number), "code": region, "name": name}
            for region, (number, name) in regions.items()
        ]
    return found
