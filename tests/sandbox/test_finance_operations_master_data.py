"""The Finance & Operations simulator with many released products: keys, pages, changes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import finance_operations as support
from tests.support.finance_operations import Client

ITEMS = 300


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    tls = support.tls(tmp_path_factory)
    simulator = support.launch(*tls.flags, "--items", str(ITEMS))
    made = Client(simulator.api, tls.ca)
    made.sim = simulator
    yield made
    simulator.stop()


def read(people: Client, collection: str = "ReleasedProductsV2", **options: str) -> dict:
    answer = people.http.get(
        f"{people.base}/data/{collection}",
        params={"cross-company": "true", **{f"${k}": v for k, v in options.items()}},
        timeout=10,
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def numbers(answer: dict) -> list[str]:
    return [row["ItemNumber"] for row in answer["value"]]


ORDER = "dataAreaId,ItemNumber"


def test_the_order_of_the_key_with_and_without_bounds(people):
    first = numbers(read(people, filter="dataAreaId eq 'acuk'", orderby=ORDER, top="50"))
    assert first[0] == " SPARE-PEG"
    assert first == sorted(first, key=str.casefold)
    text = "dataAreaId eq 'acuk' and ItemNumber gt 'OUT-000298' and ItemNumber lt 'P'"
    assert numbers(read(people, filter=text, orderby=ORDER)) == ["OUT-000299", "OUT-000300"]
    text = "dataAreaId eq 'ACUK' and ItemNumber ge 'out-000300' and ItemNumber le 'OUT-000300'"
    assert numbers(read(people, filter=text)) == ["OUT-000300"]
    descending = read(people, filter="dataAreaId eq 'acuk'", orderby="ItemNumber desc", top="3")
    assert numbers(descending) == sorted(numbers(descending), key=str.casefold, reverse=True)


def test_the_count_is_of_all_rows_and_pages_lead_on(people):
    company = "dataAreaId eq 'acuk'"
    counted = read(people, filter=company, orderby=ORDER, top="10", count="true")
    assert counted["@odata.count"] == people.sim.get("state")["items"]["acuk"] > ITEMS
    people.sim.post("settings", page_size=100)
    found, link = [], ""
    answer = read(people, filter=company, orderby=ORDER)
    while True:
        found += numbers(answer)
        link = answer.get("@odata.nextLink", "")
        if not link:
            break
        answer = people.http.get(link, timeout=10).json()
    people.sim.post("settings", page_size=10_000)
    assert len(found) == len(set(found)) == counted["@odata.count"]


def test_products_change_one_by_one_and_many_at_once(people):
    people.sim.post("items", number="MUG-450", name="Enamel mug, blue", price="9.50", stock=12)
    one = "dataAreaId eq 'acuk' and ItemNumber eq 'MUG-450'"
    (mug,) = read(people, filter=one)["value"]
    assert (mug["ProductSearchName"], mug["SalesPrice"]) == ("ENAMEL MUG, BLUE", 9.5)
    (held,) = read(people, "WarehousesOnHandV2", filter=one)["value"]
    assert (held["OnHandQuantity"], held["AvailableOnHandQuantity"]) == (12, 12)
    made = people.sim.post("items/change", count=30, what="price,stock")
    assert made["changed"] == 30
    answer = people.sim.post("items", number="NEW-ONE", name="New")
    assert answer is not None
    text = "dataAreaId eq 'acuk' and ItemNumber gt 'NEW-' and ItemNumber lt 'NEW-Z'"
    assert numbers(read(people, filter=text)) == ["NEW-ONE"]
    people.sim.post("items", number="NEW-ONE", delete=True)
    assert numbers(read(people, filter=text)) == []
