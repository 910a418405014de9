"""The $metadata of the API: entity sets, object types and the actions that are there."""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

from sandbox.nav.rest_entities import DOCUMENTS, Entity, Part

_TYPES = {
    "text": "Edm.String",
    "code": "Edm.String",
    "currency": "Edm.String",
    "status": "Edm.String",
    "enum": "Edm.String",
    "decimal": "Edm.Decimal",
    "int": "Edm.Int32",
    "bool": "Edm.Boolean",
    "date": "Edm.Date",
    "instant": "Edm.DateTimeOffset",
    "guid": "Edm.Guid",
    "ref": "Edm.Guid",
    "postal": "Microsoft.NAV.postaladdresstype",
    "unit": "Microsoft.NAV.unitofmeasuretype",
    "coded": "Microsoft.NAV.codedtype",
    "details": "Microsoft.NAV.documentlineobjectdetailstype",
}
_COMPLEX = {
    "postaladdresstype": ("street", "city", "state", "countryLetterCode", "postalCode"),
    "unitofmeasuretype": ("code", "displayName", "symbol"),
    "codedtype": ("code", "description"),
    "documentlineobjectdetailstype": ("number", "displayName"),
}
_ACTIONS = {
    "salesInvoices": ("post", "cancel", "makeCorrectiveCreditMemo"),
    "salesCreditMemos": ("post",),
    "salesOrders": ("shipAndInvoice",),
}


def document(sets: dict[str, Entity], *, actions: bool) -> str:
    complexes = "".join(
        f"<ComplexType Name={quoteattr(name)}>"
        + "".join(f'<Property Name="{part}" Type="Edm.String"/>' for part in parts)
        + "</ComplexType>"
        for name, parts in _COMPLEX.items()
    )
    types = "".join(_type(name, entity) for name, entity in sets.items())
    bound = "".join(
        f'<Action Name="{action}" IsBound="true"><Parameter Name="bindingParameter" '
        f'Type="Microsoft.NAV.{_singular(name)}"/></Action>'
        for name, names in _ACTIONS.items()
        for action in names
        if actions
    )
    containers = "".join(
        f'<EntitySet Name="{name}" EntityType="Microsoft.NAV.{_singular(name)}"/>' for name in sets
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">'
        '<edmx:DataServices><Schema Namespace="Microsoft.NAV" '
        f'xmlns="http://docs.oasis-open.org/odata/ns/edm">{complexes}{types}{bound}'
        f'<EntityContainer Name="default">{containers}</EntityContainer></Schema>'
        "</edmx:DataServices></edmx:Edmx>"
    )


def _type(name: str, entity: Entity) -> str:
    keys = ["id"] if "id" in entity else ["documentId", "sequence"]
    key = "".join(f'<PropertyRef Name="{part}"/>' for part in keys)
    properties = "".join(_property(prop, part) for prop, part in entity.items())
    lines = DOCUMENTS.get(name, ("", "", ""))[2]
    navigation = (
        f'<NavigationProperty Name="{lines}" Type="Collection(Microsoft.NAV.{_singular(lines)})" '
        'ContainsTarget="true"/>'
        if lines
        else ""
    )
    return (
        f'<EntityType Name="{_singular(name)}"><Key>{key}</Key>{properties}{navigation}'
        "</EntityType>"
    )


def _property(name: str, part: Part) -> str:
    length = f' MaxLength="{part.length}"' if part.length else ""
    return f'<Property Name="{name}" Type="{_TYPES[part.kind]}"{length}/>'


def _singular(name: str) -> str:
    if name.endswith("ies"):
        return f"{name[:-3]}y"
    return name.removesuffix("s")
