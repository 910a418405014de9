"""Transfers, what a program does with them, and their documents."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api import acts, queries
from api.pages import ByKey
from api.serializers.acts import (
    ActSerializer,
    DifferenceSeenSerializer,
    SideSerializer,
    SkipSerializer,
)
from api.serializers.transfers import (
    DocumentSerializer,
    TransferDetailSerializer,
    TransferSerializer,
)
from sync.models import Document, Transfer

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="Your own name for this request, at most 100 characters. Sent again within a day "
    "with the same key, nothing is done and the outcome is told again.",
)


@extend_schema_view(get=extend_schema(parameters=[queries.TransferQuery], summary="List transfers"))
class TransferList(generics.ListAPIView[Transfer]):
    """Newest first; with updated_since the longest unchanged first."""

    queryset = Transfer.objects.all()
    serializer_class = TransferSerializer
    pagination_class = ByKey

    def get_queryset(self) -> QuerySet[Transfer]:
        return queries.transfers(queries.read(queries.TransferQuery, self.request))

    def by_change(self, request: Request) -> bool:
        return "updated_since" in request.query_params


@extend_schema_view(get=extend_schema(summary="One transfer with all that happened to it"))
class TransferDetail(generics.RetrieveAPIView[Transfer]):
    """Its documents, its comparison where both sides disagree, its requests and its audit entries."""

    queryset = queries.transfers({}).defer(None).defer("record", "change")
    serializer_class = TransferDetailSerializer


class TransferAct(APIView):
    """An act on one transfer, for tokens with the role accountant."""

    queryset = Transfer.objects.all()

    def done(self, request: Request, pk: int, name: str, act: acts.Act, **asked: Any) -> Response:
        done = acts.carry_out(request, pk, name, act, **asked)
        row = get_object_or_404(queries.transfers({}), pk=pk)
        return Response(
            ActSerializer(
                {"changed": done.changed, "corrections": done.corrections, "transfer": row}
            ).data
        )


class Replay(TransferAct):
    """Work it again from the start. What is booked is looked up and never booked a second time."""

    @extend_schema(
        summary="Replay a transfer",
        request=None,
        responses=ActSerializer,
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request, pk: int) -> Response:
        return self.done(request, pk, "replay", acts.replay)


class Release(TransferAct):
    """Let a held or failed transfer go again now. One that is on its way already stays as it is."""

    @extend_schema(
        summary="Release a transfer",
        request=None,
        responses=ActSerializer,
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request, pk: int) -> Response:
        return self.done(request, pk, "release", acts.release)


class Skip(TransferAct):
    """Leave it out of the ledger, for a reason that stands in the trail."""

    @extend_schema(
        summary="Skip a transfer",
        request=SkipSerializer,
        responses=ActSerializer,
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request, pk: int) -> Response:
        asked = _read(SkipSerializer, request)
        return self.done(request, pk, "skip", acts.skip(asked["reason"]), **asked)


class AcceptDifference(TransferAct):
    """Accept exactly the difference that you saw, and let the transfer go on. If it is another one
    by now, nothing is done."""

    @extend_schema(
        summary="Accept a difference",
        request=DifferenceSeenSerializer,
        responses=ActSerializer,
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request, pk: int) -> Response:
        seen = _read(DifferenceSeenSerializer, request)["difference"]
        act = acts.accept_difference(seen["total"], seen["tax"])
        return self.done(request, pk, "accept-difference", act, **seen)


class ChooseSide(TransferAct):
    """Of a customer that both sides changed differently, take the fields of one and write the other
    at once. If it is another conflict by now, nothing is done."""

    @extend_schema(
        summary="Choose a side of a conflict",
        request=SideSerializer,
        responses=ActSerializer,
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request, pk: int) -> Response:
        asked = _read(SideSerializer, request)
        act = acts.choose_side(asked["side"], asked["seen"])
        return self.done(request, pk, "choose-side", act, **asked)


class PostCorrection(TransferAct):
    """Have the correction of an order booked that changed after it was booked, if the difference is
    still the one that you saw."""

    @extend_schema(
        summary="Post a correction",
        request=DifferenceSeenSerializer,
        responses=ActSerializer,
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request, pk: int) -> Response:
        seen = _read(DifferenceSeenSerializer, request)["difference"]
        act = acts.post_correction(seen["total"], seen["tax"])
        return self.done(request, pk, "post-correction", act, **seen)


def _read(form: Any, request: Request) -> dict[str, Any]:
    given = form(data=request.data)
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)


@extend_schema_view(get=extend_schema(parameters=[queries.DocumentQuery], summary="List documents"))
class DocumentList(generics.ListAPIView[Document]):
    """Documents in the ERPs, newest first."""

    queryset = Document.objects.all()
    serializer_class = DocumentSerializer
    pagination_class = ByKey

    def get_queryset(self) -> QuerySet[Document]:
        return queries.documents(queries.read(queries.DocumentQuery, self.request))


@extend_schema_view(get=extend_schema(summary="One document"))
class DocumentDetail(generics.RetrieveAPIView[Document]):
    """One document that a transfer intends or made."""

    queryset = Document.objects.defer("draft", "booked")
    serializer_class = DocumentSerializer
