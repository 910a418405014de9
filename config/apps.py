"""Django app configuration of the project itself."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class ProjectConfig(AppConfig):
    """Commands and checks that need the whole product."""

    name = "config"
    default = True


class OperatorAdminConfig(AdminConfig):
    """Django admin for operators, on the public host only."""

    default_site = "unfold.sites.UnfoldAdminSite"
    default = False
