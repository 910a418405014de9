"""The console's addresses, on a tenant's host."""

from django.urls import path

from console.views import connections, people, route_admin, routes, tokens, trail, transfers

app_name = "console"
urlpatterns = [
    path("", transfers.overview, name="overview"),
    path("sign-in/", people.sign_in, name="sign_in"),
    path("sign-out/", people.sign_out, name="sign_out"),
    path("transfers/", transfers.transfers, name="transfers"),
    path("transfers/bulk/", transfers.bulk, name="bulk"),
    path("transfers/send/", transfers.send_order, name="send_order"),
    path("transfers/export.csv", transfers.export_csv, name="csv"),
    path("transfers/<int:pk>/", transfers.transfer, name="transfer"),
    path("transfers/<int:pk>/act/", transfers.act, name="act"),
    path("transfers/<int:pk>/mend/", transfers.mend, name="mend"),
    path("exchanges/<int:pk>/", transfers.exchange, name="exchange"),
    path("connections/", connections.connections, name="connections"),
    path("connections/<slug:slug>/", connections.connection, name="connection"),
    path("connections/<slug:slug>/save/", connections.save, name="connection_save"),
    path("connections/<slug:slug>/ping/", connections.ping, name="connection_ping"),
    path("connections/<slug:slug>/pause/", connections.pause, name="connection_pause"),
    path("connections/<slug:slug>/hooks/", connections.hooks, name="connection_hooks"),
    # After the others, so that a connection may be called “add”: no system is called “save”.
    path("connections/add/<slug:kind>/", connections.add, name="connection_add"),
    path("mappings/", routes.routes, name="routes"),
    path("mappings/new/", route_admin.new, name="route_new"),
    path("mappings/<slug:slug>/pause/", route_admin.pause, name="route_pause"),
    path("mappings/<slug:slug>/rename/", route_admin.rename, name="route_rename"),
    path("mappings/<slug:slug>/save-settings/", routes.save_settings, name="route_settings"),
    path("mappings/<slug:slug>/save-field/", routes.save_mapping, name="mapping_save"),
    path("mappings/<slug:slug>/save-lookup/", routes.save_lookup, name="lookup_save"),
    path("mappings/<slug:slug>/<slug:tab>/", routes.route, name="route"),
    path("people/", people.people, name="people"),
    path("people/add/", people.add, name="person_add"),
    path("people/<int:pk>/", people.change, name="person_change"),
    path("people/tokens/", tokens.tokens, name="tokens"),
    path("people/tokens/add/", tokens.add, name="token_add"),
    path("people/tokens/<int:pk>/revoke/", tokens.revoke, name="token_revoke"),
    path("audit/", trail.trail, name="trail"),
    path("audit/prove/", trail.prove, name="prove"),
    path("audit/export.jsonl", trail.export, name="audit_export"),
]
