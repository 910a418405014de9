"""Making, recognising and revoking API tokens."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from api.models import ApiToken
from audit import services as audit
from audit.actions import Action
from tenants.roles import Role

PREFIX = "mlc_"
MOST_CHARACTERS = 200
DAYS = (30, 90, 180, 365)
# The moment of the last use is kept to the minute: not every call is worth a write.
USE_IS_KEPT_FOR = timedelta(minutes=1)
MOST_LETTERS: int = ApiToken._meta.get_field("name").max_length  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Made:
    """A new token's row, and the token itself, which can never be shown again."""

    row: ApiToken
    token: str


def create(*, name: str, role: str, days: str | int, by: str) -> Made:
    """A new token for a program. Raises ValidationError by field (name, role, days)."""
    name = " ".join(name.split())
    errors: dict[str, str] = {}
    if not name:
        errors["name"] = "Name the program that will use it."
    elif len(name) > MOST_LETTERS:
        errors["name"] = f"At most {MOST_LETTERS} characters."
    if role not in Role.values:
        errors["role"] = "Choose a role."
    if str(days) not in map(str, DAYS):
        errors["days"] = "Choose how long it is good for."
    if errors:
        raise ValidationError(errors)
    token = PREFIX + secrets.token_urlsafe(32)
    now = timezone.now()
    try:
        with transaction.atomic():
            row = ApiToken.objects.create(
                name=name,
                role=role,
                digest=digest_of(token),
                hint=token[-4:],
                created_by=by,
                created_at=now,
                expires_at=now + timedelta(days=int(days)),
            )
            audit.record(
                Action.TOKEN_CREATED,
                f"The API token “{name}” (…{row.hint}) was made as {Role(role).label.lower()}, "
                f"good until {row.expires_at:%-d %B %Y}.",
                data={"token": row.pk, "role": role, "expires_at": row.expires_at.isoformat()},
            )
    except IntegrityError:
        raise ValidationError({"name": "There is a token with this name already."}) from None
    return Made(row, token)


def revoke(pk: int, *, by: str) -> ApiToken:
    """End a token at once; the next call with it is refused. Repeating it changes nothing.
    Raises ApiToken.DoesNotExist."""
    with transaction.atomic():
        row = ApiToken.objects.select_for_update().get(pk=pk)
        if row.revoked_at is None:
            row.revoked_at, row.revoked_by = timezone.now(), by
            row.save(update_fields=["revoked_at", "revoked_by"])
            audit.record(
                Action.TOKEN_REVOKED,
                f"The API token “{row.name}” (…{row.hint}) was revoked.",
                data={"token": row.pk, "role": row.role},
            )
    return row


def recognise(token: str) -> ApiToken | None:
    """The row of a token, valid or not; None for one that this tenant never made."""
    if not token.startswith(PREFIX) or len(token) > MOST_CHARACTERS:
        return None
    return ApiToken.objects.filter(digest=digest_of(token)).first()


def note_use(row: ApiToken) -> None:
    now = timezone.now()
    if row.last_used_at is None or row.last_used_at < now - USE_IS_KEPT_FOR:
        ApiToken.objects.filter(
            Q(last_used_at__isnull=True) | Q(last_used_at__lt=now), pk=row.pk
        ).update(last_used_at=now)


def digest_of(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
