"""The audit trail, and the counts of days."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api import queries
from api.pages import ByKey
from api.serializers.reconciliation import ReconciliationSerializer
from api.serializers.trail import EntrySerializer
from audit.models import Entry


@extend_schema_view(
    get=extend_schema(parameters=[queries.EntryQuery], summary="List audit entries")
)
class EntryList(generics.ListAPIView[Entry]):
    """The append-only trail, newest first."""

    queryset = Entry.objects.all()
    serializer_class = EntrySerializer
    pagination_class = ByKey

    def get_queryset(self) -> QuerySet[Entry]:
        return queries.entries(queries.read(queries.EntryQuery, self.request))


class Reconciliation(APIView):
    """How many transfers came in each day, where they are, what the store says they come to, and
    what the ERP says of their documents."""

    @extend_schema(
        summary="Counts and totals by day",
        parameters=[queries.ReconciliationQuery],
        responses=ReconciliationSerializer,
    )
    def get(self, request: Request) -> Response:
        asked = queries.read(queries.ReconciliationQuery, request)
        found = queries.reconciliation(asked, queries.zone_of(request))
        return Response(ReconciliationSerializer(found).data)
