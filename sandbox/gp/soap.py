"""The legacy web service: SOAP 1.1 over HTTP, faults with the GUID of a validation."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox.gp import batches, receivables, wire
from sandbox.gp import soap_rows as rows
from sandbox.gp.company import Company, Row
from sandbox.gp.restrictions import fits
from sandbox.gp.server import Server
from sandbox.gp.setup import NAMESPACE_POLICIES
from sandbox.gp.soap_types import GP, OPERATIONS, Operation
from sandbox.gp.soap_xml import Unreadable, read_envelope, write_answer, write_fault, wsdl
from sandbox.gp.wire import Refusal

Value = dict[str, Any]
SERVICE = "/dynamicsgpwebservices/dynamicsgpservice.asmx"
DESCRIPTION = "/metadata/legacy/full/dynamicsgp.wsdl"
SYSTEM = (
    "The application encountered an unhandled system exception. Contact your system administrator"
    " for details."
)
# The stored procedure that a refusal of an operation names.
PROCEDURES = {"CreateCustomer": "taUpdateCreateCustomerRcd", "CreateBatch": "taCreateUpdateBatch"}
KINDS = {"Invoice": 1, "CreditMemo": 7, "Return": 8}


class SystemTrouble(Exception):
    """Not a validation: the caller learns nothing but that it went wrong."""


class WebService:
    def __init__(self, server: Server) -> None:
        self.server = server

    async def serve(self, request: Request) -> Response:
        path = request.url.path.lower()
        if path == DESCRIPTION and request.method == "GET":
            return _xml(wsdl(str(request.base_url).rstrip("/") + ADDRESS))
        if path != SERVICE:
            return Response("Not Found", 404, media_type="text/plain")
        if request.method == "GET":
            return _xml(wsdl(str(request.base_url).rstrip("/") + ADDRESS))
        if request.method != "POST":
            return Response(status_code=405)
        if "text/xml" not in request.headers.get("content-type", ""):
            return Response("Unsupported Media Type", 415, media_type="text/plain")
        return self.answer(await request.body(), request)

    def answer(self, raw: bytes, request: Request) -> Response:
        try:
            operation, value = read_envelope(raw)
            action = request.headers.get("soapaction", "").strip('"')
            if action != f"{GP}/{operation.name}":
                raise Unreadable(f"the action {action} is not that of the body")
        except Unreadable as problem:
            return _xml(write_fault("Client", f"Server was unable to read request. {problem}"), 500)
        try:
            result = self.call(operation, value, request.scope["sandbox.user"])
            return _xml(write_answer(operation, result))
        except Refusal as refusal:
            return _xml(self._fault(operation, value, refusal), 500)
        except SystemTrouble:
            return _xml(write_fault("Server", SYSTEM), 500)

    def _fault(self, operation: Operation, value: Value, refusal: Refusal) -> bytes:
        """A validation is logged under a GUID; what concerns access or the system is not."""
        if refusal.status in (403, 404) and refusal.number != wire.NO_RECORD:
            text = refusal.message if refusal.status == 403 else SYSTEM
            return write_fault("Server", text)
        number = str(uuid.uuid4())
        message = refusal.message
        if refusal.number < 9000:
            procedure = PROCEDURES.get(operation.name, "taRMTransaction")
            message = (
                f"Sql procedure error codes returned: Error Number = {refusal.number} "
                f"Stored Procedure {procedure} Error Description = {refusal.message} "
                f"Node Identifier Parameters: {procedure} {_named(operation, value)}"
            )
        self.server.validations[number] = [
            {"Id": refusal.number, "Message": message, "PropertyName": refusal.field}
        ]
        return write_fault("Server", "Business object validation failed", number)

    def call(self, operation: Operation, value: Value, user: str) -> Any:
        context = value.get("context")
        if context is None:
            raise SystemTrouble("no context")
        tenant = context.get("TenantName")
        if tenant and tenant.lower() != self.server.tenant.lower():
            raise SystemTrouble("no such tenant")
        if operation.name == "GetCompanyList":
            return self._companies(value.get("criteria") or {}, user)
        if operation.name == "GetLoggedValidationResultByKey":
            return self._logged(str(value.get("logId")))
        company = self._company(context, user)
        if operation.window:
            self.server.check_window(user, operation.window)
        if operation.parameters[-1].name == "policy" and value.get("policy") is None:
            raise Refusal(400, wire.MISSING, "policy", "A policy is required.")
        handler, kind = self._handler(operation)
        return handler(company, value, context, kind)

    def _handler(self, operation: Operation) -> tuple[Callable[..., Any], int]:
        for name, kind in KINDS.items():
            if operation.name == f"CreateReceivables{name}":
                return self._create_document, kind
            if operation.name == f"GetReceivables{name}ByKey":
                return self._document, kind
        return {
            "GetPolicyByOperation": self._policy,
            "GetCustomerByKey": self._customer,
            "GetCustomerList": self._customers,
            "CreateCustomer": self._create_customer,
            "UpdateCustomer": self._update_customer,
            "GetChangedCustomerKeyList": self._changed_customers,
            "GetItemByKey": self._item,
            "GetItemList": self._items,
            "GetChangedItemKeyList": self._changed_items,
            "GetReceivablesDocumentList": self._documents,
            "GetBatchByKey": self._batch,
            "CreateBatch": self._create_batch,
        }[operation.name], 0

    def _company(self, context: Value, user: str) -> Company:
        wanted = (context.get("OrganizationKey") or {}).get("Id")
        for company in self.server.companies:
            if company.number == wanted:
                self.server.check_company(user, company)
                return company
        raise SystemTrouble("no such company")

    # Companies, policies, the log of validations

    def _companies(self, criteria: Value, user: str) -> list[Value]:
        return [
            {
                "Key": {"__type": "CompanyKey", "Id": company.number},
                "Name": company.name,
            }
            for company in self.server.companies
            if self.server.may_enter(user, company)
            and fits(criteria.get("Id"), company.number)
            and fits(criteria.get("Name"), company.name)
        ]

    def _logged(self, number: str) -> Value:
        errors = self.server.validations.get(number.strip().lower())
        if errors is None:
            raise SystemTrouble("no such log entry")
        return {"Errors": errors}

    def _policy(self, company: Company, value: Value, context: Value, kind: int) -> Value | None:
        name = str(value.get("operation") or "")
        operation = OPERATIONS.get(name)
        if operation is None or operation.parameters[-1].name != "policy":
            return None
        subject = operation.parameters[0].type
        behaviors = (
            ("Create Batch", True), ("Assign Batch Prefix", True),
            ("Create GL Account Distributions", False),
        ) if subject.startswith("Receivables") else ()  # fmt: skip
        return {
            "Key": {"Id": str(uuid.uuid5(NAMESPACE_POLICIES, f"{company.database}/{name}"))},
            "Behaviors": [
                {
                    "Key": {"Id": str(uuid.uuid5(NAMESPACE_POLICIES, f"{name}/{label}"))},
                    "Name": label,
                    "Internal": internal,
                    "SelectedOption": {"Name": "Automatic"},
                }
                for label, internal in behaviors
            ],
            "Name": f"{name} Policy",
            "RootBusinessObjectName": subject,
        }

    # Customers and items

    def _absent(self, name: str) -> None:
        if self.server.state["soap_absent_key"] == "fault":
            raise Refusal(404, wire.NO_RECORD, name, f"The {name} does not exist.")

    def _customer(self, company: Company, value: Value, context: Value, kind: int) -> Value | None:
        row = company.get("customers", rows.key_text(value.get("key")))
        if row is None:
            return self._absent("customer")
        _printable(row)
        return rows.from_customer(company, row)

    def _customers(self, company: Company, value: Value, context: Value, kind: int) -> list[Value]:
        asked = _criteria(value)
        return [
            rows.from_customer_summary(row)
            for row in company.tables["customers"].values()
            if fits(asked.get("Id"), row["CustomerId"])
            and fits(asked.get("Name"), row["Name"])
            and fits(asked.get("ClassId"), row["ClassId"])
            and fits(asked.get("IsActive"), not row["Inactive"])
            and all(
                fits(asked.get(name), company.midnight(row["ModifiedDate"]))
                for name in ("ModifiedDate", "LastModifiedDate")
            )
            and fits(asked.get("CreatedDate"), company.midnight(row["CreatedDate"]))
        ]

    def _create_customer(self, company: Company, value: Value, context: Value, kind: int) -> None:
        given = _object(value, "customer")
        row = company.create_customer(rows.to_customer(company, given))
        self._write_addresses(company, row["CustomerId"], given)

    def _update_customer(self, company: Company, value: Value, context: Value, kind: int) -> None:
        given = _object(value, "customer")
        row = company.get("customers", rows.key_text(given.get("Key")))
        if row is None:
            raise Refusal(422, wire.NO_CUSTOMER, "Key", "The customer does not exist.")
        company.change_customer(row, rows.to_customer(company, given))
        self._write_addresses(company, row["CustomerId"], given)

    @staticmethod
    def _write_addresses(company: Company, customer: str, given: Value) -> None:
        for address, internet in rows.to_addresses(customer, given):
            for table, row in (("addresses", address), ("internet_addresses", internet)):
                if row is not None:
                    known = company.get(table, customer, row["AddressId"]) is not None
                    company.write_address(table, row, create=not known)

    def _item(self, company: Company, value: Value, context: Value, kind: int) -> Value | None:
        row = company.get("items", rows.key_text(value.get("key")))
        if row is None:
            return self._absent("item")
        _printable(row)
        return rows.from_item(company, row)

    def _items(self, company: Company, value: Value, context: Value, kind: int) -> list[Value]:
        asked = _criteria(value)
        return [
            rows.from_item_summary(row)
            for row in company.tables["items"].values()
            if fits(asked.get("Id"), row["ItemNumber"])
            and fits(asked.get("Description"), row["Description"])
            and fits(asked.get("ClassId"), row["ClassId"])
            and all(
                fits(asked.get(name), company.midnight(row["ModifiedDate"]))
                for name in ("ModifiedDate", "LastModifiedDate")
            )
        ]

    def _changed_customers(
        self, company: Company, value: Value, context: Value, kind: int
    ) -> list[Value]:
        return _changed(company, value, "customers", "CustomerId")

    def _changed_items(
        self, company: Company, value: Value, context: Value, kind: int
    ) -> list[Value]:
        return _changed(company, value, "items", "ItemId")

    # Receivables

    def _create_document(self, company: Company, value: Value, context: Value, kind: int) -> None:
        name = next(name for name, number in KINDS.items() if number == kind)
        given = _object(value, f"receivables{name}")
        if not rows.key_text(given.get("Key")):
            raise Refusal(400, wire.MISSING, "Key", "The Key is mandatory.")
        if not given.get("SalesAmount"):
            raise Refusal(400, wire.MISSING, "SalesAmount", "The SalesAmount is mandatory.")
        receivables.create(company, rows.to_document(company, given, kind))

    def _document(self, company: Company, value: Value, context: Value, kind: int) -> Value | None:
        row = company.get("documents", str(kind), rows.key_text(value.get("key")))
        if row is None:
            return self._absent("document")
        _printable(row)
        return rows.from_document(company, row, local=context.get("CurrencyType") == "Local")

    def _documents(self, company: Company, value: Value, context: Value, kind: int) -> list[Value]:
        asked = _criteria(value)
        local = context.get("CurrencyType") == "Local"
        return [
            rows.from_document_summary(company, row, local=local)
            for row in company.tables["documents"].values()
            if fits(asked.get("TransactionState"), row["TransactionState"])
            and fits(asked.get("DocumentId"), row["DocumentNumber"])
            and fits(asked.get("Date"), company.midnight(row["DocumentDate"]))
            and fits(asked.get("CustomerId"), row["CustomerId"])
            and fits(asked.get("BatchId"), row["BatchId"])
            and fits(asked.get("SalespersonId"), row["SalespersonId"])
            and fits(asked.get("ModifiedDate"), company.midnight(row["ModifiedDate"]))
        ]

    # Batches

    def _batch(self, company: Company, value: Value, context: Value, kind: int) -> Value | None:
        key = value.get("key") or {}
        row = company.get("batches", rows.key_text(key, "Source"), rows.key_text(key))
        if row is None:
            return self._absent("batch")
        return rows.from_batch(batches.counted(company, row))

    def _create_batch(self, company: Company, value: Value, context: Value, kind: int) -> None:
        given = _object(value, "batch")
        key = given.get("Key") or {}
        frequency = given.get("Frequency")
        body: Row = {"BatchSource": rows.key_text(key, "Source"), "BatchId": rows.key_text(key)}
        if given.get("Comment"):
            body["Comment"] = given["Comment"]
        if given.get("PostingDate"):
            body["PostingDate"] = rows.day(given["PostingDate"])
        if frequency:
            body["Frequency"] = next(n for n, f in rows.FREQUENCIES.items() if f == frequency)
        batches.create(company, body)


ADDRESS = "/DynamicsGPWebServices/DynamicsGPService.asmx"


def _xml(raw: bytes, status: int = 200) -> Response:
    return Response(raw, status, media_type="text/xml; charset=utf-8")


def _object(value: Value, name: str) -> Value:
    given = value.get(name)
    if given is None:
        raise SystemTrouble(f"no {name}")
    return dict(given)


def _criteria(value: Value) -> Value:
    asked = value.get("criteria") or {}
    if "Scope" not in asked:
        raise Refusal(400, wire.MISSING, "Scope", "The Scope is mandatory.")
    return dict(asked)


def _printable(row: Row) -> None:
    """A record with control characters cannot be written as XML: reading it fails."""
    for value in row.values():
        if isinstance(value, str) and any(c < " " and c not in "\t\n\r" for c in value):
            raise SystemTrouble("a control character")


def _named(operation: Operation, value: Value) -> str:
    """The node identifier parameters: what is known about the record by its column names."""
    given = value.get(operation.parameters[0].name) or {}
    parts = {
        "DOCNUMBR": rows.key_text(given.get("Key")),
        "DOCDATE": rows.day(given.get("Date")),
        "BACHNUMB": rows.key_text(given.get("BatchKey")),
        "CUSTNMBR": rows.key_text(given.get("CustomerKey")),
    }
    if operation.name.endswith("Customer"):
        parts = {"CUSTNMBR": parts["DOCNUMBR"]}
    return " ".join(f"{name} = {text}" for name, text in parts.items())


def _changed(company: Company, value: Value, table: str, name: str) -> list[Value]:
    """Keys that were created, updated or deleted; nothing while change tracking is off."""
    asked = value.get("criteria") or {}
    if not company.state["change_tracking"]:
        return []
    actions = {"created": "Insert", "updated": "Update", "deleted": "Delete"}
    return [
        {
            "LastModifiedDate": row["at"],
            "Action": actions[row["kind"]],
            "Key": {"Id": row["key"]},
        }
        for row in company.tables["changes"].values()
        if row["table"] == table
        and fits(asked.get("LastModifiedDate"), row["at"])
        and fits(asked.get("Action"), actions[row["kind"]])
        and fits(asked.get(name), row["key"])
    ]
