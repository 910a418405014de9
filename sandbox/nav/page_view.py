"""Rows as a page shows them, and bodies as the page's fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from sandbox.business_central.odata import BadRequest
from sandbox.nav import odata
from sandbox.nav.company import Company
from sandbox.nav.pages import COMPUTED, Page
from sandbox.nav.seed import Row
from sandbox.nav.values import Field, blank, convert, page_options


class View:
    """A row as a page shows it, one property at a time; what filters and orders look at."""

    def __init__(
        self,
        company: Company,
        page: Page,
        row: Row,
        header: Row | None = None,
        flow: dict[str, str] | None = None,
        *,
        escaped: bool = False,
    ) -> None:
        """``header`` of a line's document; ``flow`` are the flow filters; ``escaped`` writes option
        members as identifiers."""
        self.company, self.page, self.row = company, page, row
        self.header = row if header is None else header
        self._flow, self._escaped = flow or {}, escaped

    def get(self, name: str) -> Any:
        field = self.page.fields[name]
        compute = COMPUTED.get(field.inner)
        if compute:
            value = compute(self.company, self.row, self.header, self._flow)
        else:
            value = self.row.get(field.inner, blank(field.info))
        if field.info.type == "enum":
            options = page_options(field.inner.lstrip("@"), escaped=self._escaped)
            return options.get(str(value), str(value))
        return value


def filter_of(
    page: Page, query: Mapping[str, str]
) -> tuple[Callable[[Any], bool], dict[str, str], dict[str, str]]:
    """(test of a row, equalities, flow filters) of $filter. Raises BadRequest."""
    text = query.get("$filter", "")
    if not text:
        return (lambda view: True), {}, {}
    flow = {}
    for name in page.flow_filters:
        match = re.search(rf"\b{name} eq '((?:[^']|'')*)'", text)
        if match:
            flow[name] = match.group(1).replace("''", "'").upper()
    properties = {name: field.info for name, field in page.fields.items()}
    test, equalities = odata.predicate(text, properties)
    return test, {n: v for n, v in equalities.items() if n not in flow}, flow


def values_of(page: Page, body: dict[str, Any], *, escaped: bool) -> Row:
    """A body as inner values, in its own order. Raises BadRequest."""
    values: Row = {}
    for name, value in body.items():
        if name.startswith("@"):
            continue
        field = page.fields.get(name)
        if field is None:
            raise odata.no_property(name, f"NAV.{page.service}")
        computed = field.inner.startswith("@") and name not in page.keys
        if field.info.read_only or computed:
            raise BadRequest("BadRequest_InvalidOperation", f"Control '{name}' is read-only.")
        plain = Field(field.info, field.inner.lstrip("@"))
        values[field.inner] = convert(name, plain, value, partial(page_options, escaped=escaped))
    return values


def without_keys(values: Row) -> Row:
    """A line's values without those that only name it."""
    return {k: v for k, v in values.items() if k[0] != "@" and k != "lineNumber"}


def key_text(view: View) -> str:
    """The key of a row as it stands in an address."""
    parts = []
    for name in view.page.keys:
        value = view.get(name)
        text = str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"
        parts.append(f"{name}={text}" if len(view.page.keys) > 1 else text)
    return f"({','.join(parts)})"
