"""Whether the published page services show what orders and refunds need."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.contract import Check, Verdict
from connectors.erps.nav.checks import failed
from connectors.erps.nav.metadata import Service
from connectors.erps.nav.page_documents import SOURCES
from connectors.erps.nav.published import DEFAULT_MARK, Published
from connectors.erps.nav.settings import SERVICES
from connectors.errors import ConnectorError

_LINE = ("Line_No", "Type", "No", "Quantity", "Unit_Price", "Line_Discount_Amount", "Description")
_DRAFT = ("No", "Sell_to_Customer_No", "External_Document_No", "Posting_Date", "Document_Date")
_POSTED = ("No", "Sell_to_Customer_No", "External_Document_No")
NEEDED = {
    "customer": ("No", "Name", "E_Mail"),
    "item": ("No", "Description"),
    **dict.fromkeys(("order", "invoice", "credit_memo"), _DRAFT),
    "posted_invoice": (*_POSTED, "Pre_Assigned_No", "Order_No"),
    "posted_credit_memo": (*_POSTED, "Pre_Assigned_No"),
}
REFERENCE_LENGTH = 35
READS = (
    ("customer", "Read customers"),
    ("item", "Read items"),
    ("invoice", "Read sales invoices"),
    ("posted_invoice", "Read posted sales invoices"),
)


def services(published: Published) -> Iterator[Check]:
    """One check of all services, then one for each read. Stops at what makes the rest useless."""
    try:
        offered = published.services()
    except ConnectorError as error:
        yield failed("Page services", error)
        return
    problems = [problem for name in SERVICES for problem in _problems(published, name, offered)]
    if problems:
        yield Check(
            name="Page services",
            verdict=Verdict.FAILED,
            words=" ".join(problems),
            advice="Publish the pages in NAV under Web Services and have the fields placed on "
            "them, or correct the service names in the connection's settings.",
            whose_move="you",
            code="settings",
        )
        return
    yield Check(
        name="Page services",
        verdict=Verdict.OK,
        words=f"All {len(SERVICES)} are published and show what is needed.",
    )
    yield from _lengths(published)
    yield from _mark(published)
    for name, label in READS:
        try:
            published.rows(name, top="1", select="No", purpose=f"ping: {label.lower()}")
        except ConnectorError as error:
            yield failed(label, error)
        else:
            yield Check(name=label, verdict=Verdict.OK, words="Allowed.")


def _problems(published: Published, name: str, offered: dict[str, Service]) -> list[str]:
    label, _, page = SERVICES[name]
    service = offered.get(published.values.get(f"service_{name}", ""))
    if service is None:
        return [
            f"“{published.values.get(f'service_{name}', '')}” is not published ({label}, page {page})."
        ]
    absent = [field for field in NEEDED[name] if field not in service]
    found = [f"“{service.name}” does not show {', '.join(absent)}."] if absent else []
    if name in ("order", "invoice", "credit_memo"):
        lines = offered.get(service.part)
        if lines is None:
            return [*found, f"“{service.name}” shows no lines: publish the card page {page}."]
        absent = [field for field in _LINE if field not in lines]
        if absent:
            found.append(f"The lines of “{service.name}” do not show {', '.join(absent)}.")
    return found


def _lengths(published: Published) -> Iterator[Check]:
    """Older versions keep 20 characters of an external document number, later ones 35."""
    short = {
        service.name: length
        for source in SOURCES.values()
        if (service := published.service(source.draft))
        and (length := service.length("External_Document_No") or REFERENCE_LENGTH)
        < REFERENCE_LENGTH
    }
    if short:
        least = min(short.values())
        yield Check(
            name="Length of our reference",
            verdict=Verdict.OK,
            words=f"The external document number takes {least} characters: the route's prefix and "
            "the order number together must not be longer.",
        )


def _mark(published: Published) -> Iterator[Check]:
    field = published.values.get("verify_field") or DEFAULT_MARK
    name = "Mark of new customers"
    customer = published.service("customer")
    if field == "-":
        yield Check(name=name, verdict=Verdict.SKIPPED, words="New customers are not marked.")
    elif field in customer:
        yield Check(name=name, verdict=Verdict.OK, words=f"In the field {field}.")
    else:
        yield Check(
            name=name,
            verdict=Verdict.FAILED,
            words=f"“{customer.name}” does not show the field {field}.",
            advice="Name another field of the customer page in the settings, or a hyphen.",
            whose_move="you",
            code="settings",
        )
