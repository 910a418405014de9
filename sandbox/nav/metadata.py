"""The $metadata of the published page services (CSDL 4.0): names, lengths, parts, actions."""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import quoteattr

from sandbox.business_central.entities import Property
from sandbox.nav.pages import Page
from sandbox.nav.values import OPTIONS, identifier

_TYPES = {
    "text": "Edm.String",
    "code": "Edm.String",
    "decimal": "Edm.Decimal",
    "int": "Edm.Int32",
    "bool": "Edm.Boolean",
    "date": "Edm.Date",
    "instant": "Edm.DateTimeOffset",
    "guid": "Edm.Guid",
    "enum": "Edm.String",
}


def document(
    pages: Iterable[Page], *, escaped: bool, bound: Iterable[str], unbound: Iterable[str]
) -> str:
    """``bound`` names the services that have an action Post; ``unbound`` are codeunit functions."""
    published = list(pages)
    types = "".join(_type(page, published, escaped=escaped) for page in published)
    sets = "".join(_set(page, published) for page in published)
    company = (
        '<EntityType Name="Company"><Key><PropertyRef Name="Name"/></Key>'
        '<Property Name="Name" Type="Edm.String" Nullable="false" MaxLength="30"/>'
        '<Property Name="Evaluation_Company" Type="Edm.Boolean" Nullable="false"/>'
        '<Property Name="Display_Name" Type="Edm.String" MaxLength="250"/>'
        '<Property Name="Id" Type="Edm.Guid" Nullable="false"/>'
        + "".join(
            f"<NavigationProperty Name={quoteattr(p.service)} "
            f'Type={quoteattr(f"Collection(NAV.{p.service})")} ContainsTarget="true"/>'
            for p in published
        )
        + "</EntityType>"
    )
    actions = "".join(
        '<Action Name="Post" IsBound="true"><Parameter Name="bindingParameter" '
        f"Type={quoteattr(f'NAV.{service}')}/></Action>"
        for service in bound
    )
    functions = "".join(
        f"<Action Name={quoteattr(name)}>"
        '<Parameter Name="documentNo" Type="Edm.String" Unicode="false"/>'
        '<ReturnType Type="Edm.String"/></Action>'
        for name in unbound
    )
    imports = "".join(
        f"<ActionImport Name={quoteattr(name)} Action={quoteattr(f'NAV.{name}')}/>"
        for name in unbound
    )
    enums = _enums(published) if escaped else ""
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">'
        '<edmx:DataServices><Schema Namespace="NAV" '
        'xmlns="http://docs.oasis-open.org/odata/ns/edm">'
        f'{enums}{company}{types}{actions}{functions}<EntityContainer Name="NAV">'
        f'<EntitySet Name="Company" EntityType="NAV.Company"/>{sets}{imports}'
        "</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>"
    )


def _type(page: Page, published: list[Page], *, escaped: bool) -> str:
    keys = "".join(f"<PropertyRef Name={quoteattr(name)}/>" for name in page.keys)
    properties = "".join(
        _property(name, field.info, field.inner, name in page.keys, escaped=escaped)
        for name, field in page.fields.items()
    )
    navigation = ""
    if any(other.service == page.part for other in published):
        navigation = (
            f"<NavigationProperty Name={quoteattr(page.part)} "
            f'Type={quoteattr(f"Collection(NAV.{page.part})")} ContainsTarget="true"/>'
        )
    return (
        f"<EntityType Name={quoteattr(page.service)}><Key>{keys}</Key>{properties}{navigation}"
        "</EntityType>"
    )


def _property(name: str, info: Property, inner: str, is_key: bool, *, escaped: bool) -> str:
    kind = _TYPES[info.type]
    if info.type == "enum" and escaped:
        kind = f"NAV.{inner.lstrip('@')}"
    more = ' Nullable="false"' if is_key or info.type not in ("text", "code") else ""
    if info.length:
        more += f' MaxLength="{info.length}"'
    if info.type == "decimal":
        more += ' Scale="Variable"'
    return f"<Property Name={quoteattr(name)} Type={quoteattr(kind)}{more}/>"


def _enums(published: list[Page]) -> str:
    used = {
        field.inner.lstrip("@")
        for page in published
        for field in page.fields.values()
        if field.info.type == "enum"
    }
    return "".join(
        f"<EnumType Name={quoteattr(inner)}>"
        + "".join(
            f"<Member Name={quoteattr(identifier(text))} Value='{value}'/>"
            for value, text in enumerate(OPTIONS[inner].values())
        )
        + "</EnumType>"
        for inner in sorted(used)
    )


def _set(page: Page, published: list[Page]) -> str:
    binding = ""
    if any(other.service == page.part for other in published):
        binding = (
            f"<NavigationPropertyBinding Path={quoteattr(page.part)} "
            f"Target={quoteattr(page.part)}/>"
        )
    return (
        f"<EntitySet Name={quoteattr(page.service)} EntityType="
        f"{quoteattr(f'NAV.{page.service}')}>{binding}</EntitySet>"
    )
