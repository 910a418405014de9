"""The rigs of every kind of system, one for each way to connect it."""

from __future__ import annotations

from tests.contract.rigs.adobe_commerce import CommercePaas, CommerceSaas
from tests.contract.rigs.bigcommerce import BigCommerceRig
from tests.contract.rigs.business_central import BusinessCentralRig
from tests.contract.rigs.finance_operations import FinanceOperationsRig
from tests.contract.rigs.gp import GpRest, GpSoap
from tests.contract.rigs.nav import NavApi, NavPages
from tests.support.rigs import ErpRig, Rig, StoreRig

RIGS: tuple[type[Rig], ...] = (
    BigCommerceRig,
    CommercePaas,
    CommerceSaas,
    BusinessCentralRig,
    GpRest,
    GpSoap,
    FinanceOperationsRig,
    NavPages,
    NavApi,
)
STORES = [rig for rig in RIGS if issubclass(rig, StoreRig)]
ERPS = [rig for rig in RIGS if issubclass(rig, ErpRig)]


def pairs() -> list[tuple[type[StoreRig], type[ErpRig]]]:
    """Every kind of store with every rig of an ERP; a store's editions take turns, since they
    differ in their sign-in alone."""
    kinds: dict[str, list[type[StoreRig]]] = {}
    for rig in STORES:
        kinds.setdefault(rig.kind, []).append(rig)
    return [
        (editions[turn % len(editions)], erp)
        for editions in kinds.values()
        for turn, erp in enumerate(ERPS)
    ]


def covering() -> list[tuple[type[StoreRig], type[ErpRig]]]:
    """As few pairs as have every rig in one of them."""
    count = max(len(STORES), len(ERPS))
    return [(STORES[n % len(STORES)], ERPS[n % len(ERPS)]) for n in range(count)]
