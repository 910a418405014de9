"""The API over the same books: ``api/beta`` of NAV 2018 and ``api/v1.0`` of Business Central 14."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from sandbox.business_central.odata import BadRequest
from sandbox.common.jsonio import Json
from sandbox.nav import odata, rest_metadata
from sandbox.nav.company import Company
from sandbox.nav.instance import Instance
from sandbox.nav.notices import Notices
from sandbox.nav.odata import Segment
from sandbox.nav.pages import unknown_service
from sandbox.nav.rest_call import Call
from sandbox.nav.rest_entities import entities

OPTIONS = (
    "$filter", "$select", "$top", "$skip", "$orderby", "$expand", "$count", "$skiptoken",
)  # fmt: skip


class Rest:
    """``versions`` that the server offers; ``notices`` only where subscriptions exist."""

    def __init__(
        self, instance: Instance, versions: tuple[str, ...], notices: Notices | None
    ) -> None:
        self.instance, self.notices = instance, notices
        self.sets = {version: entities(version, instance.name_length) for version in versions}

    async def answer(self, request: Request, raw_path: str) -> Response:
        version, _, rest = raw_path.partition("/")
        if version not in self.sets:
            raise unknown_service(version)
        sets = self.sets[version]
        query = odata.query_of(request, OPTIONS)
        steps = odata.segments(rest)
        if not steps:
            names = [{"name": n, "kind": "EntitySet", "url": n} for n in sets]
            return Json({"@odata.context": "$metadata", "value": names})
        if steps == [("$metadata", None)]:
            with_actions = version != "beta" or self.instance.switches.beta_post
            text = rest_metadata.document(sets, actions=with_actions)
            return Response(text, media_type="application/xml")
        if steps[0][0] == "subscriptions":
            if self.notices is None or version == "beta":
                raise unknown_service("subscriptions")
            return await self.notices.answer(request, steps[0][1])
        if steps[0][0] == "companies" and len(steps) == 1:
            return self._companies(steps[0][1])
        company = self._company(steps, query)
        if steps[0][0] == "companies":
            steps = steps[1:]
        return await Call(self.instance, request, company, version, sets, query).entity(steps)

    def _companies(self, key: odata.Key | None) -> Response:
        version = "11.0.24279.0" if self.instance.flavour == "nav2018" else "14.0.29530.0"
        found = [
            {
                "id": company.id,
                "systemVersion": version,
                "name": company.name,
                "displayName": company.name,
                "businessProfileId": "",
            }
            for company in self.instance.companies.values()
            if key is None or company.id == key[0][1].lower()
        ]
        if key is None:
            return Json({"@odata.context": "$metadata#companies", "value": found})
        if not found:
            raise _no_company(key[0][1])
        return Json(found[0])

    def _company(self, steps: list[Segment], query: dict[str, str]) -> Company:
        if steps[0][0] == "companies" and steps[0][1]:
            wanted = steps[0][1][0][1]
        else:
            wanted = query.get("company", "")
        for company in self.instance.companies.values():
            if (wanted and wanted in (company.name, company.id)) or company.id == wanted.lower():
                return company
        if not wanted and len(self.instance.companies) == 1:
            return next(iter(self.instance.companies.values()))
        raise _no_company(wanted)


def _no_company(name: str) -> BadRequest:
    return BadRequest("Internal_CompanyNotFound", f"Cannot find company '{name}'.", 404)
