"""A worker's call by way of a relay agent, made in a thread so that the test can be the agent."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import Any

import requests


def relay_of(site: Any, **more: Any) -> Any:
    from connectors.relay.adapter import SiteRelay

    return SiteRelay("t_acme", site.pk, **{"on_site": False, "name": site.name, **more})


class Call:
    """``result`` is the response, its content read, or the error that was raised."""

    def __init__(
        self,
        site: Any,
        method: str = "POST",
        *,
        body: bytes = b"order",
        headers: dict[str, str] | None = None,
        begin_in: float | None = None,
        windows: Any = None,
        authority: str = "",
        on_site: bool = False,
        read: bool = True,
    ) -> None:
        self.session = requests.Session()
        self.session.trust_env = False
        adapter = relay_of(site, on_site=on_site).adapter(authority=authority, windows=windows)
        self.session.mount("https://", adapter)
        url = "https://gp.local/GPService/SalesInvoices?customer=x"
        self.request = self.session.prepare_request(
            requests.Request(method, url, data=body, headers=headers)
        )
        self.begin_by = None if begin_in is None else time.monotonic() + begin_in
        self.read = read
        self._result: Any = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        from connectors.errors import ConnectorError

        try:
            response = self.session.send(
                self.request,
                timeout=(2, 5),
                stream=True,
                allow_redirects=False,
                begin_by=self.begin_by,
            )
            if self.read:
                with response:
                    assert response.content is not None
            self._result = response
        except (ConnectorError, requests.RequestException) as error:
            self._result = error

    def result(self, within: float = 5) -> Any:
        self._thread.join(within)
        assert not self._thread.is_alive(), "nobody answered"
        return self._result


def entries(action: str) -> list[str]:
    from audit.models import Entry

    return list(Entry.objects.filter(action=action).order_by("id").values_list("words", flat=True))


def later(function, *arguments, **more):
    """Run in a thread; the function that waits for what it returned."""
    found = []

    def run() -> None:
        with suppress(requests.RequestException):
            found.append(function(*arguments, **more))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def result(within: float = 10):
        thread.join(within)
        assert found, "no answer in time"
        return found[0]

    return result
