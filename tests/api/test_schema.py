"""The schema is valid, says everything, and every operation answers as it says."""

from __future__ import annotations

import json
import re

import jsonschema
import pytest
import yaml
from django.utils import timezone
from openapi_spec_validator import validate

from api.examples import EXAMPLES
from audit import exchanges
from connectors.relay import services as relay
from sync import route_settings
from tenants.roles import Role
from tests.api.conftest import Program, differing, held, make_document, make_transfer, note
from tests.support.flow import TENT

CONFLICT = {
    "conflict": [{"what": "Name", "erp": "Ada King", "store": "Ada Noel"}],
    "value": "two names",
}


@pytest.fixture
def schema(tenant):
    answer = Program().get("/api/schema/")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("application/vnd.oai.openapi+json")
    return answer.json()


def checked(value, part, schema):
    """Refuses what is not as ``part`` of the schema says, fields that it does not name included."""
    whole = {**_strict(part), "components": _strict(schema["components"])}
    validator = jsonschema.Draft202012Validator(
        whole, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    validator.validate(value)


def _strict(part):
    if isinstance(part, dict):
        part = {name: _strict(value) for name, value in part.items()}
        if isinstance(part.get("properties"), dict) and "additionalProperties" not in part:
            part["additionalProperties"] = False
        return part
    return [_strict(one) for one in part] if isinstance(part, list) else part


def answer_of(operation, code, schema):
    response = operation["responses"][str(code)]
    if "$ref" in response:
        response = schema["components"]["responses"][response["$ref"].rpartition("/")[2]]
    (content,) = response["content"].values()
    return content["schema"]


def test_it_is_valid_openapi_and_the_same_as_yaml(schema):
    validate(schema)
    assert schema["openapi"] == "3.1.0"
    written = Program().get("/api/schema/?format=yaml")
    assert yaml.safe_load(written.content) == schema
    assert Program().get("/api/schema/", Accept="application/yaml").content == written.content


def test_it_is_not_sent_again_unchanged(tenant):
    first = Program().get("/api/schema/")
    again = Program().get("/api/schema/", **{"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_every_field_parameter_and_operation_is_described(schema):
    silent = [
        f"{name}.{field}"
        for name, part in schema["components"]["schemas"].items()
        for field, info in part.get("properties", {}).items()
        if not info.get("description")
    ]
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            silent += [f"{method} {path}"] * (not operation.get("summary"))
            silent += [f"{method} {path}"] * (not operation.get("description"))
            silent += [
                f"{path}?{parameter['name']}"
                for parameter in operation.get("parameters", ())
                if parameter["in"] != "path" and not parameter.get("description")
            ]
    assert silent == []


def test_every_example_is_as_the_schema_says(schema):
    parts = schema["components"]["schemas"]
    named = {name for name, part in parts.items() if "properties" in part}
    assert {name for name in named if not name.startswith("Paginated")} - {"Problem"} == set(
        EXAMPLES
    )
    for name, example in EXAMPLES.items():
        checked(example, parts[name], schema)
        assert set(example) == set(parts[name]["properties"]), name
    for field in parts["Problem"]["properties"].values():
        assert "example" in field


def test_every_operation_answers_as_it_says(flow, made, schema):
    program = Program(made[Role.ADMIN].token)
    route_settings.save(flow.route, {"stock_flow": "write"})
    _, posted = flow.carry(lines=[TENT])
    waiting = make_transfer(flow, "90001")
    document = make_document(flow, waiting, total_inc_tax="1.5", currency="GBP")
    differs, difference = differing(flow, "90002")
    note(differs)
    exchanges.store(
        connection_id=flow.erp.pk, method="GET", url="https://erp.example/x", request_headers={},
        request_body=b"", status=None, response_headers={}, response_body=b"", duration_ms=5,
        started_at=timezone.now(), error="no answer", transfer_id=differs.pk,
    )  # fmt: skip
    order, changed = flow.carry(lines=[TENT])
    flow.store_simulator.post(f"orders/{order['id']}/edit", quantity=2)
    from sync.pipelines import work

    work.check_posted(changed.pk)
    changed.refresh_from_db()
    correction = program.get(f"transfers/{changed.pk}/").json()["comparison"]["difference"]
    torn = held(flow, "90005", hold="customer_conflict", record=CONFLICT)
    seen = program.get(f"transfers/{torn.pk}/").json()["conflict"]["seen"]
    site = relay.create_site("Head office")
    agent, _ = relay.invite(site, "Server room 1")
    calls = [
        ("post", "relay-sites/{slug}/invite/", site.slug, {"name": "Server room 2"}),
        ("post", "relay-agents/{key}/revoke/", agent.key, {}),
        ("get", "relay-sites/", None),
        ("get", "relay-agents/", None),
        ("get", "connections/", None),
        ("get", "connections/{slug}/", "ledger", None),
        ("post", "connections/{slug}/ping/", "store", {}),
        ("get", "connections/{slug}/", "store", None),
        ("get", "routes/", None),
        ("get", "routes/{slug}/", "web", None),
        ("get", "routes/{slug}/lookups/", "web", None),
        ("get", "routes/{slug}/schedules/", "web", None),
        ("post", "routes/{slug}/schedules/{flow}/run/", "web", {}),
        ("post", "routes/{slug}/schedules/{flow}/pause/", "web", {}),
        ("post", "routes/{slug}/schedules/{flow}/resume/", "web", {}),
        ("post", "routes/{slug}/backfill/", "web", {"numbers": [posted.number]}),
        ("get", "transfers/", None),
        ("get", "transfers/{id}/", posted.pk, None),
        ("get", "transfers/{id}/", differs.pk, None),
        ("get", "transfers/{id}/", changed.pk, None),
        ("get", "transfers/{id}/", torn.pk, None),
        ("post", "transfers/{id}/choose-side/", torn.pk, {"side": "store", "seen": seen}),
        ("post", "transfers/{id}/accept-difference/", differs.pk, {"difference": difference}),
        ("post", "transfers/{id}/post-correction/", changed.pk, {"difference": correction}),
        ("post", "transfers/{id}/release/", held(flow, "90003").pk, {}),
        ("post", "transfers/{id}/replay/", posted.pk, {}),
        ("post", "transfers/{id}/skip/", held(flow, "90004").pk, {"reason": "Staff order."}),
        ("get", "documents/", None),
        ("get", "documents/{id}/", document.pk, None),
        ("get", "audit/", None),
        ("get", "reconciliation/", None),
    ]
    done = set()
    for method, path, *more in calls:
        *keys, body = more
        address = (re.sub("{(slug|id|key)}", str(keys[0]), path) if keys else path).replace(
            "{flow}", "stock"
        )
        operation = schema["paths"][f"/api/v1/{path}"][method]
        answer = program.call(method, address, body)
        assert answer.status_code == 200, (path, answer.content)
        if "results" in answer.json():
            assert answer.json()["results"], path
        checked(answer.json(), answer_of(operation, 200, schema), schema)
        done.add(operation["operationId"])
        assert answer["Cache-Control"] == "no-store"
        refused = Program().call(method, address, body)
        checked(refused.json(), answer_of(operation, 401, schema), schema)
        if keys:
            nowhere = re.sub("{(slug|key|flow)}", "nil", path).replace("{id}", "0")
            lost = program.call(method, nowhere, body)
            assert lost.status_code == 404, path
            checked(lost.json(), answer_of(operation, 404, schema), schema)
        if any(parameter["in"] == "query" for parameter in operation.get("parameters", ())):
            name = operation["parameters"][0]["name"]
            wrong = program.get(f"{address}?{name}={'9' * 400}")
            assert wrong.status_code == 400, path
            checked(wrong.json(), answer_of(operation, 400, schema), schema)
    every = {one["operationId"] for methods in schema["paths"].values() for one in methods.values()}
    assert done == every


def test_only_acts_need_more_than_a_sign_in(schema):
    for methods in schema["paths"].values():
        for method, operation in methods.items():
            names = {name for one in operation["security"] for name in one}
            assert names == ({"token", "console"} if method == "get" else {"token"})


def test_the_page_for_people_shows_every_operation_and_needs_no_script(schema):
    answer = Program().get("/api/docs/")
    page = answer.content.decode()
    assert answer.status_code == 200
    for path, methods in schema["paths"].items():
        for operation in methods.values():
            assert path in page
            assert operation["summary"] in page
    assert "<script>" not in page
    assert "style=" not in page
    assert "'unsafe-inline'" not in answer["Content-Security-Policy"]
    assert json.dumps(EXAMPLES["Document"], indent=2)[:20].replace('"', "&quot;") in page
