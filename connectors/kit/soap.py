"""SOAP over the kit's transport: zeep builds and reads the messages, ``Http`` carries them.

So every message is guarded, budgeted and recorded as all others are, and never repeated. The
description (WSDL) is read from the server once, because the order of elements in it counts.
"""

from __future__ import annotations

import threading
from typing import Any

import requests
from lxml import etree  # type: ignore[import-untyped]
from zeep import Client, Settings
from zeep.exceptions import Error as ZeepError
from zeep.exceptions import Fault, TransportError, XMLSyntaxError
from zeep.transports import Transport
from zeep.wsdl.utils import etree_to_string

from connectors.errors import NeedsAttention, OutcomeUnknown, TryLater, UnexpectedShape
from connectors.kit.http import Http, Reply

# zeep has few annotations.
_NewClient: Any = Client
_written: Any = etree_to_string


class SoapFault(Exception):
    """The server's fault. ``message_id`` is the text of a ``Message`` in its detail, if any."""

    def __init__(self, code: str, text: str, message_id: str, where: str) -> None:
        super().__init__(text)
        self.code, self.text, self.message_id, self.where = code, text, message_id, where


class _Carrier(Transport):
    """zeep's transport, over ``Http``. Nothing is read from files."""

    def __init__(self, http: Http) -> None:
        super().__init__(session=requests.Session())  # type: ignore[no-untyped-call]
        self._http = http
        self.now = threading.local()  # what the call of this thread is for

    def load(self, url: str) -> bytes:
        if not url.startswith(("https://", "http://")):
            raise UnexpectedShape("WSDL", f"refers to {url[:100]}")
        return self._http.request("GET", url, purpose="read the service's description").content

    def post(self, address: str, message: Any, headers: Any) -> requests.Response:
        reply = self._http.request(
            "POST",
            address,
            content=message,
            headers=dict(headers),
            purpose=getattr(self.now, "purpose", ""),
            begin_by=getattr(self.now, "begin_by", None),
            accept=frozenset({500}),
        )
        return _as_response(reply)


class Soap:
    """One SOAP 1.1 service, described at ``wsdl`` and called at ``address`` (both on the host of
    ``http``, whatever host name the description carries)."""

    def __init__(self, http: Http, *, wsdl: str, address: str) -> None:
        self._http = http
        self._wsdl, self._address = f"{http.base_url}{wsdl}", f"{http.base_url}{address}"
        self._carrier = _Carrier(http)
        self._lock = threading.Lock()
        self._client: Any = None
        self._port: Any = None

    def type(self, namespace: str, name: str) -> Any:
        """A type of the description, to build values with. Raises ConnectorError."""
        client = self._ready()
        try:
            return client.get_type(f"{{{namespace}}}{name}")
        except LookupError as error:
            raise UnexpectedShape(f"WSDL.{name}") from error

    def read(self, operation: str, /, *, purpose: str, **arguments: Any) -> Any:
        """Call an operation that changes nothing. Raises SoapFault, ConnectorError."""
        try:
            return self._call(operation, purpose, None, arguments)
        except OutcomeUnknown as error:
            raise TryLater(
                error.detail,
                reason="The system did not answer in time.",
                vendor_words=error.vendor_words,
                code="timeout",
            ) from error
        except _Unreadable as error:
            if error.status == 200:
                raise UnexpectedShape(operation, "was answered with something else") from error
            raise TryLater(str(error), reason="The system has a problem just now.") from error

    def write(
        self, operation: str, begin_by: float | None = None, /, *, purpose: str, **arguments: Any
    ) -> Any:
        """Call an operation that changes something, once. ``begin_by``: see ``Http.request``.
        Raises SoapFault, ConnectorError."""
        try:
            return self._call(operation, purpose, begin_by, arguments)
        except _Unreadable as error:
            raise OutcomeUnknown(str(error)) from error

    def envelope(self, operation: str, /, **arguments: Any) -> str:
        """The message that a call would send."""
        client = self._ready()
        message = client.create_message(self._port, operation, **arguments)
        return str(_written(message).decode())

    def _call(
        self, operation: str, purpose: str, begin_by: float | None, arguments: dict[str, Any]
    ) -> Any:
        self._ready()
        self._carrier.now.purpose, self._carrier.now.begin_by = purpose, begin_by
        where = f"POST {self._address} {operation}"
        try:
            return getattr(self._port, operation)(**arguments)
        except Fault as fault:
            if fault.code is None:
                raise _Unreadable(where, 500) from fault
            raise SoapFault(
                str(fault.code), str(fault.message or ""), _message_of(fault.detail), where
            ) from fault
        except TransportError as error:
            raise _Unreadable(where, int(error.status_code or 0)) from error
        except (XMLSyntaxError, etree.XMLSyntaxError) as error:
            raise _Unreadable(where, 200) from error
        except (AttributeError, TypeError, ZeepError) as error:
            raise UnexpectedShape(f"WSDL.{operation}", f"does not fit: {error}"[:300]) from error

    def _ready(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client, self._port = self._described()
            return self._client

    def _described(self) -> tuple[Any, Any]:
        settings = Settings(strict=True, forbid_dtd=True, forbid_entities=True)
        try:
            client = _NewClient(self._wsdl, transport=self._carrier, settings=settings)
            names = [
                name
                for name, binding in client.wsdl.bindings.items()
                if type(binding).__name__ == "Soap11Binding"
            ]
            return client, client.create_service(names[0], self._address)
        except (ZeepError, etree.LxmlError, IndexError, ValueError) as error:
            raise NeedsAttention(
                f"{self._wsdl}: {type(error).__name__}: {error}"[:400],
                reason="The description of the web service (WSDL) cannot be read.",
                advice="Check the paths of the SOAP service and of its description in the "
                "connection's settings.",
                code="settings",
            ) from error


class _Unreadable(Exception):
    def __init__(self, where: str, status: int) -> None:
        super().__init__(f"{where}: {status}, not a SOAP answer")
        self.status = status


def _message_of(detail: Any) -> str:
    if detail is None or not hasattr(detail, "iter"):
        return ""
    for element in detail.iter():
        if isinstance(element.tag, str) and etree.QName(element).localname == "Message":
            return str(element.text or "").strip()
    return ""


def _as_response(reply: Reply) -> requests.Response:
    response = requests.Response()
    response.status_code = reply.status
    response.headers.update(reply.headers)
    response.encoding = "utf-8"
    response._content = reply.content
    return response
