"""The metadata document: types, keys, enumerations, entity sets, two actions."""

from __future__ import annotations

from functools import cache
from xml.sax.saxutils import quoteattr

from sandbox.finance_operations.shapes import ENUMS, NAMESPACE, SHAPES, Shape, edm


def document(collections: list[str]) -> str:
    return _document(tuple(collections))


@cache
def _document(collections: tuple[str, ...]) -> str:
    shapes = [SHAPES[name] for name in collections]
    sets = "".join(
        f'<EntitySet Name={quoteattr(shape.collection)} EntityType="{NAMESPACE}.{shape.entity}"/>'
        for shape in shapes
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">'
        f'<edmx:DataServices><Schema Namespace="{NAMESPACE}" '
        'xmlns="http://docs.oasis-open.org/odata/ns/edm">'
        + "".join(_enum(name, members) for name, members in ENUMS.items())
        + "".join(_type(shape) for shape in shapes)
        + _action("getSetDisplayValue", "DimensionSet")
        + f'<EntityContainer Name="Resources">{sets}</EntityContainer>'
        "</Schema></edmx:DataServices></edmx:Edmx>"
    )


def _enum(name: str, members: tuple[str, ...]) -> str:
    listed = "".join(f'<Member Name="{m}" Value="{at}"/>' for at, m in enumerate(members))
    return f'<EnumType Name="{name}">{listed}</EnumType>'


def _type(shape: Shape) -> str:
    keys = "".join(f'<PropertyRef Name="{name}"/>' for name in shape.keys)
    properties = ""
    for name, kind in shape.properties.items():
        # Only texts and enumerations that are no key may be null in the declared type.
        must = name in shape.keys or (kind != "text" and kind not in ENUMS)
        nullable = ' Nullable="false"' if must else ""
        properties += f'<Property Name="{name}" Type="{edm(kind)}"{nullable}/>'
    if shape.lines:
        line = SHAPES[shape.lines].entity
        properties += (
            f'<NavigationProperty Name="{shape.lines}" Type="Collection({NAMESPACE}.{line})"/>'
        )
    return f'<EntityType Name="{shape.entity}"><Key>{keys}</Key>{properties}</EntityType>'


def _action(name: str, entity: str) -> str:
    return (
        f'<Action Name="{name}" IsBound="true">'
        f'<Parameter Name="bindingParameter" Type="Collection({NAMESPACE}.{entity})"/>'
        '<Parameter Name="_attributeNames" Type="Collection(Edm.String)"/>'
        '<Parameter Name="_attributeValues" Type="Collection(Edm.String)"/>'
        '<ReturnType Type="Edm.String"/></Action>'
    )
