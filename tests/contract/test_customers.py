"""Customers of two systems: NAV's and BigCommerce's in agreement, by both of NAV's interfaces, and
GP's in Adobe Commerce."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.contract.conftest import Running, ready
from tests.contract.rigs.adobe_commerce import CommercePaas
from tests.contract.rigs.bigcommerce import BigCommerceRig
from tests.contract.rigs.gp import GpRest
from tests.contract.rigs.nav import NavApi, NavPages
from tests.support.rigs import CERTIFICATES, ErpRig, StoreRig

EMAIL = "ada@harbour.example"
PLACE = {"city": "Hull", "postal_code": "HU1 1AA", "country_code": "GB"}


@dataclass
class Joined:
    """A route that keeps customers in agreement, and Ada, whom both sides have alike."""

    store: StoreRig
    erp: ErpRig
    ends: tuple[Any, Any]
    route: Any
    number: str = ""

    def run(self) -> None:
        from sync.models import Flow, FlowSchedule
        from sync.pipelines import flows

        row = FlowSchedule.objects.get(route=self.route, flow=Flow.CUSTOMERS)
        for _ in range(20):
            flows.run(row.pk)
            row.refresh_from_db()
            if not row.is_running:
                return
        raise AssertionError(row.words)

    @property
    def shopper(self) -> dict[str, Any]:
        (row,) = self.store.simulator.get(f"customers?email={EMAIL}")
        return dict(row)

    @property
    def card(self) -> Any:
        from connectors import services

        return services.open_erp(self.ends[1]).find_party(self.number)

    def change_shopper(self, **what: Any) -> None:
        self.store.simulator.post("customers", email=EMAIL, **what)

    def change_card(self, **what: Any) -> None:
        self.erp.simulator.post("customers", number=self.number, **what)

    def writes(self) -> int:
        from audit.models import Entry

        return Entry.objects.filter(action="customer_agreed").count()


Join = Callable[..., Joined]


@pytest.fixture
def join(tenant: object, running: Running, settings: Any) -> Join:
    from connectors import services
    from sync import route_settings, schedules

    settings.OUTBOUND_CA_FILE = CERTIFICATES.ca_file

    def make(store_rig: type[StoreRig], erp_rig: type[ErpRig], **chosen: str) -> Joined:
        store, erp = ready(running(store_rig)), ready(running(erp_rig))
        ends = tuple(
            services.create_connection(
                kind=rig.kind, name=f"Acme {slug}", slug=slug, values=rig.values()
            )
            for rig, slug in ((store, "shop"), (erp, "ledger"))
        )
        route = route_settings.create_route(
            name="Web",
            slug="web",
            store=ends[0],
            erp=ends[1],
            prefix=erp.prefix,
            settings={
                "time_zone": "Europe/London",
                **store.route_settings,
                **erp.route_settings,
                **chosen,
            },
        )
        schedules.ensure(route)
        return Joined(store, erp, ends, route)

    return make


@pytest.fixture(params=[NavPages, NavApi], ids=lambda rig: rig.name)
def joined(request: pytest.FixtureRequest, join: Join) -> Joined:
    made = join(BigCommerceRig, request.param, customers_flow="both")
    made.number = made.erp.simulator.post(
        "customers",
        displayName="Ada Byron",
        email=EMAIL,
        phoneNumber="01482 1",
        addressLine1="1 Quay",
        city="Hull",
        postalCode="HU1 1AA",
        country="GB",
        paymentTermsCode="COD",
    )["number"]
    person = {"first_name": "Ada", "last_name": "Byron"}
    made.change_shopper(
        **person, phone="01482 1", address={**person, "address1": "1 Quay", **PLACE}
    )
    made.change_shopper(add_address={**person, "address1": "2 Lane", **PLACE})
    made.run()
    return made


def terms(joined: Joined) -> list[str]:
    return [row["attribute_value"] for row in joined.shopper["attributes"]]


def test_name_email_address_and_terms_travel_and_echoes_end(joined: Joined):
    assert terms(joined) == ["COD"]
    joined.change_card(
        displayName="Ada Lovelace", addressLine1="9 Quay", paymentTermsCode="14 DAYS"
    )
    joined.run()
    shopper = joined.shopper
    assert (shopper["first_name"], shopper["last_name"]) == ("Ada", "Lovelace")
    assert terms(joined) == ["14 DAYS"]
    # The shopper's own addresses are still there, and the corrected one does not stand twice.
    assert [row["address1"] for row in shopper["addresses"]] == ["9 Quay", "2 Lane"]
    before = joined.writes()
    joined.run()
    joined.run()
    assert joined.writes() == before
    joined.change_shopper(phone="0207 946 0000", address={"address1": "5 Moor"})
    joined.run()
    assert (joined.card.phone, joined.card.addresses[0].street_1) == ("0207 946 0000", "5 Moor")
    before = joined.writes()
    joined.run()
    joined.run()
    assert joined.writes() == before
    assert [row["address1"] for row in joined.shopper["addresses"]] == ["5 Moor", "2 Lane"]


def test_terms_that_the_erp_empties_stay_in_the_store_and_move_nothing(joined: Joined):
    joined.change_card(paymentTermsCode="")
    joined.run()
    before = joined.writes()
    joined.run()
    assert joined.writes() == before
    assert terms(joined) == ["COD"]


def test_two_different_changes_wait_for_a_person_who_chooses_a_side(joined: Joined):
    from sync import actions
    from sync.models import Flow, Transfer
    from sync.pipelines import work

    joined.change_card(addressLine1="9 Quay")
    joined.change_shopper(address={"address1": "5 Moor"})
    joined.run()
    held = Transfer.objects.get(flow=Flow.CUSTOMERS)
    assert held.hold == "customer_conflict"
    assert actions.choose_side(held.pk, side="store", shown=held.record["value"])
    work.work(held.pk)
    held.refresh_from_db()
    assert held.state == "posted", held.reason
    assert joined.card.addresses[0].street_1 == "5 Moor"
    assert [row["address1"] for row in joined.shopper["addresses"]] == ["5 Moor", "2 Lane"]


def test_customers_of_gp_are_made_in_commerce_changed_and_left_alone_when_inactive(join: Join):
    from connectors import services
    from sync.models import PartyPair, Transfer

    joined = join(CommercePaas, GpRest, customers_flow="to_store", customers_create="yes")
    joined.run()
    told = [(row.reason, row.vendor_words) for row in Transfer.objects.all()]
    pair = PartyPair.objects.first()
    assert pair is not None, told
    store = services.open_store(joined.ends[0])
    change = joined.erp.simulator.post
    change("customers", id=pair.erp_number, fields={"Name": "Harbour Trading"})
    joined.run()
    shopper = store.fetch_party(pair.store_record_id)
    assert (shopper.company or shopper.name) == "Harbour Trading"
    before = joined.writes()
    joined.run()
    assert joined.writes() == before
    change("customers", id=pair.erp_number, inactive=True, fields={"Name": "Not this"})
    joined.run()
    assert joined.writes() == before
