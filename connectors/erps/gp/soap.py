"""Web Services for Dynamics GP, the legacy endpoint, for servers without the REST interface.

The native endpoint signs its messages and cannot be spoken to with a Windows sign-in of the
connection alone, so it is not used. This service offers no currencies, periods, accounts or tax
schedules; where the adapter asks for them it is told so.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from connectors.erps.gp import soap_objects as objects
from connectors.erps.gp.errors import NOT_FOUND, NOT_OFFERED, Trouble, refusal
from connectors.erps.gp.sba import read_error
from connectors.erps.gp.service import (
    BATCHES,
    CUSTOMERS,
    ITEMS,
    TRANSACTIONS,
    CompanyRow,
    Json,
    ServicePage,
)
from connectors.errors import (
    ConnectorError,
    NeedsAttention,
    OutcomeUnknown,
    Rejected,
    TryLater,
    UnexpectedShape,
)
from connectors.kit import Kit
from connectors.kit.http import Http, Timeouts
from connectors.kit.soap import Soap, SoapFault
from connectors.kit.throttle import Limits
from connectors.kit.windows_auth import WindowsSignIn

_ABSENT = re.compile(r"does not exist|was not found|could not be found", re.IGNORECASE)
_NO_ACCESS = re.compile(
    r"does not have (access|security)|not authori[sz]ed|access is denied", re.IGNORECASE
)


class SoapService:
    """One company behind the legacy web service."""

    uses_iso_currencies = True

    def __init__(self, values: Mapping[str, str], kit: Kit) -> None:
        self.company = values.get("company", "")
        self._currency = values.get("functional_currency", "")
        self._path = values["soap_path"]
        timeout = float(values.get("request_timeout_seconds") or 60)
        http = Http(
            base_url=values["base_url"],
            kit=kit,
            budget=kit.budget(
                Limits(
                    in_flight=int(values.get("requests_in_flight") or 2),
                    longest_call_seconds=timeout + 10,
                )
            ),
            read_error=read_error,
            timeouts=Timeouts(10, timeout),
            secrets=(values["password"],),
            authority=values.get("authority", ""),
            windows=WindowsSignIn(
                user=values["user"],
                domain=values.get("domain", ""),
                password=values["password"],
                path=self._path,
            ),
        )
        self._name = kit.name
        self.soap = Soap(http, wsdl=values["wsdl_path"], address=self._path)
        self._policies: dict[str, Any] = {}
        self._lock = threading.Lock()

    def reach(self) -> None:
        self._type("Context", objects.DYNAMICS)

    def companies(self) -> list[CompanyRow]:
        """Every company that the account may enter. Ids may be negative: Fabrikam's is -1."""
        between = self._type("BetweenRestrictionOfNullableOfInt32")(From=-32768, To=32767)
        found = self._read(
            "GetCompanyList",
            "list companies",
            criteria=self._type("CompanyCriteria")(Id=between),
            context=self._context(organization=False),
        )
        return [
            CompanyRow(objects.text(row, "Key", "Id"), "", objects.text(row, "Name"))
            for row in _listed(found, "Company")
        ]

    def segment_of(self, row: CompanyRow) -> str:
        return row.number

    def find(self, resource: str, *keys: str, purpose: str) -> Json | None:
        if resource == CUSTOMERS:
            return self._by_key(
                "GetCustomerByKey", purpose, objects.customer_row, self._key("CustomerKey", keys[0])
            )
        if resource == ITEMS:
            return self._by_key(
                "GetItemByKey", purpose, objects.item_row, self._key("ItemKey", keys[0])
            )
        if resource == BATCHES:
            key = self._type("BatchKey")(Source=keys[0], Id=keys[1])
            return self._by_key("GetBatchByKey", purpose, objects.batch_row, key)
        if resource == TRANSACTIONS:
            kind = int(keys[0])
            return self._by_key(
                f"GetReceivables{objects.KINDS[kind]}ByKey",
                purpose,
                lambda value: objects.document_row(value, kind),
                self._key("ReceivablesDocumentKey", keys[1]),
            )
        raise _not_offered(resource)

    def rows(self, resource: str, *, purpose: str, **filters: str) -> list[Json]:
        raise _not_offered(resource)

    def page(self, resource: str, *, offset: int, purpose: str, **filters: str) -> ServicePage:
        raise _not_offered(resource)

    def sample(self, resource: str, *, purpose: str) -> None:
        """A record that hardly exists is asked for: only who may read is told that it does not."""
        keys = ("1", "0") if resource == TRANSACTIONS else ("0",)
        self.find(resource, *keys, purpose=purpose)

    def listed(self, kind: str, *, low: str, high: str, since: datetime | None) -> list[Any]:
        """Summaries of ``Item`` or ``Customer`` from key ``low`` on and below ``high`` (empty for
        no bound), changed at or after an instant."""
        restrictions: dict[str, Any] = {}
        bounds = {"From": low or None, "LessThan": high or None}
        if any(bounds.values()):
            restrictions["Id"] = self._type("LikeRestrictionOfString")(**bounds)
        if since is not None:
            between = self._type("BetweenRestrictionOfNullableOfDateTime")
            restrictions["LastModifiedDate"] = between(From=since)
        criteria = self._type(f"{kind}Criteria")(Scope="ReturnPartialObjects", **restrictions)
        found = self._read(
            f"Get{kind}List",
            f"list {kind.lower()}s",
            criteria=criteria,
            context=self._context(),
        )
        return _listed(found, f"{kind}Summary")

    def whole_customer(self, number: str) -> Any:
        """The Customer with its addresses; None if there is none."""
        try:
            found = self._read(
                "GetCustomerByKey",
                "read the customer with its addresses",
                key=self._key("CustomerKey", number),
                context=self._context(),
            )
        except Rejected as error:
            if error.code == NOT_FOUND or _ABSENT.search(error.vendor_words):
                return None
            raise
        return found if objects.text(found, "Key", "Id") else None

    def create(
        self, resource: str, values: Json, *, purpose: str, begin_by: float | None = None
    ) -> None:
        if resource != TRANSACTIONS:
            raise _not_offered(resource)
        operation, arguments = self._document_call(values)
        self._write(operation, purpose, begin_by, **arguments)

    def create_customer(
        self,
        card: Json,
        *,
        ship_to: Json | None,
        internet: Json | None,
        card_exists: bool,
        begin_by: float,
    ) -> None:
        """One call for all of it, so that there is nothing to complete later."""
        if card_exists:
            return
        self._write(
            "CreateCustomer",
            "create the customer",
            begin_by,
            customer=objects.customer(card, ship_to, internet, self._type),
            context=self._context(),
            policy=self._policy("CreateCustomer"),
        )

    def request_of(self, resource: str, values: Json) -> dict[str, Any]:
        operation, arguments = self._document_call(values)
        return {
            "method": "POST",
            "path": self._path,
            "body": self.soap.envelope(operation, **arguments),
        }

    def _document_call(self, values: Json) -> tuple[str, dict[str, Any]]:
        kind = objects.KINDS[int(values["DocumentType"])]
        operation = f"CreateReceivables{kind}"
        iso = str(values.get("CurrencyId") or self._currency)
        return operation, {
            f"receivables{kind}": objects.document(values, iso, self._type),
            "context": self._context(),
            "policy": self._policy(operation),
        }

    def _by_key(self, operation: str, purpose: str, shape: Any, key: Any) -> Json | None:
        """An absent key is answered with nothing, or with a fault that says so."""
        try:
            found = self._read(operation, purpose, key=key, context=self._context())
        except Rejected as error:
            if error.code == NOT_FOUND or _ABSENT.search(error.vendor_words):
                return None
            raise
        row = None if found is None else shape(found)
        return row if row is None or any(row.values()) else None

    def _read(self, operation: str, purpose: str, /, **arguments: Any) -> Any:
        try:
            return self.soap.read(operation, purpose=purpose, **arguments)
        except SoapFault as fault:
            raise self._named(self._error(fault, is_read=True)) from fault

    def _write(
        self, operation: str, purpose: str, begin_by: float | None, /, **arguments: Any
    ) -> None:
        try:
            self.soap.write(operation, begin_by, purpose=purpose, **arguments)
        except SoapFault as fault:
            raise self._named(self._error(fault, is_read=False)) from fault

    def _error(self, fault: SoapFault, *, is_read: bool) -> ConnectorError:
        """A validation has its errors in a log, under a GUID; a system exception says nothing."""
        if _NO_ACCESS.search(fault.text):
            return refusal("POST", fault.where, 403, (Trouble(0, "", fault.text),))
        if fault.message_id:
            troubles = self._logged(fault.message_id)
            if troubles:
                return refusal("POST", fault.where, 400, troubles)
            return Rejected(
                f"{fault.where}: validation {fault.message_id}",
                reason="GP refused the record, and its list of errors could not be read.",
                vendor_words=fault.text,
            )
        if "client" in fault.code.casefold():
            return UnexpectedShape(fault.where, f"was not understood: {fault.text}"[:300])
        if is_read:
            return TryLater(
                f"{fault.where}: {fault.text}"[:500],
                reason="GP's web service failed. Its exception log on the server has the details.",
                vendor_words=fault.text,
            )
        return OutcomeUnknown(f"{fault.where}: {fault.text}"[:500], vendor_words=fault.text)

    def _logged(self, number: str) -> tuple[Trouble, ...]:
        try:
            result = self.soap.read(
                "GetLoggedValidationResultByKey",
                purpose="read why it was refused",
                logId=number,
                context=self._context(),
            )
        except (SoapFault, ConnectorError):
            return ()
        return tuple(
            Trouble(
                int(objects.member(row, "Id") or 0),
                objects.text(row, "PropertyName"),
                objects.text(row, "Message"),
            )
            for row in _listed(objects.member(result, "Errors"), "ValidationError")
        )

    def _named(self, error: ConnectorError) -> ConnectorError:
        error.source = self._name
        return error

    def _policy(self, operation: str) -> Any:
        """Fetched once and given back as it is, even where it has no behaviours."""
        with self._lock:
            if operation not in self._policies:
                self._policies[operation] = self._read(
                    "GetPolicyByOperation",
                    f"read the policy of {operation}",
                    operation=operation,
                    context=self._context(),
                )
            return self._policies[operation]

    def _context(self, *, organization: bool = True) -> Any:
        """Raises NeedsAttention while no company, or none by number, is chosen."""
        key = None
        if organization:
            if not re.fullmatch(r"-?\d{1,5}", self.company):
                raise NeedsAttention(
                    f"company {self.company!r}",
                    reason="The SOAP interface knows companies by number, and none is chosen.",
                    advice="Ping the connection and choose the company in its settings.",
                    code="company_missing",
                )
            key = self._type("CompanyKey", objects.DYNAMICS)(Id=int(self.company))
        return self._type("Context", objects.DYNAMICS)(
            OrganizationKey=key, CurrencyType="Transactional"
        )

    def _key(self, name: str, value: str) -> Any:
        return self._type(name)(Id=value)

    def _type(self, name: str, namespace: str = objects.GP) -> Any:
        return self.soap.type(namespace, name)


def _listed(value: Any, name: str) -> list[Any]:
    """zeep gives an array's members, with or without the array around them."""
    if value is None:
        return []
    if isinstance(value, list):
        return value
    return list(objects.member(value, name) or [])


def _not_offered(resource: str) -> Rejected:
    return Rejected(
        f"{resource} is not offered by the SOAP interface",
        reason="The SOAP interface does not offer that.",
        code=NOT_OFFERED,
    )
