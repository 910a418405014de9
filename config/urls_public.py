"""The public host: the operators' admin."""

from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView

from config.metrics import metrics
from config.urls_shared import urlpatterns as shared

urlpatterns = [
    *shared,
    path("metrics", metrics),
    path("admin/", admin.site.urls),
    path("", RedirectView.as_view(url="/admin/", permanent=False)),
]
