"""Every system that can be connected: a new one is one folder and one line here."""

from __future__ import annotations

from connectors.contract import Erp, Store
from connectors.erps.business_central.connector import BusinessCentral
from connectors.erps.finance_operations.connector import FinanceOperations
from connectors.erps.gp.connector import DynamicsGP
from connectors.erps.nav.connector import DynamicsNAV
from connectors.stores.adobe_commerce.connector import AdobeCommerce
from connectors.stores.bigcommerce.connector import BigCommerce

SYSTEMS: dict[str, type[Store] | type[Erp]] = {
    AdobeCommerce.kind: AdobeCommerce,
    BigCommerce.kind: BigCommerce,
    BusinessCentral.kind: BusinessCentral,
    DynamicsGP.kind: DynamicsGP,
    DynamicsNAV.kind: DynamicsNAV,
    FinanceOperations.kind: FinanceOperations,
}


def stores() -> dict[str, type[Store]]:
    return {kind: system for kind, system in SYSTEMS.items() if issubclass(system, Store)}


def erps() -> dict[str, type[Erp]]:
    return {kind: system for kind, system in SYSTEMS.items() if issubclass(system, Erp)}
