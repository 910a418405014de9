"""What the schema says beyond what the views and serializers say themselves."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerFieldExtension,
)

from api.examples import EXAMPLES
from api.problems import TITLES

PREFIX = "/api/v1/"
PROBLEM = {
    "type": "object",
    "description": "What went wrong, as problem details (RFC 9457).",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {
            "type": "string",
            "description": "Always about:blank: the status says what kind of problem it is.",
            "example": "about:blank",
        },
        "title": {
            "type": "string",
            "description": "The kind of problem.",
            "example": TITLES[409],
        },
        "status": {"type": "integer", "description": "The HTTP status.", "example": 409},
        "detail": {
            "type": "string",
            "description": "What is wrong and what to do, in words.",
            "example": "Only what is held or has failed can be released; this is posted.",
        },
        "errors": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "What is wrong with which field or filter, where it is about some.",
            "example": {"reason": "This field is required."},
        },
        "difference": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "The difference as it is now, where another one was accepted.",
            "example": {"total": "0.02", "tax": "0.00"},
        },
    },
}


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An API token of this company, made in the console under People.",
        }


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "api.authentication.ConsoleSession"
    name = "console"

    def get_security_requirement(self, auto_schema: Any) -> Any:
        return {self.name: []} if auto_schema.method == "GET" else None

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "ml_session",
            "description": "A sign-in to the console; it reads only.",
        }


class MomentSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    target_class = "api.fields.Moment"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        return {"type": "string", "example": "2026-11-21T08:00:00Z"}


class SeveralSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    target_class = "api.fields.Several"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        names = list(self.target.choices)
        one = "|".join(names)
        return {"type": "string", "pattern": f"^({one})(,({one}))*$", "example": names[0]}


def only_ours(endpoints: list[Any], **more: Any) -> list[Any]:
    return [endpoint for endpoint in endpoints if endpoint[0].startswith(PREFIX)]


def with_problems(result: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Every operation's problems, and an example of every answer and body."""
    components = result["components"]
    components["schemas"]["Problem"] = PROBLEM
    components["responses"] = {
        str(code): {
            "description": TITLES[code],
            "content": {
                "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
            },
        }
        for code in TITLES
        if code != 406 and code != 413
    }
    for path, methods in result["paths"].items():
        for method, operation in methods.items():
            codes = [401, 403, 429, 500]
            codes += [400] if method == "post" or operation.get("parameters") else []
            codes += [404] if "{" in path else []
            codes += [409, 415] if method == "post" and not path.endswith("/ping/") else []
            for code in sorted(codes):
                operation["responses"][str(code)] = {"$ref": f"#/components/responses/{code}"}
    for name, schema in components["schemas"].items():
        if "results" in schema.get("properties", {}):
            schema["properties"]["results"]["description"] = "The rows of this page."
            schema["description"] = "One page of a list."
        if example := EXAMPLES.get(name):
            schema["examples"] = [example]
            for field, info in schema["properties"].items():
                if "$ref" not in info and "example" not in info and "examples" not in info:
                    info["examples"] = [example[field]]
    return result
