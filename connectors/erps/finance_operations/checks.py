"""What a ping of Finance & Operations proves: sign-in, environment, legal entity, entities, rights,
and the codes in the connection's settings."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from connectors.contract import Check, Ping, Verdict
from connectors.erps.finance_operations.client import (
    INVOICES,
    ORDER_HEADERS,
    ORDER_LINES,
    Client,
    equal,
)
from connectors.erps.finance_operations.dimensions import joined, mark_of
from connectors.erps.finance_operations.settings import Choices
from connectors.errors import ConnectorError, NeedsAttention, OutcomeUnknown, Rejected, TryLater
from connectors.kit import odata

READS = (
    ("CustomersV3", "CustomerAccount", "Read customers"),
    ("ReleasedProductsV2", "ItemNumber", "Read products"),
    ("ReleasedProductVariantsV2", "ProductVariantNumber", "Read product variants"),
    ("FreeTextInvoiceHeaders", "InvoiceIdentifier", "Read free text invoices"),
)


def run(client: Client, choices: Choices, dimension_names: Sequence[str]) -> Ping:
    """Each of the first steps is only tried when the one before it worked."""
    checks: list[Check] = []
    try:
        client.tokens.prove()
    except ConnectorError as error:
        return Ping(checks=(_failed("Sign in to Microsoft Entra", error),))
    checks.append(_ok("Sign in to Microsoft Entra", "Client ID and secret are accepted."))
    try:
        offered = client.collections(fresh=True)
        rows = client.find(
            "LegalEntities",
            select=("LegalEntityId", "Name"),
            shared=True,
            purpose="list legal entities",
        )
    except ConnectorError as error:
        return Ping(checks=(*checks, _failed("Environment", error)))
    names = {
        str(row.get("LegalEntityId", "")).lower(): str(row.get("Name") or row["LegalEntityId"])
        for row in rows
        if row.get("LegalEntityId")
    }
    checks.append(
        _ok(
            "Environment",
            f"Reached; {len(names)} legal entit{'y' if len(names) == 1 else 'ies'}.",
        )
    )
    choices_offered = {
        "legal_entity": tuple(
            (key, f"{name} ({key})") for key, name in sorted(names.items(), key=lambda p: p[1])
        )
    }
    if client.company_id not in names:
        chosen = bool(client.company_id)
        checks.append(
            Check(
                name="Legal entity",
                verdict=Verdict.FAILED,
                words="The chosen legal entity is not in this environment."
                if chosen
                else "No legal entity is chosen yet.",
                advice="Choose the legal entity in the settings: "
                + ", ".join(f"{name} ({key})" for key, name in names.items())
                + ".",
                whose_move="you",
                code="company_missing",
            )
        )
        return Ping(checks=tuple(checks), choices=choices_offered)
    checks.append(_ok("Legal entity", f"“{names[client.company_id]}” is there."))
    checks.append(_entities(client, offered))
    checks += _reads(client)
    checks.append(_write(client))
    checks += _codes(client, choices)
    facts = {"Legal entity": names[client.company_id]}
    checks.append(_dimensions(client, dimension_names, facts))
    checks.append(
        Check(
            name="Posting",
            verdict=Verdict.SKIPPED,
            words="Cannot be asked: documents wait for the environment's own batch jobs.",
        )
    )
    with contextlib.suppress(ConnectorError):
        facts["Sales order entity"] = client.order_headers
    return Ping(checks=tuple(checks), facts=facts, choices=choices_offered)


def _entities(client: Client, offered: frozenset[str]) -> Check:
    """The versions that the environment's application version has."""
    name = "Data entities"
    try:
        headers = client.order_headers
    except ConnectorError as error:
        return _failed(name, error)
    missing = [
        words
        for words, options in (
            (headers, (headers,)),
            ("SalesOrderLinesV3", ORDER_LINES),
            ("SalesInvoiceHeadersV4", INVOICES),
            *((entity, (entity,)) for entity, _, _ in READS),
        )
        if not offered & set(options)
    ]
    if not missing:
        return _ok(name, f"Orders go through {headers}.")
    there = ", ".join(entity for entity in ORDER_HEADERS if entity in offered) or "none"
    return Check(
        name=name,
        verdict=Verdict.FAILED,
        words=f"The environment does not offer {', '.join(missing)}. Of the order entities it "
        f"has: {there}.",
        advice="Choose another sales order entity in the settings; if others are missing, ask the "
        "environment's administrator to refresh its data entities.",
        whose_move="you",
        code="settings",
    )


def _reads(client: Client) -> Iterator[Check]:
    steps = [*READS]
    with contextlib.suppress(ConnectorError):
        steps.append((client.order_headers, "SalesOrderNumber", "Read sales orders"))
    for entity, field, name in steps:
        try:
            client.find(entity, select=(field,), top=1, purpose=f"ping: {name.lower()}")
        except ConnectorError as error:
            yield _failed(name, error)
        else:
            yield _ok(name, "Allowed.")


def _write(client: Client) -> Check:
    """A customer without group and currency is refused for its content, which only happens to
    somebody who may create customers: so the right is proved and nothing is left behind."""
    name = "Write customers and documents"
    try:
        made = client.create("CustomersV3", {"CustomerGroupId": ""}, purpose="ping: right to write")
    except NeedsAttention as error:
        if error.code in ("settings",):  # its words are about a field: so writing is allowed
            return _ok(name, "Allowed, as far as can be seen.")
        return _failed(name, error)
    except Rejected:
        return _ok(name, "Allowed, as far as can be seen.")
    except ConnectorError as error:
        return _failed(name, error)
    return Check(
        name=name,
        verdict=Verdict.WARNING,
        words="Finance & Operations accepted a customer without a name.",
        advice=f"Delete the customer {made.get('CustomerAccount', '')} without a name.",
        whose_move="you",
    )


def _codes(client: Client, choices: Choices) -> Iterator[Check]:
    """The codes in the settings must be set up in this legal entity. Journal names, return reasons
    and disposition codes have no data entity that could be asked."""
    wanted: tuple[tuple[str, str, str, str], ...] = (
        ("Customer group", "CustomerGroups", "CustomerGroupId", choices.customer_group),
        ("Warehouse", "Warehouses", "WarehouseId", choices.warehouse),
    )
    for name, entity, field, value in wanted:
        if not value:
            yield Check(
                name=name,
                verdict=Verdict.WARNING,
                words="None is chosen in the settings.",
                advice="Choose one, unless a lookup table names one for every case.",
                whose_move="you",
                code="settings",
            )
            continue
        yield _is_there(client, name, entity, field, value)


def _is_there(client: Client, name: str, entity: str, field: str, value: str) -> Check:
    try:
        rows = client.find(
            entity,
            f"{field} eq {odata.literal(value)}",
            select=(field,),
            purpose=f"ping: {name.lower()}",
        )
    except ConnectorError as error:
        return _failed(name, error)
    if any(equal(row, field, value) for row in rows):
        return _ok(name, f"“{value}” is there.")
    return Check(
        name=name,
        verdict=Verdict.FAILED,
        words=f"“{value}” is not in this legal entity.",
        advice=f"Correct it in the settings, or add it in Finance & Operations ({entity}).",
        whose_move="you",
        code="settings",
    )


def _dimensions(client: Client, names: Sequence[str], facts: dict[str, str]) -> Check:
    """The environment formats sample values itself; it leaves out what is not in its active
    format, and puts them in the format's order: so ours must come to the same."""
    name = "Financial dimensions"
    try:
        rows = client.find(
            "DimensionParameters",
            select=("DimensionSegmentDelimiter",),
            shared=True,
            purpose="read the delimiter of display values",
        )
        mark = mark_of(str(rows[0].get("DimensionSegmentDelimiter", "")) if rows else "")
        facts["Delimiter of dimensions"] = mark
        if not names:
            return Check(
                name=name,
                verdict=Verdict.SKIPPED,
                words="None are named in the settings, so none are sent.",
            )
        sample = [f"v{number}" for number in range(1, len(names) + 1)]
        reply = client.action(
            "DimensionSets",
            "getSetDisplayValue",
            {"_attributeNames": list(names), "_attributeValues": sample},
            purpose="ping: the order of financial dimensions",
        )
    except ConnectorError as error:
        return _failed(name, error)
    theirs, ours = str(reply.get("value", "")), joined(sample, mark)
    if theirs.removesuffix(mark * _blank_at_end(theirs, mark)) == ours:
        return _ok(name, f"{', '.join(names)}, as in the active format.")
    return Check(
        name=name,
        verdict=Verdict.FAILED,
        words=f"The order in the settings is not that of the active default dimension format: ours "
        f"comes to “{ours}”, theirs to “{theirs}”.",
        advice="Copy the segments from General ledger, Chart of accounts, Dimensions, Financial "
        "dimension configuration for integrating applications.",
        whose_move="you",
        code="settings",
    )


def _blank_at_end(text: str, mark: str) -> int:
    count = 0
    while text.endswith(mark):
        text = text.removesuffix(mark)
        count += 1
    return count


def _ok(name: str, words: str) -> Check:
    return Check(name=name, verdict=Verdict.OK, words=words)


def _failed(name: str, error: ConnectorError) -> Check:
    attention = isinstance(error, NeedsAttention)
    passing = isinstance(error, TryLater | OutcomeUnknown)
    return Check(
        name=name,
        verdict=Verdict.FAILED,
        words=f"{error.reason} {error.vendor_words}".strip(),
        advice=error.advice
        if attention
        else "Check the address; if it is right, Finance & Operations or the network is down.",
        whose_move="you" if attention else "vendor",
        code=error.code or ("network" if passing else ""),
    )
