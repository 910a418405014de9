"""A server instance: its companies, its administrator's switches, its published services."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, fields
from typing import Any

from starlette.responses import Response

from sandbox.business_central.odata import BadRequest
from sandbox.common.jsonio import Json
from sandbox.nav import posting
from sandbox.nav.company import Company
from sandbox.nav.pages import Page, pages
from sandbox.nav.seed import Row
from sandbox.nav.values import DIALOG, no_record

FUNCTIONS = {
    "PostSalesOrder": "Order",
    "PostSalesInvoice": "Invoice",
    "PostSalesCreditMemo": "Credit Memo",
}


@dataclass
class Switches:
    """What differs from one customer's server to the next, and what the documents leave open."""

    odata_services: bool = True
    soap_services: bool = True
    api_services: bool = False
    tenant: str = ""  # multitenant server: the tenant that each address must name
    max_page_size: int = 20_000
    max_concurrent: int = 0  # 0 = no limit; above it a 503
    work_ms: int = 0  # how long each request keeps the server busy
    escaped_enums: bool = False  # option members as OData identifiers (G_x002F_L_Account)
    correlation_id: bool = False  # error texts end with a correlation id, as in later versions
    deep_insert: bool = False  # nested lines accepted by the API
    posting_bound: bool = False  # the partner's extension: bound action NAV.Post on the pages
    posting_codeunit: bool = False  # the partner's codeunit as a SOAP service
    posting_unbound: bool = False  # the same codeunit through OData v4
    integrated: bool = True  # "Integrate APIs" was run: old records have their ids
    beta_post: bool = False  # the API page of NAV 2018 carries an action to post
    post_result: str = "deleted"  # what the bound action reports: deleted | created
    permissions: str = "full"  # full | read_only | none
    permission_status: int = 403
    table_lock: int = 0  # the next N writes meet a lock
    table_lock_code: str = DIALOG


class Instance:
    def __init__(
        self,
        *,
        name: str,
        flavour: str,
        companies: list[Company],
        switches: dict[str, Any],
        name_length: int,
        codeunit: str,
    ) -> None:
        self.name, self.flavour = name, flavour
        self.companies = {company.name: company for company in companies}
        self.name_length = name_length
        self.codeunit = codeunit
        self.functions = tuple(FUNCTIONS)
        self._first = switches
        self.reset()

    def reset(self) -> None:
        self.switches = Switches(**self._first)
        self.published: dict[str, Page] = pages(self.name_length)

    def set(self, values: dict[str, Any]) -> None:
        """Set switches by name; texts from a form are read as the switch's type."""
        for field in fields(Switches):
            if field.name in values:
                value = values[field.name]
                now = getattr(self.switches, field.name)
                if isinstance(now, bool):
                    value = str(value).lower() in ("1", "true", "yes", "on")
                elif isinstance(now, int):
                    value = int(value)
                setattr(self.switches, field.name, value)

    def check_permission(self, *, writes: bool) -> None:
        """What the permission sets of the service's user allow. Raises BadRequest."""
        if self.switches.permissions == "none" or (
            writes and self.switches.permissions == "read_only"
        ):
            raise BadRequest(
                "Authorization_RequestDenied",
                "You do not have the following permissions on TableData Sales Header: "
                f"{'Insert' if writes else 'Read'}.",
                self.switches.permission_status,
            )

    def check_tenant(self, given: str) -> None:
        if self.switches.tenant and given != self.switches.tenant:
            raise BadRequest(
                "Internal_TenantUnavailable", f"The tenant '{given}' is not accessible."
            )

    def check_lock(self) -> None:
        if self.switches.table_lock > 0:
            self.switches.table_lock -= 1
            raise BadRequest(
                self.switches.table_lock_code,
                "The G/L Entry table cannot be locked or changed because it is already locked by "
                "the user who has the User ID CONTOSO\\ANNA. Wait until the user is finished and "
                "then try again.",
            )

    def company(self, name: str | None) -> Company:
        """By its exact name; without a name the only company. Raises BadRequest."""
        if not name and len(self.companies) == 1:
            return next(iter(self.companies.values()))
        company = self.companies.get(name or "")
        if company is None:
            raise BadRequest(
                "Internal_CompanyNotFound", f"Cannot find company '{name or ''}'.", 404
            )
        return company

    def call(self, company: Company, function: str, number: str) -> str:
        """The partner's codeunit: post a document, return the posted number. Raises BadRequest."""
        kind = FUNCTIONS[function]
        draft: Row | None = company.tables["drafts"].get(f"{kind}|{number.strip().upper()}")
        if draft is None:
            raise no_record("Sales Header", **{"Document_Type": kind, "No.": number})
        return str(posting.post(company, draft)["number"])

    def error(self, status: int, code: str, message: str) -> Response:
        if self.switches.correlation_id:
            message = f"{message}  CorrelationId:  {uuid.uuid4()}."
        return Json({"error": {"code": code, "message": message}}, status_code=status)
