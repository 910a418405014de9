"""Every pair of the product in Chromium: an order and its refund arrive with their documents."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from playwright.sync_api import BrowserContext, Locator, Page, expect

from config.demo.companies import COMPANIES, LUMEN, Company
from console import order_parts, wording
from console.money import written
from sync.models import Document, Transfer
from tenants.context import in_tenant
from tenants.models import Membership, User
from tenants.roles import Role
from tests.console.joined import Joined, join
from tests.console.support import PASSWORD, Product, in_chromium, sign_in
from tests.contract.rigs import RIGS
from tests.support import flow as flow_support
from tests.support.rigs import CERTIFICATES, Rig, Sold

pytestmark = in_chromium
ARRIVES = 30_000
BASKET = Sold(lines=(("TENT-2P-GRN", 1), ("SPORK-TI", 3)), shipping=Decimal("4.95"))
Join = Callable[[Company], Joined]


@pytest.fixture(scope="module")
def acme(django_db_setup: None, django_db_blocker: pytest.FixtureRequest) -> Iterator[None]:
    """The tenant Acme for all pairs, empty but for an accountant."""
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        flow_support.empty_tables()
        flow_support.forget_processes_memory()
        with in_tenant("t_acme") as tenant:
            cache.clear()
            user = User.objects.create_user("accountant@example.com", PASSWORD, name="Ann")
            Membership.objects.create(user=user, tenant=tenant, role=Role.ACCOUNTANT)
            yield
        connection.set_schema_to_public()
        flow_support.forget_processes_memory()


@pytest.fixture(scope="module")
def processes(acme: None) -> Iterator[Product]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "OUTBOUND_CA_FILE", CERTIFICATES.ca_file)
        patch.setenv("OUTBOUND_CA_FILE", CERTIFICATES.ca_file)
        running = Product()
        yield running
        running.stop()


@pytest.fixture(scope="module")
def rigs() -> Iterator[Callable[[str], Rig]]:
    """The first way to connect each kind of system, its simulator started once."""
    started: dict[str, Rig] = {}

    def get(kind: str) -> Rig:
        if kind not in started:
            started[kind] = next(rig for rig in RIGS if rig.kind == kind)()
        started[kind].reset()
        return started[kind]

    yield get
    for rig in started.values():
        rig.simulator.process.terminate()
    for rig in started.values():
        rig.stop()


@pytest.fixture
def joined(processes: Product, rigs: Callable[[str], Rig]) -> Iterator[Join]:
    made: list[Joined] = []

    def get(company: Company) -> Joined:
        store, erp = rigs(company.store.kind), rigs(company.erp.kind)
        made.append(join(company, store, erp, port=processes.port))  # type: ignore[arg-type]
        return made[-1]

    yield get
    for pair in made:
        pair.leave()


@pytest.fixture(scope="module")
def signed_in(chromium, processes: Product) -> Iterator[BrowserContext]:
    context = chromium.new_context(
        base_url=f"http://acme.localhost:{processes.port}",
        viewport={"width": 1440, "height": 900},
    )
    page = context.new_page()
    sign_in(page, "accountant")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    page.close()
    yield context
    context.close()


@pytest.fixture
def page(signed_in: BrowserContext) -> Iterator[Page]:
    page = signed_in.new_page()
    complaints: list[str] = []
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    page.close()
    assert complaints == []


def arrives(page: Page, pair: Joined, flow: str, amount: Decimal) -> Transfer:
    """Wait until the list shows the newest of a flow as posted, with its amount; then open it."""
    name = re.compile(f"^{wording.OF[flow].name} ")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name=name))
    row = row.filter(has_text=written(amount, "GBP"))
    expect(row.get_by_text("Posted", exact=True)).to_be_visible(timeout=ARRIVES)
    transfer = pair.transfers(flow)[-1]
    assert transfer.amount == amount
    row.get_by_role("link", name=wording.called(transfer), exact=True).click()
    return transfer


def shows(page: Page, pair: Joined, transfer: Transfer, paper: str) -> Document:
    """The open page tells what became of a transfer, as the ERP's own books have it."""
    document = pair.document(transfer)
    booked = pair.in_the_books(document)
    assert booked.kind == paper
    assert booked.total is None or abs(booked.total) == transfer.amount
    assert document.number
    told = page.get_by_role("region", name="Where it is")
    expect(told).to_contain_text(document.number)
    expect(told).to_contain_text(order_parts.kind_words(document).lower())
    expect(page.get_by_text(document.reference, exact=True).first).to_be_visible()
    return document


def of_the_order(page: Page, transfer: Transfer) -> Locator:
    """The line of a transfer among everything that belongs to its order."""
    table = page.get_by_role("table").filter(has=page.get_by_role("columnheader", name="Record"))
    return table.get_by_role("row").filter(has_text=wording.called(transfer))


@pytest.mark.parametrize("company", COMPANIES, ids=lambda one: f"{one.store.kind}-{one.erp.kind}")
def test_an_order_and_its_refund_arrive(page: Page, joined: Join, company: Company):
    pair = joined(company)
    placed = pair.store.place(BASKET)
    page.goto(pair.path)
    sale = arrives(page, pair, "invoices" if pair.invoiced else "orders", placed.total)
    invoice = shows(page, pair, sale, "invoice")

    back = pair.store.refund(placed, "line")
    page.goto(pair.path)
    refund = arrives(page, pair, "refunds", back)
    credit = shows(page, pair, refund, "credit")
    expect(of_the_order(page, refund)).to_contain_text(credit.number)
    line = of_the_order(page, sale)
    expect(line).to_contain_text(invoice.number)
    expect(line).to_contain_text("Posted")

    pair.erp_posts()
    page.reload()
    for transfer, document in ((sale, invoice), (refund, credit)):
        document.refresh_from_db()
        expect(of_the_order(page, transfer)).not_to_contain_text("waits in the ERP")
        expect(of_the_order(page, transfer)).to_contain_text(order_parts.numbers_of(document))
    expect(page.get_by_text("The ERP worked out")).to_have_count(0)
    money = pair.transfers("payments")
    assert [row.amount for row in money] == ([placed.total, -back] if pair.pays else [])
    for transfer in money:
        expect(of_the_order(page, transfer)).to_contain_text(pair.document(transfer).number)
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert pair.erp.ledger_difference() == 0
    assert not pair.erp.duplicates()


def test_an_order_invoiced_in_two_parts_gives_two_documents(page: Page, joined: Join):
    pair = joined(LUMEN)
    placed = pair.store.authorize(Sold(lines=(("SPORK-TI", 2), ("MAP-BEN", 1))))  # type: ignore[attr-defined]
    parts = []
    for is_part in (True, False):
        parts.append(pair.store.invoice(placed, part=is_part))
        page.goto(pair.path)
        part = arrives(page, pair, "invoices", parts[-1])
        shows(page, pair, part, "invoice")
    assert sum(parts) == placed.total
    first, second = pair.transfers("invoices")
    numbers = [pair.document(part).number for part in (first, second)]
    assert len(set(numbers)) == len(numbers)
    for part, number in zip((first, second), numbers, strict=True):
        expect(of_the_order(page, part)).to_contain_text(number)
    assert not pair.erp.duplicates()
