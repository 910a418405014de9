"""Customers and items as the API writes them: what is checked, what an item page posts."""

from __future__ import annotations

import uuid
from typing import Any

from sandbox.business_central import seed
from sandbox.business_central.documents import DIALOG, VALIDATION
from sandbox.business_central.entities import BLANK_ID, ENTITIES, blank
from sandbox.business_central.item_ledger import ItemLedger
from sandbox.business_central.odata import BadRequest

Row = dict[str, Any]


class MasterRecords(ItemLedger):
    """The part of a company that keeps customers and items."""

    def create_customer(self, body: Row) -> Row:
        values = self.clean("customers", body)
        if "displayName" not in values:
            raise BadRequest(DIALOG, 'A "displayName" must be provided.')
        if "number" in values:
            raise BadRequest(
                DIALOG,
                "You may not enter numbers manually. If you want to enter numbers manually, please "
                "activate Manual Nos. in No. Series CUST.",
            )
        self._check_customer(values)
        area = values.get("taxAreaId", BLANK_ID)
        area_row = self.tables["taxAreas"].get(area) or next(iter(self.tables["taxAreas"].values()))
        row = {name: blank(info) for name, info in ENTITIES["customers"].items()}
        row |= values
        row |= {
            "id": str(uuid.uuid4()),
            "number": self.number("customers", "C{:05d}"),
            "currencyCode": self.currency(values.get("currencyCode", "")),
            "blocked": values.get("blocked", " "),
            "type": values.get("type", "Company"),
            "taxAreaId": area_row["id"],
            "taxAreaDisplayName": area_row["displayName"],
            "_area": area_row["code"],
            "_inclusive": self.state["template_prices_include_tax"],
            "_groups": self.state["template_posting_groups"],
        }
        self.keep("customers", row)
        return row

    def _check_customer(self, values: Row) -> None:
        if not values.get("displayName", "-").strip():
            raise BadRequest(DIALOG, 'The blank "displayName" is not allowed.')
        if any(c.isalpha() for c in values.get("phoneNumber", "")):
            raise BadRequest(VALIDATION, "Phone No. cannot contain letters.")
        country = values.get("country", "")
        if country and country not in seed.COUNTRIES:
            raise BadRequest(
                "Internal_InvalidTableRelation",
                f"The field Country/Region Code of table Customer contains a value ({country}) that "
                "cannot be found in the related table (Country/Region).",
            )
        for name, table, noun in (
            ("taxAreaId", "taxAreas", "tax area"),
            ("paymentTermsId", "paymentTerms", "Payment Terms"),
            ("shipmentMethodId", "shipmentMethods", "Shipment Method"),
        ):
            wanted = values.get(name, BLANK_ID)
            if wanted != BLANK_ID and wanted not in self.tables[table]:
                raise BadRequest(DIALOG, f'The "{name}" does not match to a {noun}.')

    def change_master(self, entity: str, row: Row, body: Row) -> None:
        """A PATCH of a customer, an item or a setup record. A quantity on hand that is sent posts
        an adjustment of today."""
        values = self.clean(entity, body)
        if entity == "customers":
            self._check_customer(values)
            if "taxAreaId" in values and values["taxAreaId"] != BLANK_ID:
                area = self.tables["taxAreas"][values["taxAreaId"]]
                values |= {"taxAreaDisplayName": area["displayName"], "_area": area["code"]}
        if entity == "items" and "inventory" in values:
            self.set_inventory(row, values.pop("inventory"))
        if any(row.get(name) != value for name, value in values.items()):
            row.update(values)
            self.keep(entity, row)
