"""Which ERP items the lines of an order are: crosswalk, then number, then barcode."""

from __future__ import annotations

from django.db import transaction

from audit import services as audit
from audit.actions import Action
from connectors.contract import Erp
from connectors.records import ErpItem, Order
from sync.lookups import VARIANTS
from sync.mapping_rules import remember_identity
from sync.models import Crosswalk, Route
from sync.rules import Rules


def match(
    route: Route, *, erp: Erp, order: Order, settings: dict[str, str], rules: Rules
) -> dict[str, ErpItem]:
    """ERP items by SKU; unknown SKUs are left out. One look-up for all lines of an order.

    A row of the table of variants says which item and dimension values a SKU is.
    """
    wanted = {line.sku: line for line in order.lines if line.sku and line.kind != "giftcertificate"}
    found = {
        row.store_key: _item(row)
        for row in Crosswalk.objects.filter(
            store=route.store,
            erp=route.erp,
            kind=Crosswalk.Kind.ITEM,
            store_key__in=list(wanted),
        )
    }
    missing = [sku for sku in wanted if sku not in found]
    if not missing:
        return found
    asked = {sku: rules.look_up(VARIANTS, sku) or sku for sku in missing}
    by_number = erp.find_items(asked.values())
    fresh = {sku: by_number[number] for sku, number in asked.items() if number in by_number}
    if settings["match_barcode"] == "yes":
        codes = {wanted[sku].gtin: sku for sku in missing if sku not in fresh and wanted[sku].gtin}
        if codes:
            for gtin, items in erp.find_items_by_gtin(codes).items():
                if len(items) == 1:  # several items with one barcode are no answer
                    fresh[codes[gtin]] = items[0]
    if fresh:
        with transaction.atomic():
            for sku, item in fresh.items():
                remember_identity(
                    route,
                    kind=Crosswalk.Kind.ITEM,
                    store_key=sku,
                    erp_record_id=item.external_id,
                    erp_number=item.number,
                    erp_name=item.name,
                    origin=Crosswalk.Origin.MATCHED,
                    attributes={
                        "unit_of_measure": item.unit_of_measure,
                        "variant_id": item.variant_id,
                        "item_class": item.item_class,
                        "of_adapter": item.attributes,
                    },
                )
            audit.record(
                Action.ITEM_MATCHED,
                f"{len(fresh)} item{'s were' if len(fresh) > 1 else ' was'} found in the ERP: "
                f"{', '.join(item.number for item in fresh.values())}.",
                data={sku: item.number for sku, item in fresh.items()},
            )
    return found | fresh


def forget(route: Route, order: Order) -> None:
    """Something that we had matched is gone from the ERP: match this order's items and customer
    anew. Identities set by a person stay; they are a person's word."""
    keys = [line.sku for line in order.lines]
    keys += [f"id:{order.customer.external_id}", f"email:{order.customer.email.casefold()}"]
    Crosswalk.objects.filter(store=route.store, erp=route.erp, store_key__in=keys).exclude(
        origin=Crosswalk.Origin.PERSON
    ).delete()


def _item(row: Crosswalk) -> ErpItem:
    return ErpItem(
        external_id=row.erp_record_id,
        number=row.erp_number,
        name=row.erp_name,
        unit_of_measure=str(row.attributes.get("unit_of_measure", "")),
        variant_id=str(row.attributes.get("variant_id", "")),
        item_class=str(row.attributes.get("item_class", "")),
        attributes=dict(row.attributes.get("of_adapter", {})),
    )
