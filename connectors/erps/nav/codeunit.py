"""Posting by a codeunit that the customer's partner wrote and published as a SOAP service."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from connectors.erps.nav.client import Client, begin_by
from connectors.erps.nav.errors import read_fault
from connectors.errors import NeedsAttention, Rejected, UnexpectedShape
from connectors.kit.soap import Soap, SoapFault
from connectors.records import DocumentKind

_FUNCTIONS = {
    DocumentKind.SALES_INVOICE: "codeunit_invoice",
    DocumentKind.CREDIT_MEMO: "codeunit_credit_memo",
}


class Codeunit:
    """A service at ``{address}/WS/{company}/Codeunit/{name}``, described by its own WSDL."""

    def __init__(self, client: Client, values: Mapping[str, str]) -> None:
        self._client = client
        self._values = values
        self._soap: Soap | None = None

    def forget(self) -> None:
        self._soap = None

    def post(self, kind: DocumentKind, number: str) -> None:
        """Post the draft with this number. The number that comes back is not relied on: the posted
        document is read."""
        self._client.check_settings()
        parameter = self._values.get("codeunit_parameter", "")
        try:
            self._service().write(
                self._values.get(_FUNCTIONS[kind], ""),
                begin_by(),
                purpose="post the document",
                **{parameter: number},
            )
        except SoapFault as fault:
            raise read_fault(fault.where, fault.code, fault.text) from fault

    def prove(self) -> tuple[str, ...]:
        """The functions of the settings, if the description of the service knows them with their
        parameter. Raises ConnectorError."""
        self._client.check_settings()
        names = tuple(self._values.get(setting, "") for setting in _FUNCTIONS.values())
        parameter = self._values.get("codeunit_parameter", "")
        for name in names:
            try:
                self._service().envelope(name, **{parameter: "0"})
            except (Rejected, UnexpectedShape, ValueError, TypeError) as error:
                self.forget()
                raise NeedsAttention(
                    f"codeunit: {error}"[:400],
                    reason=f"The codeunit “{self._values['codeunit']}” is not published, or has no "
                    f"function {name} with the parameter {parameter}.",
                    advice="Have the partner publish it under Web Services, or correct the names "
                    "in the connection's settings.",
                    vendor_words=getattr(error, "vendor_words", ""),
                    code="settings",
                ) from error
        return names

    def _service(self) -> Soap:
        if self._soap is None:
            address = self._values.get("soap_url", "")
            if not address:
                raise NeedsAttention(
                    "no SOAP address",
                    reason="Posting by codeunit needs the SOAP address.",
                    advice="Enter it in the connection's settings; its usual port is 7047.",
                    code="settings",
                )
            company = f"/WS/{quote(self._client.company, safe='')}"
            tenant = self._values.get("tenant", "")
            more = f"?tenant={quote(tenant, safe='')}" if tenant else ""
            page = f"{company}/Codeunit/{self._values['codeunit']}{more}"
            # A name that is wrong is then told by the service, not by the sign-in.
            http = self._client.open(address, f"{company}/services{more}", accept="text/xml")
            self._soap = Soap(http, wsdl=page, address=page)
        return self._soap
