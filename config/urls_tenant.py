"""A tenant's host: the console, and the API for the tenant's own programs."""

from django.urls import include, path

from config.urls_shared import urlpatterns as shared

urlpatterns = [
    *shared,
    path("api/", include("api.urls")),
    path("", include("console.urls")),
]
handler400 = "console.errors.unreadable"
handler404 = "console.errors.not_found"
handler403 = "console.errors.forbidden"
handler500 = "console.errors.broken"
