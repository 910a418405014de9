"""A company whose ERPs only its relay agents reach: they are on an address that the connector may
not dial, in processes of their own, as the agents and the relay server are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from connectors.kit import Kit
from connectors.kit.guard import AddressGuard
from connectors.setting_values import ON_SITE, sign_in_names
from tests.contract.rigs import GpRest, GpSoap, NavApi, NavPages
from tests.support.nav import KEY, NAME
from tests.support.relay import Agent, Cable, RelayServer, Target
from tests.support.rigs import CERTIFICATES, ErpRig

ADDRESS = "127.0.0.2"  # where the ERPs are
REACHED_DIRECTLY = "127.0.0.1/32"  # where stores are, and all that a connector may dial in a test


class Site:
    """A relay site in a tenant of its own, with the relay server that its agents speak to."""

    def __init__(
        self,
        schema: str,
        server: RelayServer,
        folder: Path,
        unblock: Callable[[], AbstractContextManager[None]],
        name: str = "Warehouse",
    ) -> None:
        from connectors.relay import services

        self.schema, self.server, self.name = schema, server, name
        self._folder, self._unblock = folder, unblock
        self.row = self.tell(services.create_site, name)

    def tell(self, do: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        """Call a service in the company's schema."""
        from tenants.context import in_tenant

        with self._unblock(), in_tenant(self.schema):
            return do(*arguments, **more)

    def agent(
        self, name: str, targets: Sequence[Target], *, connector: str = "", **more: Any
    ) -> Agent:
        """An enrolled agent that does not run yet."""
        from connectors.relay import services

        _, token = self.tell(services.invite, self.row, name)
        connector = connector or self.server.url
        agent = Agent(self._folder / name, connector=connector, targets=targets, **more)
        return agent.enroll(token)

    def view(self, name: str) -> Any:
        """An agent as the console shows it."""
        from connectors.relay import services

        return next(one for one in self.tell(services.agents) if one.name == name)

    def relay(self, *, on_site: bool = False) -> Any:
        from connectors.relay.adapter import SiteRelay

        return SiteRelay(self.schema, self.row.pk, on_site=on_site, name=self.name)


class Relayed(ErpRig):
    """An ERP by relay. ``site`` is where it is; ``folders`` the paths that an agent's configuration
    allows; ``on_site``: the agent's own account is used."""

    site: ClassVar[Site]
    folders: ClassVar[tuple[str, ...]]
    directly: ClassVar[tuple[str, ...]] = ()  # networks that the connector's side may dial
    on_site: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        there, here = self.simulator, "//127.0.0.1:"
        self.simulator = replace(
            there,
            api=there.api.replace(here, f"//{ADDRESS}:"),
            control=there.control.replace(here, f"//{ADDRESS}:"),
        )

    def kit(self) -> Kit:
        return replace(
            super().kit(),
            guard=AddressGuard(self.directly),
            relay=self.site.relay(on_site=self.on_site),
        )

    def reached(self) -> dict[str, Any]:
        return {"relay_site": self.site.row, "sign_in_on_site": self.on_site}

    def targets(self, sign_in: str = "connector", **more: str) -> list[Target]:
        more = {"ca_file": CERTIFICATES.ca_file, **more}
        return [
            Target(url=f"{self.simulator.api}{folder}", sign_in=sign_in, more=more)
            for folder in self.folders
        ]

    def carriers(self) -> set[str]:
        """Names of the agents that carried the recorded calls; empty text for a direct one. A call
        without an answer says nothing."""
        answered = [call for call in self.calls if call.status is not None]
        return {
            call.response_headers.get("X-Relay-Agent", "")
            for call in answered
            if not self.is_direct(call.url)
        }

    def is_direct(self, url: str) -> bool:
        return False


HOST = ("--host", ADDRESS)
GP_FOLDERS = ("/GPService", "/DynamicsGPWebServices", "/Metadata")


class GpRestByRelay(Relayed, GpRest):
    arguments = (*GpRest.arguments, *HOST)
    folders = GP_FOLDERS


class GpSoapByRelay(Relayed, GpSoap):
    arguments = (*GpSoap.arguments, *HOST)
    folders = GP_FOLDERS


class NavPagesByRelay(Relayed, NavPages):
    arguments = (*NavPages.arguments, *HOST)
    folders = ("/DynamicsNAV110",)


class NavKeyByRelay(NavPagesByRelay):
    """A NAV user with a web service access key, by Basic sign-in."""

    name = "nav-key"
    arguments = ("--credential-type", "navuserpassword", "--posting", "codeunit", *HOST)
    wrong_values = {"password": KEY[::-1], "user": "NOBODY", "company": "Acme Outdoor Ltd"}

    def values(self) -> dict[str, str]:
        return {**super().values(), "sign_in": "access_key", "user": NAME, "password": KEY}


class NavApiByRelay(Relayed, NavApi):
    """Its tokens come from Entra on the internet, which the connector dials itself; the cable
    stands for it."""

    arguments = (*NavApi.arguments, *HOST)
    folders = ("/BC",)
    directly = (REACHED_DIRECTLY,)

    def __init__(self) -> None:
        super().__init__()
        self.entra = Cable((ADDRESS, int(self.simulator.api.rpartition(":")[2])))

    def stop(self) -> None:
        self.entra.cut()
        super().stop()

    def values(self) -> dict[str, str]:
        return {**super().values(), "entra_authority": f"https://127.0.0.1:{self.entra.port}"}

    def is_direct(self, url: str) -> bool:
        return url.startswith(self.values()["entra_authority"])


BY_RELAY: tuple[type[Relayed], ...] = (
    GpRestByRelay,
    GpSoapByRelay,
    NavPagesByRelay,
    NavKeyByRelay,
    NavApiByRelay,
)


class WithAccountOnSite(Relayed):
    """Its Windows or Basic sign-in is in the agent's configuration alone."""

    on_site = True
    account: ClassVar[str]
    password: ClassVar[str]
    sign_in: ClassVar[str]

    def values(self) -> dict[str, str]:
        return {k: v for k, v in super().values().items() if k not in sign_in_names(self.kind)}

    def adapter(self, **more: str) -> Any:
        return super().adapter(**dict.fromkeys(sign_in_names(self.kind), ON_SITE), **more)

    def targets_with_account(self, folder: Path) -> list[Target]:
        """``folder`` gets the file with the password, named as this rig."""
        file = self.password_file(folder)
        file.touch(mode=0o600)
        file.write_text(self.password)
        return self.targets(self.sign_in, user=self.account, password_file=str(file))

    def password_file(self, folder: Path) -> Path:
        return folder / f"{self.name}.password"


class GpOnSite(WithAccountOnSite, GpRestByRelay):
    name = "gp-rest-account-on-site"
    account, password, sign_in = r"CONTOSO\svc-gp", "sandbox-gp-password", "windows"


class NavOnSite(WithAccountOnSite, NavPagesByRelay):
    name = "nav-pages-account-on-site"
    account, password, sign_in = r"CONTOSO\svc-connector", "Sandbox-Password-1", "windows"


class NavKeyOnSite(WithAccountOnSite, NavKeyByRelay):
    name = "nav-key-account-on-site"
    account, password, sign_in = NAME, KEY, "basic"


WITH_ACCOUNT: tuple[type[WithAccountOnSite], ...] = (GpOnSite, NavOnSite, NavKeyOnSite)
