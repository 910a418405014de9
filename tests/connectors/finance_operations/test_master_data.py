"""Released products and variants of F&O over HTTP: all of them, in pages, to be gone on with."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from connectors.contract import Feed
from connectors.erps.finance_operations.connector import FinanceOperations
from connectors.errors import NeedsAttention, TryLater, UnexpectedShape
from tests.connectors.finance_operations.conftest import Workshop
from tests.support import finance_operations as support
from tests.support.simulators import Simulator

ITEMS = 2_500  # more than two pages of the adapter
COMPANY = "acuk"


@pytest.fixture(scope="session")
def running_large_fo(fo_tls: SimpleNamespace) -> Iterator[Simulator]:
    simulator = support.launch(*fo_tls.flags, "--items", str(ITEMS))
    yield simulator
    simulator.stop()


@pytest.fixture
def large(running_large_fo: Simulator, fo_tls: SimpleNamespace) -> Workshop:
    running_large_fo.post("reset")
    return Workshop(running_large_fo, fo_tls.ca)


def everything(reading):
    pages = list(reading)
    assert [page.resume != "" for page in pages] == [True] * (len(pages) - 1) + [False]
    assert not any(page.marker for page in pages)
    return [row for page in pages for row in page.rows], len(pages)


def test_what_the_kind_can_do():
    assert FinanceOperations.item_feed is Feed.SWEEP
    for name in ("price", "stock", "customer"):
        assert getattr(FinanceOperations, f"{name}_feed") is Feed.NONE


def test_all_products_and_variants_page_by_page(large):
    erp = large.build()
    rows, pages = everything(erp.items())
    numbers = [row.number for row in rows]
    assert pages == 3
    assert len(numbers) == len(set(numbers)) > ITEMS
    assert {f"OUT-{n:06d}" for n in range(1, ITEMS + 1)} <= set(numbers)
    by_number = {row.number: row for row in rows}
    assert " SPARE-PEG" in by_number  # a leading blank is a part of the number
    assert by_number["MUG-450"].item_class == "Goods"
    services = [row for row in rows if not row.is_stocked]
    assert services
    assert {row.item_class for row in services} == {"Services"}
    (sock,) = [row for row in rows if row.number == "SOCK-MER-M"]
    assert sock.attributes == {"ProductMasterNumber": "SOCK-MER", "ProductSizeId": "M"}
    assert "SOCK-MER" not in numbers  # a master cannot be ordered
    assert sock.name.startswith("Merino")
    # What is read is what orders find.
    found = erp.find_items([row.number for row in rows[:40]] + ["SOCK-MER-M"])
    assert len(found) == 41
    assert large.calls.count(("GET", "ReleasedProductsV2")) <= 6


def test_another_process_goes_on_where_one_stopped(large):
    first = next(large.build().items())
    post = large.simulator.post
    post("items", number="AAA-FIRST", name="Comes before")
    post("items", number="OUT-000001", delete=True)
    post("items", number="ZZZ-LAST", name="Comes at the end")
    rest = list(large.build().items(resume=first.resume))
    numbers = [row.number for page in (first, *rest) for row in page.rows]
    assert len(numbers) == len(set(numbers))
    assert {f"OUT-{n:06d}" for n in range(2, ITEMS + 1)} <= set(numbers)
    assert "ZZZ-LAST" in numbers
    assert "AAA-FIRST" not in numbers  # the next reading has it


def test_only_the_company_that_was_chosen(large):
    post = large.simulator.post
    post("settings", default_company="dat")
    other, _ = everything(large.build(legal_entity="acie").items())
    assert other
    assert "OUT-000001" not in {row.number for row in other}
    assert everything(large.build(legal_entity="zzzz").items())[0] == []
    with pytest.raises(NeedsAttention):
        list(large.build(legal_entity="").items())


def test_a_changed_name_is_seen_by_the_next_sweep(large):
    large.simulator.post("items", number="MUG-450", name="Enamel mug, blue")
    changed = large.simulator.post("items/change", share=1, what="name")
    assert changed["changed"] == large.simulator.get("state")["items"][COMPANY] // 100
    rows, _ = everything(large.build().items())
    assert next(row.name for row in rows if row.number == "MUG-450") == "ENAMEL MUG, BLUE"
    assert sum(row.name.endswith(" ED2") for row in rows) >= changed["changed"] - 1


def test_a_server_with_smaller_pages_gives_all_variants(large):
    large.simulator.post("settings", page_size=1)
    erp = large.build()
    variants = erp._variants([{"ItemNumber": "!"}, {"ItemNumber": "~"}])
    assert [row["ProductVariantNumber"] for row in variants["sock-mer"]] == [
        "SOCK-MER-L", "SOCK-MER-M",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"action": "status", "status": 503, "times": 9}, TryLater),
        ({"action": "throttle", "times": 9}, TryLater),
        ({"action": "html", "status": 502, "times": 9}, TryLater),
        ({"action": "drop", "times": 9}, TryLater),
        ({"action": "status", "status": 200, "body": '{"value": 1}', "times": 9}, UnexpectedShape),
    ],
)
def test_a_bad_moment_in_the_middle_leaves_the_position(large, fault, error):
    erp = large.build()
    reading = erp.items()
    first = next(reading)
    large.simulator.fault(fault.pop("action"), path="ReleasedProductsV2$", **fault)
    with pytest.raises(error):
        next(reading)
    large.simulator.post("faults/clear")
    rest = [row for page in large.build().items(resume=first.resume) for row in page.rows]
    assert len(rest) > ITEMS - 1_000


def test_a_resume_that_is_none_of_ours(large):
    with pytest.raises(UnexpectedShape):
        list(large.build().items(resume="nonsense"))
