"""Relay sites and agents: to read, and for administrators' tokens to invite and to revoke."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from django.core.exceptions import ValidationError as NotValid
from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.access import acting, only_admins
from api.pages import ByKey
from api.serializers.relay import (
    InvitedSerializer,
    InviteSerializer,
    RelayAgentSerializer,
    RelaySiteSerializer,
)
from connectors.models import RelayAgent, RelaySite
from connectors.relay import services
from connectors.relay.presence import AgentView


class _Live(generics.ListAPIView[Any]):
    """A page of rows, each as it is at this moment."""

    pagination_class = ByKey

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        rows = self.paginate_queryset(self.get_queryset())
        assert rows is not None
        return self.get_paginated_response(self.get_serializer(_shown(rows), many=True).data)


def _shown(rows: Any) -> list[dict[str, Any]]:
    """Sites or agents with what is known of them now, in their order."""
    sites = {view.id: view for view in services.site_views()}
    agents = {agent.id: (agent, site.slug) for site in sites.values() for agent in site.agents}
    found = []
    for row in rows:
        if isinstance(row, RelayAgent):
            if row.pk in agents:  # else it was removed meanwhile
                found.append(_agent(*agents[row.pk]))
        elif view := sites.get(row.pk):
            found.append(
                {
                    **{name: getattr(view, name) for name in ("id", "slug", "name", "is_online")},
                    "created_at": view.created_at,
                    "agents": [agent.key for agent in view.agents],
                    "connections": [connection.slug for connection in view.connections],
                }
            )
    return found


def _agent(view: AgentView, site: str) -> dict[str, Any]:
    return {**{one.name: getattr(view, one.name) for one in fields(view)}, "site": site}


@extend_schema_view(get=extend_schema(summary="List relay sites"))
class RelaySiteList(_Live):
    """Networks of the company's own that relay agents reach, newest first."""

    queryset = RelaySite.objects.all()
    serializer_class = RelaySiteSerializer


@extend_schema_view(get=extend_schema(summary="List relay agents"))
class RelayAgentList(_Live):
    """Every relay agent with its state, as the console shows it, newest first."""

    queryset = RelayAgent.objects.all()
    serializer_class = RelayAgentSerializer


class Invite(APIView):
    """Make an agent and its one-time token. For tokens with the role admin."""

    queryset = RelaySite.objects.all()

    @extend_schema(
        summary="Invite a relay agent", request=InviteSerializer, responses=InvitedSerializer
    )
    def post(self, request: Request, slug: str) -> Response:
        only_admins(request)
        site = get_object_or_404(RelaySite, slug=slug)
        asked = InviteSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        try:
            with acting(request):
                agent, token = services.invite(site, asked.validated_data["name"])
        except NotValid as error:
            raise ValidationError(error.message_dict) from error
        return Response(InvitedSerializer({"token": token, "agent": _one(agent)}).data)


class Revoke(APIView):
    """Refuse an agent from this moment; what it has begun is looked up before anything is sent
    again. Safe to repeat. For tokens with the role admin."""

    queryset = RelayAgent.objects.all()

    @extend_schema(summary="Revoke a relay agent", request=None, responses=RelayAgentSerializer)
    def post(self, request: Request, key: str) -> Response:
        only_admins(request)
        agent = get_object_or_404(RelayAgent, key=key)
        with acting(request):
            services.revoke(agent)
        return Response(RelayAgentSerializer(_one(agent)).data)


def _one(agent: RelayAgent) -> dict[str, Any]:
    for found in _shown([agent]):
        return found
    raise Http404  # removed meanwhile
