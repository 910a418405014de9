"""Who calls: a program with a token of this tenant, or a person signed in to the console."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from api import tokens
from api.models import ApiToken
from tenants.roles import Role

SCHEME = "Bearer"
NOT_READ = "The Authorization header is “Bearer”, one space and the token."
NOT_KNOWN = "This token is not known here. Tokens belong to one company and its own host name."


@dataclass(frozen=True, slots=True)
class Caller:
    """``kind`` is token or person, ``name`` what the trail says; ``token`` is None for a person."""

    kind: str
    name: str
    role: Role
    token: ApiToken | None = None
    is_authenticated: bool = True

    @property
    def key(self) -> str:
        """What the throttle counts by."""
        return f"{self.kind}:{self.token.pk if self.token else self.name}"


class TokenAuthentication(BaseAuthentication):
    """``Authorization: Bearer mlc_…``. The schema of the host's tenant is searched and no other, so
    that one tenant's token is nothing on another's host."""

    def authenticate(self, request: Request) -> tuple[Caller, ApiToken] | None:
        words = get_authorization_header(request).split()
        if not words:
            return None
        if len(words) != 2 or words[0].lower() != SCHEME.lower().encode():
            raise AuthenticationFailed(NOT_READ)
        row = tokens.recognise(words[1].decode("latin-1"))
        if row is None:
            raise AuthenticationFailed(NOT_KNOWN)
        if row.revoked_at is not None:
            raise AuthenticationFailed(
                f"This token was revoked on {row.revoked_at:%-d %B %Y}. "
                "An administrator can make another in the console."
            )
        if not row.is_valid_at(timezone.now()):
            raise AuthenticationFailed(
                f"This token expired on {row.expires_at:%-d %B %Y}. "
                "An administrator can make another in the console."
            )
        tokens.note_use(row)
        return Caller("token", str(row), Role(row.role), row), row

    def authenticate_header(self, request: Request) -> str:
        return f'{SCHEME} realm="api"'


class ConsoleSession(BaseAuthentication):
    """A person's sign-in to the console. It reads only (``api.access``): a browser sends its
    cookie with whatever a strange page makes it send."""

    def authenticate(self, request: Request) -> tuple[Caller, None] | None:
        inner: Any = request._request
        role = getattr(inner, "role", None)
        if role is None or not inner.user.is_authenticated:
            return None
        return Caller("person", inner.user.get_username(), Role(role)), None
