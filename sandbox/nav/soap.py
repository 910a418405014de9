"""SOAP services: the list of services, the companies, and the partner's posting codeunit.

The codeunit's WSDL names everything a client needs; its namespace is
``urn:microsoft-dynamics-schemas/codeunit/{service}``.
"""

from __future__ import annotations

from urllib.parse import quote, unquote
from xml.sax.saxutils import escape, quoteattr

from lxml import etree
from starlette.requests import Request
from starlette.responses import Response

from sandbox.business_central.odata import BadRequest
from sandbox.nav.company import Company
from sandbox.nav.instance import Instance

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
SYSTEM = "urn:microsoft-dynamics-schemas/nav/system/"
_XML = "text/xml; charset=utf-8"
# The exception class behind each error code, as a fault's code names it.
_CLASSES = {
    "Application_FieldValidationException": "NavTestFieldException",
    "Application_DialogException": "NavNCLDialogException",
    "Application_CallbackNotAllowed": "NavNCLCallbackNotAllowedException",
    "Internal_RecordNotFound": "NavRecordNotFoundException",
    "Internal_DataNotFoundFilter": "NavNCLDataNotFoundException",
    "Internal_InvalidTableRelation": "NavValidateException",
}


class Codeunits:
    def __init__(self, instance: Instance) -> None:
        self.instance = instance

    @property
    def namespace(self) -> str:
        return f"urn:microsoft-dynamics-schemas/codeunit/{self.instance.codeunit}"

    async def answer(self, request: Request, raw_path: str) -> Response:
        """``{Company}/Codeunit/{Service}``, ``{Company}/services`` or ``SystemService``."""
        steps = [unquote(step) for step in raw_path.split("/") if step]
        try:
            self.instance.check_tenant(request.query_params.get("tenant", ""))
            if steps == ["SystemService"]:
                return await self._system(request)
            if len(steps) < 2:
                return Response(status_code=404)
            company = self.instance.company(steps[0])
            if steps[1].lower() == "services" and len(steps) == 2:
                return self._services(request, company)
            is_posting = len(steps) == 3 and steps[1].lower() == "codeunit"
            published = self.instance.switches.posting_codeunit
            if not (is_posting and published and steps[2] == self.instance.codeunit):
                name = steps[-1]
                raise BadRequest("Unknown", f'Service "{name}" was not found!', 404)
            if request.method == "GET":
                return Response(self._wsdl(request, company), media_type=_XML)
            return await self._codeunit(request, company)
        except BadRequest as refused:
            return fault(refused)

    def _base(self, request: Request, company: Company) -> str:
        root = str(request.base_url).rstrip("/")
        return f"{root}/{self.instance.name}/WS/{quote(company.name, safe='')}"

    def _services(self, request: Request, company: Company) -> Response:
        base = self._base(request, company)
        addresses = [f"{str(request.base_url).rstrip('/')}/{self.instance.name}/WS/SystemService"]
        if self.instance.switches.posting_codeunit:
            addresses.append(f"{base}/Codeunit/{self.instance.codeunit}")
        refs = "".join(
            f"<contractRef xmlns='http://schemas.xmlsoap.org/disco/scl/' ref={quoteattr(a)}/>"
            for a in addresses
        )
        return Response(
            f"<discovery xmlns='http://schemas.xmlsoap.org/disco/'>{refs}</discovery>",
            media_type=_XML,
        )

    async def _system(self, request: Request) -> Response:
        body = _body(await request.body())
        if body.tag != f"{{{SYSTEM}}}Companies":
            raise BadRequest("Unknown", f"The operation {body.tag} is not known.")
        names = "".join(
            f"<return_value>{escape(name)}</return_value>" for name in self.instance.companies
        )
        return _reply(f"<Companies_Result xmlns={quoteattr(SYSTEM)}>{names}</Companies_Result>")

    async def _codeunit(self, request: Request, company: Company) -> Response:
        body = _body(await request.body())
        namespace, _, operation = body.tag.lstrip("{").rpartition("}")
        if namespace != self.namespace or operation not in self.instance.functions:
            raise BadRequest("Unknown", f"The operation {operation} is not known.")
        number = body.findtext(f"{{{namespace}}}documentNo")
        if number is None:
            raise BadRequest("Unknown", "The parameter documentNo is missing.")
        self.instance.check_permission(writes=True)
        self.instance.check_lock()
        value = self.instance.call(company, operation, number)
        return _reply(
            f"<{operation}_Result xmlns={quoteattr(namespace)}><return_value>{escape(value)}"
            f"</return_value></{operation}_Result>"
        )

    def _wsdl(self, request: Request, company: Company) -> str:
        service, namespace = self.instance.codeunit, self.namespace
        names = self.instance.functions
        elements = "".join(
            f'<element name="{name}"><complexType><sequence><element minOccurs="1" maxOccurs="1" '
            'name="documentNo" type="string"/></sequence></complexType></element>'
            f'<element name="{name}_Result"><complexType><sequence><element minOccurs="1" '
            'maxOccurs="1" name="return_value" type="string"/></sequence></complexType></element>'
            for name in names
        )
        messages = "".join(
            f'<message name="{name}"><part name="parameters" element="tns:{name}"/></message>'
            f'<message name="{name}_Result"><part name="parameters" element="tns:{name}_Result"/>'
            "</message>"
            for name in names
        )
        operations = "".join(
            f'<operation name="{name}"><input name="{name}" message="tns:{name}"/>'
            f'<output name="{name}_Result" message="tns:{name}_Result"/></operation>'
            for name in names
        )
        bindings = "".join(
            f'<operation name="{name}"><operation '
            f'soapAction="{namespace}:{name}" style="document" '
            'xmlns="http://schemas.xmlsoap.org/wsdl/soap/"/>'
            f'<input name="{name}"><body use="literal" '
            'xmlns="http://schemas.xmlsoap.org/wsdl/soap/"/></input>'
            f'<output name="{name}_Result"><body use="literal" '
            'xmlns="http://schemas.xmlsoap.org/wsdl/soap/"/></output></operation>'
            for name in names
        )
        address = f"{self._base(request, company)}/Codeunit/{quote(service)}"
        return (
            '<?xml version="1.0" encoding="utf-8"?>'
            f'<definitions targetNamespace="{namespace}" xmlns:tns="{namespace}" '
            'xmlns="http://schemas.xmlsoap.org/wsdl/">'
            f'<types><schema elementFormDefault="qualified" targetNamespace="{namespace}" '
            f'xmlns="http://www.w3.org/2001/XMLSchema">{elements}</schema></types>{messages}'
            f'<portType name="{service}_Port">{operations}</portType>'
            f'<binding name="{service}_Binding" type="tns:{service}_Port">'
            '<binding transport="http://schemas.xmlsoap.org/soap/http" '
            f'xmlns="http://schemas.xmlsoap.org/wsdl/soap/"/>{bindings}</binding>'
            f'<service name="{service}"><port name="{service}_Port" '
            f'binding="tns:{service}_Binding"><address location={quoteattr(address)} '
            'xmlns="http://schemas.xmlsoap.org/wsdl/soap/"/></port></service></definitions>'
        )


def _body(raw: bytes) -> etree._Element:
    """The first element of the envelope's body. Raises BadRequest."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True)
    try:
        envelope = etree.fromstring(raw, parser)
    except etree.XMLSyntaxError as problem:
        raise BadRequest("Unknown", f"The message is not valid XML: {problem}") from problem
    body = envelope.find(f"{{{ENVELOPE}}}Body")
    if body is None or not len(body) or envelope.getroottree().docinfo.doctype:
        raise BadRequest("Unknown", "The message has no SOAP 1.1 body.")
    return body[0]


def _reply(inner: str, status: int = 200) -> Response:
    return Response(
        f'<Soap:Envelope xmlns:Soap="{ENVELOPE}"><Soap:Body>{inner}</Soap:Body></Soap:Envelope>',
        status,
        media_type=_XML,
    )


def fault(refused: BadRequest) -> Response:
    """A refusal as NAV's SOAP fault: the exception's class in the code, its text in the string."""
    name = _CLASSES.get(refused.code, "NavNCLException")
    text = escape(refused.message)
    return _reply(
        f'<Soap:Fault><faultcode xmlns:a="urn:microsoft-dynamics-schemas/error">'
        f"a:Microsoft.Dynamics.Nav.Types.Exceptions.{name}</faultcode>"
        f'<faultstring xml:lang="en-US">{text}</faultstring><detail><string '
        f'xmlns="http://schemas.microsoft.com/2003/10/Serialization/">{text}</string></detail>'
        "</Soap:Fault>",
        500,
    )
