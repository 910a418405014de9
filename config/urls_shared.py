"""Addresses that every host has."""

from django.urls import path

from config.health import healthz, readyz
from sync.webhooks import receive

urlpatterns = [
    path("hooks/<str:key>/", receive, name="hook"),
    path("healthz", healthz),
    path("readyz", readyz),
]
