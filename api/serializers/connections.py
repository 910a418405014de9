"""Connections and routes: as they are set up, without any secret."""

from __future__ import annotations

from typing import Any

from django.db.models import Count
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from connectors.contract import Verdict
from connectors.models import Connection
from connectors.registry import SYSTEMS
from sync import mapping_rules, route_settings
from sync.lookups import TABLES
from sync.models import LookupRow, Route

WHOSE_MOVE = "Who can do something about it: you, us or vendor; empty where nothing is wrong."


class CheckSerializer(serializers.Serializer[Any]):
    """One thing that a ping proved or found wanting."""

    name = serializers.CharField(help_text="What was looked at.")
    verdict = serializers.ChoiceField(
        [(verdict.value, verdict.value) for verdict in Verdict], help_text="How it came out."
    )
    words = serializers.CharField(help_text="What was found.")
    advice = serializers.CharField(help_text="What to do about it, or empty.")
    whose_move = serializers.CharField(help_text=WHOSE_MOVE)
    code = serializers.CharField(help_text="The same for programs, or empty.")


class ConnectionSerializer(serializers.ModelSerializer[Connection]):
    """One account at one system."""

    slug = serializers.SlugField(help_text="How addresses and routes name it.")
    name = serializers.CharField(help_text="How people call it.")
    kind = serializers.CharField(help_text="The system, such as bigcommerce.")
    role = serializers.ChoiceField([("store", "Store"), ("erp", "ERP")], help_text="Store or ERP.")
    state = serializers.ChoiceField(
        Connection.State.choices,
        help_text="Nothing is sent through a refused or paused connection.",
    )
    state_code = serializers.CharField(help_text="Why it is so, for programs; or empty.")
    state_reason = serializers.CharField(help_text="Why it is so, in words.")
    state_advice = serializers.CharField(help_text="What to do about it.")
    state_at = serializers.DateTimeField(help_text="Since when, UTC.")
    pinged_at = serializers.DateTimeField(
        allow_null=True, help_text="When it was last tested, UTC."
    )
    relay_site = serializers.SlugField(
        source="relay_site.slug",
        default=None,
        allow_null=True,
        help_text="Slug of the relay site that it is reached through; null if directly.",
    )
    sign_in_on_site = serializers.BooleanField(
        help_text="Whether its account is kept by the site's relay agents, and not here."
    )

    class Meta:
        model = Connection
        fields: tuple[str, ...] = (
            "id", "slug", "name", "kind", "role", "state", "state_code", "state_reason",
            "state_advice", "state_at", "pinged_at", "relay_site", "sign_in_on_site",
        )  # fmt: skip
        extra_kwargs = {"id": {"help_text": "Id of the connection here."}}


class SettingSerializer(serializers.Serializer[Any]):
    """One setting. A secret's value is never given."""

    name = serializers.CharField(help_text="Name of the setting.")
    label = serializers.CharField(help_text="As people read it.")  # type: ignore[assignment]
    value = serializers.CharField(
        allow_null=True, help_text="Its value, the default if none was given; null for a secret."
    )
    is_secret = serializers.BooleanField(help_text="Whether its value is kept to itself.")
    is_set = serializers.BooleanField(help_text="Whether somebody gave a value.")


class HooksSerializer(serializers.Serializer[Any]):
    """A webhook registration at the store, as it was last seen there."""

    scope = serializers.CharField(help_text="What it reports, in the store's own words.")
    is_active = serializers.BooleanField(help_text="Whether the store sends it.")
    checked_at = serializers.DateTimeField(help_text="When it was last looked at, UTC.")


class ConnectionDetailSerializer(ConnectionSerializer):
    """One account at one system, with its settings and last test."""

    title = serializers.SerializerMethodField(help_text="The system's full name.")
    facts = serializers.DictField(
        child=serializers.CharField(), help_text="What the last good test found out."
    )
    checks = CheckSerializer(many=True, help_text="The last test.")
    settings = serializers.SerializerMethodField(help_text="Its settings, secrets left out.")
    webhooks = HooksSerializer(
        source="subscriptions", many=True, help_text="Its registrations at the store."
    )

    class Meta(ConnectionSerializer.Meta):
        fields = (
            *ConnectionSerializer.Meta.fields, "title", "facts", "checks", "settings", "webhooks",
        )  # fmt: skip

    def get_title(self, row: Connection) -> str:
        return SYSTEMS[row.kind].title

    @extend_schema_field(SettingSerializer(many=True))
    def get_settings(self, row: Connection) -> list[dict[str, Any]]:
        return [
            {
                "name": setting.name,
                "label": setting.label,
                "value": None
                if setting.is_secret
                else row.values.get(setting.name) or setting.default,
                "is_secret": setting.is_secret,
                "is_set": setting.name in row.secrets_set
                if setting.is_secret
                else bool(row.values.get(setting.name)),
            }
            for setting in SYSTEMS[row.kind].settings
        ]


class PingSerializer(serializers.Serializer[Any]):
    """What a test of the connection found."""

    is_healthy = serializers.BooleanField(help_text="Whether nothing is wrong.")
    checks = CheckSerializer(many=True, help_text="What was looked at, in order.")
    connection = ConnectionSerializer(help_text="The connection as it is now.")


class RouteSerializer(serializers.ModelSerializer[Route]):
    """One store joined with one ERP."""

    slug = serializers.SlugField(help_text="How addresses and job ids name it.")
    name = serializers.CharField(help_text="How people call it.")
    store = serializers.SlugField(source="store.slug", help_text="Slug of the store's connection.")
    erp = serializers.SlugField(source="erp.slug", help_text="Slug of the ERP's connection.")
    prefix = serializers.CharField(help_text="Begins every reference that we write into the ERP.")
    is_active = serializers.BooleanField(help_text="Whether anything moves on it.")
    start_at = serializers.DateTimeField(
        help_text="Orders placed before this instant are left alone, UTC."
    )

    class Meta:
        model = Route
        fields: tuple[str, ...] = (
            "id", "slug", "name", "store", "erp", "prefix", "is_active", "start_at",
        )  # fmt: skip
        extra_kwargs = {"id": {"help_text": "Id of the route here."}}


class MappingSerializer(serializers.Serializer[Any]):
    """One field of the ERP with the rule that fills it."""

    target = serializers.CharField(help_text="customer, invoice, line or payment.")
    field = serializers.CharField(help_text="Name of the ERP's field.")
    label = serializers.CharField(help_text="As people read it.")  # type: ignore[assignment]
    source = serializers.CharField(  # type: ignore[assignment]
        help_text="constant, path or lookup; empty if nothing fills it."
    )
    expression = serializers.CharField(
        help_text="The constant, or a JMESPath expression over the record."
    )
    lookup = serializers.CharField(help_text="The lookup table that the value goes through.")
    default = serializers.CharField(help_text="What stands in where the expression gives nothing.")
    is_builtin = serializers.BooleanField(help_text="Whether nobody has changed it.")


class LookupRowSerializer(serializers.ModelSerializer[LookupRow]):
    """One row of a lookup table: a store's word and the ERP's word for it."""

    table = serializers.CharField(help_text="The lookup table that it is a row of.")
    key = serializers.CharField(help_text="The store's word; compared without case.")
    value = serializers.CharField(help_text="The ERP's word for it.")
    note = serializers.CharField(help_text="A person's remark, or empty.")
    updated_at = serializers.DateTimeField(help_text="When it was last saved, UTC.")
    updated_by = serializers.CharField(help_text="Who saved it last.")

    class Meta:
        model = LookupRow
        fields = ("id", "table", "key", "value", "note", "updated_at", "updated_by")
        extra_kwargs = {"id": {"help_text": "Id of the row."}}


class LookupSerializer(serializers.Serializer[Any]):
    """One lookup table of the route."""

    table = serializers.CharField(help_text="Name of the table.")
    title = serializers.CharField(help_text="As people read it.")
    row_count = serializers.IntegerField(help_text="How many rows it has.")


class RouteDetailSerializer(RouteSerializer):
    """One route with all that is set on it."""

    settings = serializers.SerializerMethodField(help_text="Its settings, defaults included.")
    mappings = serializers.SerializerMethodField(
        help_text="Every field of the ERP, built-in rules included."
    )
    lookups = serializers.SerializerMethodField(help_text="Its lookup tables.")

    class Meta(RouteSerializer.Meta):
        fields = (*RouteSerializer.Meta.fields, "settings", "mappings", "lookups")

    @extend_schema_field(SettingSerializer(many=True))
    def get_settings(self, row: Route) -> list[dict[str, Any]]:
        values = route_settings.values_of(row)
        return [
            {
                "name": setting.name,
                "label": setting.label,
                "value": values.get(setting.name, ""),
                "is_secret": False,
                "is_set": setting.name in row.settings,
            }
            for setting in route_settings.describe(*route_settings.systems_of(row))
        ]

    @extend_schema_field(MappingSerializer(many=True))
    def get_mappings(self, row: Route) -> list[dict[str, Any]]:
        return list(MappingSerializer(mapping_rules.rows(row), many=True).data)

    @extend_schema_field(LookupSerializer(many=True))
    def get_lookups(self, row: Route) -> list[dict[str, Any]]:
        counts = dict(
            row.lookup_rows.order_by()
            .values_list("table")
            .annotate(rows=Count("pk"))
            .values_list("table", "rows")
        )
        return [
            {
                "table": name,
                "title": TABLES[name].title if name in TABLES else name,
                "row_count": counts.get(name, 0),
            }
            for name in (*TABLES, *sorted(set(counts) - set(TABLES)))
        ]
