"""More products than the start catalogue has, the same in every simulator: product number n has
the same SKU, name, barcode and price in a store and in an ERP."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from sandbox.common.catalogue import Product

MAKES = ("Alder", "Birch", "Cedar", "Dune", "Ember", "Fjord", "Glen", "Heath", "Inlet", "Juniper")
THINGS = (
    "tent peg", "fleece", "beanie", "mug", "trail map", "headlamp", "strap", "buckle", "gaiter",
    "stove part", "water filter", "dry sack", "repair patch", "lace", "insole", "towel", "pan",
)  # fmt: skip
COLOURS = ("red", "blue", "green", "black", "grey", "orange", "sand")


def more_products(count: int) -> Iterator[Product]:
    """``count`` products with the SKUs ``OUT-000001`` and on."""
    return (made(number) for number in range(1, count + 1))


def made(number: int) -> Product:
    make, thing = MAKES[number % len(MAKES)], THINGS[number % len(THINGS)]
    name = f"{make} {thing}, {COLOURS[number % len(COLOURS)]}, no. {number}"
    price = Decimal(199 + number * 37 % 24_800) / 100
    return Product(f"OUT-{number:06d}", name, ean13(200_000_000_000 + number), price, "STANDARD")


def ean13(body: int) -> str:
    """Twelve digits and their check digit; 20 to 29 in front are for a shop's own use."""
    digits = f"{body:012d}"
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return digits + str(-total % 10)
