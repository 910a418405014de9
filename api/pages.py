"""Lists a page at a time, by key: what is added or changed meanwhile moves no row to another page."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

PAGE = 50
MOST = 200
MOST_CHARACTERS = 200
_BIGGEST_KEY = 2**63 - 1


class ByKey(BasePagination):
    """Newest first, by id; views with ``by_change(request)`` go by the moment of the last change,
    oldest first, so that a program that follows them never has one slip past.

    ``next`` is the whole address of the page after, null on the last one. Its cursor says how the
    list is ordered and after which row to go on; it is good for as long as you like.
    """

    def paginate_queryset(  # type: ignore[override]
        self, queryset: QuerySet[Any], request: Request, view: Any = None
    ) -> list[Any]:
        self.request = request
        self.by_change = bool(getattr(view, "by_change", lambda request: False)(request))
        size = self._size(request.query_params.get("page_size", ""))
        cursor = request.query_params.get("cursor", "")
        rows = queryset.order_by("updated_at", "pk") if self.by_change else queryset.order_by("-pk")
        if cursor:
            rows = rows.filter(self._after(cursor))
        page = list(rows[: size + 1])
        self.last = page[size - 1] if len(page) > size else None
        return page[:size]

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self._next(), "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["next", "results"],
            "properties": {
                "next": {
                    "type": ["string", "null"],
                    "format": "uri",
                    "description": "Address of the page after this one; null on the last page.",
                    "example": "https://acme.connector.example/api/v1/transfers/?cursor=WzQ3MTFd",
                },
                "results": {**schema, "description": "The rows of this page."},
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            {
                "name": "cursor",
                "in": "query",
                "required": False,
                "description": "Where the page before ended; taken from its “next”.",
                "schema": {"type": "string"},
            },
            {
                "name": "page_size",
                "in": "query",
                "required": False,
                "description": "Rows of a page.",
                "schema": {"type": "integer", "minimum": 1, "maximum": MOST, "default": PAGE},
            },
        ]

    def _size(self, text: str) -> int:
        if not text:
            return PAGE
        if text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= MOST:
            return int(text)
        raise ValidationError({"page_size": f"A whole number from 1 to {MOST}."})

    def _next(self) -> str | None:
        if self.last is None:
            return None
        key: list[Any] = [self.last.pk]
        if self.by_change:
            key.insert(0, self.last.updated_at.isoformat())
        text = base64.urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode())
        return replace_query_param(
            self.request.build_absolute_uri(), "cursor", text.decode().rstrip("=")
        )

    def _after(self, cursor: str) -> Q:
        problem = ValidationError(
            {"cursor": "This cursor is not one of this list. Take it from “next”, as it is."}
        )
        if len(cursor) > MOST_CHARACTERS:
            raise problem
        try:
            text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            key = json.loads(text)
            if self.by_change:
                moment, pk = datetime.fromisoformat(key[0]), key[1]
            else:
                moment, (pk,) = None, key
        except (binascii.Error, ValueError, TypeError, LookupError):
            raise problem from None
        if type(pk) is not int or not 0 <= pk <= _BIGGEST_KEY:
            raise problem
        if moment is None:
            return Q(pk__lt=pk)
        if moment.tzinfo is None:
            raise problem
        return Q(updated_at__gt=moment) | Q(updated_at=moment, pk__gt=pk)
