"""Connections, with their test, and routes: how the tenant is set up, to read."""

from __future__ import annotations

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api import queries
from api.access import acting
from api.pages import ByKey
from api.serializers.connections import (
    ConnectionDetailSerializer,
    ConnectionSerializer,
    LookupRowSerializer,
    PingSerializer,
    RouteDetailSerializer,
    RouteSerializer,
)
from api.throttles import PerToken, PingsPerToken
from connectors import services
from connectors.models import Connection
from sync.models import LookupRow, Route


@extend_schema_view(get=extend_schema(summary="List connections"))
class ConnectionList(generics.ListAPIView[Connection]):
    """Accounts at stores and ERPs, newest first."""

    queryset = Connection.objects.select_related("relay_site").defer(
        "values", "secrets", "hook_secret"
    )
    serializer_class = ConnectionSerializer
    pagination_class = ByKey


@extend_schema_view(get=extend_schema(summary="One connection"))
class ConnectionDetail(generics.RetrieveAPIView[Connection]):
    """With its settings, secrets left out, its last test and its webhooks."""

    queryset = Connection.objects.select_related("relay_site").prefetch_related("subscriptions")
    serializer_class = ConnectionDetailSerializer
    lookup_field = "slug"


class ConnectionPing(APIView):
    """Test the connection now, as it is set up; if it works again, what waited for it goes on. Safe
    to repeat; each test asks the system."""

    queryset = Connection.objects.all()
    throttle_classes = [PerToken, PingsPerToken]

    @extend_schema(summary="Test a connection", request=None, responses=PingSerializer)
    def post(self, request: Request, slug: str) -> Response:
        row = get_object_or_404(Connection, slug=slug)
        with acting(request):
            result = services.ping(row)
        row.refresh_from_db()
        found = {"is_healthy": result.is_healthy, "checks": result.checks, "connection": row}
        return Response(PingSerializer(found).data)


@extend_schema_view(get=extend_schema(summary="List routes"))
class RouteList(generics.ListAPIView[Route]):
    """Stores joined with ERPs, newest first."""

    queryset = Route.objects.select_related("store", "erp")
    serializer_class = RouteSerializer
    pagination_class = ByKey


@extend_schema_view(get=extend_schema(summary="One route"))
class RouteDetail(generics.RetrieveAPIView[Route]):
    """With its settings, field mappings and lookup tables; they are changed in the console."""

    queryset = Route.objects.select_related("store", "erp")
    serializer_class = RouteDetailSerializer
    lookup_field = "slug"


@extend_schema_view(get=extend_schema(parameters=[queries.LookupQuery], summary="List lookup rows"))
class LookupRowList(generics.ListAPIView[LookupRow]):
    """The rows of a route's lookup tables, newest first."""

    queryset = LookupRow.objects.all()
    serializer_class = LookupRowSerializer
    pagination_class = ByKey

    def get_queryset(self) -> QuerySet[LookupRow]:
        asked = queries.read(queries.LookupQuery, self.request)
        return queries.lookup_rows(get_object_or_404(Route, slug=self.kwargs["slug"]), asked)
