"""The start catalogue of Acme Outdoor: the store's SKU is the ERP's item number.

Prices are GBP with VAT: 20% standard, books and maps zero-rated.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Product:
    sku: str
    name: str
    gtin: str
    price_inc_tax: Decimal
    vat_code: str

    @property
    def rate(self) -> Decimal:
        return Decimal("0.20") if self.vat_code == "STANDARD" else Decimal(0)


_ROWS = (
    ("TENT-2P-GRN", "Ridge 2 two-person tent, green", "5000123450008", "249.99", "STANDARD"),
    ("TENT-3P-GRY", "Ridge 3 three-person tent, grey", "5000123450077", "329.99", "STANDARD"),
    ("TARP-3X3", "Trail tarp 3 x 3 m", "5000123450145", "64.95", "STANDARD"),
    ("BIVY-1P", "Storm bivy bag", "5000123450213", "89.50", "STANDARD"),
    ("BAG-DOWN-M", "Down sleeping bag, medium", "5000123450282", "189.00", "STANDARD"),
    ("BAG-DOWN-L", "Down sleeping bag, long", "5000123450350", "199.00", "STANDARD"),
    ("BAG-SYN-M", "Synthetic sleeping bag", "5000123450428", "79.99", "STANDARD"),
    ("MAT-AIR-R", "Inflatable mat, regular", "5000123450497", "74.99", "STANDARD"),
    ("MAT-AIR-W", "Inflatable mat, wide", "5000123450565", "84.99", "STANDARD"),
    ("MAT-FOAM", "Folding foam mat", "5000123450633", "24.99", "STANDARD"),
    ("PILLOW-AIR", "Air pillow", "5000123450701", "14.95", "STANDARD"),
    ("STOVE-GAS", "Compact gas stove", "5000123450770", "39.99", "STANDARD"),
    ("STOVE-MULTI", "Multi-fuel stove", "5000123450848", "129.00", "STANDARD"),
    ("POT-1L", "Titanium pot 1 litre", "5000123450916", "44.50", "STANDARD"),
    ("POT-SET", "Cook set for two", "5000123450985", "59.99", "STANDARD"),
    ("SPORK-TI", "Titanium spork", "5000123451050", "8.99", "STANDARD"),
    ("MUG-450", "Enamel mug 450 ml", "5000123451128", "11.49", "STANDARD"),
    ("BOTTLE-1L", "Steel bottle 1 litre", "5000123451197", "22.99", "STANDARD"),
    ("BOTTLE-TH", "Vacuum flask 0.75 litre", "5000123451265", "32.99", "STANDARD"),
    ("FILTER-W", "Water filter", "5000123451333", "36.95", "STANDARD"),
    ("LAMP-HEAD", "Head torch 400 lumen", "5000123451401", "34.99", "STANDARD"),
    ("LAMP-CAMP", "Camp lantern", "5000123451470", "27.50", "STANDARD"),
    ("POWER-10K", "Power bank 10,000 mAh", "5000123451548", "29.99", "STANDARD"),
    ("SOLAR-20W", "Folding solar panel 20 W", "5000123451616", "99.99", "STANDARD"),
    ("PACK-28", "Day pack 28 litres", "5000123451685", "84.99", "STANDARD"),
    ("PACK-45", "Trekking pack 45 litres", "5000123451753", "149.99", "STANDARD"),
    ("PACK-65", "Trekking pack 65 litres", "5000123451821", "189.99", "STANDARD"),
    ("COVER-RAIN", "Rain cover for packs", "5000123451890", "17.99", "STANDARD"),
    ("DRYBAG-10", "Dry bag 10 litres", "5000123451968", "12.99", "STANDARD"),
    ("DRYBAG-20", "Dry bag 20 litres", "5000123452033", "16.99", "STANDARD"),
    ("POLES-CARB", "Carbon trekking poles, pair", "5000123452101", "109.95", "STANDARD"),
    ("POLES-ALU", "Aluminium trekking poles, pair", "5000123452170", "59.95", "STANDARD"),
    ("BOOT-M-42", "Leather boots, size 42", "5000123452248", "159.99", "STANDARD"),
    ("BOOT-M-43", "Leather boots, size 43", "5000123452316", "159.99", "STANDARD"),
    ("BOOT-W-38", "Leather boots women, size 38", "5000123452385", "154.99", "STANDARD"),
    ("SHOE-T-41", "Trail shoes, size 41", "5000123452453", "104.99", "STANDARD"),
    ("SOCK-MER-M", "Merino socks, medium", "5000123452521", "15.99", "STANDARD"),
    ("SOCK-MER-L", "Merino socks, large", "5000123452590", "15.99", "STANDARD"),
    ("SHIRT-MER-S", "Merino shirt, small", "5000123452668", "59.99", "STANDARD"),
    ("SHIRT-MER-M", "Merino shirt, medium", "5000123452736", "59.99", "STANDARD"),
    ("JACKET-R-M", "Rain jacket, medium", "5000123452804", "134.50", "STANDARD"),
    ("JACKET-R-L", "Rain jacket, large", "5000123452873", "134.50", "STANDARD"),
    ("JACKET-D-M", "Down jacket, medium", "5000123452941", "179.99", "STANDARD"),
    ("HAT-WOOL", "Wool hat", "5000123453016", "19.99", "STANDARD"),
    ("GLOVE-M", "Liner gloves, medium", "5000123453085", "21.99", "STANDARD"),
    ("BIKE-LIGHT", "Bicycle light set", "5000123453153", "44.99", "STANDARD"),
    ("BIKE-LOCK", "Folding lock", "5000123453221", "54.99", "STANDARD"),
    ("BIKE-PUMP", "Frame pump", "5000123453290", "18.99", "STANDARD"),
    ("BIKE-BAG", "Saddle bag 10 litres", "5000123453368", "69.99", "STANDARD"),
    ("HELMET-M", "Helmet, medium", "5000123453436", "64.99", "STANDARD"),
    ("TUBE-28", "Inner tube 28 inch", "5000123453504", "6.49", "STANDARD"),
    ("TOOL-MULTI", "Multi-tool, 14 functions", "5000123453573", "31.99", "STANDARD"),
    ("KIT-AID", "First-aid kit", "5000123453641", "26.99", "STANDARD"),
    ("COMPASS", "Baseplate compass", "5000123453719", "23.49", "STANDARD"),
    ("WHISTLE", "Safety whistle", "5000123453788", "4.25", "STANDARD"),
    ("ROPE-20", "Accessory cord 20 m", "5000123453856", "9.75", "STANDARD"),
    ("CARABINER", "Carabiner, pair", "5000123453924", "7.80", "STANDARD"),
    ("BOOK-LAKES", "Walks in the Lake District", "5000123453993", "12.99", "ZERO"),
    ("BOOK-ALPS", "Hut to hut in the Alps", "5000123454068", "16.50", "ZERO"),
    ("MAP-BEN", "Ben Nevis map 1:25,000", "5000123454136", "9.99", "ZERO"),
    ("MAP-CYCLE", "National cycle routes atlas", "5000123454204", "18.00", "ZERO"),
)
PRODUCTS = tuple(
    Product(sku, name, gtin, Decimal(price), vat) for sku, name, gtin, price, vat in _ROWS
)
# In the store and not in the ERP: an order with one of these is held.
STORE_ONLY = (
    Product("GIFTBOX-XMAS", "Christmas gift box", "5000099000017", Decimal("49.99"), "STANDARD"),
    Product(
        "HAMMOCK-NEW", "Ultralight hammock (new)", "5000099000024", Decimal("69.99"), "STANDARD"
    ),
)
# In the ERP and not in the store.
ERP_ONLY = (
    Product("SPARE-POLE", "Spare tent pole", "5000099000031", Decimal("12.00"), "STANDARD"),
    Product("SERVICE-WAX", "Re-waxing service", "5000099000048", Decimal("25.00"), "STANDARD"),
    Product("DISPLAY-01", "Shop display", "5000099000055", Decimal("80.00"), "STANDARD"),
)
BY_SKU = {product.sku: product for product in (*PRODUCTS, *STORE_ONLY, *ERP_ONLY)}
