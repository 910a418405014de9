"""Webhook subscriptions of API v1.0; the rules are those of the later version."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox.business_central.subscriptions import Subscriptions
from sandbox.common.jsonio import Json
from sandbox.nav import odata


class Notices(Subscriptions):
    def changed(self, company_id: str, entity: str, record_id: str, change: str) -> None:
        """As the base, with this version in the address of the record."""
        before = set(self.pending)
        super().changed(company_id, entity, record_id, change)
        for key in set(self.pending) - before:
            item = self.pending[key]
            item["resource"] = item["resource"].replace("api/v2.0/", "api/v1.0/", 1)

    async def answer(self, request: Request, key: odata.Key | None) -> Response:
        """``subscriptions`` and ``subscriptions('id')``; the key is a text in quotes."""
        if key is None:
            if request.method == "GET":
                return Json({"value": [_shown(row) for row in self.rows.values()]})
            if request.method != "POST":
                raise odata.not_found("a subscription is named by its id")
            return Json(_shown(await self.create(await odata.body_of(request))), status_code=201)
        row = self.get(key[0][1])
        if request.method == "GET":
            return Json(_shown(row))
        odata.check_etag(request, odata.etag(row, "subscriptions"))
        if request.method == "DELETE":
            self.delete(key[0][1])
            return Response(status_code=204)
        return Json(_shown(await self.renew(key[0][1], await odata.body_of(request))))


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in row.items() if name[0] != "_"}
    return {"@odata.etag": odata.etag(row, "subscriptions"), **kept}
