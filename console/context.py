"""What every console page shows around itself."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from tenants.roles import Role, allows


def console(request: HttpRequest) -> dict[str, Any]:
    role = getattr(request, "role", None)
    return {
        "tenant": getattr(request, "tenant", None),
        "role": role,
        "may_act": allows(role, Role.ACCOUNTANT),
        "may_admin": allows(role, Role.ADMIN),
        "theme": request.COOKIES.get("theme", "auto"),
    }
