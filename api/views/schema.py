"""The description of the API: for programs as OpenAPI, for people as a page without scripts."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import Any

import yaml
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import condition, require_safe
from drf_spectacular.generators import SchemaGenerator

JSON_TYPE = "application/vnd.oai.openapi+json"
YAML_TYPE = "application/vnd.oai.openapi"


@lru_cache(maxsize=1)
def described() -> dict[str, Any]:
    """The schema; the same for every tenant and as long as the process runs."""
    generator: Any = SchemaGenerator
    return dict(generator(api_version="1").get_schema(request=None, public=True))


@lru_cache(maxsize=2)
def _written(as_yaml: bool) -> tuple[str, str]:
    """(text, its ETag)."""
    plain = json.dumps(described(), indent=1, ensure_ascii=False)
    text = (
        yaml.safe_dump(json.loads(plain), sort_keys=False, allow_unicode=True) if as_yaml else plain
    )
    return text, f'"{hashlib.sha256(text.encode()).hexdigest()[:20]}"'


def _wants_yaml(request: HttpRequest) -> bool:
    wanted = request.GET.get("format", "")
    return wanted == "yaml" or (not wanted and "yaml" in request.headers.get("Accept", ""))


def _etag(request: HttpRequest) -> str:
    return _written(_wants_yaml(request))[1]


@require_safe
@condition(etag_func=_etag)
def schema(request: HttpRequest) -> HttpResponse:
    """OpenAPI as JSON, or as YAML with ``?format=yaml``. It is the same for everybody and names
    nothing of a tenant, so nobody is asked to sign in."""
    as_yaml = _wants_yaml(request)
    kind = YAML_TYPE if as_yaml else JSON_TYPE
    answer = HttpResponse(_written(as_yaml)[0], content_type=f"{kind}; charset=utf-8")
    answer["Cache-Control"] = "no-cache"
    answer["Vary"] = "Accept"
    return answer


@lru_cache(maxsize=1)
def _operations() -> list[dict[str, Any]]:
    """The schema's operations as the page shows them."""
    found = []
    for path, methods in described()["paths"].items():
        for method, operation in methods.items():
            good = operation["responses"]["200"]
            found.append(
                {
                    "id": operation["operationId"],
                    "method": method.upper(),
                    "path": path,
                    "summary": operation.get("summary", ""),
                    "description": operation.get("description", ""),
                    "parameters": operation.get("parameters", []),
                    "body": _shown(operation.get("requestBody")),
                    "answer": _shown(good),
                }
            )
    return found


def _shown(part: dict[str, Any] | None) -> dict[str, Any] | None:
    """A body's fields and an example of it."""
    if not part:
        return None
    schema = part["content"]["application/json"]["schema"]
    named = _resolved(schema)
    is_list = "results" in named.get("properties", {})
    if is_list:
        named = _resolved(named["properties"]["results"]["items"])
    return {
        "is_list": is_list,
        "fields": [
            {"name": name, "description": info.get("description", "")}
            for name, info in named.get("properties", {}).items()
        ],
        "example": json.dumps(named["examples"][0], indent=2, ensure_ascii=False),
    }


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    return described()["components"]["schemas"][name] if name else schema


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """Every operation with its filters, fields and an example."""
    return render(
        request,
        "api/docs.html",
        {"operations": _operations(), "about": described()["info"]["description"]},
    )
