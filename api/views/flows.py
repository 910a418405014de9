"""Flows of master data, to read, run and pause, and orders of the past."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError as NotValid
from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.access import acting, only_admins
from api.pages import ByKey
from api.problems import Conflict
from api.serializers.flows import (
    BackfillSerializer,
    PlanSerializer,
    RunSerializer,
    ScheduleSerializer,
)
from api.throttles import PerToken, PingsPerToken
from connectors import services
from connectors.errors import ConnectorError, NeedsAttention
from sync import backfill, schedules
from sync.models import FlowSchedule, Route

LONGEST = timedelta(days=31)


@extend_schema_view(get=extend_schema(summary="List the flows of a route"))
class ScheduleList(generics.ListAPIView[FlowSchedule]):
    """Items, prices, stock and customers: when each runs and how its last run fared."""

    queryset = FlowSchedule.objects.select_related("route__store", "route__erp")
    serializer_class = ScheduleSerializer
    pagination_class = ByKey

    def get_queryset(self) -> QuerySet[FlowSchedule]:
        route = get_object_or_404(Route, slug=self.kwargs["slug"])
        return super().get_queryset().filter(route=route)


class FlowAct(APIView):
    """An act on one flow of a route. Raises Http404 for one that is off."""

    queryset = FlowSchedule.objects.all()

    def row(self, slug: str, flow: str) -> FlowSchedule:
        row = get_object_or_404(
            FlowSchedule.objects.select_related("route__store", "route__erp"),
            route__slug=slug,
            flow=flow,
        )
        if row.flow not in schedules.wanted(row.route):
            raise Http404
        return row

    def answer(self, row: FlowSchedule) -> Response:
        row.refresh_from_db()
        return Response(ScheduleSerializer(row).data)


class Run(FlowAct):
    """Read the ERP at once and write what differs. Safe to repeat: one run at a time."""

    @extend_schema(summary="Run a flow now", request=RunSerializer, responses=ScheduleSerializer)
    def post(self, request: Request, slug: str, flow: str) -> Response:
        row = self.row(slug, flow)
        asked = RunSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        from_the_start = bool(asked.validated_data["from_the_start"])
        if row.is_paused:
            raise Conflict("It is paused. Resume it first.")
        if from_the_start and row.lease_until is not None and row.lease_until > timezone.now():
            raise Conflict("It is being read just now. Ask again when it is done.")
        with acting(request):
            schedules.run_now(row, from_the_start=from_the_start)
        return self.answer(row)


class Pause(FlowAct):
    """Nothing of this flow is written until it is resumed. For tokens with the role admin."""

    @extend_schema(summary="Pause a flow", request=None, responses=ScheduleSerializer)
    def post(self, request: Request, slug: str, flow: str) -> Response:
        return self.answer(_set_paused(request, self.row(slug, flow), True))


class Resume(FlowAct):
    """Let a paused flow run by its schedule again. For tokens with the role admin."""

    @extend_schema(summary="Resume a flow", request=None, responses=ScheduleSerializer)
    def post(self, request: Request, slug: str, flow: str) -> Response:
        return self.answer(_set_paused(request, self.row(slug, flow), False))


def _set_paused(request: Request, row: FlowSchedule, paused: bool) -> FlowSchedule:
    only_admins(request)
    if row.is_paused != paused:
        with acting(request):
            schedules.set_paused(row, paused)
    return row


class Backfill(APIView):
    """Have orders of the past fetched, by when they were placed or changed, or by their numbers.
    What is known is left alone, and nothing is booked twice. It says what it would do unless
    dry_run is false."""

    queryset = Route.objects.all()
    throttle_classes = [PerToken, PingsPerToken]

    @extend_schema(
        summary="Fetch past orders", request=BackfillSerializer, responses=PlanSerializer
    )
    def post(self, request: Request, slug: str) -> Response:
        route = get_object_or_404(Route.objects.select_related("store", "erp"), slug=slug)
        form = BackfillSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        asked = dict(form.validated_data)
        if not route.is_active:
            raise Conflict("The route is paused. Resume it first.")
        plan = _plan(route, asked)
        fetched = 0
        if not asked["dry_run"]:
            with acting(request):
                fetched = backfill.carry_out(route, plan)
        found = {
            "fresh": plan.fresh,
            "known": plan.known,
            "too_old": plan.too_old,
            "fetched": fetched,
            "dry_run": asked["dry_run"],
        }
        return Response(PlanSerializer(found).data)


def _plan(route: Route, asked: dict[str, Any]) -> backfill.Plan:
    """Raises ValidationError by field, and Conflict while the store cannot be asked."""
    try:
        if "numbers" in asked:
            return backfill.plan_numbers(route, asked["numbers"])
        if asked["until"] - asked["since"] > LONGEST:
            raise NotValid({"until": f"At most {LONGEST.days} days after since."})
        return backfill.plan_range(route, asked["since"], asked["until"])
    except NotValid as error:
        raise ValidationError(error.message_dict) from error
    except ConnectorError as error:
        if isinstance(error, NeedsAttention) and error.source == str(route.store.pk):
            services.report_problem(route.store, error)
        raise Conflict(f"The store cannot be asked now. {error.reason}") from error
