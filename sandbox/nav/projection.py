"""Rows as the API shows them, and bodies as the rows' fields."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sandbox.business_central.entities import BLANK_ID, Property
from sandbox.business_central.odata import BadRequest
from sandbox.nav.company import Company
from sandbox.nav.odata import no_property
from sandbox.nav.rest_entities import Entity, Part
from sandbox.nav.seed import LOCAL, Row, guid
from sandbox.nav.values import DIALOG, OPTIONS, ZERO, Field, blank, checked_text, convert, escape

_POSTAL = ("AddressLine1", "AddressLine2", "City", "State", "Country", "PostCode")
_CUSTOMER_POSTAL = ("addressLine1", "addressLine2", "city", "state", "country", "postalCode")
_NAMES = ("street", "city", "state", "countryLetterCode", "postalCode")
_LENGTHS = {"city": 30, "state": 30, "countryLetterCode": 10, "postalCode": 20}
_MATCH_NAMES = {
    "taxAreas": "taxAreaId",
    "paymentTerms": "paymentTermsId",
    "shipmentMethods": "shipmentMethodId",
    "paymentMethods": "paymentMethodId",
    "currencies": "currencyId",
    "units": "unitOfMeasureId",
}


_UNESCAPE = re.compile(r"_x([0-9A-F]{4})_")


def _names(inner: str) -> dict[str, str]:
    return {name: name for name in OPTIONS[inner]}


class Projection:
    """One version's view of a company.

    ``escaped`` writes option members as identifiers; without ``integrated`` the records that were
    there before the API was set up have no id yet.
    """

    def __init__(
        self,
        company: Company,
        sets: dict[str, Entity],
        *,
        escaped: bool,
        name_length: int,
        integrated: bool,
    ) -> None:
        self.company, self.sets, self.escaped = company, sets, escaped
        self.name_length, self.integrated = name_length, integrated

    # Reading

    def value(self, part: Part, row: Row, header: Row) -> Any:
        company = self.company
        match part.kind:
            case "ref":
                return self._id(part, row)
            case "currency":
                return company.code_of(row.get(part.inner, ""))
            case "coded":
                found = company.tables.get(part.target, {}).get(row.get(part.inner, ""))
                names = (row.get(part.inner, ""), found["displayName"] if found else "")
                first = "categoryId" if part.target == "itemCategories" else "code"
                return {first: names[0], "description": names[1]}
            case "postal":
                return self._address(part, row)
            case "unit":
                code = row.get(part.inner, "")
                found = company.tables["units"].get(code)
                name = found["displayName"] if found else ""
                return {"code": code, "displayName": name, "symbol": "", "unitConversion": None}
            case "details":
                number = row.get(part.inner, "")
                return {"number": number, "displayName": row["description"] if number else ""}
            case "status":
                return self._text(status(row))
            case "enum":
                return self._text(str(row.get(part.inner, " ")))
        if part.inner == "id" and row.get("_old") and not self.integrated:
            return BLANK_ID
        if part.inner.startswith("@"):
            return _COMPUTED[part.inner](company, row, header)
        return row.get(part.inner, blank(part.info))

    def _text(self, member: str) -> str:
        return escape(member) if self.escaped else member

    def _id(self, part: Part, row: Row) -> str:
        if part.inner in ("@item", "@account"):
            wanted = "Item" if part.inner == "@item" else "Account"
            code = row["objectNumber"] if row["lineType"] == wanted else ""
        else:
            code = row.get(part.inner, "")
        found = self.company.tables.get(part.target, {}).get(code)
        if found is None and part.target == "currencies":
            return BLANK_ID
        return str(found["id"]) if found else BLANK_ID

    def _address(self, part: Part, row: Row) -> dict[str, str]:
        names = _postal_names(part.inner)
        first, second, *rest = (row.get(name, "") for name in names)
        street = f"{first}\r\n{second}" if second else first
        return dict(zip(_NAMES, (street, *rest), strict=True))

    # Writing

    def values(self, entity: str, body: dict[str, Any], *, skip: str = "") -> Row:
        """The body as inner values, in its own order. Raises BadRequest."""
        found: Row = {}
        for name, value in body.items():
            if name.startswith("@") or name == skip:
                continue
            part = self.sets[entity].get(name)
            if part is None:
                raise no_property(name, f"Microsoft.NAV.{entity}")
            if part.read_only:
                raise BadRequest("BadRequest_InvalidOperation", f"Control '{name}' is read-only.")
            if part.is_object:
                if not isinstance(value, dict):
                    raise BadRequest("BadRequest", f"The property '{name}' must be an object.")
                found |= self._object(name, part, value)
            elif part.kind == "ref":
                self._reference(found, name, part, self._plain(name, part, value))
            elif part.kind == "currency":
                found[part.inner] = self._currency(self._plain(name, part, value))
            else:
                found[part.inner] = self._plain(name, part, value)
        return found

    def _plain(self, name: str, part: Part, value: Any) -> Any:
        if part.kind == "enum" and isinstance(value, str):
            value = _UNESCAPE.sub(lambda found: chr(int(found.group(1), 16)), value)
        return convert(name, Field(part.info, part.inner), value, _names)

    def _currency(self, code: str) -> str:
        if code in ("", LOCAL):
            return ""
        if code not in self.company.tables["currencies"]:
            raise BadRequest(DIALOG, 'The "currencyCode" does not match to a Currency.')
        return code

    def _reference(self, found: Row, name: str, part: Part, wanted: str) -> None:
        """Set the code that an id stands for; a code already given must agree."""
        if wanted == BLANK_ID:
            found.setdefault(part.inner, "")
            return
        company = self.company
        if part.target in ("customers", "items"):
            row = company.one(part.target, "id", wanted)
        else:
            row = company.by_id(part.target, wanted)
        if row is None:
            raise BadRequest(DIALOG, _missing(name, part))
        code = row.get("number") or row.get("code")
        if found.get(part.inner, code) != code:
            raise BadRequest(DIALOG, f"The {name} values do not match to a specific record.")
        found[part.inner] = code

    def _object(self, name: str, part: Part, value: dict[str, Any]) -> Row:
        if part.kind in ("coded", "unit"):
            return {part.inner: str(value.get("code", "")).strip().upper()}
        texts = {}
        for key, text in value.items():
            if key not in _NAMES or not isinstance(text, str):
                raise no_property(key, "Microsoft.NAV.PostalAddress")
            texts[key] = checked_text(text, Property("text", _LENGTHS.get(key, 0)))
        names = _postal_names(part.inner)
        found: Row = {}
        if "street" in texts:
            lines = [*re.split(r"\r\n|\r|\n", texts["street"], maxsplit=1), ""]
            found[names[0]] = checked_text(lines[0], Property("text", self.name_length))
            found[names[1]] = checked_text(lines[1], Property("text", 50))
        for key, inner in zip(_NAMES[1:], names[2:], strict=True):
            if key in texts:
                upper = key in ("countryLetterCode", "postalCode")
                found[inner] = texts[key].strip().upper() if upper else texts[key]
        return found


def status(row: Row) -> str:
    """The API's word for a document's state."""
    if "|" not in row["_key"]:  # a draft's key is its kind and its number
        return str(row["postedStatus"])
    return {"Open": "Draft", "Released": "Open", "Pending Approval": "In Review"}[row["status"]]


def _missing(name: str, part: Part) -> str:
    match part.target:
        case "customers":
            return "The sell-to customer cannot be found."
        case "items":
            return "Item does not exist."
        case "accounts":
            return "Account does not exist."
    return f'The "{_MATCH_NAMES.get(part.target, name)}" does not match to a record.'


def _postal_names(inner: str) -> tuple[str, ...]:
    if inner == "customer":
        return _CUSTOMER_POSTAL
    return tuple(f"{inner}{name}" for name in _POSTAL)


def _invoice_id(company: Company, row: Row, header: Row) -> str:
    invoice = company.tables["invoices"].get(row.get("appliesToDocNumber", ""))
    return str(invoice["id"]) if invoice else BLANK_ID


def _sales(company: Company, row: Row, header: Row) -> Decimal:
    return sum(
        (
            i["totalAmountExcludingTax"]
            for i in company.tables["invoices"].values()
            if i["customerNumber"] == row["number"] and not i["currencyCode"]
        ),
        ZERO,
    )


def _overdue(company: Company, row: Row, header: Row) -> Decimal:
    today = company.today()
    return sum(
        (
            i["remainingAmount"]
            for i in company.tables["invoices"].values()
            if i["customerNumber"] == row["number"] and i["dueDate"] < today
        ),
        ZERO,
    )


def line_id(header: Row, line: Row) -> str:
    return f"{header['id']}-{line['lineNumber']}"


_COMPUTED: dict[str, Callable[[Company, Row, Row], Any]] = {
    "@documentId": lambda company, row, header: header["id"],
    "@lineId": lambda company, row, header: line_id(header, row),
    "@balance": lambda company, row, header: company.balance(row["number"]),
    "@inventory": lambda company, row, header: company.inventory(row["number"]),
    "@taxAreaDisplayName": lambda company, row, header: (
        company.tables["taxAreas"].get(row["vatBusPostingGroup"], {}).get("displayName", "")
    ),
    "@invoiceId": _invoice_id,
    "@sales": _sales,
    "@overdue": _overdue,
    "@none": lambda company, row, header: ZERO,
    "@false": lambda company, row, header: False,
    "@debit": lambda company, row, header: max(row["amountLocal"], ZERO),
    "@credit": lambda company, row, header: max(-row["amountLocal"], ZERO),
    "@entryId": lambda company, row, header: str(
        uuid.UUID(guid(company.name, "ledger", row["_key"]))
    ),
}
