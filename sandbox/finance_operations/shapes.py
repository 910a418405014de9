"""What the endpoint declares: collections, keys, property kinds, enumerations.

A kind is ``text``, ``decimal``, ``int``, ``long``, ``guid``, ``day`` (a date, on the wire noon UTC),
``instant``, or the name of an enumeration. Country-specific properties are left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

NAMESPACE = "Microsoft.Dynamics.DataEntities"
NULL_DAY = "1900-01-01T12:00:00Z"
NULL_INSTANT = "1900-01-01T00:00:00Z"

ENUMS: dict[str, tuple[str, ...]] = {
    name: tuple(members.split())
    for name, members in {
        "NoYes": "No Yes",
        "SalesStatus": "None Backorder Delivered Invoiced Canceled",
        "SalesOrderProcessingStatus": "Active Confirmed Picked PartiallyDelivered Delivered "
        "Invoiced PartiallyInvoiced Canceled DeliveredPartiallyInvoiced",
        "LedgerJournalACType": "Ledger Cust Vend Project FixedAssets Bank FixedAssets_RU "
        "Employee_RU RDeferrals RCash",
        "SettlementType": "None OpenTransact SelectedTransact",
        "CustVendorBlocked": "No Invoice All Payment Requisition Never PurchOrder",
        "ItemReservation": "None Automatic Explosion",
        "EcoResProductType": "Item Service",
        "EcoResProductSubtype": "Product ProductMaster ProductVariant",
        "DimensionSegmentDelimiter": "Hyphen Period Underscore Bar Tilde DoubleHyphen "
        "DoublePeriod DoubleUnderscore DoubleBar DoubleTilde",
    }.items()
}


@dataclass(frozen=True, slots=True)
class Shape:
    """One collection. ``table`` is where its rows are: versions of an entity share one."""

    collection: str
    entity: str
    aot: str
    keys: tuple[str, ...]
    properties: dict[str, str]
    table: str
    writable: bool = False
    lengths: dict[str, int] = field(default_factory=dict)
    lines: str = ""
    data_sources: int = 1

    @property
    def per_company(self) -> bool:
        return "dataAreaId" in self.keys


SHAPES: dict[str, Shape] = {}


def declare(
    collection: str,
    keys: str,
    kinds: dict[str, str],
    *,
    entity: str = "",
    aot: str = "",
    table: str = "",
    writable: bool = False,
    lengths: dict[str, int] | None = None,
    lines: str = "",
    data_sources: int = 1,
) -> None:
    """Add a collection. ``kinds`` lists property names by kind; keys are texts unless listed."""
    names = tuple(keys.split())
    listed = {name: kind for kind, found in kinds.items() for name in found.split()}
    singular = entity or collection.removesuffix("s")
    SHAPES[collection] = Shape(
        collection=collection,
        entity=singular,
        aot=aot or f"{singular}Entity",
        keys=names,
        properties={
            **{name: listed.get(name, "text") for name in names},
            **dict(sorted(listed.items(), key=lambda pair: pair[0].lower())),
        },
        table=table or collection,
        writable=writable,
        lengths=lengths or {},
        lines=lines,
        data_sources=data_sources,
    )


def blank(kind: str) -> Any:
    """An empty value as rows hold it: never null."""
    match kind:
        case "decimal":
            return Decimal(0)
        case "int" | "long":
            return 0
        case "day":
            return NULL_DAY
        case "instant":
            return NULL_INSTANT
        case "guid":
            return "00000000-0000-0000-0000-000000000000"
        case "text":
            return ""
    return ENUMS[kind][0]


def edm(kind: str) -> str:
    """The type in the metadata document."""
    named = {
        "text": "Edm.String",
        "decimal": "Edm.Decimal",
        "int": "Edm.Int32",
        "long": "Edm.Int64",
        "day": "Edm.DateTimeOffset",
        "instant": "Edm.DateTimeOffset",
        "guid": "Edm.Guid",
    }
    return named.get(kind) or f"{NAMESPACE}.{kind}"
