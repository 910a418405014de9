"""XML of the web service: reading by declared order, writing, and the WSDL."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any

from lxml import etree

from sandbox.gp.soap_types import (
    DYNAMICS,
    ENUM_SPACES,
    ENUMS,
    GP,
    GUIDS,
    OPERATIONS,
    SECURITY,
    SIMPLE,
    TYPES,
    Element,
    Operation,
    derives,
    members,
)

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
XSD = "http://www.w3.org/2001/XMLSchema"
WSDL = "http://schemas.xmlsoap.org/wsdl/"
WSDL_SOAP = "http://schemas.xmlsoap.org/wsdl/soap/"
PREFIXES = {"gp": GP, "dyn": DYNAMICS, "sec": SECURITY, "guid": GUIDS, "xsd": XSD}
SPACES = {space: prefix for prefix, space in PREFIXES.items()}
Value = dict[str, Any]


class Unreadable(ValueError):
    """A message that the service's own deserializer does not take."""


def read_envelope(raw: bytes) -> tuple[Operation, Value]:
    """The operation that is asked for and its parameters. Raises Unreadable."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(raw, parser)
    except (etree.XMLSyntaxError, ValueError) as problem:
        raise Unreadable(str(problem)) from problem
    body = root.find(f"{{{SOAP}}}Body")
    if root.tag != f"{{{SOAP}}}Envelope" or body is None or len(body) != 1:
        raise Unreadable("not a SOAP 1.1 envelope with one body element")
    name = etree.QName(body[0])
    operation = OPERATIONS.get(name.localname)
    if operation is None or name.namespace != GP:
        raise Unreadable(f"no operation {name.text}")
    return operation, _sequence(body[0], [(GP, each) for each in operation.parameters])


def _sequence(node: Any, declared: list[tuple[str, Element]]) -> Value:
    """Children in the declared order; what is out of its place, or unknown, is passed over."""
    found: Value = {}
    place = 0
    for child in node.iterchildren(tag=etree.Element):
        at = next(
            (
                n
                for n in range(place, len(declared))
                if f"{{{declared[n][0]}}}{declared[n][1].name}" == child.tag
            ),
            None,
        )
        if at is None:
            continue
        element = declared[at][1]
        value = _read(child, element.type)
        if element.mark == "*":
            found.setdefault(element.name, []).append(value)
            place = at
        else:
            found[element.name] = value
            place = at + 1
    return found


def _read(node: Any, name: str) -> Any:
    if node.get(f"{{{XSI}}}nil") in ("true", "1"):
        return None
    if name in SIMPLE or name in ENUMS:
        return _simple(name, "".join(node.itertext()))
    if given := node.get(f"{{{XSI}}}type"):
        prefix, _, local = given.rpartition(":")
        space = node.nsmap.get(prefix or None)
        kind = TYPES.get(local)
        if kind is None or kind.space != space or not derives(local, name):
            raise Unreadable(f"{given} is not a kind of {name}")
        name = local
    elif name == "Amount":
        name = "MoneyAmount"
    value = _sequence(node, members(name))
    if name.startswith("ArrayOf"):
        return next(iter(value.values()), [])
    return value


def _simple(name: str, text: str) -> Any:
    stripped = text.strip()
    if name in ENUMS:
        if stripped not in ENUMS[name]:
            raise Unreadable(f"'{stripped}' is not one of {name}")
        return stripped
    try:
        match name:
            case "int":
                return int(stripped)
            case "decimal":
                return Decimal(stripped)
            case "boolean":
                return {"true": True, "1": True, "false": False, "0": False}[stripped]
            case "dateTime":
                if not re.match(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", stripped):
                    raise ValueError(stripped)
                return stripped
    except (ValueError, KeyError, InvalidOperation) as problem:
        raise Unreadable(f"'{stripped}' is not a {name}") from problem
    return text


def write_answer(operation: Operation, result: Any) -> bytes:
    """The envelope of an answer; a null result has no element."""
    response = etree.Element(f"{{{GP}}}{operation.name}Response", nsmap=_written_spaces())
    if operation.result and result is not None:
        _write(response, GP, f"{operation.name}Result", operation.result, result)
    return _enveloped(response)


def write_fault(code: str, text: str, message: str = "") -> bytes:
    """A fault; ``message`` is the GUID of a validation exception."""
    fault = etree.Element(f"{{{SOAP}}}Fault", nsmap={"soap": SOAP})
    etree.SubElement(fault, "faultcode").text = f"soap:{code}"
    etree.SubElement(fault, "faultstring").text = text
    detail = etree.SubElement(fault, "detail")
    if message:
        etree.SubElement(detail, "Message").text = message
    return _enveloped(fault)


def _written_spaces() -> dict[str | None, str]:
    return {None: GP, "dyn": DYNAMICS, "sec": SECURITY, "xsi": XSI}


def _enveloped(node: Any) -> bytes:
    envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soap": SOAP})
    etree.SubElement(envelope, f"{{{SOAP}}}Body").append(node)
    raw: bytes = etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
    return raw


def _write(parent: Any, space: str, name: str, kind: str, value: Any) -> None:
    node = etree.SubElement(parent, f"{{{space}}}{name}")
    if value is None:
        node.set(f"{{{XSI}}}nil", "true")
        return
    if kind in SIMPLE or kind in ENUMS:
        node.text = _text(value)
        return
    if kind.startswith("ArrayOf"):
        inner = TYPES[kind].own[0]
        for each in value:
            _write(node, TYPES[kind].space, inner.name, inner.type, each)
        return
    real = value.get("__type", "MoneyAmount" if kind == "Amount" else kind)
    if real != kind:
        prefix = "" if TYPES[real].space == GP else f"{SPACES[TYPES[real].space]}:"
        node.set(f"{{{XSI}}}type", f"{prefix}{real}")
    for owner, element in members(real):
        held = value.get(element.name)
        if held is not None or element.mark == "~":
            _write(node, owner, element.name, element.type, held)
        elif element.mark == "":
            raise ValueError(f"{real}.{element.name} is required")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


# WSDL


def wsdl(address: str) -> bytes:
    """Document/literal over SOAP 1.1; a type's members are an ordered sequence."""
    root = etree.Element(
        f"{{{WSDL}}}definitions",
        nsmap={"wsdl": WSDL, "soap": WSDL_SOAP, **PREFIXES},
        name="DynamicsGP",
        targetNamespace=GP,
    )
    types = etree.SubElement(root, f"{{{WSDL}}}types")
    for space in (GUIDS, SECURITY, DYNAMICS, GP):
        types.append(_schema(space))
    for operation in OPERATIONS.values():
        for suffix, element in (
            ("SoapIn", operation.name),
            ("SoapOut", f"{operation.name}Response"),
        ):
            message = etree.SubElement(root, f"{{{WSDL}}}message", name=f"{operation.name}{suffix}")
            etree.SubElement(message, f"{{{WSDL}}}part", name="parameters", element=f"gp:{element}")
    port = etree.SubElement(root, f"{{{WSDL}}}portType", name="DynamicsGPSoap")
    binding = etree.SubElement(
        root, f"{{{WSDL}}}binding", name="DynamicsGPSoap", type="gp:DynamicsGPSoap"
    )
    etree.SubElement(
        binding, f"{{{WSDL_SOAP}}}binding", transport="http://schemas.xmlsoap.org/soap/http"
    )
    for name in OPERATIONS:
        asked = etree.SubElement(port, f"{{{WSDL}}}operation", name=name)
        etree.SubElement(asked, f"{{{WSDL}}}input", message=f"gp:{name}SoapIn")
        etree.SubElement(asked, f"{{{WSDL}}}output", message=f"gp:{name}SoapOut")
        bound = etree.SubElement(binding, f"{{{WSDL}}}operation", name=name)
        etree.SubElement(
            bound, f"{{{WSDL_SOAP}}}operation", soapAction=f"{GP}/{name}", style="document"
        )
        for side in ("input", "output"):
            etree.SubElement(
                etree.SubElement(bound, f"{{{WSDL}}}{side}"), f"{{{WSDL_SOAP}}}body", use="literal"
            )
    service = etree.SubElement(root, f"{{{WSDL}}}service", name="DynamicsGP")
    offered = etree.SubElement(
        service, f"{{{WSDL}}}port", name="DynamicsGPSoap", binding="gp:DynamicsGPSoap"
    )
    etree.SubElement(offered, f"{{{WSDL_SOAP}}}address", location=address)
    raw: bytes = etree.tostring(root, xml_declaration=True, encoding="utf-8", pretty_print=True)
    return raw


def _named(kind: str) -> str:
    if kind == "guid":
        return "guid:guid"
    if kind in SIMPLE:
        return f"xsd:{kind}"
    space = ENUM_SPACES.get(kind, GP) if kind in ENUMS else TYPES[kind].space
    return f"{SPACES[space]}:{kind}"


def _schema(space: str) -> Any:
    schema = etree.Element(
        f"{{{XSD}}}schema", elementFormDefault="qualified", targetNamespace=space, nsmap=PREFIXES
    )
    for other in (GUIDS, SECURITY, DYNAMICS):
        if space in (GP, DYNAMICS) and other != space:
            etree.SubElement(schema, f"{{{XSD}}}import", namespace=other)
    if space == GUIDS:
        pattern = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
        _restriction(schema, "guid", "pattern", (pattern,))
    for name, values in ENUMS.items():
        if ENUM_SPACES.get(name, GP) == space:
            _restriction(schema, name, "enumeration", values)
    for kind in TYPES.values():
        if kind.space != space:
            continue
        outer = etree.SubElement(schema, f"{{{XSD}}}complexType", name=kind.name)
        if kind.abstract:
            outer.set("abstract", "true")
        if kind.base:
            content = etree.SubElement(outer, f"{{{XSD}}}complexContent")
            outer = etree.SubElement(content, f"{{{XSD}}}extension", base=_named(kind.base))
        _elements(outer, kind.own)
    if space == GP:
        for operation in OPERATIONS.values():
            result = Element(f"{operation.name}Result", operation.result, "?")
            for name, elements in (
                (operation.name, operation.parameters),
                (f"{operation.name}Response", (result,) if operation.result else ()),
            ):
                holder = etree.SubElement(schema, f"{{{XSD}}}element", name=name)
                _elements(etree.SubElement(holder, f"{{{XSD}}}complexType"), elements)
    return schema


def _restriction(schema: Any, name: str, facet: str, values: tuple[str, ...]) -> None:
    simple = etree.SubElement(schema, f"{{{XSD}}}simpleType", name=name)
    limits = etree.SubElement(simple, f"{{{XSD}}}restriction", base="xsd:string")
    for value in values:
        etree.SubElement(limits, f"{{{XSD}}}{facet}", value=value)


def _elements(outer: Any, elements: tuple[Element, ...]) -> None:
    sequence = etree.SubElement(outer, f"{{{XSD}}}sequence")
    for element in elements:
        node = etree.SubElement(
            sequence, f"{{{XSD}}}element", name=element.name, type=_named(element.type)
        )
        node.set("minOccurs", "0" if element.mark in ("?", "*") else "1")
        node.set("maxOccurs", "unbounded" if element.mark == "*" else "1")
        if element.mark == "~" or (element.mark == "*" and element.type not in SIMPLE):
            node.set("nillable", "true")
