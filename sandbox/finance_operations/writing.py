"""What every write goes through: property names, value kinds, relations, the infolog of a refusal.

Infolog texts follow those recorded from live environments; each item has its severity, and the
generic tails (``validateField failed on field ..``) come after the useful text.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sandbox.finance_operations import seed
from sandbox.finance_operations.environment import Environment, Row, noon
from sandbox.finance_operations.odata import BadQuery
from sandbox.finance_operations.shapes import ENUMS, NAMESPACE, Shape

_INT_LIMITS = {"int": 2**31, "long": 2**63}


class WriteFailed(Exception):
    """Business logic refuses the row. ``items`` are the infolog's, each with its severity."""

    def __init__(self, *items: str) -> None:
        super().__init__("; ".join(items))
        self.items = items


def refused(text: str, *, source: str = "") -> WriteFailed:
    """A refusal by the row's validateWrite; ``source`` is the data source it failed on."""
    tail = f"Warning: validateWrite failed on data source '{source} ({source})'."
    return WriteFailed(f"Error: {text}", *([tail] if source else []))


def required(label: str) -> WriteFailed:
    return WriteFailed(
        f"Warning: Field '{label}' must be filled in.", "Error: Update has been canceled."
    )


def unrelated(shape: Shape, name: str, value: str, label: str, related: str) -> WriteFailed:
    """A value that its related table does not have."""
    return WriteFailed(
        f"Warning: The value '{value}' in field '{label}' is not found in the related table "
        f"'{related}'.",
        f"Warning: validateField failed on field '{shape.aot}.{name}'.",
    )


def exists_already(label: str, table: str, **key: Any) -> WriteFailed:
    fields = ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in key.items())
    return WriteFailed(
        f"Info: Cannot create a record in {label} ({table}). {fields}.\nThe record already exists.."
    )


def clean(shape: Shape, body: Any) -> Row:
    """Values of a body by property. Raises BadQuery for names and kinds that do not exist."""
    if not isinstance(body, dict):
        raise BadQuery("The request is invalid: the body must be an object.")
    values: Row = {}
    for name, value in body.items():
        if name.startswith("@"):
            continue
        kind = shape.properties.get(name)
        if kind is None:
            raise BadQuery(
                f"The property '{name}' does not exist on type '{NAMESPACE}.{shape.entity}'. Make "
                "sure to only use property names that are defined by the type."
            )
        if value is None and (kind == "text" or kind in ENUMS):
            continue  # null leaves a text or an enumeration as it is
        values[name] = _value(name, kind, value)
    for name, longest in shape.lengths.items():
        if len(values.get(name, "")) > longest:
            raise WriteFailed(
                f"Error: The value in field '{name}' is too long. The maximum number of characters "
                f"is {longest}.",
                f"Warning: validateField failed on field '{shape.aot}.{name}'.",
            )
    if "dataAreaId" in values:
        values["dataAreaId"] = values["dataAreaId"].lower()
    return values


def _value(name: str, kind: str, value: Any) -> Any:
    wrong = BadQuery(f"Cannot convert the value of '{name}' to the expected type '{kind}'.")
    if kind == "text":
        if isinstance(value, str):
            return value
    elif kind == "decimal":
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            return Decimal(value)
    elif kind in _INT_LIMITS:
        if isinstance(value, int) and not isinstance(value, bool):
            if abs(value) < _INT_LIMITS[kind]:
                return value
    elif kind in ENUMS:
        if value in ENUMS[kind]:
            return value
        if isinstance(value, str):
            raise BadQuery(
                f"The value '{value}' of '{name}' is not a member of '{NAMESPACE}.{kind}'."
            )
    elif isinstance(value, str):
        if kind == "guid":
            if re.fullmatch(r"[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}", value):
                return value.lower()
        else:
            return _moment(kind, value, wrong)
    raise wrong


def _moment(kind: str, value: str, wrong: BadQuery) -> str:
    """A date as its noon, a date and time as UTC seconds."""
    try:
        if len(value) == 10:
            date.fromisoformat(value)
            return noon(value) if kind == "day" else f"{value}T00:00:00Z"
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise wrong from None
    if moment.tzinfo is None:
        raise wrong
    if kind == "day":
        # The day is the one in UTC: a local midnight east of Greenwich lands a day early.
        return noon(moment.astimezone(UTC).date().isoformat())
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def company_of(env: Environment, values: Row) -> seed.Company:
    """The company of a new row: the body's, or silently the service user's own."""
    company = env.company(values.get("dataAreaId") or str(env.settings["default_company"]))
    if company is None:
        raise refused(f"Company '{values['dataAreaId']}' does not exist.")
    values["dataAreaId"] = company.id
    return company


def check_relations(env: Environment, shape: Shape, values: Row) -> None:
    """Each code must be known; the stored value has the related row's spelling."""
    company = values["dataAreaId"]
    for name, (label, related, source) in RELATIONS.items():
        value = values.get(name)
        if not value or name in shape.keys:
            continue
        known = _known(env, source, company, value)
        if known is None:
            raise unrelated(shape, name, value, label, related)
        values[name] = known
    for name in values:
        if name.endswith(("StateId", "AddressState")):
            _check_state(shape, name, values)


def _known(env: Environment, source: Any, company: str, value: str) -> str | None:
    if isinstance(source, tuple):
        return next((known for known in source if known.casefold() == value.casefold()), None)
    table, column = source.split(".")
    wanted = {column: value}
    if env.table(table).shape.per_company:
        wanted["dataAreaId"] = company
    row = env.find(table, **wanted)
    return str(row[column]) if row else None


def _check_state(shape: Shape, name: str, values: Row) -> None:
    country = values.get(
        name.replace("StateId", "CountryRegionId").replace("AddressState", "AddressCountryRegionId")
    )
    state = values.get(name)
    if state and country and state not in seed.STATES.get(country, ()):
        raise unrelated(shape, name, state, "State", "State/province")


_COUNTRY = ("Country/region", "Country/region", tuple(seed.COUNTRIES))
_DELIVERY = ("Mode of delivery", "Modes of delivery", seed.DELIVERY_MODES)
_TERMS = ("Delivery terms", "Terms of delivery", seed.DELIVERY_TERMS)
_CURRENCY = ("Currency", "Currency", "Currencies.CurrencyCode")
_TAX_GROUP = ("Sales tax group", "Sales tax groups", "TaxGroups.TaxGroupCode")
_ITEM_TAX = ("Item sales tax group", "Item sales tax groups", "TaxItemGroups.TaxItemGroupCode")
_METHOD = ("Method of payment", "Methods of payment - customers", "CustomerPaymentMethods.Name")
_PAYMENT = ("Terms of payment", "Terms of payment", "PaymentTerms.Name")
_LANGUAGE = ("Language", "Languages", seed.LANGUAGES)
_SITE = ("Site", "Sites", tuple(dict.fromkeys(seed.SITES.values())))
_WAREHOUSE = ("Warehouse", "Warehouses", "Warehouses.WarehouseId")
_PROFILE = (
    "Posting profile",
    "Customer posting profiles",
    (seed.POSTING_PROFILE, seed.PREPAYMENT_PROFILE),
)
_REASON = ("Return reason code", "Return reason codes", seed.RETURN_REASONS)
# Property -> (field label, related table's label, column or fixed codes)
RELATIONS: dict[str, tuple[str, str, Any]] = {
    "AddressCountryRegionId": _COUNTRY,
    "DeliveryAddressCountryRegionId": _COUNTRY,
    "InvoiceAddressCountryRegionId": _COUNTRY,
    "ReturnAddressCountryRegionId": _COUNTRY,
    "CustomerGroupId": ("Customer group", "Customer groups", "CustomerGroups.CustomerGroupId"),
    "CustomerGroup": ("Customer group", "Customer groups", "CustomerGroups.CustomerGroupId"),
    "SalesCurrencyCode": _CURRENCY,
    "CurrencyCode": _CURRENCY,
    "LanguageId": _LANGUAGE,
    "SalesTaxGroup": _TAX_GROUP,
    "SalesTaxGroupCode": _TAX_GROUP,
    "SalesTaxGroupId": _TAX_GROUP,
    "TaxGroup": _TAX_GROUP,
    "TaxGroupId": _TAX_GROUP,
    "SalesTaxItemGroupCode": _ITEM_TAX,
    "SalesTaxItemGroupId": _ITEM_TAX,
    "TaxItemGroup": _ITEM_TAX,
    "PaymentMethod": _METHOD,
    "PaymentMethodName": _METHOD,
    "CustomerPaymentMethodName": _METHOD,
    "MethodOfPayment": _METHOD,
    "PaymentTerms": _PAYMENT,
    "PaymentTermsName": _PAYMENT,
    "PaymentTermId": _PAYMENT,
    "TermsOfPayment": _PAYMENT,
    "DeliveryMode": _DELIVERY,
    "DeliveryModeCode": _DELIVERY,
    "DeliveryTerms": _TERMS,
    "DeliveryTermsCode": _TERMS,
    "DeliveryTermsId": _TERMS,
    "SalesOrderOriginCode": ("Sales origin", "Sales origin", seed.ORDER_ORIGINS),
    "DefaultShippingWarehouseId": _WAREHOUSE,
    "ShippingWarehouseId": _WAREHOUSE,
    "DefaultReturnWarehouseId": _WAREHOUSE,
    "ReturnWarehouseId": _WAREHOUSE,
    "WarehouseId": _WAREHOUSE,
    "DefaultShippingSiteId": _SITE,
    "ShippingSiteId": _SITE,
    "DefaultReturnSiteId": _SITE,
    "ReturnSiteId": _SITE,
    "SiteId": _SITE,
    "JournalName": ("Name", "Journal names", seed.JOURNAL_NAMES),
    "PostingProfile": _PROFILE,
    "CustomerPostingProfileId": _PROFILE,
    "CustomerReturnReasonCode": _REASON,
    "CreditNoteReasonCode": ("Reason code", "Reasons", seed.RETURN_REASONS),
    "ReturnDispositionCode": ("Disposition code", "Disposition codes", tuple(seed.DISPOSITIONS)),
}
