"""What a ping of a BigCommerce store proves, each finding in its own words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from connectors.contract import Check, Ping, Verdict
from connectors.errors import ConnectorError, NeedsAttention, TryLater, UnexpectedShape
from connectors.kit.reader import Reader
from connectors.stores.bigcommerce.client import Client

CLOCK_WARNING = 60  # seconds; the signature window is five minutes
# The scope decides before the record is looked up, so an order that is not there proves it too.
# Only an order's own transactions ask for their scope: refunds may be read with that of orders.
PROBES: tuple[tuple[str, str, dict[str, str], str], ...] = (
    ("Read orders", "/v2/orders", {"limit": "1"}, "Orders: read-only"),
    ("Read payments", "/v3/orders/1/transactions", {}, "Transactions: read-only"),
    ("Read customers", "/v3/customers", {"limit": "1"}, "Customers: read-only"),
    ("Read products", "/v3/catalog/variants", {"limit": "1"}, "Products: read-only"),
    ("Read webhooks", "/v3/hooks", {"limit": "1"}, "any of the above"),
)


def run(client: Client) -> Ping:
    """Ask the store who it is, what we may read, and what time it has."""
    try:
        reply = client.get("/v2/store", "ping: store information")
        store = Reader(reply.json(), "store")
    except ConnectorError as error:
        return Ping(checks=(_failed("Sign in to the store", _explained(error)),))
    facts = {
        "Store": store.text("name", ""),
        "Domain": store.text("domain", ""),
        "Currency": store.text("currency", ""),
        "Plan": store.text("plan_name", ""),
        "Prices entered with tax": "yes" if store.flag("is_price_entered_with_tax") else "no",
    }
    zone = store.object("timezone")
    if zone is not None:
        facts["Time zone"] = zone.text("name", "")
    signed_in = Check(
        name="Sign in to the store",
        verdict=Verdict.OK,
        words=f"The access token opens “{facts['Store']}”.",
    )
    checks = (
        signed_in,
        *_scopes(client),
        _inventory(client),
        _clock(reply.headers.get("date", "")),
    )
    return Ping(checks=checks, facts={name: value for name, value in facts.items() if value})


def _scopes(client: Client) -> Iterator[Check]:
    for name, path, params, scope in PROBES:
        try:
            client.get(path, f"ping: {name.lower()}", **params)
        except NeedsAttention as error:
            if error.code != "missing_permission":
                yield _failed(name, error)
                continue
            yield Check(
                name=name,
                verdict=Verdict.FAILED,
                words=f"The API account lacks the scope “{scope}”.",
                advice="Add the scope to the API account in the store's control panel, or make a "
                "new account with it and save its token here.",
                whose_move="you",
                code="missing_permission",
            )
        except ConnectorError as error:
            if error.code != "not_found":
                yield _failed(name, error)
                continue
            yield Check(name=name, verdict=Verdict.OK, words=f"Allowed ({scope}).")
        else:
            yield Check(name=name, verdict=Verdict.OK, words=f"Allowed ({scope}).")


def _inventory(client: Client) -> Check:
    """Only stock needs it. Whether we may write cannot be proved without writing."""
    name = "Read inventory"
    try:
        client.get("/v3/inventory/items", "ping: read inventory", limit="1")
    except NeedsAttention as error:
        if error.code != "missing_permission":
            return _failed(name, error)
        return Check(
            name=name,
            verdict=Verdict.SKIPPED,
            words="The API account lacks the scope “Store inventory”. Only routes that write stock "
            "into the store need it (modify).",
        )
    except ConnectorError as error:
        return _failed(name, error)
    return Check(name=name, verdict=Verdict.OK, words="Allowed (Store inventory).")


def _clock(date_header: str) -> Check:
    try:
        theirs = parsedate_to_datetime(date_header)
    except (TypeError, ValueError):
        return Check(name="Clock", verdict=Verdict.SKIPPED, words="The store sent no time.")
    seconds = abs((datetime.now(UTC) - theirs).total_seconds())
    if seconds <= CLOCK_WARNING:
        return Check(
            name="Clock", verdict=Verdict.OK, words=f"Our clocks agree within {seconds:.0f} s."
        )
    return Check(
        name="Clock",
        verdict=Verdict.WARNING,
        words=f"The store's clock and ours differ by {seconds:.0f} seconds.",
        advice="Webhooks older than the replay window are refused: the operator should set this "
        "server's clock by NTP.",
        whose_move="us",
        code="clock",
    )


def _explained(error: ConnectorError) -> ConnectorError:
    """The first call's refusals, where they tell of a setting and not of a record."""
    if error.code == "not_found":
        return NeedsAttention(
            error.detail,
            reason="BigCommerce knows no store with this store hash.",
            advice="Copy the store hash from the API path of the API account, after /stores/.",
            vendor_words=error.vendor_words,
            code="settings",
        )
    if error.code == "missing_permission":
        return NeedsAttention(
            error.detail,
            reason="The API account lacks the scope “Information & settings: read-only”.",
            advice="Add the scope to the API account in the store's control panel, or make a new "
            "account with it and save its token here.",
            code="missing_permission",
        )
    if isinstance(error, UnexpectedShape):
        return NeedsAttention(
            error.detail,
            reason="The address does not answer as BigCommerce does.",
            advice="Check the API address in the connection's settings.",
            code="settings",
        )
    return error


def _failed(name: str, error: ConnectorError) -> Check:
    code = error.code or ("network" if isinstance(error, TryLater) else "")
    return Check(
        name=name,
        verdict=Verdict.FAILED,
        words=f"{error.reason} {error.vendor_words}".strip(),
        advice=error.advice
        if isinstance(error, NeedsAttention)
        else "Check the address; if it is right, the store or the network between us is down.",
        whose_move="you" if isinstance(error, NeedsAttention) else "vendor",
        code=code,
    )
