"""The API's addresses, on a tenant's host, below ``/api/``."""

from django.urls import path

from api.views import flows, relay, schema, setup, trail, transfers

app_name = "api"
urlpatterns = [
    path("schema/", schema.schema, name="schema"),
    path("docs/", schema.docs, name="docs"),
    path("v1/connections/", setup.ConnectionList.as_view(), name="connections"),
    path("v1/connections/<slug:slug>/", setup.ConnectionDetail.as_view(), name="connection"),
    path("v1/connections/<slug:slug>/ping/", setup.ConnectionPing.as_view(), name="ping"),
    path("v1/routes/", setup.RouteList.as_view(), name="routes"),
    path("v1/routes/<slug:slug>/", setup.RouteDetail.as_view(), name="route"),
    path("v1/routes/<slug:slug>/lookups/", setup.LookupRowList.as_view(), name="lookups"),
    path("v1/routes/<slug:slug>/schedules/", flows.ScheduleList.as_view(), name="schedules"),
    path("v1/routes/<slug:slug>/schedules/<slug:flow>/run/", flows.Run.as_view(), name="flow_run"),
    path(
        "v1/routes/<slug:slug>/schedules/<slug:flow>/pause/",
        flows.Pause.as_view(),
        name="flow_pause",
    ),
    path(
        "v1/routes/<slug:slug>/schedules/<slug:flow>/resume/",
        flows.Resume.as_view(),
        name="flow_resume",
    ),
    path("v1/routes/<slug:slug>/backfill/", flows.Backfill.as_view(), name="backfill"),
    path("v1/relay-sites/", relay.RelaySiteList.as_view(), name="relay_sites"),
    path("v1/relay-sites/<slug:slug>/invite/", relay.Invite.as_view(), name="relay_invite"),
    path("v1/relay-agents/", relay.RelayAgentList.as_view(), name="relay_agents"),
    path("v1/relay-agents/<str:key>/revoke/", relay.Revoke.as_view(), name="relay_revoke"),
    path("v1/transfers/", transfers.TransferList.as_view(), name="transfers"),
    path("v1/transfers/<int:pk>/", transfers.TransferDetail.as_view(), name="transfer"),
    path("v1/transfers/<int:pk>/replay/", transfers.Replay.as_view(), name="replay"),
    path("v1/transfers/<int:pk>/release/", transfers.Release.as_view(), name="release"),
    path("v1/transfers/<int:pk>/skip/", transfers.Skip.as_view(), name="skip"),
    path(
        "v1/transfers/<int:pk>/accept-difference/",
        transfers.AcceptDifference.as_view(),
        name="accept_difference",
    ),
    path(
        "v1/transfers/<int:pk>/choose-side/",
        transfers.ChooseSide.as_view(),
        name="choose_side",
    ),
    path(
        "v1/transfers/<int:pk>/post-correction/",
        transfers.PostCorrection.as_view(),
        name="post_correction",
    ),
    path("v1/documents/", transfers.DocumentList.as_view(), name="documents"),
    path("v1/documents/<int:pk>/", transfers.DocumentDetail.as_view(), name="document"),
    path("v1/audit/", trail.EntryList.as_view(), name="audit"),
    path("v1/reconciliation/", trail.Reconciliation.as_view(), name="reconciliation"),
]
