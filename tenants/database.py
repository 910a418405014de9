"""The database connection of this thread, with the schema switching that django-tenants adds."""

from __future__ import annotations

from typing import Any

from django.db import connection

# django-tenants adds schema_name, tenant, set_tenant() and set_schema_to_public() at run time.
database: Any = connection
