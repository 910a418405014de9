"""Errors as problem details (RFC 9457), with words that a person can act on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.signals import got_request_exception
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from rest_framework import exceptions, status
from rest_framework.response import Response

log = logging.getLogger("ml_connector.api")
CONTENT_TYPE = "application/problem+json"
TITLES = {
    400: "The request is not right",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Not possible here",
    406: "No such representation",
    409: "Not possible in this state",
    413: "Too large",
    415: "Not a JSON body",
    429: "Too many requests",
    500: "Something went wrong on our side",
}
WORDS = {
    400: "The request cannot be read.",
    401: "Send an API token: Authorization: Bearer mlc_…",
    403: "This is not allowed.",
    404: "There is nothing at this address.",
    405: "This address does not take that method.",
    406: "Answers are JSON.",
    415: "Send the body as application/json.",
    500: "Nothing is lost. Try again; if it stays so, tell the operator of this service.",
}
OWN_WORDS = {
    exceptions.NotAuthenticated: 401,
    exceptions.NotAcceptable: 406,
    exceptions.UnsupportedMediaType: 415,
    exceptions.MethodNotAllowed: 405,
}


class Conflict(exceptions.APIException):
    """The thing is in a state in which this cannot be done. ``more`` is added to the problem."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"

    def __init__(self, words: str, **more: Any) -> None:
        super().__init__(words)
        self.more = more


def problem(code: int, detail: str = "", **more: Any) -> dict[str, Any]:
    """The body of a problem: title and status of its kind, ``detail`` in words."""
    return {
        "type": "about:blank",
        "title": TITLES.get(code, "It did not work"),
        "status": code,
        "detail": detail or WORDS.get(code, "It did not work."),
        **more,
    }


def answer(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's exception handler: every error of a view as a problem."""
    headers: dict[str, str] = {}
    if isinstance(error, Http404):
        body = problem(404, "There is none with this id.")
    elif isinstance(error, PermissionDenied):
        body = problem(403)
    elif isinstance(error, exceptions.ValidationError):
        fields = _fields(error.detail)
        words = " ".join(f"{name}: {text}" if name else text for name, text in fields.items())
        body = problem(400, words, errors=fields)
    elif isinstance(error, exceptions.APIException):
        body, headers = _of(error)
    else:
        log.exception("The API failed.")
        request = context.get("request")
        got_request_exception.send(sender=None, request=getattr(request, "_request", None))
        body = problem(500)
    return Response(body, status=body["status"], headers=headers, content_type=CONTENT_TYPE)


def _of(error: exceptions.APIException) -> tuple[dict[str, Any], dict[str, str]]:
    code = OWN_WORDS.get(type(error))
    detail = "" if code else str(error.detail)
    headers = {}
    if challenge := getattr(error, "auth_header", ""):
        headers["WWW-Authenticate"] = challenge
    wait = getattr(error, "wait", None)
    if wait is not None:
        headers["Retry-After"] = str(max(1, int(wait)))
        detail = f"This token may ask again in {headers['Retry-After']} seconds."
    return problem(error.status_code, detail, **getattr(error, "more", {})), headers


def _fields(detail: Any, name: str = "") -> dict[str, str]:
    """What is wrong by field; the empty name is the request as a whole."""
    if isinstance(detail, dict):
        found: dict[str, str] = {}
        for key, value in detail.items():
            key = "" if key == "non_field_errors" else str(key)
            found |= _fields(value, f"{name}.{key}" if name and key else name or key)
        return found
    if isinstance(detail, list):
        return {name: " ".join(str(part) for part in detail)}
    return {name: str(detail)}


class ProblemMiddleware:
    """Pages that say what went wrong are for browsers: below ``/api/`` they become problems."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not request.path.startswith("/api/"):
            return response
        if response.status_code >= 400 and response.get("Content-Type", "").startswith("text/html"):
            response = JsonResponse(
                problem(response.status_code),
                status=response.status_code,
                content_type=CONTENT_TYPE,
            )
        response.setdefault("Cache-Control", "no-store")
        return response
