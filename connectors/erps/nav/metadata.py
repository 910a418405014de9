"""What a server offers, by its ``$metadata`` (CSDL 4.0): services, fields, lengths, parts, actions.

A page service shows only the fields that are placed on the page, under the names of its controls,
and its line part is called after service and part; both differ from customer to customer.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lxml import etree  # type: ignore[import-untyped]

from connectors.errors import UnexpectedShape
from connectors.kit.odata import decoded

_EDM = "{http://docs.oasis-open.org/odata/ns/edm}"


@dataclass(frozen=True, slots=True)
class Property:
    """One field. ``members`` are an option field's words as they travel, if they are listed."""

    name: str
    type: str
    max_length: int | None = None
    members: tuple[str, ...] = ()

    def member(self, word: str) -> str:
        """The word of an option as the server writes it: ``G/L Account`` may travel as
        ``G_x002F_L_Account``."""
        return next((m for m in self.members if plain(m) == plain(word)), word)


@dataclass(frozen=True, slots=True)
class Service:
    """An entity set with its fields. ``part`` is the name of its lines, "" without any;
    ``actions`` maps a bound action's name in lower case to its full name."""

    name: str
    fields: dict[str, Property]
    part: str = ""
    actions: dict[str, str] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.fields

    def length(self, name: str) -> int | None:
        known = self.fields.get(name)
        return None if known is None else known.max_length


def plain(word: str) -> str:
    """An option's word without the ways in which servers write it: case, underscores, escapes."""
    return " ".join(decoded(word).replace("_", " ").casefold().split())


def read(content: bytes) -> dict[str, Service]:
    """Entity set -> service. Raises UnexpectedShape."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise UnexpectedShape("$metadata", f"is not XML: {error}") from error
    found: dict[str, Service] = {}
    for schema in root.iter(f"{_EDM}Schema"):
        space = schema.get("Namespace", "")
        enums = {
            f"{space}.{kind.get('Name')}": tuple(
                str(member.get("Name")) for member in kind.iter(f"{_EDM}Member")
            )
            for kind in schema.iter(f"{_EDM}EnumType")
        }
        types = {f"{space}.{kind.get('Name')}": kind for kind in schema.iter(f"{_EDM}EntityType")}
        actions = _actions(schema, space)
        for entity_set in schema.iter(f"{_EDM}EntitySet"):
            kind = types.get(str(entity_set.get("EntityType")))
            if kind is None:
                continue
            name = str(entity_set.get("Name"))
            found[name] = Service(
                name,
                {p.name: p for p in (_property(node, enums) for node in _own(kind, "Property"))},
                _part(kind),
                actions.get(str(entity_set.get("EntityType")), {}),
            )
        for service in list(found.values()):
            # Some servers list a page's lines as a service of their own, others as a type only.
            kind = types.get(_part_type(types, service.part)) if service.part else None
            if kind is not None and service.part not in found:
                fields = {p.name: p for p in (_property(n, enums) for n in _own(kind, "Property"))}
                found[service.part] = Service(service.part, fields)
    if not found:
        raise UnexpectedShape("$metadata", "lists no service")
    return found


def _part_type(types: dict[str, etree._Element], part: str) -> str:
    for kind in types.values():
        for node in _own(kind, "NavigationProperty"):
            if node.get("Name") == part:
                return str(node.get("Type", "")).removeprefix("Collection(").removesuffix(")")
    return ""


def _own(node: etree._Element, name: str) -> list[etree._Element]:
    return [child for child in node if child.tag == f"{_EDM}{name}"]


def _property(node: etree._Element, enums: dict[str, tuple[str, ...]]) -> Property:
    length = str(node.get("MaxLength", ""))
    kind = str(node.get("Type", ""))
    return Property(
        str(node.get("Name")),
        kind,
        int(length) if length.isdigit() else None,
        enums.get(kind, ()),
    )


def _part(kind: etree._Element) -> str:
    """The name of the document's lines: the contained collection, the one named as lines are."""
    names = [
        str(node.get("Name"))
        for node in _own(kind, "NavigationProperty")
        if str(node.get("Type", "")).startswith("Collection(")
        and node.get("ContainsTarget", "true") == "true"
    ]
    return next((name for name in names if name.casefold().endswith("lines")), "")


def _actions(schema: etree._Element, space: str) -> dict[str, dict[str, str]]:
    """Entity type -> actions bound to one record of it."""
    found: dict[str, dict[str, str]] = {}
    for action in schema.iter(f"{_EDM}Action"):
        parameters = _own(action, "Parameter")
        if action.get("IsBound") == "true" and parameters:
            name = str(action.get("Name"))
            bound = str(parameters[0].get("Type"))
            found.setdefault(bound, {})[name.casefold()] = f"{space}.{name}"
    return found
