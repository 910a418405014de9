"""Programs of the tenant Acme, each with its token, on the real middleware."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client

from api import tokens
from api.models import ApiToken
from audit import services as audit
from audit.actions import Action
from sync.models import Document, State, Transfer
from tenants.context import in_tenant
from tenants.roles import Role


class Program:
    """A program that calls the API of one host; every call comes back into the tenant."""

    def __init__(self, token: str = "", host: str = "acme.localhost") -> None:
        self.token = token
        self.client = Client(SERVER_NAME=host, raise_request_exception=False)

    def call(self, method: str, path: str, data: Any = None, **headers: str) -> Any:
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        before = connection.tenant
        address = path if path.startswith(("/", "http")) else f"/api/v1/{path}"
        more = (
            {} if data is None else {"data": json.dumps(data), "content_type": "application/json"}
        )
        try:
            return getattr(self.client, method)(address, headers=headers, **more)
        finally:
            connection.set_tenant(before)

    def get(self, path: str, **headers: str) -> Any:
        return self.call("get", path, **headers)

    def post(self, path: str, data: Any = None, **headers: str) -> Any:
        return self.call("post", path, {} if data is None else data, **headers)

    def pages(self, path: str) -> list[dict[str, Any]]:
        """Every row of a list, page by page."""
        rows: list[dict[str, Any]] = []
        while path:
            answer = self.get(path)
            assert answer.status_code == 200, answer.content
            rows += answer.json()["results"]
            path = answer.json()["next"] or ""
        return rows


@pytest.fixture
def made(tenant):
    """A token for each role: role -> Made."""
    cache.clear()
    with in_tenant("t_other"):
        ApiToken.objects.all().delete()
    ApiToken.objects.all().delete()
    return {
        role: tokens.create(name=f"{role} program", role=role, days=30, by="anna@example.com")
        for role in Role
    }


@pytest.fixture
def program(made):
    """The accountant's program."""
    return Program(made[Role.ACCOUNTANT].token)


@pytest.fixture
def reader(made):
    return Program(made[Role.VIEWER].token)


def make_transfer(flow, number="1", /, **more):
    return Transfer.objects.create(
        **{
            "route": flow.route,
            "flow": "orders",
            "source_key": number,
            "order_key": number,
            "job_id": f"web:orders:{number}",
            "sequence_key": f"web:order:{number}",
            "number": number,
            **more,
        }
    )


def make_document(flow, transfer, **more):
    return Document.objects.create(
        **{
            "transfer": transfer,
            "erp": flow.erp,
            "kind": "sales_invoice",
            "reference": f"WEB-{transfer.number}",
            "number": f"S-{transfer.number}",
            "status": Document.Status.POSTED,
            **more,
        }
    )


def held(flow, number="1", /, **more):
    return make_transfer(
        flow,
        number,
        **{"state": State.HELD, "hold": "lookup_missing", "reason": "No row.", **more},
    )


def differing(flow, number="1", *, state=State.HELD, **more):
    """A transfer whose two sides differ by a cent."""
    difference = {"total": "0.01", "tax": "0.00"}
    comparison = {
        "rows": [{"what": "Tent", "store": "12.00", "erp": "11.99", "difference": "0.01"}],
        "total": {"what": "Total", "store": "12.00", "erp": "11.99", "difference": "0.01"},
        "tax": {"what": "Tax", "store": "2.00", "erp": "2.00", "difference": "0.00"},
        "tax_tolerance": "0.01",
    }
    row = make_transfer(
        flow,
        number,
        state=state,
        hold="totals_disagree" if state == State.HELD else "",
        reason="The totals differ.",
        comparison=comparison,
        amount="12.00",
        currency="GBP",
        **more,
    )
    return row, difference


def note(transfer, words="Something happened."):
    return audit.record(Action.HELD, words, transfer_id=transfer.pk, digests={"record": "ab" * 32})
