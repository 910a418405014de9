"""Field values as the platform checks them, and the words it refuses with.

Sources: Microsoft's list of error codes for API and OData services; the application's own texts
(TestField, table relations, record not found) as NAV 2018 en-US prints them.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sandbox.business_central.entities import BLANK_DATE, BLANK_ID, Property
from sandbox.business_central.odata import BadRequest

DIALOG = "Application_DialogException"
FIELD = "Application_FieldValidationException"
ZERO = Decimal(0)

# Inner name -> (inner member, option text on a page). The inner members are those of the API.
OPTIONS: dict[str, dict[str, str]] = {
    "lineType": {
        "Comment": " ",
        "Account": "G/L Account",
        "Item": "Item",
        "Resource": "Resource",
        "Fixed Asset": "Fixed Asset",
        "Charge": "Charge (Item)",
    },
    "kind": {
        "Quote": "Quote",
        "Order": "Order",
        "Invoice": "Invoice",
        "Credit Memo": "Credit Memo",
        "Blanket Order": "Blanket Order",
        "Return Order": "Return Order",
    },
    "blocked": {" ": " ", "Ship": "Ship", "Invoice": "Invoice", "All": "All"},
    "itemType": {"Inventory": "Inventory", "Service": "Service"},
    "salesType": {
        name: name for name in ("Customer", "Customer Price Group", "All Customers", "Campaign")
    },
    "customerType": {"Company": "Company", "Person": "Person"},
    "appliesToDocType": {
        name: name
        for name in (" ", "Payment", "Invoice", "Credit Memo", "Finance Charge Memo", "Reminder")
    },
}


@dataclass(frozen=True, slots=True)
class Field:
    """A property of a page or entity and the inner name of what it shows."""

    info: Property
    inner: str


def fields(text: str, name_length: int = 50) -> dict[str, Field]:
    """``Property:type(length)!=inner`` separated by blanks; ``!`` is read-only and ``~`` stands for
    the length of names, 50 in NAV and 100 since BC 15."""
    found = {}
    for part in text.replace("~", str(name_length)).split():
        name, _, rest = part.partition(":")
        kind, _, inner = rest.partition("=")
        read_only = kind.endswith("!")
        kind, _, length = kind.rstrip("!").rstrip(")").partition("(")
        found[name] = Field(Property(kind, int(length or 0), read_only), inner or name)
    return found


def blank(info: Property) -> Any:
    return {
        "decimal": ZERO,
        "int": 0,
        "bool": False,
        "guid": BLANK_ID,
        "date": BLANK_DATE,
        "instant": "0001-01-01T00:00:00Z",
        "enum": " ",
    }.get(info.type, "")


def convert(name: str, field: Field, value: Any, options: Callable[[str], dict[str, str]]) -> Any:
    """The inner value of a JSON value; ``options`` are the words of an option field. Raises
    BadRequest as the platform does."""
    info = field.info
    kinds: dict[str, type | tuple[type, ...]] = {
        "decimal": (int, Decimal),
        "int": int,
        "bool": bool,
    }
    if not isinstance(value, kinds.get(info.type, str)) or (
        info.type != "bool" and isinstance(value, bool)
    ):
        raise BadRequest(
            "BadRequest",
            f"Cannot convert a value to target type of the property '{name}': '{value}'.",
        )
    match info.type:
        case "decimal":
            return Decimal(value)
        case "text" | "code":
            return checked_text(value.strip().upper() if info.type == "code" else value, info)
        case "date":
            return checked_date(name, value)
        case "guid":
            try:
                return str(uuid.UUID(value))
            except ValueError as error:
                raise BadRequest("Application_InvalidGUID", f"Invalid GUID: {value}") from error
        case "enum":
            return member(options(field.inner), value)
    return value


def checked_text(text: str, info: Property) -> str:
    if info.length and len(text) > info.length:
        raise BadRequest(
            "Application_StringExceededLength",
            f"The length of the string is {len(text)}, but it must be less than or equal to "
            f"{info.length} characters. Value: {text}",
        )
    return text


def checked_date(name: str, value: str) -> str:
    try:
        return date.fromisoformat(value[:10]).isoformat()
    except ValueError as error:
        raise BadRequest(
            "BadRequest", f"Cannot convert the literal '{value}' of '{name}' to Edm.Date."
        ) from error


def page_options(inner: str, *, escaped: bool) -> dict[str, str]:
    """Inner member -> option text on a page, or its identifier."""
    return {n: identifier(t) if escaped else t for n, t in OPTIONS[inner].items()}


def member(options: dict[str, str], value: str) -> str:
    """The inner member of an option's word."""
    for name, word in options.items():
        if value == word:
            return name
    raise BadRequest(
        "Unknown",
        f"'{value}' is not an option. The existing options are: {','.join(options.values())}",
    )


def identifier(text: str) -> str:
    """An option's text as a page service names it: G_x002F_L_Account, and _x0020_ for blank."""
    return escape(text if text == " " else text.replace(" ", "_"))


def escape(text: str) -> str:
    """A text as an OData identifier: what is no letter, digit or underscore becomes _xHHHH_."""
    return re.sub(r"[^0-9A-Za-z_]", lambda found: f"_x{ord(found.group()):04X}_", text)


# Refusals of the application


def unrelated(field: str, table: str, value: str, related: str) -> BadRequest:
    return BadRequest(
        "Internal_InvalidTableRelation",
        f"The field {field} of table {table} contains a value ({value}) that cannot be found in "
        f"the related table ({related}).",
    )


def missing_value(field: str, record: str) -> BadRequest:
    """TestField of a blank field; ``record`` as ``Customer: No.=C00010``."""
    return BadRequest(FIELD, f"{field} must have a value in {record}. It cannot be zero or empty.")


def wrong_value(field: str, wanted: str, record: str, current: str) -> BadRequest:
    return BadRequest(
        FIELD, f"{field} must be equal to '{wanted}' in {record}. Current value is '{current}'."
    )


def no_record(table: str, **keys: str) -> BadRequest:
    named = ",".join(f"{name.replace('_', ' ')}='{value}'" for name, value in keys.items())
    return BadRequest(
        "Internal_RecordNotFound",
        f"The {table} does not exist. Identification fields and values: {named}",
        404,
    )


def exists_already(table: str, named: str) -> BadRequest:
    return BadRequest(
        "Internal_EntityWithSameKeyExists",
        f"The {table} already exists. Identification fields and values: {named}",
    )


def callback(what: str, text: str, source: str) -> BadRequest:
    """A dialog that nobody can answer in a web service."""
    return BadRequest(
        "Application_CallbackNotAllowed",
        "Microsoft Dynamics NAV Server attempted to issue a client callback to show "
        f"{what}: {text} ({source}). Client callbacks are not supported on Microsoft Dynamics NAV "
        "Server.",
    )
