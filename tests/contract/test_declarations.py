"""What every registered system says of itself holds, without a call being made."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import jmespath
import pytest

from connectors.contract import Booking, Erp, Role, Setting, Store, Target
from connectors.registry import SYSTEMS, erps, stores
from connectors.setting_values import check_setting
from sync import route_settings
from sync.lookups import TABLES
from tests.contract.rigs import RIGS

DOCS = Path(__file__).resolve().parents[2] / "docs" / "connectors"
KINDS = {
    "text", "url", "secret", "integer", "decimal", "time", "choice", "choices", "boolean",
    "certificate", "public_key",
}  # fmt: skip
FIELD_KINDS = {"text", "code", "date", "choice", "email", "decimal"}
LOOKS_SECRET = re.compile(r"secret|password|private|access_token(?!_)", re.IGNORECASE)
# A label that everybody understands needs no more words; these have a meaning of the vendor's.
OBVIOUS = re.compile(
    r"seconds\)|address|currency|password|user name|account|client id|refunds become|product"
    r"|interface|same time|number|begin with|domain",
    re.IGNORECASE,
)


def settings() -> list:
    return [
        pytest.param(kind, setting, id=f"{kind}-{setting.name}")
        for kind, system in SYSTEMS.items()
        for setting in system.settings
    ]


@pytest.mark.parametrize("kind", SYSTEMS)
def test_a_system_is_known_by_its_kind_and_has_a_title_a_role_and_a_rig(kind):
    system = SYSTEMS[kind]
    assert system.kind == kind
    assert re.fullmatch(r"[a-z][a-z_]{1,28}", kind)
    assert system.title
    assert system.role is (Role.STORE if issubclass(system, Store) else Role.ERP)
    assert kind in {rig.kind for rig in RIGS}
    names = [setting.name for setting in system.settings]
    assert len(names) == len(set(names))


def test_rigs_are_of_registered_systems_and_have_names_of_their_own():
    names = [rig.name for rig in RIGS]
    assert len(names) == len(set(names))
    assert {rig.kind for rig in RIGS} == set(SYSTEMS)


@pytest.mark.parametrize(("kind", "setting"), settings())
def test_a_setting_can_be_drawn_checked_and_understood(kind: str, setting: Setting):
    assert re.fullmatch(r"[a-z][a-z0-9_]*", setting.name)
    assert setting.kind in KINDS
    assert setting.label == setting.label.strip() != ""
    assert setting.label[0].isupper() or not setting.label[0].isalpha()
    re.compile(setting.pattern)
    if setting.kind in ("choice", "choices"):
        keys = [key for key, _ in setting.choices]
        assert keys
        assert len(keys) == len(set(keys))
        assert all(label for _, label in setting.choices)
    else:
        assert not setting.choices or setting.kind == "boolean"
        assert setting.help or OBVIOUS.search(setting.label), f"{setting.label} needs a help text"
    assert bool(LOOKS_SECRET.search(setting.name)) <= setting.is_secret
    if setting.is_secret:
        assert not setting.default
    if setting.default:
        assert check_setting(setting, setting.default) == ""


@pytest.mark.parametrize("kind", SYSTEMS)
def test_the_documentation_names_every_setting_and_every_lookup_table(kind):
    page = DOCS / f"{kind}.md"
    assert page.exists()
    text = " ".join(page.read_text().split()).casefold()
    system = SYSTEMS[kind]
    missing = [s.label for s in system.settings if s.label.casefold() not in text]
    assert not missing, f"{page.name} does not name {missing}"
    if issubclass(system, Erp):
        tables = {"charges"} | {
            info.lookup for fields in system.target_fields.values() for info in fields
        }
        if system.payment_bookings:
            tables.add("payment_accounts")
        titles = [TABLES[name].title for name in sorted(tables) if name]
        missing = [title for title in titles if title.casefold() not in text]
        assert not missing, f"{page.name} does not name {missing}"


def test_no_adapter_needs_django():
    """In a process of its own, where importing Django fails."""
    program = (
        "import sys\n"
        "class Refuse:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in ('django', 'rest_framework', 'celery'):\n"
        "            raise ImportError(f'{name} must not be needed')\n"
        "sys.meta_path.insert(0, Refuse())\n"
        "from connectors.registry import SYSTEMS\n"
        "print(len(SYSTEMS))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=DOCS.parents[1],
        timeout=60,
        check=False,
    )
    assert done.stdout.strip() == str(len(SYSTEMS)), done.stderr[-600:]


@pytest.mark.parametrize("kind", stores())
def test_an_orders_statuses_are_told_apart(kind):
    store = stores()[kind]
    known = set(store.statuses)
    groups = (store.payable_statuses, store.unpaid_statuses, store.dead_statuses)
    assert known
    assert all(store.statuses.values())
    assert set().union(*groups) == known, "every status is payable, not yet payable, or dead"
    assert sum(len(group) for group in groups) == len(known), "a status is in one group only"
    assert store.refunded_statuses <= known
    assert bool(store.refunded_statuses) <= store.makes_refunds
    assert all("," not in status for status in known)
    with pytest.raises(ValueError, match=r"\w+ \w+ \w+"):
        store.order_key("no order at all?")


@pytest.mark.parametrize("kind", erps())
def test_bookings_are_told_apart(kind):
    erp = erps()[kind]
    offered: list[Booking] = [
        *erp.order_bookings,
        *erp.refund_bookings,
        *erp.payment_bookings,
    ]
    names = [booking.name for booking in offered]
    assert erp.order_bookings
    assert len(names) == len(set(names))
    assert route_settings.NOTHING not in names
    assert all(booking.label and booking.waits_as for booking in offered)
    assert {b.kind.value for b in erp.order_bookings} <= {"sales_invoice", "sales_order"}
    assert {b.kind.value for b in erp.refund_bookings} <= {"credit_memo"}
    assert {b.kind.value for b in erp.payment_bookings} <= {"payment"}
    if any(booking.posts for booking in offered):
        assert erp.post_document is not Erp.post_document
    assert erp.reference_max_length >= 15
    assert isinstance(erp.computes_tax, bool)
    if erp.payment_bookings:
        assert Target.PAYMENT in erp.target_fields


@pytest.mark.parametrize("kind", erps())
def test_target_fields_are_well_made(kind):
    erp = erps()[kind]
    assert {Target.CUSTOMER, Target.INVOICE, Target.LINE} <= set(erp.target_fields)
    for target, fields in erp.target_fields.items():
        names = [info.name for info in fields]
        assert len(names) == len(set(names)), target
        for info in fields:
            where = f"{target}.{info.name}"
            assert re.fullmatch(r"[a-z][a-z0-9_]*", info.name), where
            assert info.label, where
            assert info.kind in FIELD_KINDS, where
            assert not info.lookup or info.lookup in TABLES, where
            assert not info.lookup or info.builtin, f"{where}: a lookup needs its key"
            assert bool(info.choices) == (info.kind == "choice"), where
            assert info.max_length is None or info.max_length > 0, where
            if info.builtin:
                jmespath.compile(info.builtin)


@pytest.mark.parametrize("store", stores())
@pytest.mark.parametrize("erp", erps())
def test_every_pair_has_route_settings_with_defaults_that_hold(store, erp):
    described = route_settings.describe(stores()[store], erps()[erp])
    names = [setting.name for setting in described]
    assert len(names) == len(set(names))
    values = {setting.name: setting.default for setting in described}
    cleaned, errors = route_settings.clean(values, stores()[store], erps()[erp])
    assert errors == {}
    assert set(cleaned) == set(names)
